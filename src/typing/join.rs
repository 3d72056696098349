//! What may be one or the other.

use std::{collections::BTreeSet, sync::Arc};

use super::{Items, Members, Numbers, Rest, Texts, Truths, Type, range::compare};

/// Texts or numbers that are told apart one by one; of more only what they have in common is kept.
pub(super) const ONE_OF_MAX: usize = 256;

impl Type {
    /// What may be like this or like `other`.
    #[must_use]
    pub fn join(&self, other: &Self) -> Self {
        let unknown = self.unknown || other.unknown;
        let mut marks = self.marks | other.marks;
        // Of what is not described any more, the marks must stay.
        let mut lost = |marked: u64| marks |= marked;
        let number = described(self, other, |it| it.number.as_ref(), Numbers::join, |_| {});
        let text = described(self, other, |it| it.text.as_ref(), Texts::join, |_| {});
        let array = described(
            self,
            other,
            |it| it.array.as_ref(),
            |left, right| {
                if Arc::ptr_eq(left, right) { left.clone() } else { left.join(right).into() }
            },
            |it| lost(it.each.all_marks()),
        );
        let object = described(
            self,
            other,
            |it| it.object.as_ref(),
            |left, right| {
                if Arc::ptr_eq(left, right) { left.clone() } else { left.join(right).into() }
            },
            |it| lost(it.all_marks()),
        );
        Self {
            absent: self.absent || other.absent,
            null: self.null || other.null,
            truths: Truths {
                yes: self.truths.yes || other.truths.yes,
                no: self.truths.no || other.truths.no,
            },
            number,
            text,
            array,
            object,
            unknown,
            marks,
            at: self.at.or(other.at),
        }
    }
}

/// What is known of a kind in either; nothing, where one of both knows nothing of it.
fn described<'t, T: Clone>(
    left: &'t Type,
    right: &'t Type,
    kind: fn(&'t Type) -> Option<&'t T>,
    join: fn(&T, &T) -> T,
    mut lost: impl FnMut(&T),
) -> Option<T> {
    match (kind(left), kind(right)) {
        (Some(one), Some(other)) => Some(join(one, other)),
        (Some(one), None) if !right.unknown => Some(one.clone()),
        (None, Some(one)) if !left.unknown => Some(one.clone()),
        (one, other) => {
            one.into_iter().chain(other).for_each(&mut lost);
            None
        }
    }
}

impl Numbers {
    fn join(&self, other: &Self) -> Self {
        let one_of = match (&self.one_of, &other.one_of) {
            (Some(left), Some(right)) if left.len() + right.len() <= ONE_OF_MAX => {
                let mut all = left.clone();
                let is_new = |it: &&Arc<str>| !left.iter().any(|known| compare(known, it).is_eq());
                all.extend(right.iter().filter(is_new).cloned());
                Some(all)
            }
            _ => None,
        };
        Self { whole: self.whole && other.whole, range: self.range.join(&other.range), one_of }
    }
}

impl Texts {
    fn join(&self, other: &Self) -> Self {
        let one_of = match (&self.one_of, &other.one_of) {
            (Some(left), Some(right)) if left.len() + right.len() <= ONE_OF_MAX => {
                Some(left.union(right).cloned().collect::<BTreeSet<_>>())
            }
            _ => None,
        };
        Self {
            least: self.least.min(other.least),
            most: self.most.zip(other.most).map(|(left, right)| left.max(right)),
            one_of,
            rules: self.rules.intersection(&other.rules).cloned().collect(),
        }
    }
}

impl Items {
    fn join(&self, other: &Self) -> Self {
        // Of an array that is always empty the items do not count.
        let is_empty = |it: &Self| it.most == Some(0);
        let each = match (is_empty(self), is_empty(other)) {
            (true, _) => other.each.clone(),
            (_, true) => self.each.clone(),
            _ => self.each.join(&other.each),
        };
        Self {
            each,
            least: self.least.min(other.least),
            most: self.most.zip(other.most).map(|(left, right)| left.max(right)),
            solid: self.solid && other.solid,
        }
    }
}

impl Members {
    fn join(&self, other: &Self) -> Self {
        let names: BTreeSet<_> = self.fields.keys().chain(other.fields.keys()).cloned().collect();
        let field = |name: Arc<str>| {
            let joined = self.field(&name).join(&other.field(&name));
            (name, joined)
        };
        let rest = match (&self.rest, &other.rest) {
            (Rest::Closed, other) => other.clone(),
            (one, Rest::Closed) => one.clone(),
            (Rest::Undeclared, Rest::Undeclared) => Rest::Undeclared,
            (Rest::Of(one), Rest::Of(other)) => Rest::Of(Box::new(one.join(other))),
            (Rest::Of(one), Rest::Undeclared) | (Rest::Undeclared, Rest::Of(one)) => {
                Rest::Of(Box::new(Type::anything().marked(one.all_marks())))
            }
        };
        Self { fields: names.into_iter().map(field).collect(), rest }
    }
}
