//! What became of the fields of a message on the way to each of its targets, where its bodies are kept.

use std::sync::Arc;

use super::{
    BodyOf, Engine, KeptBody, KnownBody,
    changes::{self, Changes, Step},
    pipeline::MEMORY_MAX,
};
use crate::{
    message::{Arena, Endpoint, Limits, Timestamp, Value, parse},
    step::{Hop, Schema, is_personal_name, looks_personal},
};

/// What became of the fields of a message in one body that was sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SentChanges {
    /// When the body was made.
    pub at: Timestamp,
    /// The route.
    pub route: Arc<str>,
    /// With which delivery it was sent.
    pub delivery: (Endpoint, u32),
    /// What became of each field of what was accepted.
    pub changes: Changes,
}

impl Engine {
    /// Holds each body that was sent against what its route accepted; with `hide`, what is about people
    /// is not shown: what a schema of today's files marks, what looks so, and what holds such a value.
    pub fn changes(&self, bodies: &[KeptBody], hide: bool) -> Vec<SentChanges> {
        let accepted = |sent: &KeptBody| {
            bodies.iter().rev().find(|it| it.delivery.is_none() && it.route == sent.route)
        };
        let compare = |sent: &KeptBody| {
            let (target, ordinal) = sent.delivery.clone()?;
            let (before, after) = (whole(accepted(sent)?)?, whole(sent)?);
            let of_source = self.schema_of(BodyOf::Route(&sent.route));
            let schemas = (of_source, self.schema_of(BodyOf::Target(&target)));
            let changes = held_against((before, schemas.0), (after, schemas.1), hide)?;
            let (at, route) = (sent.at, Arc::clone(&sent.route));
            Some(SentChanges { at, route, delivery: (target, ordinal), changes })
        };
        bodies.iter().filter_map(compare).collect()
    }
}

fn whole(body: &KeptBody) -> Option<&[u8]> {
    match &body.known {
        KnownBody::Whole(body) => Some(body),
        KnownBody::Digest(..) | KnownBody::Sealed(_) | KnownBody::NotRead => None,
    }
}

/// `None` where one of them is no JSON.
fn held_against(
    (before, of_before): (&[u8], Option<Arc<Schema>>),
    (after, of_after): (&[u8], Option<Arc<Schema>>),
    hide: bool,
) -> Option<Changes> {
    let arena = Arena::with_limit(MEMORY_MAX);
    let limits = Limits { depth: Limits::DEPTH_MAX };
    let before = parse(&arena, before, &limits).ok()?;
    let after = parse(&arena, after, &limits).ok()?;
    let of_before = |path: &[Step<'_>], value: Value<'_>| is_personal(&of_before, path, value);
    let of_after = |path: &[Step<'_>], value: Value<'_>| is_personal(&of_after, path, value);
    let (of_before, of_after): (changes::Personal<'_>, changes::Personal<'_>) =
        (&of_before, &of_after);
    let hides = |it| hide.then_some(it);
    Some(changes::changes((before, hides(of_before)), (after, hides(of_after))))
}

/// As where a whole body is shown.
fn is_personal(schema: &Option<Arc<Schema>>, path: &[Step<'_>], value: Value<'_>) -> bool {
    let text = match value {
        Value::Text("") | Value::Null => return false,
        Value::Text(text) => text,
        Value::Number(number) => number.text(),
        _ => "",
    };
    let by_name = path.iter().any(|it| matches!(it, Step::Field(name) if is_personal_name(name)));
    let is_marked = || {
        let path: Vec<Hop<'_>> = path.iter().map(hop).collect();
        schema.as_ref().is_some_and(|it| it.is_personal(&path))
    };
    (by_name && !text.is_empty()) || looks_personal(text) || is_marked()
}

fn hop<'s>(step: &Step<'s>) -> Hop<'s> {
    match *step {
        Step::Field(name) => Hop::Field(name),
        Step::Item(_) => Hop::Item,
    }
}
