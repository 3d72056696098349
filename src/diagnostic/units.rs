//! Lengths of time, sizes and rates as people write them in files: `10s`, `1MiB`, `200/s`.
//!
//! A number without a unit is refused: whoever reads `timeout: 30` has to guess.

use std::{fmt, marker::PhantomData, str::FromStr, time::Duration};

use serde::{Deserialize, Deserializer, de};

/// A length of time: a whole number and one of `ms`, `s`, `m`, `h`, `d`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct DurationText(pub Duration);

/// A size in bytes: a whole number and one of `B`, `KiB`, `MiB`, `GiB`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct SizeText(pub u64);

/// A rate: how many per second, written as `200/s`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct RateText {
    /// How many in each second; at least 1.
    pub per_second: u32,
}

/// A text that is no length of time, size or rate. Says what to write instead, and not the text:
/// it may have come from the environment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("is not {what}\n{help}")]
pub struct UnitError {
    what: &'static str,
    /// What to write instead.
    pub help: &'static str,
}

pub(super) const DURATION: UnitError = UnitError {
    what: "a length of time",
    help: "write a whole number and a unit (ms, s, m, h, d), as in `500ms`, `10s`, `5m`, `2h`, `3d`",
};
pub(super) const SIZE: UnitError = UnitError {
    what: "a size",
    help: "write a whole number and a unit (B, KiB, MiB, GiB), as in `64KiB`, `1MiB`",
};
pub(super) const RATE: UnitError =
    UnitError { what: "a rate", help: "write a whole number above 0 and `/s`, as in `200/s`" };

impl FromStr for DurationText {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let error = || DURATION;
        let (number, unit) = split(text).ok_or_else(error)?;
        let unit_ms = match unit {
            "ms" => 1,
            "s" => 1_000,
            "m" => 60_000,
            "h" => 3_600_000,
            "d" => 86_400_000,
            _ => return Err(error()),
        };
        let ms = number.checked_mul(unit_ms).filter(|it| i64::try_from(*it).is_ok());
        ms.map(|ms| Self(Duration::from_millis(ms))).ok_or_else(error)
    }
}

impl FromStr for SizeText {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let error = || SIZE;
        let (number, unit) = split(text).ok_or_else(error)?;
        let unit_bytes: u64 = match unit {
            "B" => 1,
            "KiB" => 1 << 10,
            "MiB" => 1 << 20,
            "GiB" => 1 << 30,
            _ => return Err(error()),
        };
        let bytes = number.checked_mul(unit_bytes).filter(|it| i64::try_from(*it).is_ok());
        bytes.map(Self).ok_or_else(error)
    }
}

impl FromStr for RateText {
    type Err = UnitError;

    fn from_str(text: &str) -> Result<Self, UnitError> {
        let rate = match split(text) {
            Some((number, "/s")) => u32::try_from(number).ok().filter(|it| 0 < *it),
            _ => None,
        };
        rate.map(|per_second| Self { per_second }).ok_or(RATE)
    }
}

/// The shortest way to write it: `90s` for 90 seconds, `2h` for 7200.
impl fmt::Display for DurationText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ms = self.0.as_millis();
        let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s")];
        let whole = units.iter().find(|(unit_ms, _)| ms.is_multiple_of(*unit_ms));
        let (unit_ms, unit) = match ms {
            0 => (1, "s"),
            _ => whole.copied().unwrap_or((1, "ms")),
        };
        write!(formatter, "{}{unit}", ms / unit_ms)
    }
}

impl fmt::Display for SizeText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let units = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
        let whole = units.iter().find(|(unit, _)| self.0 != 0 && self.0.is_multiple_of(*unit));
        let (unit_bytes, unit) = whole.copied().unwrap_or((1, "B"));
        write!(formatter, "{}{unit}", self.0 / unit_bytes)
    }
}

impl fmt::Display for RateText {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}/s", self.per_second)
    }
}

impl<'de> Deserialize<'de> for DurationText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(UnitVisitor(DURATION, PhantomData))
    }
}

impl<'de> Deserialize<'de> for SizeText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(UnitVisitor(SIZE, PhantomData))
    }
}

impl<'de> Deserialize<'de> for RateText {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(UnitVisitor(RATE, PhantomData))
    }
}

/// Digits, then a unit: nothing between, no sign, no fraction.
fn split(text: &str) -> Option<(u64, &str)> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at_checked(digits)?;
    Some((number.parse().ok()?, unit))
}

struct UnitVisitor<T>(UnitError, PhantomData<T>);

impl<T: FromStr<Err = UnitError>> de::Visitor<'_> for UnitVisitor<T> {
    type Value = T;

    fn expecting(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.0.what)
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<T, E> {
        text.parse().map_err(E::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_unit_of_time_is_read_and_written_back() {
        let texts = ["500ms", "10s", "5m", "2h", "3d", "90s", "0s"];
        let ms = [500, 10_000, 300_000, 7_200_000, 259_200_000, 90_000, 0];
        for (text, ms) in texts.iter().zip(ms) {
            let read: DurationText = text.parse().unwrap();
            assert_eq!(read.0, Duration::from_millis(ms), "{text}");
            assert_eq!(read.to_string(), *text);
        }
    }

    #[test]
    fn every_unit_of_size_is_read_and_written_back() {
        for (text, bytes) in [("1MiB", 1 << 20), ("64KiB", 1 << 16), ("2GiB", 1 << 31), ("7B", 7)] {
            let read: SizeText = text.parse().unwrap();
            assert_eq!(read.0, bytes, "{text}");
            assert_eq!(read.to_string(), text);
        }
    }

    #[test]
    fn a_rate_is_per_second_and_never_zero() {
        assert_eq!("200/s".parse(), Ok(RateText { per_second: 200 }));
        assert!("0/s".parse::<RateText>().is_err());
        assert!("200/m".parse::<RateText>().is_err());
    }

    #[test]
    fn what_makes_the_reader_guess_is_refused() {
        for text in ["", "10", "s", "-1s", "1.5s", "10 s", "10S", "10sec", "9999999999999999d"] {
            assert!(text.parse::<DurationText>().is_err(), "{text}");
        }
        for text in ["1", "1MB", "1mib", "1kB", "9999999999999GiB"] {
            assert!(text.parse::<SizeText>().is_err(), "{text}");
        }
        let error = "30".parse::<DurationText>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "is not a length of time\nwrite a whole number and a unit (ms, s, m, h, d), \
             as in `500ms`, `10s`, `5m`, `2h`, `3d`"
        );
    }
}
