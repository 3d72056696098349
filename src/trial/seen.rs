//! What happened in a case.

use std::{collections::BTreeSet, time::Duration};

use bytes::Bytes;

use super::{DeliveryWord, MessageWord};
use crate::{
    connector::Draft,
    engine::Rehearsed,
    message::{Endpoint, Message},
};

/// What happened in a case.
#[derive(Debug, Clone)]
pub struct Seen {
    /// What was handed over, in its order.
    pub messages: Vec<SeenMessage>,
    /// What it gave rise to: by message, by target, by number.
    pub deliveries: Vec<SeenDelivery>,
    /// How long it took on the clock of the case.
    pub took: Duration,
    /// It had not come to an end when it was broken off.
    pub unfinished: bool,
}

/// A message that was handed over.
#[derive(Debug, Clone)]
pub struct SeenMessage {
    /// The message, as its route got it.
    pub message: Message,
    /// What became of it.
    pub outcome: MessageWord,
    /// The step that filtered it.
    pub step: Option<String>,
    /// Why it is dead or refused.
    pub reason: Option<String>,
    /// What the route alone makes of it; nothing where it did not come that far.
    pub rehearsed: Option<Rehearsed>,
    /// The ways that it went in its route, by their names.
    pub reached: BTreeSet<String>,
    /// Its journal, without times.
    pub journal: Vec<String>,
}

/// A delivery that a message gave rise to.
#[derive(Debug, Clone)]
pub struct SeenDelivery {
    /// The number of its message.
    pub message: usize,
    /// Where to.
    pub target: Endpoint,
    /// Which of those to this target.
    pub ordinal: u32,
    /// What became of it.
    pub outcome: DeliveryWord,
    /// Why it is dead.
    pub reason: Option<String>,
    /// What was to be sent; nothing where it could not be made.
    pub body: Option<Bytes>,
    /// How often it was sent.
    pub attempts: Vec<Attempt>,
}

/// One attempt at a delivery.
#[derive(Debug, Clone)]
pub struct Attempt {
    /// When, since the case began.
    pub at: Duration,
    /// What was sent; or why nothing could be.
    pub draft: Result<Draft, String>,
    /// What came back.
    pub answer: String,
    /// What that came to: `delivered`, `unavailable`, `misconfigured`, `refused`.
    pub class: String,
}
