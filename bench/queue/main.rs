//! `cargo bench --bench queue`: from a quorum queue of RabbitMQ, through a filter and a 12-field
//! map, to another quorum queue. A private RabbitMQ on the same machine, as in the tests.
//!
//! The floor is a loop that consumes, maps over `serde_json::Value`, publishes, and acknowledges
//! what was confirmed: one hop, and nothing kept. On the short way (`broker:` is the same RabbitMQ)
//! simpul does the same, and writes down afterwards what went where. The usual way, here with the
//! embedded broker, stores each message before it is acknowledged.

#![allow(clippy::print_stdout, reason = "a bench prints")]

#[path = "../common/bus.rs"]
mod bus;
#[path = "../common/cpu.rs"]
mod cpu;
#[path = "../common/figures.rs"]
mod figures;
mod floor;
#[path = "../../tests/it/support/rabbit.rs"]
#[allow(dead_code, reason = "the tests need more of it")]
mod rabbit;
#[path = "../records/mod.rs"]
mod records;

use std::time::{Duration, Instant};

use simpul::amqp::{
    Address, Admin, Argument, Link, Properties, Publication, Publisher, QueueSpec, Tls,
};

use bus::{Bus, Project};
use figures::{Figures, scaled, spread};
use floor::Floor;
use records::staff;

/// The queues.
const FROM: &str = "ukur.masuk";
const TO: &str = "ukur.keluar";

/// What one run came to.
struct Run {
    rate: f64,
    cpu_us: f64,
    memory: f64,
}

fn main() {
    let Some(rabbit) = rabbit::Rabbit::start() else { return };
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (rounds, messages) = (scaled(5, 1), scaled(40_000, 2_000));
    let mut subjects = [Broker::Same, Broker::Embedded].map(|it| (it, Subject::default()));
    let mut floor = Subject::default();
    for _ in 0..rounds {
        for (broker, subject) in &mut subjects {
            let queues = runtime.block_on(Queues::new(rabbit.vhost(), messages));
            subject.push(&runtime.block_on(queues.through_simpul(*broker)));
            let queues = runtime.block_on(Queues::new(rabbit.vhost(), messages));
            let run = runtime.block_on(queues.through_floor());
            floor.push(&run);
            subject.of_rate.push(subject.last_rate / run.rate);
            subject.of_cpu.push(subject.last_cpu / run.cpu_us);
        }
    }
    println!("{messages} staff records from quorum queue to quorum queue; {rounds} rounds");
    println!(
        "{:<22}{:>26}{:>14}{:>12}{:>10}{:>10}",
        "", "messages/s", "us CPU each", "MiB", "of rate", "of CPU"
    );
    for (broker, it) in &subjects {
        it.print(broker.name());
    }
    floor.print("floor");
}

/// Where simpul's messages wait.
#[derive(Clone, Copy)]
enum Broker {
    /// At the RabbitMQ of the queues.
    Same,
    Embedded,
}

impl Broker {
    fn name(self) -> &'static str {
        match self {
            Self::Same => "simpul, short way",
            Self::Embedded => "simpul, usual way",
        }
    }
}

/// What the runs of one subject came to, and of the floor that ran after each.
#[derive(Default)]
struct Subject {
    rate: Figures,
    cpu: Figures,
    memory: Figures,
    of_rate: Figures,
    of_cpu: Figures,
    last_rate: f64,
    last_cpu: f64,
}

impl Subject {
    fn push(&mut self, run: &Run) {
        self.rate.push(run.rate);
        self.cpu.push(run.cpu_us);
        self.memory.push(run.memory);
        (self.last_rate, self.last_cpu) = (run.rate, run.cpu_us);
    }

    fn print(&self, name: &str) {
        let Self { rate, cpu, memory, of_rate, of_cpu, .. } = self;
        print!("{name:<22}{:>26}{:>14.1}{:>12.0}", spread(rate), cpu.median(), memory.median());
        match name {
            "floor" => println!(),
            _ => println!("{:>10.2}{:>10.2}", of_rate.median(), of_cpu.median()),
        }
    }
}

/// Two quorum queues, the first of them full.
struct Queues {
    url: String,
    admin: Admin,
    messages: usize,
}

impl Queues {
    async fn new(url: String, messages: usize) -> Self {
        let link = Link::open(Address::parse(&url).unwrap(), "ukur", Tls::default());
        assert!(link.connected().await);
        let (admin, publisher) = (Admin::new(&link), Publisher::open(&link));
        for name in [FROM, TO] {
            let arguments = vec![("x-queue-type", Argument::Text("quorum".to_owned()))];
            admin.declare(&QueueSpec { name: name.to_owned(), arguments }).await.unwrap();
        }
        for first in (0..messages).step_by(500) {
            let all = (first..(first + 500).min(messages)).map(publication).collect();
            publisher.publish_all(all).await.into_iter().for_each(|it| it.unwrap());
        }
        Self { url, admin, messages }
    }

    async fn through_simpul(&self, broker: Broker) -> Run {
        let project = Project::new();
        let broker = match broker {
            Broker::Same => &self.url,
            Broker::Embedded => "embedded",
        };
        let settings = "listen: 127.0.0.1:0\nops: 127.0.0.1:0\nstore: ./data\n";
        project.write("simpul.yaml", &format!("{settings}broker: {broker}\n"));
        let system = |name: &str, what: &str| {
            format!("system: {name}\nname: Antrean\namqp:\n  url: {}\n{what}", self.url)
        };
        let source = format!("  sources:\n    data: {{ queue: {FROM}, prefetch: 500 }}\n");
        project.write("connectors/asal.yaml", &system("asal", &source));
        let target = format!("  targets:\n    terima: {{ queue: {TO} }}\n");
        project.write("connectors/tujuan.yaml", &system("tujuan", &target));
        project.write("routes/ukur.yaml", staff::ROUTE);
        let bus = Bus::start(&project);
        let cpu = bus.cpu();
        let rate = self.rate().await;
        let cpu_us = (bus.cpu() - cpu) * 1e6 / self.messages as f64;
        let run = Run { rate, cpu_us, memory: bus.resident()[1] };
        assert!(bus.stop(), "it does not stop well");
        run
    }

    async fn through_floor(&self) -> Run {
        let cpu = cpu::of_process();
        let _floor = Floor::start(&self.url).await;
        let rate = self.rate().await;
        let cpu_us = (cpu::of_process() - cpu).as_secs_f64() * 1e6 / self.messages as f64;
        Run { rate, cpu_us, memory: 0.0 }
    }

    /// Waits until all are through; messages a second while the tenth to the nine tenth came.
    async fn rate(&self) -> f64 {
        let (mut begun, mut ended) = (None, None);
        loop {
            let count = self.admin.counts(TO).await.unwrap().map_or(0, |it| it.ready) as usize;
            let now = (Instant::now(), count);
            if self.messages / 10 <= count {
                begun.get_or_insert(now);
            }
            if self.messages * 9 / 10 <= count {
                ended.get_or_insert(now);
            }
            if self.messages <= count
                && let Some(((begun, first), (ended, last))) = begun.zip(ended)
            {
                return (last - first) as f64 / (ended - begun).as_secs_f64();
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

fn publication(index: usize) -> Publication {
    let properties = Properties {
        persistent: true,
        message_id: Some(format!("ukur-{index}")),
        content_type: Some("application/json".to_owned()),
        ..Properties::default()
    };
    let routing_key = FROM.to_owned();
    Publication {
        exchange: String::new(),
        routing_key,
        properties,
        body: staff::document(index).into(),
    }
}
