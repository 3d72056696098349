//! What the engine does beside the messages: it shows its queues to the metrics, and forgets what
//! is final and old.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
    time::Duration,
};

use tracing::{error, info, warn};

use super::{
    EngineError, Shared,
    envelope::{parse_delivery_queue, parse_route_queue},
    status::Depths,
};
use crate::{
    broker::Depth,
    journal,
    ledger::{self, REMEMBERED},
    message::{Endpoint, Timestamp},
    metrics,
    route::Plan,
    store::Writes,
};

/// How often what is final and old is forgotten.
const FORGET_EVERY: Duration = Duration::from_secs(10);

/// Pieces that are forgotten in a row: 1,000 rows of each kind in each, so that 10,000 messages a
/// second are forgotten as fast as they come, and no commit is ever long.
const PIECES_MAX: usize = 200;

/// Measures and forgets until it is told to stop.
pub(super) async fn run(shared: Arc<Shared>) {
    let mut since_forgetting = FORGET_EVERY;
    let mut shown = Shown::default();
    loop {
        shared.look(&mut shown).await;
        if FORGET_EVERY <= since_forgetting {
            since_forgetting = Duration::ZERO;
            if let Err(error) = shared.forget().await {
                warn!(%error, "what is old cannot be forgotten");
            }
        }
        let every = shared.options.sample_every;
        tokio::select! {
            () = shared.stop.cancelled() => return,
            () = tokio::time::sleep(every) => since_forgetting += every,
        }
    }
}

/// What the metrics show.
#[derive(Default)]
struct Shown {
    /// The queues that held something.
    depths: Depths,
    damaged: u64,
    disk_is_low: bool,
    /// Routes and targets of which something was parked or held.
    parked: BTreeSet<(Arc<str>, Endpoint)>,
}

impl Shared {
    /// Shows what there is to see, and does what others have left to be done.
    async fn look(&self, shown: &mut Shown) {
        if let Err(error) = self.measure(shown).await {
            warn!(%error, "the queues cannot be measured");
        }
        self.call_keys().await;
        if let Err(error) = self.heed_pauses().await {
            warn!(%error, "it is not known what other gateways have paused");
        }
    }

    /// Shows the queues and the dead letters to the metrics.
    async fn measure(&self, shown: &mut Shown) -> Result<(), EngineError> {
        self.metrics.broker_up.set(i64::from(self.broker.obstacle().is_none()));
        self.metrics.set_journal_behind(self.afterwards.behind(self.clock.now()));
        self.show_disk(shown);
        let depths = self.depths().await?;
        let holding = depths.iter().filter(|(_, it)| it.entries != 0);
        self.backlog.set(holding.map(|(name, _)| name.clone()).collect());
        // A queue that was empty and is empty costs nothing: with many routes most are.
        let emptied = shown.depths.keys().filter(|it| !depths.contains_key(*it));
        let live = self.live();
        for name in depths.keys().chain(emptied) {
            let depth = depths.get(name).copied().unwrap_or_default();
            self.show_queue(&live.plan, name, depth);
        }
        shown.depths = depths;
        for (name, target) in &live.plan.targets {
            if let Some(until) = target.open.target.certificate_until() {
                self.metrics.set_certificate_expiry(&name.to_string(), until.as_millis());
            }
        }
        self.show_keys(&mut shown.parked).await?;
        let mut dead: BTreeMap<Arc<str>, u64> = BTreeMap::new();
        for class in DEAD_CLASSES {
            dead.insert(class.into(), 0);
        }
        for kind in self.ledger.dead_by_class().await? {
            *dead.entry(kind.class).or_default() += kind.count;
        }
        for (class, count) in dead {
            self.metrics.set_dead_letters(&class, count);
        }
        let found = self.broker.damaged();
        if shown.damaged < found {
            error!(
                entries = found,
                "the disk gave queue entries back damaged; they were put aside"
            );
        }
        shown.damaged = found;
        self.metrics.damaged.set(i64::try_from(found).unwrap_or(i64::MAX));
        Ok(())
    }

    /// Shows the disk to the metrics, and says when too little of it is left.
    fn show_disk(&self, shown: &mut Shown) {
        let Some(disk) = self.store.disk() else { return };
        let (free_bytes, low_bytes, is_low) = (disk.free, disk.low, disk.is_low);
        self.metrics.set_disk(metrics::Disk { free_bytes, low_bytes, is_low });
        let before = std::mem::replace(&mut shown.disk_is_low, disk.is_low);
        let (free_mib, low_mib) = (disk.free >> 20, disk.low >> 20);
        match (before, disk.is_low) {
            (false, true) => {
                warn!(
                    free_mib,
                    low_mib, "the disk is nearly full: nothing is accepted until there is room"
                );
            }
            (true, false) => info!(free_mib, low_mib, "the disk has room again"),
            _ => {}
        }
    }

    /// Shows what is parked, and how many keys are held.
    async fn show_keys(
        &self,
        shown: &mut BTreeSet<(Arc<str>, Endpoint)>,
    ) -> Result<(), EngineError> {
        let mut all: BTreeMap<(Arc<str>, Endpoint), (u64, u64)> = BTreeMap::new();
        all.extend(std::mem::take(shown).into_iter().map(|it| (it, (0, 0))));
        for (route, target, count) in self.ledger.parked().await? {
            all.entry((route, target)).or_default().0 = count;
        }
        for (route, target, keys) in self.ledger.keys_held().await? {
            all.entry((route, target)).or_default().1 = keys;
        }
        let live = self.live();
        for ((route, target), (parked, held)) in all {
            if sends_to(&live.plan, &route, &target) {
                let metrics = self.metrics.target(&route, &target.to_string());
                metrics.set_keys(parked, held);
            }
            if 0 < parked + held {
                shown.insert((route, target));
            }
        }
        Ok(())
    }

    fn show_queue(&self, plan: &Plan, name: &str, depth: Depth) {
        let Depth { entries, delayed, oldest } = depth;
        if let Some((route, target)) = parse_delivery_queue(name) {
            if sends_to(plan, &route, &target) {
                let metrics = self.metrics.target(&route, &target.to_string());
                metrics.queue.set(entries, delayed, oldest);
                // Of each key only the first was ever tried.
                let has_order = plan.routes.get(&route).is_some_and(|it| it.order_by.is_some());
                let waiting = if has_order { delayed } else { 0 };
                metrics.keys_waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
            }
        } else if let Some(route) = parse_route_queue(name)
            && plan.routes.contains_key(route)
        {
            self.metrics.route(route).queue.set(entries, delayed, oldest);
        }
    }

    /// Forgets what is old, piece by piece.
    async fn forget(&self) -> Result<(), EngineError> {
        for _ in 0..PIECES_MAX {
            let now = self.clock.now();
            let mut writes = Writes::default();
            ledger::forget_old(&mut writes, now);
            let oldest = before(now, self.options.retention.journal.max(REMEMBERED));
            journal::forget(&mut writes, oldest);
            journal::forget_terms(&mut writes, oldest);
            journal::forget_bodies(&mut writes, now);
            ledger::forget_jobs(&mut writes, oldest);
            let gone = self.store.commit_counting(writes).await?;
            if gone.iter().all(|rows| *rows == 0) || self.stop.is_cancelled() {
                break;
            }
        }
        Ok(())
    }
}

fn sends_to(plan: &Plan, route: &str, target: &Endpoint) -> bool {
    plan.routes.get(route).is_some_and(|it| it.to.iter().any(|to| to.target == *target))
}

fn before(now: Timestamp, kept: Duration) -> Timestamp {
    let kept = i64::try_from(kept.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(now.as_millis().saturating_sub(kept))
}

/// The classes that dead letters can have: shown as 0 while there are none.
const DEAD_CLASSES: [&str; 6] =
    ["bad message", "refused", "unavailable", "no target", "crashed the bus", "kept back"];
