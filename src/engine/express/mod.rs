//! The short way: from a queue of RabbitMQ through a route to queues of simpul's own RabbitMQ,
//! without standing in any queue in between.
//!
//! A message of a source that one route reads, without order and without identity, is taken through
//! the route where it arrives. Where all that it gives rise to goes to simpul's own RabbitMQ, that is
//! published at once, and the message acknowledged when everything is confirmed: it stands in its
//! own queue until then, so nothing has to be stored. What is not confirmed goes the usual way, with
//! a row in the ledger and into its delivery queue; and so does every message that is anything but
//! plain: dead, with a key, from a route whose targets are not all free.
//!
//! Accounts and journal follow a tenth of a second later.

mod afterwards;
mod passed;
mod traced;

use std::{
    collections::BTreeSet,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::Instant;

pub(super) use self::afterwards::{Afterwards, run as write_afterwards};
use self::{
    passed::{Passed, Written},
    traced::Spans,
};
use super::{
    Shared,
    batch::Batch,
    bodies::Keeper,
    envelope::{self, Outgoing, delivery_queue},
    intake::CLIENT,
    live::Live,
    pipeline::{self, Fated, MEMORY_MAX, Made, Out, Routed},
    traces,
};
use crate::{
    broker::{BrokerError, QueueName},
    connector::{Answer, Call, CallError, Handover, Incoming},
    journal::Term,
    ledger::Fate,
    message::{Arena, Endpoint, Message, MessageId, Timestamp},
    route::{OpenPlanTarget, Route},
    spans::Span,
};

/// Delivery queues that hold something, as far as is known: what is new must not overtake it.
#[derive(Default)]
pub(super) struct Backlog(Mutex<BTreeSet<QueueName>>);

impl Backlog {
    fn lock(&self) -> MutexGuard<'_, BTreeSet<QueueName>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Something is put into a queue.
    pub(super) fn add(&self, queue: QueueName) {
        self.lock().insert(queue);
    }

    /// These are the queues that hold something.
    pub(super) fn set(&self, queues: BTreeSet<QueueName>) {
        *self.lock() = queues;
    }

    fn holds(&self, queue: &str) -> bool {
        self.lock().contains(queue)
    }
}

/// A route that messages of a source can go through on the short way.
pub(super) struct Express<'a> {
    shared: &'a Shared,
    live: &'a Live,
    route: &'a Arc<Route>,
    /// The targets, in the order of the route.
    targets: Vec<Arc<OpenPlanTarget>>,
}

/// Messages that are through the route, before they are sent.
pub(super) struct Loaded {
    /// The ids of those that go the short way; `None`: to be stored the usual way.
    pub(super) ids: Vec<Option<MessageId>>,
    riding: Vec<Riding>,
    passed: Passed,
    /// What is to be traced of messages of which nothing more is to be done.
    spans: Vec<Span>,
}

/// A message and the deliveries that it gives rise to.
struct Riding {
    message: Message,
    out: Out,
    terms: Vec<Term>,
    /// Its spans, where it is traced.
    spans: Option<Spans>,
}

/// Whether a route is one that the short way can be taken through at all.
pub(super) fn suits(live: &Live, source: &Endpoint, broker: Option<&str>) -> bool {
    let (Some([route]), Some(broker)) = (live.readers.get(source).map(Vec::as_slice), broker)
    else {
        return false;
    };
    let on_own = |it: &Endpoint| {
        live.plan.targets.get(it).is_some_and(|it| it.open.target.rabbitmq() == Some(broker))
    };
    let is_fetched = live.plan.sources.get(source).is_some_and(|it| it.source.pull.is_some());
    is_fetched
        && route.order_by.is_none()
        && route.identity.is_none()
        && route.to.iter().all(|to| on_own(&to.target))
}

impl<'a> Express<'a> {
    /// The short way for what comes from `source`, if it is free now.
    pub(super) fn of(shared: &'a Shared, live: &'a Live, source: &Endpoint) -> Option<Self> {
        if !live.express.contains(source) {
            return None;
        }
        let [route] = live.readers.get(source)?.as_slice() else { return None };
        let free = |target: &Endpoint| {
            shared.gate(target).flows()
                && !shared.backlog.holds(&delivery_queue(&route.name, target))
        };
        let is_closed = shared.in_hand.is_door_closed(&route.name, shared.clock.now());
        if is_closed || !route.to.iter().all(|to| free(&to.target)) {
            return None;
        }
        let targets = route.to.iter().map(|to| live.plan.targets.get(&to.target).map(Arc::clone));
        Some(Self { shared, live, route, targets: targets.collect::<Option<_>>()? })
    }

    /// Takes messages through the route, as far as they are plain; nothing is sent yet.
    pub(super) fn load(&self, handover: &Handover) -> Loaded {
        let count = handover.messages.len();
        let passed = Passed::new(&self.route.name, self.live.generation, &handover.client);
        let (riding, spans) = (Vec::new(), Vec::new());
        let mut loaded = Loaded { ids: vec![None; count], riding, passed, spans };
        let mut arena = Arena::with_limit(MEMORY_MAX);
        let now = self.shared.clock.now();
        for (incoming, id) in handover.messages.iter().zip(&mut loaded.ids) {
            let mut message = self.message(incoming, &handover.client, now);
            let spans = self.trace(&mut message, &handover.source);
            match self.routed(&arena, incoming, &message) {
                Some(Routed { fate: Fated::Filtered(step), terms, .. }) => {
                    *id = Some(message.id);
                    let bodies = self.keeper().all(&message, &[]);
                    loaded.spans.extend(self.ended(spans, &message, Fate::Filtered));
                    loaded.passed.filtered(Written { message: &message, terms, bodies }, step);
                }
                Some(Routed { fate: Fated::Out(out), terms, .. }) if out.failed.is_empty() => {
                    *id = Some(message.id);
                    let spans = spans.map(|it| it.each_of(out.made.len()));
                    loaded.riding.push(Riding { message, out, terms, spans });
                }
                Some(_) | None => {}
            }
            arena.reset();
        }
        loaded
    }

    /// Sends what is loaded.
    ///
    /// # Errors
    ///
    /// [`BrokerError`] when what was not confirmed could not be stored either. Then some of it may
    /// have been delivered.
    pub(super) async fn ride(&self, loaded: Loaded) -> Result<(), BrokerError> {
        let Loaded { riding, mut passed, mut spans, .. } = loaded;
        // Before anything is sent: there must be room to write it down.
        self.shared.afterwards.room().await;
        let begun = Instant::now();
        let answers = self.send(&riding).await;
        let left = self.judge(riding, answers, (&mut passed, &mut spans), begun.elapsed());
        self.shared.record(spans);
        let kept = self.keep(left, passed.by()).await;
        passed.count(self.shared);
        self.shared.afterwards.note(passed);
        kept
    }

    fn keeper(&self) -> Keeper<'_> {
        Keeper::new(self.shared, self.route)
    }

    fn message(&self, incoming: &Incoming, client: &str, received_at: Timestamp) -> Message {
        let mut headers = incoming.headers.clone();
        headers.set(CLIENT, client);
        if incoming.redelivered {
            envelope::mark_repeat(&mut headers);
        }
        let body = incoming.body.clone();
        Message { id: self.shared.ids.next(received_at), received_at, headers, body }
    }

    /// What the route makes of it; `None` where that is a matter for the usual way.
    fn routed(&self, arena: &Arena, incoming: &Incoming, message: &Message) -> Option<Routed> {
        if incoming.key.is_some() || incoming.flaw.is_some() {
            return None;
        }
        let setting = self.shared.setting(&self.live.plan);
        let run = AssertUnwindSafe(|| pipeline::run(setting, self.route, arena, message));
        let _held = self.shared.in_hand.hold_at_door(&self.route.name);
        // A panic is counted where it happens again.
        catch_unwind(run).ok()
    }

    /// Publishes everything side by side: the answers for each target, in the order of `riding`.
    async fn send(&self, riding: &[Riding]) -> Vec<Vec<Result<Answer, CallError>>> {
        let sends = self.targets.iter().map(|target| {
            let calls = riding.iter().flat_map(|it| {
                let made = it.out.made.iter().enumerate();
                let made = made.filter(|(_, made)| made.target == target.open.endpoint);
                made.map(move |(place, made)| (it, place, made))
            });
            let calls = self.calls(calls);
            async move { target.open.target.send_all(calls).await }
        });
        futures_util::future::join_all(sends).await
    }

    fn calls<'m>(&self, all: impl Iterator<Item = (&'m Riding, usize, &'m Made)>) -> Vec<Call> {
        let mut accepted_at = (None, String::new());
        let call = |(Riding { message, spans, .. }, place, made): (&Riding, usize, &Made)| {
            if accepted_at.0 != Some(message.received_at) {
                accepted_at = (Some(message.received_at), message.received_at.to_string());
            }
            let first = Outgoing {
                key: made.key,
                message: message.id,
                accepted_at: accepted_at.1.clone(),
                attempt: 1,
                may_repeat: envelope::may_repeat(&message.headers),
                seq: None,
            };
            let (body, parameters) = (made.body.clone(), made.parameters.clone());
            let mut headers = first.headers();
            if let Some(traced) = spans.as_ref().and_then(|it| it.attempts.get(place)) {
                traces::mark_call(&mut headers, traced);
            }
            Call { body, parameters, headers }
        };
        all.map(call).collect()
    }

    /// Sorts out what is to be kept: messages with a delivery that was not confirmed, and for each
    /// of their deliveries whether it was.
    fn judge(
        &self,
        riding: Vec<Riding>,
        answers: Vec<Vec<Result<Answer, CallError>>>,
        (passed, spans): (&mut Passed, &mut Vec<Span>),
        took: Duration,
    ) -> Vec<(Riding, Vec<bool>)> {
        let mut answers: Vec<_> = answers.into_iter().map(Vec::into_iter).collect();
        let mut left = Vec::new();
        for one in riding {
            let mut confirmed = vec![false; one.out.made.len()];
            for (target, answers) in self.targets.iter().zip(&mut answers) {
                let made = one.out.made.iter().zip(&mut confirmed).enumerate();
                let of_target = made.filter(|(_, (it, _))| it.target == target.open.endpoint);
                for (place, (_, confirmed)) in of_target {
                    let answer = answers.next();
                    spans.extend(self.tried(&one, target, (place, answer.as_ref()), took));
                    *confirmed = answer.is_some_and(|it| it.is_ok());
                }
            }
            if confirmed.iter().all(|it| *it) {
                let Riding { message, out, terms, spans: begun } = one;
                spans.extend(self.ended(begun, &message, Fate::Routed));
                let bodies = self.keeper().all(&message, &out.made);
                passed.delivered(Written { message: &message, terms, bodies }, out, took);
            } else {
                left.push((one, confirmed));
            }
        }
        left
    }

    /// Stores what was not confirmed: the usual way takes it from here.
    async fn keep(&self, left: Vec<(Riding, Vec<bool>)>, by: &str) -> Result<(), BrokerError> {
        if left.is_empty() {
            return Ok(());
        }
        let now = self.shared.clock.now();
        let mut batch = Batch::new((self.shared, self.route), (now, self.live.generation));
        batch.is_transactional = false;
        for (Riding { message, out, terms, spans }, confirmed) in left {
            self.shared.record(self.ended(spans, &message, Fate::Routed));
            for (made, confirmed) in out.made.iter().zip(&confirmed) {
                if !confirmed {
                    self.shared.backlog.add(delivery_queue(&self.route.name, &made.target));
                }
            }
            batch.out_partly((message, &terms), out, by, &confirmed);
        }
        let Batch { outputs, writes, ended, .. } = batch;
        self.shared.broker.publish_atomically(outputs, writes).await?;
        super::batch::count(self.shared, self.route, &ended);
        Ok(())
    }
}
