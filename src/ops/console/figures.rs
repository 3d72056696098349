//! Numbers, times and ages as a reader writes them.

use std::time::Duration;

use jiff::tz::TimeZone;

pub(super) use super::reader::number;
use crate::{
    diagnostic::{Language, Text, text},
    message::Timestamp,
};

/// The months as Indonesian shortens them.
const BULAN: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"];

/// The months as English shortens them.
const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

/// A size in the largest unit of which there is at least one, with one decimal.
pub(super) fn size(language: Language, bytes: u64) -> String {
    const UNITS: [(&str, u32); 3] = [("GiB", 30), ("MiB", 20), ("KiB", 10)];
    let Some((unit, shift)) = UNITS.into_iter().find(|(_, shift)| bytes >> shift != 0) else {
        return format!("{bytes} B");
    };
    let tenths = (bytes >> (shift - 4)).saturating_mul(10) >> 4;
    let point = match language {
        Language::English => '.',
        Language::Indonesian => ',',
    };
    format!("{}{point}{} {unit}", number(language, tenths / 10), tenths % 10)
}

/// A moment in the time zone of this machine, which it names: `22 Nov 2026 19:21:03 WIB`.
pub(super) fn moment(language: Language, at: Timestamp) -> String {
    let Some(zoned) = zoned(at) else { return at.to_string() };
    let date = date(language, &zoned);
    let zone = zoned.strftime("%Z");
    format!("{date} {} {zone}", clock(language, &zoned))
}

/// A moment of today as its time, of another day with its date; the zone stands below the page.
pub(super) fn short(language: Language, at: Timestamp, now: Timestamp) -> String {
    let (Some(at), Some(now)) = (zoned(at), zoned(now)) else { return at.to_string() };
    match at.date() == now.date() {
        true => clock(language, &at),
        false => format!("{} {}", date(language, &at), clock(language, &at)),
    }
}

/// Hours and minutes: what stands below a chart.
pub(super) fn hour(language: Language, at: Timestamp) -> String {
    let Some(zoned) = zoned(at) else { return at.to_string() };
    let between = between(language);
    format!("{:02}{between}{:02}", zoned.hour(), zoned.minute())
}

/// The time zone of this machine, with its distance from UTC: `WIB (UTC+07)`.
pub(super) fn zone(now: Timestamp) -> String {
    let Some(zoned) = zoned(now) else { return "UTC".to_owned() };
    let (name, offset) = (zoned.strftime("%Z").to_string(), zoned.strftime("%:z").to_string());
    if name == "UTC" { name } else { format!("{name} (UTC{offset})") }
}

/// How long something has lasted, in its two largest units.
pub(super) fn age(age: Duration) -> Text {
    let seconds = age.as_secs();
    let (minutes, hours, days) = (seconds / 60, seconds / 3_600, seconds / 86_400);
    match (days, hours, minutes) {
        (0, 0, 0) => text!("{} s", &seconds),
        (0, 0, _) => text!("{} min", &minutes),
        (0, 1..=9, _) if !minutes.is_multiple_of(60) => {
            text!("{} h {} min", &hours, &(minutes % 60))
        }
        (0, ..) => text!("{} h", &hours),
        (1..=9, ..) if !hours.is_multiple_of(24) => text!("{} d {} h", &days, &(hours % 24)),
        _ => text!("{} d", &days),
    }
}

fn zoned(at: Timestamp) -> Option<jiff::Zoned> {
    let moment = jiff::Timestamp::from_millisecond(at.as_millis()).ok()?;
    Some(moment.to_zoned(TimeZone::system()))
}

fn date(language: Language, at: &jiff::Zoned) -> String {
    let months = match language {
        Language::English => MONTHS,
        Language::Indonesian => BULAN,
    };
    let index = usize::try_from(at.month() - 1).unwrap_or_default();
    let month = months.get(index).copied().unwrap_or_default();
    format!("{} {month} {}", at.day(), at.year())
}

fn clock(language: Language, at: &jiff::Zoned) -> String {
    let between = between(language);
    format!("{:02}{between}{:02}{between}{:02}", at.hour(), at.minute(), at.second())
}

/// What stands between hours and minutes.
fn between(language: Language) -> char {
    match language {
        Language::English => ':',
        Language::Indonesian => '.',
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_are_told_in_their_largest_unit() {
        assert_eq!(size(Language::Indonesian, 3 << 29), "1,5 GiB");
        assert_eq!(size(Language::English, 512), "512 B");
    }

    #[test]
    fn ages_are_told_in_their_largest_units() {
        let told = |seconds| age(Duration::from_secs(seconds)).told(Language::Indonesian);
        assert_eq!(told(42), "42 dtk");
        assert_eq!(told(60 * 19), "19 mnt");
        assert_eq!(told(3_600 * 2 + 600), "2 jam 10 mnt");
        assert_eq!(told(86_400 * 3), "3 hari");
        assert_eq!(told(86_400 * 3 + 7_200), "3 hari 2 jam");
    }
}
