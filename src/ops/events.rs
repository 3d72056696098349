//! `GET /api/v1/events`: what becomes of messages, as it happens, as a stream of events that a program
//! can take up again where it was cut off.

use std::{convert::Infallible, time::Duration};

use axum::{
    body::{Body, Bytes},
    http::{HeaderMap, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use futures_util::stream::unfold;
use serde::{Deserialize, Serialize};

use super::{Desk, desk::Following, query, wire::Problem};
use crate::journal::{self, Line};

/// How long nothing may come before the stream says that it lives, and up to where it is.
const SAYS_EVERY: Duration = Duration::from_secs(15);

/// How soon a program that was cut off tries again, in milliseconds.
const RETRY_MS: u32 = 2_000;

/// One event of a stream.
pub(super) struct Event {
    /// What kind it is of, for whoever listens to some only.
    pub(super) name: Option<&'static str>,
    /// What it says; may have several lines.
    pub(super) data: String,
}

/// Something that happened to a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EventView {
    /// The number of the journal's line.
    pub number: i64,
    /// When.
    pub at: String,
    /// A stable word: `delivered`, `dead`, `filtered`, …; with `all` every word of the journal.
    pub event: String,
    /// The route; absent where it is about a target or the files.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub route: Option<String>,
    /// The message.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// The target, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Which delivery to it, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordinal: Option<u32>,
    /// The generation of files that dealt with it.
    pub generation: i64,
    /// What happened, in words.
    pub text: String,
}

impl EventView {
    fn of(number: i64, line: &Line, event: &str) -> Self {
        let (target, ordinal) = match &line.delivery {
            Some((target, ordinal)) => (Some(target.to_string()), Some(*ordinal)),
            None => (None, None),
        };
        Self {
            number,
            at: line.at.to_string(),
            event: event.to_owned(),
            route: Some(line.route.to_string()).filter(|it| !it.is_empty()),
            message: line.message.map(|it| it.to_string()),
            target,
            ordinal,
            generation: line.generation,
            text: line.event.told().1,
        }
    }
}

/// What a program wants to hear of.
struct Wanted {
    route: Option<String>,
    all: bool,
}

/// `GET /api/v1/events?route=…&all=true&after=…`
pub(super) async fn follow(desk: Desk, headers: HeaderMap, uri: Uri) -> Result<Response, Problem> {
    let mut wanted = Wanted { route: None, all: false };
    for (name, value) in query::pairs(&uri)? {
        match name.as_str() {
            "route" => wanted.route = Some(value),
            "all" => wanted.all = value == "true",
            "after" if value.parse::<i64>().is_ok() => {}
            "after" => return Err(query::wrong(&name)),
            _ => return Err(query::unknown(&name, "route, all, after")),
        }
    }
    let route = wanted.route.as_deref().map(Into::into);
    let following = desk.follow(last_event(&headers, &uri), route).await?;
    Ok(stream(following, move |number, line| {
        let name = outcome(&line.event).or_else(|| wanted.all.then(|| line.event.told().0))?;
        let view = EventView::of(number, line, name);
        // Our own type: strings and numbers, which always serialize.
        let data = serde_json::to_string(&view).unwrap_or_default();
        Some(Event { name: Some(name), data })
    }))
}

/// The word for what became of a message or a delivery, if that is what happened.
fn outcome(event: &journal::Event) -> Option<&'static str> {
    match event {
        journal::Event::Attempt { class, .. } if class == "delivered" => Some("delivered"),
        journal::Event::Repeat { .. }
        | journal::Event::Filtered { .. }
        | journal::Event::Routed { .. }
        | journal::Event::Passed { .. }
        | journal::Event::Dead { .. }
        | journal::Event::Expired
        | journal::Event::Replayed { .. }
        | journal::Event::Discarded { .. } => Some(event.told().0),
        _ => None,
    }
}

/// Behind which line a listener goes on: what his browser or library remembers, else what he says.
pub(super) fn last_event(headers: &HeaderMap, uri: &Uri) -> Option<i64> {
    let remembered = headers.get("last-event-id").and_then(|it| it.to_str().ok()?.parse().ok());
    remembered.or_else(|| {
        let pairs = query::pairs(uri).unwrap_or_default();
        pairs.iter().find(|(name, _)| name == "after").and_then(|(_, value)| value.parse().ok())
    })
}

/// A stream that ends when the bus does, or when its listener goes.
pub(super) fn stream(
    following: Following,
    told: impl Fn(i64, &Line) -> Option<Event> + Send + 'static,
) -> Response {
    let begins = format!("retry: {RETRY_MS}\n\n");
    let stream = unfold((following, told, Some(begins)), async |(mut following, told, first)| {
        if let Some(first) = first {
            return Some((first, (following, told, None)));
        }
        let text = match following.next(SAYS_EVERY).await {
            Ok(Some(lines)) => events(&lines, following.reached(), &told),
            Ok(None) => return None,
            // Whoever listens comes again, and goes on from where he was.
            Err(_) => return None,
        };
        Some((text, (following, told, None)))
    });
    let stream = futures_util::StreamExt::map(stream, |it| Ok::<_, Infallible>(Bytes::from(it)));
    let headers = [
        (header::CONTENT_TYPE, "text/event-stream"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (StatusCode::OK, headers, Body::from_stream(stream)).into_response()
}

/// Lines as events; behind them how far all was looked through, so that who comes again does not
/// begin before what he need not see.
fn events(
    lines: &[(i64, Line)],
    reached: i64,
    told: &impl Fn(i64, &Line) -> Option<Event>,
) -> String {
    let mut out = String::new();
    for (number, line) in lines {
        let Some(Event { name, data }) = told(*number, line) else { continue };
        out.push_str(&format!("id: {number}\n"));
        if let Some(name) = name {
            out.push_str(&format!("event: {name}\n"));
        }
        for part in data.lines() {
            out.push_str(&format!("data: {part}\n"));
        }
        out.push('\n');
    }
    out.push_str(&format!("id: {reached}\n\n"));
    out
}
