//! Goes along a compiled query.

use std::ops::ControlFlow;

use super::{Path, Place, Root, Segment, Selector, Step};
use crate::{
    expr::{Scope, eval::Failure},
    message::Value,
};

/// Arrays and objects inside each other that `..` goes down.
const DEPTH_MAX: usize = 512;

/// What a visitor of nodes says: go on, or enough.
type Visit = Result<ControlFlow<()>, Failure>;

/// A member of an object; looking through a large one takes steps.
pub(in crate::expr) fn member<'a>(
    scope: &Scope<'a>,
    value: Value<'a>,
    name: &str,
) -> Result<Option<Value<'a>>, Failure> {
    const MEMBERS_PER_STEP: usize = 16;
    let Value::Object(members) = value else { return Ok(None) };
    if MEMBERS_PER_STEP < members.len() {
        scope.take((members.len() / MEMBERS_PER_STEP) as u64)?;
    }
    Ok(value.get(name))
}

/// The root of a query: the body, or the current item.
fn root<'a>(root: Root, scope: &Scope<'a>, item: Option<Value<'a>>) -> Result<Value<'a>, Failure> {
    match root {
        Root::Body => Ok(scope.body),
        Root::Item => item.ok_or_else(|| "there is no current item here".into()),
    }
}

impl Place {
    /// The value at this place; `None` is nothing.
    pub(in crate::expr) fn value<'a>(
        &self,
        scope: &Scope<'a>,
        item: Option<Value<'a>>,
    ) -> Result<Option<Value<'a>>, Failure> {
        let mut value = root(self.root, scope, item)?;
        for step in &self.steps {
            let next = match step {
                Step::Name(name) => member(scope, value, name)?,
                Step::Index(index) => self::item(value, *index),
            };
            match next {
                Some(next) => value = next,
                None => return Ok(None),
            }
        }
        Ok(Some(value))
    }
}

impl Path {
    /// Hands every node to `visit`, in the order of RFC 9535.
    pub(in crate::expr) fn each<'a>(
        &self,
        scope: &Scope<'a>,
        item: Option<Value<'a>>,
        visit: &mut dyn FnMut(Value<'a>) -> Visit,
    ) -> Result<(), Failure> {
        let start = root(self.root, scope, item)?;
        Walk { scope, visit }.go(start, &self.segments).map(|_| ())
    }

    /// All nodes as an array.
    pub(in crate::expr) fn nodes<'a>(&self, scope: &Scope<'a>) -> Result<&'a [Value<'a>], Failure> {
        let mut nodes = scope.arena.list();
        self.each(scope, scope.item, &mut |node| {
            nodes.push(node)?;
            Ok(ControlFlow::Continue(()))
        })?;
        Ok(nodes.finish())
    }
}

struct Walk<'w, 'a> {
    scope: &'w Scope<'a>,
    visit: &'w mut dyn FnMut(Value<'a>) -> Visit,
}

impl<'a> Walk<'_, 'a> {
    /// Depth first, which gives the same order as list by list and needs no lists.
    fn go(&mut self, value: Value<'a>, segments: &[Segment]) -> Visit {
        self.scope.take(1)?;
        match segments.split_first() {
            None => (self.visit)(value),
            Some((segment, rest)) if segment.descends => self.descend(value, segment, rest, 0),
            Some((segment, rest)) => self.children(value, segment, rest),
        }
    }

    fn descend(
        &mut self,
        value: Value<'a>,
        segment: &Segment,
        rest: &[Segment],
        depth: usize,
    ) -> Visit {
        if DEPTH_MAX < depth {
            return Err(format!("goes down more than {DEPTH_MAX} levels").into());
        }
        self.scope.take(1)?;
        if self.children(value, segment, rest)?.is_break() {
            return Ok(ControlFlow::Break(()));
        }
        self.below(value, &mut |walk, child| walk.descend(child, segment, rest, depth + 1))
    }

    fn children(&mut self, value: Value<'a>, segment: &Segment, rest: &[Segment]) -> Visit {
        for selector in &segment.selectors {
            if self.select(value, selector, rest)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    fn select(&mut self, value: Value<'a>, selector: &Selector, rest: &[Segment]) -> Visit {
        match selector {
            Selector::Name(name) => self.go_if_there(member(self.scope, value, name)?, rest),
            Selector::Index(index) => self.go_if_there(item(value, *index), rest),
            Selector::Wildcard => self.below(value, &mut |walk, child| walk.go(child, rest)),
            Selector::Slice { start, end, step } => {
                let Value::Array(items) = value else { return Ok(ControlFlow::Continue(())) };
                for index in slice(items.len(), *start, *end, *step) {
                    if self.go_if_there(items.get(index).copied(), rest)?.is_break() {
                        return Ok(ControlFlow::Break(()));
                    }
                }
                Ok(ControlFlow::Continue(()))
            }
            Selector::Filter(filter) => self.below(value, &mut |walk, child| {
                if filter.holds(walk.scope, child)? {
                    walk.go(child, rest)
                } else {
                    Ok(ControlFlow::Continue(()))
                }
            }),
        }
    }

    fn go_if_there(&mut self, value: Option<Value<'a>>, rest: &[Segment]) -> Visit {
        value.map_or(Ok(ControlFlow::Continue(())), |it| self.go(it, rest))
    }

    /// Calls `act` with every child of an array or object.
    fn below(
        &mut self,
        value: Value<'a>,
        act: &mut dyn FnMut(&mut Self, Value<'a>) -> Visit,
    ) -> Visit {
        let mut children: &mut dyn Iterator<Item = Value<'a>> = match value {
            Value::Array(items) => &mut items.iter().copied(),
            Value::Object(members) => &mut members.iter().map(|(_, value)| *value),
            _ => &mut std::iter::empty(),
        };
        for child in &mut children {
            if act(self, child)?.is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }
}

/// An item by its index, counted from the end where negative.
fn item(value: Value<'_>, index: i64) -> Option<Value<'_>> {
    let Value::Array(items) = value else { return None };
    let index = if index < 0 {
        items.len().checked_sub(usize::try_from(index.unsigned_abs()).ok()?)?
    } else {
        usize::try_from(index).ok()?
    };
    items.get(index).copied()
}

/// The indexes that a slice selects (RFC 9535, 2.3.4.2).
fn slice(
    len: usize,
    start: Option<i64>,
    end: Option<i64>,
    step: i64,
) -> impl Iterator<Item = usize> {
    let len = i64::try_from(len).unwrap_or(i64::MAX);
    let from_end = |index: i64| if index < 0 { len.saturating_add(index) } else { index };
    let (first, last) = if 0 < step {
        let start = from_end(start.unwrap_or(0)).clamp(0, len);
        (start, from_end(end.unwrap_or(len)).clamp(0, len))
    } else {
        let start = start.map_or(len - 1, from_end).clamp(-1, len - 1);
        (start, end.map_or(-1, from_end).clamp(-1, len - 1))
    };
    let mut next = if step == 0 { last } else { first };
    std::iter::from_fn(move || {
        let within = if 0 < step { next < last } else { last < next };
        let index = within.then_some(next)?;
        next = next.saturating_add(step);
        usize::try_from(index).ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn indexes(start: Option<i64>, end: Option<i64>, step: i64) -> Vec<usize> {
        slice(4, start, end, step).collect()
    }

    #[test]
    fn slices_go_as_rfc_9535_has_it() {
        assert_eq!(indexes(None, None, 1), [0, 1, 2, 3]);
        assert_eq!(indexes(Some(1), Some(-1), 1), [1, 2]);
        assert_eq!(indexes(None, None, -1), [3, 2, 1, 0]);
        assert_eq!(indexes(Some(-1), Some(0), -2), [3, 1]);
        assert_eq!(indexes(Some(9), None, 1), [] as [usize; 0]);
        assert_eq!(indexes(None, None, 0), [] as [usize; 0]);
    }

    #[test]
    fn the_ends_of_a_slice_may_be_as_far_off_as_numbers_go() {
        assert_eq!(indexes(Some(i64::MIN), Some(i64::MAX), i64::MAX), [0]);
        assert_eq!(indexes(Some(i64::MAX), Some(i64::MIN), i64::MIN), [3]);
        assert_eq!(slice(0, None, None, -1).count(), 0);
    }
}
