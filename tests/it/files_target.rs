//! A files target appends lines: each whole, each on disk before the delivery counts as made, and
//! nowhere but in its directory.

use std::{
    fs,
    os::unix::fs::{PermissionsExt as _, symlink},
    path::Path,
    sync::Arc,
};

use bytes::Bytes;
use simpul::{
    connector::{Answer, Call, CallError, Class, OpenTarget, files::FilesSpec},
    diagnostic::{Language, Report, read},
};
use tokio::task::JoinSet;

#[tokio::test]
async fn each_delivery_is_a_line() {
    let directory = tempfile::tempdir().unwrap();
    let target = target("file: arsip.ndjson", directory.path());
    let answer = send(&target, "{\"nomor\": 1.50,\r\n \"isi\": \"a\\nb\"}").await.unwrap();
    assert_eq!(answer.summary, "31 bytes written");
    send(&target, "2").await.unwrap();
    assert_eq!(lines(directory.path()), ["{\"nomor\": 1.50, \"isi\": \"a\\nb\"}", "2"]);
    let mode = fs::metadata(directory.path().join("arsip.ndjson")).unwrap().permissions().mode();
    assert_eq!(mode & 0o007, 0, "nobody else reads it");
}

#[tokio::test]
async fn a_line_may_say_what_it_is_a_repeat_of() {
    let directory = tempfile::tempdir().unwrap();
    let target = target("{ file: arsip.ndjson, lines: headers_and_body }", directory.path());
    send(&target, "[1]").await.unwrap();
    let expected = r#"{"headers":{"idempotency-key":"kunci-1","simpul-attempt":"2"},"body":[1]}"#;
    assert_eq!(lines(directory.path()), [expected]);
}

#[tokio::test]
async fn deliveries_at_once_are_all_written_and_none_is_torn() {
    let directory = tempfile::tempdir().unwrap();
    let target = Arc::new(target("file: arsip.ndjson", directory.path()));
    // Another generation of the files, which writes beside the first while it ends.
    let other = Arc::new(self::target("file: arsip.ndjson", directory.path()));
    let mut sends = JoinSet::new();
    for number in 0..200 {
        let target = Arc::clone(if number % 2 == 0 { &target } else { &other });
        sends.spawn(async move { send(&target, &format!("\"{number:0>5000}\"")).await });
    }
    while let Some(sent) = sends.join_next().await {
        assert!(sent.unwrap().is_ok());
    }
    let mut lines = lines(directory.path());
    lines.sort();
    let expected: Vec<_> = (0..200).map(|number| format!("\"{number:0>5000}\"")).collect();
    assert_eq!(lines, expected);
}

#[tokio::test]
async fn a_half_line_that_a_crash_left_gets_a_line_of_its_own() {
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("arsip.ndjson"), "1\n{\"separ").unwrap();
    let target = target("file: arsip.ndjson", directory.path());
    send(&target, "2").await.unwrap();
    send(&target, "3").await.unwrap();
    assert_eq!(lines(directory.path()), ["1", "{\"separ", "2", "3"]);
}

#[tokio::test]
async fn the_message_may_name_the_file_and_not_the_directory() {
    let directory = tempfile::tempdir().unwrap();
    let target = target("{ file: \"arsip-${$.tahun}.ndjson\" }", directory.path());
    let parameter = &target.parameters[0];
    assert_eq!(parameter.place, "file");
    assert_eq!((parameter.encode)("../../etc/x"), "..%2F..%2Fetc%2Fx");

    let mut call = call("1");
    for (name, taken) in [
        ("arsip-2026.ndjson", true),
        ("..%2F..%2Fetc%2Fx", false),
        ("../x", false),
        ("", false),
        (".tersembunyi", false),
        ("a/b", false),
        ("a\0b", false),
    ] {
        call.parameters = vec![name.to_owned()];
        let sent = target.target.send(&call).await;
        assert_eq!(sent.is_ok(), taken, "{name:?}");
        let class = sent.err().map(|it| it.class);
        assert!(class.is_none_or(|it| it == Class::Refused), "{name:?}");
    }
    let names: Vec<_> =
        fs::read_dir(directory.path()).unwrap().map(|it| it.unwrap().path()).collect();
    assert_eq!(names, [directory.path().join("arsip-2026.ndjson")]);
}

#[tokio::test]
async fn a_link_a_pipe_and_a_directory_are_not_written_to() {
    let directory = tempfile::tempdir().unwrap();
    let outside = tempfile::tempdir().unwrap();
    symlink(outside.path().join("dicuri"), directory.path().join("arsip.ndjson")).unwrap();
    let target = target("file: arsip.ndjson", directory.path());
    let error = send(&target, "1").await.unwrap_err();
    assert_eq!(error.class, Class::Misconfigured);
    assert_eq!(error.reason, "the file is a link, which is not followed");
    assert_eq!(fs::read_dir(outside.path()).unwrap().count(), 0);

    fs::remove_file(directory.path().join("arsip.ndjson")).unwrap();
    fs::create_dir(directory.path().join("arsip.ndjson")).unwrap();
    assert_eq!(send(&target, "1").await.unwrap_err().class, Class::Misconfigured);

    fs::remove_dir(directory.path().join("arsip.ndjson")).unwrap();
    assert!(send(&target, "1").await.is_ok(), "as soon as it is put right");
}

#[tokio::test]
async fn only_the_last_part_of_the_directory_is_made() {
    let parent = tempfile::tempdir().unwrap();
    let target = target("file: arsip.ndjson", &parent.path().join("masuk"));
    send(&target, "1").await.unwrap();
    assert_eq!(lines(&parent.path().join("masuk")), ["1"]);

    let unmounted = self::target("file: arsip.ndjson", &parent.path().join("disk/masuk"));
    let error = send(&unmounted, "1").await.unwrap_err();
    assert_eq!(error.class, Class::Misconfigured);
    assert_eq!(error.reason, "the directory does not exist: make it, or mount it");
    assert!(!parent.path().join("disk").exists());
}

#[test]
fn names_of_files_are_looked_at_when_they_are_loaded() {
    for file in ["../x", "/etc/passwd", ".x", "a b", "\"${$.a}/b\"", "\"${$.a\"", "a/b", "''"] {
        let (targets, told) = compile(&format!("file: {file}"), "/tmp");
        assert!(targets.is_empty() && told.contains("error[S"), "{file}: {told}");
    }
    let (targets, told) = compile("file: \"naskah-${$.tahun | default('/')}.ndjson\"", "/tmp");
    assert_eq!((targets.len(), told.as_str()), (1, ""));
}

fn compile(target: &str, directory: &str) -> (Vec<OpenTarget>, String) {
    let target =
        if target.starts_with('{') { target.to_owned() } else { format!("{{ {target} }}") };
    let yaml = format!("path: {directory}\ntargets: {{ daftar: {target} }}");
    let mut report = Report::default();
    report.enter("connectors/arsip.yaml");
    let spec: Option<FilesSpec> = read(&yaml, &mut report);
    let targets =
        spec.map(|it| it.compile("arsip", Path::new("."), &mut report).0).unwrap_or_default();
    let told: Vec<_> =
        report.into_sorted().iter().map(|it| it.render(&yaml, Language::English)).collect();
    (targets, told.join("\n"))
}

fn target(target: &str, directory: &Path) -> OpenTarget {
    let (mut targets, told) = compile(target, directory.to_str().unwrap());
    assert_eq!(told, "");
    targets.remove(0)
}

fn call(body: &str) -> Call {
    let headers = [("idempotency-key", "kunci-1"), ("simpul-attempt", "2")];
    Call {
        body: Bytes::from(body.to_owned()),
        parameters: vec![],
        headers: headers.into_iter().collect(),
    }
}

async fn send(target: &OpenTarget, body: &str) -> Result<Answer, CallError> {
    target.target.send(&call(body)).await
}

fn lines(directory: &Path) -> Vec<String> {
    let text = fs::read_to_string(directory.join("arsip.ndjson")).unwrap();
    assert!(text.ends_with('\n'));
    text.lines().map(str::to_owned).collect()
}
