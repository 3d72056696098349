//! Every metric: its name, unit and meaning.
//!
//! A route or a delivery takes its handles once, when it is started, and counts on them without
//! looking anything up. The values of labels are names from files and words of fixed lists, so
//! that the number of series is known when the files are loaded.
//!
//! What is counted on is a word of memory, and no series has its names beside it: as the library
//! keeps one, each took some 800 bytes, half of the memory of a route. The library writes them.

mod encode;
mod handles;
mod history;
mod known;
mod look;
mod number;
mod questions;
mod ring;
mod table;
mod text;

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use self::{handles::ByClass, known::Known, number::Fraction};
pub use self::{
    handles::{QueueMetrics, RouteMetrics, TargetMetrics},
    history::{Chart, History, Minute, READ_EVERY, RouteMinute},
    look::Look,
    number::{Counter, Gauge, Histogram},
    ring::Stretch,
    table::{Kind, Metric, TABLE},
};

/// Seconds from acceptance to delivery: a memory-speed hop up to a long retry.
const DELIVERY_BUCKETS: &[f64] = &[
    0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0,
    300.0, 900.0, 3600.0,
];

/// Seconds of one call: a file on this machine up to the longest timeout that makes sense.
const ATTEMPT_BUCKETS: &[f64] =
    &[0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0];

/// Seconds of one commit: a fast disk's sync up to a disk in trouble.
const COMMIT_BUCKETS: &[f64] =
    &[0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0];

/// Jobs in one commit.
const JOBS_BUCKETS: &[f64] =
    &[1.0, 2.0, 5.0, 10.0, 20.0, 50.0, 100.0, 200.0, 500.0, 1000.0, 2000.0, 5000.0];

/// Codes of ingest refusals that are told apart; a further one is counted as `other`.
const INGEST_CODES_MAX: usize = 64;

/// What the label says where a value is not on its list.
const OTHER: &str = "other";

/// The state of a target's breaker.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BreakerState {
    /// Calls go out.
    Closed,
    /// One probe at a time goes out.
    HalfOpen,
    /// No calls go out.
    Open,
}

/// Who paused a target.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PausedBy {
    /// simpul: it found that it is not set up for the target.
    Bus,
    /// An operator.
    Operator,
}

/// The disk of the store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// What can still be written to it.
    pub free_bytes: u64,
    /// With less than this nothing is accepted.
    pub low_bytes: u64,
    /// Nothing is accepted.
    pub is_low: bool,
}

/// All metrics of one process.
pub struct Metrics {
    /// Reloads that changed nothing because the files had mistakes.
    pub reload_failures: Counter,
    /// The number of the set of files that runs.
    pub generation: Gauge,
    /// Panics that were caught.
    pub panics: Counter,
    /// Calls to the broker or the store that failed.
    pub broker_errors: Counter,
    /// Whether messages can be put into queues and taken from them.
    pub broker_up: Gauge,
    /// Spans that a receiver of traces took.
    pub spans_exported: Counter,
    /// Spans that found no room, or that no receiver took.
    pub spans_dropped: Counter,
    /// Queue entries that were found damaged and put aside.
    pub damaged: Gauge,
    reload_last_success: Fraction,
    reload_last_successful: Gauge,
    commit_duration: Histogram,
    commit_jobs: Histogram,
    start_time: Fraction,
    dead_letters: ByClass<Gauge>,
    journal_behind: Fraction,
    disk: Mutex<Option<Disk>>,
    // std, not tokio: held to look something up, never across an await.
    known: Mutex<Known>,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Every metric at nothing.
    pub fn new() -> Self {
        Self {
            reload_failures: Counter::default(),
            generation: Gauge::default(),
            panics: Counter::default(),
            broker_errors: Counter::default(),
            broker_up: Gauge::default(),
            spans_exported: Counter::default(),
            spans_dropped: Counter::default(),
            damaged: Gauge::default(),
            reload_last_success: Fraction::default(),
            reload_last_successful: Gauge::default(),
            commit_duration: Histogram::new(COMMIT_BUCKETS),
            commit_jobs: Histogram::new(JOBS_BUCKETS),
            start_time: Fraction::default(),
            dead_letters: ByClass::default(),
            journal_behind: Fraction::default(),
            disk: Mutex::default(),
            known: Mutex::default(),
        }
    }

    fn known(&self) -> MutexGuard<'_, Known> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What a route counts on; the same for every call with the same name.
    pub fn route(&self, route: &str) -> Arc<RouteMetrics> {
        self.known().route(route)
    }

    /// What the deliveries of a route to a target (`system.name`) count on; the same for every
    /// call with the same names.
    pub fn target(&self, route: &str, target: &str) -> Arc<TargetMetrics> {
        self.known().target(route, target)
    }

    /// Removes the series of a route that is no more, those of its deliveries too. Handles that
    /// are still held count for nobody.
    pub fn forget_route(&self, route: &str) {
        let mut known = self.known();
        known.routes.remove(route);
        known.deliveries.remove(route);
    }

    /// Removes the series of a target that a route goes to no more.
    pub fn forget_destination(&self, route: &str, target: &str) {
        if let Some(targets) = self.known().deliveries.get_mut(route) {
            targets.retain(|(it, _)| **it != *target);
        }
    }

    /// Removes the state of a target that is no more.
    pub fn forget_target(&self, target: &str) {
        let mut known = self.known();
        known.breakers.remove(target);
        known.paused.remove(target);
        known.paused_by_operator.remove(target);
        known.failing_since.remove(target);
        known.certificates.remove(target);
    }

    /// The state of the breaker of a target (`system.name`).
    pub fn set_breaker(&self, target: &str, state: BreakerState) {
        let number = match state {
            BreakerState::Closed => 0,
            BreakerState::HalfOpen => 1,
            BreakerState::Open => 2,
        };
        known::set(&mut self.known().breakers, target, number);
    }

    /// Whether a target (`system.name`) is paused, and who paused it.
    pub fn set_paused(&self, target: &str, by: Option<PausedBy>) {
        let mut known = self.known();
        known::set(&mut known.paused, target, u8::from(by.is_some()));
        let by_operator = u8::from(by == Some(PausedBy::Operator));
        known::set(&mut known.paused_by_operator, target, by_operator);
    }

    /// Since when (milliseconds since 1970) every attempt found a target (`system.name`) unavailable.
    pub fn set_failing_since(&self, target: &str, since_ms: Option<i64>) {
        let since = since_ms.map_or(0.0, seconds);
        known::set(&mut self.known().failing_since, target, since);
    }

    /// When the certificate ends (milliseconds since 1970) that a target (`system.name`) showed last.
    pub fn set_certificate_expiry(&self, target: &str, until_ms: i64) {
        known::set(&mut self.known().certificates, target, seconds(until_ms));
    }

    /// Whether messages of a source (`system.name`) can be fetched.
    pub fn set_source_connected(&self, source: &str, connected: bool) {
        known::set(&mut self.known().connected, source, u8::from(connected));
    }

    /// Removes the state of a source that is fetched from no more.
    pub fn forget_source(&self, source: &str) {
        self.known().connected.remove(source);
    }

    /// Sources (`system.name`) that messages may come from now, from `now_ms` (milliseconds since
    /// 1970) where they are new; of all others the last message is forgotten.
    pub fn listen_to(&self, sources: impl Iterator<Item = String>, now_ms: i64) {
        let mut known = self.known();
        let before = std::mem::take(&mut known.last_message);
        for source in sources {
            let last = before.get(source.as_str()).copied().unwrap_or(seconds(now_ms));
            known.last_message.insert(source.into(), last);
        }
    }

    /// A source (`system.name`) that is listened to handed messages over at `at_ms` (milliseconds
    /// since 1970).
    pub fn source_spoke(&self, source: &str, at_ms: i64) {
        if let Some(last) = self.known().last_message.get_mut(source) {
            *last = last.max(seconds(at_ms));
        }
    }

    /// How many dead letters of a class wait for an operator.
    pub fn set_dead_letters(&self, class: &str, count: u64) {
        if let Some(gauge) = self.dead_letters.of(class) {
            gauge.set(i64::try_from(count).unwrap_or(i64::MAX));
        }
    }

    /// How full the disk of the store is.
    pub fn set_disk(&self, disk: Disk) {
        *self.disk.lock().unwrap_or_else(PoisonError::into_inner) = Some(disk);
    }

    /// How long the oldest line of the journal has waited to be written.
    pub fn set_journal_behind(&self, behind: Duration) {
        self.journal_behind.set(behind.as_secs_f64());
    }

    fn disk(&self) -> Option<Disk> {
        *self.disk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A set of files was taken into use at `at_ms` (milliseconds since 1970).
    pub fn reload_succeeded(&self, generation: i64, at_ms: i64) {
        self.generation.set(generation);
        self.reload_last_success.set(seconds(at_ms));
        self.reload_last_successful.set(1);
    }

    /// A set of files had mistakes and changed nothing.
    pub fn reload_failed(&self) {
        self.reload_failures.inc();
        self.reload_last_successful.set(0);
    }

    /// The store committed `jobs` pieces of work together.
    pub fn store_committed(&self, jobs: usize, took: Duration) {
        self.commit_duration.observe(took.as_secs_f64());
        self.commit_jobs.observe(f64::from(u32::try_from(jobs).unwrap_or(u32::MAX)));
    }

    /// A request of a system was refused with `code`, one of the fixed list of the ingest.
    pub fn ingest_refused(&self, code: &str) {
        self.known().refused(code);
    }

    /// The process was started at `at_ms` (milliseconds since 1970).
    pub fn started(&self, at_ms: i64) {
        self.start_time.set(seconds(at_ms));
    }
}

fn seconds(at_ms: i64) -> f64 {
    Duration::from_millis(u64::try_from(at_ms).unwrap_or_default()).as_secs_f64()
}
