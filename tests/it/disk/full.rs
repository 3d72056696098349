//! A disk that runs full: senders are told before it is, deliveries go on, and all goes on by itself
//! once there is room.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use super::SmallDisk;
use crate::{
    command_line::simpul_on,
    support::process::{Process, client, project, until},
};

/// Sends one message; returns the status and what `Retry-After` says.
async fn send(process: &Process, nomor: u64, bytes: usize) -> (u16, Option<u64>) {
    let url = format!("http://{}/v1/asal/data", process.listen);
    let body = json!({ "nomor": nomor, "isi": "x".repeat(bytes) }).to_string();
    let request = client().post(url).header("authorization", "Bearer kunci");
    let request = request.header("content-type", "application/json").body(body);
    let answer = request.send().await.unwrap();
    let pause = answer.headers().get("retry-after").map(|it| it.to_str().unwrap().parse().unwrap());
    (answer.status().as_u16(), pause)
}

/// The numbers of what was delivered, each as often as it was.
fn delivered(project: &Path) -> Vec<u64> {
    let text = fs::read_to_string(project.join("keluar/arsip.ndjson")).unwrap_or_default();
    // The last line may be on its way.
    let lines = text.lines().filter_map(|it| serde_json::from_str::<Value>(it).ok());
    lines.map(|it| it["nomor"].as_u64().unwrap()).collect()
}

async fn is_low(process: &Process) -> bool {
    process.ops("/metrics").await.1.lines().any(|it| it == "simpul_disk_low 1")
}

fn on(disk: &SmallDisk, low: &str) -> [(&'static str, String); 3] {
    [
        ("SIMPUL_STORE", disk.path().join("data").display().to_string()),
        ("SIMPUL_LIMITS_DISK_LOW", low.to_owned()),
        ("SIMPUL_LIMITS_RATE", "10000/s".to_owned()),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn before_the_disk_is_full_senders_are_told_deliveries_go_on_and_it_ends_by_itself() {
    let Some(disk) = SmallDisk::mount(32) else { return };
    let project = project();
    let variables = on(&disk, "8MiB");
    fs::write(
        project.path().join("simpul.yaml"),
        format!("listen: 127.0.0.1:0\nops: 127.0.0.1:0\nstore: {}\n", variables[0].1),
    )
    .unwrap();
    let process = Process::start_with(project.path(), &variables);
    let pause = simpul_on(project.path(), &["pause", "arsip.simpan", "--reason", "uji"]);
    assert_eq!(pause.code, 0, "{}", pause.err);
    for nomor in 1..=20 {
        assert_eq!(send(&process, nomor, 2_000).await, (202, None));
    }

    disk.leave(7 << 20);
    until("it is noticed", async || send(&process, 0, 10).await.0 == 503).await;
    let (status, pause) = send(&process, 21, 2_000).await;
    assert_eq!((status, pause), (503, Some(5)));
    until("the metric says so", async || is_low(&process).await).await;
    let (status, ready) = process.ops("/health/ready").await;
    assert!(status == 503 && ready.contains("is nearly full"), "{ready}");
    let resumed = simpul_on(project.path(), &["resume", "arsip.simpan"]);
    assert_eq!(resumed.code, 0, "{}", resumed.err);
    let all: Vec<u64> = (1..=20).collect();
    until("what was accepted is delivered all the same", async || {
        let mut delivered = delivered(project.path());
        delivered.sort_unstable();
        delivered == all
    })
    .await;
    assert_eq!(send(&process, 22, 2_000).await.0, 503, "there is no more room than before");

    disk.clear();
    let cleared = Instant::now();
    until("it takes again", async || send(&process, 23, 2_000).await.0 == 202).await;
    assert!(cleared.elapsed() < Duration::from_secs(10), "{:?}", cleared.elapsed());
    until("it is ready again", async || process.ops("/health/ready").await.0 == 200).await;
    until("the metric says so", async || !is_low(&process).await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_full_disk_refuses_is_told_and_nothing_that_was_accepted_is_lost() {
    let Some(disk) = SmallDisk::mount(24) else { return };
    let project = project();
    // Nobody looks how full it is, so that it is the disk itself that refuses.
    let variables = on(&disk, "0B");
    let mut process = Process::start_with(project.path(), &variables);
    let mut accepted = BTreeSet::new();
    let (mut nomor, mut refused) = (0, 0);
    disk.leave(3 << 20);
    while refused < 5 {
        nomor += 1;
        match send(&process, nomor, 100_000).await {
            (202, None) => accepted.insert(nomor),
            (503, Some(_)) => {
                refused += 1;
                true
            }
            other => panic!("{other:?}"),
        };
        assert!(nomor < 2_000, "the disk never gets full");
    }
    assert!(!accepted.is_empty());
    disk.clear();
    until("it takes again", async || {
        let taken = send(&process, 5_000, 10).await.0 == 202;
        assert!(process.ops("/health/live").await.0 == 200);
        taken
    })
    .await;
    let all = || delivered(project.path()).into_iter().collect::<BTreeSet<_>>();
    until("everything is delivered", async || accepted.is_subset(&all())).await;
    process.signal("-TERM");
    assert_eq!(process.ended(), Some(0));
    let store = disk.path().join("data");
    let checked = simpul_on(project.path(), &["store", "check", store.to_str().unwrap()]);
    assert_eq!(checked.code, 0, "{}", checked.out);
}
