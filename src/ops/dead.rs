//! `/api/v1/dead`: what operators see of dead letters, and have done with them.

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{StatusCode, Uri},
    response::Response,
};

use super::{
    Desk, Ops,
    api::{endpoint, read},
    desk::{JobWish, Reason},
    query::DeadQuery,
    wire::{
        self, ApproveOrder, CancelOrder, CountView, DeadGroups, DeadList, DeadOrder, DeadView,
        DiscardView, GroupView, JobRequest, JobView, JobsView, MessageView, PreviewView, Problem,
        ReplayView, Selection,
    },
};
use crate::ledger::JobKind;

/// Numbers of dead letters that one call may name.
const IDS_MAX: usize = 500;

/// Letters a second that a job may be asked for: more is no limit.
const RATE_MAX: u32 = 100_000;

pub(super) async fn list(
    State(ops): State<Ops>,
    desk: Desk,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = DeadQuery::read(&uri)?;
    let filter = query.selection.filter(query.after);
    // One more than asked for tells whether there are more.
    let letters = desk.dead(&filter, query.limit + 1).await?;
    let now = ops.clock.now();
    let views = letters.iter().take(query.limit).map(|it| DeadView::of(it, now));
    Ok(wire::ok(&DeadList { more: query.limit < letters.len(), letters: views.collect() }))
}

pub(super) async fn groups(desk: Desk, uri: Uri) -> Result<Response, Problem> {
    let query = DeadQuery::read(&uri)?;
    let groups = desk.dead_groups(&query.selection.filter(0), query.limit + 1).await?;
    let views = groups.iter().take(query.limit).map(GroupView::of);
    Ok(wire::ok(&DeadGroups { more: query.limit < groups.len(), groups: views.collect() }))
}

pub(super) async fn show(
    State(ops): State<Ops>,
    desk: Desk,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = DeadQuery::read(&uri)?;
    let number = id.parse().map_err(|_| no_letter(&id))?;
    let letter = match query.body {
        true => desk.dead_sent(number).await?,
        false => desk.dead_one(number).await?,
    };
    let letter = letter.ok_or_else(|| no_letter(&id))?;
    Ok(wire::ok(&DeadView::of(&letter, ops.clock.now()).with_body(&letter)))
}

pub(super) async fn message(desk: Desk, Path(id): Path<String>) -> Result<Response, Problem> {
    let number = id.parse().map_err(|_| no_letter(&id))?;
    let message = desk.dead_message(number).await?.ok_or_else(|| no_letter(&id))?;
    Ok(wire::ok(&MessageView::of(&message)))
}

pub(super) async fn preview(
    State(ops): State<Ops>,
    desk: Desk,
    Path(id): Path<String>,
) -> Result<Response, Problem> {
    let number = id.parse().map_err(|_| no_letter(&id))?;
    let preview = desk.preview(number).await?.ok_or_else(|| no_letter(&id))?;
    Ok(wire::ok(&PreviewView::of(preview, ops.clock.now())))
}

pub(super) async fn replay(desk: Desk, body: Bytes) -> Result<Response, Problem> {
    let (order, reason) = named(&body)?;
    let desk = desk.told(order.by.as_deref());
    let replayed = desk.replay(&order.selection.filter(0), &reason).await?;
    Ok(wire::ok(&ReplayView::of(replayed)))
}

pub(super) async fn discard(desk: Desk, body: Bytes) -> Result<Response, Problem> {
    let (order, reason) = named(&body)?;
    let desk = desk.told(order.by.as_deref());
    let discarded = desk.discard(&order.selection.filter(0), &reason).await?;
    Ok(wire::ok(&DiscardView { discarded }))
}

/// An order about letters that are named by their numbers; and why it is given.
fn named(body: &Bytes) -> Result<(DeadOrder, Reason), Problem> {
    let order: DeadOrder = read(body)?;
    let reason = Reason::parse(&order.reason)?;
    if order.selection.ids.is_empty() {
        let title = "name numbers; what is chosen in another way is a job: POST /api/v1/dead/jobs";
        return Err(bad_selection(title.to_owned()));
    }
    if IDS_MAX < order.selection.ids.len() {
        return Err(bad_selection(format!("name at most {IDS_MAX} numbers at once")));
    }
    Ok((order, reason))
}

pub(super) async fn order(desk: Desk, body: Bytes) -> Result<Response, Problem> {
    let JobRequest { kind, selection, only_to, rate, count, by, reason } = read(&body)?;
    let kind = JobKind::of(&kind).ok_or_else(|| {
        let title = "a job is a `replay`, a `preview` or a `discard`";
        Problem::new(StatusCode::BAD_REQUEST, "bad_kind", title)
    })?;
    let reason = match (kind, reason) {
        // It changes nothing, so that nobody need say why.
        (JobKind::Preview, None) => Reason::parse("preview")?,
        (_, reason) => Reason::parse(&reason.unwrap_or_default())?,
    };
    check(&selection)?;
    if rate.is_some_and(|it| !(1..=RATE_MAX).contains(&it)) {
        let title = format!("a rate is 1 to {RATE_MAX} letters a second");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "bad_rate", title));
    }
    if count.is_none() && kind != JobKind::Preview {
        let title = "say how many dead letters this is about: `count`";
        return Err(Problem::new(StatusCode::BAD_REQUEST, "bad_count", title));
    }
    let only_to = only_to.as_deref().map(endpoint).transpose()?;
    let wish = JobWish { kind, filter: selection.filter(0), only_to, rate, count, reason };
    let job = desk.told(by.as_deref()).order(wish).await?;
    Ok(wire::ok(&JobView::of(&job, &[])))
}

fn check(selection: &Selection) -> Result<(), Problem> {
    if !selection.ids.is_empty() {
        let title = "a job is not about single letters: POST /api/v1/dead/replay or …/discard";
        return Err(bad_selection(title.to_owned()));
    }
    if selection.says_nothing() {
        let title = "name a route, a target, a class, a group or a time, or say `all`";
        return Err(bad_selection(title.to_owned()));
    }
    Ok(())
}

pub(super) async fn jobs(desk: Desk, uri: Uri) -> Result<Response, Problem> {
    let query = DeadQuery::read(&uri)?;
    let jobs = desk.jobs(query.limit).await?;
    Ok(wire::ok(&JobsView { jobs: jobs.iter().map(|it| JobView::of(it, &[])).collect() }))
}

pub(super) async fn job(desk: Desk, Path(id): Path<String>) -> Result<Response, Problem> {
    let number = id.parse().map_err(|_| no_job(&id))?;
    let (job, failures) = desk.job(number).await?.ok_or_else(|| no_job(&id))?;
    Ok(wire::ok(&JobView::of(&job, &failures)))
}

pub(super) async fn cancel(
    desk: Desk,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let CancelOrder { by, reason } = read(&body)?;
    let reason = Reason::parse(&reason)?;
    let number = id.parse().map_err(|_| no_job(&id))?;
    let job = desk.told(by.as_deref()).cancel(number, &reason).await?;
    let job = job.ok_or_else(|| no_job(&id))?;
    Ok(wire::ok(&JobView::of(&job, &[])))
}

/// `POST /api/v1/dead/jobs/{id}/approve`
pub(super) async fn approve(
    desk: Desk,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Problem> {
    let ApproveOrder { reason } = read(&body)?;
    let reason = Reason::parse(&reason)?;
    let number = id.parse().map_err(|_| no_job(&id))?;
    let job = desk.approve(number, &reason).await?.ok_or_else(|| no_job(&id))?;
    Ok(wire::ok(&JobView::of(&job, &[])))
}

/// `GET /api/v1/dead/count`
pub(super) async fn count(desk: Desk, uri: Uri) -> Result<Response, Problem> {
    let query = DeadQuery::read(&uri)?;
    let count = desk.dead_count(&query.selection.filter(0)).await?;
    Ok(wire::ok(&CountView { count }))
}

fn bad_selection(title: String) -> Problem {
    Problem::new(StatusCode::BAD_REQUEST, "bad_selection", title)
}

fn no_letter(id: &str) -> Problem {
    let title = format!("there is no dead letter `{}`", id.escape_debug());
    Problem::new(StatusCode::NOT_FOUND, "not_found", title)
}

fn no_job(id: &str) -> Problem {
    let title = format!("there is no job `{}`", id.escape_debug());
    Problem::new(StatusCode::NOT_FOUND, "not_found", title)
}
