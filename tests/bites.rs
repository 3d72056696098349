//! The oracle bites: with each deliberate bug switched on, a scenario that passes without it must
//! break the rule that the bug is about. A harness that finds nothing would prove nothing.

use std::process::Command;

use serde_json::Value;

/// Plays a scenario; the exit code, and the rules that it says were broken.
fn play(arguments: &[&str]) -> (Option<i32>, Vec<String>) {
    let mut command = Command::new(env!("CARGO_BIN_EXE_faults"));
    let output = command.args(["--format", "json", "--seed", "11"]).args(arguments).output();
    let output = output.unwrap();
    let told: Value = serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}", String::from_utf8_lossy(&output.stderr));
    });
    let scenarios = told["scenarios"].as_array().unwrap();
    let broken = scenarios.iter().flat_map(|it| it["broken"].as_array().into_iter().flatten());
    let rules = broken.map(|it| it["rule"].as_str().unwrap().to_owned());
    (output.status.code(), rules.collect())
}

fn is_found(arguments: &[&str], rule: &str) {
    let (code, rules) = play(arguments);
    assert_eq!(code, Some(1), "{arguments:?}: {rules:?}");
    assert!(rules.iter().any(|it| it == rule), "{arguments:?}: not {rule}, but {rules:?}");
}

#[test]
fn an_answer_before_the_message_is_stored_is_found() {
    let bug = ["--sabotage", "acknowledge_early"];
    is_found(&[&["F05", "--broker", "embedded"], &bug[..]].concat(), "I1 lost");
    is_found(&[&["F05", "--broker", "embedded"], &bug[..]].concat(), "I8 lie");
}

#[test]
fn a_publication_that_is_taken_for_confirmed_is_found() {
    if !std::path::Path::new("/usr/lib/rabbitmq/bin/rabbitmq-server").exists() {
        return;
    }
    is_found(&["F20", "--sabotage", "ignore_confirm"], "I1 lost");
}

/// The power goes with what the disk was not asked to keep: all of it.
#[test]
fn a_sync_that_is_skipped_is_found() {
    if !std::path::Path::new("tests/it/disk/shim.c").exists() {
        return;
    }
    let (code, rules) = play(&["F32", "--sabotage", "skip_sync"]);
    assert_eq!(code, Some(1), "{rules:?}");
    // What is left may be torn so that it cannot be opened any more: then nothing can be asked.
    assert!(rules.iter().any(|it| it == "I8 lie" || it == "pass"), "{rules:?}");
}

#[test]
fn a_repeat_that_does_not_say_so_is_found() {
    is_found(&["F05", "--broker", "embedded", "--sabotage", "drop_flag"], "I3 unflagged");
}

#[test]
fn without_a_bug_nothing_is_found() {
    let (code, rules) = play(&["F05", "--broker", "embedded"]);
    assert_eq!((code, rules.len()), (Some(0), 0), "{rules:?}");
}
