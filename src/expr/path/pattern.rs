//! Regular expressions: those of `=~`, and I-Regexp (RFC 9485) for `match` and `search`.

use regex::{Regex, RegexBuilder};

use super::filter::Operand;
use crate::{
    expr::{Scope, eval::Failure},
    message::Value,
};

/// Memory that one compiled pattern may take, in bytes: a few hundred times a usual one.
const PATTERN_SIZE_MAX: usize = 256 * 1024;

/// Steps that compiling a pattern costs which stands in the message: it takes as long as several
/// thousand usual steps, so a message must not bring many.
const COMPILE_STEPS: u64 = 4_000;

/// Characters of a pattern that stands in the message.
const DYNAMIC_PATTERN_MAX: usize = 1_000;

/// Compiles a pattern of the `regex` crate, within a size.
pub(in crate::expr) fn limited_regex(pattern: &str) -> Result<Regex, regex::Error> {
    RegexBuilder::new(pattern).size_limit(PATTERN_SIZE_MAX).dfa_size_limit(PATTERN_SIZE_MAX).build()
}

/// Steps that one search through `text` costs.
pub(in crate::expr) fn search_steps(text: &str) -> u64 {
    1 + text.len() as u64 / 16
}

/// The second argument of `match` and `search`.
#[derive(Debug)]
pub(super) enum Pattern {
    Fixed(Regex),
    /// Stands in the message; `true` where all of the text must match.
    Dynamic(Box<Operand>, bool),
    /// A literal that is no text: matches nothing.
    Never,
}

impl Pattern {
    /// Whether `text` matches. A pattern in the message that does not compile matches nothing.
    pub(super) fn matches<'v>(
        &'v self,
        scope: &Scope<'v>,
        item: Value<'v>,
        text: &str,
    ) -> Result<bool, Failure> {
        scope.take(search_steps(text))?;
        match self {
            Self::Never => Ok(false),
            Self::Fixed(regex) => Ok(regex.is_match(text)),
            Self::Dynamic(operand, whole) => {
                let Some(Value::Text(pattern)) = operand.value(scope, item)? else {
                    return Ok(false);
                };
                scope.take(COMPILE_STEPS)?;
                let short = pattern.len() <= DYNAMIC_PATTERN_MAX;
                let regex = short.then(|| compile(pattern, *whole).ok()).flatten();
                Ok(regex.is_some_and(|it| it.is_match(text)))
            }
        }
    }
}

/// Compiles an I-Regexp; `whole` where all of the text must match.
pub(super) fn compile(pattern: &str, whole: bool) -> Result<Regex, regex::Error> {
    let translated = translate(pattern);
    let part = limited_regex(&translated)?;
    // Only a pattern that is one by itself may be wrapped: `a)|(b` is none.
    if whole { limited_regex(&format!("\\A(?:{translated})\\z")) } else { Ok(part) }
}

/// The dot of I-Regexp matches neither line feed nor carriage return; that of `regex` does.
fn translate(pattern: &str) -> String {
    let mut translated = String::with_capacity(pattern.len());
    let mut escaped = false;
    let mut in_class = false;
    for letter in pattern.chars() {
        match letter {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            '[' => in_class = true,
            ']' => in_class = false,
            '.' if !in_class => {
                translated.push_str("[^\\n\\r]");
                continue;
            }
            _ => {}
        }
        translated.push(letter);
    }
    translated
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_dot_stops_at_both_ends_of_a_line() {
        let dot = compile(".", true).unwrap();
        assert!(dot.is_match("x") && dot.is_match("\u{2028}"));
        assert!(!dot.is_match("\n") && !dot.is_match("\r"));
        assert!(compile("[.]", true).unwrap().is_match("."));
        assert!(!compile("\\.", true).unwrap().is_match("x"));
    }

    #[test]
    fn what_is_no_pattern_alone_is_none_when_wrapped() {
        assert!(compile("a)|(b", true).is_err());
        assert!(compile("a", true).unwrap().find("ba").is_none());
    }

    #[test]
    fn a_pattern_that_would_take_too_much_memory_is_refused() {
        let error = limited_regex("a{1000}{1000}").unwrap_err();
        assert!(matches!(error, regex::Error::CompiledTooBig(_)), "{error}");
    }
}
