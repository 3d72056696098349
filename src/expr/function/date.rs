//! `date` and `add_days`: days as agencies write them, as ISO text, which compares by value.

use jiff::{
    Timestamp, ToSpan,
    civil::{Date, Time},
};

use super::{Outcome, argument, whole_of};
use crate::{
    diagnostic::{Text, text},
    expr::{
        Scope,
        eval::{Failure, a},
    },
    message::Value,
    typing::{Texts, Type},
};

/// Days that `add_days` adds at most: some 270 years.
const DAYS_MAX: i64 = 100_000;

/// How a date may be written: `DD/MM/YYYY`.
#[derive(Debug, PartialEq, Eq)]
pub(in crate::expr) struct Format(Box<[Part]>);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Year,
    Month,
    /// With or without a leading zero.
    ShortMonth,
    Day,
    /// With or without a leading zero.
    ShortDay,
    Hour,
    Minute,
    Second,
    Literal(char),
}

/// What a format is written with; the longer ones first.
const PARTS: [(&str, Part); 7] = [
    ("YYYY", Part::Year),
    ("MM", Part::Month),
    ("DD", Part::Day),
    ("HH", Part::Hour),
    ("SS", Part::Second),
    ("M", Part::ShortMonth),
    ("D", Part::ShortDay),
];

impl Format {
    /// Compiles a format.
    pub(in crate::expr) fn parse(text: &str) -> Result<Self, Text> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some(first) = rest.chars().next() {
            let known = PARTS.iter().find(|(name, _)| rest.starts_with(name));
            let (len, part) = match known {
                // After the hours `MM` is the minutes, as everybody writes it.
                Some((name, Part::Month)) if parts.contains(&Part::Hour) => {
                    (name.len(), Part::Minute)
                }
                Some((name, part)) => (name.len(), *part),
                None if first.is_alphanumeric() && !matches!(first, 'T' | 'Z') => {
                    return Err(text!("`{}` means nothing in a format of dates", &first));
                }
                None => (first.len_utf8(), Part::Literal(first)),
            };
            parts.push(part);
            rest = rest.get(len..).unwrap_or_default();
        }
        let has = |wanted: &[Part]| parts.iter().filter(|it| wanted.contains(it)).count() == 1;
        let complete = has(&[Part::Year])
            && has(&[Part::Month, Part::ShortMonth])
            && has(&[Part::Day, Part::ShortDay]);
        if !complete {
            return Err(text!("a format of dates needs year, month and day, each once"));
        }
        Ok(Self(parts.into()))
    }
}

/// The day that `text` says in a form.
fn read_as(form: &[Part], text: &str) -> Option<Date> {
    let (mut year, mut month, mut day) = (0, 0, 0);
    let (mut hour, mut minute, mut second) = (0, 0, 0);
    let mut rest = text;
    for part in form {
        match part {
            Part::Year => year = digits(&mut rest, 4, 4)?,
            Part::Month => month = digits(&mut rest, 2, 2)?,
            Part::ShortMonth => month = digits(&mut rest, 1, 2)?,
            Part::Day => day = digits(&mut rest, 2, 2)?,
            Part::ShortDay => day = digits(&mut rest, 1, 2)?,
            Part::Hour => hour = digits(&mut rest, 2, 2)?,
            Part::Minute => minute = digits(&mut rest, 2, 2)?,
            Part::Second => second = digits(&mut rest, 2, 2)?,
            Part::Literal(letter) => rest = rest.strip_prefix(*letter)?,
        }
    }
    let small = |number: i16| i8::try_from(number).ok();
    Time::new(small(hour)?, small(minute)?, small(second)?, 0).ok()?;
    let date = Date::new(year, small(month)?, small(day)?).ok()?;
    rest.is_empty().then_some(date)
}

/// The day as ISO text; null for null, and for the day that stands for it.
pub(in crate::expr) fn date<'a>(
    scope: &Scope<'a>,
    value: Value<'_>,
    formats: &[Format],
) -> Result<Value<'a>, Failure> {
    Ok(match read("date", value, formats)? {
        Some(date) => Value::Text(scope.arena.text(&date.to_string())?),
        None => Value::Null,
    })
}

pub(super) fn add_days<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let date = read("add_days", argument(arguments, 0)?, &[])?;
    let days = whole_of("add_days", "days", arguments.get(1))?;
    if !(-DAYS_MAX..=DAYS_MAX).contains(&days) {
        return Err(format!("`add_days` takes -{DAYS_MAX} to {DAYS_MAX} days").into());
    }
    let Some(date) = date else { return Ok(Some(Value::Null)) };
    let later = date
        .checked_add(days.days())
        .map_err(|_| Failure::from("`add_days` leaves the years 1 to 9999"))?;
    Ok(Some(Value::Text(scope.arena.text(&later.to_string())?)))
}

/// The day that a value says; `None` for null.
fn read(name: &str, value: Value<'_>, formats: &[Format]) -> Result<Option<Date>, Failure> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::Text(text) => text,
        other => return Err(format!("`{name}` takes a text, not {}", a(other)).into()),
    };
    let date = if formats.is_empty() {
        usual(text)
    } else {
        formats.iter().find_map(|it| read_as(&it.0, text))
    };
    match date {
        // The staffing service writes its null as 01-01-0001.
        Some(date) if date.year() == 1 => Ok(None),
        Some(date) => Ok(Some(date)),
        None if formats.is_empty() => Err(format!(
            "`{name}` finds no date: it reads YYYY-MM-DD, DD-MM-YYYY, YYYY-MM-DD HH:MM:SS and RFC 3339"
        )
        .into()),
        None => Err(format!("`{name}` finds no date in the given form").into()),
    }
}

/// Reads the forms that the agencies' systems write.
fn usual(text: &str) -> Option<Date> {
    use Part::{Day, Hour, Literal, Minute, Month, Second, Year};
    const DASH: Part = Literal('-');
    const COLON: Part = Literal(':');
    let iso = [Year, DASH, Month, DASH, Day];
    let local = [Day, DASH, Month, DASH, Year];
    let blank = Literal(' ');
    let with_time = [Year, DASH, Month, DASH, Day, blank, Hour, COLON, Minute, COLON, Second];
    let forms: [&[Part]; 3] = [&iso, &local, &with_time];
    forms.into_iter().find_map(|it| read_as(it, text)).or_else(|| rfc3339(text))
}

/// The day of an RFC 3339 time, as its own offset has it.
fn rfc3339(text: &str) -> Option<Date> {
    let (day, time) = text.split_at_checked("YYYY-MM-DD".len())?;
    let has_offset = time.starts_with(['T', 't', ' ']) && time.len() > "THH:MM:SS".len();
    text.parse::<Timestamp>().ok().filter(|_| has_offset)?;
    day.parse().ok()
}

/// Takes `least` to `most` digits from the front.
fn digits(text: &mut &str, least: usize, most: usize) -> Option<i16> {
    let found = text.bytes().take(most).take_while(u8::is_ascii_digit).count();
    let (number, rest) = text.split_at_checked(found).filter(|_| least <= found)?;
    *text = rest;
    number.parse().ok()
}

/// A day, or null for the one that stands for it.
pub(in crate::expr) fn date_type() -> Type {
    let texts = Texts { least: 10, most: Some(10), ..Texts::of_format("date") };
    let texts = texts.matching("^[0-9]{4}-[0-9]{2}-[0-9]{2}$");
    Type { null: true, ..Type::text(texts) }
}

pub(super) fn add_days_type(_: &[Type]) -> Type {
    date_type()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_with(format: &str, text: &str) -> Option<String> {
        let format = Format::parse(format).unwrap();
        read_as(&format.0, text).map(|it| it.to_string())
    }

    #[test]
    fn a_format_reads_exactly_its_form() {
        let wanted = Some("2026-01-07".to_owned());
        assert_eq!(read_with("DD/MM/YYYY", "07/01/2026"), wanted);
        assert_eq!(read_with("D/M/YYYY", "7/1/2026"), wanted);
        assert_eq!(read_with("YYYY-MM-DDTHH:MM:SSZ", "2026-01-07T23:59:59Z"), wanted);
        for text in ["7/1/2026", "07/01/26", "07/01/2026 ", "07-01-2026", "31/02/2026", ""] {
            assert_eq!(read_with("DD/MM/YYYY", text), None, "{text}");
        }
    }

    #[test]
    fn a_format_names_each_part_of_a_day_once() {
        for format in ["", "YYYY", "YYYY-MM", "DD/MM/YYYY DD", "YY-MM-DD", "YYYY-MM-DD HH:MM x"] {
            assert!(Format::parse(format).is_err(), "{format}");
        }
    }

    #[test]
    fn the_usual_forms_are_those_of_the_agencies() {
        let day = |text| usual(text).map(|it| it.to_string());
        let wanted = Some("2026-02-03".to_owned());
        for text in [
            "2026-02-03",
            "03-02-2026",
            "2026-02-03 23:59:59",
            "2026-02-03T23:59:59Z",
            "2026-02-03T00:30:00.5+09:00",
        ] {
            assert_eq!(day(text), wanted, "{text}");
        }
        for text in ["2026-02-03T10:00:00", "03/02/2026", "2026-2-3", "2026-02-03T", "é026-02-03"]
        {
            assert_eq!(day(text), None, "{text}");
        }
    }
}
