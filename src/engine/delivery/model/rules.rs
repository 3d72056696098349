//! What must be true of every history.

use std::collections::{BTreeMap, BTreeSet};

use super::stage::{Arrival, TARGETS};
use crate::{engine::Engine, message::MessageId};

/// A message that a sender handed over.
#[derive(Debug, Clone)]
pub(super) struct Sent {
    pub(super) number: usize,
    pub(super) key: usize,
    /// The id under which it was accepted; `None`: nobody knows whether it was.
    pub(super) accepted: Option<MessageId>,
}

/// What was seen, and which rules were broken.
#[derive(Debug, Default)]
pub(super) struct Verdict {
    pub(super) broken: Vec<String>,
    pub(super) deaths: u64,
    pub(super) repeats: u64,
    pub(super) retries: u64,
    pub(super) dead_letters: u64,
}

/// Judges a history in which everything has come to its end.
pub(super) async fn judge(engine: &Engine, sent: &[Sent], arrivals: &[Arrival]) -> Verdict {
    let mut verdict = Verdict::default();
    for target in TARGETS {
        let here: Vec<_> = arrivals.iter().filter(|it| it.target == target).collect();
        verdict.lost(sent, &here, target);
        verdict.phantoms(sent, &here);
        verdict.repeats(&here);
    }
    let ordered: Vec<_> = arrivals.iter().filter(|it| it.target == TARGETS[2]).collect();
    verdict.order(&ordered);
    verdict.accounts(engine).await;
    verdict.retries = arrivals.iter().filter(|it| 1 < it.attempt).count() as u64;
    verdict
}

impl Verdict {
    /// Whatever was accepted has been taken by each target.
    fn lost(&mut self, sent: &[Sent], here: &[&Arrival], target: &str) {
        let taken: BTreeSet<_> = here.iter().filter(|it| it.taken).map(|it| it.number).collect();
        let missing = sent.iter().filter(|it| it.accepted.is_some() && !taken.contains(&it.number));
        self.broken.extend(missing.map(|it| format!("lost: {it:?} at {target}")));
    }

    /// Whatever arrived was sent.
    fn phantoms(&mut self, sent: &[Sent], here: &[&Arrival]) {
        let known =
            |it: &&&Arrival| sent.iter().any(|one| (one.number, one.key) == (it.number, it.key));
        let phantoms = here.iter().filter(|it| !known(it));
        self.broken.extend(phantoms.map(|it| format!("never sent: {it:?}")));
    }

    /// What arrived once more says that it may have.
    fn repeats(&mut self, here: &[&Arrival]) {
        let mut seen = BTreeSet::new();
        for it in here {
            let is_new = seen.insert(&it.idempotency_key);
            if !is_new {
                self.repeats += 1;
            }
            if !is_new && it.attempt == 1 && !it.flagged {
                self.broken.push(format!("came again and nobody said so: {it:?} of {here:#?}"));
            }
        }
    }

    /// Messages of one key are first tried in the order in which they were handed over, and the next
    /// one only when the one before was taken or given up.
    fn order(&mut self, here: &[&Arrival]) {
        let mut last: BTreeMap<usize, usize> = BTreeMap::new();
        let mut seen = BTreeSet::new();
        for it in here {
            if !it.taken || !seen.insert(it.number) {
                continue;
            }
            let before = last.insert(it.key, it.number);
            if before.is_some_and(|before| it.number < before) {
                self.broken.push(format!("out of order: {it:?} after {before:?} in {here:#?}"));
            }
        }
    }

    /// Both equations, with nothing on its way.
    async fn accounts(&mut self, engine: &Engine) {
        let status = match engine.status().await {
            Ok(status) => status,
            Err(error) => return self.broken.push(format!("no status: {error}")),
        };
        for route in status {
            let messages = &route.tally;
            let is_even = messages.received == messages.ended() + route.in_hand
                && route.in_hand == 0
                && messages.dead == 0
                && route.targets.iter().all(|it| {
                    let moving = it.waiting + it.retrying + it.paused + it.parked;
                    it.tally.created == it.tally.ended() + moving
                        && it.tally.created == messages.routed
                        && it.tally.delivered == it.tally.created
                });
            if !is_even {
                self.broken.push(format!("the accounts do not add up: {route:#?}"));
            }
        }
    }
}
