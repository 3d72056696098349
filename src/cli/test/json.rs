//! What came of tests, for programs.

use serde::Serialize;

use super::runner::Played;
use crate::cli::screen::say_json;

#[derive(Serialize)]
struct Report<'a> {
    passed: usize,
    failed: usize,
    cases: Vec<CaseView<'a>>,
}

#[derive(Serialize)]
struct CaseView<'a> {
    route: &'a str,
    file: &'a str,
    line: u32,
    case: &'a str,
    passed: bool,
    /// How long it took to play, in milliseconds.
    ms: f64,
    differences: Vec<DifferenceView<'a>>,
    /// Why it could not be played.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<&'a str>,
}

#[derive(Serialize)]
struct DifferenceView<'a> {
    about: &'a str,
    line: u32,
    column: u32,
    lines: &'a [String],
}

/// Writes all of it as one object.
pub(super) fn tell(played: &[Played<'_>]) {
    let passed = played.iter().filter(|it| it.has_passed()).count();
    let cases = played.iter().map(view).collect();
    say_json(&Report { passed, failed: played.len() - passed, cases });
}

fn view<'a>(played: &'a Played<'_>) -> CaseView<'a> {
    let Played { suite, case, came, took } = played;
    let differences = came.as_ref().map(|(_, it)| it.as_slice()).unwrap_or_default();
    CaseView {
        route: &suite.route,
        file: &suite.file,
        line: case.at.line,
        case: &case.name,
        passed: played.has_passed(),
        ms: took.as_secs_f64() * 1_000.0,
        differences: differences
            .iter()
            .map(|it| DifferenceView {
                about: &it.about,
                line: it.at.line,
                column: it.at.column,
                lines: &it.lines,
            })
            .collect(),
        error: came.as_ref().err().map(String::as_str),
    }
}
