//! One target of one route at work: from its delivery queue to the system behind it.
//!
//! Attempts run side by side; what has come back is settled together, and others are sent while that
//! is written, or the pace of the disk would be that of each target. A
//! delivery stays on loan from the broker until its outcome is durable, so whatever dies in
//! between, it comes back and is flagged.

mod conclude;
#[cfg(test)]
mod model;
mod order;
mod start;

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
    time::Duration,
};

use futures_util::{FutureExt as _, StreamExt as _, future::BoxFuture, stream::FuturesUnordered};
use tokio::{
    task::{Id, JoinError, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use self::{conclude::Ended, order::expiry};
use super::{
    Shared,
    envelope::{Envelope, delivery_queue, is_called, mark_seq},
    gate::{Gate, Pass, Probe},
};
use crate::{
    broker::{Consumer, Delivery, Settled, Taking},
    connector::{Answer, CallError},
    journal::{self, Event},
    ledger::DeliveryId,
    metrics::TargetMetrics,
    route::{Destination, OpenPlanTarget, Route},
    spans::Traced,
    store::Writes,
};

/// How long a worker waits after the store or the broker refused.
const TROUBLE_PAUSE: Duration = Duration::from_secs(1);

/// Settlements that are written at once: one is on its way to the disk, one gathers behind it.
const SETTLEMENTS_MAX: usize = 2;

/// How long a delivery may wait before the gate until the ledger is asked about it once more:
/// meanwhile another gateway may have had a copy of it.
const HELD_MAX: Duration = Duration::from_millis(100);

/// What an attempt came back with.
type Came = Result<Answer, CallError>;

/// Takes deliveries to their target until `stop`; then finishes the attempts under way.
pub(super) async fn run(
    shared: Arc<Shared>,
    route: Arc<Route>,
    index: usize,
    stop: CancellationToken,
) {
    let Some(worker) = Worker::new(&shared, &route, index) else { return };
    // As many as can be under way, and as many again in each settlement.
    let prefetch = shared.options.in_flight.saturating_mul(1 + SETTLEMENTS_MAX);
    let taking = match &route.order_by {
        None => Taking::free(prefetch),
        Some(_) => Taking::by_key(prefetch, shared.options.prefetch),
    };
    let queue = delivery_queue(&route.name, &worker.destination.target);
    let consumer = shared.broker.consume(&queue, taking);
    worker.work(consumer, &stop).await;
}

struct Worker<'w> {
    shared: &'w Shared,
    route: &'w Arc<Route>,
    destination: &'w Destination,
    gate: Arc<Gate>,
    metrics: Arc<TargetMetrics>,
    /// Taken from the queue, waiting before the gate, and since when.
    held: VecDeque<(Delivery, Instant)>,
    tasks: JoinSet<Came>,
    under_way: HashMap<Id, UnderWay>,
    /// What is being written; each says in the end whether it is.
    settling: FuturesUnordered<BoxFuture<'w, bool>>,
}

/// An attempt that has not come back.
struct UnderWay {
    delivery: Delivery,
    envelope: Envelope,
    started: Instant,
    /// The length of what was sent; 0 where nothing was.
    bytes: u64,
    open: Option<Arc<OpenPlanTarget>>,
    /// Its span, where it is traced.
    traced: Option<Traced>,
    _probe: Option<Probe>,
}

impl<'w> Worker<'w> {
    /// For one target of a route; `None` if it has no such target.
    fn new(shared: &'w Shared, route: &'w Arc<Route>, index: usize) -> Option<Self> {
        let destination = route.to.get(index)?;
        let target = &destination.target;
        Some(Self {
            shared,
            route,
            destination,
            gate: shared.gate(target),
            metrics: shared.metrics.target(&route.name, &target.to_string()),
            held: VecDeque::new(),
            tasks: JoinSet::new(),
            under_way: HashMap::new(),
            settling: FuturesUnordered::new(),
        })
    }

    async fn work(mut self, mut consumer: Box<dyn Consumer>, stop: &CancellationToken) {
        loop {
            self.rest(&mut *consumer, stop).await;
            let room = self.room();
            let time_left = self.first_expiry();
            let may_settle = self.settling.len() < SETTLEMENTS_MAX;
            // In boxes: else every worker that waits would hold the room that the work takes.
            // Not biased: settling alone would starve the taking, and the attempts under way would
            // run dry before new ones start.
            tokio::select! {
                () = stop.cancelled() => break,
                Some(written) = self.settling.next() => {
                    if !written {
                        pause_for(stop).await;
                    }
                }
                Some(done) = self.tasks.join_next_with_id(), if may_settle => self.settle(done),
                pass = self.gate.pass(), if !self.held.is_empty() => {
                    Box::pin(self.let_through(pass)).await;
                }
                () = expiry(time_left), if time_left.is_some() => self.let_expire(),
                taken = consumer.next(room), if 0 < room => Box::pin(self.take(taken)).await,
            }
        }
        drop(consumer);
        self.end().await;
    }

    /// Lets other gateways have what has an order while nothing of it may be sent from here: whoever
    /// holds a key is the only one who can send it.
    async fn rest(&mut self, consumer: &mut dyn Consumer, stop: &CancellationToken) {
        let is_shared = !self.shared.broker.is_transactional();
        let is_idle = self.tasks.is_empty() && self.settling.is_empty();
        let has_order = self.destination.on_exhausted.is_some();
        if has_order && is_shared && is_idle && self.gate.is_shut() {
            self.held.drain(..).for_each(|(it, _)| it.put_back());
            consumer.rest().await;
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.gate.opening() => {}
            }
        }
    }

    /// Gives back what waits, and waits for the attempts under way and for all that is to be
    /// written.
    async fn end(mut self) {
        self.held.drain(..).for_each(|(it, _)| it.put_back());
        loop {
            tokio::select! {
                Some(done) = self.tasks.join_next_with_id() => self.settle(done),
                Some(_) = self.settling.next() => {}
                else => return,
            }
        }
    }

    /// How many deliveries may be taken from the queue now. Before a closed gate: one, to probe.
    fn room(&self) -> usize {
        // Copies are looked up in the ledger, which does not know yet what is being written.
        let may_miss = !self.shared.broker.is_transactional() && !self.settling.is_empty();
        if !self.held.is_empty() || may_miss {
            0
        } else if self.gate.flows() {
            self.shared.options.in_flight.saturating_sub(self.tasks.len())
        } else {
            usize::from(self.tasks.is_empty())
        }
    }

    /// Sorts out copies of what is already final, what is to be parked, and what is too old; holds
    /// the others.
    async fn take(&mut self, taken: Vec<Delivery>) {
        let taken = self.answer_calls(taken).await;
        let (mut open, asked): (Vec<_>, Vec<_>) =
            taken.into_iter().partition(|it| !self.is_asked_about(it));
        open.extend(self.drop_final(asked).await);
        let now = Instant::now();
        let open = self.drop_expired(open);
        self.held.extend(open.into_iter().map(|it| (it, now)));
    }

    /// Whether the ledger is asked about a delivery before it is sent: also what number it has,
    /// where there is an order, and whether the key is held.
    fn is_asked_about(&self, delivery: &Delivery) -> bool {
        let has_order = self.destination.on_exhausted.is_some();
        (has_order || self.may_be_final(delivery)) && !is_called(&delivery.entry.headers)
    }

    /// Whether a delivery may have its outcome already. Where queues and ledger are not one
    /// database, of two copies the unmarked one may come second.
    fn may_be_final(&self, delivery: &Delivery) -> bool {
        delivery.redelivered || !self.shared.broker.is_transactional()
    }

    /// Drops those that have their outcome, and parks those whose key is held; returns the others,
    /// with their numbers, and marked where there are copies.
    async fn drop_final(&mut self, asked: Vec<Delivery>) -> Vec<Delivery> {
        let (mut asked, mut open): (Vec<_>, Vec<_>) =
            asked.into_iter().partition(|it| self.id_of(it).is_some());
        let ids: Vec<_> = asked.iter().filter_map(|it| self.id_of(it)).collect();
        if ids.is_empty() {
            return open;
        }
        let sendings = match self.shared.ledger.sendings(&ids).await {
            Ok(sendings) => sendings,
            // Not known, so they are sent, and flagged.
            Err(error) => {
                self.shared.metrics.broker_errors.inc();
                warn!(%error, "the ledger cannot be asked");
                if self.destination.on_exhausted.is_some() {
                    // Something before it may be dead: it waits.
                    self.put_back_all(asked).await;
                    return open;
                }
                asked.iter_mut().for_each(|it| it.redelivered = true);
                open.append(&mut asked);
                return open;
            }
        };
        let (mut gone, mut writes) = (Vec::new(), Writes::default());
        for ((mut delivery, sending), id) in asked.into_iter().zip(sendings).zip(&ids) {
            if sending.outcome.is_some() {
                let line = self.line(&delivery, None, Event::CopyDropped);
                journal::append(&mut writes, &line);
                gone.push(Settled::Done(delivery));
            } else if sending.parks && !is_called(&delivery.entry.headers) {
                self.park(&delivery, id, &mut writes);
                gone.push(Settled::Done(delivery));
            } else {
                delivery.redelivered |= sending.copied;
                mark_seq(&mut delivery.entry.headers, sending.seq);
                open.push(delivery);
            }
        }
        if !gone.is_empty() {
            self.write(gone, writes, Vec::new());
        }
        open
    }

    fn id_of(&self, delivery: &Delivery) -> Option<DeliveryId> {
        let envelope = Envelope::of(&delivery.entry.headers)?;
        let target = &self.destination.target;
        Some(envelope.delivery_id(&self.route.name, target, &delivery.entry))
    }

    async fn let_through(&mut self, pass: Pass) {
        self.show_gate();
        let mut held = std::mem::take(&mut self.held);
        let (passing, mut probe) = match pass {
            Pass::Flow => (held, None),
            Pass::Probe(probe) => {
                let first = held.pop_front();
                self.held = held;
                (first.into_iter().collect(), Some(probe))
            }
        };
        let (mut ready, mut late) = (Vec::new(), Vec::new());
        for (delivery, since) in passing {
            let is_late = HELD_MAX < since.elapsed() && self.may_be_final(&delivery);
            if is_late { late.push(delivery) } else { ready.push(delivery) }
        }
        ready.extend(self.drop_final(late).await);
        let ready = self.drop_expired(ready);
        for delivery in ready.into_iter().filter(Delivery::is_live) {
            self.start(delivery, probe.take());
        }
    }

    /// Settles an attempt that came back, and all others that have.
    fn settle(&mut self, first: Result<(Id, Came), JoinError>) {
        let mut settled = Vec::new();
        let mut writes = Writes::default();
        let mut ended = Vec::new();
        let mut next = Some(first);
        while let Some(done) = next {
            let (id, came) = match done {
                Ok((id, came)) => (id, Some(came)),
                Err(failure) => (failure.id(), None),
            };
            if let Some(under_way) = self.under_way.remove(&id) {
                let end = match came {
                    Some(came) => self.conclude(under_way, came, &mut writes),
                    None => self.panicked(under_way, &mut writes),
                };
                settled.push(end.settled);
                ended.extend(end.ended);
            }
            next = self.tasks.try_join_next_with_id();
        }
        self.write(settled, writes, ended);
    }

    /// Begins to write a settlement; counts what ended with it once it is durable. If it cannot be
    /// written, everything comes back.
    fn write(&mut self, settled: Vec<Settled>, writes: Writes, ended: Vec<Ended>) {
        let (shared, metrics) = (self.shared, Arc::clone(&self.metrics));
        let (route, target) = (&self.route.name, &self.destination.target);
        let written = async move {
            let Err(error) = shared.broker.settle(settled, Vec::new(), writes).await else {
                conclude::count(&metrics, ended);
                return true;
            };
            shared.metrics.broker_errors.inc();
            warn!(route = &**route, %target, %error, "deliveries not settled; they come back");
            false
        };
        self.settling.push(written.boxed());
    }
}

/// Waits for the store or the broker to take something again.
async fn pause_for(stop: &CancellationToken) {
    tokio::select! {
        () = stop.cancelled() => {}
        () = tokio::time::sleep(TROUBLE_PAUSE) => {}
    }
}
