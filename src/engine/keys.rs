//! Order keys that a dead delivery holds: what of them may go on is called, and an operator can let one
//! go on without what holds it.

use std::sync::Arc;

use bytes::Bytes;
use tracing::{info, warn};

use super::{
    Engine, EngineError, Shared,
    envelope::{self, delivery_queue},
};
use crate::{
    broker::{Entry, Output},
    journal::{self, Event, Line},
    ledger::{self, CalledKey, DeadLetter, HeldKey},
    message::{Arena, Digest, Endpoint, JsonWriter, Limits, Message, Value, parse},
    store::Writes,
};

/// Memory for the text of a key that an operator gives.
const MEMORY_MAX: usize = 1 << 20;

/// What an operator let go on.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct KeyResumed {
    /// Keys, of as many routes.
    pub keys: u64,
    /// Dead deliveries that held them; they stay dead.
    pub dead: u64,
    /// Deliveries that were parked behind them.
    pub parked: u64,
}

impl Engine {
    /// Lets the parked deliveries of a key to `target` go on, of all routes, without what holds
    /// them. `key` is what `order_by` yields: a text, or any other value as JSON. What held them
    /// stays among the dead letters.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when there is no such target, or the store or the broker refuses.
    pub async fn resume_key(
        &self,
        target: &Endpoint,
        key: &str,
        by: &str,
    ) -> Result<KeyResumed, EngineError> {
        let _one = self.shared.acting.lock().await;
        let live = self.shared.live();
        let mut resumed = KeyResumed::default();
        let mut is_known = live.plan.targets.contains_key(target);
        let mut writes = Writes::default();
        for route in live.plan.routes.values() {
            if !route.to.iter().any(|it| it.target == *target) {
                continue;
            }
            is_known = true;
            for digest in digests(key) {
                let held = self.shared.ledger.held_key(&route.name, target, digest).await?;
                let Some(held) = held else { continue };
                ledger::let_key_go(&mut writes, held.number);
                self.record(&mut writes, (&route.name, target), &held, by);
                resumed.keys += 1;
                resumed.dead += held.holders.len() as u64;
                resumed.parked += held.parked;
            }
        }
        if !is_known {
            return Err(EngineError::UnknownTarget(target.clone()));
        }
        self.shared.store.commit(writes).await?;
        self.shared.call_keys().await;
        if 0 < resumed.keys {
            info!(%target, "a key goes on without what holds it; an operator said so");
        }
        Ok(resumed)
    }

    /// A line for each dead delivery that the key goes on without.
    fn record(
        &self,
        writes: &mut Writes,
        (route, target): (&Arc<str>, &Endpoint),
        held: &HeldKey,
        by: &str,
    ) {
        for (message, ordinal) in &held.holders {
            let line = Line {
                at: self.shared.clock.now(),
                route: Arc::clone(route),
                message: Some(*message),
                delivery: Some((target.clone(), *ordinal)),
                generation: self.shared.live().generation,
                event: Event::KeyResumed { by: by.to_owned() },
            };
            journal::append(writes, &line);
        }
    }
}

impl Shared {
    /// Sends a dead letter on again, once the `writes` are committed that make it no dead letter:
    /// among the `outputs`, or, if it has a place in the order of a key, in that place among what is
    /// parked, so that nothing overtakes it. Followed by [`call_keys`](Self::call_keys).
    pub(super) async fn send_again(
        &self,
        letter: &DeadLetter,
        output: Output,
        (outputs, writes): (&mut Vec<Output>, &mut Writes),
    ) -> Result<(), EngineError> {
        if let Some(delivery) = letter.delivery_id() {
            let known = self.ledger.sendings(std::slice::from_ref(&delivery)).await?;
            if known.iter().any(|it| it.seq.is_some()) {
                let Entry { id, received_at, headers, body } = output.entry;
                let entry = Message { id, received_at, headers, body };
                ledger::park_and_call(writes, &delivery, &entry);
                return Ok(());
            }
        }
        outputs.push(output);
        Ok(())
    }

    /// Tells whoever delivers to them about keys of which something parked may go on. What fails
    /// here is tried again: it stands in the store.
    pub(super) async fn call_keys(&self) {
        loop {
            match self.call_some().await {
                Ok(0) => return,
                Ok(_) => {}
                // Another gateway may have called them at the same moment.
                Err(error) if self.store.is_shared() => {
                    tracing::debug!(%error, "keys not called by this gateway");
                    return;
                }
                Err(error) => {
                    warn!(%error, "what is parked cannot be called yet");
                    return;
                }
            }
        }
    }

    async fn call_some(&self) -> Result<usize, EngineError> {
        let keys = self.ledger.keys_to_call().await?;
        if keys.is_empty() {
            return Ok(0);
        }
        let mut writes = Writes::default();
        for key in &keys {
            ledger::called(&mut writes, key);
            if self.broker.is_transactional() {
                ledger::count_calls(&mut writes, &key.route, &key.target, 1);
            }
        }
        let outputs = keys.iter().map(|it| self.call(it)).collect();
        self.broker.publish_atomically(outputs, writes).await?;
        Ok(keys.len())
    }

    /// Behind all of its key that stands in the queue.
    fn call(&self, key: &CalledKey) -> Output {
        let now = self.clock.now();
        let entry = Entry {
            id: self.ids.next(now),
            received_at: now,
            headers: envelope::call(key.number),
            body: Bytes::new(),
        };
        let queue = delivery_queue(&key.route, &key.target);
        Output { queue, entry, due: None, order_key: Some(key.key), copy: false }
    }
}

/// The order keys that a text can mean: that text, and the value that it is as JSON.
fn digests(key: &str) -> Vec<Digest> {
    let arena = Arena::with_limit(MEMORY_MAX);
    let of = |value| Digest::of(&[&JsonWriter::to_vec(value)]);
    let value = parse(&arena, key.as_bytes(), &Limits::default());
    let value = value.ok().filter(|it| !matches!(it, Value::Text(_)));
    std::iter::once(Value::Text(key)).chain(value).map(of).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_a_text_or_the_value_that_it_is_as_json() {
        assert_eq!(digests("12/SPD"), [Digest::of(&[b"\"12/SPD\""])]);
        assert_eq!(digests("12"), [Digest::of(&[b"\"12\""]), Digest::of(&[b"12"])]);
        assert_eq!(digests("[1,\"a\"]")[1], Digest::of(&[b"[1,\"a\"]"]));
    }
}
