//! `/api/v1/dead`: what operators see of dead letters, and have done with them.

use axum::{
    body::Bytes,
    extract::{Path, State},
    http::{StatusCode, Uri},
    response::Response,
};

use super::{
    Desk, Ops,
    api::{check_reason, endpoint, read},
    query::DeadQuery,
    wire::{
        self, CancelOrder, DeadGroups, DeadList, DeadOrder, DeadView, DiscardView, GroupView,
        JobRequest, JobView, JobsView, MessageView, PreviewView, Problem, ReplayView, Selection,
    },
};
use crate::ledger::{JobKind, JobOrder};

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
    let letter = desk.dead_one(number).await?.ok_or_else(|| no_letter(&id))?;
    let now = ops.clock.now();
    let view = DeadView::of(&letter, now);
    Ok(wire::ok(&if query.body { view.with_body(&letter) } else { view }))
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
    let (order, by) = named(&body)?;
    let replayed = desk.replay(&order.selection.filter(0), &by).await?;
    Ok(wire::ok(&ReplayView::of(replayed)))
}

pub(super) async fn discard(desk: Desk, body: Bytes) -> Result<Response, Problem> {
    let (order, by) = named(&body)?;
    let discarded = desk.discard(&order.selection.filter(0), &by).await?;
    Ok(wire::ok(&DiscardView { discarded }))
}

/// An order about letters that are named by their numbers; and who gives it, and why.
fn named(body: &Bytes) -> Result<(DeadOrder, String), Problem> {
    let order: DeadOrder = read(body)?;
    let by = who_and_why(&order.by, &order.reason)?;
    if order.selection.ids.is_empty() {
        let title = "name numbers; what is chosen in another way is a job: POST /api/v1/dead/jobs";
        return Err(bad_selection(title.to_owned()));
    }
    if IDS_MAX < order.selection.ids.len() {
        return Err(bad_selection(format!("name at most {IDS_MAX} numbers at once")));
    }
    Ok((order, by))
}

pub(super) async fn order(desk: Desk, body: Bytes) -> Result<Response, Problem> {
    let JobRequest { kind, selection, only_to, rate, by, reason } = read(&body)?;
    let kind = JobKind::of(&kind).ok_or_else(|| {
        let title = "a job is a `replay`, a `preview` or a `discard`";
        Problem::new(StatusCode::BAD_REQUEST, "bad_kind", title)
    })?;
    let by = match (kind, reason) {
        // It changes nothing, so that nobody need say why.
        (JobKind::Preview, None) => who_and_why(&by, "preview")?,
        (_, reason) => who_and_why(&by, &reason.unwrap_or_default())?,
    };
    check(&selection)?;
    if rate.is_some_and(|it| !(1..=RATE_MAX).contains(&it)) {
        let title = format!("a rate is 1 to {RATE_MAX} letters a second");
        return Err(Problem::new(StatusCode::BAD_REQUEST, "bad_rate", title));
    }
    let only_to = only_to.as_deref().map(endpoint).transpose()?;
    let order = JobOrder { kind, filter: selection.filter(0), only_to, rate, by };
    let job = desk.order(order).await?;
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
    let by = who_and_why(&by, &reason)?;
    let number = id.parse().map_err(|_| no_job(&id))?;
    let job = desk.cancel(number, &by).await?.ok_or_else(|| no_job(&id))?;
    Ok(wire::ok(&JobView::of(&job, &[])))
}

/// Who acts and why, in one line for the journal.
fn who_and_why(by: &str, reason: &str) -> Result<String, Problem> {
    let (by, reason) = (by.trim(), reason.trim());
    check_reason(by)?;
    check_reason(reason)?;
    Ok(format!("{by}: {reason}"))
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
