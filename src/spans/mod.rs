//! Traces: spans of what a message goes through, with the context that ties them to those of its sender
//! and of its targets (W3C Trace Context), handed to a receiver over OTLP.
//!
//! ```text
//! context    which trace, which span: as a header between systems, and in our queues
//! protobuf   spans as OTLP writes them
//! exporter   from here to the receiver: bounded, in batches, never in the way of a message
//! ```
//!
//! No global keeps them: whoever makes a span is given the [`Exporter`] that takes it.

mod context;
mod exporter;
mod protobuf;

use std::sync::Arc;

pub use self::{
    context::{Context, TRACEPARENT, TRACESTATE, Traced},
    exporter::{Address, Exporter},
};
use crate::message::Timestamp;

/// A piece of work on one message that has ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Span {
    /// Its trace and its own number.
    pub context: Context,
    /// The span within which it happened; `None`: it is the first of its trace.
    pub parent: Option<[u8; 8]>,
    /// What the sender's tracing passes on, as it came.
    pub state: Option<Arc<str>>,
    /// What was done, in a few words, the same for many: `route sppd-terbit`.
    pub name: String,
    /// Towards whom.
    pub kind: Kind,
    /// When it began.
    pub start: Timestamp,
    /// When it had ended.
    pub end: Timestamp,
    /// What is to be said of it: never a body, never what stands in one.
    pub attributes: Vec<(&'static str, Attribute)>,
    /// Why it failed, in a fixed word, if it did.
    pub error: Option<String>,
}

/// Towards whom the work of a span was done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Within the bus.
    Internal,
    /// A system called.
    Server,
    /// A system was called.
    Client,
    /// A message was published.
    Producer,
    /// A message was taken from a queue.
    Consumer,
}

/// A value of an attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Attribute {
    /// Text.
    Text(String),
    /// A whole number.
    Number(i64),
    /// Whether it is so.
    Flag(bool),
}

impl From<&str> for Attribute {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Attribute {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<i64> for Attribute {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl From<bool> for Attribute {
    fn from(flag: bool) -> Self {
        Self::Flag(flag)
    }
}
