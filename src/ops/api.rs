//! `/api/v1`: what operators do, as calls. The command line makes them.

use axum::{
    Router,
    body::Bytes,
    extract::{Path, Request, State},
    http::{HeaderMap, StatusCode, Uri, header, request::Parts},
    middleware::{self, Next},
    response::{IntoResponse, Response},
};
use serde::de::DeserializeOwned;

use super::{
    Desk, Ops, Refusal,
    access::Caller,
    actions::ActionsView,
    calls::{CALLS, Needs},
    desk::Reason,
    query,
    trace::TraceView,
    who,
    wire::{
        self, DiskView, KeyOrder, KeyResumeView, PauseOrder, PauseView, PausesView, PlanView,
        Problem, ReloadView, ResumeView, RouteView, StatusView,
    },
};
use crate::{diagnostic::Language, engine::KeyResumed, message::Endpoint};

/// Actions that one answer holds.
const ACTIONS: usize = 100;

pub(super) fn routes(ops: Ops) -> Router {
    let mut router = Router::new();
    for call in CALLS {
        let admits = Admits { ops: ops.clone(), needs: call.needs };
        let served = (call.serve)().layer(middleware::from_fn_with_state(admits, admit));
        router = router.route(call.path, served);
    }
    router.with_state(ops)
}

/// Whom a call lets in.
#[derive(Clone)]
struct Admits {
    ops: Ops,
    needs: Needs,
}

/// Lets in who may make a call at all; what it is about, its desk looks at.
async fn admit(State(admits): State<Admits>, request: Request, next: Next) -> Response {
    let Admits { ops, needs } = admits;
    let (mut parts, body) = request.into_parts();
    match known(&ops, needs, &parts).await {
        Ok(Some(caller)) => {
            parts.extensions.insert(ops.desk(caller));
        }
        Ok(None) => {}
        Err(problem) => return problem.into_response(),
    }
    next.run(Request::from_parts(parts, body)).await
}

async fn known(ops: &Ops, needs: Needs, parts: &Parts) -> Result<Option<Caller>, Problem> {
    let headers = &parts.headers;
    who::count(ops, headers, &parts.extensions)?;
    if needs == Needs::Nothing {
        return Ok(None);
    }
    let caller = match who::of_token(ops, headers).await {
        Some(caller) => caller,
        None if who::bearer(headers).is_some() => return Err(unknown()),
        None => of_cookie(ops, parts).await?,
    };
    needs.lacks(&caller).map_or(Ok(()), |right| Err(Refusal::Forbidden(right)))?;
    Ok(Some(caller))
}

/// A page of the console calls: a browser sends its cookie by itself, so that what changes something
/// must show that the page is ours.
async fn of_cookie(ops: &Ops, parts: &Parts) -> Result<Caller, Problem> {
    let headers = &parts.headers;
    let known = who::of_cookie(ops, headers).await.ok_or_else(unknown)?;
    if who::changes(&parts.method) {
        let shown = headers.get(who::CSRF_HEADER).and_then(|it| it.to_str().ok());
        if who::is_foreign(headers) || !shown.is_some_and(|it| who::same(it, &known.csrf)) {
            let title = "this call does not come from a page of this bus";
            return Err(Problem::new(StatusCode::FORBIDDEN, "foreign", title));
        }
    }
    Ok(known.caller)
}

fn unknown() -> Problem {
    let title = "wanted as a bearer token: that of a session (`POST /api/v1/sessions`), or on this \
                 machine the one in `ops.token`, beside the store";
    Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", title)
}

impl Desk {
    /// The same desk; the command line of this machine may tell who works at it.
    pub(super) fn told(self, by: Option<&str>) -> Self {
        match self.caller().is_local() && by.is_some() {
            true => self.of(who::local(by)),
            false => self,
        }
    }
}

pub(super) async fn status(desk: Desk) -> Result<Response, Problem> {
    let routes = desk.status().await?.iter().map(RouteView::of).collect();
    let disk = desk.disk().map(DiskView::of);
    Ok(wire::ok(&StatusView { disk, routes }))
}

pub(super) async fn pauses(desk: Desk) -> Result<Response, Problem> {
    let pauses = desk.pauses().await?.iter().map(PauseView::of).collect();
    Ok(wire::ok(&PausesView { pauses }))
}

pub(super) async fn pause(desk: Desk, body: Bytes) -> Result<Response, Problem> {
    let order: PauseOrder = read(&body)?;
    let reason = Reason::parse(&order.reason)?;
    desk.pause(&endpoint(&order.target)?, &reason).await?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

pub(super) async fn resume(desk: Desk, Path(target): Path<String>) -> Result<Response, Problem> {
    let was_paused = desk.resume(&endpoint(&target)?).await?;
    Ok(wire::ok(&ResumeView { was_paused }))
}

pub(super) async fn resume_key(desk: Desk, body: Bytes) -> Result<Response, Problem> {
    let KeyOrder { target, key, by } = read(&body)?;
    let desk = desk.told(by.as_deref());
    let KeyResumed { keys, dead, parked } = desk.resume_key(&endpoint(&target)?, &key).await?;
    Ok(wire::ok(&KeyResumeView { keys, dead, parked }))
}

pub(super) async fn reload(desk: Desk, headers: HeaderMap) -> Result<Response, Problem> {
    let (reloaded, warnings) = desk.reload(language(&headers)).await?;
    Ok(wire::ok(&ReloadView::of(reloaded, warnings)))
}

pub(super) async fn plan(desk: Desk, headers: HeaderMap) -> Result<Response, Problem> {
    let (comparison, warnings) = desk.plan(language(&headers)).await?;
    Ok(wire::ok(&PlanView::of(comparison, warnings)))
}

/// In which language the caller wants to read about files.
pub(super) fn language(headers: &HeaderMap) -> Language {
    let accepted = headers.get(header::ACCEPT_LANGUAGE).and_then(|it| it.to_str().ok());
    accepted.map(Language::accepted).unwrap_or_default()
}

pub(super) async fn trace(desk: Desk, Path(id): Path<String>) -> Result<Response, Problem> {
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

/// `GET /api/v1/actions?before=…`
pub(super) async fn actions(desk: Desk, uri: Uri) -> Result<Response, Problem> {
    let mut below = None;
    for (name, value) in query::pairs(&uri)? {
        match name.as_str() {
            "before" => below = Some(value.parse().map_err(|_| query::wrong(&name))?),
            _ => return Err(query::unknown(&name, "before")),
        }
    }
    let actions = desk.actions(below, ACTIONS).await?;
    Ok(wire::ok(&ActionsView::of(&actions, ACTIONS)))
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
            Refusal::Changed(_) => Self::new(StatusCode::CONFLICT, "changed", title),
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
