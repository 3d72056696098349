//! One route at work: from its queue, through its steps, into the queues of its targets.

use std::{
    collections::HashMap,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
    time::Duration,
};

use tokio_util::sync::CancellationToken;
use tracing::{error, warn};

use super::{
    EngineError, Shared,
    envelope::{self, Envelope, delivery_queue, route_queue},
    pipeline::{self, Fated, MEMORY_MAX, Out, Routed},
};
use crate::{
    broker::{Delivery, Entry, Output, Settled, Taking},
    journal::{self, Event, Line},
    ledger::{self, Cause, Claim, DeliveryId, Fate, NewDelivery, Settling},
    message::{Arena, Digest, Endpoint, Message, MessageId, Timestamp},
    route::{Identity, Route},
    store::Writes,
};

/// Messages that are routed and settled together at most.
const BATCH_MAX: usize = 64;

/// How long a worker waits after the store or the broker refused.
const TROUBLE_PAUSE: Duration = Duration::from_secs(1);

/// Panics after which a message is taken out of the way.
pub(super) const PANICS_MAX: u32 = 3;

/// How long a message that panicked waits for its next try.
pub(super) const PANIC_PAUSE: Duration = Duration::from_secs(5);

/// Takes messages through the route until `stop`, which is looked at only between batches.
pub(super) async fn run(shared: Arc<Shared>, route: Arc<Route>, stop: CancellationToken) {
    let queue = route_queue(&route.name);
    let mut consumer = shared.broker.consume(&queue, Taking::free(shared.options.prefetch));
    loop {
        let taken = tokio::select! {
            biased;
            () = stop.cancelled() => return,
            taken = consumer.next(BATCH_MAX) => taken,
        };
        if let Err(error) = work(&shared, &route, taken).await {
            shared.metrics.broker_errors.inc();
            warn!(route = &*route.name, %error, "messages not settled; they come back");
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(TROUBLE_PAUSE) => {}
            }
        }
    }
}

async fn work(
    shared: &Shared,
    route: &Arc<Route>,
    taken: Vec<Delivery>,
) -> Result<(), EngineError> {
    let routed = route_all(shared, route, &taken);
    let now = shared.clock.now();
    let claims = claims_of(shared, route, &taken, &routed, now).await?;
    let generation = shared.live().generation;
    let mut batch = Batch { generation, claims, ..Batch::new(route, now) };
    for (delivery, routed) in taken.into_iter().zip(routed) {
        match routed {
            Some(routed) => batch.add(delivery, routed),
            None => batch.panicked(shared, delivery),
        }
    }
    let Batch { settled, outputs, writes, ended, .. } = batch;
    shared.broker.settle(settled, outputs, writes).await?;
    count(shared, route, &ended);
    Ok(())
}

/// Runs the pure part for each message; `None` where it panicked.
fn route_all(shared: &Shared, route: &Route, taken: &[Delivery]) -> Vec<Option<Routed>> {
    let live = shared.live();
    let setting = shared.setting(&live.plan);
    let mut arena = Arena::with_limit(MEMORY_MAX);
    let mut all = Vec::with_capacity(taken.len());
    for delivery in taken {
        let message = message_of(&delivery.entry);
        let run = AssertUnwindSafe(|| pipeline::run(setting, route, &arena, &message));
        let routed = catch_unwind(run).ok();
        if routed.is_none() {
            shared.metrics.panics.inc();
            error!(route = &*route.name, message = %message.id, "bug: a route panicked");
        }
        all.push(routed);
        arena.reset();
    }
    all
}

/// The message as the route accepted it.
fn message_of(entry: &Entry) -> Message {
    Message {
        id: entry.id,
        received_at: entry.received_at,
        headers: entry.headers.clone(),
        body: entry.body.clone(),
    }
}

/// How an identity is claimed: with the body, where another body makes another message.
fn claim_keys(identity: &Identity, routed: &Routed, body: Digest) -> Vec<Digest> {
    let Some(key) = routed.identity else { return Vec::new() };
    if identity.ignore_body {
        return vec![key];
    }
    vec![Digest::of(&[&key.0, &body.0]), key]
}

type Claims = HashMap<Digest, Claim>;

async fn claims_of(
    shared: &Shared,
    route: &Route,
    taken: &[Delivery],
    routed: &[Option<Routed>],
    now: Timestamp,
) -> Result<Claims, EngineError> {
    let Some(identity) = &route.identity else { return Ok(Claims::new()) };
    let (mut keys, mut writes) = (Vec::new(), Writes::default());
    for (delivery, routed) in taken.iter().zip(routed) {
        let Some(routed) = routed else { continue };
        let (message, body) = (delivery.entry.id, Digest::of(&[&delivery.entry.body]));
        let claim = Claim { message, body, until: now.after(identity.window) };
        for key in claim_keys(identity, routed, body) {
            if !matches!(routed.fate, Fated::Dead(_)) {
                ledger::claim(&mut writes, &route.name, key, &claim, now);
            }
            keys.push(key);
        }
    }
    if shared.store.is_shared() {
        // Between gateways the database decides, before anything follows from it.
        shared.store.commit(writes).await?;
    }
    let found = shared.ledger.claims(&route.name, &keys, now).await?;
    Ok(keys.into_iter().zip(found).filter_map(|(key, claim)| Some((key, claim?))).collect())
}

/// What a batch of messages comes to, gathered for one settlement.
struct Batch<'r> {
    route: &'r Arc<Route>,
    now: Timestamp,
    generation: i64,
    /// Claims in force, those of this batch included.
    claims: Claims,
    settled: Vec<Settled>,
    outputs: Vec<Output>,
    writes: Writes,
    ended: Vec<Ended>,
}

/// What the metrics are to know once it is durable.
enum Ended {
    Repeat,
    Filtered,
    Dead(Arc<str>),
    Routed { created: Vec<Endpoint>, failed: Vec<(Endpoint, Arc<str>)>, skipped: Vec<Endpoint> },
}

impl<'r> Batch<'r> {
    fn new(route: &'r Arc<Route>, now: Timestamp) -> Self {
        let (claims, writes) = (Claims::new(), Writes::default());
        let (settled, outputs, ended) = (Vec::new(), Vec::new(), Vec::new());
        Self { route, now, generation: 0, claims, settled, outputs, writes, ended }
    }

    fn add(&mut self, delivery: Delivery, routed: Routed) {
        let message = message_of(&delivery.entry);
        let keys = match &self.route.identity {
            Some(identity) => claim_keys(identity, &routed, Digest::of(&[&message.body])),
            None => Vec::new(),
        };
        match self.first_with(&keys, message.id) {
            Some((first, true)) => {
                self.line(message.id, Event::Repeat { first });
                self.end(message, Fate::Repeat, None, Vec::new());
                self.ended.push(Ended::Repeat);
            }
            seen => {
                if let Some((first, false)) = seen {
                    self.line(message.id, Event::Changed { first });
                }
                if !matches!(routed.fate, Fated::Dead(_)) {
                    self.claim(&keys, &message);
                }
                self.fate(message, routed);
            }
        }
        self.settled.push(Settled::Done(delivery));
    }

    /// The message that claimed the first of `keys` (a repeat), or another of them (changed).
    fn first_with(&self, keys: &[Digest], id: MessageId) -> Option<(MessageId, bool)> {
        let claimed =
            |key| self.claims.get(key).map(|it: &Claim| it.message).filter(|it| *it != id);
        let (exact, others) = keys.split_first()?;
        claimed(exact)
            .map(|first| (first, true))
            .or_else(|| others.iter().find_map(claimed).map(|first| (first, false)))
    }

    fn claim(&mut self, keys: &[Digest], message: &Message) {
        let Some(identity) = &self.route.identity else { return };
        let until = self.now.after(identity.window);
        let claim = Claim { message: message.id, body: Digest::of(&[&message.body]), until };
        for key in keys {
            if !self.claims.contains_key(key) {
                ledger::claim(&mut self.writes, &self.route.name, *key, &claim, self.now);
                self.claims.insert(*key, claim.clone());
            }
        }
    }

    fn fate(&mut self, message: Message, routed: Routed) {
        match routed.fate {
            Fated::Filtered(step) => {
                self.line(message.id, Event::Filtered { step });
                self.end(message, Fate::Filtered, None, Vec::new());
                self.ended.push(Ended::Filtered);
            }
            Fated::Dead(cause) => self.dead(message, cause),
            Fated::Out(out) => self.out(message, out, routed.order_key),
        }
    }

    fn dead(&mut self, message: Message, cause: Cause) {
        self.line(message.id, dead_event(&cause));
        self.ended.push(Ended::Dead(Arc::clone(&cause.class)));
        self.end(message, Fate::Dead, Some(cause), Vec::new());
    }

    fn out(&mut self, message: Message, out: Out, order_key: Option<Digest>) {
        let name = &self.route.name;
        let id_of = |target: &Endpoint, ordinal| {
            let (route, target) = (Arc::clone(name), target.clone());
            DeliveryId { route, message: message.id, target, ordinal }
        };
        let unmade = Digest::of(&[]);
        let made = out.made.iter().map(|it| (id_of(&it.target, it.ordinal), it.key));
        let failed = out.failed.iter().map(|it| (id_of(&it.target, it.ordinal), unmade));
        let deliveries = made.chain(failed).map(|(id, key)| NewDelivery { id, key }).collect();
        let count = out.made.len() + out.failed.len();
        let event = Event::Routed {
            deliveries: u32::try_from(count).unwrap_or(u32::MAX),
            skipped: out.skipped.clone(),
        };
        let (id, received_at) = (message.id, message.received_at);
        let may_repeat = envelope::may_repeat(&message.headers);
        let failed: Vec<_> =
            out.failed.iter().map(|it| (id_of(&it.target, it.ordinal), it.cause.clone())).collect();
        self.line(id, event);
        self.end(message, Fate::Routed, None, deliveries);
        self.ended.push(Ended::Routed {
            created: out.made.iter().map(|it| it.target.clone()).collect(),
            failed: failed
                .iter()
                .map(|(it, cause)| (it.target.clone(), Arc::clone(&cause.class)))
                .collect(),
            skipped: out.skipped,
        });
        for (delivery, cause) in failed {
            let tried = ledger::Tried { attempts: 0, generation: self.generation, sent: None };
            ledger::finish(&mut self.writes, &delivery, &cause, &tried, self.now);
            let mut line = self.line_of(id, dead_event(&cause));
            line.delivery = Some((delivery.target, delivery.ordinal));
            journal::append(&mut self.writes, &line);
        }
        for made in out.made {
            let envelope = Envelope {
                ordinal: made.ordinal,
                key: made.key,
                parameters: made.parameters,
                generation: self.generation,
                attempts: 0,
                failing_since: None,
                panics: 0,
                reason: None,
                may_repeat,
            };
            let queue = delivery_queue(name, &made.target);
            let headers = envelope.to_headers();
            let entry = Entry { id, received_at, headers, body: made.body };
            self.outputs.push(Output { queue, entry, due: None, order_key });
        }
    }

    /// A message whose route panicked: tried again later, and out of the way after three times.
    fn panicked(&mut self, shared: &Shared, delivery: Delivery) {
        let panics = envelope::panics(&delivery.entry.headers).saturating_add(1);
        let id = delivery.entry.id;
        self.line(id, Event::Panicked { place: "steps".to_owned() });
        if panics < PANICS_MAX {
            let headers = envelope::with_panics(delivery.entry.headers.clone(), panics);
            let due = shared.clock.now().after(PANIC_PAUSE);
            self.settled.push(Settled::Again { delivery, headers, due });
            return;
        }
        let cause = crashed("steps");
        self.dead(message_of(&delivery.entry), cause);
        self.settled.push(Settled::Done(delivery));
    }

    fn end(
        &mut self,
        message: Message,
        fate: Fate,
        cause: Option<Cause>,
        deliveries: Vec<NewDelivery>,
    ) {
        let (route, at, generation) = (Arc::clone(self.route), self.now, self.generation);
        let route = Arc::clone(&route.name);
        let settling = Settling { route, message, fate, cause, deliveries, at, generation };
        ledger::settle_message(&mut self.writes, &settling);
    }

    fn line(&mut self, id: MessageId, event: Event) {
        let line = self.line_of(id, event);
        journal::append(&mut self.writes, &line);
    }

    fn line_of(&self, id: MessageId, event: Event) -> Line {
        Line {
            at: self.now,
            route: Arc::clone(&self.route.name),
            message: Some(id),
            delivery: None,
            generation: self.generation,
            event,
        }
    }
}

/// What crashed the bus too often.
pub(super) fn crashed(place: &str) -> Cause {
    let reason = format!("bug: working on it panicked {PANICS_MAX} times");
    Cause { class: "crashed the bus".into(), place: place.to_owned(), reason }
}

/// The journal's word for giving something up.
pub(super) fn dead_event(cause: &Cause) -> Event {
    let reason = match cause.place.as_str() {
        "" => cause.reason.clone(),
        place => format!("{place}: {}", cause.reason),
    };
    Event::Dead { class: cause.class.to_string(), reason }
}

fn count(shared: &Shared, route: &Route, ended: &[Ended]) {
    let metrics = shared.metrics.route(&route.name);
    let of = |target: &Endpoint| shared.metrics.target(&route.name, &target.to_string());
    for one in ended {
        match one {
            Ended::Repeat => metrics.repeat.inc(),
            Ended::Filtered => metrics.filtered.inc(),
            Ended::Dead(class) => metrics.died(class),
            Ended::Routed { created, failed, skipped } => {
                metrics.routed.inc();
                created.iter().for_each(|target| of(target).created.inc());
                skipped.iter().for_each(|target| of(target).skipped.inc());
                for (target, class) in failed {
                    of(target).created.inc();
                    of(target).died(class);
                }
            }
        }
    }
}
