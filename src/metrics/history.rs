//! What was counted over the last hour and the last day, for charts where no Prometheus is at hand.
//!
//! It is kept in memory, so it starts anew with the process. A route of which nothing was ever
//! counted takes no more than its name; the others some 2 KiB for each thing that is counted, and no
//! more than 9,000 of them together: routes beyond are shown at this moment alone.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use super::{
    Metrics, RouteMetrics, TargetMetrics,
    ring::{Ring, Stretch, place},
};

/// How often somebody is to [take](History::take) a reading.
pub const READ_EVERY: Duration = Duration::from_secs(10);

/// Readings that make the last minute.
const RECENT: usize = 6;

/// What was counted in each piece of a stretch, the oldest first; the last one is under way.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Chart {
    /// Messages accepted.
    pub received: Vec<u64>,
    /// Deliveries that targets took.
    pub delivered: Vec<u64>,
    /// Attempts that failed, for whatever reason.
    pub failed: Vec<u64>,
    /// Messages and deliveries given up.
    pub dead: Vec<u64>,
    /// Entries that stood in queues at most.
    pub waiting: Vec<u64>,
}

/// What was counted within the last minute.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Minute {
    /// Messages accepted, or deliveries that the target took.
    pub passed: u64,
    /// Messages given up, or attempts that failed.
    pub failed: u64,
}

/// The last minute of a route, and that of each of its targets.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RouteMinute {
    /// What came in.
    pub route: Minute,
    /// What went out, by target.
    pub targets: BTreeMap<Arc<str>, Minute>,
}

/// What was counted over the last hour and day.
#[derive(Default)]
pub struct History {
    // std, not tokio: never held across an await.
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    /// When the first and the last reading was taken, in milliseconds since 1970.
    read: Option<(i64, i64)>,
    rings: usize,
    routes: BTreeMap<Arc<str>, OfRoute>,
}

#[derive(Default)]
struct OfRoute {
    received: Counted,
    dead: Counted,
    waiting: Ring,
    targets: Vec<(Arc<str>, OfTarget)>,
}

#[derive(Default)]
struct OfTarget {
    delivered: Counted,
    failed: Counted,
    dead: Counted,
    waiting: Ring,
}

/// A counter: what it was at the last reading, and what it rose by.
#[derive(Default)]
struct Counted {
    before: u64,
    recent: [u32; RECENT],
    ring: Ring,
}

impl Counted {
    fn read(&mut self, count: u64, (before, now): (i64, i64), rings: &mut usize) {
        self.ring.turn(before, now);
        for number in (reading(before) + 1).max(reading(now) - 5)..=reading(now) {
            if let Some(recent) = self.recent.get_mut(place(number, RECENT)) {
                *recent = 0;
            }
        }
        // Less than before: a route that went and came again counts anew.
        let more = if count < self.before { count } else { count - self.before };
        self.before = count;
        if more == 0 {
            return;
        }
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        if let Some(recent) = self.recent.get_mut(place(reading(now), RECENT)) {
            *recent = recent.saturating_add(more);
        }
        self.ring.put(now, rings, |piece| *piece = piece.saturating_add(more));
    }

    fn minute(&self) -> u64 {
        self.recent.iter().copied().map(u64::from).sum()
    }
}

/// The number of the reading that a moment belongs to.
fn reading(ms: i64) -> i64 {
    ms.div_euclid(i64::try_from(READ_EVERY.as_millis()).unwrap_or(i64::MAX))
}

impl OfRoute {
    fn read(&mut self, it: &RouteMetrics, times: (i64, i64), rings: &mut usize) {
        self.received.read(it.received.get(), times, rings);
        self.dead.read(it.dead.get(), times, rings);
        level(&mut self.waiting, it.queue.entries.get(), times, rings);
    }

    fn target(&mut self, name: &Arc<str>) -> &mut OfTarget {
        let known = self.targets.iter().position(|(it, _)| it == name);
        let index = known.unwrap_or_else(|| {
            self.targets.push((Arc::clone(name), OfTarget::default()));
            self.targets.len() - 1
        });
        &mut self.targets[index].1
    }
}

impl OfTarget {
    fn read(&mut self, it: &TargetMetrics, times: (i64, i64), rings: &mut usize) {
        let failed = [&it.attempts_unavailable, &it.attempts_misconfigured, &it.attempts_refused];
        let failed = failed.into_iter().fold(0_u64, |sum, it| sum.saturating_add(it.get()));
        self.delivered.read(it.delivered.get(), times, rings);
        self.failed.read(failed, times, rings);
        self.dead.read(it.dead.get(), times, rings);
        level(&mut self.waiting, it.queue.entries.get(), times, rings);
    }
}

/// A level: the most that it was within a piece.
fn level(ring: &mut Ring, entries: i64, (before, now): (i64, i64), rings: &mut usize) {
    ring.turn(before, now);
    if let Some(entries) = u32::try_from(entries).ok().filter(|it| 0 < *it) {
        ring.put(now, rings, |piece| *piece = entries.max(*piece));
    }
}

impl History {
    fn kept(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes a reading of what `metrics` count, at `now_ms` (milliseconds since 1970).
    pub fn take(&self, metrics: &Metrics, now_ms: i64) {
        // A look at one moment, so that no message waits while all of it is read.
        let known = metrics.known().clone();
        let mut kept = self.kept();
        let Kept { read, rings, routes } = &mut *kept;
        let (first, before) = read.unwrap_or((now_ms, now_ms));
        let now = now_ms.max(before);
        *read = Some((first, now));
        routes.retain(|name, route| {
            let stays = known.routes.contains_key(name);
            if !stays {
                *rings = rings.saturating_sub(route.rings());
            }
            stays
        });
        for (name, it) in &known.routes {
            let route = routes.entry(Arc::clone(name)).or_default();
            route.read(it, (before, now), rings);
            for (name, it) in known.deliveries.get(name).into_iter().flatten() {
                route.target(name).read(it, (before, now), rings);
            }
        }
    }

    /// Since when it is kept, in milliseconds since 1970; nothing before the first reading.
    pub fn since(&self) -> Option<i64> {
        self.kept().read.map(|(first, _)| first)
    }

    /// When the last reading was taken, in milliseconds since 1970.
    pub fn until(&self) -> Option<i64> {
        self.kept().read.map(|(_, last)| last)
    }

    /// A stretch of those routes together that `shows` says yes to.
    pub fn chart(&self, stretch: Stretch, shows: impl Fn(&str) -> bool) -> Chart {
        let empty = || vec![0; stretch.pieces()];
        let mut chart = Chart {
            received: empty(),
            delivered: empty(),
            failed: empty(),
            dead: empty(),
            waiting: empty(),
        };
        let kept = self.kept();
        let Some((_, now)) = kept.read else { return chart };
        let now = now
            - i64::try_from(stretch.piece().as_millis()).unwrap_or_default()
                * i64::try_from(stretch.pieces()).unwrap_or_default();
        for (_, route) in kept.routes.iter().filter(|(name, _)| shows(name)) {
            route.received.ring.add_to(&mut chart.received, stretch, now);
            route.dead.ring.add_to(&mut chart.dead, stretch, now);
            route.waiting.add_to(&mut chart.waiting, stretch, now);
            for (_, target) in &route.targets {
                target.delivered.ring.add_to(&mut chart.delivered, stretch, now);
                target.failed.ring.add_to(&mut chart.failed, stretch, now);
                target.dead.ring.add_to(&mut chart.dead, stretch, now);
                target.waiting.add_to(&mut chart.waiting, stretch, now);
            }
        }
        chart
    }

    /// Messages that each route received within the last hour.
    pub fn last_hour(&self) -> BTreeMap<Arc<str>, u64> {
        let kept = self.kept();
        let sum = |it: &OfRoute| it.received.ring.hour();
        kept.routes.iter().map(|(name, route)| (Arc::clone(name), sum(route))).collect()
    }

    /// What was counted within the last minute, by route.
    pub fn minutes(&self) -> BTreeMap<Arc<str>, RouteMinute> {
        let kept = self.kept();
        let minute = |passed: &Counted, failed: &Counted| Minute {
            passed: passed.minute(),
            failed: failed.minute(),
        };
        let of = |route: &OfRoute| RouteMinute {
            route: minute(&route.received, &route.dead),
            targets: route
                .targets
                .iter()
                .map(|(name, it)| (Arc::clone(name), minute(&it.delivered, &it.failed)))
                .collect(),
        };
        kept.routes.iter().map(|(name, route)| (Arc::clone(name), of(route))).collect()
    }
}

impl OfRoute {
    /// How many rings it holds.
    fn rings(&self) -> usize {
        let own = [&self.received.ring, &self.dead.ring, &self.waiting];
        let of_targets = self
            .targets
            .iter()
            .flat_map(|(_, it)| [&it.delivered.ring, &it.failed.ring, &it.dead.ring, &it.waiting]);
        own.into_iter().chain(of_targets).filter(|it| it.is_kept()).count()
    }
}

#[cfg(test)]
mod tests {
    use super::{super::ring::RINGS_MAX, *};

    const START: i64 = 1_768_617_000_000;

    fn bus() -> (History, Metrics) {
        (History::default(), Metrics::new())
    }

    #[test]
    fn what_was_counted_stands_in_the_piece_in_which_it_was() {
        let (history, metrics) = bus();
        let route = metrics.route("sppd");
        history.take(&metrics, START);
        route.received.inc_by(3);
        history.take(&metrics, START + 10_000);
        route.received.inc_by(2);
        metrics.target("sppd", "arsip.naskah").delivered.inc();
        history.take(&metrics, START + 40_000);

        let chart = history.chart(Stretch::Hour, |_| true);
        assert_eq!(chart.received.len(), 120);
        assert_eq!(chart.received[118..], [3, 2]);
        assert_eq!(chart.delivered[118..], [0, 1]);
        assert_eq!(history.chart(Stretch::Day, |_| true).received.iter().sum::<u64>(), 5);
        assert_eq!(history.chart(Stretch::Hour, |it| it != "sppd").received[118..], [0, 0]);
        assert_eq!(history.minutes()["sppd"].route.passed, 5);
        assert_eq!(history.since(), Some(START));
    }

    #[test]
    fn what_is_older_than_the_stretch_is_gone() {
        let (history, metrics) = bus();
        let route = metrics.route("sppd");
        history.take(&metrics, START);
        route.received.inc_by(7);
        route.queue.set(4, 0, Duration::ZERO);
        history.take(&metrics, START + 10_000);
        route.queue.set(0, 0, Duration::ZERO);
        let later = START + 2 * 3_600_000;
        history.take(&metrics, later);
        assert_eq!(history.chart(Stretch::Hour, |_| true).received.iter().sum::<u64>(), 0);
        let day = history.chart(Stretch::Day, |_| true);
        assert_eq!((day.received[131], day.waiting[131]), (7, 4));
        assert_eq!(history.minutes()["sppd"].route.passed, 0);
        history.take(&metrics, later + 2 * 86_400_000);
        assert_eq!(history.chart(Stretch::Day, |_| true).received.iter().sum::<u64>(), 0);
    }

    #[test]
    fn a_route_that_went_is_forgotten_and_one_that_came_again_counts_anew() {
        let (history, metrics) = bus();
        metrics.route("sppd").received.inc_by(7);
        history.take(&metrics, START);
        metrics.forget_route("sppd");
        history.take(&metrics, START + 10_000);
        assert_eq!(history.minutes().len(), 0);
        metrics.route("sppd").received.inc_by(2);
        history.take(&metrics, START + 20_000);
        assert_eq!(history.minutes()["sppd"].route.passed, 2);
    }

    #[test]
    fn memory_is_bounded_however_many_routes_there_are() {
        let (history, metrics) = bus();
        for number in 0..RINGS_MAX + 10 {
            metrics.route(&format!("r{number}")).received.inc();
        }
        history.take(&metrics, START);
        assert_eq!(history.kept().rings, RINGS_MAX);
        // The moment is shown of all.
        assert!(history.minutes().values().all(|it| it.route.passed == 1));
    }
}
