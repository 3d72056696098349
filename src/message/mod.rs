//! The message: the one value that travels through the whole bus, and its parsed body.
//!
//! [`Message`] is what queues and the store hold: an id, headers, and the body as the bytes that
//! were accepted. [`Value`] is that body once parsed, living in an [`Arena`] for as long as one
//! message is worked on: source order, numbers as written, nothing copied that need not be.

mod arena;
mod decimal;
mod document;
mod headers;
mod id;
mod name;
mod parse;
mod scan;
mod steady;
mod time;
mod write;

use bytes::Bytes;

pub use self::{
    arena::{Arena, ArenaFull, List},
    document::{Number, Value},
    headers::Headers,
    id::{Digest, DigestError, IdSource, MessageId},
    name::{Endpoint, is_name},
    parse::{Limits, ParseError, ParseErrorKind, parse},
    time::{Clock, Timestamp},
    write::JsonWriter,
};

/// A message as one route accepted it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    /// Stays the same through every step, retry and queue.
    pub id: MessageId,
    /// When simpul accepted it.
    pub received_at: Timestamp,
    /// What the source said beside the body, by lower-case name.
    pub headers: Headers,
    /// The JSON text exactly as it was accepted.
    pub body: Bytes,
}
