//! The rules that a compiler cannot check: which room may import which, and how big a room's
//! files may grow. This table is the architecture; to change it is to change the architecture.

use std::{fs, path::Path};

/// A room, the rooms it may import, and the crates that only the rooms listing them may use.
const ROOMS: &[(&str, &[&str], &[&str])] = &[
    ("diagnostic", &[], &["serde_saphyr", "strsim"]),
    ("message", &[], &["bumpalo", "uuid"]),
    ("metrics", &[], &["prometheus"]),
    // Traces, and who receives them.
    ("spans", &["message", "metrics"], &["reqwest"]),
    // Bodies that a copy of the disk does not show. It alone uses `ring`, whose name cannot be looked
    // for: rustls has a module of that name.
    ("sealing", &["message"], &[]),
    ("store", &[], &["rusqlite", "rustix", "tokio_postgres", "tokio_rustls"]),
    ("table", &["diagnostic"], &["csv"]),
    // What is known of values before there are any: expressions and steps are judged by it.
    ("typing", &["diagnostic", "message"], &[]),
    ("expr", &["diagnostic", "message", "table", "typing"], &["jsonpath_rust", "dec"]),
    ("step", &["diagnostic", "expr", "message", "table", "typing"], &["jsonschema"]),
    (
        "connector",
        &["amqp", "diagnostic", "expr", "message"],
        &["reqwest", "axum", "hyper", "hyper_util", "tokio_util", "x509_parser"],
    ),
    ("amqp", &["message"], &["lapin"]),
    ("broker", &["amqp", "message", "metrics", "store"], &[]),
    ("ledger", &["message", "store"], &[]),
    ("journal", &["message", "store"], &[]),
    ("route", &["connector", "diagnostic", "expr", "message", "step", "table", "typing"], &[]),
    (
        "engine",
        &[
            "broker",
            "connector",
            "expr",
            "journal",
            "ledger",
            "message",
            "metrics",
            "route",
            "sealing",
            "spans",
            "step",
            "store",
        ],
        &["tokio_util"],
    ),
    (
        "trial",
        &[
            "broker",
            "connector",
            "diagnostic",
            "engine",
            "expr",
            "journal",
            "ledger",
            "message",
            "metrics",
            "route",
            "sealing",
            "step",
            "store",
        ],
        &[],
    ),
    (
        "ops",
        &["broker", "diagnostic", "engine", "journal", "ledger", "message", "metrics", "route"],
        &["argon2", "axum", "hyper", "hyper_util", "maud"],
    ),
    (
        "cli",
        &[
            // `demo` plays a system that publishes to a queue.
            "amqp",
            "broker",
            "connector",
            "diagnostic",
            "engine",
            "expr",
            "journal",
            "ledger",
            "message",
            "metrics",
            "ops",
            "route",
            "sealing",
            "spans",
            "step",
            "store",
            "table",
            "trial",
        ],
        // rustix: so that a password is not seen while it is typed.
        &["clap", "config", "axum", "reqwest", "hyper", "hyper_util", "rustix", "tokio_util"],
    ),
];

/// A file that needs more wants to be two.
const LINES_MAX: usize = 400;

#[test]
fn every_line_stays_in_its_room() {
    let mut broken = Vec::new();
    for entry in fs::read_dir("src").unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_str().unwrap().to_owned();
        if path.is_dir() {
            match ROOMS.iter().find(|(room, ..)| *room == name) {
                Some(room) => visit(&path, room, &mut broken),
                None => broken.push(format!("src/{name}/: not in ROOMS")),
            }
        }
    }
    assert!(broken.is_empty(), "\n{}\n", broken.join("\n"));
}

fn visit(path: &Path, room: &(&str, &[&str], &[&str]), broken: &mut Vec<String>) {
    if path.is_dir() {
        for entry in fs::read_dir(path).unwrap() {
            visit(&entry.unwrap().path(), room, broken);
        }
        return;
    }
    // Migrations and the like stand beside the code that reads them.
    if path.extension().is_none_or(|it| it != "rs") {
        return;
    }
    let text = fs::read_to_string(path).unwrap();
    let mut report = |line: usize, what: String| {
        broken.push(format!("{}:{}: {what}", path.display(), line + 1));
    };
    if !text.starts_with("//!") {
        report(0, "does not start by saying what it is for (`//!`)".to_owned());
    }
    if LINES_MAX < text.lines().count() {
        report(LINES_MAX, format!("longer than {LINES_MAX} lines"));
    }
    let (name, imports, crates) = room;
    let mut in_crate_group = false;
    for (number, line) in text.lines().enumerate() {
        let line = line.trim();
        // `use crate::{` opens a group whose entries stand on lines of their own.
        let mentioned = match line.split_once("crate::") {
            Some((_, rest)) if rest.starts_with('{') => {
                in_crate_group = !rest.contains('}');
                rest.trim_matches(['{', '}', ';', ' ']).split(", ").map(first_word).collect()
            }
            Some((_, rest)) => vec![first_word(rest)],
            None if in_crate_group && line == "};" => {
                in_crate_group = false;
                vec![]
            }
            None if in_crate_group => vec![first_word(line)],
            None => vec![],
        };
        for other in mentioned {
            let is_room = ROOMS.iter().any(|(room, ..)| *room == other);
            if is_room && other != *name && !imports.contains(&other) {
                report(number, format!("`{name}` may not import `{other}`"));
            }
        }
        for guarded in ROOMS.iter().flat_map(|(_, _, crates)| *crates) {
            // `rusqlite::config::` is not the crate `config`.
            let inner = line.contains(&format!("::{guarded}::"));
            if line.contains(&format!("{guarded}::")) && !inner && !crates.contains(guarded) {
                report(number, format!("`{name}` may not use `{guarded}`"));
            }
        }
    }
}

fn first_word(text: &str) -> &str {
    text.split(|it: char| !it.is_alphanumeric() && it != '_').next().unwrap_or_default()
}
