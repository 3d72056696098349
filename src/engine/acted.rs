//! What people did is written into the journal, and read from it.

use std::sync::Arc;

use super::{Engine, EngineError};
use crate::{
    journal::{self, Action, Event, Line},
    message::{Endpoint, MessageId},
    store::Writes,
};

/// What somebody did, or looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Acted {
    /// Who.
    pub who: String,
    /// A stable word.
    pub did: &'static str,
    /// What, in words.
    pub what: String,
    /// Why, where he said it.
    pub reason: Option<String>,
    /// The route, where it is about one.
    pub route: Option<Arc<str>>,
    /// The message, where it is about one.
    pub message: Option<MessageId>,
    /// The target and which delivery, where it is about one.
    pub delivery: Option<(Endpoint, u32)>,
}

impl Engine {
    /// Writes down what somebody does; returns once it is on disk.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store refuses; then it should not be done.
    pub async fn note(&self, acted: Acted) -> Result<(), EngineError> {
        let Acted { who, did, what, reason, route, message, delivery } = acted;
        let line = Line {
            at: self.shared.clock.now(),
            route: route.unwrap_or_else(|| "".into()),
            message,
            delivery,
            generation: self.generation(),
            event: Event::Acted { who, did: did.to_owned(), what, reason },
        };
        let mut writes = Writes::default();
        journal::append(&mut writes, &line);
        Ok(self.shared.store.commit(writes).await?)
    }

    /// What people did, the newest first, `limit` at most; only numbers below `below`.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store cannot be read.
    pub async fn actions(
        &self,
        below: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Action>, EngineError> {
        Ok(self.shared.journal.actions(below, limit).await?)
    }
}
