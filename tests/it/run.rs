//! The program as a process: it starts whole or not at all, hears signals, and stops in order.

use std::{fs, path::Path};

use serde_json::Value;
use simpul::ops::Access;
use tokio::io::AsyncReadExt;

use crate::{
    command_line::simpul_on,
    support::process::{PATIENCE, Process, ROUTE, command, project, until},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_goes_through_a_process_and_leaves_its_traces() {
    let project = project();
    let mut process = Process::start(project.path());
    assert_eq!(process.ops("/health/ready").await.0, 200);
    let (status, answer) = process.send(r#"{"nomor": 17}"#).await;
    assert_eq!(status, 202, "{answer}");
    let out = project.path().join("keluar/arsip.ndjson");
    until("the delivery", || async { fs::read_to_string(&out).is_ok_and(|it| it.contains("17")) })
        .await;

    // What was delivered is settled a moment later.
    let id = answer["id"].as_str().unwrap();
    let traced = || async { simpul_on(project.path(), &["trace", id]).out };
    until("the trace", || async { traced().await.contains("uji: routed; 1 delivered") }).await;
    let trace = traced().await;
    assert!(trace.contains("accepted from asal.data/uji"), "{trace}");
    assert!(trace.contains("arsip.simpan attempt 1: delivered"), "{trace}");

    let metrics = process.ops("/metrics").await.1;
    for line in [
        "simpul_messages_received_total{route=\"uji\"} 1",
        "simpul_messages_ended_total{fate=\"routed\",route=\"uji\"} 1",
        "simpul_deliveries_ended_total{outcome=\"delivered\",route=\"uji\",target=\"arsip.simpan\"} 1",
    ] {
        assert!(metrics.lines().any(|it| it == line), "no `{line}` in\n{metrics}");
    }
    crate::metrics::promtool_passes(&metrics);

    process.signal("-TERM");
    assert_eq!(process.ended(), Some(0));
    // The history can be read while nothing runs.
    assert_eq!(traced().await, trace);
}

#[tokio::test(flavor = "multi_thread")]
async fn broken_files_stop_the_start_with_all_their_mistakes() {
    let project = project();
    fs::write(project.path().join("routes/uji.yaml"), ROUTE.replace("$.nomor >", "$.nomor >>"))
        .unwrap();
    fs::write(project.path().join("routes/lain.yaml"), ROUTE.replace("arsip", "arsib")).unwrap();
    let output = command(project.path()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1), "{said}");
    assert!(said.contains("routes/uji.yaml:6:"), "{said}");
    assert!(said.contains("routes/lain.yaml:8:"), "{said}");
    assert!(!project.path().join("data").exists(), "nothing was begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_of_broken_files_changes_nothing_and_is_seen() {
    let project = project();
    let route = project.path().join("routes/uji.yaml");
    let process = Process::start(project.path());
    fs::write(&route, ROUTE.replace("filter", "filtre")).unwrap();
    let said = simpul_on(project.path(), &["reload"]);
    assert_eq!(said.code, 1, "{}", said.out);
    assert!(said.err.contains("routes/uji.yaml:6:"), "{}", said.err);
    let seen = |line: &'static str| {
        let process = &process;
        move || async move { process.ops("/metrics").await.1.lines().any(|it| it == line) }
    };
    until("the failure is seen", seen("simpul_reload_last_successful 0")).await;
    assert_eq!(process.send(r#"{"nomor": 1}"#).await.0, 202, "what ran before goes on");
    let log = fs::read_to_string(project.path().join("simpul.log")).unwrap();
    assert!(log.contains("the files have mistakes; nothing was changed"), "{log}");
    assert!(log.contains("routes/uji.yaml:6:"), "{log}");

    fs::write(&route, ROUTE.replace("> 0", "> 10")).unwrap();
    process.signal("-HUP");
    until("the reload", seen("simpul_generation 2")).await;
    until("the success is seen", seen("simpul_reload_last_successful 1")).await;
    assert_eq!(process.send(r#"{"nomor": 2}"#).await.0, 202);
    until("the new filter", seen("simpul_messages_ended_total{fate=\"filtered\",route=\"uji\"} 1"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn files_that_are_watched_are_reloaded_once_they_change_and_broken_ones_are_not() {
    let project = project();
    let route = project.path().join("routes/uji.yaml");
    let process = Process::start_saying(project.path(), "--watch");
    let seen = |line: &'static str| {
        let process = &process;
        move || async move { process.ops("/metrics").await.1.lines().any(|it| it == line) }
    };
    fs::write(&route, ROUTE.replace("filter", "filtre")).unwrap();
    until("the failure is seen", seen("simpul_reload_last_successful 0")).await;
    assert_eq!(process.send(r#"{"nomor": 1}"#).await.0, 202, "what ran before goes on");

    fs::write(&route, ROUTE.replace("> 0", "> 10")).unwrap();
    until("the reload", seen("simpul_generation 2")).await;
    assert_eq!(process.send(r#"{"nomor": 2}"#).await.0, 202);
    until("the new filter", seen("simpul_messages_ended_total{fate=\"filtered\",route=\"uji\"} 1"))
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_process_on_the_same_store_is_refused_and_does_no_harm() {
    let project = project();
    let process = Process::start(project.path());
    let access = Access::read(&project.path().join("data")).unwrap();
    let output = command(project.path()).output().unwrap();
    assert_eq!(output.status.code(), Some(2));
    assert!(String::from_utf8(output.stderr).unwrap().contains("error: store:"));
    assert_eq!(Access::read(&project.path().join("data")).unwrap(), access, "its token stays");
    assert_eq!(process.ops("/health/ready").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_taken_address_stops_the_start_with_its_setting() {
    let project = project();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap();
    let settings = format!("listen: 127.0.0.1:0\nops: {address}\nstore: ./data\n");
    fs::write(project.path().join("simpul.yaml"), settings).unwrap();
    let output = command(project.path()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(2), "{said}");
    assert!(said.contains(&format!("`ops: {address}`")), "{said}");
    assert!(!project.path().join("data").exists(), "nothing was begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_signal_cuts_the_stop_short_and_loses_nothing() {
    let project = project();
    // A system that takes calls and never answers.
    let silent = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let system = format!(
        "system: arsip\nname: Arsip\nhttp:\n  url: http://{}\n  targets:\n    simpan: {{ post: /naskah }}\n",
        silent.local_addr().unwrap()
    );
    fs::write(project.path().join("connectors/arsip.yaml"), system).unwrap();
    let mut process = Process::start(project.path());
    assert_eq!(process.send(r#"{"nomor": 17}"#).await.0, 202);
    let called = tokio::time::timeout(PATIENCE, silent.accept()).await.unwrap().unwrap();

    process.signal("-TERM");
    let door = process.listen.clone();
    until("the systems' door closes", || async {
        tokio::net::TcpStream::connect(&door).await.is_err()
    })
    .await;
    let (status, ready) = process.ops("/health/ready").await;
    assert_eq!(status, 503, "operators can still look: {ready}");
    process.signal("-INT");
    assert_eq!(process.ended(), Some(1));

    drop(called);
    let process = Process::start(project.path());
    let (mut again, _) = tokio::time::timeout(PATIENCE, silent.accept()).await.unwrap().unwrap();
    let mut request = Vec::new();
    while !request.windows(4).any(|it| it == b"\r\n\r\n") {
        let read = tokio::time::timeout(PATIENCE, again.read_buf(&mut request)).await;
        assert_ne!(read.unwrap().unwrap(), 0, "the call ends before its headers do");
    }
    let request = String::from_utf8_lossy(&request).to_lowercase();
    assert!(request.contains("simpul-possible-duplicate: true"), "{request}");
    drop(process);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_project_that_is_not_there_ends_with_two() {
    for command in ["check", "run"] {
        let said = simpul_on(Path::new("/tidak/ada"), &[command]);
        assert_eq!(said.code, 2, "{command}: {}", said.err);
        assert!(said.err.contains("there is no directory `/tidak/ada`"), "{}", said.err);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn check_finds_what_run_would_and_starts_nothing() {
    let project = project();
    let said = simpul_on(project.path(), &["check"]);
    assert_eq!(said.code, 0, "{}", said.out);
    let last = said.out.lines().last().unwrap();
    assert!(last.starts_with("1 route, 1 source, 1 target: no mistakes"), "{}", said.out);

    fs::write(project.path().join("routes/uji.yaml"), ROUTE.replace("arsip", "arsib")).unwrap();
    let said = simpul_on(project.path(), &["check"]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("routes/uji.yaml:8:13"), "{}", said.out);
    let said = simpul_on(project.path(), &["check", "--format", "json"]);
    let view: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &view["usable"], &view["errors"]), (1, &false.into(), &1.into()));
    let found = view["diagnostics"].as_array().unwrap();
    let error = found.iter().find(|it| it["severity"] == "error").unwrap();
    assert_eq!((&error["file"], &error["line"]), (&"routes/uji.yaml".into(), &8.into()));
    assert!(!project.path().join("data").exists(), "nothing was begun");
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_wait_in_the_store_are_not_left_there_for_rabbitmq() {
    let project = project();
    let write = |path: &str, text: &str| fs::write(project.path().join(path), text).unwrap();
    // Port 1 of this machine: nobody listens there, so what is sent there waits.
    let system = "system: arsip\nname: Arsip\nhttp:\n  url: http://127.0.0.1:1\n  targets:\n    \
                  simpan: { post: / }\n";
    write("connectors/arsip.yaml", system);
    let process = Process::start(project.path());
    assert_eq!(process.send(r#"{"nomor": 17}"#).await.0, 202);
    drop(process);

    let settings = fs::read_to_string(project.path().join("simpul.yaml")).unwrap();
    write("simpul.yaml", &format!("{settings}broker: amqp://127.0.0.1:1\n"));
    let said = simpul_on(project.path(), &["run"]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.contains("1 messages wait in the embedded queues"), "{}", said.err);
}
