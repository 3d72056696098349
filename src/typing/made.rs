//! Types of parts, made from what is known of them.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{Bound, Items, Kinds, Members, Numbers, Range, Rest, RuleKind, Texts, Type, language};
use crate::message::Number;

impl Numbers {
    /// These numbers and no others.
    #[must_use]
    pub fn among(numbers: Vec<Arc<str>>) -> Self {
        let order = |left: &&Arc<str>, right: &&Arc<str>| {
            Number::from_checked(left).order(Number::from_checked(right))
        };
        let bound = |it: &Arc<str>| Bound { value: it.clone(), open: false };
        let least = numbers.iter().min_by(order).map(bound);
        let most = numbers.iter().max_by(order).map(bound);
        let whole = numbers.iter().all(|it| Number::from_checked(it).is_whole());
        Self { whole, range: Range { least, most }, one_of: Some(numbers) }
    }
}

impl Texts {
    /// These texts and no others.
    #[must_use]
    pub fn among(texts: BTreeSet<Arc<str>>) -> Self {
        let lengths = || texts.iter().map(|it| it.chars().count() as u64);
        let least = lengths().min().unwrap_or_default();
        let most = lengths().max();
        Self { least, most, one_of: Some(texts), rules: BTreeSet::new() }
    }

    /// Texts that keep to a format of JSON Schema.
    #[must_use]
    pub fn of_format(format: &str) -> Self {
        Self { rules: [(RuleKind::Format, Arc::from(format))].into(), ..Self::default() }
    }

    /// The same, known to match a pattern.
    #[must_use]
    pub fn matching(mut self, pattern: &str) -> Self {
        self.rules.insert((RuleKind::Pattern, Arc::from(pattern)));
        self
    }

    /// The first `length` characters of these; of all of them, where that is not known.
    #[must_use]
    pub fn truncated(&self, length: Option<u64>) -> Self {
        let patterns = self.rules.iter().filter(|(kind, _)| *kind == RuleKind::Pattern);
        let rules = patterns.filter_map(|(kind, pattern)| {
            Some((*kind, language::truncated(pattern, length)?.into()))
        });
        Self {
            least: length.map_or(0, |it| self.least.min(it)),
            most: [self.most, length].into_iter().flatten().min(),
            one_of: None,
            rules: rules.collect(),
        }
    }
}

impl Items {
    /// Any number of anything.
    #[must_use]
    pub fn anything() -> Self {
        Self { each: Type::anything(), ..Self::default() }
    }

    /// Those of an array that is written item by item; what is nothing is left out of it.
    #[must_use]
    pub fn of(types: &[Type]) -> Self {
        let there = types.iter().filter(|it| !it.has_no_value());
        let each = there.cloned().reduce(|one, other| one.join(&other)).unwrap_or_default();
        Self {
            each: each.present(),
            least: types.iter().filter(|it| !it.absent).count() as u64,
            most: Some(types.len() as u64),
            solid: types.iter().any(|it| !it.absent && !it.kinds().meets(Kinds::NULL)),
        }
    }
}

impl Members {
    /// Any members.
    #[must_use]
    pub fn anything() -> Self {
        let rest = Rest::Of(Box::new(Type::anything()));
        Self { fields: BTreeMap::new(), rest }
    }

    pub(super) fn all_marks(&self) -> u64 {
        let rest = if let Rest::Of(rest) = &self.rest { rest.all_marks() } else { 0 };
        self.fields.values().fold(rest, |marks, it| marks | it.all_marks())
    }
}
