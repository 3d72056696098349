//! Functions on objects.

use super::{Outcome, argument, object_of, text_of};
use crate::{
    expr::{Scope, path::member},
    message::Value,
};

pub(super) fn keys<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let mut keys = scope.arena.list();
    for (key, _) in object_of("keys", argument(arguments, 0)?)? {
        scope.take(1)?;
        keys.push(Value::Text(key))?;
    }
    Ok(Some(Value::Array(keys.finish())))
}

pub(super) fn values<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let mut values = scope.arena.list();
    for (_, value) in object_of("values", argument(arguments, 0)?)? {
        scope.take(1)?;
        values.push(*value)?;
    }
    Ok(Some(Value::Array(values.finish())))
}

pub(super) fn has<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let object = argument(arguments, 0)?;
    object_of("has", object)?;
    let name = text_of("has", argument(arguments, 1)?)?;
    Ok(Some(Value::Bool(member(scope, object, name)?.is_some())))
}
