//! Messages that were begun before: copies of what was settled and did not leave its queue, and those
//! that the bus panicked or ended on.

use std::{collections::HashMap, sync::Arc};

use super::{Batch, PANIC_PAUSE, PANICS_MAX, Stamp, crashed, message_of};
use crate::{
    broker::{Delivery, Settled},
    engine::{
        Shared, envelope,
        pipeline::{self, Fated, Out, Routed},
    },
    journal::Event,
    ledger::{self, Cause, Fate, Known},
};

impl Batch<'_> {
    /// A copy of a message of which nothing is left to do.
    pub(in crate::engine) fn drop_copy(&mut self, delivery: Delivery) {
        self.line(delivery.entry.id, Event::CopyDropped);
        self.settled.push(Settled::Done(delivery));
    }

    /// Goes on with a message that was settled and did not leave its queue: what it gave rise to
    /// may be in the queues of its targets or not, so what is still open goes there as a copy.
    pub(in crate::engine) fn go_on(&mut self, delivery: Delivery, known: &Known, routed: Routed) {
        if known.fate != Fate::Routed || known.open.is_empty() {
            self.drop_copy(delivery);
            return;
        }
        let headers = &delivery.entry.headers;
        let traced = self.shared.next_span(headers).and_then(|_| envelope::traced(headers));
        let stamp =
            Stamp { traced: traced.map(Arc::new), ..Stamp::of(&message_of(&delivery.entry)) };
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
                self.put(&stamp, made, routed.order_key, true);
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

    /// A message whose route panicked: tried again later, and out of the way after three times.
    pub(in crate::engine) fn panicked(
        &mut self,
        shared: &Shared,
        delivery: Delivery,
        known: Option<&Known>,
    ) {
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
    pub(in crate::engine) fn give_up(
        &mut self,
        delivery: Delivery,
        known: Option<&Known>,
        cause: Cause,
    ) {
        if let Some(known) = known {
            let fate = Fated::Dead(cause);
            self.go_on(delivery, known, Routed::only(fate));
            return;
        }
        self.dead(message_of(&delivery.entry), cause);
        self.settled.push(Settled::Done(delivery));
    }
}
