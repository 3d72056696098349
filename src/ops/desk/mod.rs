//! The running bus as one caller may use it: every call and every page works through it, so that
//! what may not be done is refused in one place, and what is done or looked at is written down there.
//!
//! What somebody may not even see is to him as if it were not there. An action is written down before
//! it is done: one that fails stands there too, one that is not written down is not done.

mod bodies;
mod dead;
mod follow;
mod look;
mod reason;
mod running;
mod trace;

use std::{convert::Infallible, sync::Arc};

use axum::{
    extract::{FromRequestParts, OptionalFromRequestParts},
    http::{StatusCode, request::Parts},
};

pub(super) use self::follow::Following;
pub use self::{dead::JobWish, reason::Reason};
use super::{
    Bus, Refusal,
    access::{Caller, Of, Right},
    wire::Problem,
};
use crate::{
    diagnostic::Language,
    engine::{Acted, Comparison, Disk, KeyResumed, Reloaded, RouteStatus},
    journal::Action,
    ledger::Pause,
    message::Endpoint,
};

/// A running bus, and who wants something of it.
#[derive(Clone)]
pub struct Desk {
    bus: Arc<dyn Bus>,
    caller: Caller,
    second_person: bool,
}

// Each answers, or refuses: what there is to say of that stands at `Bus` and `Refusal`.
#[expect(clippy::missing_errors_doc, reason = "said once, at `Refusal`")]
impl Desk {
    /// What `caller` may do to `bus`.
    pub fn new(bus: Arc<dyn Bus>, caller: Caller) -> Self {
        Self { bus, caller, second_person: false }
    }

    /// The same; a job over many dead letters waits for a second person, where that is asked for.
    #[must_use]
    pub fn with_second_person(self, second_person: bool) -> Self {
        Self { second_person, ..self }
    }

    /// The same bus for another caller.
    pub(super) fn of(self, caller: Caller) -> Self {
        Self { caller, ..self }
    }

    /// Who calls.
    pub fn caller(&self) -> &Caller {
        &self.caller
    }

    /// The disk below the store, where the bus looks at it.
    pub fn disk(&self) -> Option<Disk> {
        self.bus.disk()
    }

    /// The state of every route that he may see, and of it of the targets that he may see.
    pub async fn status(&self) -> Result<Vec<RouteStatus>, Refusal> {
        self.need_somewhere(Right::See)?;
        let mut routes = self.bus.status().await?;
        for route in &mut routes {
            let RouteStatus { route, targets, .. } = route;
            targets.retain(|it| self.may_at(Right::See, route, &it.target));
        }
        routes.retain(|it| {
            !it.targets.is_empty() || self.caller.may(Right::See, &Of::route(&it.route))
        });
        Ok(routes)
    }

    /// Every pause that he may see.
    pub async fn pauses(&self) -> Result<Vec<Pause>, Refusal> {
        self.need_somewhere(Right::See)?;
        let mut pauses = self.bus.pauses().await?;
        pauses.retain(|it| self.caller.may(Right::See, &Of::system(&it.target.system)));
        Ok(pauses)
    }

    /// Pauses a target until it is resumed.
    pub async fn pause(&self, target: &Endpoint, reason: &Reason) -> Result<(), Refusal> {
        self.need_over(Right::Pause, &Of::system(&target.system))?;
        let what = format!("paused `{target}`");
        self.record_at("pause", what, Some(reason), Some(target)).await?;
        self.bus.pause(target, &self.by(reason)).await
    }

    /// Frees a target; whether it was paused.
    pub async fn resume(&self, target: &Endpoint) -> Result<bool, Refusal> {
        self.need_over(Right::Pause, &Of::system(&target.system))?;
        self.record_at("resume", format!("resumed `{target}`"), None, Some(target)).await?;
        self.bus.resume(target).await
    }

    /// Lets what is parked of an order key go on, without what holds it.
    pub async fn resume_key(&self, target: &Endpoint, key: &str) -> Result<KeyResumed, Refusal> {
        self.need_over(Right::Pause, &Of::system(&target.system))?;
        // Not which key: that is a value of a message.
        let what = format!("let a key go on to `{target}`");
        self.record_at("resume_key", what, None, Some(target)).await?;
        self.bus.resume_key(target, key, &self.caller.who()).await
    }

    /// Reads the files again and takes them into use, or changes nothing.
    pub async fn reload(&self, language: Language) -> Result<(Reloaded, String), Refusal> {
        self.need(Right::ChangeFiles)?;
        self.record("reload", "had the files read and taken into use".to_owned(), None).await?;
        self.bus.reload(language).await
    }

    /// Reads the files again and says what taking them into use would change.
    pub async fn plan(&self, language: Language) -> Result<(Comparison, String), Refusal> {
        self.need(Right::ChangeFiles)?;
        self.bus.plan(language).await
    }

    /// What people did and looked at, the newest first; only numbers below `below`.
    pub async fn actions(&self, below: Option<i64>, limit: usize) -> Result<Vec<Action>, Refusal> {
        self.need(Right::Audit)?;
        self.bus.actions(below, limit).await
    }
}

/// What its methods are made of.
impl Desk {
    /// He needs a right over all, the bus itself too.
    fn need(&self, right: Right) -> Result<(), Refusal> {
        self.need_over(right, &Of::default())
    }

    /// He needs a right over a thing.
    fn need_over(&self, right: Right, of: &Of<'_>) -> Result<(), Refusal> {
        match self.caller.may(right, of) {
            true => Ok(()),
            false => Err(Refusal::Forbidden(right)),
        }
    }

    /// He needs a right over anything at all: what follows shows him no more than that.
    fn need_somewhere(&self, right: Right) -> Result<(), Refusal> {
        match self.caller.may_somewhere(right) {
            true => Ok(()),
            false => Err(Refusal::Forbidden(right)),
        }
    }

    /// Whether he has a right over what a route sends to a target.
    fn may_at(&self, right: Right, route: &str, target: &Endpoint) -> bool {
        self.caller.may(right, &Of::both(route, Some(&target.system)))
    }

    /// Who acts and why, for the lines about messages.
    fn by(&self, reason: &Reason) -> String {
        format!("{}: {reason}", self.caller.who())
    }

    /// Writes down what he does, before he does it.
    async fn record(
        &self,
        did: &'static str,
        what: String,
        reason: Option<&Reason>,
    ) -> Result<(), Refusal> {
        self.record_at(did, what, reason, None).await
    }

    /// As [`record`](Self::record), to a target.
    async fn record_at(
        &self,
        did: &'static str,
        what: String,
        reason: Option<&Reason>,
        target: Option<&Endpoint>,
    ) -> Result<(), Refusal> {
        let acted = Acted {
            who: self.caller.who(),
            did,
            what,
            reason: reason.map(ToString::to_string),
            route: None,
            message: None,
            delivery: target.map(|it| (it.clone(), 0)),
        };
        self.bus.note(acted).await
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
