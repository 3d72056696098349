//! What a delivery worker does for the order of a key, and for time that runs out: it parks what stands
//! behind a dead delivery, answers calls with what is parked, and lets what is too old expire.
//!
//! A call is an entry of the queue that is no delivery. It stands in the order of its key as others
//! do, so that whoever takes it is the only one at work on the key; in its place the first of what is
//! parked is sent, and it comes again until nothing of the key is parked that may go on.

use std::{collections::VecDeque, time::Duration};

use tracing::warn;

use super::{Worker, pause_for};
use crate::{
    broker::{Delivery, Entry, Settled},
    engine::envelope::{self, Called, Envelope},
    journal::{self, Event},
    ledger::{self, DeliveryId, Outcome, Parked},
    message::{Message, Timestamp},
    store::Writes,
};

use super::conclude::Ended;

impl Worker<'_> {
    /// Puts what is parked in the place of what calls it; calls that nothing answers are done.
    pub(super) async fn answer_calls(&mut self, taken: Vec<Delivery>) -> Vec<Delivery> {
        let mut all = Vec::with_capacity(taken.len());
        for delivery in taken {
            let Some(key) = envelope::called_key(&delivery.entry.headers) else {
                all.push(delivery);
                continue;
            };
            match self.shared.ledger.first_parked(key).await {
                Ok(Some(parked)) if !parked.is_held && !parked.is_early => {
                    all.push(in_place(delivery, parked, key));
                }
                Ok(parked) => {
                    // What it must not overtake stands behind it in the queue, or is about to: the
                    // next call will not.
                    let is_early = parked.is_some_and(|it| it.is_early && !it.is_held);
                    self.answered(delivery, is_early.then_some(key));
                }
                Err(error) => {
                    self.shared.metrics.broker_errors.inc();
                    warn!(%error, "the ledger cannot be asked");
                    self.put_back_all(vec![delivery]).await;
                }
            }
        }
        all
    }

    /// A call is done; what it was too early for is to be called `again`.
    fn answered(&mut self, call: Delivery, again: Option<i64>) {
        let mut writes = Writes::default();
        again.into_iter().for_each(|it| ledger::call_again(&mut writes, it));
        if self.shared.broker.is_transactional() {
            let target = &self.destination.target;
            ledger::count_calls(&mut writes, &self.route.name, target, -1);
        }
        self.write(vec![Settled::Done(call)], writes, Vec::new());
    }

    /// Leaves them where they were, and the store some time.
    pub(super) async fn put_back_all(&mut self, all: Vec<Delivery>) {
        all.into_iter().for_each(Delivery::put_back);
        pause_for(&self.shared.stop).await;
    }

    /// Takes a delivery out of its queue, to wait behind an earlier one of its key.
    pub(super) fn park(&self, delivery: &Delivery, id: &DeliveryId, writes: &mut Writes) {
        let Entry { id: message, received_at, mut headers, body } = delivery.entry.clone();
        if delivery.redelivered {
            // It may have been sent before; when it is sent again, nobody knows that otherwise.
            envelope::mark_repeat(&mut headers);
        }
        ledger::park(writes, id, &Message { id: message, received_at, headers, body });
        journal::append(writes, &self.line(delivery, None, Event::Parked));
    }

    /// What becomes of the entry of a delivery that has its outcome.
    pub(super) fn done(
        &self,
        delivery: Delivery,
        envelope: &Envelope,
        id: &DeliveryId,
        writes: &mut Writes,
    ) -> Settled {
        let Some(called) = envelope.called else { return Settled::Done(delivery) };
        ledger::unpark(writes, id);
        call_again(delivery, called, self.shared.clock.now())
    }

    /// A delivery is tried again at `due`, or when its time is over.
    pub(super) fn again(
        &self,
        (delivery, envelope): (Delivery, &Envelope),
        id: &DeliveryId,
        due: Timestamp,
        writes: &mut Writes,
    ) -> Settled {
        let due = match self.destination.ttl {
            None => due,
            Some(ttl) => due.min(delivery.entry.received_at.after(ttl)),
        };
        let headers = envelope.to_headers();
        let Some(called) = envelope.called else {
            return Settled::Again { delivery, headers, due };
        };
        ledger::keep_parked(writes, id, &headers);
        call_again(delivery, called, due)
    }

    /// How long it is until something that waits before the gate expires.
    pub(super) fn first_expiry(&self) -> Option<Duration> {
        let ttl = self.destination.ttl?;
        let ours = self.held.iter().filter(|(it, _)| Envelope::of(&it.entry.headers).is_some());
        let first = ours.map(|(it, _)| it.entry.received_at).min()?;
        Some(first.after(ttl).since(self.shared.clock.now()))
    }

    /// Lets what waits before the gate expire, if its time is over.
    pub(super) fn let_expire(&mut self) {
        let held = std::mem::take(&mut self.held);
        let (late, waiting): (VecDeque<_>, _) =
            held.into_iter().partition(|(it, _)| self.is_over(it));
        self.held = waiting;
        self.drop_expired(late.into_iter().map(|(it, _)| it).collect());
    }

    /// Whether the time of a delivery is over; never of an entry that simpul did not make.
    fn is_over(&self, delivery: &Delivery) -> bool {
        self.destination.ttl.is_some_and(|ttl| {
            delivery.entry.received_at.after(ttl) <= self.shared.clock.now()
                && Envelope::of(&delivery.entry.headers).is_some()
        })
    }

    /// Lets those expire whose message is older than the route allows; returns the others.
    pub(super) fn drop_expired(&mut self, taken: Vec<Delivery>) -> Vec<Delivery> {
        if self.destination.ttl.is_none() {
            return taken;
        }
        let now = self.shared.clock.now();
        let (late, fresh): (Vec<_>, Vec<_>) = taken.into_iter().partition(|it| self.is_over(it));
        let (mut settled, mut ended, mut writes) = (Vec::new(), Vec::new(), Writes::default());
        for delivery in late {
            let Some(envelope) = Envelope::of(&delivery.entry.headers) else { continue };
            let target = &self.destination.target;
            let id = envelope.delivery_id(&self.route.name, target, &delivery.entry);
            ledger::deliver(&mut writes, &id, Outcome::Expired, now);
            journal::append(&mut writes, &self.line(&delivery, Some(&envelope), Event::Expired));
            settled.push(self.done(delivery, &envelope, &id, &mut writes));
            ended.push(Ended::Expired);
        }
        if !settled.is_empty() {
            self.write(settled, writes, ended);
        }
        fresh
    }
}

/// The longest sleep: the system's clock may be set, which no timer notices.
const SLEEP_MAX: Duration = Duration::from_mins(1);

/// Waits for so long at most; without a time for ever.
pub(super) async fn expiry(after: Option<Duration>) {
    match after {
        Some(after) => tokio::time::sleep(after.min(SLEEP_MAX)).await,
        None => std::future::pending().await,
    }
}

/// What is parked, on loan in the place of what called it.
fn in_place(mut call: Delivery, parked: Parked, key: i64) -> Delivery {
    let Message { id, received_at, mut headers, body } = parked.entry;
    envelope::mark_seq(&mut headers, Some(parked.seq));
    envelope::mark_called(&mut headers, key, &call.entry);
    call.entry = Entry { id, received_at, headers, body };
    call
}

/// The entry that called comes again, as it stands in the queue.
fn call_again(mut delivery: Delivery, called: Called, due: Timestamp) -> Settled {
    delivery.entry = called.entry();
    Settled::Again { delivery, headers: envelope::call(called.key), due }
}
