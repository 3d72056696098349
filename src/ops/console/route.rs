//! One route: what it does in words, how it fares, and where to go on.

use axum::{extract::Path, response::Response};
use maud::{Markup, html};

use super::{
    Section, Visit, chart,
    facts::Facts,
    map, page,
    page::live,
    reader::moment,
    state::{State, promise, waits_for},
};
use crate::{
    diagnostic::{Text, text},
    engine::{RouteStatus, TargetStatus},
    ledger::{DeadFilter, DeadGroup},
    metrics::Stretch,
    ops::Refusal,
    route::{RouteEntry, ToEntry},
};

/// Groups of dead letters that are named here.
const GROUPS_MAX: usize = 10;

/// `GET /console/routes/{route}`
pub(super) async fn show(visit: Visit, Path(name): Path<String>) -> Result<Response, Refusal> {
    let facts = Facts::gather(&visit.desk, visit.now).await?;
    let Some(status) = facts.status.iter().find(|it| *it.route == *name) else {
        return Err(Refusal::NotFound(format!("there is no route `{}`", name.escape_debug())));
    };
    // Who sees the route only for one of its targets does not see what it does.
    let entry = facts.directory.routes.get(&name).filter(|_| visit.desk.sees_route(&name));
    let filter = DeadFilter { route: Some(name.clone()), ..DeadFilter::default() };
    let groups = match super::state::dead(status) {
        0 => Vec::new(),
        _ => visit.desk.dead_groups(&filter, GROUPS_MAX).await?,
    };
    let body = html! {
        p .crumbs { a href="/console/routes" { (visit.t(&text!("Routes"))) } }
        @if let Some(entry) = entry.filter(|it| !it.summary.is_empty()) { p .lead { (entry.summary) } }
        (live("state", now(&visit, &facts, status)))
        p {
            a .button .quiet href={ "/console/live/" (name) } { (visit.t(&text!("Watch it live"))) } " "
            a .button .quiet href={ "/console/dead?route=" (name) } { (visit.t(&text!("Its dead letters"))) } " "
            @if let Some(entry) = entry {
                a .button .quiet href={ "/console/files/" (entry.path) } { (visit.t(&text!("Its file"))) }
            }
        }
        @if let Some(entry) = entry { (does(&visit, &facts, entry)) }
        h2 { (visit.t(&text!("Where it goes"))) }
        (live("targets", targets(&visit, &facts, status, entry)))
        @if !groups.is_empty() {
            h2 { (visit.t(&text!("Dead letters, by what went wrong"))) }
            (dead(&visit, &groups))
        }
        @if visit.desk.sees_route(&name) {
            h2 { (visit.t(&text!("What went through"))) }
            (live("charts", charts(&visit, &name)))
        }
        h2 { (visit.t(&text!("What became of its messages"))) }
        (live("tally", tally(&visit, status)))
    };
    Ok(page(&visit, Section::Overview, text!("Route {}", &name), body))
}

fn now(visit: &Visit, facts: &Facts, status: &RouteStatus) -> Markup {
    let minute = facts.minutes.get(&status.route).cloned().unwrap_or_default();
    let went: u64 = minute.targets.values().map(|it| it.passed).sum();
    let waits: u64 = status.targets.iter().map(waits_for).sum();
    let figure = |name: Text, number: u64| {
        html! { div { dt { (visit.t(&name)) } dd { (visit.n(number)) } } }
    };
    html! {
        p { (State::of_route(status, &facts.wiring).sign(visit)) }
        dl .figures {
            (figure(text!("Came in, in a minute"), minute.route.passed))
            (figure(text!("Delivered, in a minute"), went))
            (figure(text!("To be routed"), status.in_hand))
            (figure(text!("To be delivered"), waits))
            (figure(text!("Dead letters"), super::state::dead(status)))
        }
    }
}

/// What the route does, out of its file.
fn does(visit: &Visit, facts: &Facts, entry: &RouteEntry) -> Markup {
    let from = crate::message::Endpoint::parse(&entry.from);
    let from = from.map_or_else(|| entry.from.clone(), |it| facts.titled(&it));
    let system = entry.from.split('.').next().unwrap_or_default();
    html! {
        h2 { (visit.t(&text!("What it does"))) }
        div .sheet {
            ol {
                li {
                    (visit.t(&text!("Takes what comes from"))) " "
                    a href={ "/console/systems/" (system) } { (from) } "."
                    @if entry.has_identity {
                        " " (visit.t(&text!("A message that was accepted before is a repeat, \
                         and dropped.")))
                    }
                }
                @for step in &entry.steps { li { (in_code(&visit.t(step))) } }
                @for to in &entry.to { li { (in_code(&visit.t(&goes(to)))) } }
            }
            dl .facts {
                @if let Some(order) = &entry.order_by {
                    dt { (visit.t(&text!("In order of"))) } dd { code { (order) } }
                }
                @if !entry.search.is_empty() {
                    dt { (visit.t(&text!("Found by"))) }
                    dd { @for (name, expression) in &entry.search { (name) " " code { (expression) } " " } }
                }
                @if !entry.owner.is_empty() {
                    dt { (visit.t(&text!("Answers for it"))) } dd { (entry.owner) }
                }
            }
        }
    }
}

/// Where something goes, in a sentence.
fn goes(to: &ToEntry) -> Text {
    let shape = match to.is_mapped {
        true => text!("in a shape of its own"),
        false => text!("as it is"),
    };
    match (&to.each, &to.when) {
        (None, None) => text!("Sends it to `{}`, {}.", &to.target, shape),
        (None, Some(when)) => {
            text!("Sends it to `{}`, {}, where `{}` holds.", &to.target, shape, when)
        }
        (Some(each), None) => text!("Sends each of `{}` to `{}`, {}.", each, &to.target, shape),
        (Some(each), Some(when)) => {
            text!(
                "Sends each of `{}` to `{}`, {}, where `{}` holds.",
                each,
                &to.target,
                shape,
                when
            )
        }
    }
}

/// A sentence whose parts in backticks are code.
pub(super) fn in_code(sentence: &str) -> Markup {
    html! {
        @for (index, part) in sentence.split('`').enumerate() {
            @if index % 2 == 1 { code { (part) } } @else { (part) }
        }
    }
}

fn targets(
    visit: &Visit,
    facts: &Facts,
    status: &RouteStatus,
    entry: Option<&RouteEntry>,
) -> Markup {
    let column = |name: Text| html! { th scope="col" .n { (visit.t(&name)) } };
    html! {
        div .table {
            table {
                thead {
                    tr {
                        th scope="col" { (visit.t(&text!("Target"))) }
                        th scope="col" { (visit.t(&text!("State"))) }
                        (column(text!("In a minute")))
                        (column(text!("Failed")))
                        (column(text!("Waiting")))
                        (column(text!("Tried again")))
                        (column(text!("Parked")))
                        (column(text!("Oldest")))
                        (column(text!("Dead")))
                        (column(text!("Delivered so far")))
                    }
                }
                tbody { @for target in &status.targets { (row(visit, facts, status, target, entry)) } }
            }
        }
    }
}

fn row(
    visit: &Visit,
    facts: &Facts,
    status: &RouteStatus,
    target: &TargetStatus,
    entry: Option<&RouteEntry>,
) -> Markup {
    let name = target.target.to_string();
    let minute = facts.minute(&status.route, &name);
    let promise = promise(&facts.wiring, &status.route, target);
    let takes_out = entry.and_then(|it| it.to.iter().find(|to| to.target == name));
    let takes_out = takes_out.map(|it| it.takes_out.join(", ")).unwrap_or_default();
    html! {
        tr {
            th scope="row" {
                a href={ "/console/targets/" (name) } { (name) }
                @if !takes_out.is_empty() {
                    br; span .soft { (visit.t(&text!("without {}", &takes_out))) }
                }
            }
            td { (State::of_target(target, promise).sign(visit)) }
            td .n { (visit.n(minute.passed)) }
            td .n { (visit.n(minute.failed)) }
            td .n { (visit.n(target.waiting + target.paused)) }
            td .n { (visit.n(target.retrying)) }
            td .n { (visit.n(target.parked)) }
            td .n { @if target.oldest.is_zero() { "–" } @else { (visit.age(target.oldest)) } }
            td .n { (visit.n(target.tally.dead)) }
            td .n { (visit.n(target.tally.delivered)) }
        }
    }
}

fn dead(visit: &Visit, groups: &[DeadGroup]) -> Markup {
    html! {
        ul .bare .needs {
            @for group in groups {
                li .warn {
                    p .what {
                        (visit.t(&text!("{} letters", &visit.n(group.count))))
                        ": " (visit.t(&super::told::why(&group.cause, group.target.as_ref())))
                    }
                    p .todo {
                        (visit.t(&text!("Since"))) " " (moment(visit, group.first)) ". "
                        a href={ "/console/dead/groups/" (group.name) } { (visit.t(&text!("Open the group"))) }
                    }
                }
            }
        }
    }
}

fn charts(visit: &Visit, name: &str) -> Markup {
    let Some(history) = visit.desk.history() else { return html! {} };
    html! {
        div .pair {
            @for stretch in [Stretch::Hour, Stretch::Day] {
                (chart::chart(visit, &history.chart(stretch, |it| it == name), stretch, &history))
            }
        }
        (chart::since(visit, &history))
    }
}

fn tally(visit: &Visit, status: &RouteStatus) -> Markup {
    let tally = &status.tally;
    let rows = [
        (text!("Received"), tally.received),
        (text!("Repeats"), tally.repeats),
        (text!("Filtered"), tally.filtered),
        (text!("Dead"), tally.dead),
        (text!("Discarded"), tally.discarded),
        (text!("Routed"), tally.routed),
        (text!("In hand"), status.in_hand),
    ];
    html! {
        dl .figures {
            @for (name, count) in rows { div { dt { (visit.t(&name)) } dd { (visit.n(count)) } } }
        }
        p .soft { (visit.t(&text!("What was received is the sum of all that follows, at any \
         moment."))) }
    }
}

/// The routes that go to a target, with what they have for it.
pub(super) fn routes_to<'f>(
    facts: &'f Facts,
    target: &str,
) -> Vec<(&'f RouteStatus, &'f TargetStatus)> {
    let all = facts.status.iter().filter(|it| map::is_shown(it));
    all.flat_map(|route| route.targets.iter().map(move |it| (route, it)))
        .filter(|(_, it)| it.target.to_string() == target)
        .collect()
}
