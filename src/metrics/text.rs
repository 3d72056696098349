//! The text format of Prometheus, as its library writes it, a family at a time: no more of the
//! library's own form is in memory at once than one family needs.

use prometheus::{
    TextEncoder,
    proto::{Bucket, Counter, Gauge, LabelPair, Metric as Series, MetricFamily, MetricType},
};

use super::{
    number::Histogram,
    table::{Kind, Metric},
};

/// Metrics as text, family by family.
#[derive(Default)]
pub(super) struct Text(String);

impl Text {
    /// Begins a family.
    pub(super) fn family<'t>(&'t mut self, metric: &'static Metric) -> Family<'t> {
        let mut order: Vec<usize> = (0..metric.labels.len()).collect();
        order.sort_by_key(|it| metric.labels.get(*it));
        Family { text: &mut self.0, metric, order, series: Vec::new() }
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// A family that is being gathered; written when it is dropped, unless it has no series.
pub(super) struct Family<'t> {
    text: &'t mut String,
    metric: &'static Metric,
    /// The labels in alphabetical order, so that a series always looks the same.
    order: Vec<usize>,
    series: Vec<Series>,
}

impl Family<'_> {
    /// A series with `values` for the metric's labels, in the order of the table.
    pub(super) fn sample(&mut self, values: &[&str], number: impl Number) {
        let mut series = Series::from_label(self.labels(values));
        if self.metric.kind == Kind::Counter {
            let mut counter = Counter::default();
            counter.set_value(number.into_f64());
            series.set_counter(counter);
        } else {
            let mut gauge = Gauge::default();
            gauge.set_value(number.into_f64());
            series.set_gauge(gauge);
        }
        self.series.push(series);
    }

    /// The series of a histogram.
    pub(super) fn histogram(&mut self, values: &[&str], histogram: &Histogram) {
        let mut written = prometheus::proto::Histogram::default();
        let mut buckets = Vec::new();
        for (bound, count) in histogram.cumulated() {
            match bound {
                Some(bound) => {
                    let mut bucket = Bucket::default();
                    bucket.set_upper_bound(bound);
                    bucket.set_cumulative_count(count);
                    buckets.push(bucket);
                }
                None => written.set_sample_count(count),
            }
        }
        written.set_bucket(buckets);
        written.set_sample_sum(histogram.sum());
        let mut series = Series::from_label(self.labels(values));
        series.set_histogram(written);
        self.series.push(series);
    }

    fn labels(&self, values: &[&str]) -> Vec<LabelPair> {
        let pair = |index: &usize| {
            let mut pair = LabelPair::default();
            pair.set_name((*self.metric.labels.get(*index)?).to_owned());
            pair.set_value((*values.get(*index)?).to_owned());
            Some(pair)
        };
        self.order.iter().filter_map(pair).collect()
    }
}

impl Drop for Family<'_> {
    fn drop(&mut self) {
        if self.series.is_empty() {
            return;
        }
        let mut family = MetricFamily::default();
        family.set_name(self.metric.name.to_owned());
        family.set_help(self.metric.help.to_owned());
        family.set_field_type(match self.metric.kind {
            Kind::Counter => MetricType::COUNTER,
            Kind::Gauge => MetricType::GAUGE,
            Kind::Histogram => MetricType::HISTOGRAM,
        });
        family.set_metric(std::mem::take(&mut self.series));
        // It refuses a family without a name or a series, which this is not.
        let _ = TextEncoder::new().encode_utf8(&[family], self.text);
    }
}

/// What a series can have for its number: the format knows only one kind.
pub(super) trait Number {
    fn into_f64(self) -> f64;
}

macro_rules! numbers {
    ($($kind:ty),*) => {
        $(impl Number for $kind {
            fn into_f64(self) -> f64 {
                self as f64
            }
        })*
    };
}

numbers!(u8, i32, i64, u64, f64);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::metrics::table::{ATTEMPT_DURATION, COMMIT_JOBS, GENERATION, INGEST_REFUSED};

    #[test]
    fn families_are_written_as_prometheus_reads_them() {
        let mut text = Text::default();
        text.family(&GENERATION).sample(&[], 4);
        text.family(&INGEST_REFUSED).sample(&["a\"b\\c\nd"], 1);
        let histogram = Histogram::new(&[0.5, 1.0]);
        histogram.observe(0.75);
        text.family(&COMMIT_JOBS).histogram(&[], &histogram);
        text.family(&ATTEMPT_DURATION).histogram(&["sk", "arsip.simpan"], &histogram);
        drop(text.family(&INGEST_REFUSED));
        insta::assert_snapshot!(text.finish().trim_end(), @r#"
        # HELP simpul_generation Number of the set of files that runs.
        # TYPE simpul_generation gauge
        simpul_generation 4
        # HELP simpul_ingest_refused_total Requests of systems that were refused, by the code of the problem details.
        # TYPE simpul_ingest_refused_total counter
        simpul_ingest_refused_total{code="a\"b\\c\nd"} 1
        # HELP simpul_store_commit_jobs Pieces of work that shared one commit of the store.
        # TYPE simpul_store_commit_jobs histogram
        simpul_store_commit_jobs_bucket{le="0.5"} 0
        simpul_store_commit_jobs_bucket{le="1"} 1
        simpul_store_commit_jobs_bucket{le="+Inf"} 1
        simpul_store_commit_jobs_sum 0.75
        simpul_store_commit_jobs_count 1
        # HELP simpul_attempt_duration_seconds One attempt at a delivery, until the target answered or the attempt was given up.
        # TYPE simpul_attempt_duration_seconds histogram
        simpul_attempt_duration_seconds_bucket{route="sk",target="arsip.simpan",le="0.5"} 0
        simpul_attempt_duration_seconds_bucket{route="sk",target="arsip.simpan",le="1"} 1
        simpul_attempt_duration_seconds_bucket{route="sk",target="arsip.simpan",le="+Inf"} 1
        simpul_attempt_duration_seconds_sum{route="sk",target="arsip.simpan"} 0.75
        simpul_attempt_duration_seconds_count{route="sk",target="arsip.simpan"} 1
        "#);
    }
}
