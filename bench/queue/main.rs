//! `cargo bench --bench queue`: from a quorum queue of RabbitMQ, through a filter and a 12-field
//! map, to another quorum queue. A private RabbitMQ on the same machine, as in the tests. First as
//! many as will go through, then 2,000 a second for 20 s; `-- flood` and `-- pace` are one of both.
//!
//! The floor is a loop that consumes, maps over `serde_json::Value`, publishes, and acknowledges
//! what was confirmed: one hop, and nothing kept. A second one sends the same headers as simpul, as
//! they are what the broker does more; a third one does not even map. On the short way
//! (`broker:` is the same RabbitMQ) simpul does the same, and writes down afterwards what went
//! where. The usual way, here with the embedded broker, stores each message before it is
//! acknowledged.

#![allow(clippy::print_stdout, reason = "a bench prints")]

#[path = "../common"]
mod common {
    pub(crate) mod bus;
    pub(crate) mod figures;
    pub(crate) mod load;
    pub(crate) mod wire;
}
mod floor;
mod pace;
mod queues;
#[path = "../../faults/oracle/rabbit.rs"]
#[allow(dead_code, reason = "the tests need more of it")]
mod rabbit;
#[path = "../records/mod.rs"]
mod records;

use std::time::Duration;

use common::{
    bus,
    figures::{Figures, scaled, spread},
    wire::percentile_ms,
};
use pace::Pace;
use queues::Queues;
use rabbit::Rabbit;

/// The queues.
const FROM: &str = "ukur.masuk";
const TO: &str = "ukur.keluar";

/// Records a second in the second part.
const RATE: usize = 2_000;

/// Who takes messages from one queue to the other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Subject {
    /// simpul with its messages at the RabbitMQ of the queues.
    Short,
    /// simpul with the embedded broker.
    Usual,
    Floor,
    /// The floor with the headers that simpul sends along.
    Headers,
    /// The floor without any work on the bodies.
    Passing,
}

impl Subject {
    fn name(self) -> &'static str {
        match self {
            Self::Short => "simpul, short way",
            Self::Usual => "simpul, usual way",
            Self::Floor => "floor",
            Self::Headers => "floor with headers",
            Self::Passing => "floor that does not map",
        }
    }
}

fn main() {
    floor::be_asked();
    let Some(rabbit) = Rabbit::start() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let only = |part: &str| std::env::args().any(|it| it == part);
    if !only("pace") {
        runtime.block_on(flood(&rabbit));
    }
    if !only("flood") {
        runtime.block_on(pace(&rabbit));
    }
}

/// What one subject came to, round by round.
#[derive(Default)]
struct Flooded {
    rate: Figures,
    cpu: Figures,
    memory: Figures,
}

async fn flood(rabbit: &Rabbit) {
    let (rounds, messages) = (scaled(5, 1), scaled(40_000, 2_000));
    let mut all =
        [Subject::Short, Subject::Floor, Subject::Usual, Subject::Headers, Subject::Passing]
            .map(|it| (it, Flooded::default()));
    for _ in 0..rounds {
        for (subject, flooded) in &mut all {
            let queues = Queues::new(rabbit.vhost()).await;
            queues.fill(messages).await;
            let running = queues.start(*subject);
            let cpu = running.cpu();
            flooded.rate.push(queues.rate(messages).await);
            flooded.cpu.push((running.cpu() - cpu) * 1e6 / messages as f64);
            flooded.memory.push(running.memory());
            running.stop();
        }
    }
    println!("{messages} staff records from quorum queue to quorum queue; {rounds} rounds");
    println!(
        "{:<26}{:>26}{:>14}{:>8}{:>10}{:>10}",
        "", "messages/s", "us CPU each", "MiB", "of rate", "of CPU"
    );
    let [_, (_, floor), ..] = &all;
    for (subject, Flooded { rate, cpu, memory }) in &all {
        let name = subject.name();
        print!("{name:<26}{:>26}{:>14.1}{:>8.0}", spread(rate), cpu.median(), memory.median());
        match subject {
            Subject::Floor => println!(),
            _ => println!(
                "{:>10.2}{:>10.2}",
                rate.over(&floor.rate).median(),
                cpu.over(&floor.cpu).median()
            ),
        }
    }
}

/// What one subject came to at a fixed rate: of each round the percentiles in milliseconds.
#[derive(Default)]
struct Paced {
    at: [Figures; 4],
    cpu: Figures,
}

async fn pace(rabbit: &Rabbit) {
    let (rounds, time) = (scaled(3, 1), scaled(Duration::from_secs(20), Duration::from_secs(1)));
    let mut all = [Subject::Short, Subject::Floor].map(|it| (it, Paced::default()));
    for _ in 0..rounds {
        for (subject, paced) in &mut all {
            let queues = Queues::new(rabbit.vhost()).await;
            let load = Pace::start(&queues.url).await;
            let running = queues.start(*subject);
            // The first records find cold connections, and are not counted.
            load.run(RATE, time / 10).await;
            let cpu = running.cpu();
            let mut took = load.run(RATE, time).await;
            paced.cpu.push((running.cpu() - cpu) * 1e6 / took.len() as f64);
            for (figures, part) in paced.at.iter_mut().zip([0.5, 0.99, 0.999, 1.0]) {
                figures.push(percentile_ms(&mut took, part));
            }
            running.stop();
        }
    }
    println!(
        "\n{RATE} a second for {time:?}, {rounds} rounds; ms from when it was due to when it arrived"
    );
    println!("{:<26}{:>8}{:>8}{:>8}{:>8}{:>14}", "", "p50", "p99", "p99.9", "max", "us CPU each");
    for (subject, Paced { at, cpu }) in &all {
        print!("{:<26}", subject.name());
        at.iter().for_each(|it| print!("{:>8.2}", it.median()));
        println!("{:>14.1}", cpu.median());
    }
    let [(_, short), (_, floor)] = &all;
    let [_, short, ..] = &short.at;
    let [_, floor, ..] = &floor.at;
    println!("p99 over the floor, round by round: {:.2} ms", short.less(floor).median());
}
