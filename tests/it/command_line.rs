//! The command line: what people type, what they read, and what scripts can rely on.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use serde_json::Value;

/// What a command said and how it ended.
pub(super) struct Said {
    pub(super) out: String,
    pub(super) err: String,
    pub(super) code: i32,
}

/// Runs the program with `input` on its standard input.
pub(super) fn simpul_with(arguments: &[&str], input: &str) -> Said {
    let mut child = Command::new(env!("CARGO_BIN_EXE_simpul"))
        .args(arguments)
        .env("USER", "sari")
        .env_remove("SUDO_USER")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    // A command that does not read may end before all of it is written.
    let _ = child.stdin.take().unwrap().write_all(input.as_bytes());
    let output = child.wait_with_output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    let code = output.status.code().unwrap();
    Said { out: text(output.stdout), err: text(output.stderr), code }
}

/// Runs the program with nothing on its standard input.
pub(super) fn simpul(arguments: &[&str]) -> Said {
    simpul_with(arguments, "")
}

/// As [`simpul`], on a project.
pub(super) fn simpul_on(project: &Path, arguments: &[&str]) -> Said {
    simpul(&[&["--project", project.to_str().unwrap()], arguments].concat())
}

pub(super) const COMMANDS: [&[&str]; 43] = [
    &[],
    &["run"],
    &["check"],
    &["new"],
    &["new", "project"],
    &["new", "system"],
    &["new", "route"],
    &["new", "schema"],
    &["test"],
    &["explain"],
    &["impact"],
    &["plan"],
    &["graph"],
    &["alerts"],
    &["eval"],
    &["fmt"],
    &["schema"],
    &["dead"],
    &["dead", "list"],
    &["dead", "groups"],
    &["dead", "show"],
    &["dead", "replay"],
    &["dead", "discard"],
    &["dead", "jobs"],
    &["dead", "cancel"],
    &["pause"],
    &["resume"],
    &["reload"],
    &["trace"],
    &["store"],
    &["store", "backup"],
    &["store", "check"],
    &["store", "restore"],
    &["doctor"],
    &["key"],
    &["key", "new"],
    &["user"],
    &["user", "add"],
    &["user", "list"],
    &["user", "password"],
    &["user", "remove"],
    &["demo"],
    &["help"],
];

#[test]
fn every_command_explains_itself_with_an_example() {
    for command in COMMANDS.iter().filter(|it| **it != ["help"]) {
        let said = simpul(&[command, ["--help"].as_slice()].concat());
        assert_eq!(said.code, 0, "{command:?}");
        assert!(said.out.contains("Example"), "{command:?} has no example:\n{}", said.out);
        let wide: Vec<_> = said.out.lines().filter(|it| 100 < it.chars().count()).collect();
        assert!(wide.is_empty(), "{command:?}: lines over 100 columns: {wide:#?}");
    }
}

#[test]
fn the_help_lists_every_command() {
    insta::assert_snapshot!(simpul(&["--help"]).out);
}

#[test]
fn the_version_is_the_packages() {
    let said = simpul(&["--version"]);
    assert_eq!((said.out.as_str(), said.code), ("simpul 0.1.0\n", 0));
}

#[test]
fn what_cannot_run_ends_with_two_and_says_what_to_write() {
    let said = simpul(&["reloda"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("'reload'"), "{}", said.err);
}

#[test]
fn an_expression_is_evaluated_over_a_document() {
    let sppd = r#"{"nomor":"094/17","total":1.10,"pelaksana":[{"nip":"1"},{"nip":"2"}]}"#;
    let cases = [
        ("$.pelaksana | count", "2\n"),
        ("$.total", "1.10\n"),
        ("$.pelaksana[*].nip", "[\"1\",\"2\"]\n"),
        ("$.tidak_ada", ""),
        ("-1 + 2", "1\n"),
    ];
    for (expression, expected) in cases {
        let said = simpul_with(&["eval", expression, "-"], sppd);
        let got = (said.out.as_str(), said.err.as_str(), said.code);
        assert_eq!(got, (expected, "", 0), "{expression}");
    }
}

#[test]
fn an_expression_sees_an_item_and_headers() {
    let arguments = ["eval", "@.nip", "--item", r#"{"nip":"1990"}"#];
    assert_eq!(simpul(&arguments).out, "\"1990\"\n");
    let said = simpul(&["eval", "header('x-unit')", "--header", "X-Unit=SDM"]);
    assert_eq!(said.out, "\"SDM\"\n");
}

#[test]
fn a_bare_query_prints_its_node_list() {
    let sppd = r#"{"a":[{"nip":"1"},{"nip":null}],"nip":[2]}"#;
    let nodes = |query: &str| simpul_with(&["eval", "--nodes", query], sppd).out;
    assert_eq!(nodes("$..nip"), "[[2],\"1\",null]\n");
    assert_eq!(nodes("$.tidak_ada"), "[]\n");
    assert_eq!(simpul(&["eval", "--nodes", "$.a | count"]).code, 2);
}

#[test]
fn a_bad_message_ends_with_one_and_a_bad_expression_with_two() {
    let bad = simpul_with(&["eval", "$.a + 1"], r#"{"a":"rahasia"}"#);
    assert_eq!((bad.out.as_str(), bad.code), ("", 1));
    assert!(!bad.err.contains("rahasia"), "{}", bad.err);

    let wrong = simpul(&["eval", "$.a = 1"]);
    assert_eq!(wrong.code, 2);
    assert!(wrong.err.contains("| $.a = 1\n  |     ^"), "{}", wrong.err);
    assert_eq!(simpul(&["eval", "$", "/tidak/ada.json"]).code, 2);
    assert_eq!(simpul_with(&["eval", "$"], "{\"a\":1,\"a\":2}").code, 2);
}

#[test]
fn a_new_key_comes_with_the_digest_for_the_system_file() {
    use sha2::{Digest, Sha256};

    let said = simpul(&["key", "new", "e-sppd-2026", "--format", "json"]);
    let answer: Value = serde_json::from_str(&said.out).unwrap();
    let (key, hash) = (answer["key"].as_str().unwrap(), answer["hash"].as_str().unwrap());
    let digest: String =
        Sha256::digest(key.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect();
    assert_eq!(hash, format!("sha256:{digest}"));
    assert_eq!(answer["name"], "e-sppd-2026");
    assert_ne!(said.out, simpul(&["key", "new", "e-sppd-2026", "--format", "json"]).out);

    let text = simpul(&["key", "new", "e-sppd-2026"]).out;
    assert!(text.contains("  api_keys: { e-sppd-2026: \"sha256:"), "{text}");
    assert_eq!(simpul(&["key", "new", "E SPPD"]).code, 2);
}

#[test]
fn what_only_a_running_bus_can_do_says_that_none_runs() {
    let project = tempfile::tempdir().unwrap();
    let commands: [&[&str]; 5] = [
        &["reload"],
        &["pause", "arsip.simpan", "--reason", "uji"],
        &["resume", "arsip.simpan"],
        &["dead", "replay", "--all", "--reason", "uji"],
        &["dead", "discard", "1", "--reason", "uji"],
    ];
    for command in commands {
        let said = simpul_on(project.path(), command);
        assert_eq!(said.code, 2, "{command:?}");
        assert!(said.err.contains("the bus is not running"), "{command:?}: {}", said.err);
    }
    let said = simpul_on(project.path(), &["dead", "list"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("nothing has run on this project yet"), "{}", said.err);
}

#[test]
fn nobody_replays_everything_by_saying_nothing() {
    let project = tempfile::tempdir().unwrap();
    let said = simpul_on(project.path(), &["dead", "replay"]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("say `--all`"), "{}", said.err);
    let said = simpul_on(project.path(), &["dead", "discard", "--all"]);
    assert_eq!(said.code, 2, "a reason must be given");
}
