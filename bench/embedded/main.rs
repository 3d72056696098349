//! `cargo bench --bench embedded`: the embedded broker beside the disk.
//!
//! The floor is a file to which one thread appends whatever has gathered, followed by one
//! `fdatasync`: the least that a durable queue can do. It keeps no order, finds nothing again and
//! never gives space back. Both take the same bytes from the same number of publishers, each of
//! which waits for its message to be durable before it sends the next.

#![allow(clippy::print_stdout, reason = "a bench prints")]

#[path = "../common/cpu.rs"]
mod cpu;
#[path = "../common/figures.rs"]
mod figures;
mod floor;
mod subject;

use std::{
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use tokio::{runtime::Runtime, task::JoinSet};

use figures::{Figures, scaled};
use floor::Floor;
use subject::Subject;

/// Bytes of a body.
const BODY: usize = 1024;

/// Deliveries that are taken, and settled, together.
const BATCH: usize = 256;

/// What is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Work {
    /// Messages are stored.
    Publish,
    /// They are taken out again and settled meanwhile, until none is left.
    Cycle,
}

/// What one run came to.
struct Run {
    rate: f64,
    p99_ms: f64,
    cpu_us: f64,
    per_commit: f64,
}

fn main() {
    let runtime = || {
        let mut builder = tokio::runtime::Builder::new_multi_thread();
        builder.worker_threads(2).enable_all().build().unwrap()
    };
    let rounds = scaled(5, 1);
    println!("messages of {BODY} bytes; {rounds} rounds; CPU of the whole process");
    println!(
        "{:<8}{:>10}{:>22}{:>22}{:>8}{:>8}{:>8}{:>8}{:>8}",
        "",
        "publishers",
        "simpul msg/s",
        "floor msg/s",
        "ratio",
        "p99 ms",
        "us CPU",
        "floor",
        "/commit"
    );
    for work in [Work::Publish, Work::Cycle] {
        for publishers in [1, 64, 1024] {
            row(work, publishers, rounds, &runtime);
        }
    }
}

fn row(work: Work, publishers: usize, rounds: usize, runtime: &dyn Fn() -> Runtime) {
    let [mut ours, mut floor, mut p99, mut cpu, mut floor_cpu, mut per_commit] =
        [(); 6].map(|()| Figures::default());
    for _ in 0..rounds {
        let run = runtime().block_on(measure(work, publishers, Subject::open));
        ours.push(run.rate);
        p99.push(run.p99_ms);
        cpu.push(run.cpu_us);
        per_commit.push(run.per_commit);
        let run = runtime().block_on(measure(work, publishers, Floor::open));
        floor.push(run.rate);
        floor_cpu.push(run.cpu_us);
    }
    println!(
        "{:<8}{publishers:>10}{:>22}{:>22}{:>8.2}{:>8.2}{:>8.1}{:>8.1}{:>8.1}",
        format!("{work:?}").to_lowercase(),
        figures::spread(&ours),
        figures::spread(&floor),
        ours.over(&floor).median(),
        p99.median(),
        cpu.median(),
        floor_cpu.median(),
        per_commit.median(),
    );
}

/// A durable queue.
trait Queue: Clone + Send + Sync + 'static {
    /// Returns once a message is durable.
    fn publish(&self) -> impl Future<Output = ()> + Send;

    /// Takes messages out and settles them, for ever; counts them.
    fn drain(self, settled: Arc<AtomicU64>) -> impl Future<Output = ()> + Send;

    /// How often the disk was waited for.
    fn commits(&self) -> u64;
}

async fn measure<Q: Queue, F: Future<Output = Q>>(
    work: Work,
    publishers: usize,
    open: impl FnOnce() -> F,
) -> Run {
    let queue = open().await;
    let settled = Arc::new(AtomicU64::new(0));
    let mut consumer = JoinSet::new();
    if work == Work::Cycle {
        consumer.spawn(queue.clone().drain(Arc::clone(&settled)));
    }
    let (start, cpu, commits) = (Instant::now(), cpu::of_process(), queue.commits());
    let end = start + scaled(Duration::from_secs(3), Duration::from_millis(300));
    let mut tasks = JoinSet::new();
    for _ in 0..publishers {
        let queue = queue.clone();
        tasks.spawn(async move {
            let mut took = Vec::new();
            while Instant::now() < end {
                let start = Instant::now();
                queue.publish().await;
                took.push(start.elapsed());
            }
            took
        });
    }
    let mut took: Vec<Duration> = tasks.join_all().await.into_iter().flatten().collect();
    let count = took.len() as u64;
    while work == Work::Cycle && settled.load(Ordering::Relaxed) < count {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    let (seconds, cpu) = (start.elapsed().as_secs_f64(), cpu::of_process() - cpu);
    took.sort_unstable();
    let p99 = took.get(took.len() * 99 / 100).copied().unwrap_or_default();
    Run {
        rate: count as f64 / seconds,
        p99_ms: p99.as_secs_f64() * 1e3,
        cpu_us: cpu.as_secs_f64() * 1e6 / count as f64,
        per_commit: count as f64 / (queue.commits() - commits).max(1) as f64,
    }
}
