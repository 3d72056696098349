//! Rules, and the YAML that Prometheus reads them from.

use std::time::Duration;

use super::trial::Trial;

/// Columns at which descriptions are folded.
const COLUMNS: usize = 110;

/// Some rules that are evaluated one after the other.
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) records: Vec<Record>,
    pub(super) alerts: Vec<Alert>,
}

/// A rule that keeps what an expression came to, under a name.
pub(super) struct Record {
    pub(super) name: &'static str,
    pub(super) expr: String,
    pub(super) labels: Vec<(&'static str, String)>,
}

/// A rule for a state that somebody has to end.
pub(super) struct Alert {
    pub(super) name: &'static str,
    /// Holds while the state lasts.
    pub(super) expr: String,
    /// How long it has to hold.
    pub(super) hold: Duration,
    pub(super) severity: Severity,
    /// Beside those of the expression.
    pub(super) labels: Vec<(&'static str, String)>,
    /// What and which, in a line.
    pub(super) summary: String,
    /// What that means, what to do first, whom to ask.
    pub(super) description: String,
    /// Metrics under which it fires once.
    pub(super) trial: Trial,
}

/// How soon somebody has to look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Severity {
    /// Now, also at night.
    Critical,
    /// Today.
    Warning,
    /// When somebody looks anyway.
    Info,
}

impl Severity {
    fn as_str(self) -> &'static str {
        match self {
            Self::Critical => "critical",
            Self::Warning => "warning",
            Self::Info => "info",
        }
    }
}

/// Times as PromQL has them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Times {
    /// What every time is divided by.
    pub(super) faster: u32,
}

impl Times {
    fn scaled(self, time: Duration) -> Duration {
        time / self.faster.max(1)
    }

    /// A time behind `for:` or in brackets: `5m`.
    pub(super) fn of(self, time: Duration) -> String {
        // PromQL knows no shorter one.
        let ms = self.scaled(time).as_millis().max(1);
        let units = [(86_400_000, "d"), (3_600_000, "h"), (60_000, "m"), (1_000, "s"), (1, "ms")];
        let whole = units.iter().find(|(unit_ms, _)| ms.is_multiple_of(*unit_ms));
        let (unit_ms, unit) = whole.unwrap_or(&(1, "ms"));
        format!("{}{unit}", ms / unit_ms)
    }

    /// A time as a number of seconds: `300`.
    pub(super) fn seconds(self, time: Duration) -> String {
        self.scaled(time).as_secs_f64().to_string()
    }
}

/// A text between quotation marks, for PromQL and YAML.
pub(super) fn quoted(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}

/// A text from the files for an annotation or a label, which are templates.
pub(super) fn literal(text: &str) -> String {
    text.replace("{{", "{{\"{{\"}}")
}

/// A file with all rules.
pub(super) fn file(groups: &[Group], runbook: &str, times: Times) -> String {
    let mut out = String::from(
        "# Derived from the files of a project by `simpul alerts`: not to be edited, but printed anew when\n\
         # routes, sources or targets change. docs/alerts.md says what to do about each alert.\n\
         groups:\n",
    );
    for group in groups.iter().filter(|it| !it.records.is_empty() || !it.alerts.is_empty()) {
        out.push_str(&format!("  - name: {}\n    rules:\n", group.name));
        for record in &group.records {
            out.push_str(&format!("      - record: {}\n", record.name));
            expr(&record.expr, &mut out);
            labels(&record.labels, &mut out);
        }
        for alert in &group.alerts {
            write(alert, runbook, times, &mut out);
        }
    }
    out
}

fn write(alert: &Alert, runbook: &str, times: Times, out: &mut String) {
    out.push_str(&format!("      - alert: {}\n", alert.name));
    expr(&alert.expr, out);
    if !alert.hold.is_zero() {
        out.push_str(&format!("        for: {}\n", times.of(alert.hold)));
    }
    let mut all = vec![("severity", alert.severity.as_str().to_owned())];
    all.extend(alert.labels.iter().filter(|(_, value)| !value.is_empty()).cloned());
    labels(&all, out);
    out.push_str("        annotations:\n");
    folded("summary", &alert.summary, out);
    folded("description", &alert.description, out);
    let section = format!("{runbook}#{}", alert.name.to_ascii_lowercase());
    out.push_str(&format!("          runbook_url: {}\n", quoted(&section)));
}

fn expr(expr: &str, out: &mut String) {
    if !expr.contains('\n') {
        out.push_str(&format!("        expr: '{}'\n", expr.replace('\'', "''")));
        return;
    }
    out.push_str("        expr: |-\n");
    for line in expr.lines() {
        out.push_str(&format!("          {line}\n"));
    }
}

fn labels(labels: &[(&'static str, String)], out: &mut String) {
    if labels.is_empty() {
        return;
    }
    let all = labels.iter().map(|(name, value)| format!("{name}: {}", quoted(value)));
    out.push_str(&format!("        labels: {{ {} }}\n", all.collect::<Vec<_>>().join(", ")));
}

/// A text over several lines, which YAML joins with single spaces.
fn folded(key: &str, text: &str, out: &mut String) {
    out.push_str(&format!("          {key}: >-\n"));
    let mut line = String::new();
    let mut end = |line: &mut String| {
        out.push_str(&format!("            {line}\n"));
        line.clear();
    };
    let mut words: Vec<String> = Vec::new();
    for word in text.split_whitespace() {
        match words.last_mut() {
            // A template stays in one line.
            Some(open) if open.matches("{{").count() > open.matches("}}").count() => {
                open.push(' ');
                open.push_str(word);
            }
            _ => words.push(word.to_owned()),
        }
    }
    for word in &words {
        if !line.is_empty() && COLUMNS < 12 + line.chars().count() + 1 + word.chars().count() {
            end(&mut line);
        }
        if !line.is_empty() {
            line.push(' ');
        }
        line.push_str(word);
    }
    end(&mut line);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_in_their_largest_whole_unit_and_divided() {
        let usual = Times { faster: 1 };
        assert_eq!(usual.of(Duration::from_mins(90)), "90m");
        assert_eq!(usual.of(Duration::from_hours(48)), "2d");
        assert_eq!(usual.seconds(Duration::from_mins(5)), "300");
        let faster = Times { faster: 120 };
        assert_eq!(faster.of(Duration::from_mins(5)), "2500ms");
        assert_eq!(faster.seconds(Duration::from_mins(5)), "2.5");
        assert_eq!(Times { faster: 10_000 }.of(Duration::from_secs(1)), "1ms");
    }

    #[test]
    fn what_files_say_is_no_template() {
        assert_eq!(literal("a {{ $x }} b"), "a {{\"{{\"}} $x }} b");
    }
}
