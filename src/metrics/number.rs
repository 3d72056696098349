//! What is counted on: plain words of memory. A bus with ten thousand routes has some hundred
//! thousand series; what they are called is put together when somebody asks.

use std::sync::atomic::{AtomicI64, AtomicU64, Ordering};

/// A number that only rises.
#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    /// One more.
    pub fn inc(&self) {
        self.inc_by(1);
    }

    /// So many more.
    pub fn inc_by(&self, more: u64) {
        self.0.fetch_add(more, Ordering::Relaxed);
    }

    /// How many so far.
    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A whole number that rises and falls.
#[derive(Debug, Default)]
pub struct Gauge(AtomicI64);

impl Gauge {
    /// What it is now.
    pub fn set(&self, number: i64) {
        self.0.store(number, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> i64 {
        self.0.load(Ordering::Relaxed)
    }
}

/// A gauge with a fraction.
#[derive(Debug, Default)]
pub(super) struct Fraction(AtomicU64);

impl Fraction {
    pub(super) fn set(&self, number: f64) {
        self.0.store(number.to_bits(), Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> f64 {
        f64::from_bits(self.0.load(Ordering::Relaxed))
    }

    fn add(&self, more: f64) {
        let sum = |bits| Some((f64::from_bits(bits) + more).to_bits());
        // The only error is that nothing should be written.
        let _ = self.0.fetch_update(Ordering::Relaxed, Ordering::Relaxed, sum);
    }
}

/// How many observations were how large.
#[derive(Debug)]
pub struct Histogram {
    bounds: &'static [f64],
    /// Observations up to each bound and above the one before; behind the last, those above all.
    counts: Box<[Counter]>,
    sum: Fraction,
}

impl Histogram {
    pub(super) fn new(bounds: &'static [f64]) -> Self {
        let counts = (0..=bounds.len()).map(|_| Counter::default()).collect();
        Self { bounds, counts, sum: Fraction::default() }
    }

    /// One more observation.
    pub fn observe(&self, value: f64) {
        let index = self.bounds.iter().position(|it| value <= *it).unwrap_or(self.bounds.len());
        if let Some(count) = self.counts.get(index) {
            count.inc();
        }
        self.sum.add(value);
    }

    /// For each bound how many observations were at most so large; last, with nothing, all.
    pub(super) fn cumulated(&self) -> impl Iterator<Item = (Option<f64>, u64)> {
        let bounds = self.bounds.iter().copied().map(Some).chain([None]);
        let mut so_far = 0;
        bounds.zip(&self.counts).map(move |(bound, count)| {
            so_far += count.get();
            (bound, so_far)
        })
    }

    /// What all observations add up to. One that is just being made may be in it and not in the
    /// counts, or the other way round.
    pub(super) fn sum(&self) -> f64 {
        self.sum.get()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_observation_counts_for_the_first_bound_that_it_does_not_exceed_and_all_above() {
        let histogram = Histogram::new(&[0.5, 1.0]);
        for value in [0.25, 0.5, 0.75, 4.0] {
            histogram.observe(value);
        }
        let cumulated: Vec<_> = histogram.cumulated().collect();
        assert_eq!(cumulated, [(Some(0.5), 2), (Some(1.0), 3), (None, 4)]);
        assert_eq!(histogram.sum().to_bits(), 5.5_f64.to_bits());
    }
}
