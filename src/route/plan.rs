//! What runs: every route, source and target of one generation of files, compiled.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::kept::PlanFile;
use crate::{
    connector::{AnswerClass, OpenSource, OpenTarget},
    expr::Expr,
    message::{Digest, Endpoint},
    step::{Map, Schema, Step},
};

/// One generation of files, compiled.
#[derive(Default)]
pub struct Plan {
    /// Routes by name.
    pub routes: BTreeMap<Arc<str>, Arc<Route>>,
    /// Sources by name.
    pub sources: BTreeMap<Endpoint, PlanSource>,
    /// Targets by name.
    pub targets: BTreeMap<Endpoint, Arc<OpenPlanTarget>>,
    /// The digest of all files, secrets included.
    pub digest: Option<Digest>,
    /// The files that it was made of, by path; what runs needs none of them.
    pub files: Vec<PlanFile>,
}

/// A source and the schema of what it emits.
#[derive(Clone)]
pub struct PlanSource {
    /// The source.
    pub source: Arc<OpenSource>,
    /// Compiled from its schema file.
    pub schema: Option<Arc<Schema>>,
}

/// A target and the schema of what it takes.
pub struct OpenPlanTarget {
    /// The target.
    pub open: OpenTarget,
    /// Compiled from its schema file.
    pub schema: Option<Arc<Schema>>,
}

/// A compiled route.
pub struct Route {
    /// Its name.
    pub name: Arc<str>,
    /// What it is for, in a sentence.
    pub summary: String,
    /// Where its messages come from.
    pub from: Endpoint,
    /// How repeats are recognised.
    pub identity: Option<Identity>,
    /// The key within which order is kept.
    pub order_by: Option<Expr>,
    /// What operators will search for.
    pub search: Vec<Search>,
    /// What is kept of the bodies that it accepts and sends, beside the journal.
    pub bodies: Bodies,
    /// How long that is kept; `None`: as long as the settings say.
    pub retention: Option<Duration>,
    /// The steps, in their order.
    pub steps: Vec<NamedStep>,
    /// The targets, in the order of the file.
    pub to: Vec<Destination>,
    /// What becomes of a message that every target skipped.
    pub unmatched: Unmatched,
    /// Changes when the route's file, or a table or schema that it uses, does.
    pub digest: Digest,
}

/// What a message can be found by.
pub struct Search {
    /// What the route calls it: `nomor`.
    pub name: Arc<str>,
    /// Its value; an array has several. One that is nothing finds nothing.
    pub expression: Expr,
    /// The source's schema says that it is about a person (`x-data-pribadi`): only a keyed digest
    /// of it is stored.
    pub is_personal: bool,
}

/// How a message is recognised that was accepted before.
pub struct Identity {
    /// Together they are the business key. One that is nothing makes a bad message.
    pub key: Vec<Expr>,
    /// Whether a message with the same key and another body is a repeat too.
    pub ignore_body: bool,
    /// How long a claim holds.
    pub window: Duration,
}

/// A step and what errors call it.
pub struct NamedStep {
    /// `steps[2] validate`.
    pub place: String,
    /// The step.
    pub step: Box<dyn Step>,
}

/// A target of a route.
pub struct Destination {
    /// Which target; in [`Plan::targets`].
    pub target: Endpoint,
    /// Goes only where this holds.
    pub when: Option<Expr>,
    /// One delivery for each of these; `@` is the item.
    pub each: Option<Expr>,
    /// The shape; `None`: the body as it is.
    pub map: Option<Map>,
    /// When to try again, and when to give up.
    pub retry: RetryPolicy,
    /// What becomes of its key when a delivery is given up; `None`: its deliveries have no order.
    pub on_exhausted: Option<OnExhausted>,
    /// How old a message may be when it is sent.
    pub ttl: Option<Duration>,
    /// Within which time a message is to be delivered: for alerts alone.
    pub deliver_within: Option<Duration>,
    /// How answers are sorted otherwise than usual; the target's own stand behind these.
    pub answers: BTreeMap<u16, AnswerClass>,
}

/// When to try again, and when to give up.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct RetryPolicy {
    /// The pause after the first failure.
    pub first: Duration,
    /// What each further pause is multiplied with. At least 1.
    pub factor: f64,
    /// No pause is longer, but for a `Retry-After`.
    pub max: Duration,
    /// How long after a delivery was made it is given up.
    pub give_up: Duration,
}

impl RetryPolicy {
    /// The policy where none is named: `{ first: 5s, factor: 3, max: 30m, give_up: 3d }`.
    pub const STANDARD: Self = Self {
        first: Duration::from_secs(5),
        factor: 3.0,
        max: Duration::from_mins(30),
        give_up: Duration::from_hours(72),
    };
}

/// What becomes of the order of a key when one of its deliveries is given up.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OnExhausted {
    /// The later ones of its key are parked, until the dead one is replayed or discarded, or an
    /// operator lets them go on without it.
    #[default]
    ParkKey,
    /// It is a dead letter, and the later ones of its key go on.
    DeadLetter,
    /// It is never given up: it is tried again for ever, and the later ones of its key wait.
    Block,
}

impl OnExhausted {
    /// Whether a dead delivery holds its key. One that is never given up can be dead all the same:
    /// what could not be made, or crashes the bus.
    pub fn holds_key(self) -> bool {
        self != Self::DeadLetter
    }
}

/// What is kept of the bodies that a route accepts and sends, beside the journal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Bodies {
    /// Nothing: a body is gone once its last delivery has its outcome.
    #[default]
    None,
    /// Their SHA-256: what was sent can be held against it.
    Digest,
    /// The bodies, sealed under a key from outside; and sealed is whatever of them stands on the
    /// disk until they are delivered.
    Full,
}

/// What becomes of a message that every target skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, serde::Deserialize, schemars::JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Unmatched {
    /// A dead letter, `no target`.
    #[default]
    Dead,
    /// Filtered.
    Filter,
}
