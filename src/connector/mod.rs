//! Connectors: where the bus touches other systems.
//!
//! A connector translates between simpul and somebody else's protocol, and sorts that protocol's
//! failures into three [`Class`]es. It does not retry, log, count or queue: the engine does that,
//! the same way for all of them.
//!
//! To add one: write `connector/<protocol>/`, give it a `…Spec` with a `compile` like
//! [`http::HttpSpec`]'s, and a field in `route::file::SystemFile`.

pub mod amqp;
mod classification;
mod failure;
pub mod files;
pub mod http;
mod literal;
mod reach;
mod rhythm;
mod secret;
mod speaks;

use std::{collections::BTreeMap, error::Error, iter, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::join_all;
use tokio_util::sync::CancellationToken;

pub use self::{
    classification::Classification,
    failure::{AnswerClass, CallError, Class},
    reach::Reached,
    secret::Secret,
    speaks::Speaks,
};

use crate::{
    diagnostic::{Located, Text, text},
    expr::Template,
    message::{Digest, Endpoint, Headers, MessageId, Timestamp},
};

/// A system that messages are sent to.
#[async_trait]
pub trait Target: Send + Sync {
    /// Sends one delivery and waits until the other side has taken it.
    ///
    /// Dropping the future gives up the call; the other side may have taken it all the same.
    ///
    /// # Errors
    ///
    /// [`CallError`], sorted by what the engine should do next.
    async fn send(&self, call: &Call) -> Result<Answer, CallError>;

    /// Sends several deliveries side by side; the answers are in their order.
    async fn send_all(&self, calls: Vec<Call>) -> Vec<Result<Answer, CallError>> {
        join_all(calls.iter().map(|call| self.send(call))).await
    }

    /// The RabbitMQ that this target is on, as host and port.
    fn rabbitmq(&self) -> Option<&str> {
        None
    }

    /// When the certificate ends that the other side last showed.
    fn certificate_until(&self) -> Option<Timestamp> {
        None
    }

    /// What [`send`](Self::send) would send, without sending it.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send), where it would fail before anything is sent.
    fn draft(&self, call: &Call) -> Result<Draft, CallError> {
        Ok(Draft {
            line: String::new(),
            headers: call.headers.clone(),
            body: Some(call.body.clone()),
        })
    }

    /// What [`send`](Self::send) would make of an answer with this status; nothing where answers
    /// have no status.
    fn judge(
        &self,
        _status: u16,
        _retry_after: Option<Duration>,
    ) -> Option<Result<Answer, CallError>> {
        None
    }

    /// Whether the other side can be reached, looked at without sending it anything that it could
    /// take for a delivery, and without changing anything there.
    ///
    /// # Errors
    ///
    /// As [`send`](Self::send).
    async fn reach(&self) -> Result<Reached, CallError> {
        Ok(Reached::default())
    }

    /// What [`reach`](Self::reach) looks at: the same for targets that are reached together.
    fn place(&self) -> Option<Digest> {
        None
    }

    /// How it is spoken to, for traces.
    fn speaks(&self) -> Speaks {
        Speaks::Other
    }

    /// How long a call may take before it is given up as unavailable.
    fn time_max(&self) -> Duration {
        CALL_TIME_MAX
    }
}

/// How long a call may take where a target does not say otherwise.
const CALL_TIME_MAX: Duration = Duration::from_secs(15);

/// What is sent to another system with one call; what proves who calls is not in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// Where within the system: `PUT /api/tps/1301`, as from its `url`.
    pub line: String,
    /// The headers, but for those that the protocol adds.
    pub headers: Headers,
    /// The body; nothing where none is sent.
    pub body: Option<Bytes>,
}

/// One attempt at one delivery.
#[derive(Debug, Clone)]
pub struct Call {
    /// The body: JSON text.
    pub body: Bytes,
    /// What the target's [`OpenTarget::parameters`] yielded for this delivery, in their order,
    /// encoded.
    pub parameters: Vec<String>,
    /// What simpul says beside it: `idempotency-key`, `simpul-attempt`, …
    pub headers: Headers,
}

/// What came back when the other side took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// One line for the journal: `200`, `17 bytes written`.
    pub summary: String,
}

/// A target as its system file describes it, ready to be called.
pub struct OpenTarget {
    /// Its name.
    pub endpoint: Endpoint,
    /// What to call.
    pub target: Arc<dyn Target>,
    /// Templates over the message (path, headers), evaluated where the delivery is made.
    pub parameters: Arc<[Parameter]>,
    /// The JSON Schema of what it takes: a path as written.
    pub schema: Option<Located<String>>,
    /// How it sorts answers otherwise than usual.
    pub answers: BTreeMap<u16, AnswerClass>,
    /// Changes when its system file does (secrets included): frees a paused target.
    pub digest: Digest,
}

impl OpenTarget {
    /// The same target of the same system file, with something else behind it.
    pub(crate) fn played_by(&self, target: Arc<dyn Target>) -> Self {
        Self {
            endpoint: self.endpoint.clone(),
            target,
            parameters: Arc::clone(&self.parameters),
            schema: self.schema.clone(),
            answers: self.answers.clone(),
            digest: self.digest,
        }
    }
}

/// A template that a target wants evaluated for each delivery.
pub struct Parameter {
    /// What to evaluate; `$` is the message after the steps, `@` the item.
    pub template: Template,
    /// Where it stands: `path`, `header x-unit`.
    pub place: String,
    /// Makes a value safe for that place.
    pub encode: fn(&str) -> String,
}

impl Parameter {
    /// Where it stands, for the authors of files.
    pub fn words(&self) -> Text {
        match (self.place.as_str(), self.place.strip_prefix("header ")) {
            ("path", _) => text!("path"),
            ("query", _) => text!("query"),
            ("file", _) => text!("file"),
            (_, Some(name)) => text!("header {}", name),
            (other, None) => text!("{}", other),
        }
    }
}

/// A source as its system file describes it.
pub struct OpenSource {
    /// Its name.
    pub endpoint: Endpoint,
    /// The JSON Schema of what it emits: a path as written.
    pub schema: Option<Located<String>>,
    /// Who may send: the name of each API key and the SHA-256 of the key.
    pub api_keys: Vec<(String, [u8; 32])>,
    /// The longest that it is quiet while all is well.
    pub expect_every: Option<Duration>,
    /// How messages are fetched, where nobody brings them.
    pub pull: Option<Pulled>,
}

/// A source whose messages simpul fetches.
#[derive(Clone)]
pub struct Pulled {
    /// What fetches them.
    pub pull: Arc<dyn Pull>,
    /// Changes when its system file does (secrets included): it is started anew then.
    pub digest: Digest,
}

/// Fetches the messages of one source.
#[async_trait]
pub trait Pull: Send + Sync {
    /// Fetches messages and hands them over until it is told to stop; goes on through trouble.
    ///
    /// What was fetched is acknowledged to the other side only after [`Intake::accept`] took it.
    /// Dropping the future leaves what is in hand to be fetched again.
    async fn run(&self, pulling: Pulling);

    /// Whether messages could be fetched, looked at without fetching any.
    ///
    /// # Errors
    ///
    /// [`CallError`], why not.
    async fn reach(&self) -> Result<Reached, CallError> {
        Ok(Reached::default())
    }
}

/// What a [`Pull`] works with.
#[derive(Clone)]
pub struct Pulling {
    /// Where to hand over.
    pub intake: Arc<dyn Intake>,
    /// The largest body, in bytes; a larger one is handed over with a [`flaw`](Incoming::flaw).
    pub body_bytes_max: usize,
    /// Told whether messages can be fetched, when that changes.
    pub tell: Arc<dyn Fn(PullState) + Send + Sync>,
    /// Ends the work; looked at only where nothing is half done.
    pub stop: CancellationToken,
}

/// Whether messages of a source can be fetched.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PullState {
    /// They come.
    Connected,
    /// They do not, for this reason; it is tried again. Never a secret, a URL, or a body.
    Trouble(String),
}

/// Where sources hand over what they received. The engine is behind it.
#[async_trait]
pub trait Intake: Send + Sync {
    /// Accepts messages, all or none; returns once they are durable.
    ///
    /// # Errors
    ///
    /// [`IntakeError`] when none of them was accepted; after `Unavailable` they may have been.
    async fn accept(&self, handover: Handover) -> Result<Vec<Accepted>, IntakeError>;

    /// How many handovers of a source may be under way at once: one, where their order matters.
    fn side_by_side(&self, _source: &Endpoint) -> usize {
        1
    }

    /// How a message fares that `client` handed over; `None` if there is no such message of his.
    async fn fares(&self, client: &str, id: MessageId) -> Option<serde_json::Value>;

    /// The sources that accept messages now, by endpoint.
    fn sources(&self) -> Arc<BTreeMap<Endpoint, Arc<OpenSource>>>;
}

/// Messages on their way in, from one call of a source.
#[derive(Debug, Clone)]
pub struct Handover {
    /// The source.
    pub source: Endpoint,
    /// Who hands them over: `system.source/key-name`.
    pub client: String,
    /// The messages, in their order.
    pub messages: Vec<Incoming>,
}

/// One message on its way in.
#[derive(Debug, Clone, Default)]
pub struct Incoming {
    /// What the sender calls it: an `Idempotency-Key`, or `ce-source` and `ce-id`.
    pub key: Option<String>,
    /// What came beside the body.
    pub headers: Headers,
    /// The body: checked to be JSON within the limits where there is somebody to be told that it
    /// is not. A message that was fetched is held against them, and against its source's schema,
    /// in its route, and becomes a dead letter there.
    pub body: Bytes,
    /// Why no route can work on it: it becomes a dead letter with this reason. For a message that
    /// was fetched, whose sender cannot be told.
    pub flaw: Option<String>,
    /// It may have been accepted before, so that its deliveries may be repeats.
    pub redelivered: bool,
}

/// A message that was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Accepted {
    /// Its id.
    pub id: MessageId,
    /// It had been accepted before under the same key; this is the first one's id.
    pub duplicate: bool,
}

/// Why messages were not accepted.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IntakeError {
    /// Not now: try again later, with the same key.
    #[error("not now: {reason}")]
    Unavailable {
        /// What happened, for the operator.
        reason: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// Not now: there is no room. Nothing of them was stored.
    #[error("not now: {reason}")]
    NoRoom {
        /// What is full, for the operator.
        reason: String,
        /// When to try again.
        retry_after: Duration,
    },
    /// A body does not fit the source's schema.
    #[error("message {index} does not fit the schema")]
    Invalid {
        /// Which of the messages, from 0.
        index: usize,
        /// What does not fit: JSON Pointer and what the schema asks for.
        violations: Vec<(String, String)>,
    },
    /// The key was used for another body.
    #[error("the idempotency key of message {index} was used for another body")]
    KeyReused {
        /// Which of the messages, from 0.
        index: usize,
    },
    /// A message with the same key is being stored at this moment.
    #[error("a message with the key of message {index} is being stored")]
    KeyInFlight {
        /// Which of the messages, from 0.
        index: usize,
    },
    /// No route reads this source.
    #[error("no route reads this source")]
    NoRoute,
}

impl IntakeError {
    /// The same error about the message at another place of the handover.
    pub fn of(self, place: impl FnOnce(usize) -> usize) -> Self {
        match self {
            Self::Invalid { index, violations } => {
                Self::Invalid { index: place(index), violations }
            }
            Self::KeyReused { index } => Self::KeyReused { index: place(index) },
            Self::KeyInFlight { index } => Self::KeyInFlight { index: place(index) },
            Self::Unavailable { .. } | Self::NoRoom { .. } | Self::NoRoute => self,
        }
    }
}

/// An error and all its causes in one line: libraries keep the telling part at the bottom.
pub(crate) fn reason(error: &(dyn Error + 'static)) -> String {
    let causes = iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
