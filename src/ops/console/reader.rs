//! Numbers and times the way the reader of a page writes them.

use jiff::tz::TimeZone;
use maud::{Markup, html};

use super::Visit;
use crate::{diagnostic::Language, message::Timestamp};

const MONTHS: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"];

const BULAN: [&str; 12] =
    ["Jan", "Feb", "Mar", "Apr", "Mei", "Jun", "Jul", "Agu", "Sep", "Okt", "Nov", "Des"];

/// A number with a mark between its thousands: `1,234`, `1.234`.
pub(super) fn number(language: Language, number: u64) -> String {
    let mark = if language == Language::Indonesian { '.' } else { ',' };
    let digits = number.to_string();
    let mut out = String::with_capacity(digits.len() * 4 / 3);
    for (index, digit) in digits.chars().enumerate() {
        if 0 < index && (digits.len() - index).is_multiple_of(3) {
            out.push(mark);
        }
        out.push(digit);
    }
    out
}

/// A number that somebody wrote, with or without marks between its thousands.
pub(super) fn read_number(text: &str) -> Option<u64> {
    let digits: String = text.trim().chars().filter(|it| !matches!(it, '.' | ',' | ' ')).collect();
    digits.parse().ok()
}

/// A moment in the time zone of the machine, which is named: `17 Jan 2026 09:30:00 WIB`.
pub(super) fn moment(visit: &Visit, at: Timestamp) -> Markup {
    html! { time datetime=(at) { (in_zone(visit.language, at, &TimeZone::system())) } }
}

/// The day of a moment, with the time zone that times of day are of: `17 Jan 2026, WIB`.
pub(super) fn day(visit: &Visit, at: Timestamp) -> String {
    parts(visit.language, at, &TimeZone::system()).map_or_else(|| at.to_string(), |it| it.0)
}

/// The time of day of a moment: `09:30:00.017`.
pub(super) fn clock(visit: &Visit, at: Timestamp) -> Markup {
    let parts = parts(visit.language, at, &TimeZone::system());
    html! { time datetime=(at) { (parts.map_or_else(|| at.to_string(), |it| it.1)) } }
}

/// The day with the zone, and the time of day.
fn parts(language: Language, at: Timestamp, zone: &TimeZone) -> Option<(String, String)> {
    let moment = in_zone(language, at, zone);
    let (rest, zone) = moment.rsplit_once(' ')?;
    let (day, time) = rest.rsplit_once(' ')?;
    let mark = if language == Language::Indonesian { ',' } else { '.' };
    let ms = at.as_millis().rem_euclid(1_000);
    Some((format!("{day}, {zone}"), format!("{time}{mark}{ms:03}")))
}

fn in_zone(language: Language, at: Timestamp, zone: &TimeZone) -> String {
    let Ok(moment) = jiff::Timestamp::from_millisecond(at.as_millis()) else {
        return at.to_string();
    };
    let there = moment.to_zoned(zone.clone());
    let (months, mark) = match language {
        Language::English => (MONTHS, ':'),
        Language::Indonesian => (BULAN, '.'),
    };
    let month = usize::try_from(there.month()).ok().and_then(|it| months.get(it.checked_sub(1)?));
    let (hour, minute, second) = (there.hour(), there.minute(), there.second());
    format!(
        "{} {} {} {hour:02}{mark}{minute:02}{mark}{second:02} {}",
        there.day(),
        month.unwrap_or(&""),
        there.year(),
        there.strftime("%Z")
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_the_marks_of_the_language() {
        let (english, indonesian) = (Language::English, Language::Indonesian);
        assert_eq!(number(english, 1_234_567), "1,234,567");
        assert_eq!(number(indonesian, 1_234_567), "1.234.567");
        assert_eq!([0, 999, 1_000].map(|it| number(english, it)), ["0", "999", "1,000"]);
        assert_eq!(read_number(" 1.234 "), Some(1_234));
        assert_eq!(read_number("seribu"), None);
    }

    #[test]
    fn moments_are_those_of_a_zone_that_is_named() {
        let at = Timestamp::parse("2026-05-17T02:30:05Z").unwrap();
        let jakarta = TimeZone::fixed(jiff::tz::offset(7));
        assert_eq!(in_zone(Language::English, at, &jakarta), "17 May 2026 09:30:05 +07");
        assert_eq!(in_zone(Language::Indonesian, at, &jakarta), "17 Mei 2026 09.30.05 +07");
        assert_eq!(in_zone(Language::English, at, &TimeZone::UTC), "17 May 2026 02:30:05 UTC");
        let parts = parts(Language::Indonesian, at, &jakarta);
        assert_eq!(parts, Some(("17 Mei 2026, +07".to_owned(), "09.30.05,000".to_owned())));
    }
}
