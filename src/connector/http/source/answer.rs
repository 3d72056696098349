//! What a sender is told once the intake has spoken.

use std::time::Duration;

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    super::super::{Accepted, IntakeError},
    messages::Place,
    problem::{Problem, ProblemCode},
};

/// When to come back while a message with the same key is being stored.
const IN_FLIGHT_PAUSE: Duration = Duration::from_secs(1);

/// When to come back to a source that no route reads: somebody has to load one.
const NO_ROUTE_PAUSE: Duration = Duration::from_mins(1);

/// The messages are durable.
pub(super) fn taken(accepted: &[Accepted], is_batch: bool) -> Response {
    let each = |it: &Accepted| json!({ "id": it.id.to_string(), "duplicate": it.duplicate });
    let body = match accepted {
        [one] if !is_batch => each(one),
        all => Value::Array(all.iter().map(each).collect()),
    };
    json_response(StatusCode::ACCEPTED, &body)
}

/// How a message fares.
pub(super) fn fares(fares: &Value) -> Response {
    json_response(StatusCode::OK, fares)
}

/// None of the messages was accepted. `places`: where the messages of a batch stand.
pub(super) fn refused(error: IntakeError, places: Option<&[Place]>) -> Problem {
    let mark = |index: usize, problem: Problem| match places.and_then(|it| it.get(index)) {
        Some(place) => place.mark(problem),
        None => problem,
    };
    match error {
        // The reason is for the operator, and in his log; senders learn nothing of our inside.
        IntakeError::Unavailable { retry_after, .. } | IntakeError::NoRoom { retry_after, .. } => {
            unavailable(retry_after)
        }
        IntakeError::Invalid { index, violations } => {
            let errors: Vec<_> = violations
                .iter()
                .map(|(pointer, detail)| json!({ "pointer": pointer, "detail": detail }))
                .collect();
            let problem = Problem::from(ProblemCode::SchemaViolation);
            mark(index, problem.with("errors", Value::Array(errors)))
        }
        IntakeError::KeyReused { index } => mark(index, ProblemCode::IdempotencyKeyReused.into()),
        IntakeError::KeyInFlight { index } => {
            let problem = Problem::from(ProblemCode::IdempotencyKeyInFlight);
            mark(index, problem.retry_after(IN_FLIGHT_PAUSE))
        }
        IntakeError::NoRoute => Problem::from(ProblemCode::NoRoute).retry_after(NO_ROUTE_PAUSE),
    }
}

/// It could not be stored, or that is not known.
pub(super) fn unavailable(retry_after: Duration) -> Problem {
    let detail = "send it again, with the same idempotency key";
    Problem::new(ProblemCode::Unavailable, detail).retry_after(retry_after)
}

fn json_response(status: StatusCode, body: &Value) -> Response {
    let json = HeaderValue::from_static("application/json");
    (status, [(header::CONTENT_TYPE, json)], body.to_string()).into_response()
}
