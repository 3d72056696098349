//! What a sender is told when a message is not taken: problem details of RFC 9457.

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Map, Value, json};

use crate::message::{ParseError, ParseErrorKind};

/// Every way in which a call can be refused.
///
/// A code is never renamed or given another meaning: senders act on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[expect(missing_docs, reason = "each says in `title` what it means")]
pub enum ProblemCode {
    NotFound,
    MethodNotAllowed,
    Unauthorised,
    UnknownSource,
    UnknownMessage,
    RateLimited,
    TooManyInFlight,
    UnsupportedMediaType,
    UnsupportedEncoding,
    BodyTooLarge,
    BodyTooSlow,
    BodyIncomplete,
    TooManyMessages,
    NoMessages,
    HeaderInvalid,
    IdempotencyKeyInvalid,
    CloudeventInvalid,
    CloudeventMixed,
    JsonSyntax,
    JsonEncoding,
    JsonDuplicateKey,
    JsonTooDeep,
    JsonNumberTooLarge,
    JsonTooLarge,
    SchemaViolation,
    IdempotencyKeyReused,
    IdempotencyKeyInFlight,
    NoRoute,
    Busy,
    Unavailable,
    RequestMalformed,
    HeadersTooLarge,
    Bug,
}

impl ProblemCode {
    /// All of them, in the order of the manual.
    pub const ALL: &[Self] = &[
        Self::NotFound,
        Self::MethodNotAllowed,
        Self::Unauthorised,
        Self::UnknownSource,
        Self::UnknownMessage,
        Self::RateLimited,
        Self::TooManyInFlight,
        Self::UnsupportedMediaType,
        Self::UnsupportedEncoding,
        Self::BodyTooLarge,
        Self::BodyTooSlow,
        Self::BodyIncomplete,
        Self::TooManyMessages,
        Self::NoMessages,
        Self::HeaderInvalid,
        Self::IdempotencyKeyInvalid,
        Self::CloudeventInvalid,
        Self::CloudeventMixed,
        Self::JsonSyntax,
        Self::JsonEncoding,
        Self::JsonDuplicateKey,
        Self::JsonTooDeep,
        Self::JsonNumberTooLarge,
        Self::JsonTooLarge,
        Self::SchemaViolation,
        Self::IdempotencyKeyReused,
        Self::IdempotencyKeyInFlight,
        Self::NoRoute,
        Self::Busy,
        Self::Unavailable,
        Self::RequestMalformed,
        Self::HeadersTooLarge,
        Self::Bug,
    ];

    /// The code as senders see it, and as the refusals are counted.
    pub fn as_str(self) -> &'static str {
        self.parts().0
    }

    /// The HTTP status that it comes with.
    pub fn status(self) -> u16 {
        self.parts().1
    }

    /// What it means, in a sentence without a full stop.
    pub fn title(self) -> &'static str {
        self.parts().2
    }

    fn parts(self) -> (&'static str, u16, &'static str) {
        match self {
            Self::NotFound => ("not_found", 404, "There is nothing at this path"),
            Self::MethodNotAllowed => ("method_not_allowed", 405, "This path takes another method"),
            Self::Unauthorised => ("unauthorised", 401, "A valid API key is needed"),
            Self::UnknownSource => ("unknown_source", 404, "This key has no such source"),
            Self::UnknownMessage => ("unknown_message", 404, "This key sent no such message"),
            Self::RateLimited => ("rate_limited", 429, "Too many calls in a short time"),
            Self::TooManyInFlight => ("too_many_in_flight", 429, "Too many calls at once"),
            Self::UnsupportedMediaType => {
                ("unsupported_media_type", 415, "The content is not of a kind that is taken")
            }
            Self::UnsupportedEncoding => {
                ("unsupported_encoding", 415, "The content must not be compressed")
            }
            Self::BodyTooLarge => ("body_too_large", 413, "The body is larger than the limit"),
            Self::BodyTooSlow => ("body_too_slow", 408, "The body came too slowly"),
            Self::BodyIncomplete => ("body_incomplete", 400, "The body broke off or is garbled"),
            Self::TooManyMessages => ("too_many_messages", 413, "Too many messages in one call"),
            Self::NoMessages => ("no_messages", 400, "There is no message in the body"),
            Self::HeaderInvalid => ("header_invalid", 400, "A header stands twice or is garbled"),
            Self::IdempotencyKeyInvalid => {
                ("idempotency_key_invalid", 400, "The idempotency key is not one")
            }
            Self::CloudeventInvalid => {
                ("cloudevent_invalid", 400, "The CloudEvent is not a valid one")
            }
            Self::CloudeventMixed => {
                ("cloudevent_mixed", 400, "The CloudEvent is both binary and structured")
            }
            Self::JsonSyntax => ("json_syntax", 400, "The body is not JSON"),
            Self::JsonEncoding => ("json_encoding", 400, "The body is not UTF-8"),
            Self::JsonDuplicateKey => ("json_duplicate_key", 400, "An object has one key twice"),
            Self::JsonTooDeep => ("json_too_deep", 400, "The body is nested too deeply"),
            Self::JsonNumberTooLarge => {
                ("json_number_too_large", 400, "A number is beyond what is taken")
            }
            Self::JsonTooLarge => ("json_too_large", 413, "The body has too many values"),
            Self::SchemaViolation => {
                ("schema_violation", 422, "The body does not fit the schema of the source")
            }
            Self::IdempotencyKeyReused => {
                ("idempotency_key_reused", 422, "The key was used for another body")
            }
            Self::IdempotencyKeyInFlight => {
                ("idempotency_key_in_flight", 409, "A message with this key is being stored")
            }
            Self::NoRoute => ("no_route", 503, "No route reads this source at present"),
            Self::Busy => ("busy", 503, "Too much is in hand at present"),
            Self::Unavailable => ("unavailable", 503, "The message could not be stored now"),
            Self::RequestMalformed => ("request_malformed", 400, "The call is not valid HTTP"),
            Self::HeadersTooLarge => ("headers_too_large", 431, "The headers are too large"),
            Self::Bug => ("bug", 500, "simpul failed; the message may have been stored"),
        }
    }
}

/// One refusal. Never holds a part of the body.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Problem {
    pub(super) code: ProblemCode,
    detail: Option<String>,
    retry_after: Option<Duration>,
    members: Map<String, Value>,
}

impl Problem {
    /// A refusal that says what is wrong with *this* call.
    pub(super) fn new(code: ProblemCode, detail: impl Into<String>) -> Self {
        Self { detail: Some(detail.into()), ..code.into() }
    }

    /// What is wrong with a body, and where.
    pub(super) fn json(error: &ParseError) -> Self {
        let code = match error.kind {
            ParseErrorKind::Syntax(_) => ProblemCode::JsonSyntax,
            ParseErrorKind::Encoding => ProblemCode::JsonEncoding,
            ParseErrorKind::DuplicateKey => ProblemCode::JsonDuplicateKey,
            ParseErrorKind::TooDeep { .. } => ProblemCode::JsonTooDeep,
            ParseErrorKind::NumberTooLarge => ProblemCode::JsonNumberTooLarge,
            ParseErrorKind::TooLarge => ProblemCode::JsonTooLarge,
        };
        Self::new(code, error.kind.to_string())
            .with("line", error.line.into())
            .with("column", error.column.into())
    }

    /// Adds a member that programs may read.
    pub(super) fn with(mut self, name: &str, value: Value) -> Self {
        self.members.insert(name.to_owned(), value);
        self
    }

    /// Says when the same call may succeed; rounded up to whole seconds, at least one.
    pub(super) fn retry_after(mut self, pause: Duration) -> Self {
        self.retry_after = Some(pause);
        self
    }
}

impl From<ProblemCode> for Problem {
    fn from(code: ProblemCode) -> Self {
        Self { code, detail: None, retry_after: None, members: Map::new() }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut body = self.members;
        body.insert("type".into(), json!(format!("urn:simpul:problem:{}", self.code.as_str())));
        body.insert("title".into(), json!(self.code.title()));
        body.insert("status".into(), json!(self.code.status()));
        body.insert("code".into(), json!(self.code.as_str()));
        if let Some(detail) = self.detail {
            body.insert("detail".into(), json!(detail));
        }
        let mut response = Value::Object(body).to_string().into_response();
        *response.status_mut() =
            StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let headers = response.headers_mut();
        let content_type = HeaderValue::from_static("application/problem+json");
        headers.insert(header::CONTENT_TYPE, content_type);
        if self.code == ProblemCode::Unauthorised {
            headers.insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        if let Some(pause) = self.retry_after {
            let seconds = pause.as_millis().div_ceil(1_000).max(1);
            let seconds = u64::try_from(seconds).unwrap_or(u64::MAX);
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
