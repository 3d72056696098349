//! Recording rules: what dashboards and alerts ask for again and again, computed once.

use std::time::Duration;

use super::{
    facts::Facts,
    rules::{Record, Times},
};

/// Over what rates are taken.
const RATE: Duration = Duration::from_mins(5);

/// What is computed, for rates over `{R}` of the job `{J}`.
const COMPUTED: [(&str, &str); 8] = [
    (
        "route:simpul_messages_received:rate5m",
        "sum by (job, route) (rate(simpul_messages_received_total{J}[{R}]))",
    ),
    (
        "route_target_outcome:simpul_deliveries_ended:rate5m",
        "sum by (job, route, target, outcome) (rate(simpul_deliveries_ended_total{J}[{R}]))",
    ),
    (
        "target_class:simpul_attempts:rate5m",
        "sum by (job, target, class) (rate(simpul_attempts_total{J}[{R}]))",
    ),
    (
        "target:simpul_attempts_failed:ratio_rate5m",
        "1 - sum by (job, target) (target_class:simpul_attempts:rate5m{class=\"delivered\"})\n  \
         / (sum by (job, target) (target_class:simpul_attempts:rate5m) > 0)",
    ),
    (
        "route_target:simpul_delivery_duration_seconds:p95_rate5m",
        "histogram_quantile(0.95,\n  \
         sum by (job, route, target, le) (rate(simpul_delivery_duration_seconds_bucket{J}[{R}])))",
    ),
    (
        "target:simpul_attempt_duration_seconds:p95_rate5m",
        "histogram_quantile(0.95,\n  \
         sum by (job, target, le) (rate(simpul_attempt_duration_seconds_bucket{J}[{R}])))",
    ),
    (
        "instance:simpul_store_commit_duration_seconds:p99_rate5m",
        "histogram_quantile(0.99,\n  \
         sum by (job, instance, le) (rate(simpul_store_commit_duration_seconds_bucket{J}[{R}])))",
    ),
    (
        "route_target:simpul_backlog:ratio_of_promise",
        "max by (job, route, target) (simpul_queue_oldest_age_seconds{J, queue=\"delivery\"})\n  \
         / on (job, route, target) route_target:simpul_delivery_promise_seconds",
    ),
];

/// The recording rules of a project: what its files promise, and what is computed.
pub(super) fn all(facts: &Facts, job: &str, times: Times) -> Vec<Record> {
    let bare = job.trim_matches('"').to_owned();
    let promises = facts.deliveries.iter().map(|it| Record {
        name: "route_target:simpul_delivery_promise_seconds",
        expr: format!("vector({})", times.seconds(it.promise)),
        labels: vec![
            ("job", bare.clone()),
            ("route", it.route.clone()),
            ("target", it.target.clone()),
        ],
    });
    let rhythms = facts.sources.iter().filter_map(|it| {
        Some(Record {
            name: "source:simpul_expected_interval_seconds",
            expr: format!("vector({})", times.seconds(it.expect_every?)),
            labels: vec![("job", bare.clone()), ("source", it.name.clone())],
        })
    });
    let computed = COMPUTED.iter().map(|(name, expr)| Record {
        name,
        expr: expr
            .replace("{J}", &format!("{{job={job}}}"))
            .replace("{J, ", &format!("{{job={job}, "))
            .replace("{R}", &times.of(RATE)),
        labels: vec![],
    });
    promises.chain(rhythms).chain(computed).collect()
}
