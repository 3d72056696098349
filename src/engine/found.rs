//! Messages that are found by a value of theirs.

use std::sync::Arc;

use super::{Engine, EngineError};
use crate::{
    journal::{Journal, Wanted},
    ledger::{Fares, Ledger},
    message::{MessageId, Timestamp},
    store::StoreError,
};

/// Terms in one answer.
pub const FOUND_MAX: usize = 50;

/// What was found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Found {
    /// The messages, the newest first; of those whose value only begins so, in the order of their
    /// values.
    pub messages: Vec<FoundMessage>,
    /// There may be more than these.
    pub more: bool,
    /// Below which number the next of them are; only where the whole value was given.
    pub next: Option<i64>,
}

/// A message that was found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FoundMessage {
    /// Its id.
    pub id: MessageId,
    /// When it was accepted, or routed.
    pub at: Timestamp,
    /// By what: the route, and what it calls the value.
    pub by: Vec<(Arc<str>, Arc<str>)>,
    /// How it fares on each route; none once that is forgotten.
    pub fares: Vec<Fares>,
}

impl Found {
    /// Looks in a store; `key` is that of the digests of what is about people.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be read.
    pub async fn look(
        (journal, ledger): (&Journal, &Ledger),
        wanted: &Wanted,
        key: Option<&[u8]>,
    ) -> Result<Self, StoreError> {
        let hits = journal.find(wanted, key, FOUND_MAX).await?;
        let more = hits.len() == FOUND_MAX;
        let next = hits.last().map(|it| it.number).filter(|_| more && !wanted.begins);
        let mut messages: Vec<FoundMessage> = Vec::new();
        for hit in hits {
            let by = (hit.route, hit.name);
            match messages.iter_mut().find(|it| it.id == hit.message) {
                Some(known) if known.by.contains(&by) => {}
                Some(known) => known.by.push(by),
                None => {
                    let fares = ledger.fares(hit.message).await?;
                    messages.push(FoundMessage {
                        id: hit.message,
                        at: hit.at,
                        by: vec![by],
                        fares,
                    });
                }
            }
        }
        Ok(Self { messages, more, next })
    }
}

impl Engine {
    /// Messages that have a value that their route lets operators search for.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store cannot be read.
    pub async fn find(&self, wanted: &Wanted) -> Result<Found, EngineError> {
        let shared = &self.shared;
        let key = shared.options.hash_key.as_deref();
        Ok(Found::look((&shared.journal, &shared.ledger), wanted, key).await?)
    }
}
