//! From the body of a call to messages.

use axum::http::HeaderMap;
use bytes::Bytes;

use super::{
    super::super::Incoming,
    IngestLimits, event, headers,
    media::Media,
    problem::{Problem, ProblemCode},
};
use crate::message::{self, Arena, Headers, Limits, Value};

/// Memory for one parsed body, in bytes: some forty times what a body of the usual limit needs in
/// practice, and what the worst one of that size takes.
const PARSED_MAX: usize = 64 * 1024 * 1024;

/// What a call brings.
pub(super) struct Messages {
    pub(super) messages: Vec<Incoming>,
    /// For each message of a batch, where it stands.
    pub(super) places: Option<Vec<Place>>,
}

/// Where a message stands in a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Place {
    /// From 0.
    index: usize,
    /// From 1, where every message has a line of its own.
    line: Option<usize>,
}

impl Place {
    /// Says in a problem which message it is about.
    pub(super) fn mark(self, problem: Problem) -> Problem {
        let problem = problem.with("index", self.index.into());
        match self.line {
            Some(line) => problem.with("line", line.into()),
            None => problem,
        }
    }
}

/// A call without its body.
pub(super) struct Envelope {
    media: Media,
    key: Option<String>,
    kept: Headers,
    is_event: bool,
}

impl Envelope {
    /// Reads the headers: everything that can be refused before the body is read.
    pub(super) fn read(headers: &HeaderMap) -> Result<Self, Problem> {
        let media = Media::of(headers)?;
        let key = headers::idempotency_key(headers)?.map(str::to_owned);
        let mut envelope =
            Self { media, key, kept: headers::kept(headers)?, is_event: event::is_binary(headers) };
        match (media, envelope.is_event) {
            (Media::Json | Media::Nothing, true) => {
                let key = event::binary(headers, &mut envelope.kept)?;
                envelope.key.get_or_insert(key);
            }
            (Media::Nothing, false) => {
                let detail = "write `content-type: application/json`";
                return Err(Problem::new(ProblemCode::UnsupportedMediaType, detail));
            }
            (_, true) => return Err(ProblemCode::CloudeventMixed.into()),
            (_, false) => {}
        }
        Ok(envelope)
    }

    /// The largest body that such a call may have.
    pub(super) fn size_max(&self, limits: &IngestLimits) -> usize {
        if self.media.is_batch() { limits.batch_bytes_max } else { limits.body_bytes_max }
    }

    /// The messages in `body`. Takes milliseconds for each megabyte.
    pub(super) fn messages(self, body: &Bytes, limits: &IngestLimits) -> Result<Messages, Problem> {
        let mut arena = Arena::with_limit(PARSED_MAX);
        match self.media {
            Media::Json => {
                parse(&arena, body, limits.depth_max)?;
                Ok(self.one(body.clone()))
            }
            // An event may have no data.
            Media::Nothing if body.is_empty() => Ok(self.one(Bytes::from_static(b"null"))),
            Media::Nothing => Err(Problem::new(
                ProblemCode::UnsupportedMediaType,
                "a body needs a `content-type: application/json`",
            )),
            Media::Event => {
                let envelope = parse(&arena, body, limits.depth_max + 1)?;
                let mut message = event::structured(envelope, &self.kept)?;
                message.key = self.key.or(message.key);
                Ok(Messages { messages: vec![message], places: None })
            }
            Media::Events => self.events(body, &arena, limits),
            Media::Lines => self.lines(body, &mut arena, limits),
        }
    }

    fn one(self, body: Bytes) -> Messages {
        let message = Incoming { key: self.key, headers: self.kept, body, ..Incoming::default() };
        Messages { messages: vec![message], places: None }
    }

    fn events(
        self,
        body: &Bytes,
        arena: &Arena,
        limits: &IngestLimits,
    ) -> Result<Messages, Problem> {
        let Value::Array(events) = parse(arena, body, limits.depth_max + 2)? else {
            let detail = "a batch of events is an array";
            return Err(Problem::new(ProblemCode::CloudeventInvalid, detail));
        };
        let mut batch = BatchUnderway::new(self.key, limits);
        for (index, event) in events.iter().enumerate() {
            let place = Place { index, line: None };
            let message = event::structured(*event, &self.kept).map_err(|it| place.mark(it))?;
            batch.check_room(place, message.body.len())?;
            batch.add(place, message);
        }
        batch.finish()
    }

    fn lines(
        self,
        body: &Bytes,
        arena: &mut Arena,
        limits: &IngestLimits,
    ) -> Result<Messages, Problem> {
        let mut batch = BatchUnderway::new(self.key, limits);
        let mut headers = self.kept;
        headers.set("content-type", "application/json");
        for (number, line) in body.split(|it| *it == b'\n').enumerate() {
            let line = body.slice_ref(without_space_behind(line));
            if line.is_empty() {
                continue;
            }
            let place = Place { index: batch.messages.len(), line: Some(number + 1) };
            batch.check_room(place, line.len())?;
            parse(arena, &line, limits.depth_max).map_err(|it| place.mark(it))?;
            arena.reset();
            let message = Incoming { headers: headers.clone(), body: line, ..Incoming::default() };
            batch.add(place, message);
        }
        batch.finish()
    }
}

/// A batch while its messages are being found.
struct BatchUnderway<'a> {
    key: Option<String>,
    limits: &'a IngestLimits,
    messages: Vec<Incoming>,
    places: Vec<Place>,
}

impl<'a> BatchUnderway<'a> {
    fn new(key: Option<String>, limits: &'a IngestLimits) -> Self {
        Self { key, limits, messages: Vec::new(), places: Vec::new() }
    }

    /// Whether one more message of `size` bytes may come.
    fn check_room(&self, place: Place, size: usize) -> Result<(), Problem> {
        let (count_max, size_max) = (self.limits.batch_messages_max, self.limits.body_bytes_max);
        if count_max <= self.messages.len() {
            let detail = format!("at most {count_max} messages in one call");
            let problem = Problem::new(ProblemCode::TooManyMessages, detail);
            return Err(problem.with("limit", count_max.into()));
        }
        if size_max < size {
            let detail = format!("at most {size_max} bytes for one message");
            let problem = Problem::new(ProblemCode::BodyTooLarge, detail);
            return Err(place.mark(problem.with("limit", size_max.into())));
        }
        Ok(())
    }

    fn add(&mut self, place: Place, mut message: Incoming) {
        if let Some(key) = &self.key {
            // A key has no space, so that no other message has this one.
            message.key = Some(format!("{key} {}", place.index));
        }
        self.messages.push(message);
        self.places.push(place);
    }

    fn finish(self) -> Result<Messages, Problem> {
        match self.messages.is_empty() {
            true => Err(ProblemCode::NoMessages.into()),
            false => Ok(Messages { messages: self.messages, places: Some(self.places) }),
        }
    }
}

/// A line without the white space of JSON at its end, the `\r` of Windows among it.
fn without_space_behind(line: &[u8]) -> &[u8] {
    let length = line.iter().rposition(|it| !matches!(it, b' ' | b'\t' | b'\r'));
    length.and_then(|last| line.get(..=last)).unwrap_or_default()
}

fn parse<'a>(arena: &'a Arena, text: &'a [u8], depth: usize) -> Result<Value<'a>, Problem> {
    let limits = Limits { depth: depth.min(Limits::DEPTH_MAX) };
    message::parse(arena, text, &limits).map_err(|error| Problem::json(&error))
}
