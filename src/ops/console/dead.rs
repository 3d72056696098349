//! Dead letters in groups of those that failed alike: what happened how often, since when, and one of
//! them as an example.

use axum::{http::Uri, response::Response};
use maud::{Markup, html};

use super::{Section, Visit, page, reader::moment, told};
use crate::{
    diagnostic::text,
    ledger::{DeadFilter, DeadGroup},
    ops::{Refusal, query},
};

/// Groups on the page where nobody asks for more.
const GROUPS: usize = 50;

/// Groups on the page at most.
const GROUPS_MAX: usize = 499;

/// `GET /console/dead`
pub(super) async fn show(visit: Visit, uri: Uri) -> Result<Response, Refusal> {
    let mut filter = DeadFilter::default();
    let mut limit = GROUPS;
    for (name, value) in query::pairs(&uri).unwrap_or_default() {
        match name.as_str() {
            "route" => filter.route = Some(value),
            "target" => filter.target = Some(value),
            "class" => filter.class = Some(value),
            "all" => limit = GROUPS_MAX,
            _ => {}
        }
    }
    let mut groups = visit.desk.dead_groups(&filter, limit + 1).await?;
    let more = limit < groups.len();
    groups.truncate(limit);
    let body = html! {
        p { a href="/console/jobs" { (visit.t(&text!("Replays and other jobs"))) } }
        (narrowed(&visit, &filter))
        @if groups.is_empty() {
            p .notice .good role="status" { (visit.t(&text!("There are no dead letters."))) }
        } @else {
            (list(&visit, &groups))
        }
        @if more && limit < GROUPS_MAX {
            p { a href=(all_of(&filter)) { (visit.t(&text!("Show smaller groups too"))) } }
        } @else if more {
            p { (visit.t(&text!("There are more groups, which are smaller."))) }
        }
    };
    Ok(page(&visit, Section::Dead, text!("Dead letters"), body))
}

/// What the list is narrowed to, and the way out of it.
fn narrowed(visit: &Visit, filter: &DeadFilter) -> Markup {
    let parts = [&filter.route, &filter.target, &filter.class];
    let parts: Vec<&str> = parts.into_iter().filter_map(|it| it.as_deref()).collect();
    html! {
        @if !parts.is_empty() {
            p {
                (visit.t(&text!("Only: {}", &parts.join(", ")))) " "
                a href="/console/dead" { (visit.t(&text!("Show all"))) }
            }
        }
    }
}

fn all_of(filter: &DeadFilter) -> String {
    let parts = [("route", &filter.route), ("target", &filter.target), ("class", &filter.class)];
    let mut path = "/console/dead?all=1".to_owned();
    for (name, value) in parts {
        if let Some(value) = value {
            path.push_str(&format!("&{name}={}", query::encoded(value)));
        }
    }
    path
}

fn list(visit: &Visit, groups: &[DeadGroup]) -> Markup {
    html! {
        ul .cards { @for group in groups {
            li .card {
                h2 {
                    a href={ "/console/dead/groups/" (group.name) } {
                        (visit.t(&told::alike(visit.language, group.count)))
                    }
                    " "
                    small {
                        (group.route)
                        @if let Some(target) = &group.target { " → " (target) }
                    }
                }
                p { (visit.t(&told::why(&group.cause, group.target.as_ref()))) }
                (since(visit, group))
            }
        } }
    }
}

/// Since when, until when, and an example.
pub(super) fn since(visit: &Visit, group: &DeadGroup) -> Markup {
    html! {
        p .hint {
            (visit.t(&text!("first"))) " " (moment(visit, group.first)) " · "
            (visit.t(&text!("last"))) " " (moment(visit, group.last)) " · "
            a href={ "/console/dead/" (group.example) } {
                (visit.t(&text!("for example letter {}", &group.example)))
            }
        }
    }
}
