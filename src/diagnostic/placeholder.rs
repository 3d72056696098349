//! A stand-in for a value that could not be read, so that the rest of its file still can be.
//!
//! It gives a type whatever the type asks for: an empty text, zero, nothing, the first variant.
//! Its places are [`Span::NOWHERE`], at which a [`Report`](super::Report) takes no more mistakes:
//! the one that made the stand-in necessary is in it already.

use serde::{
    Deserializer,
    de::{
        DeserializeSeed, EnumAccess, IntoDeserializer, MapAccess, SeqAccess, VariantAccess, Visitor,
    },
    forward_to_deserialize_any,
};

use super::{Span, decode::Fault, wire::SCALAR};

/// How deep a stand-in may be nested: a type whose first variant holds itself has no end.
const DEPTH_MAX: u8 = 16;

/// Stands in for one value.
#[derive(Debug, Clone, Copy)]
pub(super) struct Placeholder {
    depth: u8,
}

impl Placeholder {
    /// A stand-in for a whole value.
    pub(super) fn new() -> Self {
        Self { depth: 0 }
    }

    /// A stand-in for a part of this one.
    fn part(self) -> Result<Self, Fault> {
        let depth = self.depth + 1;
        if depth < DEPTH_MAX { Ok(Self { depth }) } else { Err(Fault::silent()) }
    }
}

impl<'de> Deserializer<'de> for Placeholder {
    type Error = Fault;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_str("")
    }

    fn deserialize_bool<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_bool(false)
    }

    fn deserialize_u8<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_u8(SCALAR)
    }

    fn deserialize_u16<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_u16(0)
    }

    fn deserialize_u32<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_u32(Span::NOWHERE.line)
    }

    fn deserialize_u64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_u64(0)
    }

    fn deserialize_i64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_i64(0)
    }

    fn deserialize_f64<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_f64(0.0)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_none()
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_newtype_struct(self.part()?)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(Parts { left: 0, part: self })
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_seq(Parts { left: len, part: self.part()? })
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        len: usize,
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_seq(Parts { left: len, part: self.part()? })
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value, Fault> {
        visitor.visit_map(Fields { names: &[], part: self })
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        _name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        visitor.visit_map(Fields { names: fields, part: self.part()? })
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        _name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        let variant = variants.first().ok_or_else(Fault::silent)?;
        visitor.visit_enum(Variant { name: variant, part: self.part()? })
    }

    forward_to_deserialize_any! {
        i8 i16 i32 i128 u128 f32 char str string bytes byte_buf unit_struct identifier ignored_any
    }
}

/// So many stand-ins. A place is three of them, see [`Placeholder::deserialize_u32`].
struct Parts {
    left: usize,
    part: Placeholder,
}

impl<'de> SeqAccess<'de> for Parts {
    type Error = Fault;

    fn next_element_seed<T: DeserializeSeed<'de>>(
        &mut self,
        seed: T,
    ) -> Result<Option<T::Value>, Fault> {
        if self.left == 0 {
            return Ok(None);
        }
        self.left -= 1;
        seed.deserialize(self.part).map(Some)
    }
}

/// A stand-in for each of these fields.
struct Fields {
    names: &'static [&'static str],
    part: Placeholder,
}

impl<'de> MapAccess<'de> for Fields {
    type Error = Fault;

    fn next_key_seed<K: DeserializeSeed<'de>>(
        &mut self,
        seed: K,
    ) -> Result<Option<K::Value>, Fault> {
        let Some((first, rest)) = self.names.split_first() else { return Ok(None) };
        self.names = rest;
        seed.deserialize((*first).into_deserializer()).map(Some)
    }

    fn next_value_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(self.part)
    }

    /// More than it gives: what it stands in for is not empty.
    fn size_hint(&self) -> Option<usize> {
        Some(self.names.len() + 1)
    }
}

/// One variant with a stand-in for its content.
struct Variant {
    name: &'static str,
    part: Placeholder,
}

impl<'de> EnumAccess<'de> for Variant {
    type Error = Fault;
    type Variant = Placeholder;

    fn variant_seed<T: DeserializeSeed<'de>>(
        self,
        seed: T,
    ) -> Result<(T::Value, Placeholder), Fault> {
        Ok((seed.deserialize(self.name.into_deserializer())?, self.part))
    }
}

impl<'de> VariantAccess<'de> for Placeholder {
    type Error = Fault;

    fn unit_variant(self) -> Result<(), Fault> {
        Ok(())
    }

    fn newtype_variant_seed<T: DeserializeSeed<'de>>(self, seed: T) -> Result<T::Value, Fault> {
        seed.deserialize(self)
    }

    fn tuple_variant<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value, Fault> {
        self.deserialize_tuple(len, visitor)
    }

    fn struct_variant<V: Visitor<'de>>(
        self,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value, Fault> {
        self.deserialize_struct("", fields, visitor)
    }
}
