//! What a batch of routed messages comes to: ledger, journal, deliveries, and what is counted once
//! that is durable.

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use bytes::Bytes;

mod before;

pub(in crate::engine) use super::ended::{Ended, count};
use super::{
    Shared,
    bodies::Keeper,
    envelope::{self, Envelope, delivery_queue},
    pipeline::{Fated, Made, Out, Routed},
    traces,
};
use crate::{
    broker::{Delivery, Entry, Output, Settled},
    journal::{self, Event, Line, Term},
    ledger::{self, Cause, Claim, DeliveryId, Fate, NewDelivery, Outcome, Settling},
    message::{Digest, Endpoint, Message, MessageId, Timestamp},
    route::{Identity, OnExhausted, Route},
    sealing::plain_len,
    spans::{Span, Traced},
    store::Writes,
};

/// Panics after which a message is taken out of the way.
pub(in crate::engine) const PANICS_MAX: u32 = 3;

/// How long a message that panicked waits for its next try.
pub(in crate::engine) const PANIC_PAUSE: Duration = Duration::from_secs(5);

/// The message as it stands in its queue; [`Shared::opened`] is as the route accepted it.
pub(in crate::engine) fn message_of(entry: &Entry) -> Message {
    Message {
        id: entry.id,
        received_at: entry.received_at,
        headers: entry.headers.clone(),
        body: entry.body.clone(),
    }
}

/// How an identity is claimed: with the body, where another body makes another message.
pub(in crate::engine) fn claim_keys(
    identity: &Identity,
    routed: &Routed,
    body: Digest,
) -> Vec<Digest> {
    let Some(key) = routed.identity else { return Vec::new() };
    if identity.ignore_body {
        return vec![key];
    }
    vec![Digest::of(&[&key.0, &body.0]), key]
}

/// Claims on identities, by the identity.
pub(in crate::engine) type Claims = HashMap<Digest, Claim>;

/// What a batch of messages comes to, gathered for one settlement.
pub(in crate::engine) struct Batch<'r> {
    shared: &'r Shared,
    route: &'r Arc<Route>,
    keeper: Keeper<'r>,
    now: Timestamp,
    generation: i64,
    /// Whether the broker settles in one transaction.
    pub(in crate::engine) is_transactional: bool,
    /// Messages of this batch so far.
    pub(in crate::engine) seen: HashSet<MessageId>,
    /// Claims in force, those of this batch included.
    pub(in crate::engine) claims: Claims,
    pub(in crate::engine) settled: Vec<Settled>,
    pub(in crate::engine) outputs: Vec<Output>,
    pub(in crate::engine) writes: Writes,
    pub(in crate::engine) ended: Vec<Ended>,
    /// What is to be traced once it is durable.
    pub(in crate::engine) spans: Vec<Span>,
    /// The span of the message that is being dealt with, where its deliveries are made within it.
    within: Option<Arc<Traced>>,
}

impl<'r> Batch<'r> {
    pub(in crate::engine) fn new(
        (shared, route): (&'r Shared, &'r Arc<Route>),
        (now, generation): (Timestamp, i64),
    ) -> Self {
        Self {
            shared,
            route,
            keeper: Keeper::new(shared, route),
            now,
            generation,
            is_transactional: true,
            seen: HashSet::new(),
            claims: Claims::new(),
            settled: Vec::new(),
            outputs: Vec::new(),
            writes: Writes::default(),
            ended: Vec::new(),
            spans: Vec::new(),
            within: None,
        }
    }

    pub(in crate::engine) fn add(&mut self, delivery: Delivery, routed: Routed) {
        let stored = message_of(&delivery.entry);
        // What cannot be opened is dead already, and kept as it is.
        let message = self.shared.opened(&self.route.name, &stored).unwrap_or(stored);
        self.found_by(&message, &routed.terms);
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
    pub(in crate::engine) fn arrived(&mut self, message: Message, routed: Routed, by: &str) {
        self.line(message.id, accepted(by, &message));
        self.found_by(&message, &routed.terms);
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

    fn dead(&mut self, message: Message, cause: Cause) {
        self.line(message.id, dead_event(&cause));
        self.ended.push(Ended::Dead(Arc::clone(&cause.class)));
        self.end(message, Fate::Dead, Some(cause), Vec::new());
    }

    fn out(&mut self, message: Message, out: Out, order_key: Option<Digest>) {
        let stamp = self.stamp(&message);
        for made in self.begin(message, out, order_key) {
            self.put(&stamp, made, order_key, false);
        }
    }

    /// A message whose deliveries were sent, and `confirmed` only in part: the others are put into
    /// their queues, as copies of what may have arrived.
    pub(in crate::engine) fn out_partly(
        &mut self,
        (message, terms): (Message, &[Term]),
        out: Out,
        by: &str,
        confirmed: &[bool],
    ) {
        let stamp = self.stamp(&message);
        self.found_by(&message, terms);
        self.line(stamp.id, accepted(by, &message));
        let made = self.begin(message, out, None);
        for (made, confirmed) in made.into_iter().zip(confirmed) {
            if !confirmed {
                self.put(&stamp, made, None, true);
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

    /// Writes down what a message gives rise to; returns what is to be sent, as it may stand on the
    /// disk.
    fn begin(&mut self, message: Message, out: Out, order_key: Option<Digest>) -> Vec<Made> {
        let Out { made, failed, skipped } = out;
        let id = message.id;
        let made: Vec<_> = made.into_iter().map(|it| self.keeper.made(id, it)).collect();
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
        for it in &made {
            self.keep(id, Some((&it.target, it.ordinal)), &it.body);
        }
        for failed in failed {
            let delivery = self.delivery_id(id, failed.target, failed.ordinal);
            self.bury(&delivery, &failed.cause);
        }
        made
    }

    /// Puts a delivery into its queue.
    fn put(&mut self, stamp: &Stamp, made: Made, order_key: Option<Digest>, copy: bool) {
        let Stamp { id, received_at, may_repeat, ref traced } = *stamp;
        let made = self.keeper.made(id, made);
        let envelope = Envelope::first(&made, self.generation, (may_repeat, traced.clone()));
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

    fn end(
        &mut self,
        mut message: Message,
        fate: Fate,
        cause: Option<Cause>,
        deliveries: Vec<NewDelivery>,
    ) {
        let within = self.within.take().or_else(|| self.shared.next_span(&message.headers));
        if let Some(within) = within {
            let of = (&*self.route.name, self.generation, self.now);
            self.spans.push(traces::routed(&within, &message, of, (fate, cause.as_ref())));
        }
        // A repeat is the body that was kept with the first.
        if fate != Fate::Repeat {
            message.body = self.keeper.accepted(message.id, message.body);
            self.keep(message.id, None, &message.body);
        }
        if !self.is_transactional {
            ledger::arrived(&mut self.writes, &self.route.name, message.id, self.now);
        }
        let (route, at, generation) = (Arc::clone(self.route), self.now, self.generation);
        let route = Arc::clone(&route.name);
        let settling = Settling { route, message, fate, cause, deliveries, at, generation };
        ledger::settle_message(&mut self.writes, &settling);
    }

    /// Keeps what the route wants of a body.
    fn keep(&mut self, id: MessageId, delivery: Option<(&Endpoint, u32)>, stored: &Bytes) {
        if self.keeper.keeps() {
            let bytes = self.keeper.keep(&mut self.writes, (self.now, id), delivery, stored);
            self.ended.push(Ended::Kept { bytes });
        }
    }

    fn found_by(&mut self, message: &Message, terms: &[Term]) {
        let about = (self.now, &*self.route.name, message.id);
        journal::found_by(&mut self.writes, about, terms);
        if let Some(term) = traces::term(&message.headers) {
            journal::found_by(&mut self.writes, about, &[term]);
        }
    }

    /// What the deliveries of a message bear; they are made within a span of its own.
    fn stamp(&mut self, message: &Message) -> Stamp {
        self.within = self.shared.next_span(&message.headers);
        Stamp { traced: self.within.clone(), ..Stamp::of(message) }
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
struct Stamp {
    id: MessageId,
    received_at: Timestamp,
    may_repeat: bool,
    traced: Option<Arc<Traced>>,
}

impl Stamp {
    fn of(message: &Message) -> Self {
        let Message { id, received_at, headers, .. } = message;
        let may_repeat = envelope::may_repeat(headers);
        Self { id: *id, received_at: *received_at, may_repeat, traced: None }
    }
}

/// The journal's word for a message that was accepted.
pub(in crate::engine) fn accepted(by: &str, message: &Message) -> Event {
    let bytes = plain_len(&message.body);
    Event::Accepted { by: by.to_owned(), bytes, trace: traces::trace_of(&message.headers) }
}

/// What crashed the bus too often: it panicked, or it ended it.
pub(in crate::engine) fn crashed(place: &str, how: &str) -> Cause {
    let reason = format!("bug: working on it {how} {PANICS_MAX} times");
    Cause { class: "crashed the bus".into(), place: place.to_owned(), reason }
}

/// The journal's word for giving something up.
pub(in crate::engine) fn dead_event(cause: &Cause) -> Event {
    let reason = match cause.place.as_str() {
        "" => cause.reason.clone(),
        place => format!("{place}: {}", cause.reason),
    };
    Event::Dead { class: cause.class.to_string(), reason }
}
