//! Functions on objects.

use super::{Outcome, argument, object_of, text_of};
use crate::{
    expr::{Scope, path::member},
    message::Value,
    typing::{Items, Texts, Type},
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

pub(super) fn keys_type(arguments: &[Type]) -> Type {
    let each = Type::text(Texts::default());
    Type::array(Items { each, ..members_in(arguments) })
}

pub(super) fn values_type(arguments: &[Type]) -> Type {
    let every = arguments.first().and_then(Type::objects).and_then(|it| it.every());
    Type::array(Items { each: every.unwrap_or_default(), ..members_in(arguments) })
}

pub(super) fn has_type(_: &[Type]) -> Type {
    Type::boolean()
}

/// As many items as there are members.
fn members_in(arguments: &[Type]) -> Items {
    let least = arguments.first().and_then(Type::objects).map_or(0, |it| it.count_least());
    Items { least, ..Items::default() }
}
