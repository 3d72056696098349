//! Backups of a store on which a bus works, and what a restored one means for the promises.

mod program;
mod shared;

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use serde_json::json;
use simpul::{
    ledger::DeadFilter,
    store::{Inspection, Restore, back_up},
};

use crate::support::{
    bus::{Bus, Project},
    scripted::{Reply, Scripted, refused},
};

const FLAG: &str = "simpul-possible-duplicate";

/// A moment that no message here was accepted at.
const NOW_MS: i64 = 1_700_000_000_000;

fn take(project: &Path, to: &Path) {
    back_up(&project.join("data"), to, NOW_MS, &mut |_| {}).unwrap();
}

/// Makes the backup the store of a new project with the same files.
fn restored(backup: &Path, route: &str, targets: &[(&str, Arc<Scripted>)]) -> Project {
    let project = Project::of(route, targets);
    let restore = Restore::begin(backup, &project.path().join("data"), false).unwrap();
    let inspected = restore.inspect().unwrap();
    assert_eq!(findings(&inspected), [] as [String; 0]);
    drop(inspected);
    let done = restore.complete(".before").unwrap();
    assert_eq!((done.taken_at_ms, done.moved_to), (Some(NOW_MS), None));
    project
}

fn findings(store: &Inspection) -> Vec<String> {
    let mut found = store.files();
    simpul::broker::embedded::check(store, &mut found);
    simpul::ledger::check(store, &mut found);
    found.into_iter().map(|it| it.what).collect()
}

fn somewhere() -> (tempfile::TempDir, PathBuf) {
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("malam.db");
    (folder, file)
}

/// Sends the one letter on again.
async fn replay_all(bus: &Bus) {
    let ids = vec![bus.dead().await[0].id];
    let filter = DeadFilter { ids, ..DeadFilter::default() };
    assert_eq!(bus.engine.replay(&filter, "sari: benar lagi").await.unwrap().failed, []);
}

fn numbers(target: &Scripted) -> Vec<u64> {
    target.bodies().iter().map(|it| it["nomor"].as_u64().unwrap()).collect()
}

const TO_ARSIP: &str = "to:\n  - target: arsip.terima\n";

/// Messages flow while the backup is taken. What was accepted before it began and was not yet
/// delivered comes from it; nothing comes that was never sent.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_under_load_holds_every_message_accepted_before_it_began() {
    let arsip = Scripted::new([]);
    let bus = Bus::start(TO_ARSIP, &[("arsip", Arc::clone(&arsip))]).await;
    for nomor in 0..200 {
        bus.publish(json!({ "nomor": nomor })).await;
    }
    bus.settled().await;
    arsip.hold();
    let mut before = BTreeSet::new();
    for nomor in 200..500 {
        bus.publish(json!({ "nomor": nomor, "isi": "x".repeat(2_000) })).await;
        before.insert(nomor);
    }
    arsip.release();

    let (_folder, file) = somewhere();
    let (data, to) = (bus.project().path().join("data"), file.clone());
    let delivered_before = numbers(&arsip);
    let backup =
        tokio::task::spawn_blocking(move || back_up(&data, &to, NOW_MS, &mut |_| {}).unwrap());
    let mut nomor = 500;
    while !backup.is_finished() || nomor < 700 {
        bus.publish(json!({ "nomor": nomor, "isi": "x".repeat(2_000) })).await;
        nomor += 1;
    }
    assert!(0 < backup.await.unwrap().bytes);
    bus.settled().await;
    drop(bus.stop().await);

    let again = Scripted::new([]);
    let project = restored(&file, TO_ARSIP, &[("arsip", Arc::clone(&again))]);
    let bus = project.start().await;
    bus.settled().await;
    let came: BTreeSet<_> = numbers(&again).into_iter().collect();
    let everywhere: BTreeSet<_> = numbers(&arsip).into_iter().chain(came.iter().copied()).collect();
    assert!(before.iter().all(|it| everywhere.contains(it)));
    let delivered_before: BTreeSet<_> = delivered_before.into_iter().collect();
    let known = |it: &u64| (200..nomor).contains(it);
    assert!(came.iter().all(known), "{came:?}");
    // What was not delivered before the backup began is in it, or was delivered while it was taken
    // and was written down as such.
    let status = bus.status().await;
    let delivered = status.targets[0].tally.delivered;
    let accepted = status.tally.received;
    assert_eq!(delivered, accepted, "{status:#?}");
    assert!(500 <= accepted && accepted <= nomor, "{accepted} of {nomor}");
    assert!(delivered_before.len() as u64 <= delivered);
    assert_eq!(again.header(FLAG), vec!["true"; again.calls().len()]);
}

/// A delivery that waited, a message that died, one that waited for a retry: all of them were
/// delivered after the backup. From the backup they are sent again, and each says so.
#[tokio::test(flavor = "multi_thread")]
async fn what_a_restored_backup_sends_again_is_flagged() {
    let (waits, dies) = (Scripted::new([]), Scripted::new([]));
    let route = "to:\n  - target: tunggu.terima\n  - target: mati.terima\n";
    waits.hold();
    dies.always(Some(refused()));
    let targets = [("tunggu", Arc::clone(&waits)), ("mati", Arc::clone(&dies))];
    let bus = Bus::start(route, &targets).await;
    bus.publish(json!({ "nomor": 1 })).await;
    bus.until("the letter", |it| it.targets.iter().any(|to| to.tally.dead == 1)).await;
    let (_folder, file) = somewhere();
    take(bus.project().path(), &file);

    // After the backup everything is delivered.
    waits.release();
    dies.always(None);
    replay_all(&bus).await;
    bus.settled().await;
    bus.until("all", |it| it.targets.iter().all(|to| to.tally.delivered == 1)).await;
    let keys = [&waits, &dies].map(|it| it.header("idempotency-key").pop());
    drop(bus.stop().await);

    let (waits, dies) = (Scripted::new([]), Scripted::new([]));
    let targets = [("tunggu", Arc::clone(&waits)), ("mati", Arc::clone(&dies))];
    let bus = restored(&file, route, &targets).start().await;
    bus.settled().await;
    assert_eq!(waits.header(FLAG), ["true"]);
    // The letter is dead again, as it was; its replay may be the second.
    replay_all(&bus).await;
    bus.settled().await;
    assert_eq!(dies.header(FLAG), ["true"]);
    assert_eq!([&waits, &dies].map(|it| it.header("idempotency-key").pop()), keys);

    // What is accepted now is fresh.
    bus.publish(json!({ "nomor": 2 })).await;
    bus.settled().await;
    assert_eq!(waits.header(FLAG), ["true", "-"]);
    assert_eq!(dies.header(FLAG), ["true", "-"]);
}

/// The bus was stopped cleanly when the backup was taken: nothing was suspect then.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_a_stopped_bus_is_flagged_too() {
    let arsip = Scripted::new([]);
    arsip.always(Some(Reply::Failed(simpul::connector::Class::Unavailable, 503)));
    let route = "to:\n  - target: arsip.terima\n    retry: { first: 1s, max: 1s, give_up: 1h }\n";
    let bus = Bus::start(route, &[("arsip", Arc::clone(&arsip))]).await;
    bus.publish(json!({ "nomor": 1 })).await;
    bus.until("the first attempt", |it| it.targets[0].retrying == 1).await;
    let (project, _) = bus.stop().await;
    let (_folder, file) = somewhere();
    let before = fs::read(project.path().join("data/simpul.db")).unwrap();
    take(project.path(), &file);
    assert_eq!(fs::read(project.path().join("data/simpul.db")).unwrap(), before);

    let again = Scripted::new([]);
    let bus = restored(&file, route, &[("arsip", Arc::clone(&again))]).start().await;
    bus.settled().await;
    assert_eq!(again.header(FLAG), ["true"]);
}

/// A receiver that remembers the last number of a key would refuse what is new, if numbers were given
/// twice.
#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_a_key_go_on_above_those_given_after_the_backup() {
    let arsip = Scripted::new([]);
    let route = "order_by: $.kunci\nto:\n  - target: arsip.terima\n";
    let bus = Bus::start(route, &[("arsip", Arc::clone(&arsip))]).await;
    bus.publish(json!({ "kunci": "a", "nomor": 1 })).await;
    bus.settled().await;
    let (_folder, file) = somewhere();
    take(bus.project().path(), &file);
    for (kunci, nomor) in [("a", 2), ("b", 1), ("b", 2)] {
        bus.publish(json!({ "kunci": kunci, "nomor": nomor })).await;
    }
    bus.settled().await;
    let last = highest(&arsip);
    drop(bus.stop().await);

    let again = Scripted::new([]);
    let bus = restored(&file, route, &[("arsip", Arc::clone(&again))]).start().await;
    for kunci in ["a", "b"] {
        bus.publish(json!({ "kunci": kunci, "nomor": 3 })).await;
    }
    bus.settled().await;
    let numbers: Vec<u64> =
        again.header("simpul-key-seq").iter().map(|it| it.parse().unwrap()).collect();
    assert_eq!(numbers.len(), 2);
    assert!(numbers.iter().all(|it| last < *it), "{numbers:?} after {last}");
}

fn highest(target: &Scripted) -> u64 {
    target.header("simpul-key-seq").iter().map(|it| it.parse().unwrap()).max().unwrap()
}

/// An identity that was taken after the backup is not known from it.
#[tokio::test(flavor = "multi_thread")]
async fn identities_are_those_that_the_backup_knows() {
    let arsip = Scripted::new([]);
    let route = "identity: $.nomor\nto:\n  - target: arsip.terima\n";
    let bus = Bus::start(route, &[("arsip", Arc::clone(&arsip))]).await;
    bus.publish(json!({ "nomor": 1 })).await;
    bus.settled().await;
    let (_folder, file) = somewhere();
    take(bus.project().path(), &file);
    bus.publish(json!({ "nomor": 2 })).await;
    bus.settled().await;
    drop(bus.stop().await);

    let again = Scripted::new([]);
    let bus = restored(&file, route, &[("arsip", Arc::clone(&again))]).start().await;
    for nomor in [1, 2] {
        bus.publish(json!({ "nomor": nomor })).await;
    }
    bus.until("both", |it| it.tally.repeats == 1 && it.targets[0].tally.delivered == 2).await;
    assert_eq!(numbers(&again), [2]);
}

/// While a copy is taken the log cannot be begun anew; nobody waits for that.
#[tokio::test(flavor = "multi_thread")]
async fn a_backup_does_not_hold_up_the_bus() {
    let arsip = Scripted::new([]);
    let bus = Bus::start(TO_ARSIP, &[("arsip", arsip)]).await;
    let body = |nomor: u64| json!({ "nomor": nomor, "isi": "x".repeat(500_000) });
    for nomor in 0..8 {
        bus.publish(body(nomor)).await;
    }
    let (_folder, file) = somewhere();
    let (go_on, waiting) = std::sync::mpsc::channel::<()>();
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let (data, to) = (bus.project().path().join("data"), file.clone());
    let backup = tokio::task::spawn_blocking(move || {
        let mut begun = Some(begun);
        back_up(&data, &to, NOW_MS, &mut |_| {
            if let Some(begun) = begun.take() {
                begun.send(()).unwrap();
                waiting.recv().unwrap();
            }
        })
        .unwrap()
    });
    has_begun.await.unwrap();
    // Far more than the log may hold before it is begun anew with everybody waiting (64 MiB).
    let mut slowest = Duration::ZERO;
    for nomor in 8..110 {
        let started = std::time::Instant::now();
        bus.publish(body(nomor)).await;
        slowest = slowest.max(started.elapsed());
    }
    let log = fs::metadata(bus.project().path().join("data/simpul.db-wal")).unwrap().len();
    assert!(64 << 20 < log, "the log holds {log} bytes: nothing was tried");
    // Waiting for a reader to go takes 5 s.
    assert!(slowest < Duration::from_secs(4), "{slowest:?}");
    go_on.send(()).unwrap();
    backup.await.unwrap();
    assert_eq!(findings(&Inspection::of_file(&file).unwrap()), [] as [String; 0]);
    // Afterwards it is begun anew.
    for nomor in 110..130 {
        bus.publish(body(nomor)).await;
    }
    bus.settled().await;
}
