//! Finding a message: by its id, or by a value that its route lets one search for.

use axum::{
    http::Uri,
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};

use super::{Section, Visit, message::fared, page, reader::moment};
use crate::{
    diagnostic::text,
    engine::{Found, FoundMessage},
    journal::Wanted,
    message::MessageId,
    ops::{Refusal, query},
};

/// What somebody looks for.
#[derive(Default)]
struct Asked {
    text: String,
    begins: bool,
    below: Option<i64>,
}

impl Asked {
    fn read(uri: &Uri) -> Self {
        let mut asked = Self::default();
        for (name, value) in query::pairs(uri).unwrap_or_default() {
            match name.as_str() {
                "q" => value.trim().clone_into(&mut asked.text),
                "begins" => asked.begins = value == "1",
                "before" => asked.below = value.parse().ok(),
                _ => {}
            }
        }
        asked
    }

    fn wanted(&self) -> Wanted {
        Wanted { text: self.text.clone(), begins: self.begins, below: self.below }
    }
}

/// `GET /console/messages?q=…`
pub(super) async fn show(visit: Visit, uri: Uri) -> Result<Response, Refusal> {
    let asked = Asked::read(&uri);
    let mut found = None;
    if !asked.text.is_empty() {
        if let Ok(id) = asked.text.parse::<MessageId>() {
            return Ok(to_message(&id));
        }
        let answer = visit.desk.find(&asked.wanted()).await?;
        if let ([only], false, None, false) =
            (&answer.messages[..], asked.begins, asked.below, answer.more)
        {
            return Ok(to_message(&only.id));
        }
        found = Some(answer);
    }
    let body = html! {
        (form(&visit, &asked))
        @match &found {
            None => p .hint {
                (visit.t(&text!(
                    "What can be searched for stands in the route files (`search:`): a letter's number, \
                     the number of a person. Upper and lower case are the same."
                )))
            },
            Some(found) if found.messages.is_empty() => p role="status" {
                (visit.t(&text!(
                    "Nothing is found by {}. What was accepted before its route said what can be \
                     searched for is not found.", &asked.text
                )))
            },
            Some(found) => (list(&visit, &asked, found)),
        }
    };
    Ok(page(&visit, Section::Messages, text!("Messages"), body))
}

fn to_message(id: &MessageId) -> Response {
    Redirect::to(&format!("/console/messages/{id}")).into_response()
}

fn form(visit: &Visit, asked: &Asked) -> Markup {
    html! {
        form .search method="get" action="/console/messages" role="search" {
            label for="q" { (visit.t(&text!("Number, another value of the message, or its id"))) }
            div .row {
                input #q type="search" name="q" value=(asked.text) required maxlength="200"
                    autocomplete="off" spellcheck="false";
                button type="submit" { (visit.t(&text!("Search"))) }
            }
            label .check {
                input type="checkbox" name="begins" value="1" checked[asked.begins];
                " " (visit.t(&text!("It only begins so")))
            }
        }
    }
}

fn list(visit: &Visit, asked: &Asked, found: &Found) -> Markup {
    let count = found.messages.len();
    html! {
        p role="status" { (visit.t(&text!("Messages found: {}", &count))) }
        div .scroll tabindex="0" role="region" aria-label=(visit.t(&text!("Messages that were found"))) {
            table {
                thead { tr {
                    th scope="col" { (visit.t(&text!("Accepted"))) }
                    th scope="col" { (visit.t(&text!("Message"))) }
                    th scope="col" { (visit.t(&text!("How it fares"))) }
                } }
                tbody { @for message in &found.messages { (row(visit, message)) } }
            }
        }
        @match (found.more, found.next) {
            (true, Some(next)) => p {
                a href={ "/console/messages?q=" (query::encoded(&asked.text)) "&before=" (next) } {
                    (visit.t(&text!("Earlier ones")))
                }
            },
            (true, None) => p { (visit.t(&text!("There are more: write more of the value."))) },
            (false, _) => {}
        }
    }
}

fn row(visit: &Visit, message: &FoundMessage) -> Markup {
    html! {
        tr {
            td { (moment(visit, message.at)) }
            td { a .id href={ "/console/messages/" (message.id) } { (message.id) } }
            td {
                @for (route, field) in &message.by {
                    @let fares = message.fares.iter().find(|it| it.route == *route);
                    div { (route) " (" (field) ") " (fared(visit, fares)) }
                }
            }
        }
    }
}
