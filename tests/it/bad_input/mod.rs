//! Whatever is thrown at a running bus gets a clear answer, and harms nothing else.

mod budget;
mod collection;
mod store;

use std::{
    collections::BTreeMap,
    fs,
    ops::Range,
    path::Path,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use simpul::ops::Access;
use tokio::{io::AsyncWriteExt as _, net::TcpStream, task::JoinSet};

use self::collection::{Case, JSON, LINES, of_operators, of_senders, post, send};
use crate::support::process::{Process, project, until};

/// Memory that the bus may have resident while all of this is thrown at it, in bytes: what it has
/// at rest, the caches of its store, and the few megabytes that each call in hand may take.
const RESIDENT_MAX: u64 = 192 << 20;

/// How often everything is done wrong.
const ROUNDS: u64 = 4;

/// Writes the settings, with these limits.
fn limit(project: &Path, limits: &str) {
    let settings =
        format!("listen: 127.0.0.1:0\nops: 127.0.0.1:0\nstore: ./data\nlimits: {{ {limits} }}\n");
    fs::write(project.join("simpul.yaml"), settings).unwrap();
}

/// The value of one line of the metrics; 0 where there is none.
fn metric(metrics: &str, line: &str) -> u64 {
    let found = metrics.lines().find_map(|it| it.strip_prefix(line)?.strip_prefix(' '));
    found.map_or(0, |it| it.parse().unwrap())
}

/// Does everything wrong, once; how often each code was the answer.
async fn throw(address: &str, cases: &[Case]) -> BTreeMap<&'static str, u64> {
    let mut codes = BTreeMap::new();
    for Case { what, bytes, status, code } in cases {
        let answer = send(address, bytes).await;
        assert_eq!(answer.0, *status, "{what}: {}", answer.1);
        let named = code.is_empty() || answer.1.contains(&format!("\"code\":\"{code}\""));
        assert!(named, "{what}: {}", answer.1);
        assert!(!answer.1.contains("90000"), "{what}: repeats the body: {}", answer.1);
        *codes.entry(*code).or_default() += 1;
    }
    codes
}

/// Hands over good messages, one by one and as lines, and among them such as end otherwise.
async fn send_good(address: &str, numbers: Range<u64>) {
    for number in numbers {
        let body = match number % 10 {
            7 => "{\"nomor\":\"tujuh\"}".to_owned(),
            8 => "{\"nomor\":-1}".to_owned(),
            9 => format!("{{\"nomor\":{number}}}\n{{\"nomor\":{number}.5}}\n"),
            _ => format!("{{\"nomor\":{number}}}"),
        };
        let kind = if body.ends_with('\n') { LINES } else { JSON };
        let answer = send(address, &post(kind, body)).await;
        assert_eq!(answer.0, 202, "{number}: {}", answer.1);
    }
}

/// What [`send_good`] makes arrive.
fn delivered_of(numbers: Range<u64>) -> Vec<String> {
    let mut bodies: Vec<_> = numbers
        .flat_map(|number| match number % 10 {
            7 | 8 => vec![],
            9 => vec![format!("{{\"nomor\":{number}}}"), format!("{{\"nomor\":{number}.5}}")],
            _ => vec![format!("{{\"nomor\":{number}}}")],
        })
        .collect();
    bodies.sort();
    bodies
}

/// Everything that arrived, in order.
fn arrived(project: &Path) -> Vec<String> {
    let text = fs::read_to_string(project.join("keluar/arsip.ndjson")).unwrap_or_default();
    let mut lines: Vec<_> = text.lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

/// Connections that send so much of a call and then nothing.
async fn half_open(address: &str, count: usize, bytes: &[u8]) -> Vec<TcpStream> {
    let mut streams = Vec::new();
    for _ in 0..count {
        let mut stream = TcpStream::connect(address).await.unwrap();
        stream.write_all(bytes).await.unwrap();
        streams.push(stream);
    }
    streams
}

#[tokio::test(flavor = "multi_thread")]
async fn everything_done_wrong_at_once_harms_nothing() {
    let project = project();
    limit(project.path(), "rate: 100000/s");
    let process = Process::start(project.path());
    let token = Access::read(&project.path().join("data")).unwrap().unwrap().token;

    let slow_heads = half_open(&process.listen, 70, b"POST /v1/asal/data HTTP/1.1\r\nhost").await;
    let whole = post(JSON, "{\"nomor\":900001}");
    let slow_bodies = half_open(&process.listen, 30, &whole[..whole.len() - 5]).await;
    let mut tasks = JoinSet::new();
    let refused = Arc::new(AtomicU64::new(0));
    for _ in 0..ROUNDS {
        let (listen, ops, token) = (process.listen.clone(), process.ops.clone(), token.clone());
        let refused = Arc::clone(&refused);
        tasks.spawn(async move {
            let codes = throw(&listen, &of_senders()).await;
            let counted = codes.get("json_syntax").copied().unwrap_or_default();
            refused.fetch_add(counted, Ordering::Relaxed);
            throw(&ops, &of_operators(&token)).await;
        });
    }
    for part in 0..4 {
        let listen = process.listen.clone();
        tasks.spawn(async move { send_good(&listen, 100 * part + 1..100 * part + 101).await });
    }
    while let Some(ended) = tasks.join_next().await {
        ended.unwrap();
    }
    drop((slow_heads, slow_bodies));

    let expected = delivered_of(1..401);
    let metrics = || async { process.ops("/metrics").await.1 };
    let delivered = "simpul_deliveries_ended_total{outcome=\"delivered\",route=\"uji\",target=\"arsip.simpan\"}";
    until("all to be delivered", || async {
        expected.len() as u64 <= metric(&metrics().await, delivered)
    })
    .await;
    until("all to have ended", || async {
        let metrics = metrics().await;
        let ended = |fate: &str| {
            let line = format!("simpul_messages_ended_total{{fate=\"{fate}\",route=\"uji\"}}");
            metric(&metrics, &line)
        };
        let fates = ["routed", "filtered", "dead"].map(ended);
        fates == [expected.len() as u64, 40, 40]
    })
    .await;
    let metrics = metrics().await;
    let arrived = arrived(project.path());
    let wrong: Vec<_> = arrived.iter().filter(|it| !expected.contains(it)).collect();
    assert!(wrong.is_empty(), "what was refused arrived: {wrong:?}");
    assert!(arrived == expected, "{} arrived instead of {}", arrived.len(), expected.len());
    let received = metric(&metrics, "simpul_messages_received_total{route=\"uji\"}");
    assert_eq!(received, expected.len() as u64 + 80, "received = routed + filtered + dead");
    assert_eq!(metric(&metrics, delivered), expected.len() as u64);
    assert!(metrics.lines().any(|it| it == "simpul_panics_total 0"), "{metrics}");
    assert_eq!(metric(&metrics, "simpul_ingest_refused_total{code=\"bug\"}"), 0);
    let counted = metric(&metrics, "simpul_ingest_refused_total{code=\"json_syntax\"}");
    assert_eq!(counted, refused.load(Ordering::Relaxed), "every refusal is counted");
    if let Some(resident) = process.resident_max() {
        assert!(resident <= RESIDENT_MAX, "{} MiB", resident >> 20);
    }
    let log = fs::read_to_string(project.path().join("simpul.log")).unwrap();
    assert!(!log.contains("panicked"), "{log}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_limits_of_the_settings_hold_at_the_door() {
    let project = project();
    limit(project.path(), "body: 2KiB, depth: 3, rate: 5/s");
    let process = Process::start(project.path());
    let at = |body: String| {
        let bytes = post(JSON, body);
        let address = process.listen.clone();
        async move { send(&address, &bytes).await }
    };
    let of_size =
        |bytes: usize| format!("{{\"nomor\":1, \"isi\": \"{}\"}}", "a".repeat(bytes - 22));
    assert_eq!(at(of_size(2048)).await.0, 202);
    let large = at(of_size(2049)).await;
    assert_eq!(large.0, 413, "{}", large.1);
    assert!(large.1.contains("\"limit\":2048"), "{}", large.1);
    let line = send(&process.listen, &post(LINES, format!("1\n{}\n", of_size(2049)))).await;
    assert_eq!(line.0, 413, "{}", line.1);
    assert_eq!(at("[[{\"a\": 1}]]".to_owned()).await.0, 202);
    let deep = at("[[{\"a\": []}]]".to_owned()).await;
    assert!(deep.0 == 400 && deep.1.contains("json_too_deep"), "{}", deep.1);
    // Twice as many calls as in a second are taken at once; then it is too many.
    until("the rate is too high", || async { at("1".to_owned()).await.0 == 429 }).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_of_any_kind_goes_through_as_it_is() {
    let project = project();
    let route =
        "route: uji\nsummary: Uji.\nowner: Uji\nfrom: asal.data\nto:\n  - target: arsip.simpan\n";
    fs::write(project.path().join("routes/uji.yaml"), route).unwrap();
    let process = Process::start(project.path());
    let mut bodies =
        vec!["null", "17", "-0.10", "1E+30", "\"teks \\u0000 ☃\"", "\"\"", "true", "[]", "{}"];
    for body in &bodies {
        let answer = send(&process.listen, &post(JSON, body)).await;
        assert_eq!(answer.0, 202, "{body}: {}", answer.1);
    }
    let event = "ce-specversion: 1.0\r\nce-id: 1\r\nce-source: /asal\r\nce-type: x\r\n";
    assert_eq!(send(&process.listen, &post(event, "")).await.0, 202);
    bodies.push("null");
    bodies.sort_unstable();
    until("all arrive", || async { bodies.len() <= arrived(project.path()).len() }).await;
    assert_eq!(arrived(project.path()), bodies);
}

/// The text of all source files below a folder.
fn sources(folder: &Path, text: &mut String) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else if path.extension().is_some_and(|it| it == "rs") {
            text.push_str(&fs::read_to_string(path).unwrap());
        }
    }
}

#[test]
fn the_manual_names_for_each_answer_a_test_that_is_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let manual = fs::read_to_string(root.join("docs/bad-input.md")).unwrap();
    let mut text = String::new();
    ["src", "tests"].iter().for_each(|it| sources(&root.join(it), &mut text));
    let rows = manual.lines().filter(|it| it.starts_with("| ") && !it.ends_with("shown by |"));
    let mut count = 0;
    for row in rows {
        let shown_by = row.trim_end_matches(" |").rsplit(" | ").next().unwrap();
        for name in shown_by.split(", ") {
            let name = name.trim_matches('`');
            assert!(text.contains(&format!("fn {name}(")), "no test `{name}`: {row}");
            count += 1;
        }
    }
    assert!(50 < count, "{count}");
}
