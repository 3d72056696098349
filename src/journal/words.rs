//! Events in words, for people.

use super::Event;
use crate::message::Endpoint;

impl Event {
    /// A stable word for it, and what happened in words.
    pub fn told(&self) -> (&'static str, String) {
        match self {
            Self::Accepted { by, trace, .. } => {
                ("accepted", format!("accepted from {by}{}", traced(trace.as_deref())))
            }
            Self::Repeat { first } => ("repeat", format!("repeat of {first}; dropped")),
            Self::Changed { first } => {
                ("changed", format!("same identity as {first}, other body; it goes on"))
            }
            Self::Filtered { step } => ("filtered", format!("filtered by {step}")),
            Self::Routed { deliveries, skipped } => ("routed", routed(*deliveries, skipped)),
            Self::Attempt { attempt, class, answer, duration_ms, .. } => {
                ("attempt", format!("attempt {attempt}: {class}, {answer} ({duration_ms} ms)"))
            }
            Self::Passed { by, to, trace, .. } => {
                let to: Vec<_> = to.iter().map(ToString::to_string).collect();
                let trace = traced(trace.as_deref());
                ("passed", format!("by {by}, straight to {}{trace}", to.join(", ")))
            }
            Self::CopyDropped => ("copy_dropped", "a copy made by a crash was dropped".to_owned()),
            Self::Dead { class, reason } => ("dead", format!("dead, {class}: {reason}")),
            Self::Expired => ("expired", "expired: its time ran out".to_owned()),
            Self::KeyHeld => {
                ("key_held", "holds its key: later deliveries of the key are parked".to_owned())
            }
            Self::Parked => ("parked", "parked behind an earlier delivery of its key".to_owned()),
            Self::KeyResumed { by } => {
                ("key_resumed", format!("its key goes on without it, by {by}"))
            }
            Self::Paused { reason } => ("paused", format!("target paused: {reason}")),
            Self::Resumed { by } => ("resumed", format!("target resumed by {by}")),
            Self::Replayed { by } => ("replayed", format!("replayed by {by}")),
            Self::Ordered { what, by } => ("ordered", format!("{what}, ordered by {by}")),
            Self::JobEnded { job, how, by: None } => ("job_ended", format!("job {job} {how}")),
            Self::JobEnded { job, how, by: Some(by) } => {
                ("job_ended", format!("job {job} {how} by {by}"))
            }
            Self::Discarded { by } => ("discarded", format!("discarded by {by}")),
            Self::Panicked { place } => ("panicked", format!("bug: panic in {place}; it stays")),
            Self::Acted { who, what, reason: None, .. } => ("acted", format!("{what}, by {who}")),
            Self::Acted { who, what, reason: Some(reason), .. } => {
                ("acted", format!("{what}, by {who}: {reason}"))
            }
            Self::Generation { how } => ("generation", format!("files {how}")),
        }
    }
}

fn traced(trace: Option<&str>) -> String {
    trace.map_or_else(String::new, |trace| format!(", trace {trace}"))
}

fn routed(deliveries: u32, skipped: &[Endpoint]) -> String {
    let plural = if deliveries == 1 { "delivery" } else { "deliveries" };
    let skipped: Vec<String> = skipped.iter().map(ToString::to_string).collect();
    match skipped.as_slice() {
        [] => format!("routed: {deliveries} {plural}"),
        names => format!("routed: {deliveries} {plural}; skipped {}", names.join(", ")),
    }
}
