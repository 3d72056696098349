//! One dead letter: why, what was accepted and sent, what would be sent now, and the way on.

use axum::{
    body::Bytes,
    extract::Path,
    http::{StatusCode, Uri},
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};

use super::{
    Section, Visit,
    act::{self, Form},
    body::{self, Whose},
    page,
    reader::moment,
    told,
};
use crate::{
    diagnostic::{Text, text},
    engine::{BodyOf, Preview},
    ledger::{DeadFilter, DeadLetter, JobKind},
    message::Message,
    ops::{
        Refusal,
        access::{Of, Right},
        query,
    },
};

/// What of a letter somebody wants to see.
#[derive(Default)]
struct Asked {
    bodies: bool,
    preview: bool,
    personal: bool,
}

impl Asked {
    fn read(uri: &Uri) -> Self {
        let pairs = query::pairs(uri).unwrap_or_default();
        let says = |wanted: &str| pairs.iter().any(|(name, value)| name == wanted && value == "1");
        Self { bodies: says("body"), preview: says("preview"), personal: says("personal") }
    }
}

/// `GET /console/dead/{id}`
pub(super) async fn show(
    visit: Visit,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let letter = letter_of(&visit, &id).await?;
    render(&visit, &letter, &Asked::read(&uri), None).await
}

/// `POST /console/dead/{id}`
pub(super) async fn act(
    visit: Visit,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Response> {
    let form = Form::read(&visit, &body).map_err(IntoResponse::into_response)?;
    let letter = letter_of(&visit, &id).await.map_err(IntoResponse::into_response)?;
    let refused = async |said: Text, status: StatusCode| {
        let rendered = render(&visit, &letter, &Asked::default(), Some(said)).await;
        let mut response = rendered.unwrap_or_else(IntoResponse::into_response);
        *response.status_mut() = status;
        Err(response)
    };
    let reason = match form.reason() {
        Ok(reason) => reason,
        Err(said) => return refused(said, StatusCode::UNPROCESSABLE_ENTITY).await,
    };
    let filter = DeadFilter { ids: vec![letter.id], ..DeadFilter::default() };
    let gone = text!("Nothing was done: somebody else has replayed or discarded it meanwhile.");
    let done = match form.kind() {
        JobKind::Replay => {
            let done = visit.desk.replay(&filter, &reason).await;
            let done = done.map_err(IntoResponse::into_response)?;
            if let Some((_, reason)) = done.failed.first() {
                let said = text!("It stays dead, since it would be dead again: {}.", reason);
                return refused(said, StatusCode::CONFLICT).await;
            }
            done.count
        }
        JobKind::Discard => {
            visit.desk.discard(&filter, &reason).await.map_err(IntoResponse::into_response)?
        }
        JobKind::Preview => 0,
    };
    if done == 0 {
        return refused(gone, StatusCode::CONFLICT).await;
    }
    Ok(Redirect::to(&format!("/console/messages/{}", letter.message)).into_response())
}

async fn letter_of(visit: &Visit, id: &str) -> Result<DeadLetter, Refusal> {
    let gone = || {
        let id = id.escape_debug();
        Refusal::NotFound(format!(
            "there is no dead letter `{id}`; it may have been replayed or discarded"
        ))
    };
    let number = id.parse().map_err(|_| gone())?;
    visit.desk.dead_one(number).await?.ok_or_else(gone)
}

async fn render(
    visit: &Visit,
    letter: &DeadLetter,
    asked: &Asked,
    said: Option<Text>,
) -> Result<Response, Refusal> {
    let alike = DeadFilter { group: Some(letter.group.clone()), ..DeadFilter::default() };
    let alike = visit.desk.dead_groups(&alike, 1).await?.first().map_or(0, |it| it.count);
    let bodies = match asked.bodies {
        true => Some((
            // Of a message that goes elsewhere too, not everybody may see the whole.
            match visit.desk.caller().may(Right::SeeBody, &Of::route(&letter.route)) {
                true => visit.desk.dead_message(letter.id).await?,
                false => None,
            },
            visit.desk.dead_sent(letter.id).await?.and_then(|it| it.sent),
        )),
        false => None,
    };
    let preview = match asked.preview {
        true => visit.desk.preview(letter.id).await?,
        false => None,
    };
    let known = match asked.bodies || asked.preview {
        true => visit.desk.personal_in(&letter.route, letter.message).await?,
        false => Vec::new(),
    };
    let hidden = (&known[..], !asked.personal);
    let target = letter.delivery.as_ref().map(|(target, _)| target);
    let body = html! {
        @if let Some(said) = said { p .notice .bad role="alert" { (visit.t(&said)) } }
        div .notice .bad {
            p { strong { (visit.t(&told::why(&letter.cause, target))) } }
            p { (visit.t(&told::to_do(&letter.cause.class))) }
        }
        (facts(visit, letter, alike))
        (actions(visit, letter, asked))
        @if let Some(preview) = &preview { (previewed(visit, letter, preview, hidden)) }
        @if let Some((message, sent)) = &bodies {
            (both(visit, letter, (message.as_ref(), sent.as_deref()), hidden))
        }
    };
    Ok(page(visit, Section::Dead, text!("Dead letter {}", &letter.id), body))
}

fn facts(visit: &Visit, letter: &DeadLetter, alike: u64) -> Markup {
    html! {
        dl .facts {
            dt { (visit.t(&text!("About"))) }
            dd { (visit.t(&told::about(letter))) }
            dt { (visit.t(&text!("Given up"))) }
            dd { (moment(visit, letter.at)) }
            dt { (visit.t(&text!("Attempts"))) }
            dd { (letter.attempts) }
            dt { (visit.t(&text!("Files"))) }
            dd { (visit.t(&text!("generation {}", &letter.generation))) }
            dt { (visit.t(&text!("Message"))) }
            dd { a .id href={ "/console/messages/" (letter.message) } { (letter.message) } }
            dt { (visit.t(&text!("Group"))) }
            dd { a href={ "/console/dead/groups/" (letter.group) } {
                (visit.t(&told::alike(visit.language, alike)))
            } }
        }
    }
}

fn actions(visit: &Visit, letter: &DeadLetter, asked: &Asked) -> Markup {
    let system = letter.delivery.as_ref().map(|(target, _)| &*target.system);
    let of = Of::both(&letter.route, system);
    let may = |right| visit.desk.caller().may(right, &of);
    let path = format!("/console/dead/{}", letter.id);
    html! {
        section .card aria-labelledby="act" {
            h2 #act { (visit.t(&text!("Put it right"))) }
            @if may(Right::SeeBody) {
                div .row {
                    a .button href={ (path) "?preview=1" } aria-current=[asked.preview.then_some("true")] {
                        (visit.t(&text!("Preview: what would be sent now")))
                    }
                    a .button .quiet href={ (path) "?body=1" } aria-current=[asked.bodies.then_some("true")] {
                        (visit.t(&text!("What was accepted and what was sent")))
                    }
                }
            }
            @if may(Right::Replay) { (act::single(visit, &path, "replay")) }
            @if may(Right::Discard) {
                details {
                    summary { (visit.t(&text!("Discard it instead"))) }
                    p { (visit.t(&text!("It is given up for good: nothing of it is sent any more."))) }
                    (act::single(visit, &path, "discard"))
                }
            }
        }
    }
}

fn previewed(
    visit: &Visit,
    letter: &DeadLetter,
    preview: &Preview,
    (known, hide): (&[String], bool),
) -> Markup {
    let path = format!("/console/dead/{}?preview=1", letter.id);
    html! {
        section .card aria-labelledby="preview" {
            h2 #preview { (visit.t(&text!("What would be sent now"))) }
            @match (&preview.after, &preview.letter.sent) {
                (Err(cause), _) => {
                    p .notice .bad {
                        (visit.t(&text!("It would be dead again."))) " "
                        (visit.t(&told::why(cause, letter.delivery.as_ref().map(|(it, _)| it))))
                    }
                },
                (Ok(made), _) if made.is_empty() => {
                    p { (visit.t(&text!("Nothing: today its route filters it."))) }
                },
                (Ok(made), sent) => @for (target, after) in made {
                    @let whose = Whose { of: BodyOf::Target(target), known, hide, path: &path };
                    h3 { (visit.t(&text!("To {}", target))) }
                    @match sent {
                        Some(before) => (body::side_by_side(visit, &whose, (before, after))),
                        None => (body::block(visit, &whose, after)),
                    }
                },
            }
        }
    }
}

fn both(
    visit: &Visit,
    letter: &DeadLetter,
    (message, sent): (Option<&Message>, Option<&[u8]>),
    (known, hide): (&[String], bool),
) -> Markup {
    let path = format!("/console/dead/{}?body=1", letter.id);
    let target = letter.delivery.as_ref().map(|(target, _)| target);
    html! {
        section .card aria-labelledby="bodies" {
            h2 #bodies { (visit.t(&text!("What was accepted and what was sent"))) }
            h3 { (visit.t(&text!("As it was accepted"))) }
            @match message {
                Some(message) => (body::block(visit, &Whose {
                    of: BodyOf::Route(&letter.route), known, hide, path: &path,
                }, &message.body)),
                None => p { (visit.t(&text!("The message is not kept."))) },
            }
            h3 { (visit.t(&text!("What was sent"))) }
            @match (sent, target) {
                (Some(sent), Some(target)) => (body::block(visit, &Whose {
                    of: BodyOf::Target(target), known, hide, path: &path,
                }, sent)),
                _ => p { (visit.t(&text!("Nothing was sent."))) },
            }
        }
    }
}
