//! A [`Value`] as JSON text.

use super::{Value, scan::plain_length};

/// Writes values as compact JSON: numbers as they were written, members in their order.
#[derive(Debug, Default)]
pub struct JsonWriter {
    out: Vec<u8>,
}

impl JsonWriter {
    /// `value` as JSON text.
    pub fn to_vec(value: Value<'_>) -> Vec<u8> {
        let mut writer = Self::default();
        writer.value(value);
        writer.out
    }

    fn value(&mut self, value: Value<'_>) {
        match value {
            Value::Null => self.out.extend_from_slice(b"null"),
            Value::Bool(true) => self.out.extend_from_slice(b"true"),
            Value::Bool(false) => self.out.extend_from_slice(b"false"),
            Value::Number(number) => self.out.extend_from_slice(number.text().as_bytes()),
            Value::Text(text) => self.text(text),
            Value::Array(items) => {
                self.out.push(b'[');
                for (index, item) in items.iter().enumerate() {
                    self.comma(index);
                    self.value(*item);
                }
                self.out.push(b']');
            }
            Value::Object(members) => {
                self.out.push(b'{');
                for (index, (key, value)) in members.iter().enumerate() {
                    self.comma(index);
                    self.text(key);
                    self.out.push(b':');
                    self.value(*value);
                }
                self.out.push(b'}');
            }
        }
    }

    fn comma(&mut self, index: usize) {
        if index != 0 {
            self.out.push(b',');
        }
    }

    fn text(&mut self, text: &str) {
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
}
