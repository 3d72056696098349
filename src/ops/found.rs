//! Messages that are found by a value of theirs, for people and for programs.

use axum::{
    http::{StatusCode, Uri},
    response::Response,
};
use serde::{Deserialize, Serialize};

use super::{
    Desk, query,
    trace::fate_word,
    wire::{self, Problem},
};
use crate::{
    engine::{Found, FoundMessage},
    journal::Wanted,
};

/// Messages that were found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundView {
    /// The newest first; of those whose value only begins so, in the order of their values.
    pub messages: Vec<FoundMessageView>,
    /// There may be more than these.
    pub more: bool,
    /// `before` of the next call, where there may be more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<i64>,
}

/// A message that was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundMessageView {
    /// Its id.
    pub id: String,
    /// When it was accepted, or routed.
    pub at: String,
    /// Where its value was found.
    pub by: Vec<FoundBy>,
}

/// Where the value of a message was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundBy {
    /// The route.
    pub route: String,
    /// What the route calls the value.
    pub field: String,
    /// How the message fares on it, as in its trace.
    pub fate: String,
}

impl FoundView {
    /// What is shown of what was found.
    pub fn of(found: &Found) -> Self {
        let messages = found.messages.iter().map(FoundMessageView::of).collect();
        Self { messages, more: found.more, next: found.next }
    }
}

impl FoundMessageView {
    fn of(message: &FoundMessage) -> Self {
        let fate = |route: &str| {
            let fares = message.fares.iter().find(|it| *it.route == *route);
            fares.map_or("forgotten", fate_word).to_owned()
        };
        let by = message.by.iter().map(|(route, field)| FoundBy {
            route: route.to_string(),
            field: field.to_string(),
            fate: fate(route),
        });
        Self { id: message.id.to_string(), at: message.at.to_string(), by: by.collect() }
    }
}

/// `GET /api/v1/messages?key=…`, or `?begins=…`.
pub(super) async fn find(desk: Desk, uri: Uri) -> Result<Response, Problem> {
    let mut wanted = None;
    let mut below = None;
    for (name, value) in query::pairs(&uri)? {
        match name.as_str() {
            "key" | "begins" if wanted.is_none() => wanted = Some((value, name == "begins")),
            "before" => below = Some(value.parse().map_err(|_| query::wrong(&name))?),
            _ => return Err(query::unknown(&name, "key, begins, before")),
        }
    }
    if let (Some((_, true)), Some(_)) = (&wanted, below) {
        let title = "`before` goes with `key`; of what begins so, write more";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "bad_parameter", title));
    }
    let Some((text, begins)) = wanted else {
        let title = "say what to look for: `?key=` the whole value, or `?begins=` its beginning";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "bad_parameter", title));
    };
    let found = desk.find(&Wanted { text, begins, below }).await?;
    Ok(wire::ok(&FoundView::of(&found)))
}
