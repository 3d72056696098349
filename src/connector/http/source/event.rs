//! CloudEvents 1.0: attributes become `ce-` headers, the data becomes the body.

use axum::http::{HeaderMap, HeaderName};
use bytes::Bytes;
use percent_encoding::percent_decode_str;

use super::{
    super::super::Incoming,
    headers, media,
    problem::{Problem, ProblemCode},
};
use crate::message::{Headers, JsonWriter, Value};

/// What every attribute's header begins with.
const PREFIX: &str = "ce-";

/// The attributes that every event has.
const REQUIRED: &[&str] = &["id", "source", "specversion", "type"];

/// The only version there is since 2019.
const VERSION: &str = "1.0";

/// The longest `id`, in bytes: the same as of an idempotency key.
const ID_MAX: usize = 200;

/// The longest value of any other attribute, in bytes.
const ATTRIBUTE_MAX: usize = 2048;

/// The longest name of an attribute; the specification advises 20.
const NAME_MAX: usize = 64;

/// Whether a call has headers of an event.
pub(super) fn is_binary(headers: &HeaderMap) -> bool {
    headers.keys().any(|name| name.as_str().starts_with(PREFIX))
}

/// Adds the attributes of a binary event to the headers that are `kept`; the event's key.
pub(super) fn binary(headers: &HeaderMap, kept: &mut Headers) -> Result<String, Problem> {
    for name in headers.keys() {
        let Some(attribute) = name.as_str().strip_prefix(PREFIX) else { continue };
        set(kept, attribute, &header_text(headers, name)?)?;
    }
    key(kept)
}

/// One structured event as a message: its parsed `envelope`, and headers of the call to keep.
pub(super) fn structured(envelope: Value<'_>, call: &Headers) -> Result<Incoming, Problem> {
    let Value::Object(members) = envelope else {
        return Err(problem(None, format!("an event is an object, not {}", envelope.kind())));
    };
    let mut kept = call.clone();
    kept.set("content-type", "application/json");
    let mut data = Value::Null;
    for (name, value) in members {
        match (*name, *value) {
            ("data", value) => data = value,
            ("data_base64", _) => return Err(no_json("`data_base64` holds no JSON")),
            ("datacontenttype", Value::Text(text)) if !media::is_json(text) => {
                return Err(no_json("`datacontenttype` is not JSON"));
            }
            ("datacontenttype", Value::Text(text)) => kept.set("content-type", text),
            // The JSON format of CloudEvents: null is the same as absent.
            (_, Value::Null) => {}
            (name, value) => set(&mut kept, name, attribute_text(name, value)?)?,
        }
    }
    let key = Some(key(&kept)?);
    let body = Bytes::from(JsonWriter::to_vec(data));
    Ok(Incoming { key, headers: kept, body, ..Incoming::default() })
}

/// Values travel percent-encoded in headers, so that they can hold any letter.
fn header_text(headers: &HeaderMap, name: &HeaderName) -> Result<String, Problem> {
    let text = headers::only(headers, name)?.unwrap_or_default();
    let decoded = percent_decode_str(text).decode_utf8();
    decoded.map(Into::into).map_err(|_| headers::invalid(name, "holds no UTF-8"))
}

fn attribute_text<'a>(name: &str, value: Value<'a>) -> Result<&'a str, Problem> {
    match value {
        Value::Text(text) => Ok(text),
        Value::Bool(true) => Ok("true"),
        Value::Bool(false) => Ok("false"),
        Value::Number(number) if !number.text().contains(['.', 'e', 'E']) => Ok(number.text()),
        _ => Err(problem(Some(name), "is no text, integer or boolean")),
    }
}

fn set(kept: &mut Headers, name: &str, value: &str) -> Result<(), Problem> {
    let length_max = if name == "id" { ID_MAX } else { ATTRIBUTE_MAX };
    let is_letter = |it: u8| it.is_ascii_lowercase() || it.is_ascii_digit();
    if name.is_empty() || NAME_MAX < name.len() || !name.bytes().all(is_letter) {
        // The name is the sender's text and may be anything, so it is not repeated.
        return Err(problem(None, "names of attributes are made of a-z and 0-9, up to 64 in all"));
    }
    if value.chars().any(char::is_control) {
        return Err(problem(Some(name), "holds a control character"));
    }
    if length_max < value.len() {
        return Err(problem(Some(name), format!("is longer than {length_max} bytes")));
    }
    kept.set(&format!("{PREFIX}{name}"), value);
    Ok(())
}

/// What the sender calls the event: `ce`, its source and its id. An idempotency key has no space
/// and a source has none, so that no two of them read the same.
fn key(kept: &Headers) -> Result<String, Problem> {
    let attribute = |name: &str| kept.get(&format!("{PREFIX}{name}")).unwrap_or_default();
    if let Some(missing) = REQUIRED.iter().find(|name| attribute(name).is_empty()) {
        return Err(problem(Some(missing), "is missing"));
    }
    if attribute("specversion") != VERSION {
        return Err(problem(Some("specversion"), format!("is not `{VERSION}`")));
    }
    if attribute("source").contains(char::is_whitespace) {
        return Err(problem(Some("source"), "is no URI reference: it holds a space"));
    }
    Ok(format!("ce {} {}", attribute("source"), attribute("id")))
}

fn problem(attribute: Option<&str>, what: impl AsRef<str>) -> Problem {
    let what = what.as_ref();
    let code = ProblemCode::CloudeventInvalid;
    match attribute {
        Some(name) => Problem::new(code, format!("`{name}` {what}")).with("attribute", name.into()),
        None => Problem::new(code, what),
    }
}

fn no_json(what: &str) -> Problem {
    Problem::new(ProblemCode::UnsupportedMediaType, what)
}
