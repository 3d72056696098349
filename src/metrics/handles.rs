//! What routes and deliveries count on.

use std::time::Duration;

use super::{
    ATTEMPT_BUCKETS, DELIVERY_BUCKETS, OTHER,
    number::{Counter, Fraction, Gauge, Histogram},
};

pub(super) const DEAD_CLASSES: [&str; 6] =
    ["bad message", "refused", "unavailable", "no target", "crashed the bus", OTHER];

/// The place of `class` among [`DEAD_CLASSES`]: of one that is not on the list, that of `other`,
/// so that labels stay bounded.
fn place(class: &str) -> usize {
    DEAD_CLASSES.iter().position(|it| *it == class).unwrap_or(DEAD_CLASSES.len() - 1)
}

/// A number for each class of dead letters.
#[derive(Debug, Default)]
pub(super) struct ByClass<T>([T; DEAD_CLASSES.len()]);

impl<T> ByClass<T> {
    /// The number of a class.
    pub(super) fn of(&self, class: &str) -> Option<&T> {
        self.0.get(place(class))
    }

    /// All classes and their numbers.
    pub(super) fn each(&self) -> impl Iterator<Item = (&'static str, &T)> {
        DEAD_CLASSES.into_iter().zip(&self.0)
    }
}

impl ByClass<Counter> {
    fn inc(&self, class: &str) {
        if let Some(counter) = self.of(class) {
            counter.inc();
        }
    }
}

/// The state of one queue, set by whoever samples it.
#[derive(Debug, Default)]
pub struct QueueMetrics {
    pub(super) entries: Gauge,
    pub(super) delayed: Gauge,
    pub(super) oldest: Fraction,
}

impl QueueMetrics {
    /// What stands in the queue now.
    pub fn set(&self, entries: u64, delayed: u64, oldest: Duration) {
        self.entries.set(i64::try_from(entries).unwrap_or(i64::MAX));
        self.delayed.set(i64::try_from(delayed).unwrap_or(i64::MAX));
        self.oldest.set(oldest.as_secs_f64());
    }
}

/// What a route counts on.
#[derive(Debug, Default)]
pub struct RouteMetrics {
    /// Messages accepted.
    pub received: Counter,
    /// Messages that had been accepted before.
    pub repeat: Counter,
    /// Messages that a step let go no further.
    pub filtered: Counter,
    /// Messages that could not be routed.
    pub dead: Counter,
    /// Messages that gave rise to deliveries.
    pub routed: Counter,
    /// Dead messages that an operator discarded.
    pub discarded: Counter,
    /// Bytes that were kept of bodies.
    pub bodies_bytes: Counter,
    /// Its queue.
    pub queue: QueueMetrics,
    pub(super) dead_letters: ByClass<Counter>,
}

impl RouteMetrics {
    /// A message of this route became a dead letter of `class`. Counts the fate too.
    pub fn died(&self, class: &str) {
        self.dead.inc();
        self.dead_letters.inc(class);
    }

    pub(super) fn fates(&self) -> [(&'static str, &Counter); 5] {
        [
            ("repeat", &self.repeat),
            ("filtered", &self.filtered),
            ("dead", &self.dead),
            ("routed", &self.routed),
            ("discarded", &self.discarded),
        ]
    }
}

/// What the deliveries of one route to one target count on.
#[derive(Debug)]
pub struct TargetMetrics {
    /// Deliveries created.
    pub created: Counter,
    /// Messages that this target was not meant for.
    pub skipped: Counter,
    /// Deliveries that the target took.
    pub delivered: Counter,
    /// Deliveries given up.
    pub dead: Counter,
    /// Deliveries whose time ran out.
    pub expired: Counter,
    /// Deliveries that an operator discarded.
    pub discarded: Counter,
    /// Attempts after which it was delivered.
    pub attempts_delivered: Counter,
    /// Attempts after which it is tried again.
    pub attempts_unavailable: Counter,
    /// Attempts that paused the target.
    pub attempts_misconfigured: Counter,
    /// Attempts after which the delivery was given up.
    pub attempts_refused: Counter,
    /// Attempts that were not the first.
    pub retries: Counter,
    /// Seconds from acceptance to delivery.
    pub delivery_duration: Histogram,
    /// Seconds of one attempt.
    pub attempt_duration: Histogram,
    /// Its delivery queue.
    pub queue: QueueMetrics,
    pub(super) parked: Gauge,
    pub(super) keys_held: Gauge,
    /// Order keys of which the first waits for its next attempt.
    pub keys_waiting: Gauge,
    pub(super) dead_letters: ByClass<Counter>,
}

impl TargetMetrics {
    pub(super) fn new() -> Self {
        Self {
            created: Counter::default(),
            skipped: Counter::default(),
            delivered: Counter::default(),
            dead: Counter::default(),
            expired: Counter::default(),
            discarded: Counter::default(),
            attempts_delivered: Counter::default(),
            attempts_unavailable: Counter::default(),
            attempts_misconfigured: Counter::default(),
            attempts_refused: Counter::default(),
            retries: Counter::default(),
            delivery_duration: Histogram::new(DELIVERY_BUCKETS),
            attempt_duration: Histogram::new(ATTEMPT_BUCKETS),
            queue: QueueMetrics::default(),
            parked: Gauge::default(),
            keys_held: Gauge::default(),
            keys_waiting: Gauge::default(),
            dead_letters: ByClass::default(),
        }
    }

    /// So many deliveries are parked, and so many order keys held by a dead one.
    pub fn set_keys(&self, parked: u64, held: u64) {
        self.parked.set(i64::try_from(parked).unwrap_or(i64::MAX));
        self.keys_held.set(i64::try_from(held).unwrap_or(i64::MAX));
    }

    /// A delivery became a dead letter of `class`. Counts the outcome too.
    pub fn died(&self, class: &str) {
        self.dead.inc();
        self.dead_letters.inc(class);
    }

    pub(super) fn outcomes(&self) -> [(&'static str, &Counter); 4] {
        [
            ("delivered", &self.delivered),
            ("dead", &self.dead),
            ("expired", &self.expired),
            ("discarded", &self.discarded),
        ]
    }

    pub(super) fn attempts(&self) -> [(&'static str, &Counter); 4] {
        [
            ("delivered", &self.attempts_delivered),
            ("unavailable", &self.attempts_unavailable),
            ("misconfigured", &self.attempts_misconfigured),
            ("refused", &self.attempts_refused),
        ]
    }
}
