//! Numbers by the text that stands in the document: exact order, at any length.

use std::cmp::Ordering;

use super::Number;

impl Number<'_> {
    /// How two numbers compare by value, exactly.
    #[must_use]
    pub fn order(self, other: Number<'_>) -> Ordering {
        compare_long(&Parts::of(self.text()), &Parts::of(other.text()))
    }

    /// Whether it is zero, however it is written.
    #[must_use]
    pub fn is_zero(self) -> bool {
        Parts::of(self.text()).is_zero()
    }

    /// Whether it has no fraction: `1.50e2` has none.
    #[must_use]
    pub fn is_whole(self) -> bool {
        let text = self.text();
        let (mantissa, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (whole, fraction) = mantissa.split_once('.').unwrap_or((mantissa, ""));
        let fraction = fraction.trim_end_matches('0');
        let Ok(exponent) = exponent.parse::<i64>() else { return false };
        let is_zero =
            fraction.is_empty() && whole.trim_start_matches('-').bytes().all(|it| it == b'0');
        let places = match i64::try_from(fraction.len()) {
            Ok(0) => {
                let zeros = whole.len() - whole.trim_end_matches('0').len();
                -i64::try_from(zeros).unwrap_or(i64::MAX)
            }
            Ok(places) => places,
            Err(_) => return false,
        };
        is_zero || places <= exponent
    }
}

/// A number taken apart: `±before.behind × 10^exponent`.
struct Parts<'t> {
    negative: bool,
    before: &'t str,
    behind: &'t str,
    exponent: i64,
}

impl<'t> Parts<'t> {
    fn of(text: &'t str) -> Self {
        // Far beyond what a body or a literal may hold, and far from overflowing.
        const EXPONENT_MAX: i64 = 1 << 40;
        let (negative, text) = match text.strip_prefix('-') {
            Some(positive) => (true, positive),
            None => (false, text),
        };
        let (digits, exponent) = text.split_once(['e', 'E']).unwrap_or((text, "0"));
        let (before, behind) = digits.split_once('.').unwrap_or((digits, ""));
        let beyond = if exponent.starts_with('-') { -EXPONENT_MAX } else { EXPONENT_MAX };
        let exponent = exponent.parse().unwrap_or(beyond).clamp(-EXPONENT_MAX, EXPONENT_MAX);
        Self { negative, before, behind, exponent }
    }

    fn digits(&self) -> impl Iterator<Item = u8> {
        self.before.bytes().chain(self.behind.bytes()).skip_while(|it| *it == b'0')
    }

    fn is_zero(&self) -> bool {
        self.digits().next().is_none()
    }

    /// The power of ten of the first digit that is not zero.
    fn magnitude(&self) -> i64 {
        let zeros = self.before.bytes().chain(self.behind.bytes()).take_while(|it| *it == b'0');
        self.before.len() as i64 - zeros.count() as i64 + self.exponent
    }
}

fn compare_long(left: &Parts<'_>, right: &Parts<'_>) -> Ordering {
    match (left.is_zero(), right.is_zero()) {
        (true, true) => return Ordering::Equal,
        (true, false) if right.negative => return Ordering::Greater,
        (true, false) => return Ordering::Less,
        (false, true) => return compare_long(right, left).reverse(),
        (false, false) => {}
    }
    match (left.negative, right.negative) {
        (true, false) => Ordering::Less,
        (false, true) => Ordering::Greater,
        (false, false) => compare_size(left, right),
        (true, true) => compare_size(right, left),
    }
}

fn compare_size(left: &Parts<'_>, right: &Parts<'_>) -> Ordering {
    left.magnitude().cmp(&right.magnitude()).then_with(|| {
        let (mut left, mut right) = (left.digits(), right.digits());
        loop {
            match (left.next(), right.next()) {
                (None, None) => return Ordering::Equal,
                (one, other) => match one.unwrap_or(b'0').cmp(&other.unwrap_or(b'0')) {
                    Ordering::Equal => {}
                    unequal => return unequal,
                },
            }
        }
    })
}
