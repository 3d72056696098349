//! A message through a route without a bus: what the pure part makes of it, for tests of routes and
//! for people who want to see. It is the very code that a worker runs.

use bytes::Bytes;

use super::{
    envelope::Outgoing,
    intake::CLIENT,
    pipeline::{self, Fated, MEMORY_MAX, Setting, Shaped},
};
use crate::{
    expr::Scope,
    ledger::Cause,
    message::{Arena, Digest, Endpoint, Headers, Limits, Message},
    route::{Plan, Route},
    step::{Flow, Rejected},
};

/// Looks on while a message is taken through its route. What is computed in a [`Scope`] counts
/// against the budget of the message.
pub trait Watch {
    /// The body is parsed.
    fn begins(&self, _scope: &Scope<'_>) {}

    /// A step did its work on a body, which is that of `scope`.
    fn stepped(&self, _index: usize, _scope: &Scope<'_>, _came: Result<&Flow<'_>, &Rejected>) {}

    /// It was decided how many deliveries a target gets for a body: `when` and `each`.
    fn chose(&self, _index: usize, _scope: &Scope<'_>, _came: Result<usize, &Cause>) {}

    /// A delivery was made, or could not be.
    fn made(&self, _index: usize, _scope: &Scope<'_>, _came: Result<&Shaped, &Cause>) {}
}

/// What a rehearsal needs beside the route.
#[derive(Clone, Copy)]
pub struct Rehearsal<'a> {
    /// The files.
    pub plan: &'a Plan,
    /// The key of `hash`.
    pub hash_key: Option<&'a [u8]>,
    /// What a body may be like.
    pub limits: Limits,
    /// Who looks on.
    pub watch: Option<&'a dyn Watch>,
}

/// What a route makes of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Rehearsed {
    /// This step let it go no further.
    Filtered(String),
    /// It is a bad message, or has no target.
    Dead(Cause),
    /// It gives rise to deliveries; these targets are skipped.
    Out(Vec<Planned>, Vec<Endpoint>),
}

/// A delivery that a message gives rise to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// Where to.
    pub target: Endpoint,
    /// Which of those to this target.
    pub ordinal: u32,
    /// What is to be sent; or why there is nothing, so that it is dead from the start.
    pub made: Result<Sending, Cause>,
}

/// What is to be sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Sending {
    /// The body.
    pub body: Bytes,
    /// What the target's parameters yielded.
    pub parameters: Vec<String>,
    /// Its `Idempotency-Key`.
    pub key: Digest,
    /// What simpul says beside it with the first attempt.
    pub headers: Headers,
}

impl Rehearsal<'_> {
    /// Takes a message that `client` handed over through a route.
    pub fn of(&self, route: &Route, message: &Message, client: &str) -> Rehearsed {
        let Self { plan, hash_key, limits, watch } = *self;
        let mut message = message.clone();
        message.headers.set(CLIENT, client);
        let setting = Setting { plan, hash_key, limits, watch };
        let routed = pipeline::run(setting, route, &Arena::with_limit(MEMORY_MAX), &message);
        let out = match routed.fate {
            Fated::Filtered(step) => return Rehearsed::Filtered(step),
            Fated::Dead(cause) => return Rehearsed::Dead(cause),
            Fated::Out(out) => out,
        };
        let made = out.made.into_iter().map(|it| {
            let first = Outgoing {
                key: it.key,
                message: message.id,
                accepted_at: message.received_at.to_string(),
                attempt: 1,
                may_repeat: false,
                seq: None,
            };
            let (body, headers) = (it.body, first.headers());
            let made = Ok(Sending { body, parameters: it.parameters, key: it.key, headers });
            Planned { target: it.target, ordinal: it.ordinal, made }
        });
        let failed = out.failed.into_iter().map(|it| Planned {
            target: it.target,
            ordinal: it.ordinal,
            made: Err(it.cause),
        });
        Rehearsed::Out(made.chain(failed).collect(), out.skipped)
    }
}
