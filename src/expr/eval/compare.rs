//! Equality and order of values: numbers by value, objects whatever the order of their members.

use std::cmp::Ordering;

use super::Failure;
use crate::{
    expr::{Scope, number},
    message::Value,
};

/// `left == right`.
pub(in crate::expr) fn equal(
    scope: &Scope<'_>,
    left: Value<'_>,
    right: Value<'_>,
) -> Result<bool, Failure> {
    scope.take(1)?;
    match (left, right) {
        (Value::Array(left), Value::Array(right)) if left.len() == right.len() => {
            for (left, right) in left.iter().zip(right) {
                if !equal(scope, *left, *right)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Object(members), Value::Object(others)) if members.len() == others.len() => {
            for (key, left) in members {
                scope.take(others.len() as u64)?;
                let Some(other) = right.get(key) else { return Ok(false) };
                if !equal(scope, *left, other)? {
                    return Ok(false);
                }
            }
            Ok(true)
        }
        (Value::Text(left), Value::Text(right)) if left.len() != right.len() => Ok(false),
        (left, right) => Ok(scalars(scope, left, right)?.is_some_and(Ordering::is_eq)),
    }
}

/// How two scalars of one kind compare; `None` for two kinds, and for arrays and objects.
pub(in crate::expr) fn scalars(
    scope: &Scope<'_>,
    left: Value<'_>,
    right: Value<'_>,
) -> Result<Option<Ordering>, Failure> {
    Ok(Some(match (left, right) {
        (Value::Null, Value::Null) => Ordering::Equal,
        (Value::Bool(left), Value::Bool(right)) => left.cmp(&right),
        (Value::Number(left), Value::Number(right)) => {
            let (left, right) = (left.text(), right.text());
            scope.take_for_bytes(left.len() + right.len())?;
            number::compare(left, right)
        }
        (Value::Text(left), Value::Text(right)) => {
            scope.take_for_bytes(left.len().min(right.len()))?;
            left.cmp(right)
        }
        _ => return Ok(None),
    }))
}

/// Puts `items` in a total order in which exactly equal values are equal, stably. Between kinds
/// the order is arbitrary; `value` says what of an item counts.
pub(in crate::expr) fn sort_by_value<'a, T>(
    scope: &Scope<'_>,
    items: &mut [T],
    value: impl Fn(&T) -> Value<'a>,
) -> Result<(), Failure> {
    // All at once and before: an order that fails in the middle is none, and may panic.
    let rounds = u64::from(items.len().max(1).ilog2()) + 1;
    let mut weight = 0_u64;
    for item in items.iter() {
        weight = weight.saturating_add(weigh(scope, value(item))?);
    }
    scope.take(weight.saturating_mul(rounds))?;
    items.sort_by(|left, right| order(value(left), value(right)));
    Ok(())
}

/// The steps that one comparison with this value may take.
fn weigh(scope: &Scope<'_>, value: Value<'_>) -> Result<u64, Failure> {
    scope.take(1)?;
    let mut weight = 1_u64;
    match value {
        Value::Array(items) => {
            for item in items {
                weight = weight.saturating_add(weigh(scope, *item)?);
            }
        }
        Value::Object(members) => {
            for (_, item) in members {
                weight = weight.saturating_add(weigh(scope, *item)?);
            }
            // Its members are sorted for each comparison.
            weight = weight.saturating_mul(u64::from(members.len().max(1).ilog2()) + 1);
        }
        Value::Text(text) => weight += text.len() as u64 / 64,
        Value::Number(number) => weight += number.text().len() as u64 / 64,
        Value::Null | Value::Bool(_) => {}
    }
    Ok(weight)
}

/// A total order of all values.
pub(in crate::expr) fn order(left: Value<'_>, right: Value<'_>) -> Ordering {
    match (left, right) {
        (Value::Bool(left), Value::Bool(right)) => left.cmp(&right),
        (Value::Number(left), Value::Number(right)) => number::compare(left.text(), right.text()),
        (Value::Text(left), Value::Text(right)) => left.cmp(right),
        (Value::Array(left), Value::Array(right)) => {
            let pairs = left.iter().zip(right);
            let unequal = pairs.map(|(left, right)| order(*left, *right)).find(|it| it.is_ne());
            unequal.unwrap_or_else(|| left.len().cmp(&right.len()))
        }
        (Value::Object(left), Value::Object(right)) => order_of_objects(left, right),
        _ => rank(left).cmp(&rank(right)),
    }
}

fn order_of_objects<'a>(left: &[(&'a str, Value<'a>)], right: &[(&'a str, Value<'a>)]) -> Ordering {
    let sorted = |members: &[(&'a str, Value<'a>)]| {
        let mut members = members.to_vec();
        members.sort_unstable_by_key(|(key, _)| *key);
        members
    };
    for ((left_key, left), (right_key, right)) in sorted(left).iter().zip(sorted(right)) {
        let order = left_key.cmp(&right_key).then_with(|| order(*left, right));
        if order.is_ne() {
            return order;
        }
    }
    left.len().cmp(&right.len())
}

fn rank(value: Value<'_>) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::Text(_) => 3,
        Value::Array(_) => 4,
        Value::Object(_) => 5,
    }
}
