//! How deep a type goes: what a route nests without end must not take the stack of whoever follows it.

use std::sync::Arc;

use super::{Items, Members, Rest, Type};

/// Levels of arrays and objects that are followed; what lies deeper may be anything. More than any
/// document of an agency has.
pub const DEPTH_MAX: usize = 64;

impl Type {
    /// The same, wider where it is nested more than [`DEPTH_MAX`] levels deep.
    #[must_use]
    pub fn bounded(self) -> Self {
        if self.is_within(DEPTH_MAX) { self } else { self.cut(DEPTH_MAX) }
    }

    fn is_within(&self, depth: usize) -> bool {
        let Some(below) = depth.checked_sub(1) else {
            return self.array.is_none() && self.object.is_none();
        };
        let rest = |it: &Members| match &it.rest {
            Rest::Of(rest) => rest.is_within(below),
            Rest::Closed | Rest::Undeclared => true,
        };
        self.array.as_ref().is_none_or(|it| it.each.is_within(below))
            && self
                .object
                .as_ref()
                .is_none_or(|it| rest(it) && it.fields.values().all(|field| field.is_within(below)))
    }

    fn cut(&self, depth: usize) -> Self {
        let Some(below) = depth.checked_sub(1) else {
            let anything = Self { absent: self.absent, at: self.at, ..Self::anything() };
            return anything.marked(self.all_marks());
        };
        let array = self.array.as_ref().map(|it| {
            let each = it.each.cut(below);
            Arc::new(Items { each, ..(**it).clone() })
        });
        let object = self.object.as_ref().map(|it| {
            let fields = it.fields.iter().map(|(name, field)| (Arc::clone(name), field.cut(below)));
            let rest = match &it.rest {
                Rest::Of(rest) => Rest::Of(Box::new(rest.cut(below))),
                other => other.clone(),
            };
            Arc::new(Members { fields: fields.collect(), rest })
        });
        Self { array, object, ..self.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(levels: usize, inner: Type) -> Type {
        (0..levels).fold(inner, |inner, _| {
            let fields = [(Arc::from("a"), inner)].into();
            Type::object(Members { fields, rest: Rest::Closed })
        })
    }

    #[test]
    fn what_is_deeper_than_is_followed_is_anything_and_keeps_its_marks() {
        let flat = nested(DEPTH_MAX, Type::boolean());
        assert_eq!(flat.clone().bounded(), flat);
        let deep = nested(DEPTH_MAX + 10, Type::boolean().marked(5)).bounded();
        assert_eq!(deep, nested(DEPTH_MAX, Type::anything().marked(5)));
    }
}
