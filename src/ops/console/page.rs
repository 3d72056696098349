//! What all pages have in common.

use axum::{
    http::{StatusCode, header},
    response::{IntoResponse, Response},
};
use maud::{DOCTYPE, Markup, html};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Visit, figures, login};
use crate::{
    diagnostic::{Language, Text, text},
    ops::{Refusal, access::Right, wire::Problem},
};

/// Nothing but what the bus serves itself, nowhere but on its own pages.
const POLICY: &str = "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self' data:; \
                      connect-src 'self'; form-action 'self'; frame-ancestors 'none'; base-uri 'none'";

/// A part of the console, as its menu has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    /// How the bus fares.
    Overview,
    /// Finding messages.
    Messages,
    /// Dead letters, and what is done with them.
    Dead,
    /// The directory of systems.
    Systems,
    /// The files that run.
    Files,
    /// Who did and looked at what.
    Actions,
}

impl Section {
    const ALL: [Self; 6] =
        [Self::Overview, Self::Messages, Self::Dead, Self::Systems, Self::Files, Self::Actions];

    fn path(self) -> &'static str {
        match self {
            Self::Overview => "/console",
            Self::Messages => "/console/messages",
            Self::Dead => "/console/dead",
            Self::Systems => "/console/systems",
            Self::Files => "/console/files",
            Self::Actions => "/console/actions",
        }
    }

    fn name(self) -> Text {
        match self {
            Self::Overview => text!("Overview"),
            Self::Messages => text!("Messages"),
            Self::Dead => text!("Dead letters"),
            Self::Systems => text!("Systems"),
            Self::Files => text!("Files"),
            Self::Actions => text!("Actions"),
        }
    }
}

/// A page for a visitor: `body` below the menu, under `title`.
pub(super) fn page(visit: &Visit, here: Section, title: Text, body: Markup) -> Response {
    let title = visit.t(&title);
    let markup = html! {
        (DOCTYPE)
        html lang=(visit.language.tag()) {
            head {
                meta charset="utf-8";
                meta name="viewport" content="width=device-width, initial-scale=1";
                title { (title) " · simpul" }
                link rel="icon" href="/console/assets/icon.svg" type="image/svg+xml";
                link rel="stylesheet" href="/console/assets/console.css";
                link rel="stylesheet" href="/console/assets/messages.css";
                script src="/console/assets/console.js" defer {}
            }
            body {
                a .skip href="#content" { (visit.t(&text!("Skip to the content"))) }
                (top(visit, here))
                main #content tabindex="-1" {
                    p #stale .stale .told .bad role="status" {
                        (visit.t(&text!("This page is not fresh: the bus does not answer. It is \
                         asked again every few seconds.")))
                    }
                    h1 { (title) }
                    (body)
                }
                (bottom(visit))
            }
        }
    };
    answer(StatusCode::OK, markup)
}

/// A part of a page that is kept fresh; `id` is its own.
pub(super) fn live(id: &str, part: Markup) -> Markup {
    html! { div id=(id) data-live {(part)} }
}

fn top(visit: &Visit, here: Section) -> Markup {
    let caller = visit.desk.caller();
    let shown = |it: &Section| *it != Section::Actions || caller.may_somewhere(Right::Audit);
    html! {
        header .top {
            a .brand href="/console" { "simpul" }
            nav aria-label=(visit.t(&text!("Menu"))) {
                @for section in Section::ALL.into_iter().filter(shown) {
                    a href=(section.path()) aria-current=[(section == here).then_some("page")] {
                        (visit.t(&section.name()))
                    }
                }
            }
            div .who {
                (languages(visit))
                (login::way_out(visit))
            }
        }
    }
}

/// The link to the same page in the other language.
fn languages(visit: &Visit) -> Markup {
    let (to, name) = match visit.language {
        Language::English => ("id", "Bahasa Indonesia"),
        Language::Indonesian => ("en", "English"),
    };
    let back = utf8_percent_encode(&visit.here, NON_ALPHANUMERIC);
    let address = format!("/console/language?to={to}&back={back}");
    html! { a href=(address) lang=(to) hreflang=(to) { (name) } }
}

fn bottom(visit: &Visit) -> Markup {
    let (at, zone) = (visit.at(visit.now), figures::zone(visit.now));
    html! {
        footer {
            span #asof data-live { (visit.t(&text!("As of"))) " " (at) ", " (zone) }
            button #hold .quiet type="button" hidden aria-pressed="false" {
                (visit.t(&text!("Hold still")))
            }
            span { "simpul " (env!("CARGO_PKG_VERSION")) }
        }
    }
}

/// Markup as an answer.
pub(super) fn answer(status: StatusCode, markup: Markup) -> Response {
    let headers = [
        (header::CONTENT_TYPE, "text/html; charset=utf-8"),
        (header::CACHE_CONTROL, "no-store"),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    (status, headers, markup.into_string()).into_response()
}

/// A page that says why there is none.
impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let Problem { status, title, detail, .. } = self.into();
        let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let markup = html! {
            (DOCTYPE)
            html lang="en" {
                head {
                    meta charset="utf-8";
                    meta name="viewport" content="width=device-width, initial-scale=1";
                    title { (title) " · simpul" }
                    link rel="icon" href="/console/assets/icon.svg" type="image/svg+xml";
                    link rel="stylesheet" href="/console/assets/console.css";
                }
                body {
                    main {
                        h1 { (title) }
                        @if let Some(detail) = detail { pre { (detail) } }
                        p { a href="/console" { "simpul" } }
                    }
                }
            }
        };
        answer(status, markup)
    }
}
