//! Properties and header tables, cleaned in both directions: what a stranger put into a header
//! must neither break a frame nor fill the memory.

use std::collections::BTreeMap;

use lapin::{
    BasicProperties,
    types::{AMQPValue, FieldTable, ShortString},
};

/// Headers as texts, by name. Names keep their case.
pub type Table = BTreeMap<String, String>;

/// The longest id that is sent or taken over, in bytes; AMQP ends at 255.
pub const ID_BYTES_MAX: usize = 200;

/// Headers of one message that are taken over.
const HEADERS_MAX: usize = 128;

/// The longest value that is taken over, in bytes.
const VALUE_BYTES_MAX: usize = 8 << 10;

/// Tables and lists inside each other that are taken over.
const DEPTH_MAX: usize = 4;

/// All headers and properties of one message together, in bytes: they travel in one frame, and a
/// bigger one would end the connection (RabbitMQ allows 131,072).
const OUTWARD_BYTES_MAX: usize = 100 << 10;

/// What travels beside a body.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Properties {
    /// Headers.
    pub headers: Table,
    /// The media type of the body.
    pub content_type: Option<String>,
    /// How the body is packed.
    pub content_encoding: Option<String>,
    /// The id of the message.
    pub message_id: Option<String>,
    /// What it answers.
    pub correlation_id: Option<String>,
    /// Where an answer goes.
    pub reply_to: Option<String>,
    /// What kind of message it is.
    pub kind: Option<String>,
    /// Who sent it, in his own words.
    pub app_id: Option<String>,
    /// When it was sent, in seconds since 1970, in the sender's words.
    pub timestamp: Option<u64>,
    /// When it expires, in milliseconds.
    pub expiration: Option<String>,
    /// How urgent it is.
    pub priority: Option<u8>,
    /// Whether it survives a restart of the broker.
    pub persistent: bool,
}

impl Properties {
    /// As the library wants them.
    ///
    /// # Errors
    ///
    /// Which of them AMQP cannot carry.
    pub(super) fn into_amqp(self) -> Result<BasicProperties, String> {
        let mut bytes = 0;
        let mut table = FieldTable::default();
        for (name, value) in self.headers {
            bytes += name.len() + value.len() + 8;
            table.insert(short("the name of a header", name)?, AMQPValue::LongString(value.into()));
        }
        if OUTWARD_BYTES_MAX < bytes {
            return Err(format!("headers of {bytes} bytes; {OUTWARD_BYTES_MAX} is the most"));
        }
        let mode = if self.persistent { 2 } else { 1 };
        let mut all = BasicProperties::default().with_headers(table).with_delivery_mode(mode);
        if let Some(it) = self.content_type {
            all = all.with_content_type(short("content-type", it)?);
        }
        if let Some(it) = self.content_encoding {
            all = all.with_content_encoding(short("content-encoding", it)?);
        }
        if let Some(it) = self.message_id {
            all = all.with_message_id(short("message-id", it)?);
        }
        if let Some(it) = self.correlation_id {
            all = all.with_correlation_id(short("correlation-id", it)?);
        }
        if let Some(it) = self.reply_to {
            all = all.with_reply_to(short("reply-to", it)?);
        }
        if let Some(it) = self.kind {
            all = all.with_type(short("type", it)?);
        }
        if let Some(it) = self.app_id {
            all = all.with_app_id(short("app-id", it)?);
        }
        if let Some(it) = self.expiration {
            all = all.with_expiration(short("expiration", it)?);
        }
        if let Some(it) = self.timestamp {
            all = all.with_timestamp(it);
        }
        if let Some(it) = self.priority {
            all = all.with_priority(it);
        }
        Ok(all)
    }

    /// What of a message's properties is taken over.
    pub(super) fn from_amqp(all: &BasicProperties) -> Self {
        let text = |it: &Option<ShortString>| it.as_ref().map(|it| clean(it.as_str()));
        Self {
            headers: all.headers().as_ref().map(table).unwrap_or_default(),
            content_type: text(all.content_type()),
            content_encoding: text(all.content_encoding()),
            message_id: text(all.message_id()),
            correlation_id: text(all.correlation_id()),
            reply_to: text(all.reply_to()),
            kind: text(all.kind()),
            app_id: text(all.app_id()),
            timestamp: *all.timestamp(),
            expiration: text(all.expiration()),
            priority: *all.priority(),
            persistent: *all.delivery_mode() == Some(2),
        }
    }
}

/// A text of at most [`ID_BYTES_MAX`] bytes.
pub(super) fn short(what: &str, text: impl Into<String>) -> Result<ShortString, String> {
    let text = text.into();
    let bytes = text.len();
    let refused = || format!("{what} of {bytes} bytes; {ID_BYTES_MAX} is the most");
    if ID_BYTES_MAX < bytes {
        return Err(refused());
    }
    ShortString::try_new(text).map_err(|_| refused())
}

/// Headers as texts; what is too many, too long or too deep is left out.
fn table(headers: &FieldTable) -> Table {
    let mut all = Table::new();
    for (name, value) in headers.inner() {
        if HEADERS_MAX <= all.len() {
            break;
        }
        if let Some(value) = text(value) {
            all.insert(clean(name.as_str()), value);
        }
    }
    all
}

/// One value as a text: tables and lists as JSON.
fn text(value: &AMQPValue) -> Option<String> {
    let text = match json(value, 0)? {
        serde_json::Value::String(text) => text,
        serde_json::Value::Null => return None,
        other => other.to_string(),
    };
    (text.len() <= VALUE_BYTES_MAX).then_some(text)
}

fn json(value: &AMQPValue, depth: usize) -> Option<serde_json::Value> {
    use serde_json::Value;
    if DEPTH_MAX < depth {
        return None;
    }
    Some(match value {
        AMQPValue::Boolean(it) => Value::from(*it),
        AMQPValue::ShortShortInt(it) => Value::from(*it),
        AMQPValue::ShortShortUInt(it) => Value::from(*it),
        AMQPValue::ShortInt(it) => Value::from(*it),
        AMQPValue::ShortUInt(it) => Value::from(*it),
        AMQPValue::LongInt(it) => Value::from(*it),
        AMQPValue::LongUInt(it) => Value::from(*it),
        AMQPValue::LongLongInt(it) => Value::from(*it),
        AMQPValue::Float(it) => Value::from(*it),
        AMQPValue::Double(it) => Value::from(*it),
        AMQPValue::Timestamp(it) => Value::from(*it),
        AMQPValue::DecimalValue(it) => Value::from(format!("{}e-{}", it.value, it.scale)),
        AMQPValue::ShortString(it) => Value::from(clean(it.as_str())),
        AMQPValue::LongString(it) => Value::from(std::str::from_utf8(it.as_bytes()).ok()?),
        AMQPValue::ByteArray(_) => return None,
        AMQPValue::Void => Value::Null,
        AMQPValue::FieldArray(items) => {
            let items = items.as_slice().iter().take(HEADERS_MAX);
            Value::Array(items.filter_map(|it| json(it, depth + 1)).collect())
        }
        AMQPValue::FieldTable(table) => {
            let fields = table.inner().iter().take(HEADERS_MAX);
            let fields =
                fields.filter_map(|(name, it)| Some((clean(name.as_str()), json(it, depth + 1)?)));
            Value::Object(fields.collect())
        }
    })
}

/// Without characters that steer a terminal or end a line.
fn clean(text: &str) -> String {
    // Nearly always: copied whole.
    if !text.bytes().any(|it| it.is_ascii_control() || 0x7f < it) {
        return text.to_owned();
    }
    text.chars().filter(|it| !it.is_control()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn nested(depth: usize) -> AMQPValue {
        (0..depth).fold(AMQPValue::LongLongInt(1), |inner, _| {
            let mut table = FieldTable::default();
            table.insert("d".into(), inner);
            AMQPValue::FieldTable(table)
        })
    }

    #[test]
    fn headers_of_every_kind_become_texts() {
        let mut headers = FieldTable::default();
        headers.insert("x-jenis".into(), AMQPValue::LongString("SPPD\u{7f}".into()));
        headers.insert("ulang".into(), AMQPValue::LongUInt(3));
        headers.insert("kosong".into(), AMQPValue::Void);
        headers.insert("biner".into(), AMQPValue::ByteArray(vec![0, 255].into()));
        headers.insert("rusak".into(), AMQPValue::LongString(vec![0xff_u8, 0xfe].into()));
        headers.insert("dalam".into(), nested(2));
        headers.insert("terlalu-dalam".into(), nested(1_000));
        let text = format!("{:?}", table(&headers));
        insta::assert_snapshot!(text, @r#"{"dalam": "{\"d\":{\"d\":1}}", "terlalu-dalam": "{\"d\":{\"d\":{\"d\":{\"d\":{}}}}}", "ulang": "3", "x-jenis": "SPPD\u{7f}"}"#);
    }

    #[test]
    fn what_amqp_cannot_carry_is_refused_before_it_breaks_a_frame() {
        let long = "x".repeat(ID_BYTES_MAX + 1);
        let id = Properties { message_id: Some(long.clone()), ..Properties::default() };
        assert_eq!(id.into_amqp().unwrap_err(), "message-id of 201 bytes; 200 is the most");
        let name = Properties { headers: [(long, String::new())].into(), ..Properties::default() };
        assert!(name.into_amqp().is_err());
        let much = "x".repeat(OUTWARD_BYTES_MAX);
        let value =
            Properties { headers: [("x".to_owned(), much)].into(), ..Properties::default() };
        assert!(value.into_amqp().is_err());
    }

    #[test]
    fn properties_are_read_back_as_they_were_written() {
        let properties = Properties {
            headers: [("x-jenis".to_owned(), "SPPD".to_owned())].into(),
            content_type: Some("application/json".to_owned()),
            message_id: Some("spd-1".to_owned()),
            timestamp: Some(7),
            priority: Some(3),
            persistent: true,
            ..Properties::default()
        };
        let written = properties.clone().into_amqp().unwrap();
        assert_eq!(Properties::from_amqp(&written), properties);
    }
}
