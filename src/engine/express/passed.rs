//! What came of one batch on the short way.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::afterwards::{Noted, What};
use crate::{
    engine::{Shared, pipeline::Out, traces},
    journal::{Body, Event, Term},
    message::{Endpoint, Message},
};

/// What came of one batch on the short way.
pub(super) struct Passed {
    pub(super) route: Arc<str>,
    generation: i64,
    by: String,
    pub(super) lines: Vec<Noted>,
    pub(super) filtered: u64,
    pub(super) routed: u64,
    pub(super) targets: BTreeMap<Endpoint, Sent>,
    /// Bytes that are kept of bodies.
    bodies_bytes: u64,
    /// From the first publication to the last confirmation.
    took: Duration,
}

/// What is written down of a message.
pub(super) struct Written<'m> {
    pub(super) message: &'m Message,
    /// What it is found by.
    pub(super) terms: Vec<Term>,
    /// What is kept of its bodies.
    pub(super) bodies: Vec<Body>,
}

/// What came of one target.
#[derive(Default)]
pub(super) struct Sent {
    pub(super) delivered: u64,
    /// Messages that it did not take; the ledger has no account of it.
    skipped: u64,
}

impl Passed {
    pub(super) fn new(route: &Arc<str>, generation: i64, by: &str) -> Self {
        Self {
            route: Arc::clone(route),
            generation,
            by: by.to_owned(),
            lines: Vec::new(),
            filtered: 0,
            routed: 0,
            targets: BTreeMap::new(),
            bodies_bytes: 0,
            took: Duration::ZERO,
        }
    }

    pub(super) fn by(&self) -> &str {
        &self.by
    }

    fn line(&mut self, written: Written<'_>, event: Event) {
        let Written { message, mut terms, bodies } = written;
        terms.extend(traces::term(&message.headers));
        self.bodies_bytes += bodies.iter().map(Body::bytes_kept).sum::<u64>();
        let what = match self.lines.last() {
            Some(last) if last.what.event == event => Arc::clone(&last.what),
            _ => {
                let (route, generation) = (Arc::clone(&self.route), self.generation);
                Arc::new(What { route, generation, event })
            }
        };
        self.lines.push(Noted {
            message: message.id,
            at: message.received_at,
            what,
            terms,
            bodies,
        });
    }

    pub(super) fn filtered(&mut self, message: Written<'_>, step: String) {
        self.filtered += 1;
        self.line(message, Event::Filtered { step });
    }

    pub(super) fn delivered(&mut self, message: Written<'_>, out: Out, took: Duration) {
        self.routed += 1;
        self.took = took;
        for skipped in out.skipped {
            self.targets.entry(skipped).or_default().skipped += 1;
        }
        let mut to = Vec::with_capacity(out.made.len());
        for made in out.made {
            self.targets.entry(made.target.clone()).or_default().delivered += 1;
            to.push(made.target);
        }
        let by = self.by.clone();
        let trace = traces::trace_of(&message.message.headers);
        let bytes = message.message.body.len() as u64;
        self.line(message, Event::Passed { by, to, bytes, trace });
    }

    /// Shows it to the metrics.
    pub(super) fn count(&self, shared: &Shared) {
        let of_route = shared.metrics.route(&self.route);
        of_route.received.inc_by(self.filtered + self.routed);
        of_route.filtered.inc_by(self.filtered);
        of_route.routed.inc_by(self.routed);
        of_route.bodies_bytes.inc_by(self.bodies_bytes);
        let took = self.took.as_secs_f64();
        for (target, Sent { delivered, skipped }) in &self.targets {
            let metrics = shared.metrics.target(&self.route, &target.to_string());
            metrics.skipped.inc_by(*skipped);
            metrics.created.inc_by(*delivered);
            metrics.delivered.inc_by(*delivered);
            metrics.attempts_delivered.inc_by(*delivered);
            for _ in 0..*delivered {
                metrics.delivery_duration.observe(took);
                metrics.attempt_duration.observe(took);
            }
        }
    }
}
