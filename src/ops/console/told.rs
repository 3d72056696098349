//! What happened, and why, in the words of whoever reads a page.

use maud::{Markup, html};

use super::{Visit, reader::number};
use crate::{
    diagnostic::{Language, Text, text},
    journal::Event,
    ledger::{Cause, DeadLetter},
    message::Endpoint,
};

/// What an event of a message says.
pub(super) fn event(event: &Event) -> Text {
    match event {
        Event::Accepted { by, trace: None, .. } => text!("accepted from {}", by),
        Event::Accepted { by, trace: Some(trace), .. } => {
            text!("accepted from {}, trace {}", by, trace)
        }
        Event::Repeat { first } => text!("a repeat of {}, and dropped", first),
        Event::Changed { first } => {
            text!("has the same identity as {} and another body; it goes on", first)
        }
        Event::Filtered { step } => text!("ended by the filter {}", step),
        Event::Routed { deliveries, skipped } if skipped.is_empty() => {
            text!("routed: {} deliveries", deliveries)
        }
        Event::Routed { deliveries, skipped } => {
            text!("routed: {} deliveries; skipped {}", deliveries, &names(skipped))
        }
        Event::Attempt { attempt, class, answer, duration_ms, .. } => {
            text!("attempt {}: {}, {} ({} ms)", attempt, outcome(class), answer, duration_ms)
        }
        Event::Passed { by, to, .. } => text!("from {} straight to {}", by, &names(to)),
        Event::CopyDropped => text!("a copy that a crash had made was dropped"),
        Event::Dead { class, reason } => text!("given up, {}: {}", class_of(class), reason),
        Event::Expired => text!("expired: its time ran out"),
        Event::KeyHeld => text!("holds its key: later deliveries of the key wait behind it"),
        Event::Parked => text!("waits behind an earlier delivery of its key"),
        Event::KeyResumed { by } => text!("its key goes on without it, by {}", by),
        Event::Paused { reason } => text!("the target was paused: {}", reason),
        Event::Resumed { by } => text!("the target was resumed by {}", by),
        Event::Replayed { by } => text!("sent on again by {}", by),
        Event::Discarded { by } => text!("discarded by {}", by),
        Event::Panicked { place } => text!("a bug: the program panicked in {}; it waits", place),
        // What is not about one message has its own pages.
        other => Text::whole(other.told().1),
    }
}

fn names(targets: &[Endpoint]) -> String {
    targets.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}

/// How an attempt ended.
fn outcome(class: &str) -> Text {
    match class {
        "delivered" => text!("delivered"),
        other => class_of(other),
    }
}

/// A class of failures.
pub(super) fn class_of(class: &str) -> Text {
    match class {
        "refused" => text!("refused"),
        "unavailable" => text!("unavailable"),
        "misconfigured" => text!("misconfigured"),
        "bad message" => text!("bad message"),
        "no target" => text!("no target"),
        "kept back" => text!("kept back"),
        "crashed the bus" => text!("crashed the bus"),
        other => Text::whole(other.to_owned()),
    }
}

/// Why something is dead, in a sentence.
pub(super) fn why(cause: &Cause, target: Option<&Endpoint>) -> Text {
    let Cause { class, place, reason } = cause;
    let place = target.and_then(|it| place.strip_prefix(&format!("to {it}: "))).unwrap_or(place);
    match (&**class, target) {
        ("refused", Some(target)) => text!("{} refused it: {}.", target, reason),
        ("unavailable", Some(target)) => text!("{} could not be reached: {}.", target, reason),
        ("bad message", Some(target)) => {
            text!("What {} is to be sent could not be made, in {}: {}.", target, place, reason)
        }
        ("bad message", None) if place.is_empty() => {
            text!("The route cannot deal with the message: {}.", reason)
        }
        ("bad message", None) => {
            text!("The route cannot deal with the message, in {}: {}.", place, reason)
        }
        ("no target", _) => text!("No target of the route wants the message."),
        ("kept back", _) => text!("An operator wanted the message sent to another target only."),
        ("crashed the bus", _) => text!("Working on it ended the program: {}.", reason),
        _ if place.is_empty() => text!("{}: {}.", class_of(class), reason),
        _ => text!("{}, in {}: {}.", class_of(class), place, reason),
    }
}

/// What an operator can do about it, in a sentence.
pub(super) fn to_do(class: &str) -> Text {
    match class {
        "bad message" => text!(
            "Correct the route and take the files into use, look at the preview, then replay; or have \
             the sender send it anew."
        ),
        "refused" => text!(
            "Ask the owner of the target what it misses. Correct the map of the route and take the \
             files into use, look at the preview, then replay."
        ),
        "unavailable" => text!("See that the target is up again, then replay."),
        "no target" => text!(
            "Let the condition of a target take it, or have the route filter it. Take the files into \
             use, then replay."
        ),
        "kept back" => text!("If it is to be sent after all, replay it."),
        "crashed the bus" => {
            text!("Report the bug with the log of that time, and replay after an update.")
        }
        _ => text!("Look at the preview."),
    }
}

/// So many dead letters that failed alike.
pub(super) fn alike(language: Language, count: u64) -> Text {
    match count {
        1 => text!("One letter that failed so"),
        _ => text!("{} letters that failed alike", &number(language, count)),
    }
}

/// What a letter is about: a delivery, or the message itself.
pub(super) fn about(letter: &DeadLetter) -> Text {
    match &letter.delivery {
        Some((target, 0)) => text!("{} to {}", &letter.route, target),
        Some((target, ordinal)) => {
            text!("{} to {}, delivery {}", &letter.route, target, &ordinal.saturating_add(1))
        }
        None => text!("{}, the message itself", &letter.route),
    }
}

/// How something fares: a mark and a word, so that nobody needs to see the colour.
pub(super) fn badge(visit: &Visit, word: &str) -> Markup {
    marked(visit, None, word)
}

/// How so many of something fare.
pub(super) fn badge_of(visit: &Visit, count: u32, word: &str) -> Markup {
    marked(visit, Some(count), word)
}

fn marked(visit: &Visit, count: Option<u32>, word: &str) -> Markup {
    let (kind, mark, said) = match word {
        "delivered" => ("good", "✓", text!("delivered")),
        "routed" => ("good", "✓", text!("routed")),
        "done" => ("good", "✓", text!("done")),
        "filtered" => ("idle", "–", text!("filtered")),
        "repeat" => ("idle", "–", text!("repeat")),
        "discarded" => ("idle", "–", text!("discarded")),
        "cancelled" => ("idle", "–", text!("cancelled")),
        "expired" => ("bad", "✗", text!("expired")),
        "dead" => ("bad", "✗", text!("dead")),
        "parked" => ("wait", "…", text!("parked")),
        "under way" => ("wait", "…", text!("under way")),
        "in hand" => ("wait", "…", text!("in hand")),
        "running" => ("wait", "…", text!("running")),
        "proposed" => ("wait", "…", text!("waits for a second person")),
        "forgotten" => ("idle", "?", text!("forgotten")),
        other => ("idle", "·", Text::whole(other.to_owned())),
    };
    html! {
        span class={ "badge " (kind) } {
            span aria-hidden="true" { (mark) " " }
            @if let Some(count) = count { (number(visit.language, count.into())) " " }
            (visit.t(&said))
        }
    }
}
