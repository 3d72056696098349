//! `cargo bench --bench backlog`: a million messages wait for a target that is paused, while
//! another route goes on. How fast does it go with nothing waiting, and with all of that? How much
//! memory does simpul take? How fast is the backlog delivered once its target is back?

#![allow(clippy::print_stdout, reason = "a bench prints")]

mod common {
    pub(crate) mod bus;
    pub(crate) mod figures;
    pub(crate) mod load;
    pub(crate) mod wire;
}
mod records;

use std::{
    fs,
    time::{Duration, Instant},
};

use common::{
    bus::{Bus, KEY, Project},
    figures::{Figures, scaled, spread},
    load::{Documents, Way},
    wire::{Arrivals, Connection, Target, metric},
};
use records::staff;

/// The deliveries of the route that waits.
const CREATED: &str = r#"simpul_deliveries_created_total{route="timbun",target="jauh.terima"}"#;

/// Connections that send to the route that goes on.
const SENDERS: usize = 64;

/// Records in one call while the backlog is made.
const BATCH: usize = 500;

#[tokio::main]
async fn main() {
    let waiting = scaled(1_000_000, 20_000);
    let [arrivals, late] = [(); 2].map(|()| Arrivals::new(Instant::now()));
    let target = Target::start(arrivals.clone()).await;
    let away = Target::start(late.clone()).await;
    let project = Project::new();
    project.source("asal", &["data", "timbun"]);
    project.target("tujuan", &target.address, &["terima"]);
    project.target("jauh", &away.address, &["terima"]);
    project.write("routes/ukur.yaml", staff::ROUTE);
    let route = staff::ROUTE.replace("route: ukur", "route: timbun");
    let route = route.replace("asal.data", "asal.timbun").replace("tujuan.terima", "jauh.terima");
    project.write("routes/timbun.yaml", &route);
    let bus = Bus::start(&project);
    operate(&project, &["pause", "jauh.terima", "--reason", "bench"]);

    let head = |source: &str, media: &str| {
        format!(
            "POST /v1/asal/{source} HTTP/1.1\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/{media}"
        )
    };
    let documents = Documents::new();
    let way = Way { address: bus.listen.clone(), head: head("data", "json"), documents, arrivals };
    println!(
        "{:<26}{:>26}{:>14}{:>16}",
        "waiting", "messages/s of the other", "us CPU", "resident MiB"
    );
    let empty = rate(&bus, &way, 0).await;
    let start = Instant::now();
    fill(&way, &head("timbun", "x-ndjson"), waiting).await;
    let filled = start.elapsed().as_secs_f64();
    // Through the route, too: until then there is that work beside the other route's.
    while metric(&bus.ops, CREATED).await < waiting as f64 {
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let routed = start.elapsed().as_secs_f64();
    let full = rate(&bus, &way, waiting).await;
    println!("with them, of without: {:.2}", full / empty);

    let start = Instant::now();
    operate(&project, &["resume", "jauh.terima"]);
    let time = scaled(Duration::from_secs(20), Duration::from_secs(1));
    tokio::time::sleep(time).await;
    let delivered = late.count() as f64 / start.elapsed().as_secs_f64();
    let [now, most] = bus.resident();
    let size = fs::metadata(project.path().join("data/simpul.db")).unwrap().len() >> 20;
    println!(
        "accepted at {:.0} messages/s, routed at {:.0}, delivered afterwards at {delivered:.0}",
        waiting as f64 / filled,
        waiting as f64 / routed
    );
    println!("resident MiB at the end {now:.0}, at most {most:.0}; database {size} MiB");
}

/// The other route at full speed; prints a row and returns its rate.
async fn rate(bus: &Bus, way: &Way, waiting: usize) -> f64 {
    let (rounds, time) = (scaled(5, 1), scaled(Duration::from_secs(4), Duration::from_secs(1)));
    let [mut rate, mut cpu] = [(); 2].map(|()| Figures::default());
    for _ in 0..rounds {
        way.arrivals.take();
        let (start, cpu_before) = (Instant::now(), bus.cpu());
        let count = way.flood(SENDERS, time).await.len();
        way.arrived(count).await;
        rate.push(count as f64 / start.elapsed().as_secs_f64());
        cpu.push((bus.cpu() - cpu_before) * 1e6 / count as f64);
    }
    let [now, most] = bus.resident();
    let memory = format!("{now:.0}, at most {most:.0}");
    println!("{waiting:<26}{:>26}{:>14.0}{memory:>16}", spread(&rate), cpu.median());
    rate.median()
}

async fn fill(way: &Way, head: &str, count: usize) {
    let mut connection = Connection::open(&way.address).await.unwrap();
    for first in (0..count).step_by(BATCH) {
        let mut lines = Vec::new();
        for index in first..(first + BATCH).min(count) {
            lines.extend_from_slice(&way.documents.at(index, "0"));
            lines.push(b'\n');
        }
        let (status, answer) = connection.call(head, &lines).await.unwrap();
        assert!((200..300).contains(&status), "{status} {}", String::from_utf8_lossy(&answer));
    }
}

fn operate(project: &Project, arguments: &[&str]) {
    let done = common::bus::command(project).args(arguments).output().unwrap();
    assert!(done.status.success(), "{}", String::from_utf8_lossy(&done.stderr));
}
