//! What is kept of the bodies of a message, and what became of its fields on the way to each target.

use maud::{Markup, html};

use super::{
    Visit,
    body::{self, Whose},
    reader::{moment, number},
};
use crate::{
    diagnostic::text,
    engine::{BodyOf, Change, KeptBody, KnownBody, SentChanges, What},
    message::{Digest, MessageId},
    ops::bodies::value,
};

/// What is kept of a message on one of its routes, with what became of its fields.
pub(super) fn section(
    visit: &Visit,
    id: MessageId,
    (bodies, changes): (&[KeptBody], &[SentChanges]),
    hide: bool,
) -> Markup {
    let path = format!("/console/messages/{id}?bodies=1");
    let whose = |of, known| Whose { of, known, hide, path: &path };
    html! {
        section .card aria-label=(visit.t(&text!("Bodies that are kept"))) {
            h2 { (visit.t(&text!("Bodies that are kept"))) }
            @if bodies.is_empty() {
                p { (visit.t(&text!(
                    "None: its routes keep no bodies, their time is over, or you may not see them."
                ))) }
            }
            @for body in bodies {
                h3 { (heading(visit, body)) }
                p .meta {
                    (moment(visit, body.at)) "; " (visit.t(&text!("kept until"))) " "
                    (moment(visit, body.until))
                }
                @match (&body.known, &body.delivery) {
                    (KnownBody::Whole(bytes), None) => {
                        (body::block(visit, &whose(BodyOf::Route(&body.route), &body.personal), bytes))
                    },
                    (KnownBody::Whole(bytes), Some((target, _))) => {
                        (body::block(visit, &whose(BodyOf::Target(target), &body.personal), bytes))
                    },
                    (KnownBody::Digest(digest, bytes), _) => p {
                        "SHA-256 " code .id { (Digest(*digest)) } ", "
                        (visit.t(&text!("{} bytes", &number(visit.language, *bytes))))
                    },
                    (KnownBody::Sealed(unopened), _) => p .notice .bad { (unopened.to_string()) },
                    (KnownBody::NotRead, _) => p {
                        (visit.t(&text!("Not shown: those before it are so large.")))
                    },
                }
                @for sent in changes.iter().filter(|it| is_of(it, body)) {
                    (fields(visit, sent))
                }
            }
        }
    }
}

fn is_of(sent: &SentChanges, body: &KeptBody) -> bool {
    sent.at == body.at && sent.route == body.route && Some(&sent.delivery) == body.delivery.as_ref()
}

fn heading(visit: &Visit, body: &KeptBody) -> Markup {
    html! {
        (body.route) ": "
        @match &body.delivery {
            None => (visit.t(&text!("as it was accepted"))),
            Some((target, ordinal)) => {
                (visit.t(&text!("as it was sent to {}", target)))
                @if 0 < *ordinal { " [" (ordinal) "]" }
            },
        }
    }
}

/// What became of each field on the way there.
fn fields(visit: &Visit, sent: &SentChanges) -> Markup {
    let label = visit.t(&text!("What became of the fields"));
    html! {
        h4 { (label) }
        div .scroll tabindex="0" role="region" aria-label=(label) { table {
            thead { tr {
                th scope="col" { (visit.t(&text!("Field"))) }
                th scope="col" { (visit.t(&text!("What became of it"))) }
                th scope="col" { (visit.t(&text!("Before"))) }
                th scope="col" { (visit.t(&text!("Now"))) }
            } }
            tbody { @for change in &sent.changes.all { (field(visit, change)) } }
        } }
        p .meta {
            (visit.t(&text!("{} fields are as they were.", &number(visit.language, sent.changes.same as u64))))
            @if sent.changes.more { " " (visit.t(&text!("There are more than these."))) }
        }
    }
}

fn field(visit: &Visit, change: &Change) -> Markup {
    let (what, before, after) = match &change.what {
        What::Changed { before, after } => {
            (text!("has another value"), Some(value(before)), Some(value(after)))
        }
        What::Moved { from, value: it } => {
            (text!("stood at {}", from), Some(value(it)), Some(value(it)))
        }
        What::Added(after) => (text!("was not there"), None, Some(value(after))),
        What::LeftOut(before) => (text!("was left out"), Some(value(before)), None),
    };
    html! {
        tr {
            td { code { (change.path) } }
            td { (visit.t(&what)) }
            td { @if let Some(before) = before { code { (before) } } }
            td { @if let Some(after) = after { code { (after) } } }
        }
    }
}
