//! The history of one message, for people and for programs.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    engine::Trace,
    journal::Line,
    ledger::{Fares, Fate, Outcome},
    message::{Endpoint, MessageId},
};

/// What is known of one message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TraceView {
    /// Its id.
    pub id: String,
    /// How it fares on each route.
    pub routes: Vec<RouteTrace>,
}

/// How a message fares on one route.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RouteTrace {
    /// The route.
    pub route: String,
    /// `repeat`, `filtered`, `dead`, `routed`, `discarded`; until one of them `in hand`, or
    /// `under way` while deliveries are; `forgotten` where only the journal still knows it.
    pub fate: String,
    /// Its deliveries.
    pub deliveries: Vec<DeliveryTrace>,
    /// What happened, oldest first.
    pub events: Vec<EventTrace>,
}

/// A delivery that the message gave rise to.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DeliveryTrace {
    /// `system.name`.
    pub target: String,
    /// Which of several, from 0.
    pub ordinal: u32,
    /// `delivered`, `dead`, `expired`, `discarded`; until one of them `parked`, behind a dead one
    /// of its key, or `under way`.
    pub outcome: String,
}

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EventTrace {
    /// When.
    pub at: String,
    /// A stable word: `accepted`, `attempt`, …
    pub event: String,
    /// The target, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub target: Option<String>,
    /// Which delivery to it, from 0.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ordinal: Option<u32>,
    /// The generation of files that dealt with it.
    pub generation: i64,
    /// The length of the body in bytes, where it is about one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub bytes: Option<u64>,
    /// What happened, in words.
    pub text: String,
}

impl TraceView {
    /// What is shown of a message: a part for each route that the ledger or the journal knows.
    pub fn of(id: MessageId, trace: &Trace) -> Self {
        let mut routes: Vec<RouteTrace> = trace.fares.iter().map(RouteTrace::of).collect();
        for line in &trace.lines {
            let known = routes.iter().position(|it| *it.route == *line.route);
            let index = known.unwrap_or_else(|| {
                // The ledger forgets sooner than the journal does.
                routes.push(RouteTrace::unknown(&line.route));
                routes.len() - 1
            });
            if let Some(route) = routes.get_mut(index) {
                route.events.push(EventTrace::of(line));
            }
        }
        Self { id: id.to_string(), routes }
    }
}

impl RouteTrace {
    fn of(fares: &Fares) -> Self {
        let view = |(target, ordinal, outcome): &(Endpoint, u32, Option<Outcome>)| {
            let is_parked = fares.parked.contains(&(target.clone(), *ordinal));
            let open = if is_parked { "parked" } else { "under way" };
            let outcome = outcome.map_or(open, outcome_word).to_owned();
            DeliveryTrace { target: target.to_string(), ordinal: *ordinal, outcome }
        };
        Self {
            route: fares.route.to_string(),
            fate: fate_word(fares).to_owned(),
            deliveries: fares.deliveries.iter().map(view).collect(),
            events: vec![],
        }
    }

    fn unknown(route: &str) -> Self {
        let fate = "forgotten".to_owned();
        Self { route: route.to_owned(), fate, deliveries: vec![], events: vec![] }
    }
}

impl EventTrace {
    fn of(line: &Line) -> Self {
        let (event, text) = line.event.told();
        let (target, ordinal) = match &line.delivery {
            Some((target, ordinal)) => (Some(target.to_string()), Some(*ordinal)),
            None => (None, None),
        };
        let (at, generation, bytes) = (line.at.to_string(), line.generation, line.event.bytes());
        Self { at, event: event.to_owned(), target, ordinal, generation, bytes, text }
    }
}

/// How a message fares on a route, as in [`RouteTrace::fate`].
pub(super) fn fate_word(fares: &Fares) -> &'static str {
    match fares.fate {
        Some(Fate::Repeat) => "repeat",
        Some(Fate::Filtered) => "filtered",
        Some(Fate::Dead) => "dead",
        Some(Fate::Routed) => "routed",
        Some(Fate::Discarded) => "discarded",
        None if fares.deliveries.is_empty() => "in hand",
        None => "under way",
    }
}

pub(super) fn outcome_word(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::Delivered => "delivered",
        Outcome::Dead => "dead",
        Outcome::Expired => "expired",
        Outcome::Discarded => "discarded",
    }
}
