//! `cargo bench`: what one message costs in the pure part of a route, on one core.
//!
//! Each subject is interleaved with its floor, the same work by hand over `serde_json::Value`, so
//! that a machine whose speed drifts does not tell lies: read the ratio, not the time.

#![allow(clippy::print_stdout, reason = "a bench prints")]

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use serde_json::{Value as Json, json};
use simpul::{
    expr::{Budget, Meta, Scope},
    message::{Arena, Headers, IdSource, JsonWriter, Limits, Timestamp, parse},
    route::{self, Given, Project, Variables},
    step::Flow,
};

/// Pairs of measurements; the table gives their median, fastest and slowest.
const PAIRS: usize = 9;

/// Messages in one measurement.
const MESSAGES: usize = 20_000;

fn main() {
    let documents: Vec<Vec<u8>> = (0..500).map(document).collect();
    let simpul = Subject::new();
    let hand: fn(&[u8]) -> Vec<u8> = by_hand;
    assert_eq!(
        serde_json::from_slice::<Json>(&simpul.run(&documents[0])).unwrap_or_default(),
        serde_json::from_slice::<Json>(&hand(&documents[0])).unwrap_or_default(),
        "both make the same of a document"
    );
    let mut rows: Vec<(Duration, Duration)> = Vec::new();
    for _ in 0..PAIRS {
        let ours = time(&documents, |it| simpul.run(it));
        let floor = time(&documents, hand);
        rows.push((ours, floor));
    }
    println!("one polling-station result: parse, filter, rules, map, write; ns per message");
    println!("{:<28}{:>10}{:>10}{:>10}", "", "median", "fastest", "slowest");
    show("simpul", rows.iter().map(|it| it.0));
    show("by hand, serde_json::Value", rows.iter().map(|it| it.1));
    let mut ratios: Vec<f64> =
        rows.iter().map(|it| it.0.as_secs_f64() / it.1.as_secs_f64()).collect();
    ratios.sort_by(f64::total_cmp);
    println!("ratio, pair by pair: {:.2}", ratios[PAIRS / 2]);
}

fn show(name: &str, times: impl Iterator<Item = Duration>) {
    let mut all: Vec<_> = times.map(|it| it.as_nanos() / MESSAGES as u128).collect();
    all.sort_unstable();
    println!("{name:<28}{:>10}{:>10}{:>10}", all[PAIRS / 2], all[0], all[PAIRS - 1]);
}

fn time(documents: &[Vec<u8>], run: impl Fn(&[u8]) -> Vec<u8>) -> Duration {
    let start = Instant::now();
    for document in documents.iter().cycle().take(MESSAGES) {
        black_box(run(black_box(document)));
    }
    start.elapsed()
}

/// A result of the shape that the counting application publishes.
fn document(n: i64) -> Vec<u8> {
    let (a, b, c) = (50 + n % 40, 90 + n % 30, 20 + n % 10);
    let valid = a + b + c;
    json!({
        "kode_tps": format!("31010110{n:05}"),
        "body": {
            "mode": "hhcw",
            "chart": { "null": null, "100025": a, "100026": b, "100027": c },
            "images": ["https://arsip.example/1.jpg", null, null],
            "administrasi": {
                "suara_sah": valid, "suara_tidak_sah": 5, "suara_total": valid + 5,
                "pemilih_dpt_j": 290, "pengguna_dpt_j": valid, "pengguna_dptb_j": 2,
                "pengguna_non_dpt_j": 3, "pengguna_total_j": valid + 5
            },
            "psu": null, "ts": "2024-02-15 00:41:44", "status_suara": true, "status_adm": true
        }
    })
    .to_string()
    .into_bytes()
}

const ROUTE: &str = "
route: ukur
summary: Measured.
owner: Bench
from: asal.data
steps:
  - filter: $.body.status_suara == true || $.body.status_adm == true
  - check:
      into: $.gagal
      rules:
        R1: ($.body.chart.* | sum) == $.body.administrasi.suara_sah
        R2: $.body.administrasi.suara_sah + $.body.administrasi.suara_tidak_sah == $.body.administrasi.suara_total
        R3: $.body.administrasi.pengguna_total_j == $.body.administrasi.suara_total
  - map:
      kode_tps: $.kode_tps
      perolehan: $.body.chart
      suara_sah: $.body.administrasi.suara_sah
      suara_total: $.body.administrasi.suara_total
      terbit: $.body.ts
      judul: TPS ${$.kode_tps}
      gagal: $.gagal
to:
  - target: tujuan.terima
";

/// A compiled route.
struct Subject {
    route: std::sync::Arc<route::Route>,
    headers: Headers,
    id: simpul::message::MessageId,
}

impl Subject {
    fn new() -> Self {
        let folder = std::env::temp_dir().join(format!("simpul-bench-{}", std::process::id()));
        let write = |path: &str, text: &str| {
            let path = folder.join(path);
            let made = path.parent().map(std::fs::create_dir_all).transpose();
            made.and_then(|_| std::fs::write(path, text)).unwrap_or_else(|it| panic!("{it}"));
        };
        let key = format!("sha256:{}", "0".repeat(64));
        write(
            "connectors/asal.yaml",
            &format!(
                "system: asal\nhttp:\n  sources:\n    data: {{ api_keys: {{ a: \"{key}\" }} }}\n"
            ),
        );
        write(
            "connectors/tujuan.yaml",
            "system: tujuan\nhttp:\n  url: http://127.0.0.1:9\n  targets:\n    terima: { post: / }\n",
        );
        write("routes/ukur.yaml", ROUTE);
        let variables = Variables::from_iter([]);
        let loaded = route::load(Project::new(&folder, &variables), &Given::default());
        let loaded = loaded.unwrap_or_else(|broken| panic!("{broken}"));
        let _ = std::fs::remove_dir_all(&folder);
        let Some(route) = loaded.plan.routes.into_values().next() else { panic!("no route") };
        let id = IdSource::default().next(Timestamp::from_millis(0));
        Self { route, headers: Headers::default(), id }
    }

    fn run(&self, document: &[u8]) -> Vec<u8> {
        let arena = Arena::with_limit(1 << 20);
        let limits = Limits::default();
        let body = parse(&arena, document, &limits).unwrap_or_else(|it| panic!("{it}"));
        let received_at = Timestamp::from_millis(0);
        let meta = Meta { id: self.id, received_at, headers: &self.headers, hash_key: None };
        let budget = Budget::new(Budget::STEPS_MAX);
        let mut scope = Scope { arena: &arena, body, item: None, meta: &meta, budget: &budget };
        for named in &self.route.steps {
            match named.step.apply(&scope).unwrap_or_else(|it| panic!("{it}")) {
                Flow::Next(body) => scope.body = body,
                Flow::Split(_) | Flow::Filtered => return Vec::new(),
            }
        }
        JsonWriter::to_vec(scope.body)
    }
}

/// The same over `serde_json::Value`, as somebody would write it for this one message.
fn by_hand(document: &[u8]) -> Vec<u8> {
    let json: Json = serde_json::from_slice(document).unwrap_or_default();
    let body = &json["body"];
    if body["status_suara"] != true && body["status_adm"] != true {
        return Vec::new();
    }
    let office = &body["administrasi"];
    let number = |name: &str| office[name].as_i64().unwrap_or_default();
    let votes = body["chart"].as_object().map(|it| it.values().filter_map(Json::as_i64).sum());
    let mut failed = Vec::new();
    for (name, holds) in [
        ("R1", votes == Some(number("suara_sah"))),
        ("R2", number("suara_sah") + number("suara_tidak_sah") == number("suara_total")),
        ("R3", number("pengguna_total_j") == number("suara_total")),
    ] {
        if !holds {
            failed.push(name);
        }
    }
    let mapped = json!({
        "kode_tps": json["kode_tps"],
        "perolehan": body["chart"],
        "suara_sah": office["suara_sah"],
        "suara_total": office["suara_total"],
        "terbit": body["ts"],
        "judul": format!("TPS {}", json["kode_tps"].as_str().unwrap_or_default()),
        "gagal": failed,
    });
    serde_json::to_vec(&mapped).unwrap_or_default()
}
