//! What came of the scenarios, for people and for programs.

use std::{fmt::Write as _, time::Duration};

use serde_json::{Value, json};

use crate::{
    oracle::rules::{Breach, Rule},
    stage::{Broker, Findings},
};

/// Findings of one rule that are printed; the others are counted.
const SHOWN_MAX: usize = 10;

/// A scenario on a broker, played.
#[derive(Clone)]
pub(crate) struct Line {
    pub(crate) name: &'static str,
    pub(crate) fault: &'static str,
    pub(crate) broker: Broker,
    pub(crate) ended: Ended,
    pub(crate) took: Duration,
}

/// How a scenario ended.
#[derive(Clone)]
pub(crate) enum Ended {
    Played(Findings),
    Skipped(String),
}

impl Line {
    fn findings(&self) -> Option<&Findings> {
        match &self.ended {
            Ended::Played(findings) => Some(findings),
            Ended::Skipped(_) => None,
        }
    }

    pub(crate) fn is_broken(&self) -> bool {
        self.findings().is_some_and(|it| !it.breaches.is_empty())
    }

    /// Whether it broke rules about time alone.
    pub(crate) fn is_only_late(&self) -> bool {
        let is_of_time = |it: &Breach| matches!(it.rule, Rule::Recovery | Rule::Pace);
        self.is_broken() && self.findings().is_some_and(|it| it.breaches.iter().all(is_of_time))
    }

    fn broker(&self) -> &'static str {
        match self.broker {
            Broker::Embedded => "embedded",
            Broker::RabbitMq => "rabbitmq",
        }
    }

    fn word(&self) -> &'static str {
        match &self.ended {
            Ended::Skipped(_) => "skipped",
            Ended::Played(it) if it.breaches.is_empty() => "ok",
            Ended::Played(_) => "BROKEN",
        }
    }

    /// One line while others are still played.
    pub(crate) fn progress(&self) -> String {
        let (name, broker, word) = (self.name, self.broker(), self.word());
        let seconds = self.took.as_secs_f64();
        let why = match &self.ended {
            Ended::Skipped(reason) => format!(": {reason}"),
            Ended::Played(it) => match it.breaches.first() {
                Some(Breach { rule, what }) => {
                    format!(": {rule}: {}", what.lines().next().unwrap_or_default())
                }
                None => String::new(),
            },
        };
        format!("{name} {broker:<8} {word:<7} {seconds:>6.1} s  {}{why}", self.fault)
    }
}

/// The share of the recoveries that is no longer than this.
fn percentile(findings: &Findings, share: f64) -> Option<f64> {
    let mut all: Vec<f64> = findings.recoveries.iter().map(|it| it.took.as_secs_f64()).collect();
    all.sort_by(f64::total_cmp);
    let last = all.len().checked_sub(1)?;
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        clippy::cast_precision_loss,
        reason = "an index into a short list"
    )]
    let index = (last as f64 * share).ceil() as usize;
    all.get(index).copied()
}

const HEADER: &str = "\
scenario         kills accepted delivered  lost  repeats        order  recovery, s   verdict
                                                 flagged unfl.  breaks  p50    p99";

/// A table, and below it each rule that was broken.
pub(crate) fn text(lines: &[Line], seed: u64, took: Duration) -> String {
    let mut out = format!("{HEADER}\n");
    let mut total = Findings::default();
    for line in lines {
        let name = format!("{} {}", line.name, line.broker());
        if let Some(it) = line.findings() {
            row(&mut out, &name, it, line.word());
            add(&mut total, it);
        } else {
            let _ = writeln!(out, "{name:<16} {:>75}", line.word());
        }
    }
    let broken = lines.iter().filter(|it| it.is_broken()).count();
    let word = if broken == 0 { "ok".to_owned() } else { format!("{broken} BROKEN") };
    row(&mut out, "all", &total, &word);
    let skipped = lines.iter().filter(|it| it.findings().is_none()).count();
    let (played, minutes) = (lines.len() - skipped, took.as_secs_f64() / 60.0);
    let _ = writeln!(out, "{played} played, {skipped} skipped, {minutes:.1} min, seed {seed}");
    for line in lines.iter().filter(|it| it.is_broken()) {
        broken_rules(&mut out, line, seed);
    }
    for line in lines {
        if let Ended::Skipped(reason) = &line.ended {
            let _ = writeln!(out, "{} {} skipped: {reason}", line.name, line.broker());
        }
    }
    out.trim_end().to_owned()
}

fn row(out: &mut String, name: &str, it: &Findings, word: &str) {
    let time = |share| percentile(it, share).map_or("-".to_owned(), |it| format!("{it:.2}"));
    let _ = writeln!(
        out,
        "{name:<16} {:>5} {:>8} {:>9} {:>5}  {:>7} {:>5}  {:>6} {:>6} {:>6}  {word}",
        it.kills,
        it.accepted,
        it.delivered,
        it.lost,
        it.flagged,
        it.unflagged,
        it.disorder,
        time(0.5),
        time(0.99),
    );
}

fn add(total: &mut Findings, it: &Findings) {
    total.kills += it.kills;
    total.accepted += it.accepted;
    total.delivered += it.delivered;
    total.lost += it.lost;
    total.flagged += it.flagged;
    total.unflagged += it.unflagged;
    total.disorder += it.disorder;
    total.recoveries.extend(it.recoveries.iter().cloned());
}

fn broken_rules(out: &mut String, line: &Line, seed: u64) {
    let Some(findings) = line.findings() else { return };
    let (name, broker) = (line.name, line.broker());
    let _ = writeln!(out, "\n{name} on {broker}: {}", line.fault);
    for Breach { rule, what } in findings.breaches.iter().take(SHOWN_MAX) {
        let _ = writeln!(out, "  {rule}: {what}");
    }
    let more = findings.breaches.len().saturating_sub(SHOWN_MAX);
    if 0 < more {
        let _ = writeln!(out, "  … and {more} more");
    }
    let _ = writeln!(
        out,
        "  again: cargo run --features faults --bin faults -- {name} --broker {broker} --seed {seed}"
    );
}

/// The same as one JSON object.
pub(crate) fn json(lines: &[Line], seed: u64, took: Duration) -> String {
    let one = |line: &Line| -> Value {
        let mut value = json!({
            "scenario": line.name,
            "fault": line.fault,
            "broker": line.broker(),
            "verdict": line.word().to_lowercase(),
            "seconds": line.took.as_secs_f64(),
        });
        match &line.ended {
            Ended::Skipped(reason) => value["skipped"] = json!(reason),
            Ended::Played(it) => {
                value["kills"] = json!(it.kills);
                value["accepted"] = json!(it.accepted);
                value["delivered"] = json!(it.delivered);
                value["lost"] = json!(it.lost);
                value["repeats"] = json!({ "flagged": it.flagged, "unflagged": it.unflagged });
                value["order_breaks"] = json!(it.disorder);
                let of = |share| percentile(it, share);
                value["recovery_seconds"] = json!({ "p50": of(0.5), "p99": of(0.99) });
                let broken = it.breaches.iter();
                let broken =
                    broken.map(|it| json!({ "rule": it.rule.to_string(), "what": it.what }));
                value["broken"] = broken.collect();
            }
        }
        value
    };
    let scenarios: Vec<Value> = lines.iter().map(one).collect();
    let broken = lines.iter().filter(|it| it.is_broken()).count();
    let seconds = took.as_secs_f64();
    json!({ "seed": seed, "seconds": seconds, "broken": broken, "scenarios": scenarios })
        .to_string()
}
