//! What the operator sees, over HTTP: metrics, health, and the calls behind `simpul dead` and the like.
//!
//! It stands on a listener of its own (`ops:`), apart from the systems'. `/metrics` and `/health`
//! answer anybody who reaches it; `/api/v1` wants the token that the process wrote beside its
//! store, so that no web page in an operator's browser can act in his name.

pub mod access;
pub mod actions;
mod api;
pub mod bodies;
mod bus;
mod calls;
mod console;
mod dead;
mod dead_views;
mod desk;
mod door;
mod engine_bus;
pub mod events;
pub mod found;
mod health;
mod openapi;
mod query;
pub mod running;
mod server;
pub mod sessions;
mod token;
pub mod trace;
mod views;
mod who;
pub mod wire;

use std::sync::Arc;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware,
    response::{IntoResponse, Response},
};

use crate::{message::Clock, metrics::Metrics};

pub use self::{
    bus::{Bus, Candidate, Refusal},
    calls::{CALLS, Call, Needs},
    console::PAGES,
    desk::{Desk, JobWish, Reason},
    engine_bus::{EngineBus, Read, Reader, Reading},
    openapi::openapi,
    server::serve,
    token::{Access, OpsToken},
    who::OPERATOR_HEADER,
};

/// Bytes that a call of an operator may have: a few hundred numbers and a reason.
const BODY_BYTES_MAX: usize = 64 * 1024;

/// What the calls work on.
#[derive(Clone)]
pub struct Ops {
    /// The running bus.
    pub bus: Arc<dyn Bus>,
    /// What it counts.
    pub metrics: Arc<Metrics>,
    /// For the ages in lists.
    pub clock: Clock,
    /// What the command line of this machine bears.
    pub token: Arc<OpsToken>,
    /// How everybody else comes in.
    pub door: Arc<access::Door>,
    /// Whether a job over many dead letters waits for a second person.
    pub second_person: bool,
}

impl Ops {
    /// The bus as somebody may use it.
    fn desk(&self, caller: access::Caller) -> Desk {
        Desk::new(Arc::clone(&self.bus), caller).with_second_person(self.second_person)
    }
}

/// Everything that the listener answers.
pub fn router(ops: Ops) -> Router {
    Router::new()
        .merge(health::routes(ops.clone()))
        .nest("/api/v1", api::routes(ops.clone()))
        .merge(console::routes(ops))
        .fallback(async || {
            let title = "no such page; try /metrics, /health/ready or /api/v1/status";
            wire::Problem::new(StatusCode::NOT_FOUND, "not_found", title).into_response()
        })
        .layer(DefaultBodyLimit::max(BODY_BYTES_MAX))
        .layer(middleware::map_response(secured))
}

/// What browsers need not do with an answer, unless it says otherwise itself: nothing here is meant for
/// another site, or for a frame.
async fn secured(mut answer: Response) -> Response {
    const HEADERS: [(HeaderName, &str); 6] = [
        (header::CONTENT_SECURITY_POLICY, "default-src 'none'; frame-ancestors 'none'"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
        (HeaderName::from_static("cross-origin-opener-policy"), "same-origin"),
    ];
    for (name, value) in HEADERS {
        let entry = answer.headers_mut().entry(name);
        entry.or_insert(HeaderValue::from_static(value));
    }
    answer
}
