//! What machines ask: metrics, and whether the process lives and works.

use axum::{Router, extract::State, http::StatusCode, response::Response, routing::get};

use super::{Ops, wire};

/// The text format of Prometheus.
const TEXT_FORMAT: &str = "text/plain; version=0.0.4; charset=utf-8";

pub(super) fn routes(ops: Ops) -> Router {
    Router::new()
        .route("/metrics", get(metrics))
        .route("/health/live", get(live))
        .route("/health/ready", get(ready))
        .with_state(ops)
}

async fn metrics(State(ops): State<Ops>) -> Response {
    wire::answer(StatusCode::OK, TEXT_FORMAT, ops.metrics.encode())
}

/// The process answers. A restart would help only where it does not.
async fn live() -> Response {
    wire::ok(&serde_json::json!({ "status": "live" }))
}

/// Whether it takes and delivers messages.
async fn ready(State(ops): State<Ops>) -> Response {
    match ops.bus.ready().await {
        Ok(()) => wire::ok(&serde_json::json!({ "status": "ready" })),
        Err(reason) => {
            let body =
                serde_json::json!({ "status": "not ready", "reasons": [reason.to_string()] });
            wire::answer(StatusCode::SERVICE_UNAVAILABLE, "application/json", body.to_string())
        }
    }
}
