//! Bodies as the schema library sees them: it walks our values themselves, so that checking a
//! body against a schema neither copies nor rounds anything.

use std::borrow::Cow;

use jsonschema::{
    JsonType,
    json::{Array, Json, JsonNumber, Node, NodeIdentity, Object, cmp, unique},
};
use serde_json::Value as Copied;

use crate::message::{Number, Value};

/// Our bodies, as one representation of JSON.
pub(super) struct Body;

impl Json for Body {
    type Node<'a> = &'a Value<'a>;
    type PreparedKey = Box<str>;
    type StringBuffer = ();

    /// A look-up goes through the members, so that any one pass over them is cheaper than two.
    const KEYS_PER_LOOKUP: usize = 64;

    fn prepare_key(key: &str) -> Box<str> {
        key.into()
    }

    fn with_string_node<T>(_: &mut (), string: &str, f: impl FnOnce(Self::Node<'_>) -> T) -> T {
        f(&Value::Text(string))
    }
}

impl<'a> Node<'a, Body> for &'a Value<'a> {
    type Object = &'a [(&'a str, Value<'a>)];
    type Array = &'a [Value<'a>];
    type Number = Number<'a>;

    fn as_object(&self) -> Option<Self::Object> {
        match self {
            Value::Object(members) => Some(members),
            _ => None,
        }
    }

    fn as_array(&self) -> Option<Self::Array> {
        match self {
            Value::Array(items) => Some(items),
            _ => None,
        }
    }

    fn as_string(&self) -> Option<Cow<'a, str>> {
        match self {
            Value::Text(text) => Some(Cow::Borrowed(text)),
            _ => None,
        }
    }

    fn as_number(&self) -> Option<Number<'a>> {
        match self {
            Value::Number(number) => Some(*number),
            _ => None,
        }
    }

    fn as_boolean(&self) -> Option<bool> {
        match self {
            Value::Bool(value) => Some(*value),
            _ => None,
        }
    }

    fn is_null(&self) -> bool {
        matches!(self, Value::Null)
    }

    fn json_type(&self) -> JsonType {
        match self {
            Value::Null => JsonType::Null,
            Value::Bool(_) => JsonType::Boolean,
            Value::Number(_) => JsonType::Number,
            Value::Text(_) => JsonType::String,
            Value::Array(_) => JsonType::Array,
            Value::Object(_) => JsonType::Object,
        }
    }

    fn equals_value(&self, expected: &Copied) -> bool {
        match (self, expected) {
            (Value::Text(text), Copied::String(expected)) => text == expected,
            (Value::Text(_), _) | (_, Copied::String(_)) => false,
            _ => cmp::equal(&copied(self), expected),
        }
    }

    /// Only errors ask for it, and what is wrong is told by its place and by what the schema
    /// asks, never by the value.
    fn to_value(&self) -> Cow<'a, Copied> {
        Cow::Owned(Copied::Null)
    }

    fn identity(&self) -> Option<NodeIdentity> {
        Some(NodeIdentity::new(std::ptr::from_ref::<Value<'_>>(*self) as usize))
    }
}

impl<'a> Object<'a, Body> for &'a [(&'a str, Value<'a>)] {
    type Node = &'a Value<'a>;
    type MemberName = &'a str;
    type MembersIter = Members<'a>;

    fn len(&self) -> usize {
        <[_]>::len(self)
    }

    fn get(&self, key: &Box<str>) -> Option<&'a Value<'a>> {
        self.iter().find(|(name, _)| **name == **key).map(|(_, value)| value)
    }

    fn members(&self) -> Members<'a> {
        Members(self.iter())
    }
}

pub(super) struct Members<'a>(std::slice::Iter<'a, (&'a str, Value<'a>)>);

impl<'a> Iterator for Members<'a> {
    type Item = (&'a str, &'a Value<'a>);

    fn next(&mut self) -> Option<Self::Item> {
        self.0.next().map(|(name, value)| (*name, value))
    }
}

impl<'a> Array<'a, Body> for &'a [Value<'a>] {
    type Node = &'a Value<'a>;
    type ElementsIter = std::slice::Iter<'a, Value<'a>>;

    fn len(&self) -> usize {
        <[_]>::len(self)
    }

    fn elements(&self) -> Self::ElementsIter {
        self.iter()
    }

    fn is_unique(&self) -> bool {
        let items: Vec<Copied> = self.iter().map(copied).collect();
        unique::is_unique(&items)
    }
}

impl JsonNumber for Number<'_> {
    fn as_u64(&self) -> Option<u64> {
        self.text().parse().ok()
    }

    fn as_i64(&self) -> Option<i64> {
        self.text().parse().ok()
    }

    /// Beyond the largest binary number, infinity: it compares as it should.
    fn as_f64(&self) -> Option<f64> {
        self.text().parse().ok()
    }

    fn as_str(&self) -> Cow<'_, str> {
        Cow::Borrowed(self.text())
    }

    fn to_number(&self) -> Cow<'_, serde_json::Number> {
        Cow::Owned(copied_number(*self))
    }

    fn is_integer(&self) -> bool {
        Number::is_whole(*self)
    }
}

fn copied_number(number: Number<'_>) -> serde_json::Number {
    serde_json::from_str(number.text()).unwrap_or_else(|_| serde_json::Number::from(0))
}

fn copied(value: &Value<'_>) -> Copied {
    match value {
        Value::Null => Copied::Null,
        Value::Bool(value) => Copied::Bool(*value),
        Value::Number(number) => Copied::Number(copied_number(*number)),
        Value::Text(text) => Copied::String((*text).to_owned()),
        Value::Array(items) => Copied::Array(items.iter().map(copied).collect()),
        Value::Object(members) => {
            let copy = |(name, value): &(&str, Value<'_>)| ((*name).to_owned(), copied(value));
            Copied::Object(members.iter().map(copy).collect())
        }
    }
}
