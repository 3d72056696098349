//! The reference: pages that are derived from the program. `SIMPUL_WRITE_REFERENCE=1 cargo test` writes
//! them anew.

use std::fs;

use serde_json::Value;
use simpul::{
    diagnostic::Code,
    expr,
    metrics::TABLE,
    ops::{CALLS, Needs},
};

use super::keys;
use crate::command_line::{COMMANDS, simpul};

const MADE: &str = "<!-- Derived from the program by tests/it/manual: not to be edited. -->\n\n";

/// Holds `docs/reference/<name>.md` against what it should be.
fn compare(name: &str, text: &str) {
    let path = format!("docs/reference/{name}.md");
    let text = format!("{MADE}{}\n", text.trim_end());
    if std::env::var_os("SIMPUL_WRITE_REFERENCE").is_some() {
        fs::write(&path, &text).unwrap();
    }
    let found = fs::read_to_string(&path).unwrap_or_default();
    let differs = found.lines().zip(text.lines()).find(|(found, wanted)| found != wanted);
    assert!(
        found == text,
        "{path} is not what the program says; `SIMPUL_WRITE_REFERENCE=1 cargo test --test it manual::` \
         writes it anew. First difference: {differs:?}"
    );
}

fn schema(kind: &str) -> Value {
    serde_json::from_str(&simpul(&["schema", kind]).out).unwrap()
}

const OUTSIDE: &str = "In place of any single value, `${env:NAME}` takes a variable of the process, and `${file:PATH}` the text \
     of a file.";

#[test]
fn the_keys_of_settings_are_told_with_their_variables() {
    let schema = schema("settings");
    let intro = format!(
        "How this gateway is set up; [files](../files.md#simpulyaml) explains it. {OUTSIDE}\n\nEach setting can be given \
         as a variable too, which has the last word: `SIMPUL_`, and the keys that lead to it in capitals, joined by \
         `_`: `SIMPUL_LIMITS_BODY`."
    );
    compare("settings", &keys::page("Settings: `simpul.yaml`", &intro, &schema));
}

#[test]
fn the_keys_of_systems_are_told() {
    let intro = format!(
        "`connectors/<system>.yaml`; [files](../files.md#system-files) explains them. {OUTSIDE}\n\nThe blocks `http`, `amqp` \
         and `files` are the connectors."
    );
    compare("systems", &keys::page("Keys of system files", &intro, &schema("system")));
}

#[test]
fn the_keys_of_routes_are_told_and_the_steps_with_an_example_each() {
    let schema = schema("route");
    let intro = "`routes/<route>.yaml`; [files](../files.md#route-files) and [steps](../steps.md) explain them.";
    let mut page = keys::page("Keys of route files", intro, &schema);
    page.push_str("\n## Examples of steps\n");
    let steps = schema["properties"]["steps"]["items"]["properties"].as_object().unwrap();
    for (name, step) in steps {
        let text = step["description"].as_str().unwrap();
        let (_, example) =
            text.split_once("```yaml\n").unwrap_or_else(|| panic!("{name} has no example"));
        let example = example.split("```").next().unwrap();
        page.push_str(&format!("\n```yaml step\n{example}```\n"));
    }
    compare("routes", &page);
}

#[test]
fn the_keys_of_files_of_tests_are_told() {
    let intro = "`routes/<route>.test.yaml`; [testing routes](../testing.md) explains them.";
    compare("tests", &keys::page("Keys of files of tests", intro, &schema("test")));
}

#[test]
fn the_functions_are_told_with_examples_that_the_tests_of_the_language_run() {
    let manual = fs::read_to_string("docs/language.md").unwrap();
    let blocks = super::blocks(&manual);
    let rows = || blocks.iter().filter(|(tag, _)| tag == "expr").flat_map(|(_, text)| text.lines());
    let mut page = "# Functions\n\n[The language](../language.md) says what a function is; what follows `⇒` is what an expression gives for the \
         message on that page.\n".to_owned();
    for function in expr::functions() {
        let name = function.name;
        page.push_str(&format!("\n## `{name}`\n\n`{}`: {}\n", function.usage(), function.summary));
        let calls = |row: &&str| {
            let behind = row.split(&format!("| {name}")).nth(1);
            let called = row.contains(&format!("{name}(")) && !row.contains(&format!("_{name}("));
            called
                || behind
                    .is_some_and(|it| !it.starts_with(|it: char| it.is_alphanumeric() || it == '_'))
        };
        let rows: Vec<_> = rows().filter(calls).take(4).collect();
        assert!(!rows.is_empty() || name == "hash", "no example of `{name}` in docs/language.md");
        if !rows.is_empty() {
            page.push_str(&format!("\n```text\n{}\n```\n", rows.join("\n")));
        }
    }
    compare("functions", &page);
}

#[test]
fn the_metrics_are_told() {
    let mut page = "# Metrics\n\nOn the operators' door at `/metrics`; [operating](../operating.md) says how to have Prometheus fetch them, [alerts](../alerts.md) which to be woken for.\n\n| metric | question | kind | unit | labels | meaning |\n| --- | --- | --- | --- | --- | --- |\n".to_owned();
    for metric in TABLE {
        let labels: Vec<_> = metric.labels.iter().map(|it| format!("`{it}`")).collect();
        let help = metric.help.replace('|', "\\|");
        page.push_str(&format!(
            "| `{}` | {} | {} | {} | {} | {help} |\n",
            metric.name,
            metric.question(),
            metric.kind.as_str(),
            metric.unit,
            labels.join(", ")
        ));
    }
    compare("metrics", &page);
}

#[test]
fn the_calls_are_told_with_the_right_that_each_needs() {
    let mut page = "# Calls over HTTP\n\nBelow `/api/v1` of the operators' door. [Rights](../rights.md) says how one logs in and what the rights are; a running bus \
         describes every body and answer at `/api/v1/openapi.json` (OpenAPI 3.1), which anybody may fetch. What is refused is told as RFC 9457 has it, with a `code` to \
         match on.\n\n| call | needs | what it does | behind `?` |\n| --- | --- | --- | --- |\n".to_owned();
    for call in CALLS {
        let needs = match call.needs {
            Needs::Nothing => "nothing".to_owned(),
            Needs::Name => "to be logged in".to_owned(),
            Needs::OneOf(rights) => {
                let words: Vec<_> = rights.iter().map(|it| format!("`{it}`")).collect();
                words.join(" or ")
            }
        };
        let asks: Vec<_> = call.parameters().map(|it| format!("`{it}`")).collect();
        let (method, path, summary) = (call.method, call.path, call.summary);
        page.push_str(&format!(
            "| `{method} {path}` | {needs} | {summary} | {} |\n",
            asks.join(", ")
        ));
    }
    compare("api", &page);
}

#[test]
fn the_codes_of_mistakes_are_told() {
    let mut page = "# Mistakes in files\n\nWhat `simpul check` finds, by its code.\n\n| code | mistake |\n| --- | --- |\n".to_owned();
    for code in Code::ALL {
        let code = code.as_str();
        let text = fs::read_to_string(format!("docs/errors/{code}.md")).unwrap();
        let (_, title) = text.lines().next().unwrap().split_once(": ").unwrap();
        page.push_str(&format!("| [{code}](../errors/{code}.md) | {title} |\n"));
    }
    compare("errors", &page);
}

#[test]
fn the_commands_are_told_as_their_help_tells_them() {
    let mut page = "# Commands\n\nAs `--help` tells them. Exit codes: 0 done, 1 found something wrong, 2 could not run.\n".to_owned();
    for command in COMMANDS.iter().filter(|it| **it != ["help"]) {
        let said = simpul(&[command, ["--help"].as_slice()].concat());
        let name = [&["simpul"], *command].concat().join(" ");
        page.push_str(&format!("\n## {name}\n\n```text\n{}\n```\n", said.out.trim_end()));
    }
    compare("commands", &page);
}
