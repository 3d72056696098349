//! Metrics: what is counted is what the table says, in a form that Prometheus takes.

use std::{
    collections::BTreeSet,
    io::Write,
    process::{Command, Stdio},
    time::Duration,
};

use simpul::metrics::{BreakerState, Disk, Metric, Metrics, PausedBy, TABLE};

/// Metrics with a child in every family.
fn counted() -> Metrics {
    let metrics = Metrics::new();
    let route = metrics.route("sppd-terbit");
    route.received.inc_by(3);
    route.filtered.inc();
    route.died("bad message");
    route.queue.set(1, 0, Duration::from_millis(2500));
    let target = metrics.target("sppd-terbit", "e-absensi.catat-dinas-luar");
    target.created.inc();
    target.delivered.inc();
    target.attempts_delivered.inc();
    target.attempt_duration.observe(0.020);
    target.delivery_duration.observe(0.045);
    target.died("refused");
    target.died("a class from the future");
    metrics.set_breaker("e-absensi.catat-dinas-luar", BreakerState::Open);
    metrics.set_paused("e-absensi.catat-dinas-luar", Some(PausedBy::Operator));
    metrics.set_failing_since("e-absensi.catat-dinas-luar", Some(1_767_225_600_000));
    metrics.set_certificate_expiry("e-absensi.catat-dinas-luar", 1_798_761_600_000);
    metrics.listen_to(["e-sppd.status".to_owned()].into_iter(), 1_767_225_600_000);
    metrics.source_spoke("e-sppd.status", 1_767_225_660_500);
    metrics.set_source_connected("e-absensi.koreksi", true);
    metrics.set_dead_letters("refused", 7);
    metrics.store_committed(12, Duration::from_millis(3));
    metrics.ingest_refused("too-large");
    metrics.set_disk(Disk { free_bytes: 1 << 40, low_bytes: 1 << 30, is_low: true });
    metrics.set_journal_behind(Duration::from_millis(1500));
    metrics.reload_succeeded(4, 1_767_225_600_000);
    metrics.started(1_767_225_600_000);
    metrics
}

#[test]
fn every_metric_of_the_table_is_exported_and_no_other() {
    let text = counted().encode();
    let types = text.lines().filter_map(|it| it.strip_prefix("# TYPE "));
    let exported: BTreeSet<String> = types.map(str::to_owned).collect();
    let table = TABLE.iter().map(|it| format!("{} {}", it.name, it.kind.as_str()));
    assert_eq!(exported, table.collect());
}

#[test]
fn what_was_counted_is_exported() {
    let text = counted().encode();
    for line in [
        "simpul_messages_received_total{route=\"sppd-terbit\"} 3",
        "simpul_messages_ended_total{fate=\"filtered\",route=\"sppd-terbit\"} 1",
        "simpul_messages_ended_total{fate=\"dead\",route=\"sppd-terbit\"} 1",
        "simpul_dead_letters_total{class=\"bad message\",route=\"sppd-terbit\",target=\"\"} 1",
        "simpul_dead_letters_total{class=\"other\",route=\"sppd-terbit\",\
         target=\"e-absensi.catat-dinas-luar\"} 1",
        "simpul_dead_letters{class=\"refused\"} 7",
        "simpul_queue_oldest_age_seconds{queue=\"route\",route=\"sppd-terbit\",target=\"\"} 2.5",
        "simpul_target_breaker_state{target=\"e-absensi.catat-dinas-luar\"} 2",
        "simpul_store_commit_jobs_sum 12",
        "simpul_generation 4",
        "simpul_disk_free_bytes 1099511627776",
        "simpul_disk_low 1",
        "simpul_disk_low_limit_bytes 1073741824",
        "simpul_journal_behind_seconds 1.5",
        "simpul_target_paused_by_operator{target=\"e-absensi.catat-dinas-luar\"} 1",
        "simpul_target_failing_since_timestamp_seconds{target=\"e-absensi.catat-dinas-luar\"} 1767225600",
        "simpul_target_certificate_expiry_timestamp_seconds{target=\"e-absensi.catat-dinas-luar\"} 1798761600",
        "simpul_source_last_message_timestamp_seconds{source=\"e-sppd.status\"} 1767225660.5",
        "simpul_reload_last_success_timestamp_seconds 1767225600",
    ] {
        assert!(text.lines().any(|it| it == line), "no `{line}` in\n{text}");
    }
}

#[test]
fn a_route_that_is_gone_leaves_no_series_and_its_neighbour_stays() {
    let metrics = counted();
    metrics.route("sk-mutasi").received.inc();
    metrics.forget_route("sppd-terbit");
    metrics.forget_target("e-absensi.catat-dinas-luar");
    metrics.forget_source("e-absensi.koreksi");
    metrics.listen_to(std::iter::empty(), 0);
    let text = metrics.encode();
    for gone in ["sppd-terbit", "e-absensi", "e-sppd"] {
        assert!(!text.contains(gone), "{gone}: {text}");
    }
    assert!(text.contains("simpul_messages_received_total{route=\"sk-mutasi\"} 1"), "{text}");

    // It comes back counting from zero, on handles that are exported again.
    metrics.route("sppd-terbit").received.inc();
    let text = metrics.encode();
    assert!(text.contains("simpul_messages_received_total{route=\"sppd-terbit\"} 1"), "{text}");
}

#[test]
fn codes_that_nobody_foresaw_do_not_grow_the_series_without_bound() {
    let metrics = Metrics::new();
    for number in 0..1_000 {
        metrics.ingest_refused(&format!("code-{number}"));
    }
    let text = metrics.encode();
    let series = text.lines().filter(|it| it.starts_with("simpul_ingest_refused_total{"));
    assert!(series.count() <= 65, "{text}");
    assert!(text.contains("simpul_ingest_refused_total{code=\"other\"} 936"), "{text}");
}

#[test]
fn the_operators_page_shows_every_metric_as_it_is() {
    let page = std::fs::read_to_string("docs/operating.md").unwrap();
    let start = page.find("| metric | kind, unit | labels | meaning |").unwrap();
    let table = page[start..].split("<!-- end of metrics -->").next().unwrap();
    let rows: Vec<&str> = table.lines().skip(2).collect();
    let expected: Vec<String> = TABLE.iter().map(row).collect();
    assert!(rows == expected, "docs/operating.md should hold:\n\n{}\n", expected.join("\n"));
}

fn row(metric: &Metric) -> String {
    let labels: Vec<String> = metric.labels.iter().map(|it| format!("`{it}`")).collect();
    let kind = format!("{}, {}", metric.kind.as_str(), metric.unit);
    let labels = labels.join(" ");
    let row = format!("| `{}` | {kind} | {labels} | {} |", metric.name, metric.help);
    row.replace("|  |", "| |")
}

#[test]
fn a_source_that_stays_keeps_its_last_message_over_a_reload() {
    let metrics = counted();
    let sources = ["e-sppd.status", "simpeg.sk"].map(str::to_owned);
    metrics.listen_to(sources.into_iter(), 1_767_225_700_000);
    metrics.source_spoke("sirekap.hasil", 1_767_225_800_000);
    let text = metrics.encode();
    let lines = text.lines().filter(|it| it.starts_with("simpul_source_last_message"));
    let lines: Vec<_> = lines.filter_map(|it| it.split_once('{')).map(|(_, it)| it).collect();
    assert_eq!(
        lines,
        ["source=\"e-sppd.status\"} 1767225660.5", "source=\"simpeg.sk\"} 1767225700"]
    );
}

#[test]
fn promtool_finds_nothing_to_complain_about() {
    promtool_passes(&counted().encode());
}

/// Holds metrics against `promtool check metrics`, where it is installed.
#[expect(clippy::print_stdout, reason = "a test that is skipped says so")]
pub(super) fn promtool_passes(metrics: &str) {
    let promtool = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut promtool) = promtool else {
        println!("skipped: `promtool` is not installed (Debian: apt-get install prometheus)");
        return;
    };
    promtool.stdin.take().unwrap().write_all(metrics.as_bytes()).unwrap();
    let output = promtool.wait_with_output().unwrap();
    let said = [output.stdout, output.stderr].concat();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&said));
    assert_eq!(String::from_utf8_lossy(&said), "", "promtool has advice");
}
