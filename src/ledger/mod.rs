//! The ledger: messages as accepted, the outcome of each delivery, identities, dead letters,
//! pauses, and the tallies that account for every message.
//!
//! What changes something only makes [`Writes`](crate::store::Writes); the engine commits them
//! with the settlement that they belong to. What asks reads the [`Store`](crate::store::Store).
//!
//! Fates and outcomes are counted in the transaction that changes them: each statement says what a
//! row that it changes adds to an account. What is final is remembered for [`REMEMBERED`], then forgotten.

mod check;
mod dead;
mod files;
mod job;
mod kept;
mod keys;
mod order;
mod query;
mod sql;
mod writes;

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use bytes::Bytes;

pub use self::{
    check::check,
    dead::{DeadFilter, DeadGroup, DeadKind, DeadLetter, group_of},
    files::{FileSet, KeptFile, NewFile, SETS_MAX, keep_files},
    job::{Approval, Job, JobFailure, JobKind, JobOrder, JobState, JobTerms, Runner, forget_jobs},
    keys::{confirm_idempotency_key, keep_idempotency_key, reserve_idempotency_key},
    order::{
        CalledKey, HeldKey, Parked, call_again, called, count_calls, hold_key, keep_parked,
        let_key_go, park, park_and_call, unpark,
    },
    query::Ledger,
    writes::{
        add, arrived, claim, copied, deliver, discard, finish, forget_old, pause, received,
        release, replay, resume, settle_message, start_generation,
    },
};
use crate::message::{Digest, Endpoint, Message, MessageId, Timestamp};

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

impl Outcome {
    /// The word by which the store knows it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Dead => "dead",
            Self::Expired => "expired",
            Self::Discarded => "discarded",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Delivered, Self::Dead, Self::Expired, Self::Discarded]
            .into_iter()
            .find(|it| it.word() == word)
    }
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

impl Fate {
    /// The word by which the store knows it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Repeat => "repeat",
            Self::Filtered => "filtered",
            Self::Dead => "dead",
            Self::Routed => "routed",
            Self::Discarded => "discarded",
        }
    }

    fn from_word(word: &str) -> Option<Self> {
        [Self::Repeat, Self::Filtered, Self::Dead, Self::Routed, Self::Discarded]
            .into_iter()
            .find(|it| it.word() == word)
    }
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

impl Tally {
    /// How many of its messages have a fate.
    pub fn ended(&self) -> u64 {
        self.repeats + self.filtered + self.dead + self.discarded + self.routed
    }
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
    /// Of them: waiting behind a dead one of their key, in no queue.
    pub parked: u64,
    /// Entries of its queue that are no deliveries, but call what is parked.
    pub calls: u64,
}

impl TargetTally {
    /// How many of its deliveries have an outcome.
    pub fn ended(&self) -> u64 {
        self.delivered + self.dead + self.expired + self.discarded
    }
}

/// What an `Idempotency-Key` was used for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    /// The message.
    pub message: MessageId,
    /// The digest of the body that came with it.
    pub body: Digest,
    /// The message is known to be stored. If not, it may be: the key was reserved for it, and
    /// nobody lived to say more.
    pub stored: bool,
}

/// What is known of a delivery that is about to be sent.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Sending {
    /// If it has one, what is about to be sent is a copy.
    pub outcome: Option<Outcome>,
    /// There is a copy of it somewhere: whichever is sent must say so.
    pub copied: bool,
    /// Its number among those of its order key, from 1; `None`: it has no order.
    pub seq: Option<i64>,
    /// It is parked, or something before it in its order is dead and holds the key, or parked.
    pub parks: bool,
}

/// What is known of a message that was settled.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// Its fate.
    pub fate: Fate,
    /// Its deliveries that are under way, as many as one answer holds.
    pub open: BTreeSet<(Endpoint, u32)>,
    /// Whether these are all.
    pub all: bool,
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
    /// Those of them that are under way and parked: behind a dead one of their key.
    pub parked: BTreeSet<(Endpoint, u32)>,
}

/// How long the ledger remembers what is final.
pub const REMEMBERED: Duration = Duration::from_hours(7 * 24);

/// What had been tried when a delivery was given up.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Tried {
    /// How often it was sent.
    pub attempts: u32,
    /// The generation of files that dealt with it.
    pub generation: i64,
    /// The body that was sent, if one was made.
    pub sent: Option<Bytes>,
}

/// A delivery as it is created: what the ledger keeps of it.
#[derive(Debug, Clone)]
pub struct NewDelivery {
    /// Which.
    pub id: DeliveryId,
    /// Its `Idempotency-Key`.
    pub key: Digest,
    /// The key within which it has its place, and a number.
    pub order_key: Option<Digest>,
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
