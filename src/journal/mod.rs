//! The journal: what happened to each message, hop by hop. Append-only; read by people.

use std::sync::Arc;

use crate::{
    message::{Endpoint, MessageId, Timestamp},
    store::{Store, StoreError, Writes},
};

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// The route; empty where the line is about a target or the files.
    pub route: Arc<str>,
    /// The message, where it is about one.
    pub message: Option<MessageId>,
    /// The target and which delivery, where it is about one.
    pub delivery: Option<(Endpoint, u32)>,
    /// The generation of files that dealt with it.
    pub generation: i64,
    /// What happened.
    pub event: Event,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A source handed it over; `by` is the name of the API key or the system.
    Accepted {
        /// Who.
        by: String,
    },
    /// It was accepted before, as `first`.
    Repeat {
        /// The message that has the identity.
        first: MessageId,
    },
    /// Its identity was accepted before with another body, as `first`; it goes on.
    Changed {
        /// The message that had the identity.
        first: MessageId,
    },
    /// A step let it go no further.
    Filtered {
        /// Which: `steps[0] filter`.
        step: String,
    },
    /// It was routed.
    Routed {
        /// How many deliveries it gave rise to.
        deliveries: u32,
        /// The targets that it skipped.
        skipped: Vec<Endpoint>,
    },
    /// It was sent once.
    Attempt {
        /// Which attempt, from 1.
        attempt: u32,
        /// `delivered`, `unavailable`, `misconfigured`, `refused`.
        class: String,
        /// The answer in one line; never its body.
        answer: String,
        /// How long it took, in milliseconds.
        duration_ms: u64,
    },
    /// A copy made by a crash was dropped: its outcome was known.
    CopyDropped,
    /// The target took it.
    Delivered,
    /// It was given up.
    Dead {
        /// The class.
        class: String,
        /// Why.
        reason: String,
    },
    /// Its time ran out.
    Expired,
    /// A target was paused.
    Paused {
        /// Why.
        reason: String,
    },
    /// A target was freed.
    Resumed {
        /// By what: `probe`, `operator`, `reload`.
        by: String,
    },
    /// An operator sent it on again.
    Replayed {
        /// Who and why.
        by: String,
    },
    /// An operator discarded it.
    Discarded {
        /// Who and why.
        by: String,
    },
    /// Working on it panicked; it stays in its queue.
    Panicked {
        /// Where.
        place: String,
    },
    /// A generation of files was started.
    Generation {
        /// `started`, `reloaded`.
        how: String,
    },
}

/// Adds a line.
pub fn append(_writes: &mut Writes, _line: &Line) {
    todo!("store helper")
}

/// Forgets lines older than `before`; bounded per call.
pub fn forget(_writes: &mut Writes, _before: Timestamp) {
    todo!("store helper")
}

/// Asks the journal.
#[derive(Clone)]
pub struct Journal {
    store: Store,
}

impl Journal {
    /// The journal in `store`.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Every line about one message, oldest first; at most 10,000.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be read.
    pub async fn of_message(&self, _id: MessageId) -> Result<Vec<Line>, StoreError> {
        let _ = &self.store;
        todo!("store helper")
    }
}
