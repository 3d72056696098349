//! What integrators write: the tests of a route. The comments are their manual.

use schemars::JsonSchema;
use serde::Deserialize;

use crate::diagnostic::{
    Entries, Located, Node,
    describe::{BodyPath, Either, OneOrMany, Shape},
    units::DurationText,
};

/// The tests of a route: `routes/<route>.test.yaml` beside `routes/<route>.yaml`.
///
/// ```yaml
/// cases:
///   an advertisement goes nowhere:
///     given: { body: { nomor: "1/A", jenis: iklan } }
///     expect: filtered
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct TestFile {
    /// When each case begins: RFC 3339, `2026-01-15T08:00:00+07:00` unless said.
    pub now: Option<Located<String>>,
    /// Bodies that cases share, by name.
    #[serde(default)]
    pub messages: Entries<Node>,
    /// Code tables in the place of the project's, by name, as the text of a CSV file.
    #[serde(default)]
    pub tables: Entries<Located<String>>,
    /// What no message can reach, as `simpul test` names it, and why: it does not count as not
    /// covered.
    #[serde(default)]
    pub unreachable: Entries<Located<String>>,
    /// The cases, by name.
    pub cases: Located<Entries<CaseSpec>>,
}

/// A case: what comes, what the targets answer, and what must have happened then.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CaseSpec {
    /// A message, or a list of them in the order in which they come.
    #[schemars(with = "OneOrMany<GivenSpec>")]
    pub given: Node,
    /// What targets answer, by target: one answer, or a list of which the last goes on for ever.
    /// Who is not named takes everything.
    #[serde(default)]
    #[schemars(with = "Entries<OneOrMany<Either<AnswerSpec, Either<AnswerWord, u16>>>>")]
    pub targets: Entries<Node>,
    /// As those of the file, for this case alone.
    #[serde(default)]
    pub tables: Entries<Located<String>>,
    /// What must have happened: a word, or `{ outcome, step, reason, to, journal }`.
    #[schemars(with = "Either<ExpectSpec, MessageWord>")]
    pub expect: Node,
}

/// A message that comes. Exactly one of `body`, `message` and `file` says what it is.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GivenSpec {
    /// The body. A block (`|`) is JSON text as it is, which may be wrong.
    pub body: Option<Node>,
    /// The name of one of the file's `messages`.
    pub message: Option<Located<String>>,
    /// A file with JSON text, as from the project's directory.
    pub file: Option<Located<String>>,
    /// Changes: what is put where, as in the step `set`.
    #[schemars(with = "Option<Entries<Shape>>")]
    pub set: Option<Node>,
    /// Changes: what is taken out, as in the step `remove`.
    #[schemars(with = "Option<Vec<BodyPath>>")]
    pub remove: Option<Node>,
    /// What comes beside the body.
    #[serde(default)]
    pub headers: Entries<Located<String>>,
    /// The sender's `Idempotency-Key`.
    pub key: Option<Located<String>>,
    /// How long after the one before it it comes; at once unless said.
    pub after: Option<Located<DurationText>>,
    /// How often it comes; once unless said.
    pub times: Option<Located<u64>>,
}

/// An answer that is more than a status or a word.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AnswerSpec {
    /// The status, of a target over HTTP.
    pub status: Option<Located<u16>>,
    /// Or one of the words.
    pub is: Option<Located<AnswerWord>>,
    /// How long the target asks to be left alone.
    pub retry_after: Option<Located<DurationText>>,
    /// How long it takes to answer.
    pub after: Option<Located<DurationText>>,
}

/// An answer in a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum AnswerWord {
    /// It takes it.
    Delivered,
    /// It cannot be reached, or asks to come back.
    Unavailable,
    /// It is not set up for us: its password, its address.
    Misconfigured,
    /// It will not take this one.
    Refused,
    /// It does not answer within the time of a call.
    Timeout,
}

/// What must have happened.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExpectSpec {
    /// What became of the message, or of each: `routed` unless said.
    #[schemars(with = "Option<OneOrMany<MessageWord>>")]
    pub outcome: Option<Node>,
    /// The step that filtered it, or at which it died: part of its name.
    pub step: Option<Located<String>>,
    /// Why it is dead or refused: part of the reason.
    pub reason: Option<Located<String>>,
    /// The deliveries, by target: what is not named here must have got nothing. Without it, each
    /// delivery must have been delivered.
    #[schemars(with = "Option<Entries<OneOrMany<Either<DeliverySpec, DeliveryWord>>>>")]
    pub to: Option<Entries<Node>>,
    /// Lines that the journal must have, in this order: part of each, without the time.
    #[serde(default)]
    pub journal: Vec<Located<String>>,
}

/// What became of a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageWord {
    /// It gave rise to deliveries.
    Routed,
    /// So it did, though its identity was accepted before, with another body.
    Changed,
    /// A step let it go no further.
    Filtered,
    /// Its identity was accepted before.
    Repeat,
    /// Its idempotency key was used before, for the same body.
    Duplicate,
    /// It could not be routed.
    Dead,
    /// It was not accepted: its sender is told.
    Refused,
}

/// What became of a delivery.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryWord {
    /// The target took it.
    Delivered,
    /// It was given up.
    Dead,
    /// Its time ran out.
    Expired,
    /// It waits behind a dead one of its key.
    Parked,
    /// Its target is paused.
    Paused,
    /// It would be tried again for ever.
    Retrying,
    /// There is none.
    Skipped,
}

/// What a delivery must have been like.
#[derive(Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DeliverySpec {
    /// What became of it: `delivered` unless said.
    pub outcome: Option<Located<DeliveryWord>>,
    /// How often it was sent; or when, as a list of times since the case began.
    #[schemars(with = "Option<Either<Vec<DurationText>, u64>>")]
    pub attempts: Option<Node>,
    /// The whole body that is sent.
    pub body: Option<Node>,
    /// Part of the body: these fields, among others.
    pub has: Option<Node>,
    /// Where within the target's system: `PUT /api/tps/1301`.
    pub request: Option<Located<String>>,
    /// Headers of the first attempt, by name.
    #[serde(default)]
    pub headers: Entries<Located<String>>,
    /// Why it is dead: part of the reason.
    pub reason: Option<Located<String>>,
}

impl MessageWord {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Routed => "routed",
            Self::Changed => "changed",
            Self::Filtered => "filtered",
            Self::Repeat => "repeat",
            Self::Duplicate => "duplicate",
            Self::Dead => "dead",
            Self::Refused => "refused",
        }
    }
}

impl DeliveryWord {
    /// As it is written.
    pub fn word(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Expired => "expired",
            Self::Parked => "parked",
            Self::Paused => "paused",
            Self::Retrying => "retrying",
            Self::Skipped => "skipped",
        }
    }
}
