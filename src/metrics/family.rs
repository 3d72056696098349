//! Families of metrics whose number of labels is part of their type, so that asking for a child
//! cannot fail.

use prometheus::{
    Gauge, GaugeVec, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge,
    IntGaugeVec, Opts, Registry,
};

use super::{MetricsError, table::Metric};

/// Counters with `N` labels.
pub(super) struct Counters<const N: usize>(IntCounterVec);

/// Whole gauges with `N` labels.
pub(super) struct IntGauges<const N: usize>(IntGaugeVec);

/// Gauges with `N` labels.
pub(super) struct Gauges<const N: usize>(GaugeVec);

/// Histograms with `N` labels.
pub(super) struct Histograms<const N: usize>(HistogramVec);

impl<const N: usize> Counters<N> {
    pub(super) fn new(registry: &Registry, metric: &Metric) -> Result<Self, MetricsError> {
        let family = IntCounterVec::new(options::<N>(metric)?, metric.labels)?;
        registry.register(Box::new(family.clone()))?;
        Ok(Self(family))
    }

    pub(super) fn of(&self, labels: [&str; N]) -> IntCounter {
        self.0.with_label_values(&labels)
    }

    pub(super) fn forget(&self, labels: [&str; N]) {
        // The only error is that there is no such child.
        let _ = self.0.remove_label_values(&labels);
    }
}

impl<const N: usize> IntGauges<N> {
    pub(super) fn new(registry: &Registry, metric: &Metric) -> Result<Self, MetricsError> {
        let family = IntGaugeVec::new(options::<N>(metric)?, metric.labels)?;
        registry.register(Box::new(family.clone()))?;
        Ok(Self(family))
    }

    pub(super) fn of(&self, labels: [&str; N]) -> IntGauge {
        self.0.with_label_values(&labels)
    }

    pub(super) fn forget(&self, labels: [&str; N]) {
        let _ = self.0.remove_label_values(&labels);
    }
}

impl<const N: usize> Gauges<N> {
    pub(super) fn new(registry: &Registry, metric: &Metric) -> Result<Self, MetricsError> {
        let family = GaugeVec::new(options::<N>(metric)?, metric.labels)?;
        registry.register(Box::new(family.clone()))?;
        Ok(Self(family))
    }

    pub(super) fn of(&self, labels: [&str; N]) -> Gauge {
        self.0.with_label_values(&labels)
    }

    pub(super) fn forget(&self, labels: [&str; N]) {
        let _ = self.0.remove_label_values(&labels);
    }
}

impl<const N: usize> Histograms<N> {
    pub(super) fn new(
        registry: &Registry,
        metric: &Metric,
        buckets: &[f64],
    ) -> Result<Self, MetricsError> {
        let options = HistogramOpts::from(options::<N>(metric)?).buckets(buckets.to_vec());
        let family = HistogramVec::new(options, metric.labels)?;
        registry.register(Box::new(family.clone()))?;
        Ok(Self(family))
    }

    pub(super) fn of(&self, labels: [&str; N]) -> Histogram {
        self.0.with_label_values(&labels)
    }

    pub(super) fn forget(&self, labels: [&str; N]) {
        let _ = self.0.remove_label_values(&labels);
    }
}

fn options<const N: usize>(metric: &Metric) -> Result<Opts, MetricsError> {
    if metric.labels.len() == N {
        Ok(Opts::new(metric.name, metric.help))
    } else {
        let (name, labels) = (metric.name, metric.labels.len());
        Err(MetricsError { reason: format!("bug: `{name}` has {labels} labels, not {N}") })
    }
}
