//! What `map` and `set` draw, looked at: what each value in it comes to, and whether it can fail.

use super::{
    Part,
    map::{Kind, Shape},
};
use crate::{expr::Scope, message::Value};

impl Shape {
    /// Adds what each single value in it comes to; `name` is that of the whole.
    pub(super) fn parts<'a>(&self, name: &str, scope: &Scope<'a>, parts: &mut Vec<Part<'a>>) {
        let mut add = |text: &str| {
            let came = self.value(scope).map_err(|error| error.to_string());
            parts.push(Part { name: name.to_owned(), text: text.to_owned(), came });
        };
        match &self.kind {
            Kind::Null => add("null"),
            Kind::Bool(value) => add(if *value { "true" } else { "false" }),
            Kind::Number(text) => add(text),
            Kind::Text(value) => add(value.text()),
            Kind::List(shapes) => {
                for (index, shape) in shapes.iter().enumerate() {
                    shape.parts(&format!("{name}[{index}]"), scope, parts);
                }
            }
            Kind::Object(fields) => {
                for (field, shape) in fields {
                    let dot = if name.is_empty() { "" } else { "." };
                    shape.parts(&format!("{name}{dot}{field}"), scope, parts);
                }
            }
            Kind::Each { items, shape } => match items.eval(scope) {
                Ok(Some(Value::Array(found))) => {
                    for (index, item) in found.iter().enumerate() {
                        let scope = Scope { item: Some(*item), ..*scope };
                        shape.parts(&format!("{name}[{index}]"), &scope, parts);
                    }
                }
                _ => add(&format!("$each: {}", items.text())),
            },
        }
    }

    /// Whether some message may be at fault.
    pub(super) fn can_fail(&self) -> bool {
        match &self.kind {
            Kind::Null | Kind::Bool(_) | Kind::Number(_) => false,
            Kind::Text(value) => value.can_fail(),
            Kind::List(shapes) => shapes.iter().any(Self::can_fail),
            Kind::Object(fields) => fields.iter().any(|(_, shape)| shape.can_fail()),
            Kind::Each { items, shape } => {
                items.can_fail() || !items.yields_array() || shape.can_fail()
            }
        }
    }
}
