//! Functions on arrays that compare their items.

use std::cmp::Ordering;

use super::{Outcome, argument, array_of, text_of};
use crate::{
    expr::{
        Scope,
        eval::{Failure, a, order, ordered, sort_by_value},
        path::member,
    },
    message::Value,
    typing::{Items, Kinds, Type},
};

pub(super) fn min<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    extreme("min", scope, arguments, Ordering::Less)
}

pub(super) fn max<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    extreme("max", scope, arguments, Ordering::Greater)
}

fn extreme<'a>(
    name: &str,
    scope: &Scope<'a>,
    arguments: &[Value<'a>],
    wanted: Ordering,
) -> Outcome<'a> {
    let mut best: Option<Value<'a>> = None;
    for item in array_of(name, argument(arguments, 0)?)? {
        scope.take(1)?;
        if *item == Value::Null {
            continue;
        }
        // An item alone must be comparable too.
        let against = best.unwrap_or(*item);
        let order = ordered(scope, *item, against)?.ok_or_else(|| mixed(name, *item, against))?;
        if best.is_none() || order == wanted {
            best = Some(*item);
        }
    }
    Ok(best)
}

pub(super) fn unique<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let items = array_of("unique", argument(arguments, 0)?)?;
    let mut sorted: Vec<(usize, Value<'a>)> = items.iter().copied().enumerate().collect();
    sort_by_value(scope, &mut sorted, |(_, value)| *value)?;
    // The sort is stable, so the first of each run is the first in the array.
    sorted.dedup_by(|later, earlier| order(later.1, earlier.1).is_eq());
    sorted.sort_unstable_by_key(|(index, _)| *index);
    let mut kept = scope.arena.list();
    for (_, value) in sorted {
        kept.push(value)?;
    }
    Ok(Some(Value::Array(kept.finish())))
}

pub(super) fn sort<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let items = array_of("sort", argument(arguments, 0)?)?;
    let key_name = arguments.get(1).map(|it| text_of("sort", *it)).transpose()?;
    let mut sorted: Vec<(Value<'a>, Value<'a>)> = Vec::with_capacity(items.len());
    for item in items {
        scope.take(1)?;
        let key = match key_name {
            None => *item,
            Some(name) => member(scope, *item, name)?
                .ok_or_else(|| format!("`sort` finds an item without `{name}`"))?,
        };
        let against = sorted.first().map_or(key, |(key, _)| *key);
        ordered(scope, key, against)?.ok_or_else(|| mixed("sort", key, against))?;
        sorted.push((key, *item));
    }
    sort_by_value(scope, &mut sorted, |(key, _)| *key)?;
    let mut values = scope.arena.list();
    for (_, item) in sorted {
        values.push(item)?;
    }
    Ok(Some(Value::Array(values.finish())))
}

fn mixed(name: &str, item: Value<'_>, against: Value<'_>) -> Failure {
    let wanted = "takes an array of numbers or one of texts";
    if item.kind() == against.kind() {
        return format!("`{name}` {wanted}, not one with {}", a(item)).into();
    }
    format!("`{name}` {wanted}, not one with {} and {}", a(against), a(item)).into()
}

/// The least or greatest of the numbers or texts; nothing where there are only nulls.
pub(super) fn extreme_type(arguments: &[Type]) -> Type {
    let items = arguments.first().and_then(Type::arrays).unwrap_or_default();
    Type { absent: !items.solid, ..items.each.clone().only(Kinds::CODE) }
}

pub(super) fn unique_type(arguments: &[Type]) -> Type {
    let items = arguments.first().and_then(Type::arrays).unwrap_or_default();
    Type::array(Items { least: items.least.min(1), ..(*items).clone() })
}

pub(super) fn sort_type(arguments: &[Type]) -> Type {
    Type { array: arguments.first().and_then(Type::arrays), ..Type::default() }
}
