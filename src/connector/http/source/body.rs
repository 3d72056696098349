//! Reads the body of a call within its limits: size, speed, and memory of all calls together.

use std::{future::poll_fn, pin::Pin, sync::Arc, time::Duration};

use axum::{body::Body, http::HeaderMap, http::header};
use bytes::{Bytes, BytesMut};
use hyper::body::Body as _;
use tokio::{
    sync::{OwnedSemaphorePermit, Semaphore},
    time::{Instant, timeout_at},
};

use super::{
    IngestLimits,
    problem::{Problem, ProblemCode},
};

/// The unit in which memory for bodies is reserved, in bytes.
const PAGE: usize = 1024;

/// When a sender should come back while the memory for bodies is full.
const BUSY_PAUSE: Duration = Duration::from_secs(1);

/// The memory that all bodies in hand may take together.
pub(super) struct Memory(Arc<Semaphore>);

impl Memory {
    pub(super) fn of_bytes(bytes: usize) -> Self {
        Self(Arc::new(Semaphore::new((bytes / PAGE).clamp(1, Semaphore::MAX_PERMITS))))
    }
}

/// A body that was read, and the memory reserved for it for as long as this lives.
pub(super) struct ReadBody {
    pub(super) bytes: Bytes,
    reserved: Option<OwnedSemaphorePermit>,
}

/// Reads a body of at most `size_max` bytes to its end.
pub(super) async fn read(
    headers: &HeaderMap,
    body: &mut Body,
    size_max: usize,
    (limits, memory): (&IngestLimits, &Memory),
) -> Result<ReadBody, Problem> {
    let declared = declared_length(headers);
    if declared.is_some_and(|it| size_max < it) {
        return Err(too_large(size_max));
    }
    let mut whole = ReadBody { bytes: Bytes::new(), reserved: None };
    let mut buffer = BytesMut::new();
    let start = Instant::now();
    loop {
        let deadline = deadline(start, whole.bytes.len() + buffer.len(), limits);
        let chunk = match timeout_at(deadline, next_chunk(body)).await {
            Err(_) => return Err(ProblemCode::BodyTooSlow.into()),
            Ok(None) => break,
            // What the client library says is about the framing, never about the content; but it
            // is not for senders to act on either.
            Ok(Some(Err(_))) => return Err(ProblemCode::BodyIncomplete.into()),
            Ok(Some(Ok(chunk))) => chunk,
        };
        let size = whole.bytes.len() + buffer.len() + chunk.len();
        if size_max < size {
            return Err(too_large(size_max));
        }
        whole.reserve(size, memory)?;
        // A body that comes in one piece, as most do, is not copied.
        if buffer.is_empty() && whole.bytes.is_empty() {
            whole.bytes = chunk;
        } else {
            buffer.extend_from_slice(&std::mem::take(&mut whole.bytes));
            buffer.extend_from_slice(&chunk);
        }
    }
    if !buffer.is_empty() {
        whole.bytes = buffer.freeze();
    }
    Ok(whole)
}

/// Reads and forgets what is left of a body, so that the sender gets to see the answer instead of
/// a reset connection. Gives up after `size_max` bytes and after `time`.
pub(super) async fn discard(body: &mut Body, size_max: usize, time: Duration) {
    let deadline = Instant::now() + time;
    let mut read = 0;
    while read <= size_max
        && let Ok(Some(Ok(chunk))) = timeout_at(deadline, next_chunk(body)).await
    {
        read += chunk.len();
    }
}

impl ReadBody {
    fn reserve(&mut self, size: usize, memory: &Memory) -> Result<(), Problem> {
        let held = self.reserved.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = size.div_ceil(PAGE).saturating_sub(held);
        let more = u32::try_from(more).unwrap_or(u32::MAX);
        if more == 0 {
            return Ok(());
        }
        let permit = Arc::clone(&memory.0)
            .try_acquire_many_owned(more)
            .map_err(|_| Problem::from(ProblemCode::Busy).retry_after(BUSY_PAUSE))?;
        match &mut self.reserved {
            Some(reserved) => reserved.merge(permit),
            None => self.reserved = Some(permit),
        }
        Ok(())
    }
}

/// The next piece of data; trailers are passed over.
async fn next_chunk(body: &mut Body) -> Option<Result<Bytes, axum::Error>> {
    loop {
        let frame = poll_fn(|context| Pin::new(&mut *body).poll_frame(context)).await?;
        match frame.map(hyper::body::Frame::into_data) {
            Ok(Ok(data)) => return Some(Ok(data)),
            Ok(Err(_trailers)) => {}
            Err(error) => return Some(Err(error)),
        }
    }
}

/// When the next piece must have come: the total time, or earlier where the sender is too slow.
fn deadline(start: Instant, received: usize, limits: &IngestLimits) -> Instant {
    let received = u64::try_from(received).unwrap_or(u64::MAX);
    let earned = Duration::from_millis(
        received.saturating_mul(1_000) / u64::from(limits.body_bytes_per_second_min.max(1)),
    );
    start + limits.body_time_max.min(limits.body_grace.saturating_add(earned))
}

fn declared_length(headers: &HeaderMap) -> Option<usize> {
    headers.get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

fn too_large(size_max: usize) -> Problem {
    Problem::new(ProblemCode::BodyTooLarge, format!("at most {size_max} bytes"))
        .with("limit", size_max.into())
}
