//! Spans as OTLP has them on the wire: `ExportTraceServiceRequest` of opentelemetry-proto 1, in the
//! encoding of protobuf. Of that the request needs numbers, texts and messages inside each other.

use super::{Attribute, Kind, Span};
use crate::message::Timestamp;

/// Nanoseconds of a millisecond.
const NANOS: u64 = 1_000_000;

/// The request that hands spans over, as protobuf.
pub(super) fn request(instance: &str, spans: &[Span]) -> Vec<u8> {
    let mut resource = Message::default();
    for (name, value) in [
        ("service.name", "simpul"),
        ("service.version", env!("CARGO_PKG_VERSION")),
        ("service.instance.id", instance),
    ] {
        resource.message(1, &pair(name, &value.into()));
    }
    let mut scope = Message::default();
    scope.text(1, "simpul");
    scope.text(2, env!("CARGO_PKG_VERSION"));
    let mut of_scope = Message::default();
    of_scope.message(1, &scope);
    spans.iter().for_each(|it| of_scope.message(2, &span(it)));
    let mut of_resource = Message::default();
    of_resource.message(1, &resource);
    of_resource.message(2, &of_scope);
    let mut request = Message::default();
    request.message(1, &of_resource);
    request.0
}

fn span(span: &Span) -> Message {
    let Span { context, parent, state, name, kind, start, end, attributes, error } = span;
    let mut out = Message::default();
    out.bytes(1, &context.trace);
    out.bytes(2, &context.span);
    if let Some(state) = state {
        out.text(3, state);
    }
    if let Some(parent) = parent {
        out.bytes(4, parent);
    }
    out.text(5, name);
    out.number(6, number(*kind));
    out.fixed64(7, nanos(*start));
    out.fixed64(8, nanos(*end));
    attributes.iter().for_each(|(name, value)| out.message(9, &pair(name, value)));
    if let Some(error) = error {
        let mut status = Message::default();
        status.text(2, error);
        status.number(3, 2);
        out.message(15, &status);
    }
    out.fixed32(16, u32::from(context.sampled));
    out
}

fn number(kind: Kind) -> u64 {
    match kind {
        Kind::Internal => 1,
        Kind::Server => 2,
        Kind::Client => 3,
        Kind::Producer => 4,
        Kind::Consumer => 5,
    }
}

fn nanos(at: Timestamp) -> u64 {
    u64::try_from(at.as_millis()).unwrap_or_default().saturating_mul(NANOS)
}

/// A `KeyValue`.
fn pair(name: &str, value: &Attribute) -> Message {
    let mut any = Message::default();
    match value {
        Attribute::Text(text) => any.text(1, text),
        Attribute::Flag(flag) => any.number(2, u64::from(*flag)),
        // A negative number is written as the unsigned one with the same bits.
        Attribute::Number(number) => any.number(3, u64::from_ne_bytes(number.to_ne_bytes())),
    }
    let mut pair = Message::default();
    pair.text(1, name);
    pair.message(2, &any);
    pair
}

/// A message of protobuf, as its fields are added.
#[derive(Default)]
struct Message(Vec<u8>);

impl Message {
    fn varint(&mut self, mut number: u64) {
        while 0x7f < number {
            self.0.push((number & 0x7f) as u8 | 0x80);
            number >>= 7;
        }
        self.0.push(number as u8);
    }

    fn key(&mut self, field: u64, kind: u64) {
        self.varint(field << 3 | kind);
    }

    fn number(&mut self, field: u64, number: u64) {
        self.key(field, 0);
        self.varint(number);
    }

    fn fixed64(&mut self, field: u64, number: u64) {
        self.key(field, 1);
        self.0.extend(number.to_le_bytes());
    }

    fn fixed32(&mut self, field: u64, number: u32) {
        self.key(field, 5);
        self.0.extend(number.to_le_bytes());
    }

    fn bytes(&mut self, field: u64, bytes: &[u8]) {
        self.key(field, 2);
        self.varint(bytes.len() as u64);
        self.0.extend(bytes);
    }

    fn text(&mut self, field: u64, text: &str) {
        self.bytes(field, text.as_bytes());
    }

    fn message(&mut self, field: u64, message: &Self) {
        self.bytes(field, &message.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_take_as_many_bytes_as_they_need() {
        let mut message = Message::default();
        message.number(1, 150);
        message.number(2, u64::MAX);
        let all = [0x08, 0x96, 0x01, 0x10, 255, 255, 255, 255, 255, 255, 255, 255, 255, 1];
        assert_eq!(message.0, all);
    }
}
