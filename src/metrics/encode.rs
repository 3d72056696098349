//! Every metric as text, when somebody asks.

use std::{collections::BTreeMap, sync::Arc};

use super::{
    Counter, Disk, Gauge, Histogram, Metric, Metrics, QueueMetrics, TargetMetrics,
    known::Known,
    table,
    text::{Number, Text},
};

impl Metrics {
    /// Every metric in the text format of Prometheus.
    pub fn encode(&self) -> String {
        let mut text = Text::default();
        // A look at one moment, so that no message waits while all of it is written.
        let known = self.known().clone();
        routes(&known, &mut text);
        deliveries(&known, &mut text);
        dead_letters(&known, &mut text);
        queues(&known, &mut text);
        by_name(&table::BREAKER, &known.breakers, &mut text);
        by_name(&table::PAUSED, &known.paused, &mut text);
        by_name(&table::PAUSED_BY_OPERATOR, &known.paused_by_operator, &mut text);
        by_name(&table::FAILING_SINCE, &known.failing_since, &mut text);
        by_name(&table::CERTIFICATE_EXPIRY, &known.certificates, &mut text);
        by_name(&table::SOURCE_CONNECTED, &known.connected, &mut text);
        by_name(&table::SOURCE_LAST_MESSAGE, &known.last_message, &mut text);
        by_name(&table::INGEST_REFUSED, &known.refused, &mut text);
        self.process(&mut text);
        text.finish()
    }

    /// What there is one of in a process.
    fn process(&self, text: &mut Text) {
        let mut family = text.family(&table::DEAD_LETTERS);
        for (class, count) in self.dead_letters.each() {
            family.sample(&[class], count.get());
        }
        drop(family);
        let mut family = text.family(&table::SPANS);
        family.sample(&["exported"], self.spans_exported.get());
        family.sample(&["dropped"], self.spans_dropped.get());
        drop(family);
        let mut one = |metric, number: f64| text.family(metric).sample(&[], number);
        one(&table::RELOAD_LAST_SUCCESS, self.reload_last_success.get().into_f64());
        one(&table::RELOAD_LAST_SUCCESSFUL, self.reload_last_successful.get().into_f64());
        one(&table::RELOAD_FAILURES, self.reload_failures.get().into_f64());
        one(&table::GENERATION, self.generation.get().into_f64());
        one(&table::PANICS, self.panics.get().into_f64());
        one(&table::BROKER_ERRORS, self.broker_errors.get().into_f64());
        one(&table::BROKER_UP, self.broker_up.get().into_f64());
        one(&table::DAMAGED, self.damaged.get().into_f64());
        // Where the store is another machine's, nobody here knows its disk.
        if let Some(Disk { free_bytes, low_bytes, is_low }) = self.disk() {
            one(&table::DISK_FREE, free_bytes as f64);
            one(&table::DISK_LOW, f64::from(u8::from(is_low)));
            one(&table::DISK_LOW_LIMIT, low_bytes as f64);
        }
        one(&table::JOURNAL_BEHIND, self.journal_behind.get());
        one(&table::START_TIME, self.start_time.get().into_f64());
        text.family(&table::BUILD_INFO).sample(&[env!("CARGO_PKG_VERSION")], 1);
        text.family(&table::COMMIT_DURATION).histogram(&[], &self.commit_duration);
        text.family(&table::COMMIT_JOBS).histogram(&[], &self.commit_jobs);
    }
}

fn routes(known: &Known, text: &mut Text) {
    let mut family = text.family(&table::MESSAGES_RECEIVED);
    for (route, it) in &known.routes {
        family.sample(&[route], it.received.get());
    }
    drop(family);
    let mut family = text.family(&table::MESSAGES_ENDED);
    for (route, it) in &known.routes {
        for (fate, count) in it.fates() {
            family.sample(&[route, fate], count.get());
        }
    }
    drop(family);
    let mut family = text.family(&table::BODIES_BYTES);
    for (route, it) in &known.routes {
        family.sample(&[route], it.bodies_bytes.get());
    }
}

/// The deliveries of each route to each of its targets.
fn each(known: &Known) -> impl Iterator<Item = (&str, &str, &TargetMetrics)> {
    known.deliveries.iter().flat_map(|(route, targets)| {
        targets.iter().map(move |(target, it)| (&**route, &**target, &**it))
    })
}

fn deliveries(known: &Known, text: &mut Text) {
    type Count = fn(&TargetMetrics) -> &Counter;
    let counts: [(&'static Metric, Count); 3] = [
        (&table::DELIVERIES_CREATED, |it| &it.created),
        (&table::DELIVERIES_SKIPPED, |it| &it.skipped),
        (&table::RETRIES, |it| &it.retries),
    ];
    for (metric, count) in counts {
        let mut family = text.family(metric);
        for (route, target, it) in each(known) {
            family.sample(&[route, target], count(it).get());
        }
    }
    type Level = fn(&TargetMetrics) -> &Gauge;
    let levels: [(&'static Metric, Level); 3] = [
        (&table::PARKED, |it| &it.parked),
        (&table::KEYS_WAITING, |it| &it.keys_waiting),
        (&table::KEYS_HELD, |it| &it.keys_held),
    ];
    for (metric, level) in levels {
        let mut family = text.family(metric);
        for (route, target, it) in each(known) {
            family.sample(&[route, target], level(it).get());
        }
    }
    type Words = fn(&TargetMetrics) -> [(&'static str, &Counter); 4];
    let words: [(&'static Metric, Words); 2] = [
        (&table::DELIVERIES_ENDED, TargetMetrics::outcomes),
        (&table::ATTEMPTS, TargetMetrics::attempts),
    ];
    for (metric, words) in words {
        let mut family = text.family(metric);
        for (route, target, it) in each(known) {
            for (word, count) in words(it) {
                family.sample(&[route, target, word], count.get());
            }
        }
    }
    type Times = fn(&TargetMetrics) -> &Histogram;
    let times: [(&'static Metric, Times); 2] = [
        (&table::DELIVERY_DURATION, |it| &it.delivery_duration),
        (&table::ATTEMPT_DURATION, |it| &it.attempt_duration),
    ];
    for (metric, times) in times {
        let mut family = text.family(metric);
        for (route, target, it) in each(known) {
            family.histogram(&[route, target], times(it));
        }
    }
}

fn dead_letters(known: &Known, text: &mut Text) {
    let mut family = text.family(&table::DEAD_LETTERS_TOTAL);
    for (route, it) in &known.routes {
        for (class, count) in it.dead_letters.each() {
            family.sample(&[route, "", class], count.get());
        }
    }
    for (route, target, it) in each(known) {
        for (class, count) in it.dead_letters.each() {
            family.sample(&[route, target, class], count.get());
        }
    }
}

fn queues(known: &Known, text: &mut Text) {
    let of_routes = known.routes.iter().map(|(route, it)| (["route", route, ""], &it.queue));
    let of_deliveries =
        each(known).map(|(route, target, it)| (["delivery", route, target], &it.queue));
    let all: Vec<([&str; 3], &QueueMetrics)> = of_routes.chain(of_deliveries).collect();
    let mut family = text.family(&table::QUEUE_ENTRIES);
    all.iter().for_each(|(labels, it)| family.sample(labels, it.entries.get()));
    drop(family);
    let mut family = text.family(&table::QUEUE_DELAYED);
    all.iter().for_each(|(labels, it)| family.sample(labels, it.delayed.get()));
    drop(family);
    let mut family = text.family(&table::QUEUE_OLDEST);
    all.iter().for_each(|(labels, it)| family.sample(labels, it.oldest.get()));
}

fn by_name<T: Number + Copy>(
    metric: &'static Metric,
    all: &BTreeMap<Arc<str>, T>,
    text: &mut Text,
) {
    let mut family = text.family(metric);
    for (name, number) in all {
        family.sample(&[name], *number);
    }
}
