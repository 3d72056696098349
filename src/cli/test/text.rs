//! What came of tests, for people.

use std::time::Duration;

use super::runner::Played;
use crate::{
    cli::{
        project::Files,
        screen::{counted, escaped},
    },
    trial::{Difference, Suite},
};

/// A line for each file, what failed below it, and the sum of all.
pub(super) fn render(
    files: &Files,
    suites: &[Suite],
    played: &[Played<'_>],
    took: Duration,
) -> String {
    let mut out = String::new();
    for suite in suites {
        let of_suite: Vec<_> = played.iter().filter(|it| it.suite.file == suite.file).collect();
        if of_suite.is_empty() {
            continue;
        }
        let failed = of_suite.iter().filter(|it| !it.has_passed()).count();
        let cases = counted(of_suite.len() as u64, "case", "cases");
        match failed {
            0 => out.push_str(&format!("{}: {cases}\n", suite.file)),
            _ => out.push_str(&format!("{}: {cases}, {failed} FAILED\n", suite.file)),
        }
        for one in of_suite.into_iter().filter(|it| !it.has_passed()) {
            out.push_str(&failure(one));
        }
    }
    let failed = played.iter().filter(|it| !it.has_passed()).count();
    if 0 < failed {
        out.push('\n');
    }
    let without: Vec<_> = files
        .plan
        .routes
        .keys()
        .filter(|it| suites.iter().all(|suite| suite.route != **it))
        .collect();
    if !without.is_empty() {
        let names = without.iter().map(|it| format!("`{it}`")).collect::<Vec<_>>().join(", ");
        out.push_str(&format!("without tests: {names}\n"));
    }
    let cases = counted(played.len() as u64, "case", "cases");
    let passed = played.len() - failed;
    let seconds = took.as_secs_f64();
    out.push_str(&format!("{cases}: {passed} passed, {failed} failed, in {seconds:.2} s"));
    escaped(&out)
}

/// A case that failed: where it stands, and each difference.
pub(super) fn failure(played: &Played<'_>) -> String {
    let Played { suite, case, came, .. } = played;
    let mut out = format!("\n  FAILED: {}\n", case.name);
    out.push_str(&format!("  --> {}:{}:{}\n", suite.file, case.at.line, case.at.column));
    match came {
        Err(why) => why.lines().for_each(|it| out.push_str(&format!("    {it}\n"))),
        Ok((_, differences)) => differences.iter().for_each(|it| out.push_str(&difference(it))),
    }
    out
}

fn difference(it: &Difference) -> String {
    let mut out = match it.lines.as_slice() {
        [one] => format!("    {}: {one} (line {})\n", it.about, it.at.line),
        _ => format!("    {} (line {})\n", it.about, it.at.line),
    };
    if 1 < it.lines.len() {
        it.lines.iter().for_each(|line| out.push_str(&format!("      {line}\n")));
    }
    out
}
