//! `cargo bench --bench http`: HTTP to HTTP over the embedded broker. 64 senders hand staff records
//! of 1.1 KiB over, each the next when its last was stored; a route filters and maps them; a
//! target takes them. Then 2,000 a second for 20 s, where what counts is how long after it was due
//! each one arrived.
//!
//! The floor of the second part: the same senders, straight to the target, with nothing stored.

#![allow(clippy::print_stdout, reason = "a bench prints")]

mod common {
    pub(crate) mod bus;
    pub(crate) mod figures;
    pub(crate) mod load;
    pub(crate) mod wire;
}
mod records;

use std::time::{Duration, Instant};

use common::{
    bus::{Bus, KEY, Project},
    figures::{Figures, scaled, spread},
    load::{Documents, Way},
    wire::{Arrivals, Target, metric, percentile_ms},
};
use records::staff;

/// Connections that send.
const SENDERS: usize = 64;

/// Records a second in the second part.
const RATE: usize = 2_000;

/// How often simpul waited for its disk.
const COMMITS: &str = "simpul_store_commit_duration_seconds_count";

#[tokio::main]
async fn main() {
    let arrivals = Arrivals::new(Instant::now());
    let target = Target::start(arrivals.clone()).await;
    let project = Project::new();
    project.source("asal", &["data"]);
    project.target("tujuan", &target.address, &["terima"]);
    project.write("routes/ukur.yaml", staff::ROUTE);
    let bus = Bus::start(&project);
    let head = format!(
        "POST /v1/asal/data HTTP/1.1\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json"
    );
    let documents = Documents::new();
    let address = bus.listen.clone();
    let way = Way { address, head, documents, arrivals };

    flood(&bus, &way).await;
    println!(
        "\n{RATE} a second, milliseconds from when it was due to when it arrived\n{:<28}{:>8}{:>8}{:>8}{:>8}{:>10}",
        "", "p50", "p99", "p99.9", "max", "us CPU"
    );
    let cpu = bus.cpu();
    let count = pace("simpul", &way).await;
    println!("{:>10.0}", (bus.cpu() - cpu) * 1e6 / count as f64);
    let head = "POST /terima HTTP/1.1\r\ncontent-type: application/json".to_owned();
    pace("floor: straight to the target", &Way { address: target.address.clone(), head, ..way })
        .await;
    println!();
    assert!(bus.stop(), "it does not stop well");
}

async fn flood(bus: &Bus, way: &Way) {
    let (rounds, time) = (scaled(5, 1), scaled(Duration::from_secs(5), Duration::from_secs(1)));
    let warm = way.flood(SENDERS, time / 5).await;
    way.arrived(warm.len()).await;
    way.arrivals.take();
    let [mut rate, mut stored, mut stored_p99, mut whole, mut whole_p99, mut cpu, mut commits] =
        [(); 7].map(|()| Figures::default());
    for _ in 0..rounds {
        let (start, cpu_before) = (Instant::now(), bus.cpu());
        let commits_before = metric(&bus.ops, COMMITS).await;
        let mut answers = way.flood(SENDERS, time).await;
        way.arrived(answers.len()).await;
        let count = answers.len() as f64;
        rate.push(count / start.elapsed().as_secs_f64());
        cpu.push((bus.cpu() - cpu_before) * 1e6 / count);
        commits.push((metric(&bus.ops, COMMITS).await - commits_before) / count);
        stored.push(percentile_ms(&mut answers, 0.5));
        stored_p99.push(percentile_ms(&mut answers, 0.99));
        let mut arrived = way.arrivals.take();
        whole.push(percentile_ms(&mut arrived, 0.5));
        whole_p99.push(percentile_ms(&mut arrived, 0.99));
    }
    println!("{SENDERS} senders, {rounds} rounds of {time:?}; CPU of simpul alone");
    println!("messages/s, from the first sent to the last arrived   {}", spread(&rate));
    println!("us CPU per message                                    {}", spread(&cpu));
    println!("commits per message                                   {:.3}", commits.median());
    let both =
        |one: &Figures, other: &Figures| format!("{:.1} / {:.1}", one.median(), other.median());
    println!(
        "answered, p50 / p99 ms                                {}",
        both(&stored, &stored_p99)
    );
    println!("arrived, p50 / p99 ms                                 {}", both(&whole, &whole_p99));
    let [now, most] = bus.resident();
    println!("resident MiB, now / at most                           {now:.0} / {most:.0}");
}

/// Prints a row but for its end; returns how many were sent.
async fn pace(name: &str, way: &Way) -> usize {
    let time = scaled(Duration::from_secs(20), Duration::from_secs(1));
    let count = way.pace(SENDERS, RATE, time).await;
    way.arrived(count).await;
    let mut took = way.arrivals.take();
    // The first tenth finds cold connections.
    let mut took = took.split_off(took.len() / 10);
    let mut at = |part| percentile_ms(&mut took, part);
    print!("{name:<28}{:>8.1}{:>8.1}{:>8.1}{:>8.1}", at(0.5), at(0.99), at(0.999), at(1.0));
    count
}
