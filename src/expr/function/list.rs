//! Functions on arrays that keep their order.

use super::{Outcome, argument, array_of};
use crate::{
    expr::{Scope, eval::a, number},
    message::Value,
    typing::{Bound, Items, Kinds, Numbers, Range, Type},
};

pub(super) fn count<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let items = array_of("count", argument(arguments, 0)?)?;
    number::count(scope.arena, items.len()).map(Some)
}

pub(super) fn length<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let length = match argument(arguments, 0)? {
        Value::Text(text) => {
            scope.take_for_bytes(text.len())?;
            text.chars().count()
        }
        Value::Array(items) => items.len(),
        Value::Object(members) => members.len(),
        other => {
            let wanted = "`length` takes a text, an array or an object";
            return Err(format!("{wanted}, not {}", a(other)).into());
        }
    };
    number::count(scope.arena, length).map(Some)
}

pub(super) fn first<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let items = array_of("first", argument(arguments, 0)?)?;
    scope.take(items.len() as u64)?;
    Ok(items.iter().copied().find(|it| *it != Value::Null))
}

pub(super) fn last<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let items = array_of("last", argument(arguments, 0)?)?;
    scope.take(items.len() as u64)?;
    Ok(items.iter().copied().rfind(|it| *it != Value::Null))
}

pub(super) fn flatten<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let mut flat = scope.arena.list();
    for item in array_of("flatten", argument(arguments, 0)?)? {
        scope.take(1)?;
        match item {
            Value::Array(inner) => {
                scope.take(inner.len() as u64)?;
                flat.extend(inner)?;
            }
            other => flat.push(*other)?,
        }
    }
    Ok(Some(Value::Array(flat.finish())))
}

pub(super) fn count_type(arguments: &[Type]) -> Type {
    let items = arguments.first().and_then(Type::arrays).unwrap_or_default();
    let bound = |count: u64| Some(Bound::at(&count.to_string()));
    let range = Range { least: bound(items.least), most: items.most.and_then(bound) };
    Type::number(Numbers { whole: true, range, one_of: None })
}

pub(super) fn length_type(_: &[Type]) -> Type {
    Type::count()
}

/// The first or last that is not null.
pub(super) fn one_type(arguments: &[Type]) -> Type {
    let items = arguments.first().and_then(Type::arrays).unwrap_or_default();
    Type { absent: !items.solid, ..items.each.clone().without_null() }
}

pub(super) fn flatten_type(arguments: &[Type]) -> Type {
    let items = arguments.first().and_then(Type::arrays).unwrap_or_default();
    let others = items.each.clone().only(Kinds(Kinds::ANY.0 & !Kinds::ARRAY.0));
    let inner = items.each.arrays().filter(|it| it.most != Some(0)).map(|it| it.each.clone());
    let others = (!others.has_no_value()).then_some(others);
    let each = inner.into_iter().chain(others).reduce(|one, other| one.join(&other));
    match each {
        Some(each) => Type::array(Items { each, ..Items::default() }),
        None => Type::array(Items { most: Some(0), ..Items::default() }),
    }
}
