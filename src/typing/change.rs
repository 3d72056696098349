//! A value with something in it changed: put in, taken out, found to be so, or marked.

use std::sync::Arc;

use super::{Items, Kinds, Members, Rest, Type};

/// From a value to what is in it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Step<'p> {
    /// A member.
    Name(&'p str),
    /// An item; from the end, where negative.
    Index(i64),
    /// Every member and item.
    All,
}

impl Type {
    /// The same, known to have at `path` something that is like `change` says.
    #[must_use]
    pub fn refined(&self, path: &[Step<'_>], change: &dyn Fn(Type) -> Type) -> Type {
        let Some((step, rest)) = path.split_first() else {
            let there = self.clone().present();
            let changed = change(there.clone());
            // What can never be is told where it is asked; from there on it is as if not asked.
            return if changed.has_no_value() { there } else { changed };
        };
        match step {
            Step::Name(name) => {
                let Some(members) = self.objects() else { return self.clone() };
                let field = members.field(name).refined(rest, change);
                let mut members = (*members).clone();
                members.fields.insert(Arc::from(*name), field);
                let object = Some(Arc::new(members));
                Type { object, ..self.clone().only(Kinds::OBJECT).present() }
            }
            Step::Index(index) => {
                let Some(items) = self.arrays() else { return self.clone() };
                let place =
                    if *index < 0 { index.unsigned_abs() } else { index.unsigned_abs() + 1 };
                let items = Items { least: items.least.max(place), ..(*items).clone() };
                let array = Some(Arc::new(items));
                Type { array, ..self.clone().only(Kinds::ARRAY).present() }
            }
            Step::All => self.clone(),
        }
    }

    /// The same with `value` put in at `path`, as `set` does it: objects are made on the way where
    /// there is nothing or null. `None` where it can never be put in.
    #[must_use]
    pub fn with(&self, path: &[Step<'_>], value: &Type) -> Option<Type> {
        let Some((step, rest)) = path.split_first() else {
            return Some(value.clone());
        };
        match step {
            Step::Name(name) => {
                let made = || {
                    let inner = Type::nothing().with(rest, value)?;
                    let fields = [(Arc::from(*name), inner)].into();
                    Some(Type::object(Members { fields, rest: Rest::Closed }))
                };
                let changed = self.objects().and_then(|members| {
                    let inner = members.field(name).with(rest, value)?;
                    let mut members = (*members).clone();
                    members.fields.insert(Arc::from(*name), inner);
                    Some(Type::object(members))
                });
                let open = self.absent || self.kinds().meets(Kinds::NULL);
                let made = if open { made() } else { None };
                let all = made.into_iter().chain(changed);
                let both = all.reduce(|one, other| one.join(&other))?;
                Some(Type { marks: self.marks | both.marks, at: self.at, ..both })
            }
            Step::Index(index) => {
                let items = self.arrays()?;
                let old = self.item(*index).into_type().present();
                let inner = old.with(rest, value)?;
                let place =
                    if *index < 0 { index.unsigned_abs() } else { index.unsigned_abs() + 1 };
                let items = Items {
                    // What was there may have been the one that is not null.
                    solid: !inner.kinds().meets(Kinds::NULL),
                    each: items.each.join(&inner),
                    least: items.least.max(place),
                    most: items.most,
                };
                Some(Type { marks: self.marks, at: self.at, ..Type::array(items) })
            }
            Step::All => None,
        }
    }

    /// The same without what `path` names, where it is there.
    #[must_use]
    pub fn without(&self, path: &[Step<'_>]) -> Type {
        let Some((step, rest)) = path.split_first() else {
            return self.clone();
        };
        let mut changed = self.clone();
        let object = self.objects().map(|members| match step {
            Step::Name(name) => {
                let mut members = (*members).clone();
                let field = members.field(name);
                let left = if rest.is_empty() { Type::nothing() } else { field.without(rest) };
                members.fields.insert(Arc::from(*name), left);
                Arc::new(members)
            }
            Step::All if rest.is_empty() => Arc::new(Members::default()),
            Step::All => Arc::new(members.each_with(&|it| it.without(rest))),
            Step::Index(_) => members,
        });
        let array = self.arrays().map(|items| match step {
            Step::Index(_) if rest.is_empty() => Arc::new(Items {
                least: items.least.saturating_sub(1),
                solid: false,
                ..(*items).clone()
            }),
            Step::All if rest.is_empty() => Arc::new(Items { most: Some(0), ..Items::default() }),
            Step::Index(_) => {
                let each = items.each.join(&items.each.without(rest));
                Arc::new(Items { each, ..(*items).clone() })
            }
            Step::All => {
                let each = items.each.without(rest);
                Arc::new(Items { each, ..(*items).clone() })
            }
            Step::Name(_) => items,
        });
        changed.object = object.filter(|it| self.object.is_some() || **it != Members::anything());
        changed.array = array.filter(|it| self.array.is_some() || **it != Items::anything());
        changed
    }

    /// The same with `change` made to what is at `path`, where it is there.
    #[must_use]
    pub fn at_path(&self, path: &[Step<'_>], change: &dyn Fn(&Type) -> Type) -> Type {
        let Some((step, rest)) = path.split_first() else {
            return change(self);
        };
        let mut changed = self.clone();
        if let (Step::All, Some(members)) = (step, self.objects()) {
            changed.object = Some(Arc::new(members.each_with(&|it| it.at_path(rest, change))));
        }
        if let (Step::Name(name), Some(members)) = (step, self.objects()) {
            let mut members = (*members).clone();
            let field = members.field(name).at_path(rest, change);
            members.fields.insert(Arc::from(*name), field);
            changed.object = Some(Arc::new(members));
        } else if let (Step::Index(_) | Step::All, Some(items)) = (step, self.arrays()) {
            let each = items.each.join(&items.each.at_path(rest, change));
            changed.array = Some(Arc::new(Items { each, ..(*items).clone() }));
        }
        changed
    }

    /// The same without `path` in it, at this level or any below.
    #[must_use]
    pub fn without_anywhere(&self, path: &[Step<'_>]) -> Type {
        if self.unknown && self.object.is_none() && self.array.is_none() {
            // Of what is not known it is not known either what is left.
            return self.clone();
        }
        let here = self.without(path);
        let mut changed = here.clone();
        changed.object =
            here.object.map(|it| Arc::new(it.each_with(&|it| it.without_anywhere(path))));
        changed.array = here.array.map(|it| {
            let each = it.each.without_anywhere(path);
            Arc::new(Items { each, ..(*it).clone() })
        });
        changed
    }

    /// The same with what is at `path` marked; `None` where nothing can be there.
    #[must_use]
    pub fn mark(&self, path: &[Step<'_>], marks: u64) -> Option<Type> {
        let Some((step, rest)) = path.split_first() else {
            return (!self.has_no_value()).then(|| self.clone().marked(marks));
        };
        let mut marked = self.clone();
        match step {
            Step::Name(name) => {
                let members = self.objects()?;
                let field = members.field(name).mark(rest, marks)?;
                let mut members = (*members).clone();
                members.fields.insert(Arc::from(*name), field);
                marked.object = Some(Arc::new(members));
            }
            Step::Index(_) => marked.array = Some(self.items_marked(rest, marks)?),
            Step::All => {
                let array = self.items_marked(rest, marks);
                let object = self.objects().filter(|it| it.every().is_some()).map(|members| {
                    Arc::new(
                        members.each_with(&|it| it.mark(rest, marks).unwrap_or_else(|| it.clone())),
                    )
                });
                if array.is_none() && object.is_none() {
                    return None;
                }
                marked.array = array;
                marked.object = object;
            }
        }
        Some(marked)
    }

    fn items_marked(&self, rest: &[Step<'_>], marks: u64) -> Option<Arc<Items>> {
        let items = self.arrays()?;
        let each = items.each.mark(rest, marks)?;
        Some(Arc::new(Items { each, ..(*items).clone() }))
    }
}

impl Members {
    /// The same with `change` made to every member.
    fn each_with(&self, change: &dyn Fn(&Type) -> Type) -> Self {
        let fields = self.fields.iter().map(|(name, it)| (Arc::clone(name), change(it))).collect();
        let rest = match &self.rest {
            Rest::Closed => Rest::Closed,
            Rest::Undeclared => match change(&Type::anything()) {
                same if same == Type::anything() => Rest::Undeclared,
                other => Rest::Of(Box::new(other)),
            },
            Rest::Of(rest) => Rest::Of(Box::new(change(rest))),
        };
        Self { fields, rest }
    }
}
