//! The gate before a target: its breaker and its pause, shared by all routes that send to it.
//!
//! ## Flowing
//! Deliveries pass. Five in a row that find the target unavailable open the breaker.
//!
//! ## Resting
//! The target answered 429 with `Retry-After`: nothing passes before, not even a probe.
//!
//! ## Breaker open
//! Nothing passes but one probe at a time, after a wait that doubles up to its longest. An answer
//! of any other class closes it.
//!
//! ## Paused
//! The target is misconfigured, or an operator said so. One probe each minute, none for an
//! operator's pause. A probe that works, `resume`, or a changed system file frees it.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use tokio::{
    sync::Notify,
    time::{Instant, sleep_until},
};

use super::verdict::Attempted;
use crate::{
    connector::Class,
    ledger::Pause,
    message::{Digest, Endpoint, MessageId, Timestamp},
};

/// How a gate behaves.
#[derive(Debug, Clone, Copy)]
pub struct GateSettings {
    /// Failures in a row that open the breaker.
    pub failures_max: u32,
    /// The wait before the first probe of an open breaker; doubled after each that fails.
    pub probe_first: Duration,
    /// No wait before a probe of an open breaker is longer: a target that is back is noticed this
    /// soon, and what has waited for it is to be gone within half a minute.
    pub probe_max: Duration,
    /// The time between two probes of a paused target.
    pub pause_probe: Duration,
}

impl Default for GateSettings {
    fn default() -> Self {
        Self {
            failures_max: 5,
            probe_first: Duration::from_secs(1),
            probe_max: Duration::from_secs(5),
            pause_probe: Duration::from_mins(1),
        }
    }
}

/// The longest pause that a target can ask for with `Retry-After`.
const REST_MAX: Duration = Duration::from_hours(6);

/// Different messages in a row whose suspicious refusal says that the target is misconfigured.
const SUSPECTS_MAX: usize = 3;

/// See the module.
pub(super) struct Gate {
    target: Endpoint,
    settings: GateSettings,
    // std, not tokio: held for a few instructions, never across an await.
    state: Mutex<State>,
    changed: Notify,
}

#[derive(Default)]
struct State {
    failures: u32,
    /// When the first of these failures was.
    failing_since: Option<Timestamp>,
    open: Option<Open>,
    paused: Option<Paused>,
    probing: bool,
    suspects: Vec<MessageId>,
    /// Until when the target asked not to be called.
    rest: Option<Instant>,
}

#[derive(Clone, Copy)]
struct Open {
    wait: Duration,
    probe_at: Instant,
}

struct Paused {
    pause: Pause,
    probe_at: Instant,
}

/// What a gate lets through.
pub(super) enum Pass {
    /// Everything.
    Flow,
    /// One delivery, to try.
    Probe(Probe),
}

/// The right to try with one delivery. Dropped, another may.
pub(super) struct Probe(Arc<Gate>);

impl Drop for Probe {
    fn drop(&mut self) {
        self.0.lock().probing = false;
        self.0.changed.notify_waiters();
    }
}

/// What an answer changed at the gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Change {
    /// Nothing that anybody need know.
    None,
    /// The first failure after an answer.
    Failing,
    /// The first answer after failures that did not open the breaker.
    Answering,
    /// The breaker opened.
    Opened,
    /// The breaker closed.
    Closed,
    /// The target was paused; to be written down.
    Paused(Pause),
    /// A probe worked and the target is free; to be written down.
    Resumed,
}

/// Whether a breaker lets through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Breaker {
    /// Everything passes.
    Closed,
    /// A probe is under way.
    HalfOpen,
    /// Nothing passes.
    Open,
}

enum Look {
    Flow,
    Probe,
    Wait(Option<Instant>),
}

impl Gate {
    pub(super) fn new(target: Endpoint, settings: GateSettings) -> Self {
        let state = Mutex::default();
        Self { target, settings, state, changed: Notify::new() }
    }

    /// Whether everything passes at this moment.
    pub(super) fn flows(&self) -> bool {
        let state = self.lock();
        state.open.is_none() && state.paused.is_none() && state.rests_until().is_none()
    }

    /// Waits until something may pass. Safe to drop while it waits.
    pub(super) async fn pass(self: &Arc<Self>) -> Pass {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            match self.look() {
                Look::Flow => return Pass::Flow,
                Look::Probe => return Pass::Probe(Probe(Arc::clone(self))),
                Look::Wait(None) => changed.await,
                Look::Wait(Some(moment)) => {
                    tokio::select! {
                        () = changed => {}
                        () = sleep_until(moment) => {}
                    }
                }
            }
        }
    }

    /// Whether nothing may pass at this moment, not even to try.
    pub(super) fn is_shut(&self) -> bool {
        matches!(self.lock().look(), Look::Wait(_))
    }

    /// Waits until something may pass or be tried, without taking the right to. Safe to drop while
    /// it waits.
    pub(super) async fn opening(&self) {
        loop {
            let mut changed = std::pin::pin!(self.changed.notified());
            changed.as_mut().enable();
            let look = self.lock().look();
            match look {
                Look::Flow | Look::Probe => return,
                Look::Wait(None) => changed.await,
                Look::Wait(Some(moment)) => {
                    tokio::select! {
                        () = changed => {}
                        () = sleep_until(moment) => {}
                    }
                }
            }
        }
    }

    fn look(&self) -> Look {
        let mut state = self.lock();
        let look = state.look();
        state.probing |= matches!(look, Look::Probe);
        look
    }

    /// Takes note of an answer; a suspicious refusal that is one too many becomes misconfigured.
    pub(super) fn learn(
        &self,
        message: MessageId,
        attempted: &mut Attempted,
        now: Timestamp,
        system: Digest,
    ) -> Change {
        let mut state = self.lock();
        if attempted.suspicious && !state.suspects.contains(&message) {
            state.suspects.push(message);
        }
        let suspected = attempted.suspicious
            && (SUSPECTS_MAX <= state.suspects.len() || state.paused.is_some());
        if suspected {
            attempted.class = Some(Class::Misconfigured);
        }
        let change = match attempted.class {
            Some(Class::Unavailable) => state.failed(&self.settings, now),
            Some(Class::Misconfigured) => {
                let answers = state.probe_later(&self.settings);
                let reason = attempted.summary.clone();
                let target = self.target.clone();
                let by_operator = false;
                let system_digest = Some(system);
                let pause = Pause { target, since: now, reason, by_operator, system_digest };
                match state.pause(pause, Instant::now() + self.settings.pause_probe) {
                    Change::None if answers => Change::Answering,
                    change => change,
                }
            }
            None | Some(Class::Refused) => state.answered(attempted.suspicious),
        };
        drop(state);
        if change != Change::None {
            self.changed.notify_waiters();
        }
        change
    }

    /// The target is called too often (429), and says for how long it wants to be left alone: that is
    /// meant for all calls, and not only for the one that it answered.
    pub(super) fn rest(&self, pause: Duration) {
        let mut state = self.lock();
        state.rest = state.rest.max(Some(Instant::now() + pause.min(REST_MAX)));
    }

    /// Puts a pause into force: an operator's, or one that was written down before a restart.
    pub(super) fn pause(&self, pause: Pause) {
        let probe_at = Instant::now() + self.settings.pause_probe;
        self.lock().paused = Some(Paused { pause, probe_at });
        self.changed.notify_waiters();
    }

    /// Frees the target and closes its breaker; whether it was paused.
    pub(super) fn resume(&self) -> bool {
        let mut state = self.lock();
        let was_paused = state.paused.take().is_some();
        state.open = None;
        state.rest = None;
        state.failures = 0;
        state.failing_since = None;
        state.suspects.clear();
        drop(state);
        self.changed.notify_waiters();
        was_paused
    }

    /// The pause in force.
    pub(super) fn paused(&self) -> Option<Pause> {
        self.lock().paused.as_ref().map(|it| it.pause.clone())
    }

    /// Since when every attempt has found the target unavailable.
    pub(super) fn failing_since(&self) -> Option<Timestamp> {
        self.lock().failing_since
    }

    /// Whether the breaker lets through.
    pub(super) fn breaker(&self) -> Breaker {
        let state = self.lock();
        match (&state.open, state.probing) {
            (None, _) => Breaker::Closed,
            (Some(_), true) => Breaker::HalfOpen,
            (Some(_), false) => Breaker::Open,
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn look(&self) -> Look {
        let probe_at = match (&self.paused, &self.open) {
            (None, None) => {
                let rest = self.rests_until();
                return rest.map_or(Look::Flow, |it| Look::Wait(Some(it)));
            }
            (Some(paused), _) if paused.pause.by_operator => return Look::Wait(None),
            (Some(paused), _) => paused.probe_at,
            (None, Some(open)) => {
                self.rests_until().map_or(open.probe_at, |it| it.max(open.probe_at))
            }
        };
        if self.probing {
            Look::Wait(None)
        } else if Instant::now() < probe_at {
            Look::Wait(Some(probe_at))
        } else {
            Look::Probe
        }
    }

    fn rests_until(&self) -> Option<Instant> {
        self.rest.filter(|it| Instant::now() < *it)
    }

    fn failed(&mut self, settings: &GateSettings, now: Timestamp) -> Change {
        self.failures = self.failures.saturating_add(1);
        let first = self.failing_since.is_none();
        self.failing_since.get_or_insert(now);
        if let Some(paused) = &mut self.paused {
            paused.probe_at = Instant::now() + settings.pause_probe;
        }
        if self.open.is_none() && self.failures < settings.failures_max {
            return if first { Change::Failing } else { Change::None };
        }
        let opened = self.open.is_none();
        // Answers of deliveries that were under way when it opened do not lengthen the wait.
        if opened || self.probing {
            let wait = self.open.map_or(settings.probe_first, |it| it.wait.saturating_mul(2));
            let wait = wait.min(settings.probe_max);
            self.open = Some(Open { wait, probe_at: Instant::now() + wait });
        }
        if opened { Change::Opened } else { Change::None }
    }

    /// Whether it answers again.
    fn probe_later(&mut self, settings: &GateSettings) -> bool {
        if let Some(paused) = &mut self.paused {
            paused.probe_at = Instant::now() + settings.pause_probe;
        }
        self.failures = 0;
        self.open = None;
        self.failing_since.take().is_some()
    }

    fn pause(&mut self, pause: Pause, probe_at: Instant) -> Change {
        if self.paused.is_some() {
            return Change::None;
        }
        self.paused = Some(Paused { pause: pause.clone(), probe_at });
        Change::Paused(pause)
    }

    fn answered(&mut self, suspicious: bool) -> Change {
        self.failures = 0;
        let was_failing = self.failing_since.take().is_some();
        if !suspicious {
            self.suspects.clear();
        }
        let was_open = self.open.take().is_some();
        // What was under way when an operator paused the target does not free it.
        if self.paused.as_ref().is_some_and(|it| !it.pause.by_operator && self.probing) {
            self.paused = None;
            return Change::Resumed;
        }
        match (was_open, was_failing) {
            (true, _) => Change::Closed,
            (false, true) => Change::Answering,
            (false, false) => Change::None,
        }
    }
}

#[cfg(test)]
#[path = "gate_tests.rs"]
mod tests;
