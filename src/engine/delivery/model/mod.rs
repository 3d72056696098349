//! What the engine decides, tried in very many short histories.
//!
//! A history is a few messages on their way to two targets, while whatever can go wrong does: steps
//! of the broker fail or are the last that the process does, targets refuse, files are reloaded,
//! operators replay. The code that decides is the engine's own: its intake, its route worker, the
//! arms of its delivery worker, its gates, its ledger with the statements of SQLite. The order in
//! which the arms run is the model's, and follows from a seed; so do the clock and all faults. In
//! the end everything is mended, and the rules of [`rules`] must hold.
//!
//! `SIMPUL_MODEL_SEED=17 SIMPUL_MODEL_COUNT=1` tries one history again. Where nothing is said it is
//! the whole number of them where `CI` is set, and a tenth elsewhere.

mod process;
mod rules;
mod stage;

use std::{
    panic::AssertUnwindSafe,
    sync::{
        Mutex,
        atomic::{AtomicU64, Ordering},
    },
    thread,
};

use self::{
    process::history,
    rules::Verdict,
    stage::{Arrival, Stage},
};
use crate::broker::simulated::Bug;

/// Histories that are tried before anything is taken for right.
const HISTORIES: u64 = 100_000;

/// Histories that are tried while somebody waits for them.
const HISTORIES_HERE: u64 = 10_000;

/// Histories within which each deliberate bug must be found.
const HISTORIES_WITH_BUG: u64 = 3_000;

/// Chance that follows from a seed (SplitMix64).
#[derive(Debug, Clone)]
struct Random(u64);

impl Random {
    fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15))
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: usize) -> usize {
        usize::try_from(self.next() % limit.max(1) as u64).unwrap_or_default()
    }

    fn one_in(&mut self, times: usize) -> bool {
        self.below(times) == 0
    }
}

/// A deliberate bug: in the broker, or in what is said to targets.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mutation {
    Broker(Bug),
    /// A repeat does not say that it may be one.
    DropsTheFlag,
}

/// How much happened.
#[derive(Debug, Default)]
struct Seen {
    histories: AtomicU64,
    deaths: AtomicU64,
    repeats: AtomicU64,
    retries: AtomicU64,
    dead_letters: AtomicU64,
}

/// Tries histories on all cores; the first one in which a rule is broken.
fn try_histories(
    first: u64,
    count: u64,
    mutation: Option<Mutation>,
    seen: &Seen,
) -> Option<String> {
    let next = AtomicU64::new(first);
    let found = Mutex::new(None);
    let work = || {
        let stage = Stage::set();
        while found.lock().unwrap().is_none() {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if first + count <= seed {
                return;
            }
            if let Err(broken) = try_one(&stage, seed, mutation, seen) {
                found.lock().unwrap().get_or_insert(broken);
            }
        }
    };
    let cores = thread::available_parallelism().map_or(1, usize::from);
    thread::scope(|scope| (0..cores).for_each(|_| drop(scope.spawn(work))));
    found.into_inner().unwrap()
}

fn try_one(
    stage: &Stage,
    seed: u64,
    mutation: Option<Mutation>,
    seen: &Seen,
) -> Result<(), String> {
    let run = || stage.runtime().block_on(history(stage, seed, mutation));
    let told = std::panic::catch_unwind(AssertUnwindSafe(run));
    let Ok(Verdict { broken, deaths, repeats, retries, dead_letters }) = told else {
        return Err(format!("seed {seed}: it panicked"));
    };
    let add = |to: &AtomicU64, count: u64| to.fetch_add(count, Ordering::Relaxed);
    add(&seen.histories, 1);
    add(&seen.deaths, deaths);
    add(&seen.repeats, repeats);
    add(&seen.retries, retries);
    add(&seen.dead_letters, dead_letters);
    if broken.is_empty() { Ok(()) } else { Err(format!("seed {seed}: {}", broken.join("\n  "))) }
}

fn number(variable: &str) -> Option<u64> {
    std::env::var(variable).ok()?.parse().ok()
}

#[test]
#[expect(clippy::print_stderr, reason = "says what was tried")]
fn a_hundred_thousand_short_histories_lose_nothing_and_flag_each_repeat() {
    let first = number("SIMPUL_MODEL_SEED").unwrap_or(1);
    let usual = if std::env::var("CI").is_ok() { HISTORIES } else { HISTORIES_HERE };
    let count = number("SIMPUL_MODEL_COUNT").unwrap_or(usual);
    let (seen, began) = (Seen::default(), std::time::Instant::now());
    let broken = try_histories(first, count, None, &seen);
    assert_eq!(broken, None, "SIMPUL_MODEL_SEED=<seed> SIMPUL_MODEL_COUNT=1 tries it again");
    eprintln!("{seen:?} in {:?}", began.elapsed());
    if 1_000 <= count {
        // A model in which nothing goes wrong proves nothing.
        for what in [&seen.deaths, &seen.repeats, &seen.retries, &seen.dead_letters] {
            assert!(count / 100 <= what.load(Ordering::Relaxed), "{seen:?}");
        }
    }
}

#[test]
fn each_deliberate_bug_is_found() {
    let bugs = [
        Mutation::DropsTheFlag,
        Mutation::Broker(Bug::AcknowledgesFirst),
        Mutation::Broker(Bug::ForgetsRetries),
        Mutation::Broker(Bug::ForgetsRedeliveries),
        Mutation::Broker(Bug::LosesOutputs),
    ];
    for bug in bugs {
        let found = try_histories(1, HISTORIES_WITH_BUG, Some(bug), &Seen::default());
        assert!(found.is_some(), "{bug:?} is not found");
    }
}

#[test]
fn a_history_follows_from_its_seed() {
    let stage = Stage::set();
    let told = |seed| {
        let verdict = stage.runtime().block_on(history(&stage, seed, None));
        // But for ids, which are the system's chance.
        let arrived = stage.arrived().into_iter();
        let arrived = arrived.map(|it| Arrival { idempotency_key: String::new(), ..it });
        (format!("{verdict:?}"), arrived.collect::<Vec<_>>())
    };
    for seed in 1..40 {
        assert_eq!(told(seed), told(seed), "seed {seed}");
    }
}
