//! HTTP sources, the ingest: systems send messages to simpul, and ask how they fare.
//!
//! `docs/sources.md` is its manual. A call passes `door` (who is it, how often), `headers` and
//! `media` (what is it), `body` (how large, how fast), `messages` and `event` (is it JSON, which
//! messages are in it), and then the [`Intake`]. Whatever is refused leaves as a [`ProblemCode`].

mod answer;
mod body;
mod door;
mod event;
mod headers;
mod media;
mod messages;
mod problem;
mod serve;

use std::{sync::Arc, time::Duration};

use axum::{
    Router,
    extract::{Path, Request, State, rejection::PathRejection},
    http::{HeaderMap, header},
    response::{IntoResponse, Response},
    routing,
};
use bytes::Bytes;
use tokio::time::timeout;

use self::{
    body::{Memory, ReadBody},
    door::Door,
    messages::{Envelope, Messages},
    problem::Problem,
};
pub use self::{problem::ProblemCode, serve::serve};
use super::super::{Handover, Intake};
use crate::message::{Endpoint, MessageId};

/// Told of every refusal, by its [`ProblemCode::as_str`]; to be counted.
pub type OnRefusal = Arc<dyn Fn(&'static str) + Send + Sync>;

/// What senders may do at most.
#[derive(Debug, Clone)]
pub struct IngestLimits {
    /// The largest body of one message, in bytes.
    pub body_bytes_max: usize,
    /// The largest body of a call that brings many messages, in bytes.
    pub batch_bytes_max: usize,
    /// Messages in one call.
    pub batch_messages_max: usize,
    /// Arrays and objects inside each other.
    pub depth_max: usize,
    /// Calls that one API key may make each second.
    pub rate_per_second: u32,
    /// Calls that one API key may make at once after a pause.
    pub burst: u32,
    /// Calls that one API key may have in hand at once.
    pub in_flight_max: usize,
    /// Memory for the bodies of all calls in hand together, in bytes.
    pub memory_bytes_max: usize,
    /// Connections at once; further ones wait to be accepted.
    pub connections_max: usize,
    /// How long the headers of a call may take; also how long an unused connection is kept.
    pub headers_time_max: Duration,
    /// How long a body may take in all.
    pub body_time_max: Duration,
    /// How long a body may take before its speed is looked at.
    pub body_grace: Duration,
    /// How fast a body must come after that, on average, in bytes per second.
    pub body_bytes_per_second_min: u32,
    /// How long storing may take before the sender is told to come again.
    pub accept_time_max: Duration,
    /// How long a connection may be used, so that none is for ever; it ends between two calls.
    pub connection_time_max: Duration,
    /// How long calls in hand may take to finish after the stop.
    pub drain_time_max: Duration,
}

impl Default for IngestLimits {
    fn default() -> Self {
        Self {
            body_bytes_max: 1024 * 1024,
            batch_bytes_max: 16 * 1024 * 1024,
            batch_messages_max: 10_000,
            depth_max: 64,
            rate_per_second: 200,
            burst: 400,
            in_flight_max: 64,
            memory_bytes_max: 128 * 1024 * 1024,
            connections_max: 1024,
            headers_time_max: Duration::from_secs(10),
            body_time_max: Duration::from_secs(60),
            body_grace: Duration::from_secs(10),
            body_bytes_per_second_min: 1024,
            accept_time_max: Duration::from_secs(10),
            connection_time_max: Duration::from_mins(10),
            drain_time_max: Duration::from_secs(15),
        }
    }
}

/// How long the rest of a refused body is read, so that the sender gets to see why.
const DISCARD_TIME: Duration = Duration::from_secs(1);

/// The largest body that is parsed where it is; a larger one takes a thread that may block.
const PARSED_HERE_MAX: usize = 64 * 1024;

/// Serves `POST /v1/{system}/{source}` and `GET /v1/messages/{id}`.
pub fn router(intake: Arc<dyn Intake>, limits: IngestLimits, on_refusal: OnRefusal) -> Router {
    let ingest = Ingest {
        door: Door::new(Arc::clone(&intake), &limits),
        memory: Memory::of_bytes(limits.memory_bytes_max),
        intake,
        limits: Arc::new(limits),
        on_refusal,
    };
    Router::new()
        .route("/v1/{system}/{source}", routing::post(take))
        .route("/v1/messages/{id}", routing::get(tell))
        .method_not_allowed_fallback(method_not_allowed)
        .fallback(not_found)
        .with_state(Arc::new(ingest))
}

struct Ingest {
    door: Door,
    memory: Memory,
    intake: Arc<dyn Intake>,
    limits: Arc<IngestLimits>,
    on_refusal: OnRefusal,
}

async fn take(
    State(ingest): State<Arc<Ingest>>,
    path: Result<Path<(String, String)>, PathRejection>,
    mut request: Request,
) -> Response {
    let is_chunked = request.headers().contains_key(header::TRANSFER_ENCODING);
    let mut response = match ingest.take(path.ok().map(|it| it.0), &mut request).await {
        Ok(response) => response,
        Err(problem) => {
            // One who waits for `100 Continue` has sent no body yet, and need not.
            if !request.headers().contains_key(header::EXPECT) {
                let size_max = ingest.limits.body_bytes_max;
                body::discard(request.body_mut(), size_max, DISCARD_TIME).await;
            }
            ingest.refuse(problem)
        }
    };
    if is_chunked {
        // The library below takes a call with both lengths for a chunked one. What a proxy in
        // front made of it is not known, so nothing that follows on the connection is believed.
        response
            .headers_mut()
            .insert(header::CONNECTION, header::HeaderValue::from_static("close"));
    }
    response
}

async fn tell(
    State(ingest): State<Arc<Ingest>>,
    path: Result<Path<String>, PathRejection>,
    headers: HeaderMap,
) -> Response {
    let told = ingest.tell(path.ok().map(|it| it.0), &headers).await;
    told.unwrap_or_else(|problem| ingest.refuse(problem))
}

async fn method_not_allowed(State(ingest): State<Arc<Ingest>>) -> Response {
    ingest.refuse(ProblemCode::MethodNotAllowed.into())
}

async fn not_found(State(ingest): State<Arc<Ingest>>) -> Response {
    ingest.refuse(ProblemCode::NotFound.into())
}

impl Ingest {
    async fn take(
        &self,
        path: Option<(String, String)>,
        request: &mut Request,
    ) -> Result<Response, Problem> {
        let known = self.door.identify(request.headers())?;
        let _in_flight = self.door.admit(&known)?;
        let endpoint = path.and_then(|(system, name)| Endpoint::parse(&format!("{system}.{name}")));
        let opened = endpoint.and_then(|it| known.at(&it).map(|client| (it, client)));
        let (source, client) = opened.ok_or(ProblemCode::UnknownSource)?;
        let envelope = Envelope::read(request.headers())?;
        let size_max = envelope.size_max(&self.limits);
        let headers = request.headers().clone();
        let within = (&*self.limits, &self.memory);
        let body = body::read(&headers, request.body_mut(), size_max, within).await?;
        let Messages { messages, places } = self.parse(envelope, &body).await?;
        let handover = Handover { source, client, messages };
        let accepted = match timeout(self.limits.accept_time_max, self.intake.accept(handover))
            .await
        {
            Ok(accepted) => accepted.map_err(|error| answer::refused(error, places.as_deref()))?,
            Err(_) => return Err(answer::unavailable(self.limits.accept_time_max)),
        };
        Ok(answer::taken(&accepted, places.is_some()))
    }

    async fn parse(&self, envelope: Envelope, body: &ReadBody) -> Result<Messages, Problem> {
        let bytes: Bytes = body.bytes.clone();
        if bytes.len() <= PARSED_HERE_MAX {
            return envelope.messages(&bytes, &self.limits);
        }
        let limits = Arc::clone(&self.limits);
        let parsed = tokio::task::spawn_blocking(move || envelope.messages(&bytes, &limits)).await;
        parsed.map_err(|_| ProblemCode::Bug)?
    }

    async fn tell(&self, path: Option<String>, headers: &HeaderMap) -> Result<Response, Problem> {
        let known = self.door.identify(headers)?;
        let _in_flight = self.door.admit(&known)?;
        let id: Option<MessageId> = path.and_then(|it| it.parse().ok());
        let id = id.ok_or(ProblemCode::UnknownMessage)?;
        for client in known.names() {
            let fares = timeout(self.limits.accept_time_max, self.intake.fares(&client, id)).await;
            match fares {
                Ok(Some(fares)) => return Ok(answer::fares(&fares)),
                Ok(None) => {}
                Err(_) => return Err(answer::unavailable(self.limits.accept_time_max)),
            }
        }
        Err(ProblemCode::UnknownMessage.into())
    }

    fn refuse(&self, problem: Problem) -> Response {
        (self.on_refusal)(problem.code.as_str());
        problem.into_response()
    }
}
