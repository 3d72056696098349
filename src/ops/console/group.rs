//! One group of dead letters: why, which, and what is to be done with all of them.

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
    dead::since,
    page,
    reader::{moment, number},
    told,
};
use crate::{
    diagnostic::{Text, text},
    ledger::{DeadFilter, DeadGroup, DeadLetter, JobKind},
    ops::{
        Refusal,
        access::{Of, Right},
        desk::JobWish,
        query,
    },
};

/// Letters on a page.
const LETTERS: usize = 50;

/// `GET /console/dead/groups/{name}`
pub(super) async fn show(
    visit: Visit,
    Path(name): Path<String>,
    uri: Uri,
) -> Result<Response, Refusal> {
    let pairs = query::pairs(&uri).unwrap_or_default();
    let after = pairs.iter().find(|(name, _)| name == "after");
    let after = after.and_then(|(_, value)| value.parse().ok()).unwrap_or_default();
    render(&visit, &name, after, None).await
}

/// `POST /console/dead/groups/{name}`
pub(super) async fn act(
    visit: Visit,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, Response> {
    let form = Form::read(&visit, &body).map_err(IntoResponse::into_response)?;
    let refused = async |said: Text, status: StatusCode| {
        let mut response =
            render(&visit, &name, 0, Some(said)).await.unwrap_or_else(IntoResponse::into_response);
        *response.status_mut() = status;
        Err(response)
    };
    let (kind, reason) = (form.kind(), form.reason());
    let reason = match reason {
        Ok(reason) => reason,
        Err(said) => return refused(said, StatusCode::UNPROCESSABLE_ENTITY).await,
    };
    let group = group_of(&visit, &name).await.map_err(IntoResponse::into_response)?;
    if kind != JobKind::Preview && form.count() != Some(group.count) {
        let now = number(visit.language, group.count);
        let said = text!(
            "Nothing was done: the group has {} letters now. Write that number, so that nobody \
             does more than he means.",
            &now
        );
        return refused(said, StatusCode::CONFLICT).await;
    }
    let filter = DeadFilter { group: Some(name.clone()), ..DeadFilter::default() };
    let wish = JobWish { kind, filter, only_to: None, rate: None, count: form.count(), reason };
    let job = visit.desk.order(wish).await.map_err(IntoResponse::into_response)?;
    Ok(Redirect::to(&format!("/console/jobs/{}", job.id)).into_response())
}

async fn group_of(visit: &Visit, name: &str) -> Result<DeadGroup, Refusal> {
    let filter = DeadFilter { group: Some(name.to_owned()), ..DeadFilter::default() };
    let groups = visit.desk.dead_groups(&filter, 1).await?;
    groups.into_iter().next().ok_or_else(|| {
        Refusal::NotFound(format!("no dead letter is in a group `{}`", name.escape_debug()))
    })
}

async fn render(
    visit: &Visit,
    name: &str,
    after: i64,
    said: Option<Text>,
) -> Result<Response, Refusal> {
    let group = group_of(visit, name).await?;
    let filter = DeadFilter { group: Some(name.to_owned()), after, ..DeadFilter::default() };
    let mut letters = visit.desk.dead(&filter, LETTERS + 1).await?;
    let more = LETTERS < letters.len();
    letters.truncate(LETTERS);
    let count = number(visit.language, group.count);
    let body = html! {
        @if let Some(said) = said { p .notice .bad role="alert" { (visit.t(&said)) } }
        div .notice .bad {
            p { strong { (visit.t(&told::why(&group.cause, group.target.as_ref()))) } }
            p { (visit.t(&told::to_do(&group.cause.class))) }
        }
        p {
            (visit.t(&text!("Route"))) " "
            a href={ "/console/routes/" (group.route) } { (group.route) }
            @if let Some(target) = &group.target {
                " → " a href={ "/console/targets/" (target) } { (target) }
            }
        }
        (since(visit, &group))
        (actions(visit, &group, &count))
        (list(visit, &letters))
        @if let Some(last) = letters.last().filter(|_| more) {
            p { a href={ "/console/dead/groups/" (name) "?after=" (last.id) } {
                (visit.t(&text!("The next ones")))
            } }
        }
    };
    Ok(page(visit, Section::Dead, told::alike(visit.language, group.count), body))
}

fn actions(visit: &Visit, group: &DeadGroup, count: &str) -> Markup {
    let system = group.target.as_ref().map(|it| &*it.system);
    let of = Of::both(&group.route, system);
    let may = |right| visit.desk.caller().may(right, &of);
    let path = format!("/console/dead/groups/{}", group.name);
    html! {
        section .card aria-labelledby="act" {
            h2 #act { (visit.t(&text!("Put it right"))) }
            div .row {
                @if may(Right::SeeBody) {
                    a .button href={ "/console/dead/" (group.example) "?preview=1" } {
                        (visit.t(&text!("Preview of one letter")))
                    }
                }
                @if may(Right::Replay) { form method="post" action=(path) {
                    (visit.csrf_field())
                    input type="hidden" name="what" value="preview";
                    button type="submit" .quiet {
                        (visit.t(&text!("Try how many of them would pass now")))
                    }
                } }
            }
            @if may(Right::Replay) {
                (act::bulk(visit, &path, "replay", count))
            }
            @if may(Right::Discard) {
                details {
                    summary { (visit.t(&text!("Discard them instead"))) }
                    p { (visit.t(&text!("They are given up for good: nothing of them is sent any more."))) }
                    (act::bulk(visit, &path, "discard", count))
                }
            }
        }
    }
}

fn list(visit: &Visit, letters: &[DeadLetter]) -> Markup {
    html! {
        h2 { (visit.t(&text!("The letters"))) }
        div .scroll tabindex="0" role="region" aria-label=(visit.t(&text!("The letters"))) { table {
            thead { tr {
                th scope="col" { (visit.t(&text!("Letter"))) }
                th scope="col" { (visit.t(&text!("Given up"))) }
                th scope="col" { (visit.t(&text!("Message"))) }
                th scope="col" { (visit.t(&text!("Attempts"))) }
                th scope="col" { (visit.t(&text!("Reason"))) }
            } }
            tbody { @for letter in letters { tr {
                td { a href={ "/console/dead/" (letter.id) } { (letter.id) } }
                td { (moment(visit, letter.at)) }
                td { a .id href={ "/console/messages/" (letter.message) } { (letter.message) } }
                td { (letter.attempts) }
                td { (letter.cause.reason) }
            } } }
        } }
    }
}
