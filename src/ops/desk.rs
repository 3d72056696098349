//! The running bus as one caller may use it: every call and every page works through it, so that
//! what may not be done is refused in one place.

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{StatusCode, request::Parts},
};

use super::{
    Bus, Refusal,
    access::{Caller, Of, Right},
    wire::Problem,
};
use crate::{
    diagnostic::Language,
    engine::{
        Comparison, Disk, Found, KeyResumed, Preview, Reloaded, Replayed, RouteStatus, Trace,
    },
    journal::Wanted,
    ledger::{DeadFilter, DeadGroup, DeadLetter, Job, JobFailure, JobKind, JobOrder, Pause},
    message::{Endpoint, Message, MessageId},
};

/// A running bus, and who wants something of it.
#[derive(Clone)]
pub struct Desk {
    bus: Arc<dyn Bus>,
    caller: Caller,
}

// Each answers, or refuses: what there is to say of that stands at `Bus` and `Refusal`.
#[expect(clippy::missing_errors_doc, reason = "said once, at `Refusal`")]
impl Desk {
    /// What `caller` may do to `bus`.
    pub fn new(bus: Arc<dyn Bus>, caller: Caller) -> Self {
        Self { bus, caller }
    }

    /// Who calls.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The disk below the store, where the bus looks at it.
    pub fn disk(&self) -> Option<Disk> {
        self.bus.disk()
    }

    /// Has something done with many dead letters, however long that takes.
    pub async fn order(&self, order: JobOrder) -> Result<Job, Refusal> {
        self.need(match order.kind {
            JobKind::Preview => Right::See,
            JobKind::Replay => Right::Replay,
            JobKind::Discard => Right::Discard,
        })?;
        self.bus.order(order).await
    }

    /// The state of every route that he may see.
    pub async fn status(&self) -> Result<Vec<RouteStatus>, Refusal> {
        self.need(Right::See)?;
        self.bus.status().await
    }

    /// Dead letters by number.
    pub async fn dead(
        &self,
        filter: &DeadFilter,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Refusal> {
        self.need(Right::See)?;
        self.bus.dead(filter, limit).await
    }

    /// One dead letter; with what was sent, where he may see bodies.
    pub async fn dead_one(&self, id: i64) -> Result<Option<DeadLetter>, Refusal> {
        self.need(Right::See)?;
        self.bus.dead_one(id).await
    }

    /// The message of one dead letter, as its route accepted it.
    pub async fn dead_message(&self, id: i64) -> Result<Option<Message>, Refusal> {
        self.need(Right::SeeBody)?;
        self.bus.dead_message(id).await
    }

    /// Dead letters in groups of those that failed alike, the largest first.
    pub async fn dead_groups(
        &self,
        filter: &DeadFilter,
        limit: usize,
    ) -> Result<Vec<DeadGroup>, Refusal> {
        self.need(Right::See)?;
        self.bus.dead_groups(filter, limit).await
    }

    /// What a replay of one dead letter would send with today's files.
    pub async fn preview(&self, id: i64) -> Result<Option<Preview>, Refusal> {
        self.need(Right::SeeBody)?;
        self.bus.preview(id).await
    }

    /// The newest jobs, the newest first.
    pub async fn jobs(&self, limit: usize) -> Result<Vec<Job>, Refusal> {
        self.need(Right::See)?;
        self.bus.jobs(limit).await
    }

    /// One job, and why letters of it stayed.
    pub async fn job(&self, id: i64) -> Result<Option<(Job, Vec<JobFailure>)>, Refusal> {
        self.need(Right::See)?;
        self.bus.job(id).await
    }

    /// Ends a job where it is.
    pub async fn cancel(&self, id: i64, by: &str) -> Result<Option<Job>, Refusal> {
        self.need(Right::Replay)?;
        self.bus.cancel(id, by).await
    }

    /// Sends dead letters on again.
    pub async fn replay(&self, filter: &DeadFilter, by: &str) -> Result<Replayed, Refusal> {
        self.need(Right::Replay)?;
        self.bus.replay(filter, by).await
    }

    /// Gives dead letters up for good. Returns how many.
    pub async fn discard(&self, filter: &DeadFilter, by: &str) -> Result<u64, Refusal> {
        self.need(Right::Discard)?;
        self.bus.discard(filter, by).await
    }

    /// Every pause.
    pub async fn pauses(&self) -> Result<Vec<Pause>, Refusal> {
        self.need(Right::See)?;
        self.bus.pauses().await
    }

    /// Pauses a target until it is resumed.
    pub async fn pause(&self, target: &Endpoint, reason: &str) -> Result<(), Refusal> {
        self.need(Right::Pause)?;
        self.bus.pause(target, reason).await
    }

    /// Frees a target; whether it was paused.
    pub async fn resume(&self, target: &Endpoint) -> Result<bool, Refusal> {
        self.need(Right::Pause)?;
        self.bus.resume(target).await
    }

    /// Lets what is parked of an order key go on, without what holds it.
    pub async fn resume_key(
        &self,
        target: &Endpoint,
        key: &str,
        by: &str,
    ) -> Result<KeyResumed, Refusal> {
        self.need(Right::Pause)?;
        self.bus.resume_key(target, key, by).await
    }

    /// Reads the files again and takes them into use, or changes nothing.
    pub async fn reload(&self, language: Language) -> Result<(Reloaded, String), Refusal> {
        self.need(Right::ChangeFiles)?;
        self.bus.reload(language).await
    }

    /// Reads the files again and says what taking them into use would change.
    pub async fn plan(&self, language: Language) -> Result<(Comparison, String), Refusal> {
        self.need(Right::ChangeFiles)?;
        self.bus.plan(language).await
    }

    /// What is known of one message, and every line of the journal about it.
    pub async fn trace(&self, id: MessageId) -> Result<Option<Trace>, Refusal> {
        self.need(Right::See)?;
        self.bus.trace(id).await
    }

    /// Messages that have a value that their route lets operators search for.
    pub async fn find(&self, wanted: &Wanted) -> Result<Found, Refusal> {
        self.need(Right::See)?;
        self.bus.find(wanted).await
    }

    fn need(&self, right: Right) -> Result<(), Refusal> {
        match self.caller.may(right, &Of::default()) {
            true => Ok(()),
            false => Err(Refusal::Forbidden(right)),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Desk {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let desk = parts.extensions.get::<Self>().cloned();
        // Only where a page was put outside the door.
        desk.ok_or_else(|| Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", "log in first"))
    }
}

impl<S: Sync> OptionalFromRequestParts<S> for Desk {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Option<Self>, Infallible> {
        Ok(parts.extensions.get::<Self>().cloned())
    }
}
