//! One message: its whole life across routes and systems, and what can be done from there.

use axum::{extract::Path, http::Uri, response::Response};
use maud::{Markup, html};

use super::{
    Section, Visit, bodies, explain,
    figures::size,
    page,
    reader::{clock, day},
    told::{self, badge, badge_of},
};
use crate::{
    diagnostic::text,
    engine::Trace,
    journal::Line,
    ledger::{DeadLetter, Fares, Outcome},
    message::{Endpoint, MessageId},
    ops::{
        Refusal,
        access::Right,
        query,
        trace::{fate_word, outcome_word},
    },
};

/// `GET /console/messages/{id}`
pub(super) async fn show(
    visit: Visit,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let gone = || Refusal::NotFound(format!("no message `{}` is known here", id.escape_debug()));
    let id: MessageId = id.parse().map_err(|_| gone())?;
    let trace = visit.desk.trace(id).await?.ok_or_else(gone)?;
    let dead = visit.desk.dead_of(id).await?;
    let wanted = query::pairs(&uri).unwrap_or_default();
    let explained = wanted.iter().find(|(name, _)| name == "explain").map(|(_, route)| route);
    let explained = match explained {
        Some(route) => {
            let explained = visit.desk.explain(route, id).await?;
            Some((route, explained, visit.desk.personal_in(route, id).await?))
        }
        None => None,
    };
    let kept = match wanted.iter().any(|(name, _)| name == "bodies") {
        true => Some(visit.desk.bodies(id).await?),
        false => None,
    };
    let hide = !wanted.iter().any(|(name, value)| name == "personal" && value == "1");
    let body = html! {
        p .lead { code .id { (id) } }
        @if let Some((route, explained, known)) = &explained {
            (explain::section(&visit, (id, route), explained.as_ref(), (known, hide)))
        }
        @match &kept {
            Some(kept) => {
                (bodies::section(&visit, id, (kept, &visit.desk.changes(kept, hide)), hide))
            },
            None => @if visit.desk.caller().may_somewhere(Right::SeeBody) {
                p { a .button href={ "/console/messages/" (id) "?bodies=1" } {
                    (visit.t(&text!("Bodies that are kept, and what became of the fields")))
                } }
            },
        }
        @for (route, lines, fares) in by_route(&trace) {
            (on_route(&visit, (id, route, fares), &lines, &dead))
        }
    };
    Ok(page(&visit, Section::Messages, text!("Message"), body))
}

/// What there is of each route: its lines, and how the message fares on it.
fn by_route(trace: &Trace) -> Vec<(&str, Vec<&Line>, Option<&Fares>)> {
    let mut routes: Vec<(&str, Vec<&Line>, Option<&Fares>)> =
        trace.fares.iter().map(|it| (&*it.route, Vec::new(), Some(it))).collect();
    for line in &trace.lines {
        match routes.iter_mut().find(|(route, ..)| **route == *line.route) {
            Some((_, lines, _)) => lines.push(line),
            // The ledger forgets sooner than the journal does.
            None => routes.push((&line.route, vec![line], None)),
        }
    }
    routes
}

fn on_route(
    visit: &Visit,
    (id, route, fares): (MessageId, &str, Option<&Fares>),
    lines: &[&Line],
    dead: &[DeadLetter],
) -> Markup {
    let dead: Vec<_> = dead.iter().filter(|it| *it.route == *route).collect();
    // Only what is not final is kept as it was accepted.
    let is_kept =
        !dead.is_empty() || fares.is_some_and(|it| matches!(fate_word(it), "under way" | "dead"));
    html! {
        section .card aria-label={ (visit.t(&text!("Route"))) " " (route) } {
            h2 {
                (visit.t(&text!("Route"))) " "
                a href={ "/console/routes/" (route) } { (route) }
                " " (fared(visit, fares))
            }
            @for letter in &dead { (gave_up(visit, letter)) }
            @if is_kept {
                p { a .button .quiet href={ "/console/messages/" (id) "?explain=" (route) } {
                    (visit.t(&text!("What would today's files make of it?")))
                } }
            }
            @if let Some(fares) = fares.filter(|it| !it.deliveries.is_empty()) {
                (deliveries(visit, fares, &dead))
            }
            h3 { (visit.t(&text!("What happened"))) }
            @if lines.is_empty() { p { (visit.t(&text!("The journal has nothing of it any more."))) } }
            (timeline(visit, lines))
        }
    }
}

/// Why something of it is dead, and the way to its dead letter.
fn gave_up(visit: &Visit, letter: &DeadLetter) -> Markup {
    let target = letter.delivery.as_ref().map(|(target, _)| target);
    html! {
        div .notice .bad {
            p { strong { (visit.t(&told::why(&letter.cause, target))) } }
            p { (visit.t(&told::to_do(&letter.cause.class))) }
            p { a .button href={ "/console/dead/" (letter.id) } {
                (visit.t(&text!("Dead letter {}: look at it, replay it", &letter.id)))
            } }
        }
    }
}

fn deliveries(visit: &Visit, fares: &Fares, dead: &[&DeadLetter]) -> Markup {
    let word = |target, ordinal, outcome| delivery_word(Some(fares), (target, ordinal), outcome);
    html! {
        h3 { (visit.t(&text!("What came of it"))) }
        div .scroll tabindex="0" role="region" aria-label=(visit.t(&text!("What came of it"))) { table {
            thead { tr {
                th scope="col" { (visit.t(&text!("Target"))) }
                th scope="col" { (visit.t(&text!("Outcome"))) }
            } }
            tbody { @for (target, ordinal, outcome) in &fares.deliveries {
                @let letter = dead.iter().find(|it| it.delivery.as_ref() == Some(&(target.clone(), *ordinal)));
                tr {
                    td {
                        a href={ "/console/targets/" (target) } { (target) }
                        @if 0 < *ordinal { " [" (ordinal) "]" }
                    }
                    td {
                        (badge(visit, word(target, *ordinal, *outcome)))
                        @if let Some(letter) = letter {
                            " " a href={ "/console/dead/" (letter.id) } {
                                (visit.t(&text!("dead letter {}", &letter.id)))
                            }
                        }
                    }
                }
            } }
        } }
    }
}

/// The lines, the oldest first, under the days on which they were written.
fn timeline(visit: &Visit, lines: &[&Line]) -> Markup {
    let mut days: Vec<(String, Vec<&Line>)> = Vec::new();
    for line in lines {
        let day = day(visit, line.at);
        match days.last_mut().filter(|(last, _)| *last == day) {
            Some((_, of_day)) => of_day.push(line),
            None => days.push((day, vec![line])),
        }
    }
    html! {
        @for (day, lines) in days {
            h4 { (day) }
            ol .timeline { @for line in lines { (happened(visit, line)) } }
        }
    }
}

fn happened(visit: &Visit, line: &Line) -> Markup {
    html! {
        li class=(line.event.told().0) {
            (clock(visit, line.at)) " "
            @if let Some((target, ordinal)) = &line.delivery {
                strong { (target) @if 0 < *ordinal { " [" (ordinal) "]" } } " "
            }
            span { (visit.t(&told::event(&line.event))) }
            @if let Some(bytes) = line.event.bytes() { " " small { (size(visit.language, bytes)) } }
        }
    }
}

/// How a message fares on a route: its fate, and how many of its deliveries ended how.
pub(super) fn fared(visit: &Visit, fares: Option<&Fares>) -> Markup {
    let mut counts: Vec<(&str, u32)> = Vec::new();
    for (target, ordinal, outcome) in fares.iter().flat_map(|it| &it.deliveries) {
        let word = delivery_word(fares, (target, *ordinal), *outcome);
        match counts.iter_mut().find(|(known, _)| *known == word) {
            Some((_, count)) => *count += 1,
            None => counts.push((word, 1)),
        }
    }
    html! {
        @if counts.is_empty() { (badge(visit, fares.map_or("forgotten", fate_word))) }
        @for (word, count) in counts { " " (badge_of(visit, count, word)) }
    }
}

fn delivery_word(
    fares: Option<&Fares>,
    (target, ordinal): (&Endpoint, u32),
    outcome: Option<Outcome>,
) -> &'static str {
    let is_parked = fares.is_some_and(|it| it.parked.contains(&(target.clone(), ordinal)));
    outcome.map_or(if is_parked { "parked" } else { "under way" }, outcome_word)
}
