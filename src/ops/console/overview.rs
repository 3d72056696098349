//! The first page: how the bus fares, and what needs somebody first.

use axum::response::Response;
use maud::{Markup, html};

use super::{
    Section, Visit,
    attention::{Item, attention},
    chart,
    facts::Facts,
    map, page,
    page::live,
    route::in_code,
    routes,
    state::{dead, waiting},
};
use crate::{
    diagnostic::{Text, text},
    metrics::Stretch,
    ops::Refusal,
};

/// Things that need somebody that are shown at once; the others unfold.
const NEEDS_MAX: usize = 5;

/// Routes that the list on this page has.
const ROUTES_MAX: usize = 30;

/// `GET /console`
pub(super) async fn show(visit: Visit) -> Result<Response, Refusal> {
    let facts = Facts::gather(&visit.desk, visit.now).await?;
    let items = attention(&facts, visit.language);
    let body = html! {
        (live("needs", needs(&visit, &items)))
        (live("figures", figures(&visit, &facts)))
        h2 #map-title { (visit.t(&text!("Who sends to whom, now"))) }
        (live("map", drawing(&visit, &facts)))
        h2 { (visit.t(&text!("Routes"))) }
        (live("routes", list(&visit, &facts)))
        h2 { (visit.t(&text!("What went through"))) }
        (live("charts", charts(&visit, &facts)))
    };
    Ok(page(&visit, Section::Overview, text!("Overview"), body))
}

/// What needs somebody, in sentences.
fn needs(visit: &Visit, items: &[Item]) -> Markup {
    let (first, rest) = items.split_at(items.len().min(NEEDS_MAX));
    let one = |item: &Item| {
        html! {
            li class=(item.level.class()) {
                p { span class={ "sign " (item.level.class()) } {} span .what { (in_code(&visit.t(&item.what))) } }
                p .todo { (in_code(&visit.t(&item.todo))) " " a href=(item.link) { (visit.t(&item.there)) } }
            }
        }
    };
    html! {
        section aria-labelledby="needs-title" {
            h2 .no #needs-title { (visit.t(&text!("What needs somebody"))) }
            p .no role="status" { (visit.t(&count(visit, items.len()))) }
            @if items.is_empty() {
                p .sheet .calm { span .sign .ok { (visit.t(&text!("All is well: nothing needs you."))) } }
            } @else {
                ul .bare .needs { @for item in first { (one(item)) } }
                @if !rest.is_empty() {
                    details {
                        summary { (visit.t(&text!("{} more", &visit.n(rest.len() as u64)))) }
                        ul .bare .needs { @for item in rest { (one(item)) } }
                    }
                }
            }
        }
    }
}

fn count(visit: &Visit, items: usize) -> Text {
    match items {
        0 => text!("Nothing needs you."),
        _ => text!("Things that need you: {}", &visit.n(items as u64)),
    }
}

/// The whole bus in a few numbers.
fn figures(visit: &Visit, facts: &Facts) -> Markup {
    let minutes = facts.minutes.iter();
    let shown = |name: &str| facts.wiring.routes.contains_key(name);
    let (mut came, mut went, mut failed) = (0, 0, 0);
    for (_, minute) in minutes.filter(|(name, _)| shown(name)) {
        came += minute.route.passed;
        went += minute.targets.values().map(|it| it.passed).sum::<u64>();
        failed += minute.targets.values().map(|it| it.failed).sum::<u64>();
    }
    let waits: u64 = facts.status.iter().map(waiting).sum();
    let given_up: u64 = facts.status.iter().map(dead).sum();
    let oldest = facts.status.iter().flat_map(|it| &it.targets).map(|it| it.oldest).max();
    let figure = |name: Text, number: u64, unit: Option<Text>| {
        html! {
            div {
                dt { (visit.t(&name)) }
                dd { (visit.n(number)) @if let Some(unit) = unit { " " small { (visit.t(&unit)) } } }
            }
        }
    };
    html! {
        dl .figures {
            (figure(text!("Came in"), came, Some(text!("in a minute"))))
            (figure(text!("Delivered"), went, Some(text!("in a minute"))))
            (figure(text!("Failed attempts"), failed, Some(text!("in a minute"))))
            (figure(text!("Waiting"), waits, oldest.filter(|it| !it.is_zero()).map(|it| text!("oldest {}", super::figures::age(it)))))
            (figure(text!("Dead letters"), given_up, None))
            (figure(text!("Routes"), facts.wiring.routes.len() as u64, None))
            (figure(text!("Generation"), u64::try_from(facts.look.generation).unwrap_or_default(), None))
        }
    }
}

fn drawing(visit: &Visit, facts: &Facts) -> Markup {
    let shown = facts.status.iter().filter(|it| map::is_shown(it)).count();
    html! {
        @if shown == 0 {
            p .sheet .soft { (visit.t(&text!("The files that run have no routes."))) }
        } @else {
            div .map tabindex="0" role="region" aria-labelledby="map-title" { (map::map(visit, facts)) }
            (routes::flat(visit, facts, map::ROUTES_MAX))
            @if map::ROUTES_MAX < shown {
                p .soft {
                    (visit.t(&text!("{} of {} routes: those in trouble, then the busiest of the \
                     last hour.", &visit.n(map::ROUTES_MAX as u64), &visit.n(shown as u64))))
                    " " a href="/console/routes" { (visit.t(&text!("All routes"))) }
                }
            }
        }
    }
}

fn list(visit: &Visit, facts: &Facts) -> Markup {
    let shown = map::first(facts, ROUTES_MAX);
    let all = facts.status.iter().filter(|it| map::is_shown(it)).count();
    html! {
        (routes::table(visit, facts, &shown))
        @if shown.len() < all {
            p { a href="/console/routes" { (visit.t(&text!("All {} routes", &visit.n(all as u64)))) } }
        }
    }
}

fn charts(visit: &Visit, facts: &Facts) -> Markup {
    let Some(history) = visit.desk.history() else { return html! {} };
    let shown = |name: &str| facts.wiring.routes.contains_key(name);
    html! {
        div .pair {
            @for stretch in [Stretch::Hour, Stretch::Day] {
                (chart::chart(visit, &history.chart(stretch, shown), stretch, &history))
            }
        }
        (chart::since(visit, &history))
    }
}
