//! Times, and where they come from.

use std::{
    fmt,
    sync::LazyLock,
    time::{Duration, SystemTime, UNIX_EPOCH},
};

use tokio::time::Instant;

use super::steady::Steady;

/// A moment: milliseconds since 1970-01-01 UTC.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The moment `ms` milliseconds after the epoch.
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds after the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// Reads a moment as RFC 3339 has it, or a day, which means its first moment in UTC:
    /// `2026-01-17T09:30:00+07:00`, `2026-01-17`.
    pub fn parse(text: &str) -> Option<Self> {
        /// A time behind it would need a zone.
        const DAY_LENGTH: usize = "2026-01-17".len();
        let moment = if text.len() == DAY_LENGTH {
            let day: jiff::civil::Date = text.parse().ok()?;
            day.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp()
        } else {
            text.parse::<jiff::Timestamp>().ok()?
        };
        Some(Self(moment.as_millisecond()))
    }

    /// The moment `pause` later; the end of time if that is too far.
    #[must_use]
    pub fn after(self, pause: Duration) -> Self {
        Self(self.0.saturating_add(i64::try_from(pause.as_millis()).unwrap_or(i64::MAX)))
    }

    /// How long ago `earlier` was; zero if it is to come.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_millis(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or_default())
    }
}

/// RFC 3339 in UTC with milliseconds: `2026-01-17T02:30:00.000Z`.
impl fmt::Display for Timestamp {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(moment) => write!(formatter, "{moment:.3}"),
            Err(_) => write!(formatter, "{} ms", self.0),
        }
    }
}

/// Since when the process runs, by a clock that nobody puts.
static START: LazyLock<std::time::Instant> = LazyLock::new(std::time::Instant::now);

/// All clocks of a process tell the same time.
static STEADY: Steady = Steady::new();

/// Tells the time: the system's, which does not go back here ([`Steady`]), or in tests tokio's, which
/// can be paused and moved.
#[derive(Debug, Clone, Copy)]
pub struct Clock(Kind);

#[derive(Debug, Clone, Copy)]
enum Kind {
    System,
    Virtual { at_start: Timestamp, start: Instant },
}

impl Clock {
    /// The system's clock.
    pub const fn system() -> Self {
        Self(Kind::System)
    }

    /// A clock that shows `at_start` now and goes on with tokio's time. Needs a runtime.
    pub fn starting_at(at_start: Timestamp) -> Self {
        Self(Kind::Virtual { at_start, start: Instant::now() })
    }

    /// What time it is.
    #[expect(clippy::disallowed_methods, reason = "the one place that asks the system")]
    pub fn now(&self) -> Timestamp {
        match self.0 {
            Kind::System => {
                let running = START.elapsed();
                let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
                let ms = |it: Duration| i64::try_from(it.as_millis()).unwrap_or(i64::MAX);
                Timestamp(STEADY.now(ms(since), ms(running)))
            }
            Kind::Virtual { at_start, start } => at_start.after(start.elapsed()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_with_their_zone_and_days_in_utc() {
        let read = |text: &str| Timestamp::parse(text).map(|it| it.to_string());
        let morning = Some("2026-01-17T02:30:00.000Z".to_owned());
        assert_eq!(read("2026-01-17T09:30:00+07:00"), morning);
        assert_eq!(read("2026-01-17T02:30:00.000Z"), morning);
        assert_eq!(read("2026-01-17"), Some("2026-01-17T00:00:00.000Z".to_owned()));
        // Without a zone nobody knows when that was.
        assert_eq!(read("2026-01-17T09:30:00"), None);
        assert_eq!(read("kemarin"), None);
    }
}
