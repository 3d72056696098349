//! What came of tests, for people.

use std::time::Duration;

use super::runner::Played;
use crate::{
    diagnostic::{Language, Text, text},
    trial::Difference,
};

/// A line for each file, what failed below it, and the sum of all.
pub(super) fn render(played: &[Played<'_>], took: Duration, language: Language) -> String {
    let mut out = String::new();
    for of_file in played.chunk_by(|left, right| left.suite.file == right.suite.file) {
        let Some(first) = of_file.first() else { continue };
        let failed = of_file.iter().filter(|it| !it.has_passed()).count();
        let (file, cases) = (&first.suite.file, cases(of_file.len()));
        let line = match failed {
            0 => text!("{}: {} passed", file, cases),
            _ => text!("{}: {}, {} FAILED", file, cases, &failed),
        };
        out.push_str(&format!("{}\n", line.told(language)));
        for one in of_file.iter().filter(|it| !it.has_passed()) {
            out.push_str(&failure(one, language));
        }
    }
    let failed = played.iter().filter(|it| !it.has_passed()).count();
    if 0 < failed {
        out.push('\n');
    }
    let (passed, seconds) = (played.len() - failed, format!("{:.2}", took.as_secs_f64()));
    let sum =
        text!("{}: {} passed, {} failed, in {} s", cases(played.len()), &passed, &failed, &seconds);
    out.push_str(&format!("{}\n", sum.told(language)));
    out
}

fn cases(count: usize) -> Text {
    match count {
        1 => text!("1 case"),
        many => text!("{} cases", &many),
    }
}

/// A case that failed: where it stands, and each difference.
fn failure(played: &Played<'_>, language: Language) -> String {
    let Played { suite, case, came, .. } = played;
    let failed = text!("FAILED: {}", &case.name).told(language);
    let mut out = format!("\n  {failed}\n");
    out.push_str(&format!("  --> {}:{}:{}\n", suite.file, case.at.line, case.at.column));
    match came {
        Err(why) => {
            why.told(language).lines().for_each(|it| out.push_str(&format!("    {it}\n")));
        }
        Ok((_, differences)) => {
            differences.iter().for_each(|it| out.push_str(&difference(it, language)));
        }
    }
    out
}

fn difference(it: &Difference, language: Language) -> String {
    let about = it.about.clone();
    let first = match it.lines.as_slice() {
        [one] => text!("{}: {} (line {})", about, one.clone(), &it.at.line),
        _ => text!("{} (line {})", about, &it.at.line),
    };
    let mut out = format!("    {}\n", first.told(language));
    if 1 < it.lines.len() {
        let lines = it.lines.iter().map(|it| it.told(language));
        lines.for_each(|line| out.push_str(&format!("      {line}\n")));
    }
    out
}
