//! What was ordered to be done with many dead letters, and how far it has come.

use axum::{
    body::Bytes,
    extract::Path,
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};

use super::{
    Section, Visit,
    act::Form,
    page,
    reader::{moment, number},
    told::{self, badge},
};
use crate::{
    diagnostic::{Text, text},
    ledger::{Approval, Job, JobFailure, JobKind, JobState},
    ops::{Refusal, access::Right},
};

/// Jobs on the page.
const JOBS: usize = 50;

/// `GET /console/jobs`
pub(super) async fn list(visit: Visit) -> Result<Response, Refusal> {
    let jobs = visit.desk.jobs(JOBS).await?;
    let body = html! {
        @if jobs.is_empty() { p { (visit.t(&text!("Nothing was ordered yet."))) } }
        @else {
            div .scroll tabindex="0" role="region" aria-label=(visit.t(&text!("Jobs"))) { table {
                thead { tr {
                    th scope="col" { (visit.t(&text!("Job"))) }
                    th scope="col" { (visit.t(&text!("State"))) }
                    th scope="col" { (visit.t(&text!("Letters"))) }
                    th scope="col" { (visit.t(&text!("Ordered"))) }
                    th scope="col" { (visit.t(&text!("By whom and why"))) }
                } }
                tbody { @for job in &jobs { tr {
                    td { a href={ "/console/jobs/" (job.id) } { (visit.t(&named(job))) } }
                    td { (badge(&visit, job.stands())) }
                    td {
                        (number(visit.language, job.passed + job.failed)) " / "
                        (number(visit.language, job.total))
                    }
                    td { (moment(&visit, job.at)) }
                    td { (job.order.by) }
                } } }
            } }
        }
    };
    Ok(page(&visit, Section::Dead, text!("Replays and other jobs"), body))
}

/// `GET /console/jobs/{id}`
pub(super) async fn show(visit: Visit, Path(id): Path<String>) -> Result<Response, Refusal> {
    let (job, failures) = job_of(&visit, &id).await?;
    Ok(render(&visit, &job, &failures, None))
}

/// `POST /console/jobs/{id}`: ends it where it is, or lets it go on as a second person.
pub(super) async fn cancel(
    visit: Visit,
    Path(id): Path<String>,
    body: Bytes,
) -> Result<Response, Response> {
    let form = Form::read(&visit, &body).map_err(IntoResponse::into_response)?;
    let (job, failures) = job_of(&visit, &id).await.map_err(IntoResponse::into_response)?;
    let reason = match form.reason() {
        Ok(reason) => reason,
        Err(said) => return Err(render(&visit, &job, &failures, Some(said))),
    };
    let done = match form.approves() {
        true => visit.desk.approve(job.id, &reason).await,
        false => visit.desk.cancel(job.id, &reason).await,
    };
    done.map_err(IntoResponse::into_response)?;
    Ok(Redirect::to(&format!("/console/jobs/{}", job.id)).into_response())
}

async fn job_of(visit: &Visit, id: &str) -> Result<(Job, Vec<JobFailure>), Refusal> {
    let gone = || Refusal::NotFound(format!("there is no job `{}`", id.escape_debug()));
    let number = id.parse().map_err(|_| gone())?;
    visit.desk.job(number).await?.ok_or_else(gone)
}

fn named(job: &Job) -> Text {
    match job.order.kind {
        JobKind::Replay => text!("Replay {}", &job.id),
        JobKind::Preview => text!("Trial {}", &job.id),
        JobKind::Discard => text!("Discarding {}", &job.id),
    }
}

fn render(visit: &Visit, job: &Job, failures: &[JobFailure], said: Option<Text>) -> Response {
    let is_running = job.state == JobState::Running;
    let body = html! {
        @if let Some(said) = said { p .notice .bad role="alert" { (visit.t(&said)) } }
        div #job data-live[is_running] {
            (progress(visit, job))
            (stayed(visit, failures))
            @if is_running && may(visit, job) {
                @if job.approval == Approval::Awaited { (approving(visit, job)) }
                (ending(visit, job))
            }
        }
        p { a href="/console/jobs" { (visit.t(&text!("Replays and other jobs"))) } }
    };
    page(visit, Section::Dead, named(job), body)
}

fn progress(visit: &Visit, job: &Job) -> Markup {
    let count = |it| number(visit.language, it);
    let dealt = job.passed + job.failed;
    let (dealt_with, total) = (count(dealt), count(job.total));
    html! {
        p { (badge(visit, job.stands())) " " (job.order.by) }
        label for="progress" { (visit.t(&text!("{} of {} letters", &dealt_with, &total))) }
        progress #progress max=(job.total.max(1)) value=(dealt) { (dealt_with) " / " (total) }
        dl .facts {
            dt { (visit.t(&passed(job.order.kind))) }
            dd { (count(job.passed)) }
            dt { (visit.t(&text!("Stay dead"))) }
            dd { (count(job.failed)) }
            dt { (visit.t(&text!("Ordered"))) }
            dd { (moment(visit, job.at)) }
            @if let Some(ended) = job.ended {
                dt { (visit.t(&text!("Ended"))) }
                dd { (moment(visit, ended)) @if let Some(by) = &job.ended_by { " · " (by) } }
            }
            @if let Approval::By(who) = &job.approval {
                dt { (visit.t(&text!("Approved"))) }
                dd { (who) }
            }
            @if let Some(waits) = &job.waits {
                dt { (visit.t(&text!("It waits"))) }
                dd { (waits) }
            }
            @if let Some(group) = &job.order.filter.group {
                dt { (visit.t(&text!("Group"))) }
                // Once all of it is dealt with, there is nothing to be seen of it any more.
                dd { @if job.passed < job.total || job.order.kind == JobKind::Preview {
                    a .id href={ "/console/dead/groups/" (group) } { (group) }
                } @else {
                    code { (group) }
                } }
            }
            @for (name, value) in [
                (text!("Route"), &job.order.filter.route),
                (text!("Target"), &job.order.filter.target),
                (text!("Class"), &job.order.filter.class),
            ] {
                @if let Some(value) = value { dt { (visit.t(&name)) } dd { (value) } }
            }
        }
    }
}

fn passed(kind: JobKind) -> Text {
    match kind {
        JobKind::Replay => text!("On their way again"),
        JobKind::Preview => text!("Would pass"),
        JobKind::Discard => text!("Discarded"),
    }
}

/// Why letters stayed.
fn stayed(visit: &Visit, failures: &[JobFailure]) -> Markup {
    html! {
        @if !failures.is_empty() {
            h2 { (visit.t(&text!("Why letters stay dead"))) }
            ul { @for failure in failures {
                li {
                    strong { (number(visit.language, failure.count)) } " "
                    (visit.t(&told::why(&failure.cause, failure.target.as_ref()))) " "
                    a href={ "/console/dead/" (failure.letter) } {
                        (visit.t(&text!("for example letter {}", &failure.letter)))
                    }
                }
            } }
        }
    }
}

/// Whether he may do anything with it.
fn may(visit: &Visit, job: &Job) -> bool {
    let caller = visit.desk.caller();
    caller.may_somewhere(match job.order.kind {
        JobKind::Discard => Right::Discard,
        JobKind::Replay | JobKind::Preview => Right::Replay,
    })
}

fn approving(visit: &Visit, job: &Job) -> Markup {
    let own = job.who.as_deref() == Some(visit.desk.caller().name());
    html! {
        section .card aria-labelledby="approve" {
            h2 #approve { (visit.t(&text!("It waits for a second person"))) }
            @if own {
                p { (visit.t(&text!("You ordered it: somebody else has to look at it and approve it."))) }
            } @else {
                p { (visit.t(&text!("Nothing is done before somebody else than who ordered it has approved it."))) }
                form .act method="post" action={ "/console/jobs/" (job.id) } {
                    (visit.csrf_field())
                    input type="hidden" name="what" value="approve";
                    div .field {
                        label for="approve-reason" { (visit.t(&text!("Why (it is written down)"))) }
                        input #approve-reason name="reason" required maxlength="500" autocomplete="off";
                    }
                    button type="submit" { (visit.t(&text!("Approve"))) }
                }
            }
        }
    }
}

fn ending(visit: &Visit, job: &Job) -> Markup {
    html! {
        details {
            summary { (visit.t(&text!("End it where it is"))) }
            form .act method="post" action={ "/console/jobs/" (job.id) } {
                (visit.csrf_field())
                input type="hidden" name="what" value="end";
                div .field {
                    label for="end-reason" { (visit.t(&text!("Why (it is written down)"))) }
                    input #end-reason name="reason" required maxlength="500" autocomplete="off";
                }
                button type="submit" { (visit.t(&text!("End it"))) }
            }
        }
    }
}
