//! What operators look at: bodies, what today's files would make of a message, the dead letters of
//! one, and the journal as it grows.

use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;

use super::{Engine, EngineError, Rehearsal, Rehearsed, Shown, Watch, intake::CLIENT};
use crate::{
    expr::Scope,
    journal::{Line, Tail},
    ledger::DeadLetter,
    message::{Endpoint, JsonWriter, Message, MessageId},
    step::{Flow, Rejected, Schema},
};

/// Steps whose bodies are kept while a message is explained.
const STEPS_MAX: usize = 100;

/// Whose body it is, and so which schema says what in it is about people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BodyOf<'a> {
    /// As this route accepted it.
    Route(&'a str),
    /// As this target is sent it.
    Target(&'a Endpoint),
}

/// What today's files would make of a message that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Explained {
    /// The message, as its route accepted it.
    pub message: Message,
    /// The steps that it came through, in their order.
    pub steps: Vec<Stepped>,
    /// What comes of it.
    pub came: Rehearsed,
}

/// A step, and what it did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stepped {
    /// Which: `steps[2] validate`.
    pub place: String,
    /// The body behind it; of several the first. `None`: it goes no further.
    pub body: Option<Bytes>,
    /// It is another body than before the step.
    pub changed: bool,
}

/// Notes what the steps do.
struct Noting<'r> {
    places: Vec<&'r str>,
    // The watch is shared, and has no other way to keep what it sees.
    seen: Mutex<Vec<Stepped>>,
}

impl Watch for Noting<'_> {
    fn stepped(&self, index: usize, scope: &Scope<'_>, came: Result<&Flow<'_>, &Rejected>) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(place) = self.places.get(index).filter(|_| seen.len() < STEPS_MAX) else { return };
        // A step behind a `split` sees each part: the first stands for all.
        if seen.iter().any(|it| it.place == **place) {
            return;
        }
        let before = JsonWriter::to_vec(scope.body);
        let body = match came {
            Ok(Flow::Next(value)) => Some(JsonWriter::to_vec(*value)),
            Ok(Flow::Split(parts)) => parts.first().map(|it| JsonWriter::to_vec(*it)),
            Ok(Flow::Filtered) | Err(_) => None,
        };
        let changed = body.as_ref().is_some_and(|it| *it != before);
        let body = body.map(Bytes::from);
        seen.push(Stepped { place: (*place).to_owned(), body, changed });
    }
}

impl Engine {
    /// A body as it is shown; with `hide` without what is about people, and without texts in which one
    /// of `known` stands.
    pub fn shown(&self, of: BodyOf<'_>, body: &[u8], known: &[String], hide: bool) -> Shown {
        Shown::of(body, self.schema_of(of).as_deref(), known, hide)
    }

    /// What in a message, as its route accepted it, is about people; nothing where it is not kept.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store cannot be read.
    pub async fn personal_in(
        &self,
        route: &str,
        id: MessageId,
    ) -> Result<Vec<String>, EngineError> {
        let message = self.shared.ledger.message(route, id).await?;
        let message = message.and_then(|it| self.shared.opened(route, &it).ok());
        let schema = self.schema_of(BodyOf::Route(route));
        Ok(message.map(|it| Shown::personal(&it.body, schema.as_deref())).unwrap_or_default())
    }

    pub(super) fn schema_of(&self, of: BodyOf<'_>) -> Option<Arc<Schema>> {
        let live = self.shared.live();
        match of {
            BodyOf::Route(route) => {
                let route = live.plan.routes.get(route);
                let source = route.and_then(|it| live.plan.sources.get(&it.from));
                source.and_then(|it| it.schema.clone())
            }
            BodyOf::Target(target) => {
                live.plan.targets.get(target).and_then(|it| it.schema.clone())
            }
        }
    }

    /// What today's files would make of a message on one of its routes; `None` where it is not kept
    /// any more, or the files that run have no such route.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store cannot be read.
    pub async fn explain(
        &self,
        route: &str,
        id: MessageId,
    ) -> Result<Option<Explained>, EngineError> {
        let shared = &self.shared;
        let Some(message) = shared.ledger.message(route, id).await? else { return Ok(None) };
        let Ok(message) = shared.opened(route, &message) else { return Ok(None) };
        let live = shared.live();
        let Some(route) = live.plan.routes.get(route) else { return Ok(None) };
        let places = route.steps.iter().map(|it| it.place.as_str()).collect();
        let noting = Noting { places, seen: Mutex::default() };
        let rehearsal = Rehearsal {
            plan: &live.plan,
            hash_key: shared.options.hash_key.as_deref(),
            limits: shared.options.limits,
            watch: Some(&noting),
        };
        let client = message.headers.get(CLIENT).unwrap_or_default().to_owned();
        let came = rehearsal.of(route, &message, &client);
        let steps = noting.seen.into_inner().unwrap_or_else(PoisonError::into_inner);
        Ok(Some(Explained { message, steps, came }))
    }

    /// The dead letters of a message, by number.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store cannot be read.
    pub async fn dead_of(&self, id: MessageId) -> Result<Vec<DeadLetter>, EngineError> {
        Ok(self.shared.ledger.dead_of(id).await?)
    }

    /// Follows the journal from behind line `after` on, or from now on; all of it, or one route.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store cannot be read.
    pub async fn tail(
        &self,
        after: Option<i64>,
        route: Option<Arc<str>>,
    ) -> Result<Tail, EngineError> {
        Ok(self.shared.journal.tail(after, route).await?)
    }

    /// The last lines of the journal about a route, the oldest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store cannot be read.
    pub async fn recent(&self, route: &str, limit: usize) -> Result<Vec<(i64, Line)>, EngineError> {
        Ok(self.shared.journal.recent(route, limit).await?)
    }
}
