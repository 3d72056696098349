//! The text format of Prometheus, version 0.0.4.

use std::fmt::{Display, Write as _};

use super::{number::Histogram, table::Metric};

/// Metrics as text, family by family.
#[derive(Default)]
pub(super) struct Text(String);

impl Text {
    /// Begins a family.
    pub(super) fn family<'t>(&'t mut self, metric: &'static Metric) -> Family<'t> {
        let mut order: Vec<usize> = (0..metric.labels.len()).collect();
        order.sort_by_key(|it| metric.labels.get(*it));
        Family { text: &mut self.0, metric, order, labels: String::new(), begun: false }
    }

    pub(super) fn finish(self) -> String {
        self.0
    }
}

/// A family that is being written. Its head stands before its first sample: without any it is not
/// there.
pub(super) struct Family<'t> {
    text: &'t mut String,
    metric: &'static Metric,
    /// The labels in alphabetical order, so that a series always looks the same.
    order: Vec<usize>,
    /// Those of the sample that is being written.
    labels: String,
    begun: bool,
}

// Writing to a `String` cannot fail.
impl Family<'_> {
    /// A series with `values` for the metric's labels, in the order of the table.
    pub(super) fn sample(&mut self, values: &[&str], number: impl Display) {
        self.begin(values);
        self.line("", None, number);
    }

    /// The series of a histogram.
    pub(super) fn histogram(&mut self, values: &[&str], histogram: &Histogram) {
        self.begin(values);
        let mut all = 0;
        for (bound, count) in histogram.cumulated() {
            self.line("_bucket", Some(bound.unwrap_or(f64::INFINITY)), count);
            all = count;
        }
        self.line("_sum", None, histogram.sum());
        self.line("_count", None, all);
    }

    fn begin(&mut self, values: &[&str]) {
        let Metric { name, kind, help, .. } = self.metric;
        if !self.begun {
            self.begun = true;
            let _ = writeln!(self.text, "# HELP {name} {help}\n# TYPE {name} {}", kind.as_str());
        }
        self.labels.clear();
        for index in &self.order {
            if let (Some(label), Some(value)) = (self.metric.labels.get(*index), values.get(*index))
            {
                let comma = if self.labels.is_empty() { "" } else { "," };
                let _ = write!(self.labels, "{comma}{label}=\"");
                escape(value, &mut self.labels);
                self.labels.push('"');
            }
        }
    }

    fn line(&mut self, part: &str, bound: Option<f64>, number: impl Display) {
        self.text.push_str(self.metric.name);
        self.text.push_str(part);
        let comma = if self.labels.is_empty() { "" } else { "," };
        let _ = match bound {
            Some(f64::INFINITY) => write!(self.text, "{{{}{comma}le=\"+Inf\"}}", self.labels),
            Some(bound) => write!(self.text, "{{{}{comma}le=\"{bound}\"}}", self.labels),
            None if self.labels.is_empty() => Ok(()),
            None => write!(self.text, "{{{}}}", self.labels),
        };
        let _ = writeln!(self.text, " {number}");
    }
}

/// Names from files need no escaping; words from elsewhere may.
fn escape(value: &str, out: &mut String) {
    for letter in value.chars() {
        match letter {
            '\\' => out.push_str("\\\\"),
            '"' => out.push_str("\\\""),
            '\n' => out.push_str("\\n"),
            other => out.push(other),
        }
    }
}

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
