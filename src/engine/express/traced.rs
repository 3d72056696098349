//! Spans of what goes the short way.

use std::{sync::Arc, time::Duration};

use super::{Express, Riding};
use crate::{
    connector::{Answer, CallError},
    engine::{
        traces::{self, Attempt},
        verdict::Attempted,
    },
    ledger::Fate,
    message::{Endpoint, Message},
    route::OpenPlanTarget,
    spans::{Span, Traced},
};

/// The spans of a message on the short way.
pub(super) struct Spans {
    accepted: Span,
    /// That of its way through the route, which its attempts are within.
    routed: Arc<Traced>,
    /// That of each of its deliveries, in their order.
    pub(super) attempts: Vec<Traced>,
}

impl Express<'_> {
    /// Begins to trace a message that is taken the short way.
    pub(super) fn trace(&self, message: &mut Message, source: &Endpoint) -> Option<Spans> {
        let accepted = self.shared.trace_accepted(message, (source, true))?;
        let routed = self.shared.next_span(&message.headers)?;
        Some(Spans { accepted, routed, attempts: Vec::new() })
    }

    /// The spans of a message of which nothing more is to be done.
    pub(super) fn ended(&self, spans: Option<Spans>, message: &Message, fate: Fate) -> Vec<Span> {
        let Some(Spans { accepted, routed, .. }) = spans else { return Vec::new() };
        let of = (&*self.route.name, self.live.generation, message.received_at);
        let routed = traces::routed(&routed, message, of, (fate, None));
        vec![accepted, routed]
    }

    /// The spans of the deliveries of a message to one target: nothing where it is not traced.
    pub(super) fn tried(
        &self,
        one: &Riding,
        target: &OpenPlanTarget,
        (place, answer): (usize, Option<&Result<Answer, CallError>>),
        took: Duration,
    ) -> Option<Span> {
        let spans = one.spans.as_ref()?;
        let (traced, answer) = (spans.attempts.get(place)?.clone(), answer?.clone());
        let none = std::collections::BTreeMap::new();
        let attempted = Attempted::sort(answer, [&none, &none]);
        let attempt = Attempt {
            traced,
            within: spans.routed.context.span,
            message: one.message.id,
            route: &self.route.name,
            target: &target.open.endpoint,
            speaks: target.open.target.speaks(),
            attempt: 1,
            class: attempted.class,
            answer: (attempted.word(), &attempted.summary),
            end: self.shared.clock.now(),
            took,
        };
        Some(attempt.span())
    }
}

impl Spans {
    /// Gives each of so many deliveries a span.
    pub(super) fn each_of(mut self, deliveries: usize) -> Self {
        self.attempts = (0..deliveries).filter_map(|_| self.routed.next()).collect();
        self
    }
}
