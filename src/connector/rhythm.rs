//! The rhythm of a source: how long it may be quiet before somebody should look.

use std::time::Duration;

use crate::diagnostic::{Code, Located, Report, units::DurationText};

/// The shortest: less is within what networks and clocks do by themselves.
const RHYTHM_MIN: Duration = Duration::from_mins(1);

/// The longest: beyond a year nobody remembers what was expected.
const RHYTHM_MAX: Duration = Duration::from_hours(365 * 24);

/// The longest quiet that is expected of a source, adding to `report` what is wrong with it.
pub(super) fn rhythm(
    said: Option<&Located<DurationText>>,
    report: &mut Report,
) -> Option<Duration> {
    let said = said?;
    if !(RHYTHM_MIN..=RHYTHM_MAX).contains(&said.value.0) {
        let found = report.error(said.at, Code::WrongKind, "a rhythm out of range");
        found.help("write at least `1m` and at most `365d`");
    }
    Some(said.value.0)
}
