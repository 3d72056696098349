//! Routing a message where it arrives: where nothing waits before a route, a message is taken through
//! it in the transaction that accepts it, and stands in the queues of its targets at once.
//!
//! The queue of the route is for all else: what comes while something waits in it, which must not be
//! overtaken; what has an identity, for which the one worker of the route decides; large handovers,
//! which would keep others waiting; and a message that makes the route panic, which is tried again
//! there and out of the way after three times. So is one that ends the whole process.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    sync::Arc,
};

use crate::broker::Output;
use crate::{
    connector::Handover,
    engine::{
        Shared,
        batch::{Batch, Ended},
        envelope::route_queue,
        live::Live,
        pipeline,
    },
    message::{Arena, Message, Timestamp},
    route::Route,
    spans::Span,
    store::Writes,
};

/// Messages of a handover that are routed here at most.
const MESSAGES_MAX: usize = 64;

/// Bytes of bodies of a handover that is routed here: some milliseconds of work.
const BYTES_MAX: usize = 256 << 10;

/// One route, for the messages of one handover.
pub(super) struct Here<'h> {
    shared: &'h Shared,
    live: &'h Live,
    route: &'h Route,
    by: &'h str,
    batch: Batch<'h>,
    /// Whether the next message may be routed here.
    is_open: bool,
}

impl<'h> Here<'h> {
    pub(super) fn new(
        (shared, live): (&'h Shared, &'h Live),
        route: &'h Arc<Route>,
        handover: &'h Handover,
        now: Timestamp,
    ) -> Self {
        let bytes: usize = handover.messages.iter().map(|it| it.body.len()).sum();
        let is_open = shared.broker.is_transactional()
            && route.identity.is_none()
            && handover.messages.len() <= MESSAGES_MAX
            && bytes <= BYTES_MAX
            && !shared.in_hand.is_door_closed(&route.name, now)
            && shared.broker.is_empty(&route_queue(&route.name));
        let batch = Batch::new((shared, route), (now, live.generation));
        Self { shared, live, route, by: &handover.client, batch, is_open }
    }

    /// Takes a message through the route. If not, it goes into the queue of the route, and so does
    /// all that comes after it.
    pub(super) fn route(&mut self, arena: &Arena, message: &Message) -> bool {
        if self.is_open {
            let setting = self.shared.setting(&self.live.plan);
            let run = AssertUnwindSafe(|| pipeline::run(setting, self.route, arena, message));
            let _held = self.shared.in_hand.hold_at_door(&self.route.name);
            // A panic is counted where it happens again.
            match catch_unwind(run) {
                Ok(routed) => self.batch.arrived(message.clone(), routed, self.by),
                Err(_) => self.is_open = false,
            }
        }
        self.is_open
    }

    /// Adds what the messages came to; returns what is to be counted, and traced, once it is durable.
    pub(super) fn finish(
        self,
        outputs: &mut Vec<Output>,
        writes: &mut Writes,
    ) -> (Vec<Ended>, Vec<Span>) {
        let Batch { outputs: made, writes: written, ended, spans, .. } = self.batch;
        outputs.extend(made);
        writes.append(written);
        (ended, spans)
    }
}
