//! Plays a case: from its first message until nothing moves any more.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use tokio::{
    sync::Notify,
    time::{Instant, sleep},
};

use super::{
    Attempt, Case, DeliveryWord, Given, MessageWord, Seen, SeenDelivery, SeenMessage,
    coverage::Covering,
    script::CALLS_MAX,
    stage::{Cast, Stage, StageError},
};
use crate::{
    broker::embedded::Embedded,
    connector::{Handover, Incoming, IntakeError},
    engine::{Engine, Parts, Planned, Rehearsal, Rehearsed, RouteStatus, Trace},
    journal::{Event, Line},
    ledger::{Fares, Outcome},
    message::{Arena, Clock, Endpoint, Message, MessageId, parse},
    route::{HASH_KEY, OnExhausted, Plan, Route},
};

/// In so long all that can be done now is done: the clock moves only once nobody has work.
const MOMENT: Duration = Duration::from_millis(1);

/// How long it is waited for a call before it is looked whether the case is at its end.
const QUIET: Duration = Duration::from_hours(1);

/// How long a case may take, on its own clock: more than anything in a file may.
const TIME_MAX: Duration = Duration::from_hours(24 * 800);

/// How long the engine may take to stop, on the clock of the case.
const STOP_MAX: Duration = Duration::from_secs(1);

/// The name of the key that messages of a case are handed over with.
const CLIENT: &str = "test";

/// Memory for a body that is only looked at.
const MEMORY_MAX: usize = 64 << 20;

/// A case that is being played.
pub(super) struct Playing<'a> {
    pub(super) stage: &'a Stage,
    pub(super) plan: &'a Plan,
    pub(super) route: &'a Arc<Route>,
    pub(super) case: &'a Case,
    pub(super) cast: Cast,
    pub(super) called: Arc<Notify>,
}

/// A message that was handed over, and what its sender was told.
struct Offered {
    message: Message,
    told: Result<bool, IntakeError>,
}

impl Playing<'_> {
    pub(super) async fn play(self, alone: Plan) -> Result<Seen, StageError> {
        let clock = Clock::starting_at(self.case.now);
        let began = Instant::now();
        let store = self.stage.store.clone();
        let broker = Embedded::open(store.clone(), clock).await;
        let broker = Arc::new(broker.map_err(|error| StageError::of(&error))?);
        let metrics = Arc::clone(&self.stage.metrics);
        let parts = Parts { store, broker, metrics, clock, options: self.stage.options() };
        let engine = Engine::start(parts, alone).await.map_err(|error| StageError::of(&error))?;
        let mut offered = Vec::with_capacity(self.case.given.len());
        for given in &self.case.given {
            sleep(given.after).await;
            offered.push(self.offer(&engine, given, clock).await);
            sleep(MOMENT).await;
        }
        let finished = self.wait(&engine, began).await?;
        let took = began.elapsed();
        let mut seen = Seen { messages: vec![], deliveries: vec![], took, unfinished: !finished };
        let status = self.status(&engine).await?;
        for offered in offered {
            self.look(&engine, offered, (began, &status), &mut seen).await?;
        }
        engine.stop(STOP_MAX).await;
        Ok(seen)
    }

    fn client(&self) -> String {
        format!("{}/{CLIENT}", self.route.from)
    }

    /// Hands a message over as its source would.
    async fn offer(&self, engine: &Engine, given: &Given, clock: Clock) -> Offered {
        let Given { body, headers, key, .. } = given.clone();
        let unknown = MessageId::from_bytes([0; 16]);
        let message =
            Message { id: unknown, received_at: clock.now(), headers: headers.clone(), body };
        let source = self.plan.sources.get(&self.route.from);
        let is_fetched = source.is_some_and(|it| it.source.pull.is_some());
        if !is_fetched && let Err(reason) = self.is_json(&message) {
            let violations = vec![(String::new(), reason)];
            return Offered { message, told: Err(IntakeError::Invalid { index: 0, violations }) };
        }
        let body = message.body.clone();
        let incoming = Incoming { key, headers, body, ..Incoming::default() };
        let source = self.route.from.clone();
        let handover = Handover { source, client: self.client(), messages: vec![incoming] };
        let told = engine.intake().accept(handover).await.map(|it| it.first().copied());
        match told {
            Ok(Some(accepted)) => {
                let message = Message { id: accepted.id, ..message };
                Offered { message, told: Ok(accepted.duplicate) }
            }
            Ok(None) => Offered { message, told: Err(IntakeError::NoRoute) },
            Err(error) => Offered { message, told: Err(error) },
        }
    }

    /// What the door of a source looks at before the engine sees anything.
    fn is_json(&self, message: &Message) -> Result<(), String> {
        let (len, max) = (message.body.len(), self.stage.body_bytes_max());
        if max < len {
            return Err(format!("the body has {len} bytes, {max} are allowed"));
        }
        let arena = Arena::with_limit(MEMORY_MAX);
        let parsed = parse(&arena, &message.body, &self.stage.limits());
        parsed.map(drop).map_err(|error| error.to_string())
    }

    /// Waits until nothing moves any more; false if it never came to that.
    async fn wait(&self, engine: &Engine, began: Instant) -> Result<bool, StageError> {
        loop {
            sleep(MOMENT).await;
            let status = self.status(engine).await?;
            if self.is_over(&status) {
                return Ok(true);
            }
            let calls: usize = self.cast.0.values().map(|it| it.count()).sum();
            if CALLS_MAX <= calls || TIME_MAX <= began.elapsed() {
                return Ok(false);
            }
            tokio::select! {
                () = self.called.notified() => {}
                () = sleep(QUIET) => {}
            }
        }
    }

    async fn status(&self, engine: &Engine) -> Result<RouteStatus, StageError> {
        let all = engine.status().await.map_err(|error| StageError::of(&error))?;
        let ours = all.into_iter().find(|it| it.route == self.route.name);
        ours.ok_or_else(|| StageError("bug: the route does not run".to_owned()))
    }

    /// Whether nothing is under way, or nothing that would ever change.
    fn is_over(&self, status: &RouteStatus) -> bool {
        status.in_hand == 0
            && status.targets.iter().all(|it| {
                let to = self.route.to.iter().find(|to| to.target == it.target);
                let insists = to.is_some_and(|to| to.on_exhausted == Some(OnExhausted::Block));
                let fails = self.cast.0.get(&it.target).is_some_and(|it| it.fails_for_ever());
                let stays = fails && (it.pause.is_some() || insists);
                it.waiting + it.retrying + it.paused == 0 || stays
            })
    }

    /// What became of a message.
    async fn look(
        &self,
        engine: &Engine,
        offered: Offered,
        (began, status): (Instant, &RouteStatus),
        seen: &mut Seen,
    ) -> Result<(), StageError> {
        let Offered { message, told } = offered;
        let mut found = SeenMessage {
            message,
            outcome: MessageWord::Refused,
            step: None,
            reason: None,
            rehearsed: None,
            reached: BTreeSet::new(),
            journal: Vec::new(),
        };
        match told {
            Err(error) => found.reason = Some(refusal(&error)),
            Ok(true) => found.outcome = MessageWord::Duplicate,
            Ok(false) => {
                let trace = engine.trace(found.message.id).await;
                let trace = trace.map_err(|error| StageError::of(&error))?;
                let trace = trace.unwrap_or(Trace { fares: vec![], lines: vec![] });
                let covering = Covering::of(self.route);
                found.rehearsed = Some(self.rehearse(&found.message, &covering));
                found.reached = covering.reached();
                found.fill(&trace);
                self.deliveries(&found, &trace, (began, status), seen);
            }
        }
        seen.messages.push(found);
        Ok(())
    }

    fn rehearse(&self, message: &Message, watch: &Covering<'_>) -> Rehearsed {
        let rehearsal = Rehearsal {
            plan: self.plan,
            hash_key: Some(HASH_KEY.as_bytes()),
            limits: self.stage.limits(),
            watch: Some(watch),
        };
        rehearsal.of(self.route, message, &self.client())
    }

    fn deliveries(
        &self,
        message: &SeenMessage,
        trace: &Trace,
        (began, status): (Instant, &RouteStatus),
        seen: &mut Seen,
    ) {
        let Some(fares) = trace.fares.first() else { return };
        let planned: &[Planned] = match &message.rehearsed {
            Some(Rehearsed::Out(planned, _)) => planned,
            _ => &[],
        };
        let mut all = Vec::with_capacity(fares.deliveries.len());
        for (target, ordinal, outcome) in &fares.deliveries {
            let planned = planned.iter().find(|it| it.target == *target && it.ordinal == *ordinal);
            let sending = planned.and_then(|it| it.made.as_ref().ok());
            let key = sending.map(|it| it.key.to_string()).unwrap_or_default();
            let calls = self.cast.0.get(target).map(|it| it.calls()).unwrap_or_default();
            let calls = calls.into_iter().filter(|it| it.key == key);
            let mut classes = classes(&trace.lines, (target, *ordinal));
            let attempts = calls.map(|it| Attempt {
                at: it.at.duration_since(began),
                draft: it.draft,
                answer: it.answer,
                class: classes.next().unwrap_or_default(),
            });
            all.push(SeenDelivery {
                message: seen.messages.len(),
                target: target.clone(),
                ordinal: *ordinal,
                outcome: word(*outcome, fares, (target, *ordinal), status),
                reason: died(&trace.lines, Some((target, *ordinal))),
                body: sending.map(|it| it.body.clone()),
                attempts: attempts.collect(),
            });
        }
        let place = |it: &SeenDelivery| self.route.to.iter().position(|to| to.target == it.target);
        all.sort_by_key(|it| (place(it), it.ordinal));
        seen.deliveries.extend(all);
    }
}

impl SeenMessage {
    fn fill(&mut self, trace: &Trace) {
        self.journal = trace.lines.iter().map(told).collect();
        for line in &trace.lines {
            match (&line.event, &line.delivery) {
                (Event::Filtered { step }, _) => {
                    (self.outcome, self.step) = (MessageWord::Filtered, Some(step.clone()));
                }
                (Event::Repeat { .. }, _) => self.outcome = MessageWord::Repeat,
                (Event::Dead { .. }, None) => self.outcome = MessageWord::Dead,
                (Event::Routed { .. }, _) => self.outcome = MessageWord::Routed,
                _ => {}
            }
        }
        self.reason = died(&trace.lines, None);
    }
}

fn word(
    outcome: Option<Outcome>,
    fares: &Fares,
    (target, ordinal): (&Endpoint, u32),
    status: &RouteStatus,
) -> DeliveryWord {
    match outcome {
        Some(Outcome::Delivered) => DeliveryWord::Delivered,
        Some(Outcome::Dead | Outcome::Discarded) => DeliveryWord::Dead,
        Some(Outcome::Expired) => DeliveryWord::Expired,
        None if fares.parked.contains(&(target.clone(), ordinal)) => DeliveryWord::Parked,
        None => {
            let ours = status.targets.iter().find(|it| it.target == *target);
            match ours.is_some_and(|it| it.pause.is_some()) {
                true => DeliveryWord::Paused,
                false => DeliveryWord::Retrying,
            }
        }
    }
}

/// Why a message, or a delivery of it, is dead: its class and the reason.
fn died(lines: &[Line], delivery: Option<(&Endpoint, u32)>) -> Option<String> {
    lines.iter().rev().find_map(|line| match &line.event {
        Event::Dead { class, reason } => {
            let of = line.delivery.as_ref().map(|(target, ordinal)| (target, *ordinal));
            (of == delivery).then(|| format!("{class}: {reason}"))
        }
        _ => None,
    })
}

/// What each attempt at a delivery came to.
fn classes<'l>(
    lines: &'l [Line],
    delivery: (&'l Endpoint, u32),
) -> impl Iterator<Item = String> + 'l {
    lines.iter().filter_map(move |line| match (&line.event, &line.delivery) {
        (Event::Attempt { class, .. }, Some((target, ordinal)))
            if (target, *ordinal) == delivery =>
        {
            Some(class.clone())
        }
        _ => None,
    })
}

/// A line of the journal, without its time.
fn told(line: &Line) -> String {
    let (_, text) = line.event.told();
    match &line.delivery {
        Some((target, ordinal)) if 0 < *ordinal => format!("{target} [{ordinal}] {text}"),
        Some((target, _)) => format!("{target} {text}"),
        None => text,
    }
}

/// What a sender is told.
fn refusal(error: &IntakeError) -> String {
    let IntakeError::Invalid { violations, .. } = error else { return error.to_string() };
    let said = violations.iter().map(|(place, what)| match place.as_str() {
        "" => what.clone(),
        place => format!("`{place}` {what}"),
    });
    said.collect::<Vec<_>>().join("; ")
}
