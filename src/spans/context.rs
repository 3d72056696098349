//! Which trace and which span a piece of work belongs to, as W3C Trace Context writes it.

use std::sync::Arc;

/// The header that carries a [`Context`] between systems.
pub const TRACEPARENT: &str = "traceparent";

/// The header in which tracing systems pass on what they need; it is passed on as it came.
pub const TRACESTATE: &str = "tracestate";

/// The longest `tracestate` that is passed on, in bytes: as long as all must.
const STATE_MAX: usize = 512;

/// A span in a trace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Context {
    /// The trace.
    pub trace: [u8; 16],
    /// The span.
    pub span: [u8; 8],
    /// Whether it is to be recorded, as whoever began the trace has decided.
    pub sampled: bool,
}

impl Context {
    /// Reads a `traceparent`; `None` where it is none, and a new trace is to be begun.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('-');
        let version = hex::<1>(parts.next()?)?;
        let trace = hex::<16>(parts.next()?)?;
        let span = hex::<8>(parts.next()?)?;
        let flags = hex::<1>(parts.next()?)?;
        // Later versions may say more behind these, and what is here must mean the same.
        let is_version = match version {
            [0xff] => false,
            [0] => parts.next().is_none(),
            _ => true,
        };
        let is_context = is_version && trace != [0; 16] && span != [0; 8];
        is_context.then_some(Self { trace, span, sampled: flags[0] & 1 == 1 })
    }

    /// The first span of a new trace, which is recorded; `None` where the system has no randomness.
    pub fn begin() -> Option<Self> {
        Some(Self { trace: random()?, span: random()?, sampled: true })
    }

    /// Another span of the same trace.
    pub fn next(&self) -> Option<Self> {
        Some(Self { span: random()?, ..*self })
    }

    /// As a `traceparent`.
    pub fn header(&self) -> String {
        let flags = if self.sampled { "01" } else { "00" };
        format!("00-{}-{}-{flags}", text(&self.trace), text(&self.span))
    }

    /// The number of the trace, as people search for it.
    pub fn trace_text(&self) -> String {
        text(&self.trace)
    }
}

/// A context, and what the sender's tracing passes on with it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traced {
    /// The span within which what comes next happens.
    pub context: Context,
    /// The `tracestate` of the sender.
    pub state: Option<Arc<str>>,
}

impl Traced {
    /// From a header of ours, and the sender's `tracestate`.
    pub fn of(context: &str, state: Option<&str>) -> Option<Self> {
        let state = state.filter(|it| (1..=STATE_MAX).contains(&it.len())).map(Into::into);
        Some(Self { context: Context::parse(context)?, state })
    }

    /// Another span of the same trace.
    pub fn next(&self) -> Option<Self> {
        Some(Self { context: self.context.next()?, state: self.state.clone() })
    }
}

/// Lower-case digits, as the standard wants them.
fn hex<const BYTES: usize>(text: &str) -> Option<[u8; BYTES]> {
    let is_hex = |it: u8| it.is_ascii_digit() || (b'a'..=b'f').contains(&it);
    if text.len() != 2 * BYTES || !text.bytes().all(is_hex) {
        return None;
    }
    let mut bytes = [0; BYTES];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok()?;
    }
    Some(bytes)
}

fn text(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Not all zeros, which would be no number.
fn random<const BYTES: usize>() -> Option<[u8; BYTES]> {
    let mut bytes = [0; BYTES];
    getrandom::fill(&mut bytes).ok()?;
    (bytes != [0; BYTES]).then_some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn a_context_is_read_as_it_was_written() {
        let context = Context::parse(SENT).unwrap();
        assert_eq!(context.header(), SENT);
        assert_eq!(context.trace_text(), "4bf92f3577b34da6a3ce929d0e0e4736");
        let next = context.next().unwrap();
        assert!(next.trace == context.trace && next.span != context.span && next.sampled);
        assert_eq!(Context::parse(&SENT.replace("-01", "-00")).map(|it| it.sampled), Some(false));
    }

    #[test]
    fn what_is_no_context_begins_a_new_trace() {
        let later = SENT.replacen("00", "cc", 1) + "-more";
        assert!(Context::parse(&later).is_some());
        for wrong in [
            "",
            "00",
            &SENT.replacen("00", "ff", 1),
            &SENT.to_uppercase(),
            &(SENT.to_owned() + "-more"),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b-01",
        ] {
            assert_eq!(Context::parse(wrong), None, "{wrong}");
        }
        let [one, other] = [(); 2].map(|()| Context::begin().unwrap());
        assert!(one.sampled && one.trace != other.trace);
    }

    #[test]
    fn a_state_that_is_too_long_is_not_passed_on() {
        let traced = |state: &str| Traced::of(SENT, Some(state)).unwrap().state;
        assert_eq!(traced("a=1,b=2").as_deref(), Some("a=1,b=2"));
        assert_eq!(traced(&"x".repeat(STATE_MAX + 1)), None);
    }
}
