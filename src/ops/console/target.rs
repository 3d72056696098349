//! One target: whether calls go out to it, what waits for it, what it answered last; and its pause.

use axum::{
    body::Bytes,
    extract::Path,
    response::{IntoResponse, Redirect, Response},
};
use maud::{Markup, html};

use super::{
    Section, Visit,
    facts::Facts,
    page,
    page::live,
    route::routes_to,
    state::{State, promise, waits_for},
    told,
};
use crate::{
    diagnostic::{Text, text},
    engine::{Breaker, RouteStatus, TargetStatus},
    journal::{Event, Line},
    message::{Endpoint, Timestamp},
    ops::{
        Refusal,
        access::{Of, Right},
        api::endpoint,
        desk::Reason,
        wire::Problem,
    },
};

/// Answers that are shown.
const ANSWERS_MAX: usize = 12;

/// Lines of the journal of one route in which answers are looked for, and routes.
const LINES: usize = 400;
const ROUTES_MAX: usize = 8;

/// `GET /console/targets/{target}`
pub(super) async fn show(visit: Visit, Path(name): Path<String>) -> Result<Response, Refusal> {
    let facts = Facts::gather(&visit.desk, visit.now).await?;
    let routes = routes_to(&facts, &name);
    let unknown = || Refusal::NotFound(format!("no route goes to `{}`", name.escape_debug()));
    let (_, one) = routes.first().copied().ok_or_else(unknown)?;
    let target = one.target.clone();
    let mut answers = Vec::new();
    for (route, _) in routes.iter().take(ROUTES_MAX) {
        answers.extend(visit.desk.recent(&route.route, LINES).await?);
    }
    let of = Of::system(&target.system);
    let body = html! {
        p .crumbs {
            a href="/console/systems" { (visit.t(&text!("Systems"))) } " / "
            a href={ "/console/systems/" (target.system) } { (target.system) }
        }
        @if let Some(system) = facts.system(&target) {
            p .lead { (system.title) @if !system.unit.is_empty() { " · " (facts.owner(&target)) } }
        }
        (live("state", state(&visit, &facts, one, &routes)))
        @if visit.desk.caller().may(Right::Pause, &of) { (live("act", act(&visit, one))) }
        h2 { (visit.t(&text!("What waits for it, by route"))) }
        (live("routes", backlog(&visit, &facts, &routes)))
        h2 { (visit.t(&text!("What it answered last"))) }
        (live("answers", told_answers(&visit, &target, answers)))
    };
    Ok(page(&visit, Section::Systems, text!("Target {}", &name), body))
}

/// Whether calls go out, in a sentence.
fn state(
    visit: &Visit,
    facts: &Facts,
    one: &TargetStatus,
    routes: &[(&RouteStatus, &TargetStatus)],
) -> Markup {
    let name = one.target.to_string();
    let worst = routes
        .iter()
        .map(|(route, it)| State::of_target(it, promise(&facts.wiring, &route.route, it)))
        .max_by_key(|it| it.level);
    let failing = facts.look.failing_since.get(name.as_str());
    let until = facts.look.certificates.get(name.as_str());
    html! {
        p { @if let Some(worst) = worst { (worst.sign(visit)) " " } (visit.t(&calls(one))) }
        dl .facts {
            @if let Some(pause) = &one.pause {
                dt { (visit.t(&text!("Paused since"))) } dd { (visit.at(pause.since)) }
                dt { (visit.t(&text!("Why"))) } dd { (pause.reason) }
                dt { (visit.t(&text!("By"))) }
                dd { (visit.t(&if pause.by_operator { text!("an operator") } else { text!("simpul, for its answers") })) }
            }
            @if let Some(failing) = failing {
                dt { (visit.t(&text!("No answer since"))) } dd { (visit.at(Timestamp::from_millis(*failing))) }
            }
            @if let Some(until) = until {
                dt { (visit.t(&text!("Its certificate ends"))) } dd { (visit.at(Timestamp::from_millis(*until))) }
            }
        }
    }
}

fn calls(one: &TargetStatus) -> Text {
    match (&one.pause, one.breaker) {
        (Some(pause), _) if pause.by_operator => {
            text!("Nothing is sent to it until somebody frees it; everything for it is kept.")
        }
        (Some(_), _) => text!(
            "It said that simpul is not set up for it. One delivery a minute is tried; one that works \
             frees it. Everything for it is kept."
        ),
        (None, Breaker::Closed) => text!("Calls go out to it."),
        (None, _) => text!(
            "It did not answer several times in a row, so one probe at a time is sent, every few \
             seconds. Everything for it is kept, and goes on once it answers."
        ),
    }
}

/// The form that pauses it, or frees it.
fn act(visit: &Visit, one: &TargetStatus) -> Markup {
    let name = &one.target;
    html! {
        @if one.pause.is_some() {
            form .line method="post" action={ "/console/targets/" (name) "/resume" } {
                (visit.csrf_field())
                button { (visit.t(&text!("Free it: send what waits"))) }
            }
        } @else {
            form .line method="post" action={ "/console/targets/" (name) "/pause" } {
                (visit.csrf_field())
                div {
                    label for="reason" { (visit.t(&text!("Why it is to be paused (it is written \
                     down)"))) }
                    input #reason name="reason" required maxlength="500" autocomplete="off";
                }
                button .quiet { (visit.t(&text!("Pause it"))) }
            }
        }
    }
}

fn backlog(visit: &Visit, facts: &Facts, routes: &[(&RouteStatus, &TargetStatus)]) -> Markup {
    let column = |name: Text| html! { th scope="col" .n { (visit.t(&name)) } };
    html! {
        div .table {
            table {
                thead {
                    tr {
                        th scope="col" { (visit.t(&text!("Route"))) }
                        (column(text!("Waiting")))
                        (column(text!("Tried again")))
                        (column(text!("Oldest")))
                        (column(text!("To be there within")))
                        (column(text!("Delivered, in a minute")))
                        (column(text!("Failed, in a minute")))
                        (column(text!("Dead")))
                    }
                }
                tbody {
                    @for (route, it) in routes {
                        @let minute = facts.minute(&route.route, &it.target.to_string());
                        tr {
                            th scope="row" { a href={ "/console/routes/" (route.route) } { (route.route) } }
                            td .n { (visit.n(waits_for(it))) }
                            td .n { (visit.n(it.retrying)) }
                            td .n { @if it.oldest.is_zero() { "–" } @else { (visit.age(it.oldest)) } }
                            td .n { (visit.age(promise(&facts.wiring, &route.route, it))) }
                            td .n { (visit.n(minute.passed)) }
                            td .n { (visit.n(minute.failed)) }
                            td .n { (visit.n(it.tally.dead)) }
                        }
                    }
                }
            }
        }
    }
}

/// The last attempts, the newest first, and who paused and freed it.
fn told_answers(visit: &Visit, target: &Endpoint, mut lines: Vec<(i64, Line)>) -> Markup {
    lines.retain(|(_, line)| {
        let to_it = line.delivery.as_ref().is_some_and(|(it, _)| it == target);
        to_it && matches!(line.event, Event::Attempt { .. })
    });
    lines.sort_by_key(|(number, _)| std::cmp::Reverse(*number));
    lines.truncate(ANSWERS_MAX);
    html! {
        @if lines.is_empty() {
            p .sheet .soft { (visit.t(&text!("Nothing was sent to it lately."))) }
        } @else {
            div .table {
                table {
                    thead {
                        tr {
                            th scope="col" { (visit.t(&text!("When"))) }
                            th scope="col" { (visit.t(&text!("Route"))) }
                            th scope="col" { (visit.t(&text!("What happened"))) }
                            th scope="col" { (visit.t(&text!("Message"))) }
                        }
                    }
                    tbody {
                        @for (_, line) in &lines {
                            tr {
                                td { (visit.at(line.at)) }
                                td { (line.route) }
                                td { (visit.t(&told::event(&line.event))) }
                                td {
                                    @if let Some(id) = &line.message {
                                        a .code href={ "/console/messages/" (id) } { (id) }
                                    }
                                }
                            }
                        }
                    }
                }
            }
        }
    }
}

/// `POST /console/targets/{target}/pause`
pub(super) async fn pause(
    visit: Visit,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, Response> {
    let fields = visit.form(&body).map_err(IntoResponse::into_response)?;
    let reason = fields.iter().find(|(name, _)| name == "reason");
    let reason = reason.map(|(_, it)| it.trim()).unwrap_or_default();
    let refused = |it: Problem| it.into_response();
    let reason = Reason::parse(reason).map_err(refused)?;
    let target = endpoint(&name).map_err(refused)?;
    visit.desk.pause(&target, &reason).await.map_err(IntoResponse::into_response)?;
    Ok(Redirect::to(&format!("/console/targets/{target}")).into_response())
}

/// `POST /console/targets/{target}/resume`
pub(super) async fn resume(
    visit: Visit,
    Path(name): Path<String>,
    body: Bytes,
) -> Result<Response, Response> {
    visit.form(&body).map_err(IntoResponse::into_response)?;
    let target = endpoint(&name).map_err(|it| it.into_response())?;
    visit.desk.resume(&target).await.map_err(IntoResponse::into_response)?;
    Ok(Redirect::to(&format!("/console/targets/{target}")).into_response())
}
