//! What the store promises, over a real directory.

use std::{
    process::Command,
    sync::{Arc, Mutex},
    time::Duration,
};

use super::*;

const PUT: &str = "INSERT INTO fact VALUES (?1, ?2)";
const COUNT: &str = "SELECT count(*) FROM fact";

fn put(name: impl Into<String>, value: i64) -> Writes {
    let mut writes = Writes::default();
    writes.push(PUT, vec![name.into().into(), value.into()]);
    writes
}

fn writer(store: &Store) -> &Writer {
    match &store.0.database {
        Database::Directory(it) => &it.writer,
        _ => unreachable!("it was opened in a directory"),
    }
}

async fn count(store: &Store) -> i64 {
    store.query(vec![(COUNT, vec![])]).await.unwrap()[0][0].int(0)
}

#[tokio::test]
async fn what_was_committed_is_there_after_reopening() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    store.commit(put("a", 1)).await.unwrap();
    drop(store);
    assert_eq!(count(&Store::open(directory.path()).unwrap()).await, 1);
}

#[tokio::test]
async fn a_second_opening_is_refused_while_the_first_lasts() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let refusal = Store::open(directory.path()).map(drop).unwrap_err().reason;
    assert!(refusal.contains("a store belongs to one process at a time"), "{refusal}");
    drop(store);
    Store::open(directory.path()).unwrap();
}

/// All jobs wait while the first commit is being observed, so they share the second one.
#[tokio::test]
async fn jobs_that_gather_share_a_commit_and_a_bad_one_fails_alone() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let (go, gate) = std::sync::mpsc::channel::<()>();
    let gate = Mutex::new(gate);
    let observe = {
        let seen = Arc::clone(&seen);
        move |commit: CommitSeen| {
            let first = {
                let mut seen = seen.lock().unwrap();
                seen.push(commit.jobs);
                seen.len() == 1
            };
            if first {
                gate.lock().unwrap().recv().unwrap();
            }
        }
    };
    let directory = tempfile::tempdir().unwrap();
    let options = Options { observe: Some(Arc::new(observe)), ..Options::default() };
    let store = Store::open_with(directory.path(), options).unwrap();

    let mut answers = vec![writer(&store).hand_over(put("0", 0)).await.unwrap()];
    while seen.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    for number in 1..=20 {
        // Number 7 breaks the primary key: it has the name of number 0.
        let name = if number == 7 { 0 } else { number };
        answers.push(writer(&store).hand_over(put(name.to_string(), number)).await.unwrap());
    }
    go.send(()).unwrap();

    let mut failed = Vec::new();
    for (number, answer) in answers.into_iter().enumerate() {
        if let Err(error) = answer.await.unwrap() {
            failed.push((number, error.reason));
        }
    }
    let reason = "cannot INSERT INTO fact: UNIQUE constraint failed: fact.name".to_owned();
    assert_eq!(failed, [(7, reason)]);
    assert_eq!(*seen.lock().unwrap(), [1, 19]);
    assert_eq!(count(&store).await, 20);
}

#[tokio::test]
async fn writes_are_all_or_none() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let mut writes = put("a", 1);
    writes.append(put("b", 1));
    writes.append(put("a", 2));
    store.commit(writes).await.unwrap_err();
    assert_eq!(count(&store).await, 0);
}

#[tokio::test]
async fn an_expectation_that_is_not_met_undoes_its_writes() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let mut writes = put("a", 1);
    let expect = Expect { rows: 1, otherwise: "it is no longer there" };
    writes.push_expecting("DELETE FROM fact WHERE name = 'b'", vec![], expect);
    let refusal = store.commit(writes).await.unwrap_err();
    assert_eq!(refusal.to_string(), "store: it is no longer there");
    assert_eq!(count(&store).await, 0);
}

#[tokio::test]
async fn statements_say_how_many_rows_they_changed() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let mut writes = put("a", 1);
    writes.append(put("b", 1));
    writes.push("UPDATE fact SET value = 2", vec![]);
    assert_eq!(store.commit_counting(writes).await.unwrap(), [1, 1, 2]);
}

#[tokio::test]
async fn questions_asked_together_see_one_snapshot() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let writing = async {
        for number in 0..300 {
            store.commit(put(number.to_string(), number)).await.unwrap();
        }
    };
    let reading = async {
        for _ in 0..300 {
            let answers = store.query(vec![(COUNT, vec![]), (COUNT, vec![])]).await.unwrap();
            assert_eq!(answers[0], answers[1]);
        }
    };
    tokio::join!(writing, reading);
    assert_eq!(count(&store).await, 300);
}

#[tokio::test]
async fn a_question_that_takes_too_long_is_stopped_and_the_next_is_answered() {
    const ENDLESS: &str = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) \
                           SELECT count(*) FROM n";
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let refusal = store.query(vec![(ENDLESS, vec![])]).await.unwrap_err().reason;
    assert!(refusal.ends_with("it took longer than 1 s and was stopped"), "{refusal}");
    assert_eq!(count(&store).await, 0);
}

#[tokio::test]
async fn readers_cannot_write() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    store.query(vec![("DELETE FROM fact", vec![])]).await.unwrap_err();
}

#[tokio::test(start_paused = true)]
async fn a_held_clock_does_not_move_while_the_store_works() {
    let directory = tempfile::tempdir().unwrap();
    let options = Options { hold_paused_clock: true, ..Options::default() };
    let store = Store::open_with(directory.path(), options).unwrap();
    let started = tokio::time::Instant::now();
    let work = async {
        for number in 0..50 {
            store.commit(put(number.to_string(), number)).await.unwrap();
            count(&store).await;
        }
    };
    tokio::select! {
        () = work => {}
        () = tokio::time::sleep(Duration::from_millis(1)) => panic!("the clock was moved"),
    }
    assert_eq!(started.elapsed(), Duration::ZERO);
}

#[tokio::test]
async fn the_log_stays_bounded_under_readers_that_never_pause() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let body = "x".repeat(1024 * 1024);
    let mut largest = 0;
    for round in 0..100 {
        let (written, _) = tokio::join!(store.commit(put(format!("{round}{body}"), 1)), async {
            store.query(vec![("SELECT name FROM fact LIMIT 3", vec![])]).await.unwrap()
        });
        written.unwrap();
        let log = directory.path().join("simpul.db-wal");
        largest = largest.max(std::fs::metadata(log).map_or(0, |it| it.len()));
    }
    // 64 MiB, and the last transaction on top (16 MiB at most, here one job).
    assert!(largest < 80 * 1024 * 1024, "{largest} bytes");
}

#[tokio::test]
async fn a_full_disk_refuses_a_commit_and_takes_the_next_when_there_is_room() {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    let mut limit = Writes::default();
    // It answers with a row, which a write may not; it holds all the same.
    limit.push("PRAGMA max_page_count = 80", vec![]);
    store.commit(limit).await.unwrap_err();

    let refusal = store.commit(put("x".repeat(1_000_000), 1)).await.unwrap_err().reason;
    let advice = "the disk is full: make room, what was not accepted will be sent again";
    assert!(refusal.ends_with(advice), "{refusal}");
    store.commit(put("small", 1)).await.unwrap();
    assert_eq!(count(&store).await, 1);
}

/// A limit on the size of files makes the kernel refuse a write, as a broken disk would. It holds
/// for a whole process, so this test runs itself in one of its own.
#[test]
#[cfg(unix)]
fn a_disk_that_refuses_fails_the_store_for_good_and_loses_nothing_that_was_answered() {
    const CHILD: &str = "SIMPUL_TEST_REFUSING_DISK";
    if let Ok(directory) = std::env::var(CHILD) {
        return write_until_refused(Path::new(&directory));
    }
    let directory = tempfile::tempdir().unwrap();
    let name = "store::tests::\
                a_disk_that_refuses_fails_the_store_for_good_and_loses_nothing_that_was_answered";
    let child = Command::new("sh")
        .args(["-c", r#"trap "" XFSZ; ulimit -f 2048; exec "$@""#, "sh"])
        .arg(std::env::current_exe().unwrap())
        .args([name, "--exact", "--nocapture"])
        .env(CHILD, directory.path())
        .output()
        .unwrap();
    let output = String::from_utf8_lossy(&child.stdout);
    assert!(child.status.success(), "{output}{}", String::from_utf8_lossy(&child.stderr));
    let (_, rest) = output.split_once("answered: ").expect("the child ran");
    let answered: i64 = rest.split_whitespace().next().unwrap().parse().unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let found = runtime.block_on(count(&Store::open(directory.path()).unwrap()));
    assert!(0 < answered && answered <= found, "{answered} answered, {found} found");
}

#[cfg(unix)]
#[expect(clippy::print_stdout, reason = "how the child tells its parent")]
fn write_until_refused(directory: &Path) {
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let store = Store::open(directory).unwrap();
    runtime.block_on(async {
        let body = "x".repeat(10_000);
        let mut answered = 0;
        let refusal = loop {
            match store.commit(put(format!("{answered}{body}"), 1)).await {
                Ok(()) => answered += 1,
                Err(refusal) => break refusal.reason,
            }
        };
        assert!(refusal.contains("the disk refused"), "{refusal}");
        let next = store.commit(put("small", 1)).await.unwrap_err().reason;
        assert!(next.starts_with("failed at an earlier write"), "{next}");
        store.commit(Writes::default()).await.unwrap_err();
        assert_eq!(count(&store).await, answered);
        println!("answered: {answered} ");
    });
}
