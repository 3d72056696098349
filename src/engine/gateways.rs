//! What gateways on one store have to agree on: who has an identity, which number a generation has,
//! which targets are paused. On a store of its own a gateway agrees with itself.

use std::time::Duration;

use super::{EngineError, Shared, dead::paused_by};
use crate::{
    ledger::{self, Ledger, Pause},
    message::{Digest, Timestamp},
    store::{Store, Writes},
};

/// How old a pause is before its absence from the store means that another gateway lifted it: for
/// a moment it is known here and not yet written.
const PAUSE_WRITTEN_WITHIN: Duration = Duration::from_secs(10);

/// How often a number is tried that another gateway takes at the same moment.
const NUMBERS_TRIED_MAX: usize = 10;

/// A number for a generation that begins after `before`: above all that there were, and taken
/// where gateways share the store.
///
/// # Errors
///
/// [`EngineError`] when the store refuses.
pub(super) async fn next_generation(
    store: &Store,
    before: i64,
    digest: Option<Digest>,
    now: Timestamp,
) -> Result<i64, EngineError> {
    let ledger = Ledger::new(store.clone());
    let mut tried = 1;
    loop {
        let number = before.max(ledger.last_generation().await?) + 1;
        let Some(digest) = digest.filter(|_| store.is_shared()) else { return Ok(number) };
        let mut writes = Writes::default();
        ledger::start_generation(&mut writes, number, digest, now);
        match store.commit(writes).await {
            Ok(()) => return Ok(number),
            // Taken meanwhile, or a store that refuses, which the next question tells.
            Err(_) if tried < NUMBERS_TRIED_MAX => tried += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

impl Shared {
    /// Pauses and frees targets as other gateways have done.
    pub(super) async fn heed_pauses(&self) -> Result<(), EngineError> {
        if !self.store.is_shared() {
            return Ok(());
        }
        let asked = self.clock.now();
        let pauses = self.ledger.pauses().await?;
        for target in self.live().plan.targets.keys() {
            let gate = self.gate(target);
            let told = pauses.iter().find(|it| it.target == *target);
            match (gate.paused(), told) {
                (mine, Some(pause)) if !is_known(mine.as_ref(), pause) => {
                    gate.pause(pause.clone());
                    self.metrics.set_paused(&target.to_string(), Some(paused_by(pause)));
                }
                (Some(mine), None) if mine.since.after(PAUSE_WRITTEN_WITHIN) <= asked => {
                    gate.resume();
                    self.show_free(target);
                }
                _ => {}
            }
        }
        Ok(())
    }
}

/// An operator's pause is another one than that of a target's answer: it is not probed.
fn is_known(mine: Option<&Pause>, pause: &Pause) -> bool {
    mine.is_some_and(|it| it.by_operator == pause.by_operator)
}
