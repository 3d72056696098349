//! What `simpul alerts` prints, before any Prometheus runs.

use std::{
    collections::BTreeSet,
    fs,
    path::Path,
    process::{Command, Output},
};

use simpul::metrics::TABLE;

use crate::{
    command_line::{simpul, simpul_on},
    support::process::project,
};

const RULES: &str = "deploy/simpul.rules.yml";
const TESTS: &str = "deploy/simpul.rules.test.yml";

/// What promtool says; `None`, with a word, where it is not installed.
#[expect(clippy::print_stderr, reason = "a test that is skipped says so")]
fn promtool(directory: &Path, arguments: &[&str]) -> Option<Output> {
    match Command::new("promtool").args(arguments).current_dir(directory).output() {
        Ok(output) => Some(output),
        Err(_) => {
            eprintln!("skipped: `promtool` is not installed (Debian: apt-get install prometheus)");
            None
        }
    }
}

fn passes(directory: &Path, arguments: &[&str]) {
    let Some(output) = promtool(directory, arguments) else { return };
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&said));
}

#[test]
fn the_shipped_rules_are_what_is_printed_for_the_shipped_routes() {
    for (file, arguments) in
        [(RULES, &["alerts"][..]), (TESTS, &["alerts", "--tests", "simpul.rules.yml"])]
    {
        let said = simpul(arguments);
        assert_eq!(said.code, 0, "{}", said.err);
        if std::env::var_os("SIMPUL_WRITE_REFERENCE").is_some() {
            fs::write(file, &said.out).unwrap();
        }
        let shipped = fs::read_to_string(file).unwrap_or_default();
        let differs = shipped.lines().zip(said.out.lines()).find(|(one, other)| one != other);
        assert!(
            shipped == said.out,
            "{file} is not what `simpul {}` prints; `SIMPUL_WRITE_REFERENCE=1 cargo test --test it alerts::` \
             writes it anew. First difference: {differs:?}",
            arguments.join(" ")
        );
    }
}

#[test]
fn promtool_takes_the_rules() {
    passes(Path::new("deploy"), &["check", "rules", "--lint-fatal", "simpul.rules.yml"]);
}

#[test]
fn each_alert_fires_once_and_is_over_and_no_other_fires_with_it() {
    passes(Path::new("deploy"), &["test", "rules", "simpul.rules.test.yml"]);
}

#[test]
fn a_test_fails_where_a_rule_does_not_fire() {
    let project = project();
    let rules = simpul_on(project.path(), &["alerts"]).out;
    let spoilt = rules.replace("simpul_disk_low{job=\"simpul\"} == 1", "simpul_disk_low == 2");
    assert_ne!(rules, spoilt);
    let tests = simpul_on(project.path(), &["alerts", "--tests", "uji.yml"]).out;
    fs::write(project.path().join("uji.yml"), spoilt).unwrap();
    fs::write(project.path().join("uji.test.yml"), tests).unwrap();
    let Some(output) = promtool(project.path(), &["test", "rules", "uji.test.yml"]) else { return };
    let said = String::from_utf8([output.stdout, output.stderr].concat()).unwrap();
    assert!(!output.status.success() && said.contains("SimpulDiskLow"), "{said}");
    assert!(!said.contains("SimpulDown"), "{said}");
}

#[test]
fn every_metric_that_a_rule_asks_for_is_there() {
    let text = fs::read_to_string(RULES).unwrap();
    let recorded: BTreeSet<&str> =
        text.lines().filter_map(|it| it.trim().strip_prefix("- record: ")).collect();
    assert!(9 < recorded.len(), "{recorded:?}");
    let names = text.split(|it: char| !it.is_alphanumeric() && !matches!(it, '_' | ':'));
    for name in names.filter(|it| it.contains("simpul_") && !it.starts_with("http")) {
        let plain = name.trim_end_matches(':').trim_end_matches("_bucket");
        let known = TABLE.iter().any(|it| it.name == plain) || recorded.contains(plain);
        assert!(known, "no metric `{name}`");
    }
}

#[test]
fn every_alert_has_its_section_on_the_page_and_every_section_its_alert() {
    let rules = fs::read_to_string(RULES).unwrap();
    let page = fs::read_to_string("docs/alerts.md").unwrap();
    let sections: BTreeSet<&str> = page.lines().filter_map(|it| it.strip_prefix("### ")).collect();
    // The shipped routes have no source that is fetched, and no `ttl`.
    let mut alerts: BTreeSet<&str> = ["SimpulSourceNotConnected", "SimpulExpired"].into();
    alerts.extend(rules.lines().filter_map(|it| it.trim().strip_prefix("- alert: ")));
    assert_eq!(alerts, sections);
    for alert in rules.lines().filter_map(|it| it.trim().strip_prefix("runbook_url: ")) {
        let anchor = alert.trim_matches('"').strip_prefix("docs/alerts.md#").unwrap();
        assert!(sections.iter().any(|it| it.to_lowercase() == anchor), "{alert}");
    }
}

#[test]
fn rules_say_what_the_files_promise_and_whom_to_ask() {
    let project = project();
    let write = |path: &str, text: &str| fs::write(project.path().join(path), text).unwrap();
    write(
        "connectors/mq.yaml",
        "system: mq\nname: Antrean {{ ini }}\nowner: { unit: \"Bagian 'SDM'\", contact: sdm@kpu.example }\namqp:\n  \
         url: ${env:TIDAK_ADA}\n  sources:\n    koreksi: { queue: koreksi, expect_every: 2h }\n  targets:\n    keluar: { queue: keluar }\n",
    );
    write(
        "routes/koreksi.yaml",
        "route: koreksi\nfrom: mq.koreksi\nttl: 30m\ndeliver_within: 90s\nto:\n  - target: mq.keluar\n  \
         - { target: arsip.simpan, deliver_within: 10m }\n",
    );
    write(
        "routes/lain.yaml",
        "route: lain\nfrom: mq.koreksi\nttl: 30m\nto:\n  - target: mq.keluar\n",
    );
    let said = simpul_on(
        project.path(),
        &["alerts", "--job", "bus-uji", "--runbook", "https://wiki.kpu.example/simpul"],
    );
    assert_eq!(said.code, 0, "{}", said.err);
    for part in [
        "queue=\"delivery\", route=\"koreksi\", target=\"mq.keluar\"}) > 90'",
        "queue=\"delivery\", route=\"koreksi\", target=\"arsip.simpan\"}) > 600'",
        // Half of `ttl`, where nothing is promised; an hour where there is none.
        "queue=\"delivery\", route=\"lain\", target=\"mq.keluar\"}) > 900'",
        "queue=\"delivery\", route=\"uji\", target=\"arsip.simpan\"}) > 3600'",
        "time() - max by (job, source) (simpul_source_last_message_timestamp_seconds{job=\"bus-uji\", source=\"mq.koreksi\"}) > 7200",
        "alert: SimpulSourceNotConnected",
        "outcome=\"expired\"}[1h])) > 0",
        "runbook_url: \"https://wiki.kpu.example/simpul#simpulsourcesilent\"",
        "unit: \"Bagian 'SDM'\"",
        "Answers for it: Bagian 'SDM', sdm@kpu.example.",
    ] {
        assert!(said.out.contains(part), "no `{part}` in\n{}", said.out);
    }
    assert!(!said.out.contains("job=\"simpul\""), "{}", said.out);
    let tests = simpul_on(project.path(), &["alerts", "--job", "bus-uji", "--tests", "uji.yml"]);
    write("uji.yml", &said.out);
    write("uji.test.yml", &tests.out);
    passes(project.path(), &["check", "rules", "uji.yml"]);
    passes(project.path(), &["test", "rules", "uji.test.yml"]);
}

#[test]
fn files_with_mistakes_and_no_files_at_all_have_no_rules() {
    let project = project();
    fs::write(project.path().join("routes/salah.yaml"), "route: salah\nfrom: asal.dta\n").unwrap();
    let said = simpul_on(project.path(), &["alerts"]);
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert!(said.err.contains("routes/salah.yaml"), "{}", said.err);
    let nothing = tempfile::tempdir().unwrap();
    let said = simpul_on(nothing.path(), &["alerts"]);
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert!(said.err.contains("has no routes"), "{}", said.err);
}
