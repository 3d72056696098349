//! What the engine tells about itself: the state of each route and target, the life of a message.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::{
    Breaker, Engine, EngineError, Shared,
    envelope::{delivery_queue, parse_delivery_queue, route_queue},
};
use crate::{
    broker::{Depth, QueueName},
    journal::Line,
    ledger::{Fares, Pause, Tally, TargetTally},
    message::{Endpoint, MessageId},
    store::{Disk, Writes},
};

/// Readings that may differ before a status is given that may be a moment out of step.
const READINGS_MAX: usize = 20;

/// The state of a route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteStatus {
    /// The route.
    pub route: Arc<str>,
    /// Whether the running files have it.
    pub running: bool,
    /// What became of its messages.
    pub tally: Tally,
    /// Messages that wait to be routed.
    pub in_hand: u64,
    /// Its targets.
    pub targets: Vec<TargetStatus>,
}

/// The state of a route's deliveries to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TargetStatus {
    /// The target.
    pub target: Endpoint,
    /// The running files send nothing there any more; what waits, waits.
    pub orphaned: bool,
    /// What became of the deliveries.
    pub tally: TargetTally,
    /// Deliveries that are ready, or under way.
    pub waiting: u64,
    /// Deliveries that wait for their next attempt.
    pub retrying: u64,
    /// Deliveries that wait for the target to be resumed.
    pub paused: u64,
    /// Deliveries that wait behind a dead one of their key.
    pub parked: u64,
    /// How long the oldest of them has waited since its message was accepted.
    pub oldest: Duration,
    /// Whether the breaker lets through.
    pub breaker: Breaker,
    /// Why nothing is sent, where it is paused.
    pub pause: Option<Pause>,
}

/// The life of a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trace {
    /// How it fares on each route.
    pub fares: Vec<Fares>,
    /// What happened, oldest first.
    pub lines: Vec<Line>,
}

impl Engine {
    /// The state of every route, such that both equations of the accounts hold in it.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store or the broker cannot be asked.
    pub async fn status(&self) -> Result<Vec<RouteStatus>, EngineError> {
        let mut tallies = self.shared.ledger.tallies().await?;
        let mut depths = self.shared.depths().await?;
        if !self.shared.broker.is_transactional() {
            return Ok(self.shared.compose(tallies, &depths));
        }
        // Whatever moves an entry moves a tally with it: where no tally moved while the depths
        // were read, they belong together.
        for _ in 0..READINGS_MAX {
            let after = self.shared.ledger.tallies().await?;
            if after == tallies {
                break;
            }
            tallies = after;
            depths = self.shared.depths().await?;
        }
        Ok(self.shared.compose(tallies, &depths))
    }

    /// Every pause in force.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store cannot be read.
    pub async fn pauses(&self) -> Result<Vec<Pause>, EngineError> {
        Ok(self.shared.ledger.pauses().await?)
    }

    /// The life of a message; `None` if nothing is known of it.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store cannot be read.
    pub async fn trace(&self, id: MessageId) -> Result<Option<Trace>, EngineError> {
        let fares = self.shared.ledger.fares(id).await?;
        let lines = self.shared.journal.of_message(id).await?;
        Ok((!fares.is_empty() || !lines.is_empty()).then_some(Trace { fares, lines }))
    }

    /// The disk below the store, where somebody looks.
    pub fn disk(&self) -> Option<Disk> {
        self.shared.store.disk()
    }

    /// Whether messages can be taken: the store answers, and has room.
    ///
    /// # Errors
    ///
    /// [`EngineError`] saying why not.
    pub async fn ready(&self) -> Result<(), EngineError> {
        if self.shared.stop.is_cancelled() {
            return Err(EngineError::Stopping);
        }
        self.shared.store.commit(Writes::default()).await?;
        self.shared.store.has_room(0)?;
        self.shared.broker.obstacle().map_or(Ok(()), |it| Err(it.into()))
    }
}

/// What stands in the queues that hold something.
pub(super) type Depths = BTreeMap<QueueName, Depth>;

impl Shared {
    pub(super) async fn depths(&self) -> Result<Depths, EngineError> {
        Ok(self.broker.depths().await?)
    }

    fn compose(&self, tallies: Vec<(Arc<str>, Tally)>, depths: &Depths) -> Vec<RouteStatus> {
        let live = self.live();
        let mut tallies: BTreeMap<_, _> = tallies.into_iter().collect();
        for name in live.plan.routes.keys() {
            tallies.entry(Arc::clone(name)).or_default();
        }
        let mut filled: BTreeMap<Arc<str>, Vec<Endpoint>> = BTreeMap::new();
        for (route, target) in depths.keys().filter_map(|it| parse_delivery_queue(it)) {
            filled.entry(route).or_default().push(target);
        }
        let mut all = Vec::with_capacity(tallies.len());
        for (route, tally) in tallies {
            let plan = live.plan.routes.get(&route);
            let mut targets: BTreeMap<Endpoint, TargetTally> =
                tally.targets.iter().cloned().collect();
            for to in plan.iter().flat_map(|it| &it.to) {
                targets.entry(to.target.clone()).or_default();
            }
            for target in filled.remove(&route).unwrap_or_default() {
                targets.entry(target).or_default();
            }
            let targets = targets.into_iter().map(|(target, tally)| {
                let orphaned = !plan.is_some_and(|it| it.to.iter().any(|to| to.target == target));
                self.target((&route, target), tally, orphaned, depths)
            });
            let in_hand = depths.get(&*route_queue(&route)).map_or(0, |it| it.entries);
            let in_hand = self.in_hand(in_hand, tally.received, tally.ended());
            let targets = targets.collect();
            all.push(RouteStatus { running: plan.is_some(), route, tally, in_hand, targets });
        }
        all
    }

    /// How many are in hand. Where queues and ledger are not one database, it is the ledger that
    /// knows: for a moment after a crash, and on a ladder of delays, an entry stands in no queue.
    fn in_hand(&self, depth: u64, began: u64, ended: u64) -> u64 {
        if self.broker.is_transactional() { depth } else { began.saturating_sub(ended) }
    }

    fn target(
        &self,
        (route, target): (&str, Endpoint),
        tally: TargetTally,
        orphaned: bool,
        depths: &Depths,
    ) -> TargetStatus {
        let depth = depths.get(&*delivery_queue(route, &target)).copied().unwrap_or_default();
        let gate = self.gate(&target);
        let pause = gate.paused();
        let parked = tally.parked;
        // What calls a key stands in the queue, and is no delivery.
        let entries = depth.entries.saturating_sub(tally.calls);
        let entries = self.in_hand(entries, tally.created, tally.ended() + parked);
        let retrying = depth.delayed.min(entries);
        let (waiting, retrying, paused) = match pause {
            Some(_) => (0, 0, entries),
            None => (entries - retrying, retrying, 0),
        };
        let (oldest, breaker) = (depth.oldest, gate.breaker());
        TargetStatus {
            target,
            orphaned,
            tally,
            waiting,
            retrying,
            paused,
            parked,
            oldest,
            breaker,
            pause,
        }
    }
}
