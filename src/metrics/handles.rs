//! What routes and deliveries count on: children of the families, resolved once.

use std::time::Duration;

use prometheus::{Gauge, Histogram, IntCounter, IntGauge};

use super::{Families, OTHER};

pub(super) const QUEUE_ROUTE: &str = "route";
pub(super) const QUEUE_DELIVERY: &str = "delivery";

pub(super) const FATES: [&str; 5] = ["repeat", "filtered", "dead", "routed", "discarded"];
pub(super) const OUTCOMES: [&str; 4] = ["delivered", "dead", "expired", "discarded"];
pub(super) const ATTEMPT_CLASSES: [&str; 4] =
    ["delivered", "unavailable", "misconfigured", "refused"];
pub(super) const DEAD_CLASSES: [&str; 6] =
    ["bad message", "refused", "unavailable", "no target", "crashed the bus", OTHER];

/// `text`, if it is on the list; `other` if not, so that labels stay bounded.
pub(super) fn word(text: &str, list: [&'static str; 6]) -> &'static str {
    list.into_iter().find(|it| *it == text).unwrap_or(OTHER)
}

/// The state of one queue, set by whoever samples it.
#[derive(Debug, Clone)]
pub struct QueueMetrics {
    entries: IntGauge,
    delayed: IntGauge,
    oldest: Gauge,
}

impl QueueMetrics {
    fn new(families: &Families, labels: [&str; 3]) -> Self {
        Self {
            entries: families.queue_entries.of(labels),
            delayed: families.queue_delayed.of(labels),
            oldest: families.queue_oldest.of(labels),
        }
    }

    fn forget(families: &Families, labels: [&str; 3]) {
        families.queue_entries.forget(labels);
        families.queue_delayed.forget(labels);
        families.queue_oldest.forget(labels);
    }

    /// What stands in the queue now.
    pub fn set(&self, entries: u64, delayed: u64, oldest: Duration) {
        self.entries.set(i64::try_from(entries).unwrap_or(i64::MAX));
        self.delayed.set(i64::try_from(delayed).unwrap_or(i64::MAX));
        self.oldest.set(oldest.as_secs_f64());
    }
}

/// What a route counts on.
#[derive(Debug)]
pub struct RouteMetrics {
    /// Messages accepted.
    pub received: IntCounter,
    /// Messages that had been accepted before.
    pub repeat: IntCounter,
    /// Messages that a step let go no further.
    pub filtered: IntCounter,
    /// Messages that could not be routed.
    pub dead: IntCounter,
    /// Messages that gave rise to deliveries.
    pub routed: IntCounter,
    /// Dead messages that an operator discarded.
    pub discarded: IntCounter,
    /// Its queue.
    pub queue: QueueMetrics,
    dead_letters: [IntCounter; DEAD_CLASSES.len()],
}

impl RouteMetrics {
    pub(super) fn new(families: &Families, route: &str) -> Self {
        let [repeat, filtered, dead, routed, discarded] =
            FATES.map(|fate| families.messages_ended.of([route, fate]));
        let dead_letters =
            DEAD_CLASSES.map(|class| families.dead_letters_total.of([route, "", class]));
        let queue = QueueMetrics::new(families, [QUEUE_ROUTE, route, ""]);
        let received = families.messages_received.of([route]);
        Self { received, repeat, filtered, dead, routed, discarded, queue, dead_letters }
    }

    pub(super) fn forget(families: &Families, route: &str) {
        families.messages_received.forget([route]);
        for fate in FATES {
            families.messages_ended.forget([route, fate]);
        }
        for class in DEAD_CLASSES {
            families.dead_letters_total.forget([route, "", class]);
        }
        QueueMetrics::forget(families, [QUEUE_ROUTE, route, ""]);
    }

    /// A message of this route became a dead letter of `class`. Counts the fate too.
    pub fn died(&self, class: &str) {
        self.dead.inc();
        count_dead(&self.dead_letters, class);
    }
}

/// What the deliveries of one route to one target count on.
#[derive(Debug)]
pub struct TargetMetrics {
    /// Deliveries created.
    pub created: IntCounter,
    /// Messages that this target was not meant for.
    pub skipped: IntCounter,
    /// Deliveries that the target took.
    pub delivered: IntCounter,
    /// Deliveries given up.
    pub dead: IntCounter,
    /// Deliveries whose time ran out.
    pub expired: IntCounter,
    /// Deliveries that an operator discarded.
    pub discarded: IntCounter,
    /// Attempts after which it was delivered.
    pub attempts_delivered: IntCounter,
    /// Attempts after which it is tried again.
    pub attempts_unavailable: IntCounter,
    /// Attempts that paused the target.
    pub attempts_misconfigured: IntCounter,
    /// Attempts after which the delivery was given up.
    pub attempts_refused: IntCounter,
    /// Attempts that were not the first.
    pub retries: IntCounter,
    /// Seconds from acceptance to delivery.
    pub delivery_duration: Histogram,
    /// Seconds of one attempt.
    pub attempt_duration: Histogram,
    /// Its delivery queue.
    pub queue: QueueMetrics,
    dead_letters: [IntCounter; DEAD_CLASSES.len()],
}

impl TargetMetrics {
    pub(super) fn new(families: &Families, route: &str, target: &str) -> Self {
        let [delivered, dead, expired, discarded] =
            OUTCOMES.map(|outcome| families.deliveries_ended.of([route, target, outcome]));
        let [attempts_delivered, attempts_unavailable, attempts_misconfigured, attempts_refused] =
            ATTEMPT_CLASSES.map(|class| families.attempts.of([route, target, class]));
        Self {
            created: families.deliveries_created.of([route, target]),
            skipped: families.deliveries_skipped.of([route, target]),
            delivered,
            dead,
            expired,
            discarded,
            attempts_delivered,
            attempts_unavailable,
            attempts_misconfigured,
            attempts_refused,
            retries: families.retries.of([route, target]),
            delivery_duration: families.delivery_duration.of([route, target]),
            attempt_duration: families.attempt_duration.of([route, target]),
            queue: QueueMetrics::new(families, [QUEUE_DELIVERY, route, target]),
            dead_letters: DEAD_CLASSES
                .map(|class| families.dead_letters_total.of([route, target, class])),
        }
    }

    pub(super) fn forget(families: &Families, route: &str, target: &str) {
        families.deliveries_created.forget([route, target]);
        families.deliveries_skipped.forget([route, target]);
        for outcome in OUTCOMES {
            families.deliveries_ended.forget([route, target, outcome]);
        }
        for class in ATTEMPT_CLASSES {
            families.attempts.forget([route, target, class]);
        }
        for class in DEAD_CLASSES {
            families.dead_letters_total.forget([route, target, class]);
        }
        families.retries.forget([route, target]);
        families.delivery_duration.forget([route, target]);
        families.attempt_duration.forget([route, target]);
        QueueMetrics::forget(families, [QUEUE_DELIVERY, route, target]);
    }

    /// A delivery became a dead letter of `class`. Counts the outcome too.
    pub fn died(&self, class: &str) {
        self.dead.inc();
        count_dead(&self.dead_letters, class);
    }
}

fn count_dead(counters: &[IntCounter; DEAD_CLASSES.len()], class: &str) {
    let class = word(class, DEAD_CLASSES);
    for (name, counter) in DEAD_CLASSES.iter().zip(counters) {
        if *name == class {
            counter.inc();
        }
    }
}
