//! The ledger: messages as accepted, the outcome of each delivery, identities, dead letters,
//! pauses, and the tallies that account for every message.
//!
//! What changes something only makes [`Writes`](crate::store::Writes); the engine commits them
//! with the settlement that they belong to. What asks reads the [`Store`].

mod writes;

use std::{sync::Arc, time::Duration};

use bytes::Bytes;

use crate::{
    message::{Digest, Endpoint, Headers, Message, MessageId, Timestamp},
    store::{Store, StoreError},
};

/// One delivery that a message gave rise to: to which target, and which of several.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct DeliveryId {
    /// The route.
    pub route: Arc<str>,
    /// The message.
    pub message: MessageId,
    /// The target.
    pub target: Endpoint,
    /// Which one of those that `each` and `split` made for this target, from 0.
    pub ordinal: u32,
}

/// How a delivery ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// The target took it.
    Delivered,
    /// It was given up and waits among the dead letters.
    Dead,
    /// Its time ran out.
    Expired,
    /// An operator discarded it.
    Discarded,
}

/// How a message ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It was accepted before.
    Repeat,
    /// A step let it go no further.
    Filtered,
    /// It could not be routed and waits among the dead letters.
    Dead,
    /// It gave rise to deliveries.
    Routed,
    /// It was dead, and an operator discarded it.
    Discarded,
}

/// Why something is dead, and what an operator needs to put it right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cause {
    /// `bad message`, `refused`, `unavailable`, `no target`, `crashed the bus`.
    pub class: Arc<str>,
    /// Which step, `map` or `when` failed, as `steps[2] validate`; empty for a target's answer.
    pub place: String,
    /// One line: what happened. Never a value of the message.
    pub reason: String,
}

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its number; rises.
    pub id: i64,
    /// When it was given up.
    pub at: Timestamp,
    /// The route.
    pub route: Arc<str>,
    /// The message as accepted, kept for the replay.
    pub message: MessageId,
    /// Which delivery; `None`: the message itself could not be routed.
    pub delivery: Option<(Endpoint, u32)>,
    /// Why.
    pub cause: Cause,
    /// How often it was tried.
    pub attempts: u32,
    /// The generation of files that dealt with it.
    pub generation: i64,
    /// The body that was sent, if one was made.
    pub sent: Option<Bytes>,
}

/// Which dead letters are meant.
#[derive(Debug, Clone, Default)]
pub struct DeadFilter {
    /// Only these numbers; empty: all.
    pub ids: Vec<i64>,
    /// Only of this route.
    pub route: Option<String>,
    /// Only of this target.
    pub target: Option<String>,
    /// Only of this class.
    pub class: Option<String>,
    /// Only numbers above this one.
    pub after: i64,
}

/// An identity that a message of a route has claimed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Claim {
    /// Who has it.
    pub message: MessageId,
    /// The digest of that message's body.
    pub body: Digest,
    /// Until when it holds.
    pub until: Timestamp,
}

/// A target that nothing is sent to for the time being.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pause {
    /// The target.
    pub target: Endpoint,
    /// Since when.
    pub since: Timestamp,
    /// Why: what the target answered, or what the operator said.
    pub reason: String,
    /// An operator paused it: no probe, only `resume` frees it.
    pub by_operator: bool,
    /// The digest of the system file under which it failed: another one frees it.
    pub system_digest: Option<Digest>,
}

/// The two equations of `design.md` for one route, from one snapshot.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tally {
    /// Messages received.
    pub received: u64,
    /// Of them: repeats.
    pub repeats: u64,
    /// Of them: filtered.
    pub filtered: u64,
    /// Of them: dead, waiting for an operator.
    pub dead: u64,
    /// Of them: dead, then discarded by an operator.
    pub discarded: u64,
    /// Of them: routed.
    pub routed: u64,
    /// Per target.
    pub targets: Vec<(Endpoint, TargetTally)>,
}

/// Deliveries to one target.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TargetTally {
    /// Deliveries created.
    pub created: u64,
    /// Of them: delivered.
    pub delivered: u64,
    /// Of them: dead.
    pub dead: u64,
    /// Of them: expired.
    pub expired: u64,
    /// Of them: discarded.
    pub discarded: u64,
}

/// Asks the ledger. What changes it are the free functions that make writes.
#[derive(Clone)]
pub struct Ledger {
    store: Store,
}

pub use self::writes::{
    claim, deliver, discard, finish, forget_old, keep_idempotency_key, pause, received, release,
    replay, resume, settle_message, start_generation,
};

/// What an `Idempotency-Key` was used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// The message.
    pub message: MessageId,
    /// The digest of the body that came with it.
    pub body: Digest,
}

impl Ledger {
    /// A ledger in `store`.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// The claims on identities of one route that hold at `now`, in the order of `identities`.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn claims(
        &self,
        _route: &str,
        _identities: &[Digest],
        _now: Timestamp,
    ) -> Result<Vec<Option<Claim>>, StoreError> {
        todo!("store helper")
    }

    /// Whether the outcome of a delivery is known; asked only about a `redelivered` one.
    pub async fn outcome(&self, _delivery: &DeliveryId) -> Result<Option<Outcome>, StoreError> {
        todo!("store helper")
    }

    /// What an idempotency key of a client was used for, if it is still remembered.
    pub async fn key_use(
        &self,
        _client: &str,
        _key: &str,
        _now: Timestamp,
    ) -> Result<Option<KeyUse>, StoreError> {
        todo!("store helper")
    }

    /// A message as it was accepted, while it is kept.
    pub async fn message(
        &self,
        _route: &str,
        _id: MessageId,
    ) -> Result<Option<Message>, StoreError> {
        todo!("store helper")
    }

    /// Dead letters, by number, at most `limit` (500 at most).
    pub async fn dead_letters(
        &self,
        _filter: &DeadFilter,
        _limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        todo!("store helper")
    }

    /// How many dead letters a filter means.
    pub async fn dead_count(&self, _filter: &DeadFilter) -> Result<u64, StoreError> {
        todo!("store helper")
    }

    /// Every pause.
    pub async fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        todo!("store helper")
    }

    /// The tally of every route that ever received anything, from one snapshot.
    pub async fn tallies(&self) -> Result<Vec<(Arc<str>, Tally)>, StoreError> {
        todo!("store helper")
    }

    /// The number of the last generation of files that was started; 0 before the first.
    pub async fn last_generation(&self) -> Result<i64, StoreError> {
        todo!("store helper")
    }

    /// What is known of one message on each route: for the sender's question and for `trace`.
    pub async fn fares(&self, _id: MessageId) -> Result<Vec<Fares>, StoreError> {
        todo!("store helper")
    }
}

/// How one message fares on one route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fares {
    /// The route.
    pub route: Arc<str>,
    /// How it ended; `None` while deliveries are under way or it waits to be routed.
    pub fate: Option<Fate>,
    /// Its deliveries; `None`: under way.
    pub deliveries: Vec<(Endpoint, u32, Option<Outcome>)>,
}

/// How long the ledger remembers what is final.
pub const REMEMBERED: Duration = Duration::from_hours(7 * 24);

/// A delivery as it is created: what the ledger keeps of it.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// Which.
    pub id: DeliveryId,
    /// Its `Idempotency-Key`.
    pub key: Digest,
}

/// What was tried before a delivery was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// Attempts.
    pub attempts: u32,
    /// The generation of files that made it.
    pub generation: i64,
    /// The body that was sent, if one was made.
    pub sent: Option<Bytes>,
}

/// A message whose fate is known.
#[derive(Debug, Clone)]
pub struct Settling {
    /// The route.
    pub route: Arc<str>,
    /// The message as accepted; kept for the fates `Dead` and `Routed`.
    pub message: Message,
    /// Its fate.
    pub fate: Fate,
    /// Why, where it is dead.
    pub cause: Option<Cause>,
    /// What it gave rise to; only where it was routed.
    pub deliveries: Vec<NewDelivery>,
    /// When.
    pub at: Timestamp,
    /// The generation of files that dealt with it.
    pub generation: i64,
}

/// Headers of a kept message are stored beside its body.
pub(crate) fn stored_headers(message: &Message) -> String {
    Headers::to_json(&message.headers)
}
