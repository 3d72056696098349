//! Where a test of faults may have the process die, or work wrongly on purpose.
//!
//! Compiled in only with the feature `faults`; without it every function here is empty and costs
//! nothing. The variable `SIMPUL_CRASH_AT=after_fsync_before_reply:17` has the process kill itself
//! (SIGKILL) at the 17th pass of that point. `SIMPUL_SABOTAGE=drop_flag` switches a deliberate bug
//! on, by which the tests are tested.
//!
//! | point | window |
//! | --- | --- |
//! | `before_append` | W1: nothing of the message is stored |
//! | `after_key_before_publish` | W1 on RabbitMQ: its key is reserved |
//! | `after_fsync_before_reply` | W2: stored, not answered |
//! | `after_publish_before_confirm` | W3: handed to RabbitMQ, not confirmed |
//! | `in_the_transaction` | W4 on the embedded broker: after a statement, before the commit |
//! | `after_fate_before_destinations` | W4 on RabbitMQ: routed in the ledger, in no queue |
//! | `after_k_of_n_destinations` | W4 on RabbitMQ: in some of the queues |
//! | `after_destinations_before_ack` | W4: in all queues, the message not taken out of its own |
//! | `before_send` | W5 |
//! | `after_send_before_outcome` | W6 |
//! | `after_outcome_before_ack` | W7 |
//! | `after_rung_confirm` | W8: the next attempt is stored, the old one not acknowledged |
//! | `after_dead_confirm` | W9: as W7, the outcome being a dead letter |

/// Every point, by the name that `SIMPUL_CRASH_AT` takes.
pub const POINTS: [&str; 13] = [
    "before_append",
    "after_key_before_publish",
    "after_fsync_before_reply",
    "after_publish_before_confirm",
    "in_the_transaction",
    "after_fate_before_destinations",
    "after_k_of_n_destinations",
    "after_destinations_before_ack",
    "before_send",
    "after_send_before_outcome",
    "after_outcome_before_ack",
    "after_rung_confirm",
    "after_dead_confirm",
];

/// A deliberate bug.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sabotage {
    /// Answer that a message is stored before it is.
    AcknowledgeEarly,
    /// Take what was published for confirmed.
    IgnoreConfirm,
    /// Take a commit for durable that the disk was not asked about.
    SkipSync,
    /// Send repeats without saying so.
    DropFlag,
}

/// Dies here, if it is this point's turn.
#[inline(always)]
pub fn point(name: &str) {
    #[cfg(feature = "faults")]
    armed::pass(name);
    #[cfg(not(feature = "faults"))]
    let _ = name;
}

/// As [`point`], where `here` holds.
#[inline(always)]
pub fn point_if(here: bool, name: &str) {
    if here {
        point(name);
    }
}

/// Whether a deliberate bug is switched on.
#[inline(always)]
pub fn sabotaged(how: Sabotage) -> bool {
    #[cfg(feature = "faults")]
    return armed::sabotaged(how);
    #[cfg(not(feature = "faults"))]
    {
        let _ = how;
        false
    }
}

/// Panics, loops or dies on a body that asks for it: poison that no checked file could make.
#[inline(always)]
pub fn poison(body: &[u8]) {
    #[cfg(feature = "faults")]
    armed::poison(body);
    #[cfg(not(feature = "faults"))]
    let _ = body;
}

#[cfg(feature = "faults")]
mod armed {
    use std::{
        env,
        sync::{
            LazyLock,
            atomic::{AtomicU64, Ordering},
        },
    };

    use rustix::process::{Signal, getpid, kill_process};

    use super::Sabotage;

    static AT: LazyLock<Option<(String, u64)>> = LazyLock::new(|| {
        let given = env::var("SIMPUL_CRASH_AT").ok()?;
        let (name, pass) = given.split_once(':').unwrap_or((&given, "1"));
        // A dead letter is written in the commit of an outcome: it has no window of its own.
        let name = if name == "after_dead_confirm" { "after_outcome_before_ack" } else { name };
        Some((name.to_owned(), pass.parse().ok()?))
    });

    static SABOTAGE: LazyLock<Option<Sabotage>> = LazyLock::new(|| {
        Some(match env::var("SIMPUL_SABOTAGE").ok()?.as_str() {
            "acknowledge_early" => Sabotage::AcknowledgeEarly,
            "ignore_confirm" => Sabotage::IgnoreConfirm,
            "skip_sync" => Sabotage::SkipSync,
            "drop_flag" => Sabotage::DropFlag,
            _ => return None,
        })
    });

    static PASSES: AtomicU64 = AtomicU64::new(0);

    pub(super) fn pass(name: &str) {
        let is_here = |(at, _): &&(String, u64)| at == name;
        let Some((_, nth)) = AT.as_ref().filter(is_here) else { return };
        if PASSES.fetch_add(1, Ordering::SeqCst) + 1 == *nth {
            die();
        }
    }

    /// As `kill -9` does: nothing is unwound, flushed or answered.
    fn die() -> ! {
        let _ = kill_process(getpid(), Signal::KILL);
        loop {
            std::thread::park();
        }
    }

    pub(super) fn sabotaged(how: Sabotage) -> bool {
        *SABOTAGE == Some(how)
    }

    #[expect(clippy::panic, reason = "that is what is asked for")]
    pub(super) fn poison(body: &[u8]) {
        let holds = |word: &[u8]| body.windows(word.len()).any(|it| it == word);
        if !holds(b"\"racun\":") {
            return;
        }
        if holds(b"\"racun\":\"panik\"") {
            panic!("a message asked for it");
        }
        if holds(b"\"racun\":\"mati\"") {
            die();
        }
    }
}
