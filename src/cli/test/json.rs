//! What came of tests, for programs.

use serde::Serialize;

use super::runner::Played;
use crate::{
    cli::screen::say_json,
    diagnostic::Language,
    trial::{Coverage, Item, Reached},
};

#[derive(Serialize)]
struct Report<'a> {
    passed: usize,
    failed: usize,
    cases: Vec<CaseView<'a>>,
    coverage: Vec<CoverageView<'a>>,
}

#[derive(Serialize)]
struct CoverageView<'a> {
    route: &'a str,
    reached: usize,
    reachable: usize,
    ways: Vec<WayView<'a>>,
}

#[derive(Serialize)]
struct WayView<'a> {
    way: &'a str,
    line: u32,
    /// How many cases went it.
    cases: usize,
    /// Why none can.
    #[serde(skip_serializing_if = "Option::is_none")]
    unreachable: Option<&'a str>,
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
    differences: Vec<DifferenceView>,
    /// Why it could not be played.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
}

#[derive(Serialize)]
struct DifferenceView {
    about: String,
    line: u32,
    column: u32,
    lines: Vec<String>,
}

/// Writes all of it as one object.
pub(super) fn tell(played: &[Played<'_>], coverage: &[Coverage], language: Language) {
    let passed = played.iter().filter(|it| it.has_passed()).count();
    let cases = played.iter().map(|it| view(it, language)).collect();
    let coverage = coverage.iter().map(of_route).collect();
    say_json(&Report { passed, failed: played.len() - passed, cases, coverage });
}

fn of_route(coverage: &Coverage) -> CoverageView<'_> {
    let (reached, reachable) = coverage.count();
    let way = |(item, reached): &'_ (Item, Reached)| -> (usize, u32) {
        let cases = if let Reached::By(count) = reached { *count } else { 0 };
        (cases, item.at.line)
    };
    let ways = coverage.items.iter().map(|it| {
        let (cases, line) = way(it);
        let unreachable = if let Reached::Cannot(why) = &it.1 { Some(why.as_str()) } else { None };
        WayView { way: &it.0.name, line, cases, unreachable }
    });
    CoverageView { route: &coverage.route, reached, reachable, ways: ways.collect() }
}

fn view<'a>(played: &'a Played<'_>, language: Language) -> CaseView<'a> {
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
                about: it.about.told(language),
                line: it.at.line,
                column: it.at.column,
                lines: it.lines.iter().map(|it| it.told(language)).collect(),
            })
            .collect(),
        error: came.as_ref().err().map(|it| it.told(language)),
    }
}
