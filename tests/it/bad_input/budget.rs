//! An expression that would go on for ever on the largest body ends soon, as a dead letter that
//! says why, and its worker goes on.

use std::time::{Duration, Instant};

use serde_json::json;
use simpul::{
    expr::{Budget, Expr, Meta, Scope},
    message::{Arena, Headers, Limits, Timestamp, parse},
};

use crate::support::{
    bus::{Bus, Project},
    scripted::Scripted,
};

/// How long the work on one message may take, in a release build on a slow machine; unoptimised
/// builds are ten to twenty times slower, and these tests run beside others.
const TIME_MAX: Duration = Duration::from_secs(if cfg!(debug_assertions) { 20 } else { 2 });

/// The memory of the work on one message, as the engine has it.
const MEMORY: usize = 64 << 20;

/// A body of 1 MiB, near enough, of one item over and over.
fn body_of(item: &str) -> String {
    let count = (1 << 20) / (item.len() + 1);
    format!("[{}]", vec![item; count].join(","))
}

/// A body of 1 MiB: half of it one text, half of it items.
fn body_with_text(item: &str, text: &str) -> String {
    let half = 1 << 19;
    let items = vec![item; half / (item.len() + 1)].join(",");
    let text = text.repeat(half / text.len());
    format!("{{\"teks\":\"{text}\",\"isi\":[{items}]}}")
}

/// How long an expression takes on a body.
fn taken(expression: &str, body: &str) -> Duration {
    let bodies = Arena::with_limit(MEMORY);
    let body = parse(&bodies, body.as_bytes(), &Limits::default()).unwrap();
    let arena = Arena::with_limit(MEMORY);
    let headers = Headers::default();
    let meta = Meta {
        id: "01890000-0000-7000-8000-000000000001".parse().unwrap(),
        received_at: Timestamp::from_millis(0),
        headers: &headers,
        hash_key: Some(b"kunci"),
    };
    let budget = Budget::new(Budget::STEPS_MAX);
    let scope = Scope { arena: &arena, body, item: None, meta: &meta, budget: &budget };
    let expression = Expr::parse(expression).unwrap_or_else(|error| panic!("{error}"));
    let start = Instant::now();
    // A value or an error: it is the time that counts.
    let _ = std::hint::black_box(expression.eval(&scope));
    start.elapsed()
}

#[test]
fn no_expression_on_a_large_body_takes_long() {
    let items = body_of("[0]");
    let objects = body_of(r#"{"a":{"b":[1]}}"#);
    let texts = body_of(r#""aaaaaaaaaaaaaaaaaaaa""#);
    let members: Vec<_> = (0..60_000).map(|it| format!("\"k{it}\":0")).collect();
    let wide = format!("{{{}}}", members.join(","));
    let one = body_with_text("0", "a");
    let letters = body_with_text("0", "é");
    let bits = body_with_text("0", "0110100110010110");
    let pattern = bits.replace("\"isi\"", "\"pola\":\"1[01]{800}[23]\",\"isi\"");
    let numbers = body_of(&format!("1.{}e9", "7".repeat(60)));
    let same = body_with_text(&format!("\"{}\"", "a".repeat(100)), "a");
    let dates = body_of("\"2026-01-17T08:30:00+07:00\"");
    let cases = [
        ("$..*", &items),
        ("$..* | count", &objects),
        ("$[?count($..*) == 0]", &items),
        ("$[?$[?$[?@ == 'x']]]", &items),
        ("$..[?$..[?$..x]]", &objects),
        ("$..[?@..[?@..*]]", &objects),
        ("$[?@ == $]", &items),
        ("$ == $", &objects),
        ("$ | sort", &texts),
        ("$ | unique", &objects),
        ("$ | flatten | sum", &items),
        ("$[?$.z == 1]", &wide),
        ("$ | keys | sort", &wide),
        ("$.isi[?length($.teks) == 0]", &one),
        ("$.isi[?length($.teks) == 0]", &letters),
        ("$.isi[?search($.teks, 'b')]", &one),
        ("$.isi[?match($.teks, '.*b')]", &letters),
        ("$.teks =~ '(x+x+)+y'", &one),
        ("$.teks =~ '[01]*1[01]{200}2'", &bits),
        ("$.isi[?search($.teks, '1[01]{200}2')]", &bits),
        ("$.isi[?search($.teks, '1[01]{1000}[23]')]", &bits),
        ("$.teks =~ '1[01]{1000}[23]'", &bits),
        ("$.teks =~ '(0|1|01|10|0110|1001|011|110){40}[23]'", &bits),
        (r"$.teks =~ '\\p{L}{4}[xyz]'", &letters),
        ("$.isi[?search($.teks, $.pola)]", &pattern),
        ("$ | sum", &numbers),
        ("$ | sort", &numbers),
        ("$.isi[?@ == $.teks]", &same),
        ("$ | unique", &dates),
        ("$.teks | replace('a', 'aaaaaaaaaaaaaaaa')", &one),
        ("$.teks | split('a') | count", &one),
    ];
    let mut slow = Vec::new();
    for (expression, body) in cases {
        let took = taken(expression, body);
        if TIME_MAX < took {
            slow.push((expression, took));
        }
    }
    assert!(slow.is_empty(), "{slow:?}");
}

#[test]
fn no_pattern_on_a_large_text_takes_long() {
    let mut slowest = Duration::ZERO;
    for states in [50, 120, 250, 500, 1_000, 3_000] {
        for kibibytes in [64, 128, 512] {
            let body = format!("\"{}\"", "0110100110010110".repeat(64 * kibibytes));
            let pattern = format!("$ =~ '1[01]{{{states}}}[23]'");
            if Expr::parse(&pattern).is_err() {
                continue;
            }
            slowest = slowest.max(taken(&pattern, &body));
        }
    }
    assert!(slowest < TIME_MAX, "{slowest:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_takes_too_many_steps_is_dead_with_a_reason_and_others_go_on() {
    let target = Scripted::new([]);
    let route = "steps:\n  - filter: $.nomor == 0 || ($.isi[?count($..*) == 0] | count) > 0\nto:\n  - target: x.terima\n";
    let bus = Bus::start(route, &[("x", target.clone())]).await;
    let start = Instant::now();
    let isi = vec![json!([0]); 50_000];
    bus.publish(json!({ "nomor": 1, "isi": isi })).await;
    bus.publish(json!({ "nomor": 0, "isi": [] })).await;
    bus.until("one to be dead and one routed", |it| it.tally.dead == 1 && it.tally.routed == 1)
        .await;
    bus.settled().await;
    assert!(start.elapsed() < 2 * TIME_MAX, "{:?}", start.elapsed());
    let dead = bus.dead().await;
    let cause = &dead[0].cause;
    assert_eq!(&*cause.class, "bad message");
    assert!(cause.reason.ends_with("takes more than 1000000 steps"), "{}", cause.reason);
}

/// Why the only message of a bus on this project is dead.
async fn cause_of_death(project: Project, body: serde_json::Value) -> String {
    let start = Instant::now();
    let bus = project.start().await;
    bus.publish(body).await;
    bus.until("it to be dead", |it| it.tally.dead == 1).await;
    assert!(start.elapsed() < 2 * TIME_MAX, "{:?}", start.elapsed());
    bus.dead().await.remove(0).cause.reason
}

#[tokio::test(flavor = "multi_thread")]
async fn addresses_take_no_more_memory_than_bodies() {
    let route = "to:\n  - target: x.terima\n    each: $.isi[*]\n    map: 1\n";
    let project = Project::of(route, &[("x", Scripted::new([]))]);
    let system = "system: x\nname: X\nhttp:\n  url: http://127.0.0.1:9\n  targets:\n    terima: { post: \"/terima/${$.teks}\" }\n";
    project.write("connectors/x.yaml", system);
    let body = json!({ "isi": vec![0; 9_000], "teks": "a".repeat(100_000) });
    let reason = cause_of_death(project, body).await;
    assert_eq!(reason, "one message makes more than 64 MiB to deliver");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_small_in_memory_alone_is_not_checked_for_ever() {
    let doubled = "  - map: { a: $, b: $ }\n".repeat(25);
    let route = format!(
        "steps:\n{doubled}  - validate: schemas/x.schema.json\nto:\n  - target: x.terima\n"
    );
    let project = Project::of(&route, &[("x", Scripted::new([]))]);
    project.write(
        "schemas/x.schema.json",
        r##"{"type": "object", "additionalProperties": {"$ref": "#"}}"##,
    );
    let reason = cause_of_death(project, json!({})).await;
    assert_eq!(reason, "takes more work than one message may");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_that_nests_values_without_end_does_not_take_the_stack() {
    let way = ".a".repeat(400);
    let nested = format!("  - set: {{ ${way}: $ }}\n").repeat(60);
    let route = format!("steps:\n{nested}to:\n  - target: x.terima\n");
    let project = Project::of(&route, &[("x", Scripted::new([]))]);
    let reason = cause_of_death(project, json!({})).await;
    assert_eq!(reason, "nests values more than 512 levels deep");
}
