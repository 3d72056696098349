//! Choices that follow from a seed, so that a run that failed can be run again.

/// The variable that gives all tests of this folder another seed: for a run of many.
const VARIABLE: &str = "SIMPUL_TEST_SEED";

/// The seed of a test; printed with what came of it.
pub(crate) fn seed(usual: u64) -> u64 {
    std::env::var(VARIABLE).map_or(usual, |it| usual ^ it.parse::<u64>().unwrap())
}

/// A generator after Knuth's constants: good enough to choose by.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed ^ 0x9e37_79b9_7f4a_7c15)
    }

    /// A number below `end`.
    pub(crate) fn below(&mut self, end: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % end.max(1)
    }

    /// A share between 0 and 1.
    pub(crate) fn share(&mut self) -> f64 {
        const STEPS: u32 = 1 << 20;
        let step = u32::try_from(self.below(u64::from(STEPS))).unwrap_or_default();
        f64::from(step) / f64::from(STEPS)
    }

    /// True in one of `count` cases.
    pub(crate) fn one_in(&mut self, count: u64) -> bool {
        self.below(count) == 0
    }
}
