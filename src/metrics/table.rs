//! The table of metrics: what each is called, counts, and is labelled with.
//!
//! The operator's page prints it, and a test holds the two together.

/// What kind of number a metric is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Only rises, from 0 at the start of the process.
    Counter,
    /// Rises and falls.
    Gauge,
    /// How many observations were how large.
    Histogram,
}

impl Kind {
    /// The kind in the words of the text format.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Counter => "counter",
            Self::Gauge => "gauge",
            Self::Histogram => "histogram",
        }
    }
}

/// One metric.
#[derive(Debug, Clone, Copy)]
pub struct Metric {
    /// Its name, with the unit at the end.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// What one is: `messages`, `seconds`.
    pub unit: &'static str,
    /// Its labels. Their values are names from files and the words of fixed lists, never an id.
    pub labels: &'static [&'static str],
    /// What it means, in one line.
    pub help: &'static str,
}

const fn counter(
    name: &'static str,
    unit: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric { name, kind: Kind::Counter, unit, labels, help }
}

const fn gauge(
    name: &'static str,
    unit: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric { name, kind: Kind::Gauge, unit, labels, help }
}

const fn histogram(
    name: &'static str,
    unit: &'static str,
    labels: &'static [&'static str],
    help: &'static str,
) -> Metric {
    Metric { name, kind: Kind::Histogram, unit, labels, help }
}

const ROUTE: &[&str] = &["route"];
const TARGET: &[&str] = &["target"];
const SOURCE: &[&str] = &["source"];
const DELIVERY: &[&str] = &["route", "target"];
const QUEUE: &[&str] = &["queue", "route", "target"];

pub(super) const MESSAGES_RECEIVED: Metric = counter(
    "simpul_messages_received_total",
    "messages",
    ROUTE,
    "Messages that the route accepted.",
);
pub(super) const MESSAGES_ENDED: Metric = counter(
    "simpul_messages_ended_total",
    "messages",
    &["route", "fate"],
    "Messages whose fate was decided: repeat, filtered, dead, routed, or discarded by an operator.",
);
pub(super) const BODIES_BYTES: Metric = counter(
    "simpul_bodies_kept_bytes_total",
    "bytes",
    ROUTE,
    "What was kept of bodies beside the journal: of routes with `bodies: digest` or `full`.",
);
pub(super) const DELIVERIES_CREATED: Metric = counter(
    "simpul_deliveries_created_total",
    "deliveries",
    DELIVERY,
    "Deliveries that routed messages gave rise to.",
);
pub(super) const DELIVERIES_ENDED: Metric = counter(
    "simpul_deliveries_ended_total",
    "deliveries",
    &["route", "target", "outcome"],
    "Deliveries that ended: delivered, dead, expired, or discarded by an operator.",
);
pub(super) const DELIVERIES_SKIPPED: Metric = counter(
    "simpul_deliveries_skipped_total",
    "messages",
    DELIVERY,
    "Messages that a target was not meant for: its `when` was false or its `each` was empty.",
);
pub(super) const ATTEMPTS: Metric = counter(
    "simpul_attempts_total",
    "attempts",
    &["route", "target", "class"],
    "Attempts at deliveries by what came back: delivered, unavailable, misconfigured, refused.",
);
pub(super) const RETRIES: Metric = counter(
    "simpul_retries_total",
    "attempts",
    DELIVERY,
    "Attempts that were not the first of their delivery.",
);
pub(super) const PARKED: Metric = gauge(
    "simpul_deliveries_parked",
    "deliveries",
    DELIVERY,
    "Deliveries that wait, in no queue, behind a dead one of their order key.",
);
pub(super) const KEYS_WAITING: Metric = gauge(
    "simpul_order_keys_waiting",
    "keys",
    DELIVERY,
    "Order keys whose first delivery waits for its next attempt, and holds the others of its key.",
);
pub(super) const KEYS_HELD: Metric = gauge(
    "simpul_order_keys_held",
    "keys",
    DELIVERY,
    "Order keys that a dead delivery holds until it is replayed, discarded, or gone on without.",
);
pub(super) const DEAD_LETTERS_TOTAL: Metric = counter(
    "simpul_dead_letters_total",
    "dead letters",
    &["route", "target", "class"],
    "Messages (target is empty) and deliveries that were given up, by the class of the reason.",
);
pub(super) const DEAD_LETTERS: Metric = gauge(
    "simpul_dead_letters",
    "dead letters",
    &["class"],
    "Dead letters that wait for an operator, by the class of the reason.",
);
pub(super) const DELIVERY_DURATION: Metric = histogram(
    "simpul_delivery_duration_seconds",
    "seconds",
    DELIVERY,
    "End to end: from the acceptance of a message until a delivery of it was delivered.",
);
pub(super) const ATTEMPT_DURATION: Metric = histogram(
    "simpul_attempt_duration_seconds",
    "seconds",
    DELIVERY,
    "One attempt at a delivery, until the target answered or the attempt was given up.",
);
pub(super) const QUEUE_ENTRIES: Metric = gauge(
    "simpul_queue_entries",
    "entries",
    QUEUE,
    "Entries of a queue, those at work and those delayed included; queue is route or delivery.",
);
pub(super) const QUEUE_DELAYED: Metric = gauge(
    "simpul_queue_delayed_entries",
    "entries",
    QUEUE,
    "Entries of a queue that wait for the moment of their next attempt.",
);
pub(super) const QUEUE_OLDEST: Metric = gauge(
    "simpul_queue_oldest_age_seconds",
    "seconds",
    QUEUE,
    "How long the oldest entry of a queue has waited; 0 for an empty one.",
);
pub(super) const BREAKER: Metric = gauge(
    "simpul_target_breaker_state",
    "state",
    TARGET,
    "Breaker of a target: 0 closed (calls go out), 1 half open (one probe), 2 open (no calls).",
);
pub(super) const PAUSED: Metric =
    gauge("simpul_target_paused", "boolean", TARGET, "Whether a target is paused: 1 if so.");
pub(super) const PAUSED_BY_OPERATOR: Metric = gauge(
    "simpul_target_paused_by_operator",
    "boolean",
    TARGET,
    "Whether a target is paused because an operator said so: 1 if so.",
);
pub(super) const FAILING_SINCE: Metric = gauge(
    "simpul_target_failing_since_timestamp_seconds",
    "seconds since 1970",
    TARGET,
    "Since when every attempt found a target unavailable; 0 while it answers.",
);
pub(super) const CERTIFICATE_EXPIRY: Metric = gauge(
    "simpul_target_certificate_expiry_timestamp_seconds",
    "seconds since 1970",
    TARGET,
    "When the certificate ends that a target showed last, where it is called over HTTPS.",
);
pub(super) const SOURCE_CONNECTED: Metric = gauge(
    "simpul_source_connected",
    "boolean",
    SOURCE,
    "Whether messages of a source can be fetched, where simpul fetches them: 1 if so.",
);
pub(super) const SOURCE_LAST_MESSAGE: Metric = gauge(
    "simpul_source_last_message_timestamp_seconds",
    "seconds since 1970",
    SOURCE,
    "When a source last handed a message over; before its first, when simpul began to listen to it.",
);
pub(super) const RELOAD_LAST_SUCCESS: Metric = gauge(
    "simpul_reload_last_success_timestamp_seconds",
    "seconds since 1970",
    &[],
    "When a set of files was last taken into use.",
);
pub(super) const RELOAD_LAST_SUCCESSFUL: Metric = gauge(
    "simpul_reload_last_successful",
    "boolean",
    &[],
    "Whether the last reload was taken into use; 0: the files on disk are not what runs.",
);
pub(super) const RELOAD_FAILURES: Metric = counter(
    "simpul_reload_failures_total",
    "reloads",
    &[],
    "Reloads that changed nothing because the files had mistakes.",
);
pub(super) const GENERATION: Metric =
    gauge("simpul_generation", "number", &[], "Number of the set of files that runs.");
pub(super) const COMMIT_DURATION: Metric = histogram(
    "simpul_store_commit_duration_seconds",
    "seconds",
    &[],
    "One commit of the store, until it is on the disk.",
);
pub(super) const COMMIT_JOBS: Metric = histogram(
    "simpul_store_commit_jobs",
    "jobs",
    &[],
    "Pieces of work that shared one commit of the store.",
);
pub(super) const INGEST_REFUSED: Metric = counter(
    "simpul_ingest_refused_total",
    "requests",
    &["code"],
    "Requests of systems that were refused, by the code of the problem details.",
);
pub(super) const PANICS: Metric = counter(
    "simpul_panics_total",
    "panics",
    &[],
    "Panics that were caught; each is a bug of simpul. Nothing was lost by it.",
);
pub(super) const BROKER_ERRORS: Metric = counter(
    "simpul_broker_errors_total",
    "errors",
    &[],
    "Calls to the broker or the store that failed; what they were about is tried again.",
);
pub(super) const BROKER_UP: Metric = gauge(
    "simpul_broker_up",
    "boolean",
    &[],
    "Whether messages can be put into queues and taken from them: 1 if so.",
);
pub(super) const DAMAGED: Metric = gauge(
    "simpul_damaged_entries",
    "entries",
    &[],
    "Queue entries that the disk gave back otherwise than they were written, put aside.",
);
pub(super) const DISK_FREE: Metric = gauge(
    "simpul_disk_free_bytes",
    "bytes",
    &[],
    "What can still be written to the disk of the store, what its database has left over included.",
);
pub(super) const DISK_LOW: Metric = gauge(
    "simpul_disk_low",
    "boolean",
    &[],
    "Whether nothing is accepted because the disk of the store is nearly full: 1 if so.",
);
pub(super) const DISK_LOW_LIMIT: Metric = gauge(
    "simpul_disk_low_limit_bytes",
    "bytes",
    &[],
    "With less than this left on the disk of the store, nothing is accepted.",
);
pub(super) const JOURNAL_BEHIND: Metric = gauge(
    "simpul_journal_behind_seconds",
    "seconds",
    &[],
    "How long the oldest line of the journal has waited to be written; 0 while none waits.",
);
pub(super) const SPANS: Metric = counter(
    "simpul_trace_spans_total",
    "spans",
    &["outcome"],
    "Spans of traces: exported, or dropped because there was no room or the receiver took none.",
);
pub(super) const BUILD_INFO: Metric =
    gauge("simpul_build_info", "info", &["version"], "Always 1; the label tells what runs.");
pub(super) const START_TIME: Metric = gauge(
    "simpul_process_start_time_seconds",
    "seconds since 1970",
    &[],
    "When the process was started.",
);

/// Every metric, in the order of the operator's page.
pub const TABLE: &[Metric] = &[
    MESSAGES_RECEIVED,
    MESSAGES_ENDED,
    BODIES_BYTES,
    DELIVERIES_CREATED,
    DELIVERIES_ENDED,
    DELIVERIES_SKIPPED,
    ATTEMPTS,
    RETRIES,
    PARKED,
    KEYS_WAITING,
    KEYS_HELD,
    DEAD_LETTERS_TOTAL,
    DEAD_LETTERS,
    DELIVERY_DURATION,
    ATTEMPT_DURATION,
    QUEUE_ENTRIES,
    QUEUE_DELAYED,
    QUEUE_OLDEST,
    BREAKER,
    PAUSED,
    PAUSED_BY_OPERATOR,
    FAILING_SINCE,
    CERTIFICATE_EXPIRY,
    SOURCE_CONNECTED,
    SOURCE_LAST_MESSAGE,
    RELOAD_LAST_SUCCESS,
    RELOAD_LAST_SUCCESSFUL,
    RELOAD_FAILURES,
    GENERATION,
    COMMIT_DURATION,
    COMMIT_JOBS,
    INGEST_REFUSED,
    PANICS,
    BROKER_ERRORS,
    BROKER_UP,
    DAMAGED,
    DISK_FREE,
    DISK_LOW,
    DISK_LOW_LIMIT,
    JOURNAL_BEHIND,
    SPANS,
    BUILD_INFO,
    START_TIME,
];
