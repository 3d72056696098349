//! A line of the journal as it stands in the store.

use serde_json::Value;

use super::{Event, Line};
use crate::{
    message::{Endpoint, MessageId, Timestamp},
    store::{Row, StoreError},
};

/// The name of an event, and what there is to say of it as a JSON object.
pub(super) fn write(event: &Event) -> (String, String) {
    // `{"name":{…}}` or `"name"`: three lines for each message, so it is cut and not parsed.
    let text = serde_json::to_string(event).unwrap_or_default();
    let named = text.strip_prefix("{\"").and_then(|it| it.strip_suffix('}'));
    match named.and_then(|it| it.split_once("\":")) {
        Some((name, detail)) => (name.to_owned(), detail.to_owned()),
        None => (text.trim_matches('"').to_owned(), "{}".to_owned()),
    }
}

/// Reads a row: `at, route, message, target, ordinal, generation, event, detail`.
pub(super) fn read(row: &Row) -> Result<Line, StoreError> {
    let message = <[u8; 16]>::try_from(&row.blob(2)[..]).ok().map(MessageId::from_bytes);
    let ordinal = u32::try_from(row.int(4)).unwrap_or_default();
    Ok(Line {
        at: Timestamp::from_millis(row.int(0)),
        route: row.text(1).into(),
        message,
        delivery: Endpoint::parse(row.text(3)).map(|target| (target, ordinal)),
        generation: row.int(5),
        event: event(row.text(6), row.text(7))?,
    })
}

fn event(name: &str, detail: &str) -> Result<Event, StoreError> {
    let unknown = |_| StoreError {
        reason: format!("the journal has an event `{name}` that this version does not know"),
    };
    let detail: Value = serde_json::from_str(detail).map_err(unknown)?;
    let bare = Value::String(name.to_owned());
    let named = Value::Object([(name.to_owned(), detail)].into_iter().collect());
    serde_json::from_value(named).or_else(|_| serde_json::from_value(bare)).map_err(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::IdSource;

    #[test]
    fn every_kind_of_event_is_read_back() {
        let first = IdSource::default().next(Timestamp::from_millis(1));
        let text = || "x".to_owned();
        let target = Endpoint::parse("arsip.terima");
        let events = [
            Event::Accepted { by: text(), bytes: 7, trace: None },
            Event::Accepted { by: text(), bytes: 7, trace: Some(text()) },
            Event::Repeat { first },
            Event::Changed { first },
            Event::Filtered { step: text() },
            Event::Routed { deliveries: 2, skipped: target.into_iter().collect() },
            Event::Attempt { attempt: 1, class: text(), answer: text(), duration_ms: 7, bytes: 7 },
            Event::Passed { by: text(), to: Vec::new(), bytes: 7, trace: None },
            Event::CopyDropped,
            Event::Dead { class: text(), reason: text() },
            Event::Expired,
            Event::KeyHeld,
            Event::Parked,
            Event::KeyResumed { by: text() },
            Event::Paused { reason: text() },
            Event::Resumed { by: text() },
            Event::Replayed { by: text() },
            Event::Discarded { by: text() },
            Event::Ordered { what: text(), by: text() },
            Event::JobEnded { job: 7, how: text(), by: None },
            Event::Panicked { place: text() },
            Event::Acted { who: text(), did: text(), what: text(), reason: None },
            Event::Generation { how: text() },
        ];
        for one in events {
            let (name, detail) = write(&one);
            assert_eq!(event(&name, &detail).unwrap(), one);
        }
    }

    #[test]
    fn an_event_of_a_later_version_is_named() {
        let error = event("teleported", "{}").unwrap_err();
        assert!(error.reason.contains("`teleported`"), "{error}");
    }
}
