//! What a batch of routed messages comes to: ledger, journal, deliveries, and what is counted once
//! that is durable.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

pub(super) use super::ended::{Ended, count};
use super::{
    Shared,
    envelope::{self, Envelope, delivery_queue},
    pipeline::{self, Fated, Made, Out, Routed},
};
use crate::{
    broker::{Delivery, Entry, Output, Settled},
    journal::{self, Event, Line, Term},
    ledger::{self, Cause, Claim, DeliveryId, Fate, Known, NewDelivery, Outcome, Settling},
    message::{Digest, Endpoint, Message, MessageId, Timestamp},
    route::{Identity, OnExhausted, Route},
    store::Writes,
};

/// Panics after which a message is taken out of the way.
pub(super) const PANICS_MAX: u32 = 3;

/// How long a message that panicked waits for its next try.
pub(super) const PANIC_PAUSE: Duration = Duration::from_secs(5);

/// The message as the route accepted it.
pub(super) fn message_of(entry: &Entry) -> Message {
    Message {
        id: entry.id,
        received_at: entry.received_at,
        headers: entry.headers.clone(),
        body: entry.body.clone(),
    }
}

/// How an identity is claimed: with the body, where another body makes another message.
pub(super) fn claim_keys(identity: &Identity, routed: &Routed, body: Digest) -> Vec<Digest> {
    let Some(key) = routed.identity else { return Vec::new() };
    if identity.ignore_body {
        return vec![key];
    }
    vec![Digest::of(&[&key.0, &body.0]), key]
}

/// Claims on identities, by the identity.
pub(super) type Claims = HashMap<Digest, Claim>;

/// What a batch of messages comes to, gathered for one settlement.
pub(super) struct Batch<'r> {
    route: &'r Arc<Route>,
    now: Timestamp,
    generation: i64,
    /// Whether the broker settles in one transaction.
    pub(super) is_transactional: bool,
    /// Messages of this batch so far.
    pub(super) seen: HashSet<MessageId>,
    /// Claims in force, those of this batch included.
    pub(super) claims: Claims,
    pub(super) settled: Vec<Settled>,
    pub(super) outputs: Vec<Output>,
    pub(super) writes: Writes,
    pub(super) ended: Vec<Ended>,
}

impl<'r> Batch<'r> {
    pub(super) fn new(route: &'r Arc<Route>, (now, generation): (Timestamp, i64)) -> Self {
        Self {
            route,
            now,
            generation,
            is_transactional: true,
            seen: HashSet::new(),
            claims: Claims::new(),
            settled: Vec::new(),
            outputs: Vec::new(),
            writes: Writes::default(),
            ended: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, delivery: Delivery, routed: Routed) {
        let message = message_of(&delivery.entry);
        self.found_by(message.id, &routed.terms);
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

    /// A message that is routed where it arrives.
    pub(super) fn arrived(&mut self, message: Message, routed: Routed, by: &str) {
        self.line(message.id, Event::Accepted { by: by.to_owned() });
        self.found_by(message.id, &routed.terms);
        self.fate(message, routed);
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

    /// A copy of a message of which nothing is left to do.
    pub(super) fn drop_copy(&mut self, delivery: Delivery) {
        self.line(delivery.entry.id, Event::CopyDropped);
        self.settled.push(Settled::Done(delivery));
    }

    /// Goes on with a message that was settled and did not leave its queue: what it gave rise to
    /// may be in the queues of its targets or not, so what is still open goes there as a copy.
    pub(super) fn go_on(&mut self, delivery: Delivery, known: &Known, routed: Routed) {
        if known.fate != Fate::Routed || known.open.is_empty() {
            self.drop_copy(delivery);
            return;
        }
        let stamp = Stamp::of(&message_of(&delivery.entry));
        let (out, cause) = match routed.fate {
            Fated::Out(out) => (out, pipeline::bad("", "the files of today make none")),
            Fated::Filtered(step) => (Out::default(), pipeline::bad(&step, "filtered today")),
            Fated::Dead(cause) => (Out::default(), cause),
        };
        let mut lost = known.open.clone();
        for made in out.made {
            if lost.remove(&(made.target.clone(), made.ordinal)) || !known.all {
                let copy = self.delivery_id(stamp.id, made.target.clone(), made.ordinal);
                ledger::copied(&mut self.writes, &copy);
                self.put(stamp, made, routed.order_key, true);
            }
        }
        let failed: HashMap<_, _> =
            out.failed.into_iter().map(|it| ((it.target, it.ordinal), it.cause)).collect();
        let is_whole = known.all || lost.is_empty();
        for place in lost {
            let cause = failed.get(&place).unwrap_or(&cause);
            let reason = format!("the bus died while this delivery was made: {}", cause.reason);
            let cause = Cause { reason, ..cause.clone() };
            let (target, ordinal) = place;
            self.bury(&self.delivery_id(stamp.id, target, ordinal), &cause);
        }
        if is_whole {
            self.settled.push(Settled::Done(delivery));
        } else {
            // There may be more of these than one answer holds.
            let (headers, due) = (delivery.entry.headers.clone(), self.now);
            self.settled.push(Settled::Again { delivery, headers, due });
        }
    }

    fn dead(&mut self, message: Message, cause: Cause) {
        self.line(message.id, dead_event(&cause));
        self.ended.push(Ended::Dead(Arc::clone(&cause.class)));
        self.end(message, Fate::Dead, Some(cause), Vec::new());
    }

    fn out(&mut self, message: Message, out: Out, order_key: Option<Digest>) {
        let stamp = Stamp::of(&message);
        for made in self.begin(message, out, order_key) {
            self.put(stamp, made, order_key, false);
        }
    }

    /// A message whose deliveries were sent, and `confirmed` only in part: the others are put into
    /// their queues, as copies of what may have arrived.
    pub(super) fn out_partly(
        &mut self,
        (message, terms): (Message, &[Term]),
        out: Out,
        by: &str,
        confirmed: &[bool],
    ) {
        let stamp = Stamp::of(&message);
        self.found_by(stamp.id, terms);
        self.line(stamp.id, Event::Accepted { by: by.to_owned() });
        let made = self.begin(message, out, None);
        for (made, confirmed) in made.into_iter().zip(confirmed) {
            if !confirmed {
                self.put(stamp, made, None, true);
                continue;
            }
            let delivery = self.delivery_id(stamp.id, made.target.clone(), made.ordinal);
            ledger::deliver(&mut self.writes, &delivery, Outcome::Delivered, self.now);
            self.ended.push(Ended::Sent(made.target));
        }
    }

    fn delivery_id(&self, message: MessageId, target: Endpoint, ordinal: u32) -> DeliveryId {
        DeliveryId { route: Arc::clone(&self.route.name), message, target, ordinal }
    }

    /// Writes down what a message gives rise to; returns what is to be sent.
    fn begin(&mut self, message: Message, out: Out, order_key: Option<Digest>) -> Vec<Made> {
        let Out { made, failed, skipped } = out;
        let id = message.id;
        let unmade = Digest::of(&[]);
        let all = made.iter().map(|it| (&it.target, it.ordinal, it.key));
        let all = all.chain(failed.iter().map(|it| (&it.target, it.ordinal, unmade)));
        let all: Vec<_> = all.collect();
        let new = |&(target, ordinal, key): &(&Endpoint, u32, Digest)| NewDelivery {
            id: self.delivery_id(id, target.clone(), ordinal),
            key,
            order_key,
        };
        let deliveries = all.iter().map(new).collect();
        let created = all.iter().map(|(target, ..)| (*target).clone()).collect();
        let count = u32::try_from(all.len()).unwrap_or(u32::MAX);
        self.line(id, Event::Routed { deliveries: count, skipped: skipped.clone() });
        self.end(message, Fate::Routed, None, deliveries);
        self.ended.push(Ended::Routed { created, skipped });
        for failed in failed {
            let delivery = self.delivery_id(id, failed.target, failed.ordinal);
            self.bury(&delivery, &failed.cause);
        }
        made
    }

    /// Puts a delivery into its queue.
    fn put(&mut self, stamp: Stamp, made: Made, order_key: Option<Digest>, copy: bool) {
        let Stamp { id, received_at, may_repeat } = stamp;
        let envelope = Envelope::first(&made, self.generation, may_repeat);
        let queue = delivery_queue(&self.route.name, &made.target);
        let entry = Entry { id, received_at, headers: envelope.to_headers(), body: made.body };
        self.outputs.push(Output { queue, entry, due: None, order_key, copy });
    }

    /// A delivery is dead before it was ever sent.
    fn bury(&mut self, delivery: &DeliveryId, cause: &Cause) {
        let tried = ledger::Tried { attempts: 0, generation: self.generation, sent: None };
        ledger::finish(&mut self.writes, delivery, cause, &tried, self.now);
        let mut line = self.line_of(delivery.message, dead_event(cause));
        line.delivery = Some((delivery.target.clone(), delivery.ordinal));
        journal::append(&mut self.writes, &line);
        let to = self.route.to.iter().find(|it| it.target == delivery.target);
        if to.and_then(|it| it.on_exhausted).is_some_and(OnExhausted::holds_key) {
            ledger::hold_key(&mut self.writes, delivery);
            line.event = Event::KeyHeld;
            journal::append(&mut self.writes, &line);
        }
        self.ended.push(Ended::DeadOnTheWay(delivery.target.clone(), Arc::clone(&cause.class)));
    }

    /// A message whose route panicked: tried again later, and out of the way after three times.
    pub(super) fn panicked(&mut self, shared: &Shared, delivery: Delivery, known: Option<&Known>) {
        let panics = envelope::panics(&delivery.entry.headers).saturating_add(1);
        let id = delivery.entry.id;
        self.line(id, Event::Panicked { place: "steps".to_owned() });
        if panics < PANICS_MAX {
            let headers = envelope::with_panics(delivery.entry.headers.clone(), panics);
            let due = shared.clock.now().after(PANIC_PAUSE);
            self.settled.push(Settled::Again { delivery, headers, due });
            return;
        }
        self.give_up(delivery, known, crashed("steps", "panicked"));
    }

    /// A message that is out of the way, whatever is left of it.
    pub(super) fn give_up(&mut self, delivery: Delivery, known: Option<&Known>, cause: Cause) {
        if let Some(known) = known {
            let fate = Fated::Dead(cause);
            self.go_on(delivery, known, Routed::only(fate));
            return;
        }
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
        if !self.is_transactional {
            ledger::arrived(&mut self.writes, &self.route.name, message.id, self.now);
        }
        let (route, at, generation) = (Arc::clone(self.route), self.now, self.generation);
        let route = Arc::clone(&route.name);
        let settling = Settling { route, message, fate, cause, deliveries, at, generation };
        ledger::settle_message(&mut self.writes, &settling);
    }

    fn found_by(&mut self, id: MessageId, terms: &[Term]) {
        journal::found_by(&mut self.writes, (self.now, &self.route.name, id), terms);
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

/// What of a message its deliveries bear.
#[derive(Clone, Copy)]
struct Stamp {
    id: MessageId,
    received_at: Timestamp,
    may_repeat: bool,
}

impl Stamp {
    fn of(message: &Message) -> Self {
        let Message { id, received_at, headers, .. } = message;
        Self { id: *id, received_at: *received_at, may_repeat: envelope::may_repeat(headers) }
    }
}

/// What crashed the bus too often: it panicked, or it ended it.
pub(super) fn crashed(place: &str, how: &str) -> Cause {
    let reason = format!("bug: working on it {how} {PANICS_MAX} times");
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
