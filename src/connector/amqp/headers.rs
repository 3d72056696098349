//! What of a stranger's headers and properties a message keeps, and what goes out with one.

use std::collections::BTreeMap;

use super::spec::Trusted;
use crate::{
    amqp::{ID_BYTES_MAX, Properties},
    message::{Headers, Timestamp},
};

/// The longest value of a header that is kept, in bytes: as of an attribute of a CloudEvent.
const VALUE_MAX: usize = 2048;

/// The longest name of a header that is kept, in bytes.
const NAME_MAX: usize = 64;

/// Headers that are kept of one message.
const KEPT_MAX: usize = 64;

/// Headers by which a message would steer brokers or simpul, or which tell where it has been: they
/// meant something on the sender's side and mean nothing here, or harm.
const STEERING: &[&str] = &[
    "authorization",
    "bcc",
    "cc",
    "cookie",
    "idempotency-key",
    "x-acquired-count",
    "x-death",
    "x-delay",
    "x-delivery-count",
    "x-match",
    "x-stream-offset",
];

/// The same, by what their names begin with.
const STEERING_PREFIXES: &[&str] =
    &["simpul-", "x-first-death-", "x-last-death-", "x-opt-", "x-received-from"];

/// How the attributes of a CloudEvent begin in its AMQP binding; JMS has no colon.
const EVENT_PREFIXES: [&str; 2] = ["cloudevents:", "cloudevents_"];

/// What a message keeps of what came with it: properties under their names in AMQP, headers that
/// steer nothing. `reply-to`, `expiration` and `priority` were the sender's word to his broker.
pub(super) fn kept(properties: &Properties) -> Headers {
    let mut headers = Headers::default();
    for (name, value) in &properties.headers {
        if KEPT_MAX <= headers.len() {
            break;
        }
        if let Some(name) = kept_name(name) {
            set(&mut headers, &name, value);
        }
    }
    let sent = properties.timestamp.and_then(|it| i64::try_from(it).ok());
    let sent = sent.and_then(|it| it.checked_mul(1000)).map(Timestamp::from_millis);
    let sent = sent.map(|it| it.to_string());
    // Behind the headers: a header named like a property is not the property.
    for (name, value) in [
        ("app-id", &properties.app_id),
        ("content-encoding", &properties.content_encoding),
        ("content-type", &properties.content_type),
        ("correlation-id", &properties.correlation_id),
        ("message-id", &properties.message_id),
        ("timestamp", &sent),
        ("type", &properties.kind),
    ] {
        headers.remove(name);
        if let Some(value) = value {
            set(&mut headers, name, value);
        }
    }
    headers
}

/// The name under which a header is kept; `None` if it is not.
fn kept_name(name: &str) -> Option<String> {
    let name = name.to_ascii_lowercase();
    let is_letter = |it: u8| it.is_ascii_alphanumeric() || matches!(it, b'-' | b'_' | b'.');
    if let Some(attribute) = EVENT_PREFIXES.iter().find_map(|it| name.strip_prefix(it)) {
        let known = !attribute.is_empty() && attribute.bytes().all(|it| it.is_ascii_alphanumeric());
        return (known && attribute.len() <= NAME_MAX).then(|| format!("ce-{attribute}"));
    }
    let valid = (1..=NAME_MAX).contains(&name.len()) && name.bytes().all(is_letter);
    (valid && !steers(&name)).then_some(name)
}

/// Whether a header, by its name in lower case, steers brokers or simpul.
pub(super) fn steers(name: &str) -> bool {
    STEERING.contains(&name) || STEERING_PREFIXES.iter().any(|it| name.starts_with(it))
}

/// Leaves out what is too long, or would end a line of a log.
fn set(headers: &mut Headers, name: &str, value: &str) {
    if value.len() <= VALUE_MAX && !value.chars().any(char::is_control) {
        headers.set(name, value);
    }
}

/// What the sender calls the message, where the file believes him: nothing else makes two messages
/// one.
pub(super) fn key(properties: &Properties, trust: &[Trusted]) -> Option<String> {
    let id = properties.message_id.as_ref().filter(|_| trust.contains(&Trusted::MessageId))?;
    let usable = (1..=ID_BYTES_MAX).contains(&id.len()) && !id.chars().any(char::is_control);
    usable.then(|| id.clone())
}

/// What goes out with a delivery: the author's headers, and over them what simpul says.
pub(super) fn outgoing(call: Headers, own: BTreeMap<String, String>) -> Properties {
    let mut headers = call.into_map();
    for (name, value) in own {
        headers.entry(name).or_insert(value);
    }
    Properties {
        content_type: Some("application/json".to_owned()),
        message_id: headers.get("idempotency-key").cloned(),
        app_id: Some("simpul".to_owned()),
        headers,
        persistent: true,
        ..Properties::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(headers: &[(&str, &str)]) -> Properties {
        let headers = headers.iter().map(|(name, value)| ((*name).into(), (*value).into()));
        Properties { headers: headers.collect(), ..Properties::default() }
    }

    #[test]
    fn properties_become_headers_under_their_names() {
        let properties = Properties {
            content_type: Some("application/json".to_owned()),
            correlation_id: Some("SPD-1".to_owned()),
            message_id: Some("7".to_owned()),
            kind: Some("mutasi".to_owned()),
            app_id: Some("simpeg".to_owned()),
            timestamp: Some(1_768_617_000),
            ..with(&[("X-Satker", "13.01"), ("message-id", "palsu"), ("timestamp", "palsu")])
        };
        insta::assert_snapshot!(kept(&properties).to_json(), @r#"{"app-id":"simpeg","content-type":"application/json","correlation-id":"SPD-1","message-id":"7","timestamp":"2026-01-17T02:30:00.000Z","type":"mutasi","x-satker":"13.01"}"#);
    }

    #[test]
    fn nothing_that_steers_is_kept() {
        let properties = Properties {
            reply_to: Some("amq.rabbitmq.reply-to".to_owned()),
            expiration: Some("1".to_owned()),
            priority: Some(9),
            ..with(&[
                ("x-death", "[]"),
                ("X-First-Death-Queue", "a"),
                ("CC", "[\"lain\"]"),
                ("BCC", "lain"),
                ("simpul-flaw", "palsu"),
                ("Simpul-Client", "palsu"),
                ("idempotency-key", "palsu"),
                ("content-type", "text/html"),
            ])
        };
        assert_eq!(kept(&properties), Headers::default());
    }

    #[test]
    fn what_no_log_can_show_is_left_out() {
        let long = "x".repeat(VALUE_MAX + 1);
        let properties = with(&[("a b", "1"), ("é", "1"), ("x", "1\n2"), ("y", &long), ("z", "1")]);
        assert_eq!(kept(&properties).to_json(), r#"{"z":"1"}"#);
        let many: Vec<_> = (0..=KEPT_MAX).map(|it| format!("h{it}")).collect();
        let many: Vec<_> = many.iter().map(|it| (it.as_str(), "1")).collect();
        assert_eq!(kept(&with(&many)).len(), KEPT_MAX);
    }

    #[test]
    fn a_cloud_event_has_the_headers_that_it_has_over_http() {
        let event = with(&[("cloudEvents:type", "mutasi"), ("cloudEvents_id", "7")]);
        assert_eq!(kept(&event).to_json(), r#"{"ce-id":"7","ce-type":"mutasi"}"#);
    }

    #[test]
    fn a_message_id_counts_only_where_the_file_says_so() {
        let properties = Properties { message_id: Some("7".to_owned()), ..Properties::default() };
        assert_eq!(key(&properties, &[]), None);
        assert_eq!(key(&properties, &[Trusted::MessageId]), Some("7".to_owned()));
        assert_eq!(key(&Properties::default(), &[Trusted::MessageId]), None);
    }
}
