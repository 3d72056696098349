//! Functions that tell what a message is beside its body.

use super::{Outcome, argument, text_of};
use crate::{
    expr::Scope,
    message::Value,
    typing::{Texts, Type},
};

pub(super) fn header<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let name = text_of("header", argument(arguments, 0)?)?;
    scope.take_for_bytes(name.len())?;
    let value = if name.bytes().any(|it| it.is_ascii_uppercase()) {
        scope.meta.headers.get(&name.to_ascii_lowercase())
    } else {
        scope.meta.headers.get(name)
    };
    Ok(value.map(Value::Text))
}

pub(super) fn message_id<'a>(scope: &Scope<'a>, _: &[Value<'a>]) -> Outcome<'a> {
    Ok(Some(Value::Text(scope.arena.text(&scope.meta.id.to_string())?)))
}

pub(super) fn received_at<'a>(scope: &Scope<'a>, _: &[Value<'a>]) -> Outcome<'a> {
    Ok(Some(Value::Text(scope.arena.text(&scope.meta.received_at.to_string())?)))
}

pub(super) fn header_type(_: &[Type]) -> Type {
    Type::text(Texts::default()).or_nothing()
}

pub(super) fn message_id_type(_: &[Type]) -> Type {
    Type::text(Texts { least: 36, most: Some(36), ..Texts::of_format("uuid") })
}

pub(super) fn received_at_type(_: &[Type]) -> Type {
    Type::text(Texts { least: 20, ..Texts::of_format("date-time") })
}
