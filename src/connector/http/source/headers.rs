//! What is read of a call's headers. Only what stands here is kept of them.

use axum::http::{HeaderMap, HeaderName, header};

use super::problem::{Problem, ProblemCode};
use crate::message::Headers;

/// The header that names a message, so that sending it again makes no second one.
const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest key: AMQP holds short texts of 255 bytes, and a key gets a prefix.
const KEY_MAX: usize = 200;

/// Headers that are kept as they are, beside those of a CloudEvent.
const KEPT: [HeaderName; 3] = [
    header::CONTENT_TYPE,
    HeaderName::from_static("traceparent"),
    HeaderName::from_static("tracestate"),
];

/// The one value of a header; `None` if it is not there.
pub(super) fn only<'a>(
    headers: &'a HeaderMap,
    name: &HeaderName,
) -> Result<Option<&'a str>, Problem> {
    let mut values = headers.get_all(name).iter();
    let Some(value) = values.next() else { return Ok(None) };
    match (value.to_str(), values.next()) {
        (Ok(text), None) => Ok(Some(text)),
        (_, Some(_)) => Err(invalid(name, "stands twice")),
        (Err(_), None) => Err(invalid(name, "holds more than visible ASCII")),
    }
}

/// A complaint about a header, by its name.
pub(super) fn invalid(name: &HeaderName, what: &str) -> Problem {
    Problem::new(ProblemCode::HeaderInvalid, format!("`{name}` {what}"))
        .with("header", name.as_str().into())
}

/// What the sender calls the message.
pub(super) fn idempotency_key(headers: &HeaderMap) -> Result<Option<&str>, Problem> {
    let mut values = headers.get_all(&IDEMPOTENCY_KEY).iter();
    let Some(value) = values.next() else { return Ok(None) };
    let key = value.to_str().ok().filter(|it| {
        (1..=KEY_MAX).contains(&it.len()) && it.bytes().all(|byte| byte.is_ascii_graphic())
    });
    match (key, values.next()) {
        (Some(key), None) => Ok(Some(key)),
        _ => {
            let detail = format!("send it once, 1 to {KEY_MAX} visible ASCII characters");
            Err(Problem::new(ProblemCode::IdempotencyKeyInvalid, detail))
        }
    }
}

/// The headers that a message keeps, but for those of a CloudEvent.
pub(super) fn kept(headers: &HeaderMap) -> Result<Headers, Problem> {
    let mut kept = Headers::default();
    for name in KEPT {
        if let Some(value) = only(headers, &name)? {
            kept.set(name.as_str(), value);
        }
    }
    Ok(kept)
}
