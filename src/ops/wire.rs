//! What travels between the operator's listener and the command line, as JSON: orders, problems,
//! and (in [`super::views`]) answers.

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::{ledger::DeadFilter, message::Timestamp};

pub use super::{dead_views::*, views::*};

/// Which dead letters are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Selection {
    /// Only these numbers.
    pub ids: Vec<i64>,
    /// Only of this route.
    pub route: Option<String>,
    /// Only of this target: `system.name`.
    pub target: Option<String>,
    /// Only of this class.
    pub class: Option<String>,
    /// Only of this group.
    pub group: Option<String>,
    /// Only those given up at this moment or later.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub from: Option<Moment>,
    /// Only those given up before this moment.
    #[schemars(with = "Option<String>", extend("format" = "date-time"))]
    pub to: Option<Moment>,
    /// All of them; must be said, so that nobody means all by saying nothing.
    pub all: bool,
}

impl Selection {
    /// Whether it says anything at all.
    pub fn says_nothing(&self) -> bool {
        *self == Self::default()
    }

    /// As the ledger asks; only numbers above `after`.
    pub fn filter(&self, after: i64) -> DeadFilter {
        DeadFilter {
            ids: self.ids.clone(),
            route: self.route.clone(),
            target: self.target.clone(),
            class: self.class.clone(),
            group: self.group.clone(),
            since: self.from.map(|it| it.0),
            before: self.to.map(|it| it.0),
            after,
            last: None,
        }
    }
}

/// A moment, as RFC 3339 has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moment(pub Timestamp);

impl Serialize for Moment {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for Moment {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        let moment = Timestamp::parse(&text).map(Self);
        moment.ok_or_else(|| serde::de::Error::custom("not a moment as `2026-01-17T02:30:00Z`"))
    }
}

/// What an operator asks to be done with dead letters that he names.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeadOrder {
    /// With which: their numbers.
    pub selection: Selection,
    /// Who asks, where that is the command line of the same machine; of others it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why; goes into the journal.
    pub reason: String,
}

/// What an operator asks to be done with many dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct JobRequest {
    /// `replay`, `preview`, `discard`.
    pub kind: String,
    /// With which: all but numbers.
    pub selection: Selection,
    /// Of messages that could not be routed, only what goes to this target is sent: `system.name`.
    #[serde(default)]
    pub only_to: Option<String>,
    /// Letters a second at most.
    #[serde(default)]
    pub rate: Option<u32>,
    /// How many letters it is about. Only a preview may leave it out; if there are more or fewer, nothing
    /// is done, and the answer says how many.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub count: Option<u64>,
    /// Who asks, where that is the command line of the same machine; of others it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why; nobody need say it of a preview.
    #[serde(default)]
    pub reason: Option<String>,
}

/// A second person lets a job go on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ApproveOrder {
    /// Why.
    pub reason: String,
}

/// An operator ends a job.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CancelOrder {
    /// Who, where that is the command line of the same machine; of others it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Why.
    pub reason: String,
}

/// A target to be paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PauseOrder {
    /// `system.name`.
    pub target: String,
    /// Why; goes into the journal.
    pub reason: String,
}

/// An order key that is to go on without what holds it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyOrder {
    /// `system.name`.
    pub target: String,
    /// What `order_by` yields: a text, or any other value as JSON.
    pub key: String,
    /// Who asks, where that is the command line of the same machine; of others it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// What went wrong with a call, as RFC 9457 has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// A stable word to match on.
    pub code: String,
    /// What is wrong, in one line.
    pub title: String,
    /// More of it, where there is more: rendered diagnostics.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub detail: Option<String>,
    /// After how many seconds it may be tried again, where it may.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_after: Option<u64>,
}

impl Problem {
    /// A problem.
    pub fn new(status: StatusCode, code: &str, title: impl Into<String>) -> Self {
        let (status, code, title) = (status.as_u16(), code.to_owned(), title.into());
        Self { status, code, title, detail: None, retry_after: None }
    }

    /// The same; it may be tried again after so many seconds.
    #[must_use]
    pub fn wait(self, seconds: u64) -> Self {
        Self { retry_after: Some(seconds), ..self }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut answer = answer(status, "application/problem+json", json(&self));
        if let Some(seconds) = self.retry_after {
            answer.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        if status == StatusCode::UNAUTHORIZED {
            let scheme = HeaderValue::from_static("Bearer");
            answer.headers_mut().insert(header::WWW_AUTHENTICATE, scheme);
        }
        answer
    }
}

/// A value as an answer.
pub(super) fn ok(value: &impl Serialize) -> Response {
    answer(StatusCode::OK, "application/json", json(value))
}

/// An answer that no cache keeps and no browser guesses about.
pub(super) fn answer(status: StatusCode, kind: &'static str, body: String) -> Response {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (status, headers, Body::from(body)).into_response()
}

fn json(value: &impl Serialize) -> String {
    // Our own types: strings, numbers and lists, which always serialize.
    serde_json::to_string(value).unwrap_or_default()
}
