//! `[?…]`: RFC 9535 alone, whose comparisons are not those of the expression language: nothing
//! equals nothing, and `<` across types is false.

use std::{cmp::Ordering, ops::ControlFlow};

use super::{Path, Place, pattern::Pattern};
use crate::{
    expr::{
        Scope,
        eval::{Failure, equal, ordered},
        node::{Comparison, Literal},
        number,
    },
    message::Value,
};

/// The logical expression of a filter.
#[derive(Debug)]
pub(super) enum Filter {
    Or(Box<[Filter]>),
    And(Box<[Filter]>),
    Not(Box<Filter>),
    Exists(Test),
    Compare(Comparison, Box<[Operand; 2]>),
    Matches(Box<Operand>, Pattern),
}

/// Whether a query finds anything.
#[derive(Debug)]
pub(super) enum Test {
    Place(Place),
    Path(Path),
}

/// What a comparison compares: a value, or nothing.
#[derive(Debug)]
pub(super) enum Operand {
    Literal(Literal),
    Place(Place),
    Length(Box<Operand>),
    Count(Test),
    Value(Test),
}

impl Filter {
    /// Whether `item` passes.
    pub(super) fn holds<'a>(&self, scope: &Scope<'a>, item: Value<'a>) -> Result<bool, Failure> {
        scope.take(1)?;
        match self {
            Self::Or(filters) => {
                for filter in filters {
                    if filter.holds(scope, item)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::And(filters) => {
                for filter in filters {
                    if !filter.holds(scope, item)? {
                        return Ok(false);
                    }
                }
                Ok(true)
            }
            Self::Not(filter) => Ok(!filter.holds(scope, item)?),
            Self::Exists(test) => Ok(test.count(scope, item, 1)?.0 != 0),
            Self::Compare(comparison, operands) => {
                let [left, right] = operands.as_ref();
                let (left, right) = (left.value(scope, item)?, right.value(scope, item)?);
                compare(scope, *comparison, left, right)
            }
            Self::Matches(text, pattern) => match text.value(scope, item)? {
                Some(Value::Text(text)) => pattern.matches(scope, item, text),
                _ => Ok(false),
            },
        }
    }
}

impl Test {
    /// How many nodes there are, counted to `enough`, and the first of them.
    fn count<'a>(
        &self,
        scope: &Scope<'a>,
        item: Value<'a>,
        enough: usize,
    ) -> Result<(usize, Option<Value<'a>>), Failure> {
        let mut first = None;
        let mut count = 0;
        match self {
            Self::Place(place) => {
                first = place.value(scope, Some(item))?;
                count = usize::from(first.is_some());
            }
            Self::Path(path) => path.each(scope, Some(item), &mut |node| {
                first = first.or(Some(node));
                count += 1;
                let done = enough <= count;
                Ok(if done { ControlFlow::Break(()) } else { ControlFlow::Continue(()) })
            })?,
        }
        Ok((count, first))
    }
}

impl Operand {
    /// The value; `None` is nothing.
    pub(super) fn value<'v>(
        &'v self,
        scope: &Scope<'v>,
        item: Value<'v>,
    ) -> Result<Option<Value<'v>>, Failure> {
        match self {
            Self::Literal(literal) => Ok(Some(literal.value())),
            Self::Place(place) => place.value(scope, Some(item)),
            Self::Length(operand) => {
                let length = match operand.value(scope, item)? {
                    Some(Value::Text(text)) => {
                        scope.take_for_bytes(text.len())?;
                        text.chars().count()
                    }
                    Some(Value::Array(items)) => items.len(),
                    Some(Value::Object(members)) => members.len(),
                    _ => return Ok(None),
                };
                number::count(scope.arena, length).map(Some)
            }
            Self::Count(test) => {
                let (count, _) = test.count(scope, item, usize::MAX)?;
                number::count(scope.arena, count).map(Some)
            }
            Self::Value(test) => {
                let (count, first) = test.count(scope, item, 2)?;
                Ok(first.filter(|_| count == 1))
            }
        }
    }
}

fn compare(
    scope: &Scope<'_>,
    comparison: Comparison,
    left: Option<Value<'_>>,
    right: Option<Value<'_>>,
) -> Result<bool, Failure> {
    let equal = || match (left, right) {
        (None, None) => Ok(true),
        (Some(left), Some(right)) => equal(scope, left, right),
        _ => Ok(false),
    };
    let order = match left.zip(right) {
        Some((left, right)) => ordered(scope, left, right)?,
        None => None,
    };
    Ok(match comparison {
        Comparison::Equal => equal()?,
        Comparison::Unequal => !equal()?,
        Comparison::Less => order == Some(Ordering::Less),
        Comparison::Greater => order == Some(Ordering::Greater),
        Comparison::LessOrEqual => order == Some(Ordering::Less) || equal()?,
        Comparison::GreaterOrEqual => order == Some(Ordering::Greater) || equal()?,
    })
}
