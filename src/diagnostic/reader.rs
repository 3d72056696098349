//! The serde deserializer over a [`Node`]; see `decode.rs` for how mistakes are collected.

use serde::{
    Deserializer,
    de::{IntoDeserializer, Visitor, value::SeqDeserializer},
    forward_to_deserialize_any,
};

use super::{
    Located, Node, NodeKind, PlainValue, Scalar, Style,
    access::{Entries, Place, Variant},
    decode::{Expected, Fault, Marks},
    node::is_json_number,
    placeholder::Placeholder,
    text,
    wire::{LOCATED, NODE},
};

/// Reads one node.
#[derive(Debug, Clone, Copy)]
pub(super) struct Reader<'a> {
    pub(super) node: &'a Node,
    pub(super) marks: &'a Marks,
}

impl<'a> Reader<'a> {
    /// What to read instead of a node that was found wrong. Its faults are not laid at the node:
    /// where even a stand-in does not help, the node's parent has to be stood in for.
    fn stand_in(self) -> Option<Placeholder> {
        self.marks.is_poor(self.node).then(Placeholder::new)
    }

    pub(super) fn of(self, node: &'a Node) -> Self {
        Self { node, marks: self.marks }
    }

    fn lay<T>(self, read: Result<T, Fault>) -> Result<T, Fault> {
        read.map_err(|fault| fault.owned_by(self.node))
    }

    fn wrong<T>(self, expected: Expected<'_>) -> Result<T, Fault> {
        self.lay(Err(Fault::kind(self.node, expected)))
    }

    fn scalar(self) -> Option<&'a Scalar> {
        match &self.node.kind {
            NodeKind::Scalar(scalar) if !scalar.is_null() => Some(scalar),
            _ => None,
        }
    }

    /// The text of a scalar that may be something else than text.
    fn bare(self) -> Option<&'a str> {
        let scalar = self.scalar()?;
        matches!(scalar.style, Style::Plain | Style::Filled).then_some(scalar.text.as_str())
    }

    fn number<'de, V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.stand_in().is_some() {
            return quietly(visitor.visit_u64(0));
        }
        let Some(text) = self.bare().filter(|it| is_json_number(it)) else {
            // A visitor of numbers takes no text, and says what it wants.
            return match &self.node.kind {
                NodeKind::Scalar(_) => self.lay(visitor.visit_str("")),
                _ => self.wrong(Expected::Scalar(text!("a number"))),
            };
        };
        let read = match (text.parse::<u64>(), text.parse::<i64>(), text.parse::<f64>()) {
            (Ok(number), ..) => visitor.visit_u64(number),
            (_, Ok(number), _) => visitor.visit_i64(number),
            (.., Ok(number)) => visitor.visit_f64(number),
            _ => return self.wrong(Expected::Scalar(text!("a number"))),
        };
        self.lay(read)
    }

    fn list(self) -> Option<impl Iterator<Item = Self>> {
        let NodeKind::List(items) = &self.node.kind else { return None };
        let items = items.iter().filter(move |it| !self.marks.is_poor(it));
        Some(items.map(move |it| self.of(it)))
    }

    /// The entries of a mapping; with `poor` set also those whose values need a stand-in.
    fn entries(self, poor: bool) -> Option<Vec<(&'a Located<String>, Self)>> {
        let NodeKind::Map(entries) = &self.node.kind else { return None };
        let readable = entries
            .iter()
            .filter(|(_, it)| !self.marks.is_skipped(it) && (poor || !self.marks.is_poor(it)));
        Some(readable.map(|(key, value)| (key, self.of(value))).collect())
    }
}

/// What a type says about a stand-in is not the author's mistake.
pub(super) fn quietly<T>(read: Result<T, Fault>) -> Result<T, Fault> {
    read.map_err(|_| Fault::silent())
}

impl<'de> IntoDeserializer<'de, Fault> for Reader<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Reader<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match &self.node.kind {
            NodeKind::List(_) => self.deserialize_seq(visitor),
            NodeKind::Map(_) => self.deserialize_map(visitor),
            NodeKind::Scalar(scalar) => match scalar.plain_value() {
                Ok(PlainValue::Null) => self.lay(visitor.visit_unit()),
                Ok(PlainValue::Bool(value)) => self.lay(visitor.visit_bool(value)),
                Ok(PlainValue::Number(_)) => self.number(visitor),
                Ok(PlainValue::Text(text)) => self.lay(visitor.visit_str(text)),
                Err(ambiguous) => self.lay(Err(Fault::ambiguous(self.node, &ambiguous))),
            },
        }
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.stand_in().is_some() {
            return quietly(visitor.visit_bool(false));
        }
        match self.bare() {
            Some("true") => self.lay(visitor.visit_bool(true)),
            Some("false") => self.lay(visitor.visit_bool(false)),
            _ => self.wrong(Expected::Scalar(text!("`true` or `false`"))),
        }
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.number(visitor)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.number(visitor)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.number(visitor)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.number(visitor)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.number(visitor)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.number(visitor)
    }

    fn deserialize_str<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if self.stand_in().is_some() {
            return quietly(visitor.visit_str(""));
        }
        match self.scalar() {
            Some(scalar) => self.lay(visitor.visit_str(&scalar.text)),
            None => self.wrong(Expected::Scalar(text!("a text"))),
        }
    }

    fn deserialize_string<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_str(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.stand_in() {
            // As if something stood there, unless no stand-in will do: that a key is missing
            // would be a second mistake, and not a true one.
            Some(_) if self.marks.is_lost(self.node) => visitor.visit_none(),
            Some(stand_in) => self.lay(quietly(visitor.visit_some(stand_in))),
            None => self.lay(visitor.visit_some(self)),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if let Some(stand_in) = self.stand_in() {
            return quietly(stand_in.deserialize_seq(visitor));
        }
        match self.list() {
            Some(items) => self.lay(visitor.visit_seq(SeqDeserializer::new(items))),
            None => self.wrong(Expected::List),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(
        self,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match (self.stand_in(), name) {
            (Some(stand_in), NODE) => quietly(stand_in.deserialize_tuple(len, visitor)),
            (_, LOCATED | NODE) => self.lay(visitor.visit_seq(Place::new(self, name == NODE))),
            _ => self.deserialize_seq(visitor),
        }
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        if let Some(stand_in) = self.stand_in() {
            return quietly(stand_in.deserialize_map(visitor));
        }
        match (&self.node.kind, self.entries(false)) {
            (NodeKind::Map(in_file), Some(entries)) => {
                let entries = Entries::new(entries, &[]).out_of(in_file.len());
                self.lay(visitor.visit_map(entries))
            }
            _ => self.wrong(Expected::Map),
        }
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if let Some(stand_in) = self.stand_in() {
            return quietly(stand_in.deserialize_struct(name, fields, visitor));
        }
        match self.entries(true) {
            Some(entries) => {
                let lacking = self.marks.lacking(self.node);
                self.lay(visitor.visit_map(Entries::new(entries, lacking)))
            }
            None => self.wrong(Expected::Fields(fields)),
        }
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        if let Some(stand_in) = self.stand_in() {
            return quietly(stand_in.deserialize_enum(name, variants, visitor));
        }
        let variant = match (self.scalar(), self.entries(true).as_deref()) {
            (Some(scalar), _) => {
                Variant { name: &scalar.text, at: self.node.at, of: self.node, content: None }
            }
            (_, Some([(key, content)])) => {
                Variant { name: &key.value, at: key.at, of: self.node, content: Some(*content) }
            }
            (_, Some([] | [_, _, ..])) => {
                return self.lay(Err(Fault::one_key(self.node, variants)));
            }
            (_, None) => {
                return self.wrong(Expected::OneOf(text!("one of `{}`", &variants.join("`, `"))));
            }
        };
        self.lay(visitor.visit_enum(variant))
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u128 f32 char bytes byte_buf unit unit_struct identifier ignored_any
    }
}
