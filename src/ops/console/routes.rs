//! Routes as a list: all of them, a page at a time, and as the pages of others show some.

use axum::{http::Uri, response::Response};
use maud::{Markup, html};

use super::{
    Section, Visit,
    facts::Facts,
    map, page,
    page::live,
    state::{State, dead, promise, waiting},
};
use crate::{
    diagnostic::text,
    engine::RouteStatus,
    ops::{Refusal, query},
};

/// Routes that one page has.
const PAGE: usize = 100;

/// `GET /console/routes?q=…&after=…`
pub(super) async fn show(visit: Visit, uri: Uri) -> Result<Response, Refusal> {
    let facts = Facts::gather(&visit.desk, visit.now).await?;
    let fields = query::pairs(&uri).unwrap_or_default();
    let of = |wanted: &str| {
        fields.iter().find(|(name, _)| name == wanted).map_or("", |(_, it)| it.trim())
    };
    let (wanted, after) = (of("q"), of("after"));
    let matches = |it: &&RouteStatus| {
        let name = it.route.contains(wanted);
        name || it.targets.iter().any(|to| to.target.to_string().contains(wanted))
    };
    let all: Vec<&RouteStatus> =
        facts.status.iter().filter(|it| map::is_shown(it)).filter(matches).collect();
    let behind = all.iter().copied().filter(|it| after < &*it.route);
    let shown: Vec<&RouteStatus> = behind.take(PAGE + 1).collect();
    let (here, more) = (shown.get(..PAGE).unwrap_or(&shown), PAGE < shown.len());
    let next = here.last().filter(|_| more).map(|last| {
        let escaped =
            percent_encoding::utf8_percent_encode(wanted, percent_encoding::NON_ALPHANUMERIC);
        format!("/console/routes?q={escaped}&after={}", last.route)
    });
    let body = html! {
        form .line method="get" action="/console/routes" role="search" {
            div {
                label for="q" { (visit.t(&text!("Name of a route or target, or a part of it"))) }
                input #q type="search" name="q" value=(wanted);
            }
            button { (visit.t(&text!("Look"))) }
        }
        p .soft { (visit.t(&text!("{} routes", &visit.n(all.len() as u64)))) }
        (live("routes", html! {
            @if here.is_empty() {
                p .sheet { (visit.t(&text!("No route has that in its name."))) }
            } @else {
                (table(&visit, &facts, here))
            }
        }))
        @if let Some(next) = next {
            p { a .button .quiet href=(next) { (visit.t(&text!("Next page"))) } }
        }
    };
    Ok(page(&visit, Section::Overview, text!("Routes"), body))
}

/// Routes as a table.
pub(super) fn table(visit: &Visit, facts: &Facts, routes: &[&RouteStatus]) -> Markup {
    html! {
        div .table {
            table {
                thead {
                    tr {
                        th scope="col" { (visit.t(&text!("Route"))) }
                        th scope="col" { (visit.t(&text!("State"))) }
                        th scope="col" { (visit.t(&text!("From"))) }
                        th scope="col" .wide { (visit.t(&text!("To"))) }
                        th scope="col" .n { (visit.t(&text!("In a minute"))) }
                        th scope="col" .n { (visit.t(&text!("Waiting"))) }
                        th scope="col" .n .wide { (visit.t(&text!("Oldest"))) }
                        th scope="col" .n { (visit.t(&text!("Dead"))) }
                    }
                }
                tbody { @for route in routes { (row(visit, facts, route)) } }
            }
        }
    }
}

fn row(visit: &Visit, facts: &Facts, route: &RouteStatus) -> Markup {
    let state = State::of_route(route, &facts.wiring);
    let wiring = facts.wiring.routes.get(&route.route);
    let minute = facts.minutes.get(&route.route).map(|it| it.route.passed).unwrap_or_default();
    let oldest = route.targets.iter().map(|it| it.oldest).max().filter(|it| !it.is_zero());
    html! {
        tr {
            th scope="row" { a href={ "/console/routes/" (route.route) } { (route.route) } }
            td { (state.sign(visit)) }
            td { @if let Some(wiring) = wiring { (wiring.from) } }
            td .wide {
                @for (index, target) in route.targets.iter().enumerate() {
                    @if index != 0 { ", " }
                    a href={ "/console/targets/" (target.target) } { (target.target) }
                    @let state = State::of_target(target, promise(&facts.wiring, &route.route, target));
                    @if state.level != super::state::Level::Fine { " " (state.sign(visit)) }
                }
            }
            td .n { (visit.n(minute)) }
            td .n { (visit.n(waiting(route))) }
            td .n .wide { @if let Some(oldest) = oldest { (visit.age(oldest)) } @else { "–" } }
            td .n {
                @let dead = dead(route);
                @if dead == 0 { "0" } @else {
                    a href={ "/console/dead?route=" (route.route) } { (visit.n(dead)) }
                }
            }
        }
    }
}

/// What the map shows, for a screen that is too narrow for a map.
pub(super) fn flat(visit: &Visit, facts: &Facts, most: usize) -> Markup {
    html! {
        ul .bare .flat {
            @for route in map::first(facts, most) {
                @let state = State::of_route(route, &facts.wiring);
                li {
                    p {
                        a href={ "/console/routes/" (route.route) } { strong { (route.route) } }
                        " " (state.sign(visit))
                    }
                    @if let Some(wiring) = facts.wiring.routes.get(&route.route) {
                        p .soft { (wiring.from) }
                    }
                    @for target in &route.targets {
                        @let (state, label, _) = map::exit(visit, facts, &route.route, target);
                        p {
                            "→ " a href={ "/console/targets/" (target.target) } { (target.target) }
                            @if !label.is_empty() { " " span class={ "sign " (state.level.class()) } { (label) } }
                        }
                    }
                }
            }
        }
    }
}
