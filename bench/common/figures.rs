//! Figures of one subject, measured several times, and how they are printed.

#![allow(dead_code, reason = "no bench needs all of it")]

/// What one subject came to in each round, in the order of the rounds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Figures(Vec<f64>);

impl Figures {
    pub(crate) fn push(&mut self, figure: f64) {
        self.0.push(figure);
    }

    pub(crate) fn median(&self) -> f64 {
        self.at(0.5)
    }

    pub(crate) fn least(&self) -> f64 {
        self.at(0.0)
    }

    pub(crate) fn most(&self) -> f64 {
        self.at(1.0)
    }

    /// The figure at a part of the way from the least to the most; NaN where there is none.
    pub(crate) fn at(&self, part: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        let last = sorted.len().saturating_sub(1);
        sorted.get((part * last as f64).round() as usize).copied().unwrap_or(f64::NAN)
    }

    /// How many times the other's figure this one is, round by round.
    pub(crate) fn over(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(one, other)| one / other).collect())
    }

    /// By how much this one is more than the other's figure, round by round.
    pub(crate) fn less(&self, other: &Self) -> Self {
        Self(self.0.iter().zip(&other.0).map(|(one, other)| one - other).collect())
    }
}

/// `median [least-most]`, as whole numbers.
pub(crate) fn spread(figures: &Figures) -> String {
    format!("{:.0} [{:.0}-{:.0}]", figures.median(), figures.least(), figures.most())
}

/// Whether the bench only shows that it runs: `cargo bench --bench NAME -- short`.
pub(crate) fn is_short() -> bool {
    std::env::args().any(|it| it == "short")
}

/// One number for a real run, another for a short one.
pub(crate) fn scaled<T>(real: T, short: T) -> T {
    if is_short() { short } else { real }
}
