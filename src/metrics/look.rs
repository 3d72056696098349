//! The state of targets, sources and the process as it is now, for the operators' pages.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::Metrics;

/// How things are at one moment. Times are milliseconds since 1970.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Look {
    /// Since when every attempt found a target unavailable; only those that are.
    pub failing_since: BTreeMap<Arc<str>, i64>,
    /// When the certificate ends that a target showed last.
    pub certificates: BTreeMap<Arc<str>, i64>,
    /// Sources of which nothing can be fetched.
    pub not_connected: Vec<Arc<str>>,
    /// When each source last handed a message over; before its first, since when it is listened to.
    pub last_message: BTreeMap<Arc<str>, i64>,
    /// How late the journal is.
    pub journal_behind: Duration,
    /// Whether queues work.
    pub broker_up: bool,
    /// Queue entries that were put aside damaged.
    pub damaged: u64,
    /// The files on the disk were refused, and are not what runs.
    pub reload_refused: bool,
    /// When the files that run were taken into use.
    pub reloaded_at: i64,
    /// When the process was started.
    pub started_at: i64,
    /// The number of the files that run.
    pub generation: i64,
}

impl Metrics {
    /// How things are now.
    pub fn look(&self) -> Look {
        let known = self.known().clone();
        let times = |all: &BTreeMap<Arc<str>, f64>| -> BTreeMap<Arc<str>, i64> {
            let known = all.iter().filter(|(_, it)| 0.0 < **it);
            known.map(|(name, it)| (Arc::clone(name), millis(*it))).collect()
        };
        let connected = known.connected.iter();
        Look {
            failing_since: times(&known.failing_since),
            certificates: times(&known.certificates),
            not_connected: connected
                .filter(|(_, it)| **it == 0)
                .map(|(name, _)| Arc::clone(name))
                .collect(),
            last_message: times(&known.last_message),
            journal_behind: Duration::try_from_secs_f64(self.journal_behind.get())
                .unwrap_or_default(),
            broker_up: self.broker_up.get() == 1,
            damaged: u64::try_from(self.damaged.get()).unwrap_or_default(),
            reload_refused: self.reload_last_successful.get() == 0,
            reloaded_at: millis(self.reload_last_success.get()),
            started_at: millis(self.start_time.get()),
            generation: self.generation.get(),
        }
    }
}

fn millis(seconds: f64) -> i64 {
    let duration = Duration::try_from_secs_f64(seconds).unwrap_or_default();
    i64::try_from(duration.as_millis()).unwrap_or(i64::MAX)
}
