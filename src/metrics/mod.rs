//! Every metric: its name, unit and meaning.
//!
//! A route or a delivery takes its handles once, when it is started, and counts on them without
//! looking anything up. The values of labels are names from files and words of fixed lists, so
//! that the number of series is known when the files are loaded.

mod family;
mod handles;
mod table;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use prometheus::{Gauge, Histogram, IntCounter, IntGauge, Registry, TextEncoder};

use self::{
    family::{Counters, Gauges, Histograms, IntGauges},
    handles::{DEAD_CLASSES, word},
};
pub use self::{
    handles::{QueueMetrics, RouteMetrics, TargetMetrics},
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

/// The metrics could not be set up: a bug.
#[derive(Debug, Clone, thiserror::Error)]
#[error("metrics: {reason}")]
pub struct MetricsError {
    /// What happened.
    pub reason: String,
}

impl From<prometheus::Error> for MetricsError {
    fn from(error: prometheus::Error) -> Self {
        Self { reason: format!("bug: {error}") }
    }
}

/// All metrics of one process.
pub struct Metrics {
    registry: Registry,
    families: Families,
    /// Reloads that changed nothing because the files had mistakes.
    pub reload_failures: IntCounter,
    /// The number of the set of files that runs.
    pub generation: IntGauge,
    /// Panics that were caught.
    pub panics: IntCounter,
    /// Calls to the broker or the store that failed.
    pub broker_errors: IntCounter,
    /// Whether messages can be put into queues and taken from them.
    pub broker_up: IntGauge,
    /// Queue entries that were found damaged and put aside.
    pub damaged: IntGauge,
    reload_last_success: Gauge,
    reload_last_successful: IntGauge,
    commit_duration: Histogram,
    commit_jobs: Histogram,
    start_time: Gauge,
    // std, not tokio: held to look a handle up, never across an await.
    known: Mutex<Known>,
}

/// The handles that were given out.
#[derive(Default)]
struct Known {
    routes: BTreeMap<String, Arc<RouteMetrics>>,
    destinations: BTreeMap<(String, String), Arc<TargetMetrics>>,
    ingest_codes: BTreeMap<String, IntCounter>,
}

/// The families with labels.
struct Families {
    messages_received: Counters<1>,
    messages_ended: Counters<2>,
    deliveries_created: Counters<2>,
    deliveries_ended: Counters<3>,
    deliveries_skipped: Counters<2>,
    attempts: Counters<3>,
    retries: Counters<2>,
    dead_letters_total: Counters<3>,
    dead_letters: IntGauges<1>,
    delivery_duration: Histograms<2>,
    attempt_duration: Histograms<2>,
    queue_entries: IntGauges<3>,
    queue_delayed: IntGauges<3>,
    queue_oldest: Gauges<3>,
    breaker: IntGauges<1>,
    paused: IntGauges<1>,
    source_connected: IntGauges<1>,
    ingest_refused: Counters<1>,
}

impl Families {
    fn new(registry: &Registry) -> Result<Self, MetricsError> {
        Ok(Self {
            messages_received: Counters::new(registry, &table::MESSAGES_RECEIVED)?,
            messages_ended: Counters::new(registry, &table::MESSAGES_ENDED)?,
            deliveries_created: Counters::new(registry, &table::DELIVERIES_CREATED)?,
            deliveries_ended: Counters::new(registry, &table::DELIVERIES_ENDED)?,
            deliveries_skipped: Counters::new(registry, &table::DELIVERIES_SKIPPED)?,
            attempts: Counters::new(registry, &table::ATTEMPTS)?,
            retries: Counters::new(registry, &table::RETRIES)?,
            dead_letters_total: Counters::new(registry, &table::DEAD_LETTERS_TOTAL)?,
            dead_letters: IntGauges::new(registry, &table::DEAD_LETTERS)?,
            delivery_duration: Histograms::new(
                registry,
                &table::DELIVERY_DURATION,
                DELIVERY_BUCKETS,
            )?,
            attempt_duration: Histograms::new(registry, &table::ATTEMPT_DURATION, ATTEMPT_BUCKETS)?,
            queue_entries: IntGauges::new(registry, &table::QUEUE_ENTRIES)?,
            queue_delayed: IntGauges::new(registry, &table::QUEUE_DELAYED)?,
            queue_oldest: Gauges::new(registry, &table::QUEUE_OLDEST)?,
            breaker: IntGauges::new(registry, &table::BREAKER)?,
            paused: IntGauges::new(registry, &table::PAUSED)?,
            source_connected: IntGauges::new(registry, &table::SOURCE_CONNECTED)?,
            ingest_refused: Counters::new(registry, &table::INGEST_REFUSED)?,
        })
    }
}

impl Metrics {
    /// Sets every metric up, in a registry of its own.
    ///
    /// # Errors
    ///
    /// [`MetricsError`]: a bug, found by any test.
    pub fn new() -> Result<Self, MetricsError> {
        let registry = Registry::new();
        let families = Families::new(&registry)?;
        let build_info = IntGauges::new(&registry, &table::BUILD_INFO)?;
        build_info.of([env!("CARGO_PKG_VERSION")]).set(1);
        for class in DEAD_CLASSES {
            families.dead_letters.of([class]);
        }
        Ok(Self {
            reload_failures: Counters::new(&registry, &table::RELOAD_FAILURES)?.of([]),
            generation: IntGauges::new(&registry, &table::GENERATION)?.of([]),
            panics: Counters::new(&registry, &table::PANICS)?.of([]),
            broker_errors: Counters::new(&registry, &table::BROKER_ERRORS)?.of([]),
            broker_up: IntGauges::new(&registry, &table::BROKER_UP)?.of([]),
            damaged: IntGauges::new(&registry, &table::DAMAGED)?.of([]),
            reload_last_success: Gauges::new(&registry, &table::RELOAD_LAST_SUCCESS)?.of([]),
            reload_last_successful: IntGauges::new(&registry, &table::RELOAD_LAST_SUCCESSFUL)?
                .of([]),
            commit_duration: Histograms::new(&registry, &table::COMMIT_DURATION, COMMIT_BUCKETS)?
                .of([]),
            commit_jobs: Histograms::new(&registry, &table::COMMIT_JOBS, JOBS_BUCKETS)?.of([]),
            start_time: Gauges::new(&registry, &table::START_TIME)?.of([]),
            known: Mutex::default(),
            registry,
            families,
        })
    }

    /// What a route counts on; the same for every call with the same name.
    pub fn route(&self, route: &str) -> Arc<RouteMetrics> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(RouteMetrics::new(&self.families, route));
        Arc::clone(known.routes.entry(route.to_owned()).or_insert_with(new))
    }

    /// What the deliveries of a route to a target (`system.name`) count on; the same for every
    /// call with the same names.
    pub fn target(&self, route: &str, target: &str) -> Arc<TargetMetrics> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let new = || Arc::new(TargetMetrics::new(&self.families, route, target));
        let key = (route.to_owned(), target.to_owned());
        Arc::clone(known.destinations.entry(key).or_insert_with(new))
    }

    /// Removes the series of a route that is no more, those of its deliveries too. Handles that
    /// are still held count for nobody.
    pub fn forget_route(&self, route: &str) {
        let targets: Vec<String> = {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            known.routes.remove(route);
            let gone = known.destinations.keys().filter(|(it, _)| it == route);
            gone.map(|(_, target)| target.clone()).collect()
        };
        for target in targets {
            self.forget_destination(route, &target);
        }
        RouteMetrics::forget(&self.families, route);
    }

    /// Removes the series of a target that a route goes to no more.
    pub fn forget_destination(&self, route: &str, target: &str) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.destinations.remove(&(route.to_owned(), target.to_owned()));
        TargetMetrics::forget(&self.families, route, target);
    }

    /// Removes the state of a target that is no more.
    pub fn forget_target(&self, target: &str) {
        self.families.breaker.forget([target]);
        self.families.paused.forget([target]);
    }

    /// The state of the breaker of a target (`system.name`).
    pub fn set_breaker(&self, target: &str, state: BreakerState) {
        let number = match state {
            BreakerState::Closed => 0,
            BreakerState::HalfOpen => 1,
            BreakerState::Open => 2,
        };
        self.families.breaker.of([target]).set(number);
    }

    /// Whether a target (`system.name`) is paused.
    pub fn set_paused(&self, target: &str, paused: bool) {
        self.families.paused.of([target]).set(i64::from(paused));
    }

    /// Whether messages of a source (`system.name`) can be fetched.
    pub fn set_source_connected(&self, source: &str, connected: bool) {
        self.families.source_connected.of([source]).set(i64::from(connected));
    }

    /// Removes the state of a source that is fetched from no more.
    pub fn forget_source(&self, source: &str) {
        self.families.source_connected.forget([source]);
    }

    /// How many dead letters of a class wait for an operator.
    pub fn set_dead_letters(&self, class: &str, count: u64) {
        let class = word(class, DEAD_CLASSES);
        self.families.dead_letters.of([class]).set(i64::try_from(count).unwrap_or(i64::MAX));
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
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let full = INGEST_CODES_MAX <= known.ingest_codes.len();
        let code = if full && !known.ingest_codes.contains_key(code) { OTHER } else { code };
        let new = || self.families.ingest_refused.of([code]);
        known.ingest_codes.entry(code.to_owned()).or_insert_with(new).inc();
    }

    /// The process was started at `at_ms` (milliseconds since 1970).
    pub fn started(&self, at_ms: i64) {
        self.start_time.set(seconds(at_ms));
    }

    /// Every metric in the text format of Prometheus.
    pub fn encode(&self) -> String {
        let text = TextEncoder::new().encode_to_string(&self.registry.gather());
        text.unwrap_or_else(|error| format!("# bug: {error}\n"))
    }
}

fn seconds(at_ms: i64) -> f64 {
    Duration::from_millis(u64::try_from(at_ms).unwrap_or_default()).as_secs_f64()
}
