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
mod query;
mod server;
pub mod sessions;
mod token;
pub mod trace;
mod views;
mod who;
pub mod wire;

use std::sync::Arc;

use axum::{Router, extract::DefaultBodyLimit, http::StatusCode, response::IntoResponse};

use crate::{message::Clock, metrics::Metrics};

pub use self::{
    bus::{Bus, Candidate, Refusal},
    calls::{CALLS, Call, Needs},
    console::PAGES,
    desk::{Desk, JobWish, Reason},
    engine_bus::{EngineBus, Read, Reader, Reading},
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
}
