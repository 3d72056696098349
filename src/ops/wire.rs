//! What travels between the operator's listener and the command line, as JSON.

use axum::{
    body::Body,
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};

use crate::{
    ledger::{DeadFilter, DeadLetter},
    message::Timestamp,
};

/// Which dead letters are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
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
            after,
        }
    }
}

/// What an operator asks to be done with dead letters.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DeadOrder {
    /// With which.
    pub selection: Selection,
    /// Who asks, and why; goes into the journal.
    pub by: String,
}

/// A target to be paused.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PauseOrder {
    /// `system.name`.
    pub target: String,
    /// Why; goes into the journal.
    pub reason: String,
}

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadView {
    /// Its number.
    pub id: i64,
    /// When it was given up.
    pub at: String,
    /// How long ago that was.
    pub age_seconds: u64,
    /// The route.
    pub route: String,
    /// The message's id.
    pub message: String,
    /// The target; absent where the message itself could not be routed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Which of several deliveries to that target, from 0.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ordinal: Option<u32>,
    /// The class of the reason.
    pub class: String,
    /// Which step or `map` failed; empty for a target's answer.
    pub place: String,
    /// What happened.
    pub reason: String,
    /// How often it was tried.
    pub attempts: u32,
    /// The generation of files that dealt with it.
    pub generation: i64,
    /// What was sent, where it was asked for and made.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub sent: Option<String>,
}

impl DeadView {
    /// What an operator is shown of `letter`; its body only where he asked for it.
    pub fn of(letter: &DeadLetter, now: Timestamp, with_body: bool) -> Self {
        let (target, ordinal) = match &letter.delivery {
            Some((target, ordinal)) => (Some(target.to_string()), Some(*ordinal)),
            None => (None, None),
        };
        let sent = letter.sent.as_ref().filter(|_| with_body);
        Self {
            id: letter.id,
            at: letter.at.to_string(),
            age_seconds: now.since(letter.at).as_secs(),
            route: letter.route.to_string(),
            message: letter.message.to_string(),
            target,
            ordinal,
            class: letter.cause.class.to_string(),
            place: letter.cause.place.clone(),
            reason: letter.cause.reason.clone(),
            attempts: letter.attempts,
            generation: letter.generation,
            sent: sent.map(|it| String::from_utf8_lossy(it).into_owned()),
        }
    }
}

/// Some dead letters, by number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeadList {
    /// Them.
    pub letters: Vec<DeadView>,
    /// There are more; ask again with `after` the last number.
    pub more: bool,
}

/// What a replay of one dead letter would send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PreviewView {
    /// The dead letter.
    pub letter: DeadView,
    /// What was sent when it failed, if it came so far.
    pub before: Option<String>,
    /// What would be sent.
    pub after: Vec<Sending>,
    /// Why it would fail again; then `after` is empty.
    pub fails: Option<FailsView>,
}

/// One body on its way to one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sending {
    /// `system.name`.
    pub target: String,
    /// The body.
    pub body: String,
}

/// Why a replay would fail again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailsView {
    /// The class.
    pub class: String,
    /// Which step or `map`.
    pub place: String,
    /// What happens.
    pub reason: String,
}

/// What a replay did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplayView {
    /// How many are on their way again.
    pub replayed: u64,
    /// Which are not, and why; they stay dead.
    pub failed: Vec<FailedReplay>,
}

/// A dead letter that could not be replayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FailedReplay {
    /// Its number.
    pub id: i64,
    /// Why.
    pub reason: String,
}

/// How many were discarded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscardView {
    /// How many.
    pub discarded: u64,
}

/// A paused target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PauseView {
    /// `system.name`.
    pub target: String,
    /// Since when.
    pub since: String,
    /// Why.
    pub reason: String,
    /// `operator`, or `misconfigured`.
    pub cause: String,
}

/// What a reload did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReloadView {
    /// The number of the files that run now.
    pub generation: i64,
    /// What changed, in one line.
    pub summary: String,
    /// Warnings about the files, rendered; empty if there are none.
    pub warnings: String,
}

/// A route and how its messages fare; the two equations of the documentation hold on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RouteView {
    /// Its name.
    pub route: String,
    /// Messages accepted.
    pub received: u64,
    /// Of them: accepted before.
    pub repeats: u64,
    /// Of them: a step let them go no further.
    pub filtered: u64,
    /// Of them: dead.
    pub dead: u64,
    /// Of them: dead, then discarded by an operator.
    pub discarded: u64,
    /// Of them: routed.
    pub routed: u64,
    /// Of them: still to be dealt with.
    pub in_hand: u64,
    /// Its targets.
    pub targets: Vec<TargetView>,
}

/// A target of a route and how its deliveries fare.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TargetView {
    /// `system.name`.
    pub target: String,
    /// Deliveries made.
    pub created: u64,
    /// Of them: delivered.
    pub delivered: u64,
    /// Of them: dead.
    pub dead: u64,
    /// Of them: expired.
    pub expired: u64,
    /// Of them: discarded.
    pub discarded: u64,
    /// Of them: waiting for their turn.
    pub waiting: u64,
    /// Of them: waiting for their next attempt.
    pub retrying: u64,
    /// Of them: waiting for a paused target.
    pub paused: u64,
    /// Of them: behind an earlier one of their key.
    pub parked: u64,
    /// How long the oldest of them has been there.
    pub oldest_seconds: u64,
    /// `closed`, `half open`, `open`.
    pub breaker: String,
    /// Why the target is paused, if it is.
    pub pause: Option<PauseView>,
}

/// What went wrong with a call, as RFC 9457 has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
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
}

impl Problem {
    /// A problem.
    pub fn new(status: StatusCode, code: &str, title: impl Into<String>) -> Self {
        Self { status: status.as_u16(), code: code.to_owned(), title: title.into(), detail: None }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status);
        let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        answer(status, "application/problem+json", json(&self))
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
