//! Who did and looked at what: a page for auditors.

use axum::{http::Uri, response::Response};
use maud::{Markup, html};

use super::{Section, Visit, page, reader::moment};
use crate::{
    diagnostic::text,
    message::Timestamp,
    ops::{
        Refusal,
        actions::{ActionView, ActionsView},
        query,
    },
};

/// Actions on one page.
const PAGE: usize = 100;

/// `GET /console/actions?before=…`
pub(super) async fn show(visit: Visit, uri: Uri) -> Result<Response, Refusal> {
    let pairs = query::pairs(&uri).unwrap_or_default();
    let below = pairs.iter().find(|(name, _)| name == "before");
    let below = below.and_then(|(_, value)| value.parse().ok());
    let view = ActionsView::of(&visit.desk.actions(below, PAGE).await?, PAGE);
    let body = html! {
        p { (visit.t(&text!("Each look at a body and each action of an operator, the newest first."))) }
        @if view.actions.is_empty() {
            p { (visit.t(&text!("Nothing yet."))) }
        } @else {
            (table(&visit, &view))
        }
        @if let Some(next) = view.next {
            p { a href={ "/console/actions?before=" (next) } rel="next" {
                (visit.t(&text!("Older ones")))
            } }
        }
    };
    Ok(page(&visit, Section::Actions, text!("Actions"), body))
}

fn table(visit: &Visit, view: &ActionsView) -> Markup {
    html! {
        div .wide tabindex="0" role="region" aria-label=(visit.t(&text!("Actions"))) {
            table {
                thead { tr {
                    th scope="col" { (visit.t(&text!("When"))) }
                    th scope="col" { (visit.t(&text!("Who"))) }
                    th scope="col" { (visit.t(&text!("What"))) }
                    th scope="col" { (visit.t(&text!("Why"))) }
                    th scope="col" { (visit.t(&text!("Where"))) }
                } }
                tbody { @for action in &view.actions { (row(visit, action)) } }
            }
        }
    }
}

fn row(visit: &Visit, action: &ActionView) -> Markup {
    html! {
        tr {
            td .nowrap {
                @match Timestamp::parse(&action.at) {
                    Some(at) => (moment(visit, at)),
                    None => (action.at),
                }
            }
            td { (action.who) }
            td { (action.what) }
            td { (action.reason.as_deref().unwrap_or_default()) }
            td {
                @if let Some(route) = &action.route {
                    a href={ "/console/routes/" (route) } { (route) } " "
                }
                @if let Some(target) = &action.target { (target) " " }
                @if let Some(message) = &action.message {
                    a href={ "/console/messages/" (message) } { code { (message) } }
                }
            }
        }
    }
}
