//! The part of an address after `?`, as the calls of an operator use it.

use axum::http::{StatusCode, Uri};
use percent_encoding::{NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};

use super::wire::{Moment, Problem, Selection};
use crate::message::Timestamp;

/// Dead letters that one answer holds at most.
const PAGE_MAX: usize = 500;

/// Dead letters that one answer holds where nothing is said.
const PAGE: usize = 100;

/// What `GET /api/v1/dead?…` asks for.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct DeadQuery {
    pub(super) selection: Selection,
    pub(super) after: i64,
    pub(super) limit: usize,
    pub(super) body: bool,
}

impl DeadQuery {
    pub(super) fn read(uri: &Uri) -> Result<Self, Problem> {
        let mut query =
            Self { selection: Selection::default(), after: 0, limit: PAGE, body: false };
        for (name, value) in pairs(uri)? {
            query.set(&name, value)?;
        }
        Ok(query)
    }

    fn set(&mut self, name: &str, value: String) -> Result<(), Problem> {
        let number = || value.parse::<i64>().map_err(|_| wrong(name));
        match name {
            "id" => self.selection.ids.push(number()?),
            "after" => self.after = number()?,
            "limit" => {
                let limit = usize::try_from(number()?).map_err(|_| wrong(name))?;
                self.limit = limit.clamp(1, PAGE_MAX);
            }
            "body" => self.body = value == "true",
            "route" => self.selection.route = Some(value),
            "target" => self.selection.target = Some(value),
            "class" => self.selection.class = Some(value),
            "group" => self.selection.group = Some(value),
            "from" => self.selection.from = Some(moment(name, &value)?),
            "to" => self.selection.to = Some(moment(name, &value)?),
            _ => {
                let known = "id, route, target, class, group, from, to, after, limit, body";
                return Err(unknown(name, known));
            }
        }
        Ok(())
    }
}

fn moment(name: &str, value: &str) -> Result<Moment, Problem> {
    Timestamp::parse(value).map(Moment).ok_or_else(|| wrong(name))
}

/// The names and values of all parameters, decoded.
pub(super) fn pairs(uri: &Uri) -> Result<Vec<(String, String)>, Problem> {
    decoded(uri.query().unwrap_or_default())
}

/// The names and values of what a form or an address has.
pub(super) fn decoded(text: &str) -> Result<Vec<(String, String)>, Problem> {
    let pairs = text.split('&').filter(|it| !it.is_empty());
    let decoded = pairs.map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Ok((name.to_owned(), decode(value).ok_or_else(|| wrong(name))?))
    });
    decoded.collect()
}

/// A value as it stands in an address.
pub(super) fn encoded(value: &str) -> impl std::fmt::Display {
    utf8_percent_encode(value, NON_ALPHANUMERIC)
}

/// A parameter that there is not, among those that are.
pub(super) fn unknown(name: &str, known: &str) -> Problem {
    let title = format!("unknown parameter `{}`; there are {known}", name.escape_debug());
    Problem::new(StatusCode::BAD_REQUEST, "unknown_parameter", title)
}

/// A parameter without a usable value.
pub(super) fn wrong(name: &str) -> Problem {
    let title = format!("the parameter `{}` has no usable value", name.escape_debug());
    Problem::new(StatusCode::BAD_REQUEST, "bad_parameter", title)
}

fn decode(value: &str) -> Option<String> {
    let spaced = value.replace('+', " ");
    percent_decode_str(&spaced).decode_utf8().ok().map(std::borrow::Cow::into_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(query: &str) -> Result<DeadQuery, String> {
        let uri = format!("/api/v1/dead?{query}").parse().unwrap();
        DeadQuery::read(&uri).map_err(|it| it.title)
    }

    #[test]
    fn every_parameter_is_read_and_decoded() {
        let selection = Selection {
            ids: vec![3, 5],
            route: Some("sk-mutasi".to_owned()),
            target: Some("arsip.daftarkan-naskah".to_owned()),
            class: Some("bad message".to_owned()),
            group: Some("3f09a1b2c3d4e5f6".to_owned()),
            from: Timestamp::parse("2026-01-17T02:30:00Z").map(Moment),
            to: Timestamp::parse("2026-01-18").map(Moment),
            all: false,
        };
        let query = "id=3&id=5&route=sk-mutasi&target=arsip.daftarkan-naskah&class=bad%20message\
                     &group=3f09a1b2c3d4e5f6&from=2026-01-17T09:30:00%2B07:00&to=2026-01-18&after=2";
        let expected = DeadQuery { selection, after: 2, limit: PAGE, body: false };
        assert_eq!(read(query), Ok(expected));
    }

    #[test]
    fn a_page_has_an_end() {
        assert_eq!(read("limit=1000000000").unwrap().limit, PAGE_MAX);
        assert_eq!(read("limit=0").unwrap().limit, 1);
    }

    #[test]
    fn a_typing_error_is_not_taken_for_no_filter() {
        assert_eq!(
            read("rute=sk-mutasi").unwrap_err(),
            "unknown parameter `rute`; there are id, route, target, class, group, from, to, after, \
             limit, body"
        );
        assert_eq!(read("id=x").unwrap_err(), "the parameter `id` has no usable value");
        assert_eq!(read("to=kemarin").unwrap_err(), "the parameter `to` has no usable value");
        assert_eq!(read("route=%ff").unwrap_err(), "the parameter `route` has no usable value");
    }
}
