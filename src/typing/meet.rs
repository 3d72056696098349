//! What is one and the other.

use std::{collections::BTreeSet, sync::Arc};

use super::{Items, Members, Numbers, Rest, Texts, Truths, Type, range::compare};

impl Type {
    /// What is like this and like `other`.
    #[must_use]
    pub fn meet(&self, other: &Self) -> Self {
        let null = (self.null || self.unknown) && (other.null || other.unknown);
        Self {
            absent: self.absent && other.absent,
            null: null && !(self.unknown && other.unknown),
            truths: self.truths_met(other),
            number: both(self, other, |it| it.number.as_ref(), Numbers::meet),
            text: both(self, other, |it| it.text.as_ref(), Texts::meet),
            array: both(
                self,
                other,
                |it| it.array.as_ref(),
                |left, right| Some(Arc::new(left.meet(right))),
            ),
            object: both(
                self,
                other,
                |it| it.object.as_ref(),
                |left, right| Some(Arc::new(left.meet(right))),
            ),
            unknown: self.unknown && other.unknown,
            marks: self.marks | other.marks,
            at: self.at.or(other.at),
        }
    }

    fn truths_met(&self, other: &Self) -> Truths {
        match (self.unknown, other.unknown) {
            // Described by neither, it stays unknown.
            (true, true) => Truths::default(),
            (true, false) => other.truths,
            (false, true) => self.truths,
            (false, false) => Truths {
                yes: self.truths.yes && other.truths.yes,
                no: self.truths.no && other.truths.no,
            },
        }
    }
}

/// What is known of a kind in both.
fn both<'t, T: Clone>(
    left: &'t Type,
    right: &'t Type,
    kind: fn(&'t Type) -> Option<&'t T>,
    meet: fn(&T, &T) -> Option<T>,
) -> Option<T> {
    match (kind(left), kind(right)) {
        (Some(one), Some(other)) => meet(one, other),
        (Some(one), None) if right.unknown => Some(one.clone()),
        (None, Some(one)) if left.unknown => Some(one.clone()),
        _ => None,
    }
}

impl Numbers {
    /// `None`: no number is like both.
    pub(super) fn meet(&self, other: &Self) -> Option<Self> {
        let range = self.range.meet(&other.range);
        let whole = self.whole || other.whole;
        let is_like = |it: &&Arc<str>, numbers: &Self| {
            let among = numbers.one_of.as_ref();
            numbers.range.has(it)
                && among.is_none_or(|all| all.iter().any(|known| compare(known, it).is_eq()))
        };
        let among: Option<Vec<_>> = match (&self.one_of, &other.one_of) {
            (Some(one), _) => Some(one.iter().filter(|it| is_like(it, other)).cloned().collect()),
            (None, Some(one)) => Some(one.iter().filter(|it| is_like(it, self)).cloned().collect()),
            (None, None) => None,
        };
        match among {
            Some(among) if among.is_empty() => None,
            Some(among) => {
                let of_these = Self::among(among);
                Some(Self { whole: whole || of_these.whole, ..of_these })
            }
            None if self.range.misses(&other.range) => None,
            None => Some(Self { whole, range, one_of: None }),
        }
    }
}

impl Texts {
    /// `None`: no text is like both.
    pub(super) fn meet(&self, other: &Self) -> Option<Self> {
        let rules = self.rules.union(&other.rules).cloned().collect();
        let among: Option<BTreeSet<_>> = match (&self.one_of, &other.one_of) {
            (Some(one), Some(other)) => Some(one.intersection(other).cloned().collect()),
            (Some(one), None) | (None, Some(one)) => Some(one.clone()),
            (None, None) => None,
        };
        let least = self.least.max(other.least);
        let most = [self.most, other.most].into_iter().flatten().min();
        if most.is_some_and(|it| it < least) {
            return None;
        }
        let fits = |it: &Arc<str>| {
            let length = it.chars().count() as u64;
            least <= length && most.is_none_or(|it| length <= it)
        };
        match among {
            Some(among) => {
                let among: BTreeSet<_> = among.into_iter().filter(fits).collect();
                (!among.is_empty()).then(|| Self { rules, ..Self::among(among) })
            }
            None => Some(Self { least, most, one_of: None, rules }),
        }
    }
}

impl Items {
    fn meet(&self, other: &Self) -> Self {
        Self {
            each: self.each.meet(&other.each),
            least: self.least.max(other.least),
            most: [self.most, other.most].into_iter().flatten().min(),
            solid: self.solid || other.solid,
        }
    }
}

impl Members {
    fn meet(&self, other: &Self) -> Self {
        let names: BTreeSet<_> = self.fields.keys().chain(other.fields.keys()).cloned().collect();
        let field = |name: Arc<str>| {
            let met = self.field(&name).meet(&other.field(&name));
            (name, met)
        };
        let rest = match (&self.rest, &other.rest) {
            (Rest::Closed, _) | (_, Rest::Closed) => Rest::Closed,
            (Rest::Of(one), Rest::Of(other)) => Rest::Of(Box::new(one.meet(other))),
            (Rest::Of(one), Rest::Undeclared) | (Rest::Undeclared, Rest::Of(one))
                if one.unknown =>
            {
                Rest::Undeclared
            }
            (Rest::Of(one), Rest::Undeclared) | (Rest::Undeclared, Rest::Of(one)) => {
                Rest::Of(one.clone())
            }
            (Rest::Undeclared, Rest::Undeclared) => Rest::Undeclared,
        };
        Self { fields: names.into_iter().map(field).collect(), rest }
    }
}
