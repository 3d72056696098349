//! What came of tests, for people.

use std::time::Duration;

use super::runner::Played;
use crate::{cli::screen::counted, trial::Difference};

/// A line for each file, what failed below it, and the sum of all.
pub(super) fn render(played: &[Played<'_>], took: Duration) -> String {
    let mut out = String::new();
    for of_file in played.chunk_by(|left, right| left.suite.file == right.suite.file) {
        let Some(first) = of_file.first() else { continue };
        let failed = of_file.iter().filter(|it| !it.has_passed()).count();
        let cases = counted(of_file.len() as u64, "case", "cases");
        match failed {
            0 => out.push_str(&format!("{}: {cases} passed\n", first.suite.file)),
            _ => out.push_str(&format!("{}: {cases}, {failed} FAILED\n", first.suite.file)),
        }
        for one in of_file.iter().filter(|it| !it.has_passed()) {
            out.push_str(&failure(one));
        }
    }
    let failed = played.iter().filter(|it| !it.has_passed()).count();
    if 0 < failed {
        out.push('\n');
    }
    let cases = counted(played.len() as u64, "case", "cases");
    let (passed, seconds) = (played.len() - failed, took.as_secs_f64());
    out.push_str(&format!("{cases}: {passed} passed, {failed} failed, in {seconds:.2} s\n"));
    out
}

/// A case that failed: where it stands, and each difference.
fn failure(played: &Played<'_>) -> String {
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
