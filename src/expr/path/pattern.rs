//! Regular expressions: those of `=~`, and I-Regexp (RFC 9485) for `match` and `search`.

use regex::{Regex, RegexBuilder};

use super::filter::Operand;
use crate::{
    expr::{Scope, eval::Failure},
    message::Value,
};

/// Memory that one compiled pattern may take, in bytes, and what a letter searched through with
/// such a one weighs: a search goes through all states of a pattern at each letter where the
/// automaton that is faster grows too large. The last is a few hundred times a usual pattern.
const SIZES: [(usize, u64); 4] =
    [(8 * 1024, 1), (32 * 1024, 8), (96 * 1024, 40), (256 * 1024, 320)];

/// Letters that are searched through in one step with the lightest of patterns.
const LETTERS_PER_STEP: usize = 16;

/// Steps that compiling a pattern costs which stands in the message: it takes as long as several
/// thousand usual steps, so a message must not bring many.
const COMPILE_STEPS: u64 = 10_000;

/// Memory of the automaton that a search builds as it goes, in bytes.
const DFA_SIZE_MAX: usize = 256 * 1024;

/// Characters of a pattern that stands in the message.
const DYNAMIC_PATTERN_MAX: usize = 1_000;

/// A compiled pattern within a size, and what a search with it costs.
#[derive(Debug)]
pub(in crate::expr) struct Searcher {
    regex: Regex,
    weight: u64,
}

impl Searcher {
    /// Compiles a pattern of the `regex` crate.
    ///
    /// # Errors
    ///
    /// It is none, or larger than the largest size.
    pub(in crate::expr) fn compile(pattern: &str) -> Result<Self, regex::Error> {
        let mut error = regex::Error::CompiledTooBig(0);
        for (size, weight) in SIZES {
            let mut builder = RegexBuilder::new(pattern);
            match builder.size_limit(size).dfa_size_limit(DFA_SIZE_MAX).build() {
                Ok(regex) => return Ok(Self { regex, weight }),
                Err(wrong) => error = wrong,
            }
            if !matches!(error, regex::Error::CompiledTooBig(_)) {
                break;
            }
        }
        Err(error)
    }

    /// Whether a part of `text` matches; takes the steps for it.
    pub(in crate::expr) fn finds(&self, scope: &Scope<'_>, text: &str) -> Result<bool, Failure> {
        let parts = (text.len() / LETTERS_PER_STEP) as u64;
        scope.take(1 + parts.saturating_mul(self.weight))?;
        Ok(self.regex.is_match(text))
    }
}

/// The second argument of `match` and `search`.
#[derive(Debug)]
pub(super) enum Pattern {
    Fixed(Searcher),
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
        match self {
            Self::Never => Ok(false),
            Self::Fixed(searcher) => searcher.finds(scope, text),
            Self::Dynamic(operand, whole) => {
                let Some(Value::Text(pattern)) = operand.value(scope, item)? else {
                    return Ok(false);
                };
                scope.take(COMPILE_STEPS)?;
                let short = pattern.len() <= DYNAMIC_PATTERN_MAX;
                let searcher = short.then(|| compile(pattern, *whole).ok()).flatten();
                searcher.map_or(Ok(false), |it| it.finds(scope, text))
            }
        }
    }
}

/// Compiles an I-Regexp; `whole` where all of the text must match.
pub(super) fn compile(pattern: &str, whole: bool) -> Result<Searcher, regex::Error> {
    let translated = translate(pattern);
    let part = Searcher::compile(&translated)?;
    // Only a pattern that is one by itself may be wrapped: `a)|(b` is none.
    if whole { Searcher::compile(&format!("\\A(?:{translated})\\z")) } else { Ok(part) }
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
        let dot = compile(".", true).unwrap().regex;
        assert!(dot.is_match("x") && dot.is_match("\u{2028}"));
        assert!(!dot.is_match("\n") && !dot.is_match("\r"));
        assert!(compile("[.]", true).unwrap().regex.is_match("."));
        assert!(!compile("\\.", true).unwrap().regex.is_match("x"));
    }

    #[test]
    fn what_is_no_pattern_alone_is_none_when_wrapped() {
        assert!(compile("a)|(b", true).is_err());
        assert!(compile("a", true).unwrap().regex.find("ba").is_none());
    }

    #[test]
    fn a_pattern_that_would_take_too_much_memory_is_refused() {
        let error = Searcher::compile("a{1000}{1000}").unwrap_err();
        assert!(matches!(error, regex::Error::CompiledTooBig(_)), "{error}");
    }

    #[test]
    fn a_larger_pattern_weighs_more() {
        let weight = |pattern: &str| Searcher::compile(pattern).unwrap().weight;
        assert_eq!(weight("^[0-9]{3}/[A-Z]+/20[0-9]{2}$"), 1);
        assert_eq!(weight("^(PPK|PPS|KPPS)-[0-9]{10,13}$"), 1);
        assert!(1 < weight("1[01]{500}2") && weight("1[01]{500}2") <= weight("1[01]{1000}2"));
    }
}
