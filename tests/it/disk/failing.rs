//! A disk that fails: the process ends at once, and says why; what it answered before is there.

use std::{collections::BTreeSet, fs, path::Path};

use serde_json::Value;

use super::shim;
use crate::{
    command_line::simpul_on,
    support::process::{Process, client, project, until},
};

/// Sends a message; the status, or nothing where the process was gone before it answered.
async fn send(process: &Process, nomor: u64) -> Option<u16> {
    let url = format!("http://{}/v1/asal/data", process.listen);
    let request = client().post(url).header("authorization", "Bearer kunci");
    let request = request.header("content-type", "application/json");
    let answer = request.body(format!("{{\"nomor\": {nomor}}}")).send().await.ok()?;
    Some(answer.status().as_u16())
}

fn delivered(project: &Path) -> BTreeSet<u64> {
    let text = fs::read_to_string(project.join("keluar/arsip.ndjson")).unwrap_or_default();
    let lines = text.lines().filter_map(|it| serde_json::from_str::<Value>(it).ok());
    lines.map(|it| it["nomor"].as_u64().unwrap()).collect()
}

/// Makes the disk fail in one way under load, and looks at what comes of it.
async fn fails(how: &str) {
    let Some(shim) = shim() else { return };
    let project = project();
    let accepted = until_it_fails(shim, project.path(), how).await;
    everything_is_there(project.path(), accepted).await;
}

/// Runs the bus until the disk fails; returns what was accepted.
async fn until_it_fails(shim: &Path, project: &Path, how: &str) -> BTreeSet<u64> {
    let fault = project.join("fault");
    let variables = [
        ("LD_PRELOAD", shim.display().to_string()),
        ("SHIM_MATCH", "/data".to_owned()),
        ("SHIM_FAULT", fault.display().to_string()),
    ];
    let mut process = Process::start_with(project, &variables);
    let mut accepted = BTreeSet::new();
    for nomor in 1..=20 {
        assert_eq!(send(&process, nomor).await, Some(202));
        accepted.insert(nomor);
    }
    fs::write(&fault, how).unwrap();
    for nomor in 21..=40 {
        match send(&process, nomor).await {
            // What was on the disk before it failed.
            Some(202) => assert!(accepted.insert(nomor)),
            Some(503) | None => {}
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(process.ended(), Some(74));
    let log = fs::read_to_string(project.join("simpul.log")).unwrap();
    assert!(log.contains("error: the store failed, and nothing more is accepted"), "{log}");
    assert!(log.contains("the disk refused: look at it"), "{log}");
    assert!(accepted.len() < 40, "it failed nothing");

    let _ = fs::remove_file(&fault);
    accepted
}

/// Starts the bus on a disk that works again.
async fn everything_is_there(project: &Path, mut accepted: BTreeSet<u64>) {
    let mut process = Process::start(project);
    assert_eq!(send(&process, 41).await, Some(202));
    accepted.insert(41);
    until("everything that was accepted is delivered", async || {
        accepted.is_subset(&delivered(project))
    })
    .await;
    process.signal("-TERM");
    assert_eq!(process.ended(), Some(0));
    let checked = simpul_on(project, &["store", "check"]);
    assert_eq!(checked.code, 0, "{}", checked.out);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sync_that_fails_ends_the_process_and_nothing_it_answered_is_lost() {
    fails("sync").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_write_that_fails_ends_the_process_and_nothing_it_answered_is_lost() {
    fails("write").await;
}
