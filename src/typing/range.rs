//! Between what numbers are: bounds by the text of a number, compared exactly.

use std::{cmp::Ordering, sync::Arc};

use crate::message::Number;

/// One end of a range.
#[derive(Debug, Clone, PartialEq)]
pub struct Bound {
    /// The number.
    pub value: Arc<str>,
    /// Whether the number itself is outside.
    pub open: bool,
}

/// Between what numbers are.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Range {
    /// None is less.
    pub least: Option<Bound>,
    /// None is greater.
    pub most: Option<Bound>,
}

impl Bound {
    /// A number that is inside itself.
    #[must_use]
    pub fn at(value: &str) -> Self {
        Self { value: value.into(), open: false }
    }

    fn order(&self, other: &Self) -> Ordering {
        compare(&self.value, &other.value)
    }
}

/// How two numbers compare.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    Number::from_checked(left).order(Number::from_checked(right))
}

impl Range {
    /// Whether no number of it is below 0.
    #[must_use]
    pub fn is_positive(&self) -> bool {
        self.least.as_ref().is_some_and(|it| compare(&it.value, "0").is_ge())
    }

    /// Whether every number of `inner` is above the lower end.
    pub(super) fn holds_least(&self, inner: &Self) -> bool {
        match (&self.least, &inner.least) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(wanted), Some(has)) => match has.order(wanted) {
                Ordering::Greater => true,
                Ordering::Equal => has.open || !wanted.open,
                Ordering::Less => false,
            },
        }
    }

    /// Whether every number of `inner` is below the upper end.
    pub(super) fn holds_most(&self, inner: &Self) -> bool {
        match (&self.most, &inner.most) {
            (None, _) => true,
            (Some(_), None) => false,
            (Some(wanted), Some(has)) => match has.order(wanted) {
                Ordering::Less => true,
                Ordering::Equal => has.open || !wanted.open,
                Ordering::Greater => false,
            },
        }
    }

    /// Whether `number` is in it.
    pub(super) fn has(&self, number: &str) -> bool {
        let only = Self { least: Some(Bound::at(number)), most: Some(Bound::at(number)) };
        self.holds_least(&only) && self.holds_most(&only)
    }

    /// Whether no number is in both.
    pub(super) fn misses(&self, other: &Self) -> bool {
        let apart = |most: &Option<Bound>, least: &Option<Bound>| match (most, least) {
            (Some(most), Some(least)) => match most.order(least) {
                Ordering::Less => true,
                Ordering::Equal => most.open || least.open,
                Ordering::Greater => false,
            },
            _ => false,
        };
        apart(&self.most, &other.least) || apart(&other.most, &self.least)
    }

    /// What is in one of both, and perhaps what is between.
    pub(super) fn join(&self, other: &Self) -> Self {
        let pick = |left: &Option<Bound>, right: &Option<Bound>, holds: bool| {
            if holds { left.clone() } else { right.clone() }
        };
        Self {
            least: pick(&self.least, &other.least, self.holds_least(other)),
            most: pick(&self.most, &other.most, self.holds_most(other)),
        }
    }

    /// What is in both.
    pub(super) fn meet(&self, other: &Self) -> Self {
        let pick = |left: &Option<Bound>, right: &Option<Bound>, holds: bool| {
            if holds { right.clone() } else { left.clone() }
        };
        Self {
            least: pick(&self.least, &other.least, self.holds_least(other)),
            most: pick(&self.most, &other.most, self.holds_most(other)),
        }
    }
}
