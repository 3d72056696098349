//! What operators do: look at dead letters, replay them with today's files, discard them; pause
//! and free targets.

use std::sync::Arc;

use bytes::Bytes;
use tracing::info;

use super::{
    Engine, EngineError, Shared,
    envelope::{self, Envelope, delivery_queue, route_queue},
    live::{Live, bare_line},
    pipeline::{self, Fated, MEMORY_MAX, Made, Routed, bad},
};
use crate::{
    broker::{Entry, Output},
    journal::{self, Event, Line},
    ledger::{self, Cause, DeadFilter, DeadLetter, Pause},
    message::{Arena, Digest, Endpoint, Message},
    store::Writes,
};

/// Dead letters that are dealt with in one transaction.
const PAGE: usize = 100;

/// What a replay would send.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// The dead letter.
    pub letter: DeadLetter,
    /// What would be sent with today's files, and where; or why it would be dead again.
    pub after: Result<Vec<(Endpoint, Bytes)>, Cause>,
}

/// What came of a replay or of discarding.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Replayed {
    /// How many dead letters are on their way again, or gone.
    pub count: u64,
    /// Those that stay, and why.
    pub failed: Vec<(i64, String)>,
}

impl Engine {
    /// Dead letters, by number, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store cannot be read.
    pub async fn dead(
        &self,
        filter: &DeadFilter,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, EngineError> {
        Ok(self.shared.ledger.dead_letters(filter, limit).await?)
    }

    /// How many dead letters a filter means.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store cannot be read.
    pub async fn dead_count(&self, filter: &DeadFilter) -> Result<u64, EngineError> {
        Ok(self.shared.ledger.dead_count(filter).await?)
    }

    /// What a replay of a dead letter would send; `None` if there is no such letter.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store cannot be read.
    pub async fn preview(&self, id: i64) -> Result<Option<Preview>, EngineError> {
        let filter = DeadFilter { ids: vec![id], ..DeadFilter::default() };
        let Some(letter) = self.shared.ledger.dead_letters(&filter, 1).await?.pop() else {
            return Ok(None);
        };
        let Some(message) = self.shared.ledger.message(&letter.route, letter.message).await? else {
            let after = Err(bad("", "bug: the message of this dead letter is not kept"));
            return Ok(Some(Preview { letter, after }));
        };
        let live = self.shared.live();
        let after = map_anew(&self.shared, &live, &letter, &message)
            .map(|(made, _)| made.into_iter().map(|it| (it.target, it.body)).collect());
        Ok(Some(Preview { letter, after }))
    }

    /// Sends dead letters on again: each message is mapped anew with the running files.
    ///
    /// A letter that would be dead again stays as it is.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store or the broker refuses; what was replayed until then is.
    pub async fn replay(&self, filter: &DeadFilter, by: &str) -> Result<Replayed, EngineError> {
        let _one = self.shared.acting.lock().await;
        let (mut done, begun) = (Replayed::default(), self.shared.clock.now());
        let mut filter = filter.clone();
        loop {
            let mut letters = self.shared.ledger.dead_letters(&filter, PAGE).await?;
            let Some(last) = letters.last() else { return Ok(done) };
            filter.after = last.id;
            // What was replayed and is dead again is not meant once more.
            letters.retain(|it| it.at <= begun);
            self.replay_page(&letters, by, &mut done).await?;
        }
    }

    async fn replay_page(
        &self,
        letters: &[DeadLetter],
        by: &str,
        done: &mut Replayed,
    ) -> Result<(), EngineError> {
        let live = self.shared.live();
        let (mut outputs, mut writes, mut count) = (Vec::new(), Writes::default(), 0);
        for letter in letters {
            let message = self.shared.ledger.message(&letter.route, letter.message).await?;
            let Some(message) = message else {
                done.failed.push((letter.id, "bug: its message is not kept".to_owned()));
                continue;
            };
            match again(&self.shared, &live, letter, &message) {
                Ok((output, key)) => {
                    ledger::replay(&mut writes, letter, key);
                    self.shared.send_again(letter, output, (&mut outputs, &mut writes)).await?;
                    let event = Event::Replayed { by: by.to_owned() };
                    journal::append(&mut writes, &self.line(letter, &live, event));
                    count += 1;
                }
                Err(cause) => done.failed.push((letter.id, told(&cause))),
            }
        }
        if 0 < count {
            self.shared.broker.publish_atomically(outputs, writes).await?;
            self.shared.call_keys().await;
        }
        done.count += count;
        Ok(())
    }

    /// Discards dead letters for good.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store refuses; what was discarded until then is.
    pub async fn discard(&self, filter: &DeadFilter, by: &str) -> Result<u64, EngineError> {
        let _one = self.shared.acting.lock().await;
        let live = self.shared.live();
        let mut filter = filter.clone();
        let mut count = 0;
        loop {
            let letters = self.shared.ledger.dead_letters(&filter, PAGE).await?;
            let Some(last) = letters.last() else { return Ok(count) };
            filter.after = last.id;
            let mut writes = Writes::default();
            for letter in &letters {
                ledger::discard(&mut writes, letter, self.shared.clock.now());
                let event = Event::Discarded { by: by.to_owned() };
                journal::append(&mut writes, &self.line(letter, &live, event));
            }
            self.shared.store.commit(writes).await?;
            self.count_discarded(&letters);
            self.shared.call_keys().await;
            count += letters.len() as u64;
        }
    }

    fn count_discarded(&self, letters: &[DeadLetter]) {
        let metrics = &self.shared.metrics;
        for letter in letters {
            match &letter.delivery {
                Some((target, _)) => {
                    metrics.target(&letter.route, &target.to_string()).discarded.inc();
                }
                None => metrics.route(&letter.route).discarded.inc(),
            }
        }
    }

    fn line(&self, letter: &DeadLetter, live: &Live, event: Event) -> Line {
        Line {
            at: self.shared.clock.now(),
            route: Arc::clone(&letter.route),
            message: Some(letter.message),
            delivery: letter.delivery.clone(),
            generation: live.generation,
            event,
        }
    }

    /// Pauses a target until somebody resumes it.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when there is no such target, or the store refuses.
    pub async fn pause(&self, target: &Endpoint, reason: &str) -> Result<(), EngineError> {
        let live = self.shared.live();
        if !live.plan.targets.contains_key(target) {
            return Err(EngineError::UnknownTarget(target.clone()));
        }
        let since = self.shared.clock.now();
        let pause = Pause {
            target: target.clone(),
            since,
            reason: reason.to_owned(),
            by_operator: true,
            system_digest: None,
        };
        let mut writes = Writes::default();
        ledger::pause(&mut writes, &pause);
        let event = Event::Paused { reason: reason.to_owned() };
        let mut line = bare_line(since, live.generation, event);
        line.delivery = Some((target.clone(), 0));
        journal::append(&mut writes, &line);
        self.shared.store.commit(writes).await?;
        self.shared.gate(target).pause(pause);
        self.shared.metrics.set_paused(&target.to_string(), true);
        info!(%target, reason, "target paused by an operator; its deliveries are kept");
        Ok(())
    }

    /// Frees a target and closes its breaker; whether it was paused.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when there is no such target, or the store refuses.
    pub async fn resume(&self, target: &Endpoint) -> Result<bool, EngineError> {
        let live = self.shared.live();
        let gate = self.shared.gate(target);
        if !live.plan.targets.contains_key(target) && gate.paused().is_none() {
            return Err(EngineError::UnknownTarget(target.clone()));
        }
        self.shared.free(target, "operator").await?;
        let was_paused = gate.resume();
        if was_paused {
            info!(%target, "target not paused any more; an operator resumed it");
        }
        Ok(was_paused)
    }
}

impl Shared {
    /// Writes down that a target is free again.
    pub(super) async fn free(&self, target: &Endpoint, by: &str) -> Result<(), EngineError> {
        let mut writes = Writes::default();
        ledger::resume(&mut writes, target);
        let event = Event::Resumed { by: by.to_owned() };
        let mut line = bare_line(self.clock.now(), self.live().generation, event);
        line.delivery = Some((target.clone(), 0));
        journal::append(&mut writes, &line);
        self.store.commit(writes).await?;
        self.metrics.set_paused(&target.to_string(), false);
        Ok(())
    }
}

/// What goes back into a queue for a dead letter: its message to its route's queue, or the one
/// delivery, mapped anew, to its delivery queue, with its new `Idempotency-Key`.
fn again(
    shared: &Shared,
    live: &Live,
    letter: &DeadLetter,
    message: &Message,
) -> Result<(Output, Option<Digest>), Cause> {
    let (made, order_key) = map_anew(shared, live, letter, message)?;
    let (id, received_at) = (message.id, message.received_at);
    if letter.delivery.is_none() {
        let headers = envelope::without_flaw(message.headers.clone());
        let body = message.body.clone();
        let entry = Entry { id, received_at, headers, body };
        let queue = route_queue(&letter.route);
        return Ok((Output { queue, entry, due: None, order_key: None, copy: false }, None));
    }
    let Some(made) = made.into_iter().next() else {
        return Err(bad("", "bug: the replay made no delivery"));
    };
    let envelope = Envelope {
        ordinal: made.ordinal,
        key: made.key,
        parameters: made.parameters,
        generation: live.generation,
        // An attempt that was not the first: what was sent before may have been taken.
        attempts: letter.attempts,
        failing_since: None,
        panics: 0,
        reason: None,
        may_repeat: envelope::may_repeat(&message.headers),
        seq: None,
        called: None,
    };
    let queue = delivery_queue(&letter.route, &made.target);
    let entry = Entry { id, received_at, headers: envelope.to_headers(), body: made.body };
    Ok((Output { queue, entry, due: None, order_key, copy: false }, Some(made.key)))
}

/// What the running files make of the message of a dead letter: of a dead delivery only that one,
/// of a dead message everything.
fn map_anew(
    shared: &Shared,
    live: &Live,
    letter: &DeadLetter,
    message: &Message,
) -> Result<(Vec<Made>, Option<Digest>), Cause> {
    let Some(route) = live.plan.routes.get(&letter.route) else {
        return Err(bad("", format!("there is no route `{}` in the running files", letter.route)));
    };
    let arena = Arena::with_limit(MEMORY_MAX);
    let headers = envelope::without_flaw(message.headers.clone());
    let message = Message { headers, ..message.clone() };
    let routed = pipeline::run(shared.setting(&live.plan), route, &arena, &message);
    let Routed { order_key, fate, .. } = routed;
    let out = match fate {
        Fated::Dead(cause) => return Err(cause),
        // A message that is filtered today ends as `filtered`: that is an answer too.
        Fated::Filtered(_) if letter.delivery.is_none() => return Ok((Vec::new(), order_key)),
        Fated::Filtered(step) => {
            return Err(bad(&step, "today the message is filtered; discard the dead letter"));
        }
        Fated::Out(out) => out,
    };
    let Some((target, ordinal)) = &letter.delivery else { return Ok((out.made, order_key)) };
    let same = |to: &Endpoint, at: u32| to == target && at == *ordinal;
    if let Some(failed) = out.failed.into_iter().find(|it| same(&it.target, it.ordinal)) {
        return Err(failed.cause);
    }
    let made: Vec<_> = out.made.into_iter().filter(|it| same(&it.target, it.ordinal)).collect();
    if made.is_empty() {
        let reason = "today the message makes no such delivery; discard the dead letter";
        return Err(bad(&format!("to {target}"), reason));
    }
    Ok((made, order_key))
}

fn told(cause: &Cause) -> String {
    match cause.place.as_str() {
        "" => cause.reason.clone(),
        place => format!("{place}: {}", cause.reason),
    }
}
