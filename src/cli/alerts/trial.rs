//! Tests for `promtool test rules`: under metrics that go wrong and right again, each alert fires once,
//! no other does, and it is over at the end.

use std::{collections::BTreeMap, time::Duration};

use super::rules::{Alert, Group, quoted};

/// Minutes from one value to the next, and from one evaluation to the next: more often, the tests of a
/// source that may be quiet for days would take minutes.
const STEP: u64 = 5;

/// Steps for which all is well at first.
const BEFORE: u64 = 4;

/// Steps beyond what an alert needs to fire, and to be over.
const MARGIN: u64 = 3;

/// Seconds of a step.
const SECONDS: u64 = STEP * 60;

/// Metrics under which an alert fires once.
pub(super) struct Trial {
    /// Series and how they run.
    pub(super) series: Vec<(String, Run)>,
    /// How long it takes from the trouble to the alert.
    pub(super) fires_after: Duration,
    /// How long it takes from the end of the trouble to that of the alert.
    pub(super) over_after: Duration,
}

/// How a series runs while all is well, in trouble, and afterwards.
#[derive(Debug, Clone, Copy)]
pub(super) enum Run {
    /// A level that is another one in trouble.
    Level(f64, f64),
    /// A counter that rises by so much with each step, and otherwise in trouble.
    Rising(f64, f64),
    /// A counter that rises once, when the trouble begins.
    Once,
    /// A moment that is noted when the trouble begins, and 0 otherwise.
    Since,
    /// The moment of the last message: none comes in trouble.
    Heard,
    /// A series that is there in trouble alone.
    Only,
}

impl Run {
    /// In the notation of promtool, a value for each step.
    fn values(self, trouble: u64, after: u64) -> String {
        // `a+bxn` stands for n + 1 values.
        let (before, trouble, after) = (BEFORE - 1, trouble - 1, after - 1);
        let (begin, end) = (BEFORE, BEFORE + trouble + 1);
        match self {
            Self::Level(good, bad) => {
                format!("{good}+0x{before} {bad}+0x{trouble} {good}+0x{after}")
            }
            Self::Rising(good, bad) => {
                let first = good * begin as f64;
                let second = first + bad * (end - begin) as f64;
                format!("0+{good}x{before} {first}+{bad}x{trouble} {second}+{good}x{after}")
            }
            Self::Once => format!("0+0x{before} 1+0x{trouble} 1+0x{after}"),
            Self::Since => {
                format!("0+0x{before} {}+0x{trouble} 0+0x{after}", begin * SECONDS)
            }
            Self::Only => format!("_x{} 0+0x{trouble} stale _x{after}", before + 1),
            Self::Heard => {
                let (last, next) = (before * SECONDS, end * SECONDS);
                format!("0+{SECONDS}x{before} {last}+0x{trouble} {next}+{SECONDS}x{after}")
            }
        }
    }
}

/// A file of tests for the rules in `rules`: one test for all alerts of a name.
pub(super) fn file(rules: &str, groups: &[Group], job: &str) -> String {
    let mut by_name: BTreeMap<&str, Vec<&Alert>> = BTreeMap::new();
    for alert in groups.iter().flat_map(|it| &it.alerts) {
        by_name.entry(alert.name).or_default().push(alert);
    }
    let mut out = format!(
        "# Derived by `simpul alerts --tests`: each alert fires once and is over, and no other fires with it.\n\
         # promtool test rules {rules}\n\
         rule_files: [{}]\n\
         evaluation_interval: {STEP}m\n\
         tests:\n",
        quoted(rules)
    );
    for (name, alerts) in by_name {
        test(name, &alerts, job, &mut out);
    }
    out
}

fn test(name: &str, alerts: &[&Alert], job: &str, out: &mut String) {
    let most = |time: fn(&Trial) -> Duration| {
        let all = alerts.iter().map(|it| steps(time(&it.trial)));
        all.max().unwrap_or_default() + MARGIN
    };
    let (trouble, after) = (most(|it| it.fires_after), most(|it| it.over_after));
    let end = (BEFORE + trouble + after - 1) * STEP;
    out.push_str(&format!("  - name: {name}\n    interval: {STEP}m\n    input_series:\n"));
    let up = format!("up{{job={}, instance=\"gateway\"}}", quoted(job));
    let mut series: BTreeMap<&str, Run> = BTreeMap::new();
    series.insert(&up, Run::Level(1.0, 1.0));
    for (selector, run) in alerts.iter().flat_map(|it| &it.trial.series) {
        series.insert(selector, *run);
    }
    for (selector, run) in series {
        let selector = selector.replace('\'', "''");
        let values = run.values(trouble, after);
        out.push_str(&format!("      - {{ series: '{selector}', values: '{values}' }}\n"));
    }
    out.push_str("    promql_expr_test:\n");
    let firing = "ALERTS{alertstate=\"firing\"}";
    for moment in [(BEFORE - 1) * STEP, end] {
        out.push_str(&format!(
            "      - {{ expr: '{firing}', eval_time: {moment}m, exp_samples: [] }}\n"
        ));
    }
    // As often as an alert fires that did not a step ago.
    out.push_str(&format!(
        "      - expr: 'sum by (alertname) (count_over_time(({firing} unless {firing} offset {STEP}m)[{end}m:{STEP}m]))'\n        \
         eval_time: {end}m\n        \
         exp_samples: [{{ labels: '{{alertname=\"{name}\"}}', value: {} }}]\n",
        alerts.len()
    ));
}

/// Whole steps that a time takes.
fn steps(time: Duration) -> u64 {
    time.as_secs().div_ceil(SECONDS)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_series_runs_well_then_ill_then_well() {
        assert_eq!(Run::Level(0.0, 1.0).values(3, 2), "0+0x3 1+0x2 0+0x1");
        assert_eq!(Run::Rising(60.0, 0.0).values(3, 2), "0+60x3 240+0x2 240+60x1");
        assert_eq!(Run::Since.values(3, 2), "0+0x3 1200+0x2 0+0x1");
        assert_eq!(Run::Only.values(3, 2), "_x4 0+0x2 stale _x1");
        assert_eq!(Run::Heard.values(3, 2), "0+300x3 900+0x2 2100+300x1");
    }
}
