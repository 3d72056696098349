//! A [`Value`] as JSON text.

use super::{ArenaFull, Value, scan::plain_length};

/// Writes values as compact JSON: numbers as they were written, members in their order.
#[derive(Debug)]
pub struct JsonWriter {
    out: Vec<u8>,
    limit: usize,
}

/// Room for the text of a typical body before it must grow.
const BYTES_AT_FIRST: usize = 1024;

impl JsonWriter {
    /// `value` as JSON text.
    pub fn to_vec(value: Value<'_>) -> Vec<u8> {
        // Without a limit there is nothing to fail.
        Self::to_vec_within(value, usize::MAX).unwrap_or_default()
    }

    /// `value` as JSON text of about `limit` bytes at most.
    ///
    /// A value may be small in memory and huge as text, because what stands in it many times is
    /// there once.
    ///
    /// # Errors
    ///
    /// [`ArenaFull`] when the text would be longer.
    pub fn to_vec_within(value: Value<'_>, limit: usize) -> Result<Vec<u8>, ArenaFull> {
        let mut writer = Self { out: Vec::with_capacity(BYTES_AT_FIRST.min(limit)), limit };
        writer.value(value)?;
        Ok(writer.out)
    }

    fn value(&mut self, value: Value<'_>) -> Result<(), ArenaFull> {
        match value {
            Value::Null => self.out.extend_from_slice(b"null"),
            Value::Bool(true) => self.out.extend_from_slice(b"true"),
            Value::Bool(false) => self.out.extend_from_slice(b"false"),
            Value::Number(number) => self.out.extend_from_slice(number.text().as_bytes()),
            Value::Text(text) => self.text(text)?,
            Value::Array(items) => {
                self.out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    self.comma(index);
                    self.value(*item)?;
                }
                self.out.push(b']');
            }
            Value::Object(members) => {
                self.out.push(b'{');
                for (index, (key, value)) in members.iter().enumerate() {
                    self.comma(index);
                    self.text(key)?;
                    self.out.push(b':');
                    self.value(*value)?;
                }
                self.out.push(b'}');
            }
        }
        self.room_for(0)
    }

    fn comma(&mut self, index: usize) {
        if index != 0 {
            self.out.push(b',');
        }
    }

    fn room_for(&self, bytes: usize) -> Result<(), ArenaFull> {
        match self.limit.checked_sub(self.out.len()) {
            Some(left) if bytes <= left => Ok(()),
            _ => Err(ArenaFull { limit: self.limit }),
        }
    }

    fn text(&mut self, text: &str) -> Result<(), ArenaFull> {
        self.room_for(text.len())?;
        self.out.push(b'"');
        let mut rest = text.as_bytes();
        loop {
            let (plain, escaped) = rest.split_at(plain_length(rest));
            self.out.extend_from_slice(plain);
            let Some((byte, behind)) = escaped.split_first() else { break };
            self.escape(*byte);
            rest = behind;
        }
        self.out.push(b'"');
        Ok(())
    }

    fn escape(&mut self, byte: u8) {
        let hex = |digit: u8| if digit < 10 { b'0' + digit } else { b'a' + digit - 10 };
        match byte {
            b'"' | b'\\' => self.out.extend_from_slice(&[b'\\', byte]),
            0x8 => self.out.extend_from_slice(b"\\b"),
            b'\t' => self.out.extend_from_slice(b"\\t"),
            b'\n' => self.out.extend_from_slice(b"\\n"),
            0xc => self.out.extend_from_slice(b"\\f"),
            b'\r' => self.out.extend_from_slice(b"\\r"),
            _ => {
                let escape = [b'\\', b'u', b'0', b'0', hex(byte >> 4), hex(byte & 0xf)];
                self.out.extend_from_slice(&escape);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Arena, Limits, parse};

    #[test]
    fn what_is_written_is_compact_in_order_and_as_exact_as_it_came() {
        let arena = Arena::with_limit(1 << 16);
        let text =
            br#" { "z" : 1.0, "a" : [ true , false , null , -0 , 1E3 ] , "m" : { } , "k" : [ ] } "#;
        let value = parse(&arena, text, &Limits::default()).unwrap();
        let written = String::from_utf8(JsonWriter::to_vec(value)).unwrap();
        assert_eq!(written, r#"{"z":1.0,"a":[true,false,null,-0,1E3],"m":{},"k":[]}"#);
    }

    #[test]
    fn only_what_must_be_escaped_is_escaped() {
        let text = "\"\\/\u{0}\u{8}\t\n\u{c}\r\u{1f}\u{7f}é\u{2028}😀";
        let written = String::from_utf8(JsonWriter::to_vec(Value::Text(text))).unwrap();
        let expected = "\"\\\"\\\\/\\u0000\\b\\t\\n\\f\\r\\u001f\u{7f}é\u{2028}😀\"";
        assert_eq!(written, expected);
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), text);
    }

    #[test]
    fn a_value_that_is_small_in_memory_and_huge_as_text_is_not_written() {
        let arena = Arena::with_limit(1 << 16);
        let mut value = Value::Text("seratus");
        for _ in 0..12 {
            value = Value::Array(arena.slice(&[value; 10]).unwrap());
        }
        assert_eq!(JsonWriter::to_vec_within(value, 10_000), Err(ArenaFull { limit: 10_000 }));
        let short = Value::Array(&[Value::Null, Value::Bool(true)]);
        assert_eq!(JsonWriter::to_vec_within(short, 11), Ok(b"[null,true]".to_vec()));
        assert_eq!(JsonWriter::to_vec_within(short, 10), Err(ArenaFull { limit: 10 }));
    }
}
