//! Every call of `/api/v1`, in one table: the router, the document that describes them and the test of
//! who may call what are made of it. The pages of the console stand in one like it.

use axum::routing::{MethodRouter, delete, get, post};

use super::{
    Ops,
    access::{Caller, Right},
    api, bodies, dead, events, found, sessions,
};

/// What who calls must have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: anybody may.
    Nothing,
    /// Nothing but to be known.
    Name,
    /// One of these rights, over what the call is about; how far, its [`Desk`](super::Desk) says.
    OneOf(&'static [Right]),
}

impl Needs {
    /// What of it a caller lacks everywhere.
    pub(super) fn lacks(self, caller: &Caller) -> Option<Right> {
        let Self::OneOf(rights) = self else { return None };
        let any = rights.iter().any(|it| caller.may_somewhere(*it));
        rights.first().copied().filter(|_| !any)
    }
}

/// A call.
#[derive(Clone, Copy)]
pub struct Call {
    /// `GET`, `POST`, `DELETE`.
    pub method: &'static str,
    /// Its path: below `/api/v1`, or that of a page.
    pub path: &'static str,
    /// Who may make it.
    pub needs: Needs,
    /// What it does.
    pub summary: &'static str,
    pub(super) serve: fn() -> MethodRouter<Ops>,
}

pub(super) const SEE: Needs = Needs::OneOf(&[Right::See]);
pub(super) const SEE_BODY: Needs = Needs::OneOf(&[Right::SeeBody]);
pub(super) const REPLAY: Needs = Needs::OneOf(&[Right::Replay]);
pub(super) const DISCARD: Needs = Needs::OneOf(&[Right::Discard]);
pub(super) const DEAL: Needs = Needs::OneOf(&[Right::Replay, Right::Discard]);
pub(super) const PAUSE: Needs = Needs::OneOf(&[Right::Pause]);
pub(super) const FILES: Needs = Needs::OneOf(&[Right::ChangeFiles]);
pub(super) const AUDIT: Needs = Needs::OneOf(&[Right::Audit]);

pub(super) const fn call(
    (method, path): (&'static str, &'static str),
    needs: Needs,
    summary: &'static str,
    serve: fn() -> MethodRouter<Ops>,
) -> Call {
    Call { method, path, needs, summary, serve }
}

/// All of them.
pub const CALLS: &[Call] = &[
    call(("POST", "/sessions"), Needs::Nothing, "Log in with a name and a password", || {
        post(sessions::begin)
    }),
    call(("GET", "/sessions/current"), Needs::Name, "Who calls, and what he may", || {
        get(sessions::show)
    }),
    call(("DELETE", "/sessions/current"), Needs::Name, "Log out", || delete(sessions::end)),
    call(("GET", "/status"), SEE, "How each route and its targets fare", || get(api::status)),
    call(("GET", "/dead"), SEE, "Dead letters, by number", || get(dead::list)),
    call(("GET", "/dead/groups"), SEE, "Dead letters in groups of those that failed alike", || {
        get(dead::groups)
    }),
    call(("POST", "/dead/replay"), REPLAY, "Send dead letters on again that are named", || {
        post(dead::replay)
    }),
    call(
        ("POST", "/dead/discard"),
        DISCARD,
        "Give dead letters up for good that are named",
        || post(dead::discard),
    ),
    call(("GET", "/dead/jobs"), SEE, "What is being done with many dead letters", || {
        get(dead::jobs)
    }),
    call(("POST", "/dead/jobs"), DEAL, "Have something done with many dead letters", || {
        post(dead::order)
    }),
    call(("GET", "/dead/jobs/{id}"), SEE, "One job, and why letters of it stayed", || {
        get(dead::job)
    }),
    call(("POST", "/dead/jobs/{id}/cancel"), DEAL, "End a job where it is", || post(dead::cancel)),
    call(("GET", "/dead/{id}"), SEE, "One dead letter", || get(dead::show)),
    call(
        ("GET", "/dead/{id}/message"),
        SEE_BODY,
        "The message of a dead letter, as accepted",
        || get(dead::message),
    ),
    call(
        ("GET", "/dead/{id}/preview"),
        SEE_BODY,
        "What a replay of a dead letter would send",
        || get(dead::preview),
    ),
    call(("GET", "/pauses"), SEE, "Every pause", || get(api::pauses)),
    call(("POST", "/pauses"), PAUSE, "Hold everything for a target back", || post(api::pause)),
    call(("DELETE", "/pauses/{target}"), PAUSE, "Let the deliveries to a target go", || {
        delete(api::resume)
    }),
    call(("POST", "/keys/resume"), PAUSE, "Let what is parked of an order key go on", || {
        post(api::resume_key)
    }),
    call(("GET", "/plan"), FILES, "What taking the files on disk into use would change", || {
        get(api::plan)
    }),
    call(("POST", "/reload"), FILES, "Take the files on disk into use", || post(api::reload)),
    call(
        ("GET", "/messages"),
        SEE,
        "Messages by a value that their route lets one search for",
        || get(found::find),
    ),
    call(("GET", "/messages/{id}/trace"), SEE, "The life of a message", || get(api::trace)),
    call(
        ("GET", "/messages/{id}/explain"),
        SEE_BODY,
        "What today's files make of a message",
        || get(found::explain),
    ),
    call(
        ("GET", "/messages/{id}/bodies"),
        SEE_BODY,
        "What is kept of the bodies of a message, and what became of its fields",
        || get(bodies::show),
    ),
    call(("GET", "/events"), SEE, "What becomes of messages, as it happens (SSE)", || {
        get(events::follow)
    }),
    call(("GET", "/actions"), AUDIT, "Who did and looked at what", || get(api::actions)),
];
