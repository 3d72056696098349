//! Messages that are found by a value of theirs, for people and for programs.

use axum::{
    extract::Path,
    http::{StatusCode, Uri},
    response::Response,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Desk, query,
    trace::fate_word,
    wire::{self, Problem},
};
use crate::{
    engine::{Explained, Found, FoundMessage, Rehearsed},
    journal::Wanted,
    ledger::Cause,
};

/// Messages that were found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FoundMessageView {
    /// Its id.
    pub id: String,
    /// When it was accepted, or routed.
    pub at: String,
    /// Where its value was found.
    pub by: Vec<FoundBy>,
}

/// Where the value of a message was found.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
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

/// What today's files make of a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ExplainedView {
    /// The message, as its route accepted it.
    pub accepted: String,
    /// The steps that it came through.
    pub steps: Vec<SteppedView>,
    /// `filtered`, `dead` or `routed`.
    pub outcome: String,
    /// Which step filters it, or why it is dead.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// What would be sent, or why not.
    pub deliveries: Vec<PlannedView>,
}

/// A step that a message came through.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SteppedView {
    /// Which: `steps[2] validate`.
    pub step: String,
    /// The body behind it; absent where it goes no further.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

/// A delivery that would be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlannedView {
    /// `system.name`.
    pub target: String,
    /// Which of several, from 0.
    pub ordinal: u32,
    /// What would be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
    /// Why nothing can be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

impl ExplainedView {
    fn of(explained: &Explained) -> Self {
        let text = |it: &[u8]| String::from_utf8_lossy(it).into_owned();
        let (outcome, reason, planned) = match &explained.came {
            Rehearsed::Filtered(step) => ("filtered", Some(step.clone()), &[][..]),
            Rehearsed::Dead(cause) => ("dead", Some(told(cause)), &[][..]),
            Rehearsed::Out(planned, _) => ("routed", None, &planned[..]),
        };
        let steps = explained
            .steps
            .iter()
            .map(|it| SteppedView { step: it.place.clone(), body: it.body.as_deref().map(text) });
        let deliveries = planned.iter().map(|it| PlannedView {
            target: it.target.to_string(),
            ordinal: it.ordinal,
            body: it.made.as_ref().ok().map(|it| text(&it.body)),
            reason: it.made.as_ref().err().map(told),
        });
        Self {
            accepted: text(&explained.message.body),
            steps: steps.collect(),
            outcome: outcome.to_owned(),
            reason,
            deliveries: deliveries.collect(),
        }
    }
}

fn told(cause: &Cause) -> String {
    match cause.place.as_str() {
        "" => cause.reason.clone(),
        place => format!("{place}: {}", cause.reason),
    }
}

/// `GET /api/v1/messages/{id}/explain?route=…`
pub(super) async fn explain(
    desk: Desk,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    let gone = || {
        let title = format!("message `{}` is not kept on this route", id.escape_debug());
        Problem::new(StatusCode::NOT_FOUND, "not_found", title)
    };
    let mut route = None;
    for (name, value) in query::pairs(&uri)? {
        match name.as_str() {
            "route" => route = Some(value),
            _ => return Err(query::unknown(&name, "route")),
        }
    }
    let route = route.ok_or_else(|| query::wrong("route"))?;
    let number = id.parse().map_err(|_| gone())?;
    let explained = desk.explain(&route, number).await?.ok_or_else(gone)?;
    Ok(wire::ok(&ExplainedView::of(&explained)))
}
