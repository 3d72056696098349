//! `simpul store backup` and `restore` as an operator uses them: beside a running bus, and after.

use std::{fs, path::Path};

use serde_json::Value;

use crate::{
    command_line::{Said, simpul, simpul_on},
    support::process::{Process, project, until},
};

fn only_file(folder: &Path) -> std::path::PathBuf {
    let names: Vec<_> = fs::read_dir(folder).unwrap().map(|it| it.unwrap().path()).collect();
    assert_eq!(names.len(), 1, "{names:?}");
    names.into_iter().next().unwrap()
}

/// What a command said, without what differs from one run to the next.
fn told(said: &Said, project: &Path, backup: &Path) -> String {
    let text = format!("{}{}exit {}", said.out, said.err, said.code);
    let text = text.replace(project.to_str().unwrap(), "PROJECT");
    let text = text.replace(backup.to_str().unwrap(), "BACKUP");
    let masks = [
        (r"simpul-\d{8}T\d{6}Z", "simpul-MOMENT"),
        (r"before-\d{8}T\d{6}Z", "before-MOMENT"),
        (r"\d{4}-\d\d-\d\dT[\d:.]+Z", "MOMENT"),
        (r"\d+\.\d MiB in \d+\.\d s", "SIZE in TIME"),
        (r"process \d+", "process ID"),
    ];
    masks.iter().fold(text, |text, (pattern, mask)| {
        regex::Regex::new(pattern).unwrap().replace_all(&text, *mask).into_owned()
    })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_taken_beside_a_running_bus_and_restored_after_a_loss() {
    let project = project();
    let folder = tempfile::tempdir().unwrap();
    let to = folder.path().to_str().unwrap();
    let process = Process::start(project.path());
    assert_eq!(process.send(r#"{"nomor": 17}"#).await.0, 202);
    let out = project.path().join("keluar/arsip.ndjson");
    until("the delivery", || async { fs::read_to_string(&out).is_ok_and(|it| it.contains("17")) })
        .await;

    let said = simpul_on(project.path(), &["store", "backup", to]);
    insta::assert_snapshot!(told(&said, project.path(), folder.path()), @r"
    BACKUP/simpul-MOMENT.db: SIZE in TIME; 0 rows with bodies read; nothing is damaged
    exit 0
    ");
    let file = only_file(folder.path());
    let file_text = file.to_str().unwrap();
    let twice = simpul_on(project.path(), &["store", "backup", file_text]);
    insta::assert_snapshot!(told(&twice, project.path(), folder.path()), @r"
    error: store: `BACKUP/simpul-MOMENT.db` is there already; give the backup another name
    exit 2
    ");
    let checked = simpul(&["store", "check", file_text]);
    assert_eq!(checked.code, 0, "{}{}", checked.out, checked.err);

    let running = simpul_on(project.path(), &["store", "restore", file_text, "--replace"]);
    assert_eq!(running.code, 2);
    assert!(running.err.contains("has the store in"), "{}", running.err);
    process.signal("-TERM");
    let mut process = process;
    assert_eq!(process.ended(), Some(0));

    let there = simpul_on(project.path(), &["store", "restore", file_text]);
    insta::assert_snapshot!(told(&there, project.path(), folder.path()), @r"
    error: store: there is a store in `PROJECT/data` already; with `--replace` it is moved aside
    exit 2
    ");
    let done = simpul_on(project.path(), &["store", "restore", file_text, "--replace"]);
    insta::assert_snapshot!(told(&done, project.path(), folder.path()), @r"
    PROJECT/data: restored from BACKUP/simpul-MOMENT.db, taken MOMENT
    0 rows with bodies read; nothing is damaged; 0 messages and deliveries wait in queues
    what was there is now PROJECT/data/simpul.db.before-MOMENT
    what was accepted after the backup is not in it: have it sent again
    what was delivered after it is delivered once more, flagged `simpul-possible-duplicate: true`
    start the bus when you are ready: simpul run
    exit 0
    ");
    let process = Process::start(project.path());
    assert_eq!(process.ops("/health/ready").await.0, 200);
    assert_eq!(process.send(r#"{"nomor": 18}"#).await.0, 202);
    until("it goes on", || async { fs::read_to_string(&out).is_ok_and(|it| it.contains("18")) })
        .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_damaged_backup_is_not_restored_unless_that_is_said() {
    let project = project();
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("malam.db");
    let process = Process::start(project.path());
    // Nobody can write there, so that it waits.
    fs::write(project.path().join("keluar"), "").unwrap();
    assert_eq!(process.send(r#"{"nomor": 17, "isi": "yang-rusak"}"#).await.0, 202);
    let taken = simpul_on(project.path(), &["store", "backup", file.to_str().unwrap()]);
    assert_eq!(taken.code, 0, "{}{}", taken.out, taken.err);
    process.signal("-KILL");
    drop(process);
    fs::remove_dir_all(project.path().join("data")).unwrap();

    let mut bytes = fs::read(&file).unwrap();
    let places: Vec<_> =
        (0..bytes.len() - 10).filter(|it| bytes[*it..].starts_with(b"yang-rusak")).collect();
    assert!(!places.is_empty());
    places.iter().for_each(|it| bytes[*it] = b'Y');
    fs::write(&file, bytes).unwrap();

    let file = file.to_str().unwrap();
    let refused = simpul_on(project.path(), &["store", "restore", file, "--format", "json"]);
    assert_eq!(refused.code, 1, "{}{}", refused.out, refused.err);
    let told: Value = serde_json::from_str(&refused.out).unwrap();
    assert_eq!((&told["restored"], &told["findings"][0]["kind"]), (&false.into(), &"row".into()));
    let left: Vec<_> = fs::read_dir(project.path().join("data")).unwrap().collect();
    assert_eq!(left.len(), 1, "but for the lock nothing is left: {left:?}");

    let all_the_same = simpul_on(project.path(), &["store", "restore", file, "--damaged"]);
    assert_eq!(all_the_same.code, 0, "{}{}", all_the_same.out, all_the_same.err);
    assert!(project.path().join("data/simpul.db").is_file());
}

#[test]
fn a_store_that_was_half_restored_is_not_started_on() {
    let project = project();
    fs::create_dir(project.path().join("data")).unwrap();
    fs::write(project.path().join("data/simpul.db.restored"), "").unwrap();
    let said = simpul_on(project.path(), &["run"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("a restore into"), "{}", said.err);
    assert!(!project.path().join("data/simpul.db").exists());
}

#[test]
fn what_is_no_backup_is_refused_with_its_name() {
    let project = project();
    for (name, text, expected) in [
        ("kosong.db", "", "it is no store of simpul"),
        (
            "surat.db",
            "Yth. Bapak/Ibu, bersama ini kami sampaikan sebuah surat.",
            "cannot be restored",
        ),
    ] {
        let file = project.path().join(name);
        fs::write(&file, text).unwrap();
        let said = simpul_on(project.path(), &["store", "restore", file.to_str().unwrap()]);
        assert_eq!(said.code, 2, "{}", said.out);
        assert!(said.err.contains(name) && said.err.contains(expected), "{}", said.err);
        assert!(!project.path().join("data/simpul.db").exists());
    }
    let said = simpul_on(project.path(), &["store", "restore", "/tidak/ada.db"]);
    assert!(said.err.contains("there is no backup `/tidak/ada.db`"), "{}", said.err);
}
