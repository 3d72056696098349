//! What a route makes of a message: the result of the pure part.

use bytes::Bytes;

use crate::{
    journal::Term,
    ledger::Cause,
    message::{Digest, Endpoint},
};

/// What a route makes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Routed {
    /// The message's identity, where the route has one.
    pub(super) identity: Option<Digest>,
    /// The key within which its deliveries stay in order.
    pub(super) order_key: Option<Digest>,
    /// What it is found by.
    pub(super) terms: Vec<Term>,
    /// What becomes of it.
    pub(super) fate: Fated,
}

impl Routed {
    /// A message of which no more is known than what becomes of it.
    pub(super) fn only(fate: Fated) -> Self {
        Self { identity: None, order_key: None, terms: Vec::new(), fate }
    }
}

/// What becomes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Fated {
    /// A step (named) let it go no further.
    Filtered(String),
    /// It is a bad message, or has no target.
    Dead(Cause),
    /// It gives rise to deliveries.
    Out(Out),
}

/// What a message gives rise to.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(super) struct Out {
    /// Deliveries to be made.
    pub(super) made: Vec<Made>,
    /// Deliveries that could not be made: dead from the start.
    pub(super) failed: Vec<Failed>,
    /// Targets that it skipped.
    pub(super) skipped: Vec<Endpoint>,
}

/// A delivery to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Made {
    /// Where to.
    pub(super) target: Endpoint,
    /// Which of those to this target.
    pub(super) ordinal: u32,
    /// The body to send.
    pub(super) body: Bytes,
    /// What the target's parameters yielded.
    pub(super) parameters: Vec<String>,
    /// Its `Idempotency-Key`.
    pub(super) key: Digest,
}

/// A delivery that could not be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failed {
    /// Where to.
    pub(super) target: Endpoint,
    /// Which of those to this target.
    pub(super) ordinal: u32,
    /// Why.
    pub(super) cause: Cause,
}
