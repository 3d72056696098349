//! What happens on one route, as it happens: what the journal says, which holds no body. A script adds
//! what comes; without it the page shows the last lines each time it is loaded.

use axum::{
    extract::Path,
    http::{HeaderMap, Uri},
    response::{IntoResponse, Response},
};
use maud::{Markup, html};

use super::{Section, Visit, page, reader::clock, told};
use crate::{
    diagnostic::text,
    journal::Line,
    ops::{
        Refusal,
        events::{Event, last_event, stream},
    },
};

/// Lines on the page when it is opened; its script keeps ten times as many.
const LINES: usize = 50;

/// `GET /console/live/{route}`
pub(super) async fn show(visit: Visit, Path(route): Path<String>) -> Result<Response, Refusal> {
    let lines = visit.desk.recent(&route, LINES).await?;
    let after = lines.last().map(|(number, _)| *number);
    let source = match after {
        Some(after) => format!("/console/live/{route}/stream?after={after}"),
        None => format!("/console/live/{route}/stream"),
    };
    let body = html! {
        p {
            (visit.t(&text!("Route"))) " "
            a href={ "/console/routes/" (route) } { (route) }
        }
        p .hint {
            (visit.t(&text!(
                "The newest stands last. Bodies are not shown, and nothing about people is."
            )))
        }
        div .row {
            button #pause type="button" .quiet hidden aria-pressed="false" {
                (visit.t(&text!("Hold")))
            }
            p #state role="status" {
                noscript { (visit.t(&text!("Load the page again to see what came."))) }
            }
        }
        ol #live .timeline .tail data-source=(source)
            data-follows=(visit.t(&text!("Following")))
            data-waits=(visit.t(&text!("The connection is lost; it is tried again")))
            data-holds=(visit.t(&text!("Held; what comes is shown when you go on")))
        {
            @for (_, line) in &lines { (happened(&visit, line)) }
        }
        script src="/console/assets/live.js" defer {}
    };
    Ok(page(&visit, Section::Messages, text!("Live"), body))
}

/// `GET /console/live/{route}/stream`: the lines that come, as pieces of the page.
pub(super) async fn follow(
    visit: Visit,
    Path(route): Path<String>,
    uri: Uri,
    headers: HeaderMap,
) -> Result<Response, Response> {
    let after = last_event(&headers, &uri);
    let following = visit.desk.follow(after, Some(route.as_str().into())).await;
    let following = following.map_err(IntoResponse::into_response)?;
    Ok(stream(following, move |_, line| {
        Some(Event { name: None, data: happened(&visit, line).into_string() })
    }))
}

fn happened(visit: &Visit, line: &Line) -> Markup {
    html! {
        li class=(line.event.told().0) {
            (clock(visit, line.at)) " "
            @if let Some(id) = line.message {
                a .id href={ "/console/messages/" (id) } { (id) } " "
            }
            @if let Some((target, ordinal)) = &line.delivery {
                strong { (target) @if 0 < *ordinal { " [" (ordinal) "]" } } " "
            }
            span { (visit.t(&told::event(&line.event))) }
        }
    }
}
