//! From a value to what is in it.

use std::sync::Arc;

use super::{Items, Kinds, Members, Rest, Type};

/// What there is at a place in a value.
#[derive(Debug, Clone, PartialEq)]
pub enum Reached {
    /// There may be this.
    Found(Type),
    /// The schema names other members, and does not forbid this one: it may be anything.
    Undeclared {
        /// What may be there.
        found: Type,
        /// The members that are known.
        names: Vec<Arc<str>>,
    },
    /// There is an object, and never such a member.
    NoMember {
        /// The members that there are.
        names: Vec<Arc<str>>,
    },
    /// There is an array, and never such an item.
    NoItem,
    /// What is there is of other kinds.
    OtherKind(Kinds),
}

impl Reached {
    /// The type, also where nothing can be there.
    #[must_use]
    pub fn into_type(self) -> Type {
        match self {
            Self::Found(found) | Self::Undeclared { found, .. } => found,
            Self::NoMember { .. } | Self::NoItem | Self::OtherKind(_) => Type::nothing(),
        }
    }
}

impl Members {
    /// What the member `name` may be.
    #[must_use]
    pub fn field(&self, name: &str) -> Type {
        match (self.fields.get(name), &self.rest) {
            (Some(field), _) => field.clone(),
            (None, Rest::Closed) => Type::nothing(),
            (None, Rest::Undeclared) => Type::unknown(),
            (None, Rest::Of(rest)) => (**rest).clone().or_nothing(),
        }
    }

    /// The members that may be there and are known by name.
    #[must_use]
    pub fn names(&self) -> Vec<Arc<str>> {
        let there = self.fields.iter().filter(|(_, it)| !it.has_no_value());
        there.map(|(name, _)| Arc::clone(name)).collect()
    }

    /// Every member at once.
    #[must_use]
    pub fn every(&self) -> Option<Type> {
        let rest = match &self.rest {
            Rest::Closed => None,
            Rest::Undeclared => Some(Type::anything()),
            Rest::Of(rest) => Some((**rest).clone()),
        };
        let there = self.fields.values().filter(|it| !it.has_no_value());
        let each = rest.into_iter().chain(there.cloned());
        each.reduce(|one, other| one.join(&other)).map(Type::present)
    }

    /// How many members there certainly are.
    #[must_use]
    pub fn count_least(&self) -> u64 {
        self.fields.values().filter(|it| !it.absent).count() as u64
    }
}

impl Items {
    /// Item `index`; from the end, where negative.
    fn item(&self, index: i64) -> Option<Type> {
        let place = if index < 0 { index.unsigned_abs() - 1 } else { index.unsigned_abs() };
        if self.most.is_some_and(|it| it <= place) || self.each.has_no_value() {
            return None;
        }
        Some(Type { absent: self.least <= place, ..self.each.clone() })
    }
}

impl Type {
    /// What the member `name` of this may be.
    #[must_use]
    pub fn member(&self, name: &str) -> Reached {
        let kinds = self.kinds();
        let Some(members) = self.objects() else {
            return self.other(kinds);
        };
        let found = members.field(name).marked(self.marks);
        if found.has_no_value() {
            return Reached::NoMember { names: members.names() };
        }
        let sure = !self.absent && kinds == Kinds::OBJECT;
        let found = Type { absent: found.absent || !sure, ..found };
        let declared = members.fields.contains_key(name) || members.rest != Rest::Undeclared;
        match declared {
            true => Reached::Found(found),
            false => Reached::Undeclared { found, names: members.names() },
        }
    }

    /// What item `index` of this may be.
    #[must_use]
    pub fn item(&self, index: i64) -> Reached {
        let kinds = self.kinds();
        let Some(items) = self.arrays() else {
            return self.other(kinds);
        };
        let Some(found) = items.item(index) else {
            return Reached::NoItem;
        };
        let sure = !self.absent && kinds == Kinds::ARRAY;
        Reached::Found(Type { absent: found.absent || !sure, ..found }.marked(self.marks))
    }

    /// Everything directly inside: items and members. `None` where nothing can be.
    #[must_use]
    pub fn inside(&self) -> Option<Type> {
        let items = self.arrays().filter(|it| it.most != Some(0)).map(|it| it.each.clone());
        let members = self.objects().and_then(|it| it.every());
        let inside = items.into_iter().chain(members).reduce(|one, other| one.join(&other));
        inside.map(|it| it.marked(self.marks))
    }

    fn other(&self, kinds: Kinds) -> Reached {
        // What is never there was told where that became so.
        if kinds.0 == 0 { Reached::Found(Type::nothing()) } else { Reached::OtherKind(kinds) }
    }
}
