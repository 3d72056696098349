//! `/api/v1/sessions`: programs come in with a name and a password, and go.

use axum::{
    body::Bytes,
    extract::{Request, State},
    http::StatusCode,
    response::{IntoResponse, Response},
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Desk, Ops,
    access::{AGE_MAX, Bears, Caller, Grant, IDLE_MAX, Outside, Over},
    api::read,
    door, who,
    wire::{self, Problem},
};

/// Who wants to come in.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Credentials {
    /// The name with which he logs in.
    pub user: String,
    /// His password.
    pub password: String,
}

/// A session of a program.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SessionView {
    /// What each call must bear, as `Authorization: Bearer …`.
    pub token: String,
    /// After how many seconds without a call it ends.
    pub idle_seconds: u64,
    /// After how many seconds it ends in any case.
    pub seconds: u64,
}

/// Who calls, and what he may.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CallerView {
    /// As whom he is known.
    pub user: String,
    /// What people call him.
    pub name: String,
    /// What he may.
    pub grants: Vec<GrantView>,
}

/// Rights over something.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct GrantView {
    /// The rights: `see`, `see_body`, `replay`, …
    pub rights: Vec<String>,
    /// Over everything, the bus itself too.
    pub all: bool,
    /// Over what belongs to these routes.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub routes: Vec<String>,
    /// Over what belongs to these systems.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub systems: Vec<String>,
}

impl CallerView {
    /// What is told of a caller.
    pub fn of(caller: &Caller) -> Self {
        let grants = caller.grants().0.iter().map(GrantView::of).collect();
        Self { user: caller.who(), name: caller.shown().to_owned(), grants }
    }
}

impl GrantView {
    fn of(grant: &Grant) -> Self {
        let rights = grant.rights.iter().map(ToString::to_string).collect();
        let (routes, systems) = match &grant.over {
            Over::All => (Vec::new(), Vec::new()),
            Over::Only { routes, systems } => {
                (routes.iter().cloned().collect(), systems.iter().cloned().collect())
            }
        };
        Self { rights, all: grant.over == Over::All, routes, systems }
    }
}

/// `POST /api/v1/sessions`
pub(super) async fn begin(State(ops): State<Ops>, request: Request) -> Result<Response, Problem> {
    let from = door::From::of(&request);
    let body = axum::body::to_bytes(request.into_body(), super::BODY_BYTES_MAX).await;
    let body: Bytes = body.map_err(|_| {
        Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", "this is larger than any call")
    })?;
    let Credentials { user, password } = read(&body)?;
    let inside = door::come_in(&ops, (&user, password), &from, Bears::Token).await?;
    Ok(wire::ok(&SessionView {
        token: inside.token,
        idle_seconds: IDLE_MAX.as_secs(),
        seconds: AGE_MAX.as_secs(),
    }))
}

/// `GET /api/v1/sessions/current`
pub(super) async fn show(desk: Desk) -> Response {
    wire::ok(&CallerView::of(desk.caller()))
}

/// `DELETE /api/v1/sessions/current`
pub(super) async fn end(State(ops): State<Ops>, desk: Desk, request: Request) -> Response {
    let headers = request.headers();
    for token in [who::bearer(headers), who::cookie(headers, who::SESSION)].into_iter().flatten() {
        ops.door.leave(token);
    }
    if !desk.caller().is_local() {
        door::left(&ops, desk.caller()).await;
    }
    StatusCode::NO_CONTENT.into_response()
}

impl From<Outside> for Problem {
    fn from(outside: Outside) -> Self {
        let title = outside.to_string();
        match outside {
            Outside::Wrong => Self::new(StatusCode::UNAUTHORIZED, "wrong_password", title),
            Outside::TooOften(wait) => who::too_often(wait.as_secs().max(1)),
            Outside::Refused(_) => Self::new(StatusCode::BAD_REQUEST, "refused", title),
            Outside::Unavailable(_) => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", title).wait(1)
            }
        }
    }
}
