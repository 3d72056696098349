//! What becomes of a delivery once its attempt came back: decided by [`verdict`], written down in
//! ledger and journal, and settled by the worker.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use tracing::{error, info, warn};

use super::{Came, UnderWay, Worker};
use crate::{
    broker::{Delivery, Settled},
    connector::{CallError, Class},
    engine::{
        Breaker,
        batch::{PANIC_PAUSE, PANICS_MAX, crashed, dead_event},
        dead::paused_by,
        envelope::Envelope,
        gate::Change,
        traces::Attempt,
        verdict::{Attempted, Verdict, insisting, verdict},
    },
    journal::{self, Event, Line},
    ledger::{self, Cause, DeliveryId, Outcome, Tried},
    message::{Digest, Timestamp},
    metrics::{BreakerState, TargetMetrics},
    route::OnExhausted,
    store::Writes,
};

impl Worker<'_> {
    /// What becomes of a delivery whose attempt came back.
    pub(super) fn conclude(&self, under_way: UnderWay, came: Came, writes: &mut Writes) -> End {
        let UnderWay { delivery, mut envelope, started, bytes, open, traced, _probe } = under_way;
        let now = self.shared.clock.now();
        let none = BTreeMap::new();
        let of_target = open.as_ref().map_or(&none, |it| &it.open.answers);
        if let Err(CallError { status: Some(429), retry_after: Some(pause), .. }) = &came {
            self.gate.rest(*pause);
        }
        let mut attempted = Attempted::sort(came, [&self.destination.answers, of_target]);
        let system = open.as_ref().map_or(Digest::of(&[]), |it| it.open.digest);
        let change = self.gate.learn(delivery.entry.id, &mut attempted, now, system);
        let policy = &self.destination.retry;
        let luck = || self.shared.options.chance.luck();
        let mut verdict = verdict(&attempted, &envelope, policy, now, luck);
        if self.destination.on_exhausted == Some(OnExhausted::Block) {
            verdict = insisting(verdict, (&envelope, policy), now, luck);
        }
        envelope.attempts = envelope.attempts.saturating_add(1);
        envelope.reason = attempted.class.map(|_| attempted.summary.clone());
        let took = started.elapsed();
        let event = Event::Attempt {
            attempt: envelope.attempts,
            class: attempted.word().to_owned(),
            answer: attempted.summary.clone(),
            duration_ms: u64::try_from(took.as_millis()).unwrap_or(u64::MAX),
            bytes,
        };
        journal::append(writes, &self.line(&delivery, Some(&envelope), event));
        if let (Some(traced), Some(exporter)) = (traced, &self.shared.options.traces) {
            let speaks = open.as_ref().map(|it| it.open.target.speaks()).unwrap_or_default();
            let attempt = Attempt {
                traced,
                within: envelope.traced.as_ref().map(|it| it.context.span).unwrap_or_default(),
                message: delivery.entry.id,
                route: &self.route.name,
                target: &self.destination.target,
                speaks,
                attempt: envelope.attempts,
                class: attempted.class,
                answer: (attempted.word(), &attempted.summary),
                end: now,
                took,
            };
            exporter.take([attempt.span()]);
        }
        self.changed(change, writes);
        let mut end = self.execute(verdict, delivery, envelope, writes);
        end.ended.push(Ended::Attempt { class: attempted.class, took });
        end
    }

    fn execute(
        &self,
        verdict: Verdict,
        delivery: Delivery,
        mut envelope: Envelope,
        writes: &mut Writes,
    ) -> End {
        let now = self.shared.clock.now();
        let id = envelope.delivery_id(&self.route.name, &self.destination.target, &delivery.entry);
        match verdict {
            Verdict::Delivered => {
                ledger::deliver(writes, &id, Outcome::Delivered, now);
                let age = now.since(delivery.entry.received_at);
                End::new(self.done(delivery, &envelope, &id, writes), Ended::Delivered { age })
            }
            Verdict::Dead(cause) => self.give_up((delivery, envelope), &id, cause, writes),
            Verdict::Retry { pause, failing_since } => {
                envelope.failing_since = Some(failing_since);
                let settled = self.again((delivery, &envelope), &id, now.after(pause), writes);
                End::new(settled, Ended::Again)
            }
            Verdict::Pause => {
                envelope.failing_since = None;
                End::new(self.again((delivery, &envelope), &id, now, writes), Ended::Again)
            }
        }
    }

    fn give_up(
        &self,
        (delivery, envelope): (Delivery, Envelope),
        id: &DeliveryId,
        cause: Cause,
        writes: &mut Writes,
    ) -> End {
        let now = self.shared.clock.now();
        let sent = Some(delivery.entry.body.clone());
        let tried = Tried { attempts: envelope.attempts, generation: envelope.generation, sent };
        ledger::finish(writes, id, &cause, &tried, now);
        journal::append(writes, &self.line(&delivery, Some(&envelope), dead_event(&cause)));
        if self.destination.on_exhausted.is_some_and(OnExhausted::holds_key) {
            ledger::hold_key(writes, id);
            journal::append(writes, &self.line(&delivery, Some(&envelope), Event::KeyHeld));
        }
        End::new(self.done(delivery, &envelope, id, writes), Ended::Dead(cause.class))
    }

    /// An attempt panicked: tried again later, and out of the way after three times.
    pub(super) fn panicked(&self, under_way: UnderWay, writes: &mut Writes) -> End {
        let UnderWay { delivery, mut envelope, .. } = under_way;
        self.shared.metrics.panics.inc();
        error!(route = &*self.route.name, message = %delivery.entry.id, "bug: an attempt panicked");
        envelope.attempts = envelope.attempts.saturating_add(1);
        envelope.panics = envelope.panics.saturating_add(1);
        let place = format!("to {}", self.destination.target);
        let event = Event::Panicked { place: place.clone() };
        journal::append(writes, &self.line(&delivery, Some(&envelope), event));
        let id = envelope.delivery_id(&self.route.name, &self.destination.target, &delivery.entry);
        if PANICS_MAX <= envelope.panics {
            return self.give_up((delivery, envelope), &id, crashed(&place, "panicked"), writes);
        }
        let due = self.shared.clock.now().after(PANIC_PAUSE);
        End::new(self.again((delivery, &envelope), &id, due, writes), Ended::Again)
    }

    /// Writes down what an answer changed at the gate.
    fn changed(&self, change: Change, writes: &mut Writes) {
        let target = &self.destination.target;
        let event = match change {
            Change::None => return,
            Change::Failing | Change::Answering | Change::Opened | Change::Closed => {
                return self.show_gate();
            }
            Change::Paused(pause) => {
                warn!(%target, reason = pause.reason, "target paused; its deliveries are kept");
                ledger::pause(writes, &pause);
                Event::Paused { reason: pause.reason }
            }
            Change::Resumed => {
                info!(%target, "target works again; not paused any more");
                ledger::resume(writes, target);
                Event::Resumed { by: "probe".to_owned() }
            }
        };
        self.show_gate();
        let generation = self.shared.live().generation;
        let at = self.shared.clock.now();
        let delivery = Some((target.clone(), 0));
        let route = Arc::clone(&self.route.name);
        let line = Line { at, route, message: None, delivery, generation, event };
        journal::append(writes, &line);
    }

    pub(super) fn show_gate(&self) {
        let target = self.destination.target.to_string();
        let breaker = match self.gate.breaker() {
            Breaker::Closed => BreakerState::Closed,
            Breaker::HalfOpen => BreakerState::HalfOpen,
            Breaker::Open => BreakerState::Open,
        };
        let metrics = &self.shared.metrics;
        metrics.set_breaker(&target, breaker);
        metrics.set_paused(&target, self.gate.paused().as_ref().map(paused_by));
        metrics.set_failing_since(&target, self.gate.failing_since().map(Timestamp::as_millis));
    }

    pub(super) fn line(
        &self,
        delivery: &Delivery,
        envelope: Option<&Envelope>,
        event: Event,
    ) -> Line {
        let of_entry = match envelope {
            Some(_) => None,
            None => Envelope::of(&delivery.entry.headers),
        };
        let envelope = envelope.or(of_entry.as_ref());
        let ordinal = envelope.map_or(0, |it| it.ordinal);
        Line {
            at: self.shared.clock.now(),
            route: Arc::clone(&self.route.name),
            message: Some(delivery.entry.id),
            delivery: Some((self.destination.target.clone(), ordinal)),
            generation: envelope.map_or(0, |it| it.generation),
            event,
        }
    }
}

/// Counts what is durable now.
pub(super) fn count(metrics: &TargetMetrics, ended: Vec<Ended>) {
    for one in ended {
        match one {
            Ended::Delivered { age } => {
                metrics.delivered.inc();
                metrics.delivery_duration.observe(age.as_secs_f64());
            }
            Ended::Dead(class) => metrics.died(&class),
            Ended::Expired => metrics.expired.inc(),
            Ended::Again => metrics.retries.inc(),
            Ended::Attempt { class, took } => {
                metrics.attempt_duration.observe(took.as_secs_f64());
                match class {
                    None => metrics.attempts_delivered.inc(),
                    Some(Class::Unavailable) => metrics.attempts_unavailable.inc(),
                    Some(Class::Misconfigured) => metrics.attempts_misconfigured.inc(),
                    Some(Class::Refused) => metrics.attempts_refused.inc(),
                }
            }
        }
    }
}

/// What becomes of a delivery, and what the metrics are to know once it is durable.
pub(super) struct End {
    pub(super) settled: Settled,
    pub(super) ended: Vec<Ended>,
}

pub(super) enum Ended {
    Delivered { age: Duration },
    Dead(Arc<str>),
    Expired,
    Again,
    Attempt { class: Option<Class>, took: Duration },
}

impl End {
    fn new(settled: Settled, ended: Ended) -> Self {
        Self { settled, ended: vec![ended] }
    }
}
