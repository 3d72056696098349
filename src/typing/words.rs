//! Types in words, for the authors of files.

use super::{Bound, Kinds, Numbers, Range, RuleKind, Texts, Type};
use crate::diagnostic::{Text, text};

/// Names that are listed; more do not help.
const LISTED_MAX: usize = 8;

/// Names in backticks, the first of them where there are many.
#[must_use]
pub fn list<T: AsRef<str>>(names: &[T]) -> Text {
    let some: Vec<_> =
        names.iter().take(LISTED_MAX).map(|it| format!("`{}`", it.as_ref())).collect();
    let some = some.join(", ");
    match names.len().saturating_sub(LISTED_MAX) {
        0 => text!("{}", &some),
        more => text!("{} and {} more", &some, &more),
    }
}

/// `a, b or c`.
fn or(mut parts: Vec<Text>) -> Text {
    let Some(last) = parts.pop() else {
        return text!("nothing");
    };
    match parts.into_iter().reduce(|sofar, part| text!("{}, {}", sofar, part)) {
        Some(before) => text!("{} or {}", before, last),
        None => last,
    }
}

impl Type {
    /// What there may be: `a text, a whole number from 0 or nothing`.
    #[must_use]
    pub fn words(&self) -> Text {
        if self.unknown {
            return text!("anything");
        }
        let mut parts = Vec::new();
        parts.extend(self.text.as_ref().map(Texts::words));
        parts.extend(self.number.as_ref().map(Numbers::words));
        match (self.truths.yes, self.truths.no) {
            (true, true) => parts.push(text!("a boolean")),
            (false, false) => {}
            (only, _) => parts.push(text!("{}", &only)),
        }
        let rest = Kinds::ARRAY.and(Kinds::OBJECT).and(Kinds::NULL);
        parts.extend(self.kinds().within(rest).each_in_words());
        if self.absent {
            parts.push(text!("nothing"));
        }
        or(parts)
    }
}

impl Kinds {
    /// The kinds with their articles: `a text or null`.
    #[must_use]
    pub fn words(self) -> Text {
        if self == Self::ANY { text!("anything") } else { or(self.each_in_words()) }
    }

    fn each_in_words(self) -> Vec<Text> {
        let names = [
            (Self::OBJECT, text!("an object")),
            (Self::ARRAY, text!("an array")),
            (Self::TEXT, text!("a text")),
            (Self::NUMBER, text!("a number")),
            (Self::BOOLEAN, text!("a boolean")),
            (Self::NULL, text!("{}", "null")),
        ];
        names.into_iter().filter(|(kind, _)| self.meets(*kind)).map(|(_, name)| name).collect()
    }
}

impl Texts {
    fn words(&self) -> Text {
        if let Some(one_of) = &self.one_of {
            let quoted: Vec<_> = one_of.iter().map(|it| format!("'{it}'")).collect();
            return few(&quoted);
        }
        match self.rules.iter().next() {
            Some((RuleKind::Format, format)) => text!("a text (`{}`)", format),
            Some((RuleKind::Pattern, pattern)) => text!("a text like `{}`", pattern),
            None => match (self.least, self.most) {
                (_, Some(0)) => text!("an empty text"),
                (0, None) => text!("a text"),
                (0, Some(most)) => text!("a text of at most {} characters", &most),
                (1, None) => text!("a text that is not empty"),
                (least, None) => text!("a text of at least {} characters", &least),
                (least, Some(most)) if least == most => {
                    text!("a text of {} characters", &least)
                }
                (least, Some(most)) => text!("a text of {} to {} characters", &least, &most),
            },
        }
    }
}

impl Numbers {
    fn words(&self) -> Text {
        if let Some(one_of) = &self.one_of {
            let all: Vec<_> = one_of.iter().map(ToString::to_string).collect();
            return few(&all);
        }
        let words = if self.whole { text!("a whole number") } else { text!("a number") };
        let words = match &self.range.least {
            None => words,
            Some(Bound { value, open: false }) => text!("{} from {}", words, value),
            Some(Bound { value, open: true }) => text!("{} above {}", words, value),
        };
        match &self.range.most {
            None => words,
            Some(Bound { value, open: false }) => text!("{} up to {}", words, value),
            Some(Bound { value, open: true }) => text!("{} below {}", words, value),
        }
    }
}

impl Range {
    /// As what a schema asks for: `at least 0 and less than 100`.
    pub(super) fn words(&self) -> Text {
        let least = self.least.as_ref().map(|Bound { value, open }| match open {
            false => text!("at least {}", value),
            true => text!("more than {}", value),
        });
        let most = self.most.as_ref().map(|Bound { value, open }| match open {
            false => text!("at most {}", value),
            true => text!("less than {}", value),
        });
        match (least, most) {
            (Some(least), Some(most)) => text!("{} and {}", least, most),
            (least, most) => least.or(most).unwrap_or_else(|| text!("any number")),
        }
    }
}

/// What lengths and sizes count.
#[derive(Debug, Clone, Copy)]
pub(super) enum Unit {
    Character,
    Item,
    Field,
}

impl Unit {
    /// So many of them.
    pub(super) fn words(self, count: u64) -> Text {
        match (self, count) {
            (Self::Character, 1) => text!("1 character"),
            (Self::Character, count) => text!("{} characters", &count),
            (Self::Item, 1) => text!("1 item"),
            (Self::Item, count) => text!("{} items", &count),
            (Self::Field, 1) => text!("1 field"),
            (Self::Field, count) => text!("{} fields", &count),
        }
    }
}

/// One of a few, or of many.
fn few(all: &[String]) -> Text {
    match all {
        [only] => text!("{}", only),
        few if few.len() <= LISTED_MAX => text!("one of {}", &few.join(", ")),
        many => {
            let some = many.get(..LISTED_MAX).unwrap_or_default();
            text!("one of {}, …", &some.join(", "))
        }
    }
}
