//! Every call of `/api/v1`, in one table: the router, the document that describes them and the test of
//! who may call what are made of it. The pages of the console stand in one like it.

use axum::routing::{MethodRouter, delete, get, post};
use schemars::{JsonSchema, Schema, SchemaGenerator};

use super::{
    Ops,
    access::{Caller, Right},
    actions::ActionsView,
    api,
    bodies::{self, BodiesView},
    dead, events,
    found::{self, ExplainedView, FoundView},
    openapi,
    running::{self, CountsView, FileSetsView, FilesView, NeedsView, SystemsView},
    sessions::{self, CallerView, Credentials, SessionView},
    trace::TraceView,
    wire::{
        ApproveOrder, CancelOrder, CountView, DeadGroups, DeadList, DeadOrder, DeadView,
        DiscardView, JobRequest, JobView, JobsView, KeyOrder, KeyResumeView, MessageView,
        PauseOrder, PausesView, PlanView, PreviewView, ReloadView, ReplayView, ResumeView,
        StatusView,
    },
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
    /// What may follow behind `?`: names, and what they mean.
    pub(super) asks: Asks,
    /// What its body is, where it has one.
    pub(super) takes: Option<Shape>,
    /// What it answers, where that is a document.
    pub(super) gives: Option<Shape>,
    /// The kind of its answer; nothing, where it has none.
    pub media: &'static str,
    pub(super) serve: fn() -> MethodRouter<Ops>,
}

/// Parameters behind `?`: names, and what they mean.
pub(super) type Asks = &'static [(&'static str, &'static str)];

/// Describes a type.
pub(super) type Shape = fn(&mut SchemaGenerator) -> Schema;

/// The description of a type.
pub(super) fn shape<T: JsonSchema>(generator: &mut SchemaGenerator) -> Schema {
    generator.subschema_for::<T>()
}

impl Call {
    /// The names of what may follow behind `?`.
    pub fn parameters(&self) -> impl Iterator<Item = &'static str> {
        self.asks.iter().map(|(name, _)| *name)
    }

    const fn asks(self, asks: Asks) -> Self {
        Self { asks, ..self }
    }

    const fn takes(self, takes: Shape) -> Self {
        Self { takes: Some(takes), ..self }
    }

    const fn gives(self, gives: Shape) -> Self {
        Self { gives: Some(gives), media: "application/json", ..self }
    }

    const fn streams(self, media: &'static str) -> Self {
        Self { media, ..self }
    }
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
    let (asks, takes, gives, media): (Asks, _, _, _) = (&[], None, None, "");
    Call { method, path, needs, summary, asks, takes, gives, media, serve }
}

/// Which dead letters.
const WHICH: Asks = &[
    ("id", "only this number; may stand several times"),
    ("route", "only those of this route"),
    ("target", "only those of this target: `system.target`"),
    ("class", "only those of this class"),
    ("group", "only those of this group"),
    ("from", "only those given up at this moment or later (RFC 3339)"),
    ("to", "only those given up before this moment"),
    ("after", "only numbers above this one: the last of the page before"),
    ("limit", "how many at most, up to 500"),
];
const LIMIT: Asks = &[("limit", "how many at most, up to 500")];
const BODY: Asks = &[("body", "`true`: with what was sent, a look at a body that is written down")];
const FIND: Asks = &[
    ("key", "the whole value, in any case, with any spaces"),
    ("begins", "or how it begins"),
    ("before", "with `key`, the next page: `next` of the page before"),
];
const BEFORE: Asks = &[("before", "the next page: `next` of the page before")];
const ROUTE: Asks = &[("route", "the route that accepted it")];
const COUNTS: Asks = &[
    ("stretch", "`hour`, unless said, in pieces of 30 s, or `day`, in pieces of 10 min"),
    ("route", "only this route; all of them together unless said"),
];
const PATH: Asks = &[("path", "only this file, with its text")];
const PERSONAL: Asks = &[("personal", "`1`: what is about people is not hidden")];
const FOLLOW: Asks = &[
    ("route", "only what happens on this route"),
    ("after", "from behind this line of the journal on, as with `Last-Event-ID`"),
    ("all", "`true`: not the outcomes alone"),
];

/// All of them.
pub const CALLS: &[Call] = &[
    call(("GET", "/openapi.json"), Needs::Nothing, "This document", || get(openapi::show))
        .streams("application/json"),
    call(("POST", "/sessions"), Needs::Nothing, "Log in with a name and a password", || {
        post(sessions::begin)
    })
    .takes(shape::<Credentials>)
    .gives(shape::<SessionView>),
    call(("GET", "/sessions/current"), Needs::Name, "Who calls, and what he may", || {
        get(sessions::show)
    })
    .gives(shape::<CallerView>),
    call(("DELETE", "/sessions/current"), Needs::Name, "Log out", || delete(sessions::end)),
    call(("GET", "/status"), SEE, "How each route and its targets fare", || get(api::status))
        .gives(shape::<StatusView>),
    call(("GET", "/needs"), SEE, "What needs somebody first", || get(running::show_needs))
        .gives(shape::<NeedsView>),
    call(("GET", "/counts"), SEE, "What was counted over the last hour or day", || {
        get(running::show_counts)
    })
    .asks(COUNTS)
    .gives(shape::<CountsView>),
    call(("GET", "/systems"), SEE, "The directory of systems", || get(running::show_systems))
        .gives(shape::<SystemsView>),
    call(("GET", "/files"), SEE, "The sets of files that ran", || get(running::show_sets))
        .gives(shape::<FileSetsView>),
    call(("GET", "/files/{set}"), SEE, "The files of a set", || get(running::show_files))
        .asks(PATH)
        .gives(shape::<FilesView>),
    call(("GET", "/dead"), SEE, "Dead letters, by number", || get(dead::list))
        .asks(WHICH)
        .gives(shape::<DeadList>),
    call(("GET", "/dead/groups"), SEE, "Dead letters in groups of those that failed alike", || {
        get(dead::groups)
    })
    .asks(WHICH)
    .gives(shape::<DeadGroups>),
    call(("GET", "/dead/count"), SEE, "How many dead letters there are", || get(dead::count))
        .asks(WHICH)
        .gives(shape::<CountView>),
    call(("POST", "/dead/replay"), REPLAY, "Send dead letters on again that are named", || {
        post(dead::replay)
    })
    .takes(shape::<DeadOrder>)
    .gives(shape::<ReplayView>),
    call(("POST", "/dead/discard"), DISCARD, "Give dead letters up that are named", || {
        post(dead::discard)
    })
    .takes(shape::<DeadOrder>)
    .gives(shape::<DiscardView>),
    call(("GET", "/dead/jobs"), SEE, "What is being done with many dead letters", || {
        get(dead::jobs)
    })
    .asks(LIMIT)
    .gives(shape::<JobsView>),
    call(("POST", "/dead/jobs"), DEAL, "Have something done with many dead letters", || {
        post(dead::order)
    })
    .takes(shape::<JobRequest>)
    .gives(shape::<JobView>),
    call(("GET", "/dead/jobs/{id}"), SEE, "One job, and why letters of it stayed", || {
        get(dead::job)
    })
    .gives(shape::<JobView>),
    call(("POST", "/dead/jobs/{id}/cancel"), DEAL, "End a job where it is", || post(dead::cancel))
        .takes(shape::<CancelOrder>)
        .gives(shape::<JobView>),
    call(("POST", "/dead/jobs/{id}/approve"), DEAL, "Let a job go on, as a second person", || {
        post(dead::approve)
    })
    .takes(shape::<ApproveOrder>)
    .gives(shape::<JobView>),
    call(("GET", "/dead/{id}"), SEE, "One dead letter", || get(dead::show))
        .asks(BODY)
        .gives(shape::<DeadView>),
    call(("GET", "/dead/{id}/message"), SEE_BODY, "The message of a dead letter", || {
        get(dead::message)
    })
    .gives(shape::<MessageView>),
    call(("GET", "/dead/{id}/preview"), SEE_BODY, "What a replay would send", || {
        get(dead::preview)
    })
    .gives(shape::<PreviewView>),
    call(("GET", "/pauses"), SEE, "Every pause", || get(api::pauses)).gives(shape::<PausesView>),
    call(("POST", "/pauses"), PAUSE, "Hold everything for a target back", || post(api::pause))
        .takes(shape::<PauseOrder>),
    call(("DELETE", "/pauses/{target}"), PAUSE, "Let the deliveries to a target go", || {
        delete(api::resume)
    })
    .gives(shape::<ResumeView>),
    call(("POST", "/keys/resume"), PAUSE, "Let what is parked of an order key go on", || {
        post(api::resume_key)
    })
    .takes(shape::<KeyOrder>)
    .gives(shape::<KeyResumeView>),
    call(("GET", "/plan"), FILES, "What taking the files on disk into use would change", || {
        get(api::plan)
    })
    .gives(shape::<PlanView>),
    call(("POST", "/reload"), FILES, "Take the files on disk into use", || post(api::reload))
        .gives(shape::<ReloadView>),
    call(("GET", "/messages"), SEE, "Messages by a value of theirs", || get(found::find))
        .asks(FIND)
        .gives(shape::<FoundView>),
    call(("GET", "/messages/{id}/trace"), SEE, "The life of a message", || get(api::trace))
        .gives(shape::<TraceView>),
    call(("GET", "/messages/{id}/explain"), SEE_BODY, "What today's files make of it", || {
        get(found::explain)
    })
    .asks(ROUTE)
    .gives(shape::<ExplainedView>),
    call(
        ("GET", "/messages/{id}/bodies"),
        SEE_BODY,
        "What is kept of its bodies, and what became of each field",
        || get(bodies::show),
    )
    .asks(PERSONAL)
    .gives(shape::<BodiesView>),
    call(("GET", "/events"), SEE, "What becomes of messages, as it happens (SSE)", || {
        get(events::follow)
    })
    .asks(FOLLOW)
    .streams("text/event-stream"),
    call(("GET", "/actions"), AUDIT, "Who did and looked at what", || get(api::actions))
        .asks(BEFORE)
        .gives(shape::<ActionsView>),
];
