//! What a [`Reader`] hands to serde piece by piece: places, entries, variants.

use std::vec;

use serde::{
    Deserializer,
    de::{
        DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess,
        Visitor, value::SeqDeserializer,
    },
    forward_to_deserialize_any,
};

use super::{
    Located, Node, NodeKind, Span,
    decode::Fault,
    placeholder::Placeholder,
    reader::{Reader, quietly},
    text,
    wire::{LIST, LOCATED, MAP, SCALAR, STYLES},
};

/// The place of a node, and then its content: what [`Located`] and [`Node`] ask for.
pub(super) struct Place<'a> {
    reader: Reader<'a>,
    /// Whether a [`Node`] asks.
    node: bool,
    given: u8,
}

impl<'a> Place<'a> {
    pub(super) fn new(reader: Reader<'a>, node: bool) -> Self {
        Self { reader, node, given: 0 }
    }
}

impl<'de> SeqAccess<'de> for Place<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let Reader { node, marks } = self.reader;
        let at = match &node.kind {
            _ if marks.is_poor(node) => Span::NOWHERE,
            // That too few are left, or none, is not the author's mistake.
            NodeKind::List(items) if !self.node && items.iter().any(|it| marks.is_poor(it)) => {
                Span::NOWHERE
            }
            _ => node.at,
        };
        self.given += 1;
        match (self.given, self.node, &node.kind) {
            (1, ..) => seed.deserialize(at.line.into_deserializer()),
            (2, ..) => seed.deserialize(at.column.into_deserializer()),
            (3, ..) => seed.deserialize(at.len.into_deserializer()),
            (4, false, _) => seed.deserialize(self.reader),
            (4, true, NodeKind::Scalar(_)) => seed.deserialize(SCALAR.into_deserializer()),
            (4, true, NodeKind::List(_)) => seed.deserialize(LIST.into_deserializer()),
            (4, true, NodeKind::Map(_)) => seed.deserialize(MAP.into_deserializer()),
            (5, true, NodeKind::Scalar(scalar)) => {
                let style = STYLES.iter().position(|it| *it == scalar.style);
                let style = u8::try_from(style.unwrap_or(0)).unwrap_or(0);
                seed.deserialize(style.into_deserializer())
            }
            (6, true, NodeKind::Scalar(scalar)) => {
                seed.deserialize(scalar.text.as_str().into_deserializer())
            }
            (5, true, NodeKind::List(items)) => {
                let items = items.iter().map(|it| self.reader.of(it));
                seed.deserialize(SeqDeserializer::new(items))
            }
            (5, true, NodeKind::Map(entries)) => {
                seed.deserialize(SeqDeserializer::new(entries.iter().map(|(key, _)| Key(key))))
            }
            (6, true, NodeKind::Map(entries)) => {
                let values = entries.iter().map(|(_, it)| self.reader.of(it));
                seed.deserialize(SeqDeserializer::new(values))
            }
            _ => return Ok(None),
        }
        .map(Some)
    }
}

/// The entries of a mapping, and stand-ins for those that it lacks.
pub(super) struct Entries<'a> {
    entries: vec::IntoIter<(&'a Located<String>, Reader<'a>)>,
    lacking: &'a [&'static str],
    value: Option<Reader<'a>>,
    /// How many stand in the file.
    in_file: usize,
}

impl<'a> Entries<'a> {
    pub(super) fn new(
        entries: Vec<(&'a Located<String>, Reader<'a>)>,
        lacking: &'a [&'static str],
    ) -> Self {
        let in_file = entries.len();
        Self { entries: entries.into_iter(), lacking, value: None, in_file }
    }

    /// The same, of a mapping with so many, some of which cannot be read.
    pub(super) fn out_of(self, in_file: usize) -> Self {
        Self { in_file, ..self }
    }
}

impl<'de> MapAccess<'de> for Entries<'de> {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        self.value = None;
        if let Some((key, value)) = self.entries.next() {
            self.value = Some(value);
            let read = seed.deserialize(Key(key));
            return read.map(Some).map_err(|it| it.owned_by_key(value.node, key));
        }
        let Some((first, rest)) = self.lacking.split_first() else { return Ok(None) };
        self.lacking = rest;
        seed.deserialize((*first).into_deserializer()).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        match self.value.take() {
            Some(value) => seed.deserialize(value),
            None => quietly(seed.deserialize(Placeholder::new())),
        }
    }

    /// How many stand in the file: whoever gets fewer knows that some could not be read.
    fn size_hint(&self) -> Option<usize> {
        Some(self.in_file)
    }
}

/// A key: text, unless its type wants a number.
struct Key<'a>(&'a Located<String>);

impl<'de> IntoDeserializer<'de, Fault> for Key<'de> {
    type Deserializer = Self;

    fn into_deserializer(self) -> Self {
        self
    }
}

impl<'de> Deserializer<'de> for Key<'de> {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str(&self.0.value)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        match self.0.value.parse() {
            Ok(number) => visitor.visit_u16(number),
            Err(_) => visitor.visit_str(""),
        }
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        _len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        match name {
            LOCATED => visitor.visit_seq(KeyPlace { key: self.0, given: 0 }),
            _ => self.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit
        unit_struct seq tuple map struct enum identifier ignored_any
    }
}

/// The place of a key, and then its text.
struct KeyPlace<'a> {
    key: &'a Located<String>,
    given: u8,
}

impl<'de> SeqAccess<'de> for KeyPlace<'de> {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        let at = self.key.at;
        self.given += 1;
        match self.given {
            1 => seed.deserialize(at.line.into_deserializer()),
            2 => seed.deserialize(at.column.into_deserializer()),
            3 => seed.deserialize(at.len.into_deserializer()),
            4 => seed.deserialize(Key(self.key)),
            _ => return Ok(None),
        }
        .map(Some)
    }
}

/// An externally tagged variant: a bare name, or a mapping with that one key.
pub(super) struct Variant<'a> {
    pub(super) name: &'a str,
    pub(super) at: Span,
    /// The node that the variant is.
    pub(super) of: &'a Node,
    pub(super) content: Option<Reader<'a>>,
}

impl<'de> EnumAccess<'de> for Variant<'de> {
    type Error = Fault;
    type Variant = Self;

    fn variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<(T::Value, Self), Fault> {
        let name: Result<_, Fault> = seed.deserialize(self.name.into_deserializer());
        Ok((name.map_err(|it| it.owned_by(self.of).placed(self.at))?, self))
    }
}

impl<'de> Variant<'de> {
    fn content(&self) -> Result<Reader<'de>, Fault> {
        let help = text!("write `{}: …`", self.name);
        let fault = || Fault::wrong(text!("`{}` needs a value", self.name), Some(help.clone()));
        self.content.ok_or_else(|| fault().owned_by(self.of))
    }
}

impl<'de> VariantAccess<'de> for Variant<'de> {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        let help = text!("write `{}` alone", self.name);
        let fault = || Fault::wrong(text!("`{}` takes no value", self.name), Some(help.clone()));
        self.content.map_or(Ok(()), |it| Err(fault().owned_by(it.node)))
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(self.content()?)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        self.content()?.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.content()?.deserialize_struct("", fields, visitor)
    }
}
