//! Answers to the operator's calls.

use bytes::Bytes;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::dead_views::DeadView;
use crate::{
    engine::{
        Breaker, Comparison, Difference, Disk, Preview, Reloaded, Replayed, RouteStatus,
        TargetStatus,
    },
    ledger::{Cause, Pause},
    message::{Endpoint, Timestamp},
};

/// What a replay of one dead letter would send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PreviewView {
    /// The dead letter.
    pub letter: DeadView,
    /// What was sent when it failed, if it came so far.
    pub before: Option<String>,
    /// What would be sent.
    pub after: Vec<Sending>,
    /// Why it would fail again; then `after` is empty.
    pub fails: Option<FailsView>,
}

impl PreviewView {
    /// What an operator is shown of `preview`.
    pub fn of(preview: Preview, now: Timestamp) -> Self {
        let Preview { letter, after } = preview;
        let text = |it: &[u8]| String::from_utf8_lossy(it).into_owned();
        let before = letter.sent.as_deref().map(text);
        let letter = DeadView::of(&letter, now);
        let (after, fails) = match after {
            Ok(made) => {
                let sending = |(target, body): (Endpoint, Bytes)| Sending {
                    target: target.to_string(),
                    body: text(&body),
                };
                (made.into_iter().map(sending).collect(), None)
            }
            Err(cause) => (vec![], Some(FailsView::of(cause))),
        };
        Self { letter, before, after, fails }
    }
}

/// One body on its way to one target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct Sending {
    /// `system.name`.
    pub target: String,
    /// The body.
    pub body: String,
}

/// Why a replay would fail again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailsView {
    /// The class.
    pub class: String,
    /// Which step or `map`.
    pub place: String,
    /// What happens.
    pub reason: String,
}

impl FailsView {
    fn of(cause: Cause) -> Self {
        let Cause { class, place, reason } = cause;
        Self { class: class.to_string(), place, reason }
    }
}

/// What a replay did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReplayView {
    /// How many are on their way again.
    pub replayed: u64,
    /// Which are not, and why; they stay dead.
    pub failed: Vec<FailedReplay>,
}

impl ReplayView {
    pub(super) fn of(done: Replayed) -> Self {
        let failed = done.failed.into_iter().map(|(id, reason)| FailedReplay { id, reason });
        Self { replayed: done.count, failed: failed.collect() }
    }
}

/// A dead letter that could not be replayed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FailedReplay {
    /// Its number.
    pub id: i64,
    /// Why.
    pub reason: String,
}

/// How many were discarded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiscardView {
    /// How many.
    pub discarded: u64,
}

/// A paused target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PauseView {
    /// `system.name`.
    pub target: String,
    /// Since when.
    pub since: String,
    /// Why.
    pub reason: String,
    /// `operator`, or `misconfigured`.
    pub cause: String,
}

impl PauseView {
    pub(super) fn of(pause: &Pause) -> Self {
        let cause = if pause.by_operator { "operator" } else { "misconfigured" };
        Self {
            target: pause.target.to_string(),
            since: pause.since.to_string(),
            reason: pause.reason.clone(),
            cause: cause.to_owned(),
        }
    }
}

/// Every pause.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PausesView {
    /// Them.
    pub pauses: Vec<PauseView>,
}

/// A target was freed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ResumeView {
    /// Whether it was paused at all.
    pub was_paused: bool,
}

/// Keys that go on without what held them.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct KeyResumeView {
    /// How many keys, of as many routes.
    pub keys: u64,
    /// Dead letters that held them, and stay dead.
    pub dead: u64,
    /// Deliveries that were parked behind them.
    pub parked: u64,
}

/// What a reload did.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct ReloadView {
    /// The number of the files that run now.
    pub generation: i64,
    /// Routes that were not there before.
    pub added: Vec<String>,
    /// Routes that are others now.
    pub changed: Vec<String>,
    /// Routes that are no more.
    pub removed: Vec<String>,
    /// Paused targets that were freed, because their system file changed.
    pub freed: Vec<String>,
    /// Warnings about the files, rendered; empty if there are none.
    pub warnings: String,
}

impl ReloadView {
    pub(super) fn of(reloaded: Reloaded, warnings: String) -> Self {
        let Reloaded { generation, added, changed, removed, freed } = reloaded;
        Self { generation, added, changed, removed, freed, warnings }
    }
}

/// What a reload would change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct PlanView {
    /// The number of the files that run.
    pub generation: i64,
    /// Routes that would come, start anew, or go.
    pub routes: DifferenceView,
    /// Sources that would.
    pub sources: DifferenceView,
    /// Targets that would: their addresses and credentials.
    pub targets: DifferenceView,
    /// Paused targets that would be freed.
    pub frees: Vec<String>,
    /// Warnings about the files, rendered; empty if there are none.
    pub warnings: String,
}

/// What would come, be another one, or go.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DifferenceView {
    /// Not there now.
    pub added: Vec<String>,
    /// Another one.
    pub changed: Vec<String>,
    /// No more there.
    pub removed: Vec<String>,
}

impl PlanView {
    pub(super) fn of(comparison: Comparison, warnings: String) -> Self {
        let Comparison { generation, routes, sources, targets, frees } = comparison;
        let of = |it: Difference| DifferenceView {
            added: it.added,
            changed: it.changed,
            removed: it.removed,
        };
        let (routes, sources, targets) = (of(routes), of(sources), of(targets));
        Self { generation, routes, sources, targets, frees, warnings }
    }
}

/// How the bus fares.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct StatusView {
    /// The disk of the store; absent where that is another machine's.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub disk: Option<DiskView>,
    /// Its routes.
    pub routes: Vec<RouteView>,
}

/// The disk of the store.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct DiskView {
    /// What can still be written to it, what the database has left over included.
    pub free_bytes: u64,
    /// With less nothing is accepted.
    pub low_bytes: u64,
    /// Nothing is accepted.
    pub is_low: bool,
}

impl DiskView {
    pub(super) fn of(disk: Disk) -> Self {
        let Disk { free, low, is_low } = disk;
        Self { free_bytes: free, low_bytes: low, is_low }
    }
}

/// A route and how its messages fare; the two equations of the documentation hold on it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct RouteView {
    /// Its name.
    pub route: String,
    /// Whether it is in the running files.
    pub running: bool,
    /// Messages accepted.
    pub received: u64,
    /// Of them: accepted before.
    pub repeats: u64,
    /// Of them: a step let them go no further.
    pub filtered: u64,
    /// Of them: dead.
    pub dead: u64,
    /// Of them: dead, then discarded by an operator.
    pub discarded: u64,
    /// Of them: routed.
    pub routed: u64,
    /// Of them: still to be dealt with.
    pub in_hand: u64,
    /// Its targets.
    pub targets: Vec<TargetView>,
}

impl RouteView {
    pub(super) fn of(status: &RouteStatus) -> Self {
        let tally = &status.tally;
        Self {
            route: status.route.to_string(),
            running: status.running,
            received: tally.received,
            repeats: tally.repeats,
            filtered: tally.filtered,
            dead: tally.dead,
            discarded: tally.discarded,
            routed: tally.routed,
            in_hand: status.in_hand,
            targets: status.targets.iter().map(TargetView::of).collect(),
        }
    }
}

/// A target of a route and how its deliveries fare.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TargetView {
    /// `system.name`.
    pub target: String,
    /// It holds deliveries, but the route in the running files does not go there any more.
    pub orphaned: bool,
    /// Deliveries made.
    pub created: u64,
    /// Of them: delivered.
    pub delivered: u64,
    /// Of them: dead.
    pub dead: u64,
    /// Of them: expired.
    pub expired: u64,
    /// Of them: discarded.
    pub discarded: u64,
    /// Of them: waiting for their turn.
    pub waiting: u64,
    /// Of them: waiting for their next attempt.
    pub retrying: u64,
    /// Of them: waiting for a paused target.
    pub paused: u64,
    /// Of them: waiting behind a dead one of their key.
    pub parked: u64,
    /// How long the oldest of them has been there.
    pub oldest_seconds: u64,
    /// `closed`, `half open`, `open`.
    pub breaker: String,
    /// Why the target is paused, if it is.
    pub pause: Option<PauseView>,
}

impl TargetView {
    fn of(status: &TargetStatus) -> Self {
        let tally = &status.tally;
        let breaker = match status.breaker {
            Breaker::Closed => "closed",
            Breaker::HalfOpen => "half open",
            Breaker::Open => "open",
        };
        Self {
            target: status.target.to_string(),
            orphaned: status.orphaned,
            created: tally.created,
            delivered: tally.delivered,
            dead: tally.dead,
            expired: tally.expired,
            discarded: tally.discarded,
            waiting: status.waiting,
            retrying: status.retrying,
            paused: status.paused,
            parked: status.parked,
            oldest_seconds: status.oldest.as_secs(),
            breaker: breaker.to_owned(),
            pause: status.pause.as_ref().map(PauseView::of),
        }
    }
}
