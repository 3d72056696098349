//! A line of the journal as the store keeps it: the kind of its event, and the rest as JSON.

use serde_json::{Value, json};

use super::{Event, Line};
use crate::{
    message::{Endpoint, MessageId, Timestamp},
    store::{Param, Row},
};

/// Adds a line. The columns are those of [`ASK`].
pub(super) const ADD: &str = "
    INSERT INTO journal (at, route, message, target, ordinal, generation, event, detail)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// The lines about one message.
pub(super) const ASK: &str = "
    SELECT at, route, message, target, ordinal, generation, event, detail
    FROM journal WHERE message = ?1 ORDER BY number";

/// A line as values of [`ADD`].
pub(super) fn params(line: &Line) -> Vec<Param> {
    let (target, ordinal) = match &line.delivery {
        Some((target, ordinal)) => (Some(target.to_string()), Some(i64::from(*ordinal))),
        None => (None, None),
    };
    let (event, detail) = written(&line.event);
    vec![
        line.at.as_millis().into(),
        line.route.as_ref().into(),
        line.message.map(|it| it.as_bytes().to_vec()).as_deref().into(),
        target.into(),
        ordinal.into(),
        line.generation.into(),
        event.into(),
        detail.to_string().into(),
    ]
}

/// A row of [`ASK`] as a line; `None` if its event is of a kind that this program does not know.
pub(super) fn line(row: &Row) -> Option<Line> {
    let detail = serde_json::from_str(row.text(7)).unwrap_or_default();
    let ordinal = u32::try_from(row.int(4)).unwrap_or_default();
    Some(Line {
        at: Timestamp::from_millis(row.int(0)),
        route: row.text(1).into(),
        message: row.blob(2).as_ref().try_into().ok().map(MessageId::from_bytes),
        delivery: endpoint(row.text(3)).map(|target| (target, ordinal)),
        generation: row.int(5),
        event: read(row.text(6), &detail)?,
    })
}

fn written(event: &Event) -> (&'static str, Value) {
    match event {
        Event::Accepted { by } => ("accepted", json!({ "by": by })),
        Event::Repeat { first } => ("repeat", json!({ "first": first.to_string() })),
        Event::Changed { first } => ("changed", json!({ "first": first.to_string() })),
        Event::Filtered { step } => ("filtered", json!({ "step": step })),
        Event::Routed { deliveries, skipped } => {
            let skipped: Vec<_> = skipped.iter().map(ToString::to_string).collect();
            ("routed", json!({ "deliveries": deliveries, "skipped": skipped }))
        }
        Event::Attempt { attempt, class, answer, duration_ms } => (
            "attempt",
            json!({
                "attempt": attempt, "class": class, "answer": answer, "duration_ms": duration_ms,
            }),
        ),
        Event::CopyDropped => ("copy dropped", json!({})),
        Event::Delivered => ("delivered", json!({})),
        Event::Dead { class, reason } => ("dead", json!({ "class": class, "reason": reason })),
        Event::Expired => ("expired", json!({})),
        Event::Paused { reason } => ("paused", json!({ "reason": reason })),
        Event::Resumed { by } => ("resumed", json!({ "by": by })),
        Event::Replayed { by } => ("replayed", json!({ "by": by })),
        Event::Discarded { by } => ("discarded", json!({ "by": by })),
        Event::Panicked { place } => ("panicked", json!({ "place": place })),
        Event::Generation { how } => ("generation", json!({ "how": how })),
    }
}

fn read(event: &str, detail: &Value) -> Option<Event> {
    let text = |name: &str| detail[name].as_str().unwrap_or_default().to_owned();
    let small = |name: &str| u32::try_from(detail[name].as_u64().unwrap_or_default()).ok();
    let first = || text("first").parse::<MessageId>().ok();
    Some(match event {
        "accepted" => Event::Accepted { by: text("by") },
        "repeat" => Event::Repeat { first: first()? },
        "changed" => Event::Changed { first: first()? },
        "filtered" => Event::Filtered { step: text("step") },
        "routed" => {
            let skipped = detail["skipped"].as_array().into_iter().flatten();
            let skipped = skipped.filter_map(|it| endpoint(it.as_str()?)).collect();
            Event::Routed { deliveries: small("deliveries")?, skipped }
        }
        "attempt" => Event::Attempt {
            attempt: small("attempt")?,
            class: text("class"),
            answer: text("answer"),
            duration_ms: detail["duration_ms"].as_u64().unwrap_or_default(),
        },
        "copy dropped" => Event::CopyDropped,
        "delivered" => Event::Delivered,
        "dead" => Event::Dead { class: text("class"), reason: text("reason") },
        "expired" => Event::Expired,
        "paused" => Event::Paused { reason: text("reason") },
        "resumed" => Event::Resumed { by: text("by") },
        "replayed" => Event::Replayed { by: text("by") },
        "discarded" => Event::Discarded { by: text("by") },
        "panicked" => Event::Panicked { place: text("place") },
        "generation" => Event::Generation { how: text("how") },
        _ => return None,
    })
}

fn endpoint(text: &str) -> Option<Endpoint> {
    let (system, name) = text.split_once('.')?;
    Some(Endpoint { system: system.into(), name: name.into() })
}
