//! A [`Value`] as JSON text.

use super::Value;

/// Writes values as compact JSON: numbers as they were written, members in their order.
#[derive(Debug, Default)]
pub struct JsonWriter {
    out: Vec<u8>,
}

impl JsonWriter {
    /// `value` as JSON text.
    pub fn to_vec(_value: Value<'_>) -> Vec<u8> {
        todo!("message helper")
    }
}
