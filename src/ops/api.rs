//! `/api/v1`: what operators do, as calls. The command line makes them.

use axum::{
    Router,
    body::Bytes,
    extract::{Path, Request, State},
    http::{StatusCode, Uri, header},
    middleware::{self, Next},
    response::{IntoResponse, Response},
    routing::{delete, get, post},
};
use serde::de::DeserializeOwned;

use super::{
    Ops, Refusal,
    query::DeadQuery,
    trace::TraceView,
    wire::{
        self, DeadList, DeadOrder, DeadView, DiscardView, KeyOrder, KeyResumeView, PauseOrder,
        PauseView, PausesView, PreviewView, Problem, ReloadView, ReplayView, ResumeView, RouteView,
        StatusView,
    },
};
use crate::{
    engine::KeyResumed,
    ledger::{DeadFilter, DeadLetter},
    message::Endpoint,
};

/// Characters of a reason, which goes into the journal.
const REASON_CHARS_MAX: usize = 500;

/// Numbers of dead letters that one call may name.
const IDS_MAX: usize = 500;

pub(super) fn routes(ops: Ops) -> Router {
    Router::new()
        .route("/status", get(status))
        .route("/dead", get(dead_list))
        .route("/dead/replay", post(replay))
        .route("/dead/discard", post(discard))
        .route("/dead/{id}", get(dead_show))
        .route("/dead/{id}/preview", get(preview))
        .route("/pauses", get(pauses).post(pause))
        .route("/pauses/{target}", delete(resume))
        .route("/keys/resume", post(resume_key))
        .route("/reload", post(reload))
        .route("/messages/{id}/trace", get(trace))
        .layer(middleware::from_fn_with_state(ops.clone(), authorize))
        .with_state(ops)
}

/// Only who bears the token comes in.
async fn authorize(State(ops): State<Ops>, request: Request, next: Next) -> Response {
    let header = request.headers().get(header::AUTHORIZATION);
    let opens = header.and_then(|it| it.to_str().ok()).is_some_and(|it| ops.token.opens(it));
    if opens {
        next.run(request).await
    } else {
        let title = "the token in `ops.token`, beside the store, is wanted as a bearer token";
        Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", title).into_response()
    }
}

async fn status(State(ops): State<Ops>) -> Result<Response, Problem> {
    let routes = ops.bus.status().await?.iter().map(RouteView::of).collect();
    Ok(wire::ok(&StatusView { routes }))
}

async fn dead_list(State(ops): State<Ops>, uri: Uri) -> Result<Response, Problem> {
    let query = DeadQuery::read(&uri)?;
    let filter = query.selection.filter(query.after);
    // One more than asked for tells whether there are more.
    let letters = ops.bus.dead(&filter, query.limit + 1).await?;
    let now = ops.clock.now();
    let views = letters.iter().take(query.limit).map(|it| DeadView::of(it, now, query.body));
    Ok(wire::ok(&DeadList { more: query.limit < letters.len(), letters: views.collect() }))
}

async fn dead_show(
    State(ops): State<Ops>,
    Path(id): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    let query = DeadQuery::read(&uri)?;
    let letter = find(&ops, &id).await?;
    Ok(wire::ok(&DeadView::of(&letter, ops.clock.now(), query.body)))
}

async fn preview(State(ops): State<Ops>, Path(id): Path<String>) -> Result<Response, Problem> {
    let number = id.parse().map_err(|_| no_letter(&id))?;
    let preview = ops.bus.preview(number).await?.ok_or_else(|| no_letter(&id))?;
    Ok(wire::ok(&PreviewView::of(preview, ops.clock.now())))
}

async fn find(ops: &Ops, id: &str) -> Result<DeadLetter, Problem> {
    let number = id.parse().map_err(|_| no_letter(id))?;
    let filter = DeadFilter { ids: vec![number], ..DeadFilter::default() };
    ops.bus.dead(&filter, 1).await?.pop().ok_or_else(|| no_letter(id))
}

fn no_letter(id: &str) -> Problem {
    let title = format!("there is no dead letter `{}`", id.escape_debug());
    Problem::new(StatusCode::NOT_FOUND, "not_found", title)
}

async fn replay(State(ops): State<Ops>, body: Bytes) -> Result<Response, Problem> {
    let order = order(&body)?;
    let replayed = ops.bus.replay(&order.selection.filter(0), &order.by).await?;
    Ok(wire::ok(&ReplayView::of(replayed)))
}

async fn discard(State(ops): State<Ops>, body: Bytes) -> Result<Response, Problem> {
    let order = order(&body)?;
    let discarded = ops.bus.discard(&order.selection.filter(0), &order.by).await?;
    Ok(wire::ok(&DiscardView { discarded }))
}

fn order(body: &Bytes) -> Result<DeadOrder, Problem> {
    let order: DeadOrder = read(body)?;
    check_reason(&order.by)?;
    let bad = |title: String| Problem::new(StatusCode::BAD_REQUEST, "bad_selection", title);
    if order.selection.says_nothing() {
        return Err(bad("name numbers, a route, a target or a class, or say `all`".to_owned()));
    }
    if IDS_MAX < order.selection.ids.len() {
        return Err(bad(format!("name at most {IDS_MAX} numbers at once")));
    }
    Ok(order)
}

async fn pauses(State(ops): State<Ops>) -> Result<Response, Problem> {
    let pauses = ops.bus.pauses().await?.iter().map(PauseView::of).collect();
    Ok(wire::ok(&PausesView { pauses }))
}

async fn pause(State(ops): State<Ops>, body: Bytes) -> Result<Response, Problem> {
    let order: PauseOrder = read(&body)?;
    check_reason(&order.reason)?;
    ops.bus.pause(&endpoint(&order.target)?, &order.reason).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

async fn resume(State(ops): State<Ops>, Path(target): Path<String>) -> Result<Response, Problem> {
    let was_paused = ops.bus.resume(&endpoint(&target)?).await?;
    Ok(wire::ok(&ResumeView { was_paused }))
}

async fn resume_key(State(ops): State<Ops>, body: Bytes) -> Result<Response, Problem> {
    let KeyOrder { target, key, by } = read(&body)?;
    check_reason(&by)?;
    let KeyResumed { keys, dead, parked } =
        ops.bus.resume_key(&endpoint(&target)?, &key, &by).await?;
    Ok(wire::ok(&KeyResumeView { keys, dead, parked }))
}

async fn reload(State(ops): State<Ops>) -> Result<Response, Problem> {
    let (reloaded, warnings) = ops.bus.reload().await?;
    Ok(wire::ok(&ReloadView::of(reloaded, warnings)))
}

async fn trace(State(ops): State<Ops>, Path(id): Path<String>) -> Result<Response, Problem> {
    let gone = || {
        let title = format!("no message `{}` is known here", id.escape_debug());
        Problem::new(StatusCode::NOT_FOUND, "not_found", title)
    };
    let id = id.parse().map_err(|_| gone())?;
    let trace = ops.bus.trace(id).await?.ok_or_else(gone)?;
    Ok(wire::ok(&TraceView::of(id, &trace)))
}

fn endpoint(text: &str) -> Result<Endpoint, Problem> {
    Endpoint::parse(text).ok_or_else(|| {
        let title = format!("`{}` is no target; write `system.target`", text.escape_debug());
        Problem::new(StatusCode::BAD_REQUEST, "bad_target", title)
    })
}

fn check_reason(text: &str) -> Result<(), Problem> {
    let chars = text.chars().count();
    if (1..=REASON_CHARS_MAX).contains(&chars) && !text.contains(char::is_control) {
        return Ok(());
    }
    let title = format!("a reason is one line of 1 to {REASON_CHARS_MAX} characters");
    Err(Problem::new(StatusCode::BAD_REQUEST, "bad_reason", title))
}

fn read<T: DeserializeOwned>(body: &Bytes) -> Result<T, Problem> {
    serde_json::from_slice(body)
        .map_err(|error| Problem::new(StatusCode::BAD_REQUEST, "bad_body", error.to_string()))
}

impl From<Refusal> for Problem {
    fn from(refusal: Refusal) -> Self {
        let title = refusal.to_string();
        match refusal {
            Refusal::NotFound(_) => Self::new(StatusCode::NOT_FOUND, "not_found", title),
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
