//! `cargo bench --bench growth`: how the cost of a message grows with the number of steps, with the
//! size of the body, with the number of targets, and with the items of `each`.
//!
//! Two figures for each point: the pure part alone on one core (parse, steps, maps, write), and the
//! processor that the whole bus takes from HTTP to HTTP. The bars are of the latter. Growth is
//! linear where the last column, what one more costs, stays the same.

#![allow(clippy::print_stdout, reason = "a bench prints")]

mod common {
    pub(crate) mod bus;
    pub(crate) mod compiled;
    pub(crate) mod cpu;
    pub(crate) mod figures;
    pub(crate) mod load;
    pub(crate) mod wire;
}
mod records;

use std::time::{Duration, Instant};

use serde_json::json;
use simpul::message::Arena;

use common::{
    bus::{Bus, KEY, Project},
    compiled::Compiled,
    cpu::nanoseconds,
    figures::scaled,
    load::{Documents, Way},
    wire::{Arrivals, Target},
};
use records::staff;

/// Connections that send.
const SENDERS: usize = 16;

/// Letters of the widest bar.
const BAR: f64 = 50.0;

/// One point of a curve.
struct Point {
    /// How many steps, bytes, targets or items.
    size: usize,
    /// The route, under the name that its source has too.
    name: String,
    route: String,
    targets: Vec<String>,
    body: Vec<u8>,
    deliveries: usize,
}

impl Point {
    fn new(curve: &str, size: usize, steps: &str, to: &str) -> Self {
        let name = format!("{curve}-{size}");
        let route = format!(
            "route: {name}\nsummary: Measured.\nowner: Bench\nfrom: asal.{name}\n{steps}to:\n{to}"
        );
        let targets = vec!["tujuan.terima".to_owned()];
        Self { size, name, route, targets, body: staff::document(1), deliveries: 1 }
    }

    fn steps(count: usize) -> Self {
        let steps: String = (0..count)
            .map(|it| format!("  - set: {{ $.tambahan.k{it}: $.pegawai.nip | upper }}\n"))
            .collect();
        let steps = if count == 0 { steps } else { format!("steps:\n{steps}") };
        Self::new("langkah", count, &steps, "  - target: tujuan.terima\n")
    }

    fn body(bytes: usize) -> Self {
        let steps = "steps:\n  - filter: $.jenis == 'UKUR'\n";
        let mut point = Self::new("badan", bytes, steps, "  - target: tujuan.terima\n");
        let row =
            json!({ "nip": "198508172010012001", "nama": "Siti Rahmawati", "jumlah": 430_000 });
        // With a comma behind each, and what stands around them.
        let rows = vec![&row; (bytes - 64) / (row.to_string().len() + 1)];
        point.body = json!({ "t_ns": 0, "jenis": "UKUR", "isi": rows }).to_string().into();
        point
    }

    fn targets(count: usize) -> Self {
        let targets: Vec<String> = (0..count).map(|it| format!("tujuan-{it}.terima")).collect();
        let to: String = targets.iter().map(|it| format!("  - target: {it}\n")).collect();
        Self { targets, deliveries: count, ..Self::new("tujuan", count, "", &to) }
    }

    fn items(count: usize) -> Self {
        let to = "  - target: tujuan.terima\n    each: $.isi\n";
        let mut point = Self::new("butir", count, "", to);
        let row = |it| json!({ "t_ns": 0, "nomor": it, "nip": "198508172010012001" });
        point.body = json!({ "isi": (0..count).map(row).collect::<Vec<_>>() }).to_string().into();
        Self { deliveries: count, ..point }
    }
}

#[tokio::main]
async fn main() {
    let curves: [(&str, Vec<Point>); 4] = [
        ("steps", [0, 1, 4, 16, 64, 128].map(Point::steps).into()),
        ("bytes of the body", [10, 12, 14, 16, 18, 20].map(|it| Point::body(1 << it)).into()),
        ("targets", [1, 2, 4, 8, 16, 32].map(Point::targets).into()),
        ("items of `each`", [1, 4, 16, 64, 256, 1024].map(Point::items).into()),
    ];
    let arrivals = Arrivals::new(Instant::now());
    let target = Target::start(arrivals.clone()).await;
    let project = Project::new();
    project.target("tujuan", &target.address, &["terima"]);
    for system in 0..32 {
        project.target(&format!("tujuan-{system}"), &target.address, &["terima"]);
    }
    let points = || curves.iter().flat_map(|(_, points)| points);
    let names: Vec<&str> = points().map(|it| it.name.as_str()).collect();
    project.source("asal", &names);
    for point in points() {
        project.write(&format!("routes/{}.yaml", point.name), &point.route);
    }
    let bus = Bus::start(&project);
    for (what, points) in &curves {
        curve(what, points, &bus, &arrivals).await;
    }
    assert!(bus.stop(), "it does not stop well");
}

async fn curve(what: &str, points: &[Point], bus: &Bus, arrivals: &std::sync::Arc<Arrivals>) {
    let mut rows = Vec::new();
    for point in points {
        let pure = pure(point);
        let way = Way {
            address: bus.listen.clone(),
            head: format!(
                "POST /v1/asal/{} HTTP/1.1\r\nauthorization: Bearer {KEY}\r\ncontent-type: application/json",
                point.name
            ),
            documents: Documents::of(std::iter::once(point.body.clone())),
            arrivals: std::sync::Arc::clone(arrivals),
        };
        arrivals.take();
        let (start, cpu) = (Instant::now(), bus.cpu());
        let time = scaled(Duration::from_secs(3), Duration::from_millis(200));
        let count = way.flood(SENDERS, time).await.len();
        way.arrived(count * point.deliveries).await;
        let rate = count as f64 / start.elapsed().as_secs_f64();
        rows.push((point.size, pure, (bus.cpu() - cpu) * 1e6 / count as f64, rate));
    }
    let widest = rows.iter().map(|it| it.2).fold(0.0, f64::max);
    println!(
        "\n{what:>18}{:>10}{:>12}{:>12}{:>14}",
        "pure us", "bus us CPU", "messages/s", "us CPU each"
    );
    let first = rows.first().map(|it| (it.0, it.2)).unwrap_or_default();
    for (size, pure, cpu, rate) in rows {
        let each = (cpu - first.1) / (size - first.0).max(1) as f64;
        let each = if size == first.0 { String::new() } else { format!("{each:.3}") };
        let bar = "#".repeat((cpu / widest * BAR).round() as usize);
        println!("{size:>18}{pure:>10.1}{cpu:>12.0}{rate:>12.0}{each:>14}  {bar}");
    }
}

/// Microseconds of the pure part.
fn pure(point: &Point) -> f64 {
    let targets: Vec<&str> = point.targets.iter().map(String::as_str).collect();
    let route = Compiled::new(&point.route, &format!("asal.{}", point.name), &targets);
    let mut arena = Arena::with_limit(64 << 20);
    let documents = Documents::of(std::iter::once(point.body.clone()));
    let body = documents.at(0, "0");
    let times = scaled(50_000_000, 1_000_000) / (body.len() + 200 * point.deliveries);
    nanoseconds(times.max(3), |_| route.run(&mut arena, &body)) / 1e3
}
