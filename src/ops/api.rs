//! `/api/v1`: what operators do, as calls. The command line makes them.

use axum::{
    Router,
    body::Bytes,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use serde::de::DeserializeOwned;

use super::{
    Desk, Ops, Refusal,
    access::Caller,
    dead, found,
    trace::TraceView,
    wire::{
        self, DiskView, KeyOrder, KeyResumeView, PauseOrder, PauseView, PausesView, PlanView,
        Problem, ReloadView, ResumeView, RouteView, StatusView,
    },
};
use crate::{diagnostic::Language, engine::KeyResumed, message::Endpoint};

/// Characters of a reason, which goes into the journal.
const REASON_CHARS_MAX: usize = 500;

pub(super) fn routes(ops: Ops) -> Router {
    Router::new()
        .route("/status", get(status))
        .route("/dead", get(dead::list))
        .route("/dead/groups", get(dead::groups))
        .route("/dead/replay", post(dead::replay))
        .route("/dead/discard", post(dead::discard))
        .route("/dead/jobs", get(dead::jobs).post(dead::order))
        .route("/dead/jobs/{id}", get(dead::job))
        .route("/dead/jobs/{id}/cancel", post(dead::cancel))
        .route("/dead/{id}", get(dead::show))
        .route("/dead/{id}/message", get(dead::message))
        .route("/dead/{id}/preview", get(dead::preview))
        .route("/pauses", get(pauses).post(pause))
        .route("/pauses/{target}", delete(resume))
        .route("/keys/resume", post(resume_key))
        .route("/plan", get(plan))
        .route("/reload", post(reload))
        .route("/messages", get(found::find))
        .route("/messages/{id}/trace", get(trace))
        .layer(middleware::from_fn_with_state(ops.clone(), authorize))
        .with_state(ops)
}

/// Only who bears the token comes in.
async fn authorize(State(ops): State<Ops>, mut request: Request, next: Next) -> Response {
    let header = request.headers().get(header::AUTHORIZATION);
    let opens = header.and_then(|it| it.to_str().ok()).is_some_and(|it| ops.token.opens(it));
    if opens {
        request.extensions_mut().insert(Desk::new(ops.bus, Caller::local()));
        next.run(request).await
    } else {
        let title = "the token in `ops.token`, beside the store, is wanted as a bearer token";
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", title).into_response()
    }
}

async fn status(desk: Desk) -> Result<Response, Problem> {
    let routes = desk.status().await?.iter().map(RouteView::of).collect();
    let disk = desk.disk().map(DiskView::of);
    Ok(wire::ok(&StatusView { disk, routes }))
}

async fn pauses(desk: Desk) -> Result<Response, Problem> {
    let pauses = desk.pauses().await?.iter().map(PauseView::of).collect();
    Ok(wire::ok(&PausesView { pauses }))
}

async fn pause(desk: Desk, body: Bytes) -> Result<Response, Problem> {
    let order: PauseOrder = read(&body)?;
    check_reason(&order.reason)?;
    desk.pause(&endpoint(&order.target)?, &order.reason).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn resume(desk: Desk, Path(target): Path<String>) -> Result<Response, Problem> {
    let was_paused = desk.resume(&endpoint(&target)?).await?;
    Ok(wire::ok(&ResumeView { was_paused }))
}

async fn resume_key(desk: Desk, body: Bytes) -> Result<Response, Problem> {
    let KeyOrder { target, key, by } = read(&body)?;
    check_reason(&by)?;
    let KeyResumed { keys, dead, parked } = desk.resume_key(&endpoint(&target)?, &key, &by).await?;
    Ok(wire::ok(&KeyResumeView { keys, dead, parked }))
}

async fn reload(desk: Desk, headers: HeaderMap) -> Result<Response, Problem> {
    let (reloaded, warnings) = desk.reload(language(&headers)).await?;
    Ok(wire::ok(&ReloadView::of(reloaded, warnings)))
}

async fn plan(desk: Desk, headers: HeaderMap) -> Result<Response, Problem> {
    let (comparison, warnings) = desk.plan(language(&headers)).await?;
    Ok(wire::ok(&PlanView::of(comparison, warnings)))
}

/// In which language the caller wants to read about files.
fn language(headers: &HeaderMap) -> Language {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|it| it.to_str().ok());
    accepted.map(Language::accepted).unwrap_or_default()
}

async fn trace(desk: Desk, Path(id): Path<String>) -> Result<Response, Problem> {
    let gone = || {
        let title = format!("no message `{}` is known here", id.escape_debug());
        Problem::new(StatusCode::NOT_FOUND, "not_found", title)
    };
    let id = id.parse().map_err(|_| gone())?;
    let trace = desk.trace(id).await?.ok_or_else(gone)?;
    Ok(wire::ok(&TraceView::of(id, &trace)))
}

pub(super) fn endpoint(text: &str) -> Result<Endpoint, Problem> {
    Endpoint::parse(text).ok_or_else(|| {
        let title = format!("`{}` is no target; write `system.target`", text.escape_debug());
        Problem::new(StatusCode::BAD_REQUEST, "bad_target", title)
    })
}

pub(super) fn check_reason(text: &str) -> Result<(), Problem> {
    let chars = text.chars().count();
    if (1..=REASON_CHARS_MAX).contains(&chars) && !text.contains(char::is_control) {
        return Ok(());
    }
    let title = format!("a reason is one line of 1 to {REASON_CHARS_MAX} characters");
    Err(Problem::new(StatusCode::BAD_REQUEST, "bad_reason", title))
}

pub(super) fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Problem> {
    serde_json::from_slice(body)
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "bad_body", error.to_string()))
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let title = refusal.to_string();
        match refusal {
            Refusal::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "not_found", title),
            Refusal::Forbidden(_) => Self::new(StatusCode::FORBIDDEN, "forbidden", title),
            Refusal::Unavailable(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", title)
            }
            Refusal::Files(rendered) => {
                let problem = Self::new(StatusCode::UNPROCESSABLE_ENTITY, "bad_files", title);
                Self { detail: Some(rendered), ..problem }
            }
        }
    }
}
