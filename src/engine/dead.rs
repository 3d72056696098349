//! What operators do: look at dead letters, replay them with today's files, discard them; pause
//! and free targets.

use bytes::Bytes;
use tracing::info;

use super::{
    Engine, EngineError, Shared,
    again::{map_anew, told},
    jobs::page::{Doing, PAGE},
    live::bare_line,
    pipeline::bad,
};
use crate::{
    journal::{self, Event},
    ledger::{self, Cause, DeadFilter, DeadGroup, DeadLetter, JobKind, Pause},
    message::{Endpoint, Message},
    metrics::{BreakerState, PausedBy},
    sealing::Unopened,
    store::Writes,
};

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

    /// A dead letter with what was sent; `None` if there is no such letter.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store cannot be read.
    pub async fn dead_one(&self, id: i64) -> Result<Option<DeadLetter>, EngineError> {
        let letter = self.shared.ledger.dead_letter(id).await?;
        Ok(letter.map(|it| self.shared.opener().letter(it)))
    }

    /// The message of a dead letter, as its route accepted it; `None` if there is no such letter.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store cannot be read.
    pub async fn dead_message(&self, id: i64) -> Result<Option<Message>, EngineError> {
        let Some(letter) = self.shared.ledger.dead_letter(id).await? else { return Ok(None) };
        Ok(self.shared.message_of_letter(&letter).await?.and_then(Result::ok))
    }

    /// Dead letters in groups of those that failed alike, the largest first, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store cannot be read.
    pub async fn dead_groups(
        &self,
        filter: &DeadFilter,
        limit: usize,
    ) -> Result<Vec<DeadGroup>, EngineError> {
        Ok(self.shared.ledger.dead_groups(filter, limit).await?)
    }

    /// What a replay of a dead letter would send; `None` if there is no such letter.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store cannot be read.
    pub async fn preview(&self, id: i64) -> Result<Option<Preview>, EngineError> {
        let Some(letter) = self.shared.ledger.dead_letter(id).await? else { return Ok(None) };
        let letter = self.shared.opener().letter(letter);
        let message = match self.shared.message_of_letter(&letter).await? {
            Some(Ok(message)) => message,
            Some(Err(unopened)) => {
                return Ok(Some(Preview { letter, after: Err(bad("body", unopened)) }));
            }
            None => {
                let after = Err(bad("", "bug: the message of this dead letter is not kept"));
                return Ok(Some(Preview { letter, after }));
            }
        };
        let live = self.shared.live();
        let after = map_anew(&self.shared, &live, &letter, &message)
            .map(|(made, _)| made.into_iter().map(|it| (it.target, it.body)).collect());
        Ok(Some(Preview { letter, after }))
    }

    /// Sends dead letters on again: each message is mapped anew with the running files. For a few
    /// of them; what is done with many is a [job](Engine::order).
    ///
    /// A letter that would be dead again stays as it is.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store or the broker refuses; what was replayed until then is.
    pub async fn replay(&self, filter: &DeadFilter, by: &str) -> Result<Replayed, EngineError> {
        self.deal_with(filter, &Doing { kind: JobKind::Replay, only_to: None, by }).await
    }

    /// Discards dead letters for good. For a few of them, as [`replay`](Self::replay).
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store refuses; what was discarded until then is.
    pub async fn discard(&self, filter: &DeadFilter, by: &str) -> Result<u64, EngineError> {
        let doing = Doing { kind: JobKind::Discard, only_to: None, by };
        Ok(self.deal_with(filter, &doing).await?.count)
    }

    async fn deal_with(
        &self,
        filter: &DeadFilter,
        doing: &Doing<'_>,
    ) -> Result<Replayed, EngineError> {
        let _one = self.shared.acting.lock().await;
        // What dies meanwhile is not meant: a target that refuses everything would have it replayed
        // for ever.
        let last = filter.last.unwrap_or(self.shared.ledger.last_dead().await?);
        let mut filter = DeadFilter { last: Some(last), ..filter.clone() };
        let mut done = Replayed::default();
        loop {
            let letters = self.shared.ledger.dead_letters(&filter, PAGE).await?;
            if letters.is_empty() {
                return Ok(done);
            }
            let mut page = self.shared.page_of(letters, doing).await?;
            filter.after = page.reached;
            let failed = std::mem::take(&mut page.failed).into_iter();
            let (passed, failed) =
                (page.passed, failed.map(|(letter, cause)| (letter.id, told(&cause))));
            done.failed.extend(failed);
            self.shared.commit_page(page).await?;
            done.count += passed;
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
        self.shared.metrics.set_paused(&target.to_string(), Some(PausedBy::Operator));
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
    /// The message of a dead letter as its route accepted it, or why it cannot be opened.
    pub(super) async fn message_of_letter(
        &self,
        letter: &DeadLetter,
    ) -> Result<Option<Result<Message, Unopened>>, EngineError> {
        let message = self.ledger.message(&letter.route, letter.message).await?;
        Ok(message.map(|it| self.opened(&letter.route, &it)))
    }

    /// Writes down that a target is free again.
    pub(super) async fn free(&self, target: &Endpoint, by: &str) -> Result<(), EngineError> {
        let mut writes = Writes::default();
        ledger::resume(&mut writes, target);
        let event = Event::Resumed { by: by.to_owned() };
        let mut line = bare_line(self.clock.now(), self.live().generation, event);
        line.delivery = Some((target.clone(), 0));
        journal::append(&mut writes, &line);
        self.store.commit(writes).await?;
        self.show_free(target);
        Ok(())
    }

    /// Shows the metrics what [`Gate::resume`](super::gate::Gate::resume) makes of a gate.
    pub(super) fn show_free(&self, target: &Endpoint) {
        let target = target.to_string();
        self.metrics.set_paused(&target, None);
        self.metrics.set_breaker(&target, BreakerState::Closed);
        self.metrics.set_failing_since(&target, None);
    }
}

/// Who is to blame for a pause, as the metrics have it.
pub(super) fn paused_by(pause: &Pause) -> PausedBy {
    if pause.by_operator { PausedBy::Operator } else { PausedBy::Bus }
}
