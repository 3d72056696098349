//! Types in words, for the authors of files.

use std::fmt;

use super::{Kinds, Numbers, Texts, Type};

/// Names that are listed; more do not help.
const LISTED_MAX: usize = 8;

/// Names in backticks, the first of them where there are many.
#[must_use]
pub fn list<T: AsRef<str>>(names: &[T]) -> String {
    let some: Vec<_> =
        names.iter().take(LISTED_MAX).map(|it| format!("`{}`", it.as_ref())).collect();
    let more = names.len().saturating_sub(LISTED_MAX);
    match more {
        0 => some.join(", "),
        more => format!("{} and {more} more", some.join(", ")),
    }
}

/// `a, b or c`.
pub(super) fn or(parts: &[String]) -> String {
    match parts {
        [] => "nothing".to_owned(),
        [only] => only.clone(),
        [first @ .., last] => format!("{} or {last}", first.join(", ")),
    }
}

impl fmt::Display for Type {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.unknown {
            return formatter.write_str("anything");
        }
        let mut parts = Vec::new();
        if let Some(texts) = &self.text {
            parts.push(texts.to_string());
        }
        if let Some(numbers) = &self.number {
            parts.push(numbers.to_string());
        }
        match (self.truths.yes, self.truths.no) {
            (true, true) => parts.push("a boolean".to_owned()),
            (true, false) => parts.push("true".to_owned()),
            (false, true) => parts.push("false".to_owned()),
            (false, false) => {}
        }
        let rest = self.kinds().within(Kinds::ARRAY.and(Kinds::OBJECT).and(Kinds::NULL));
        if rest.0 != 0 {
            parts.push(rest.words());
        }
        if self.absent {
            parts.push("nothing".to_owned());
        }
        formatter.write_str(&or(&parts))
    }
}

impl fmt::Display for Texts {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(one_of) = &self.one_of {
            let quoted: Vec<_> = one_of.iter().map(|it| format!("'{it}'")).collect();
            return formatter.write_str(&few(&quoted));
        }
        match self.rules.iter().next() {
            Some((super::RuleKind::Format, format)) => write!(formatter, "a text (`{format}`)"),
            Some((super::RuleKind::Pattern, pattern)) => {
                write!(formatter, "a text like `{pattern}`")
            }
            None => match (self.least, self.most) {
                (_, Some(0)) => formatter.write_str("an empty text"),
                (0, None) => formatter.write_str("a text"),
                (0, Some(most)) => write!(formatter, "a text of at most {most} characters"),
                (1, None) => formatter.write_str("a text that is not empty"),
                (least, None) => write!(formatter, "a text of at least {least} characters"),
                (least, Some(most)) if least == most => {
                    write!(formatter, "a text of {least} characters")
                }
                (least, Some(most)) => {
                    write!(formatter, "a text of {least} to {most} characters")
                }
            },
        }
    }
}

impl fmt::Display for Numbers {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(one_of) = &self.one_of {
            let all: Vec<_> = one_of.iter().map(ToString::to_string).collect();
            return formatter.write_str(&few(&all));
        }
        formatter.write_str(if self.whole { "a whole number" } else { "a number" })?;
        let least = self.range.least.as_ref().map(|it| it.words("from", "above"));
        let most = self.range.most.as_ref().map(|it| it.words("up to", "below"));
        for bound in [least, most].into_iter().flatten() {
            write!(formatter, " {bound}")?;
        }
        Ok(())
    }
}

/// One of a few, or of many.
fn few(all: &[String]) -> String {
    match all {
        [only] => only.clone(),
        few if few.len() <= LISTED_MAX => format!("one of {}", few.join(", ")),
        many => format!("one of {}, …", many.get(..LISTED_MAX).unwrap_or_default().join(", ")),
    }
}
