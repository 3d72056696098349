//! The program killed and stopped in the middle of a replay: it goes on where it was.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
};

use serde_json::{Value, json};
use simpul::ops::Access;

use crate::support::process::{Process, call as command, client, project, until};

/// Dead letters of the test.
const LETTERS: usize = 600;

/// Letters a second, so that every kill comes in the middle.
const RATE: u32 = 200;

const WRONG: &str = "\
route: uji
summary: Uji.
owner: Uji
from: asal.data
to:
  - target: arsip.simpan
    map: { nomor: $.nomer | required }
";

async fn call(access: &Access, path: &str, order: Option<Value>) -> Value {
    let url = format!("http://{}/api/v1{path}", access.address);
    let request = match order {
        None => client().get(url),
        Some(order) => client().post(url).body(order.to_string()),
    };
    let answer = request.bearer_auth(&access.token).send().await.unwrap();
    let status = answer.status();
    let text = answer.text().await.unwrap();
    assert!(status.is_success(), "{path}: {text}");
    serde_json::from_str(&text).unwrap_or_default()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_outlives_kill_9_and_sigterm_and_delivers_each_letter() {
    let project = project();
    fs::write(project.path().join("routes/uji.yaml"), WRONG).unwrap();
    let mut process = Process::start(project.path());
    let lines: String = (0..LETTERS).map(|it| format!("{{\"nomor\":{it}}}\n")).collect();
    let url = format!("http://{}/v1/asal/data", process.listen);
    let request = client().post(url).header("authorization", "Bearer kunci");
    let sent = request.header("content-type", "application/x-ndjson").body(lines).send().await;
    assert_eq!(sent.unwrap().status(), 202);
    let access = || Access::read(&project.path().join("data")).unwrap().unwrap();
    let groups = async || call(&access(), "/dead/groups", None).await;
    until("all to be dead", || async { groups().await["groups"][0]["count"] == LETTERS }).await;

    fs::write(project.path().join("routes/uji.yaml"), WRONG.replace("nomer", "nomor")).unwrap();
    call(&access(), "/reload", Some(json!({}))).await;
    let group = groups().await["groups"][0]["group"].clone();
    let order = json!({
        "kind": "replay", "selection": { "group": group }, "count": LETTERS, "rate": RATE,
        "by": "sari", "reason": "peta diperbaiki",
    });
    let id = call(&access(), "/dead/jobs", Some(order)).await["id"].as_i64().unwrap();
    let job = async || call(&access(), &format!("/dead/jobs/{id}"), None).await;
    for signal in ["-KILL", "-TERM", "-KILL"] {
        let before = job().await["passed"].as_u64().unwrap();
        until("it to go on", || async { before < job().await["passed"].as_u64().unwrap() }).await;
        assert_eq!(job().await["state"], "running", "the signal must come in the middle");
        process.signal(signal);
        process.ended();
        // What is counted of each group is what there is.
        let (code, said) = command(project.path(), &["store", "check"]);
        assert_eq!(code, Some(0), "{said}");
        process = Process::start(project.path());
    }
    until("the job to be done", || async { job().await["state"] == "done" }).await;
    let told = job().await;
    assert_eq!((&told["passed"], &told["failed"]), (&json!(LETTERS), &json!(0)), "{told}");
    assert_eq!(groups().await["groups"], json!([]));

    let out = project.path().join("keluar/arsip.ndjson");
    let numbers = || -> BTreeMap<u64, usize> {
        let mut numbers = BTreeMap::new();
        for line in fs::read_to_string(&out).unwrap_or_default().lines() {
            let line: Value = serde_json::from_str(line).unwrap();
            *numbers.entry(line["nomor"].as_u64().unwrap()).or_default() += 1;
        }
        numbers
    };
    until("every letter to arrive", || async { numbers().len() == LETTERS }).await;
    let all: BTreeSet<_> = numbers().into_keys().collect();
    assert_eq!(all, (0..LETTERS as u64).collect());
    drop(process);
}
