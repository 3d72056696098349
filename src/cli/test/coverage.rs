//! Which ways of the routes the cases went, and which nobody went.

use std::path::Path;

use super::runner::Played;
use crate::{
    cli::project::Files,
    diagnostic::{Language, Report, decode, text},
    route::{Broken, Project, Route, RouteFile, Variables},
    trial::{Coverage, Suite},
};

/// Counts the ways of every route of which cases were played; and what is wrong with what files of
/// tests say of that.
pub(super) fn of(
    directory: &Path,
    files: &Files,
    suites: &[Suite],
    played: &[Played<'_>],
) -> (Vec<Coverage>, Option<Broken>) {
    let variables = Variables::stand_ins();
    let mut project = Project::new(directory, &variables);
    let mut all = Vec::new();
    for suite in suites {
        let of_suite = || played.iter().filter(|it| it.suite.file == suite.file);
        let Some(route) = files.plan.routes.get(&suite.route) else { continue };
        if of_suite().next().is_none() {
            continue;
        }
        let Some(file) = file_of(route, &mut project) else { continue };
        // For showing what is wrong in it.
        project.text(&suite.file);
        let seen = of_suite().filter_map(|it| it.came.as_ref().ok()).map(|(seen, _)| seen);
        all.push(Coverage::of((&files.plan, route, &file), suite, seen, &mut project.report));
    }
    (all, project.finish(Some(())).err())
}

/// The file of a route, as its author wrote it.
pub(in crate::cli) fn file_of(route: &Route, project: &mut Project<'_>) -> Option<RouteFile> {
    let node = project.unfilled(&format!("routes/{}.yaml", route.name))?;
    // What is wrong with it was told when it was compiled.
    decode(&node, &mut Report::default())
}

/// A line for each route, and with `all` each way that nobody went.
pub(super) fn render(coverage: &[Coverage], all: bool, language: Language) -> String {
    let mut out = String::new();
    for one in coverage {
        let (gone, of) = one.count();
        let line = text!("coverage of {}: {} of {}", &one.route, &gone, &of);
        out.push_str(&format!("{}\n", line.told(language)));
        if all {
            for item in one.missing() {
                let (name, line) = (&item.name, item.at.line);
                let place = format!("routes/{}.yaml:{line}", one.route);
                let line = text!("not covered: {} ({})", name, &place);
                out.push_str(&format!("  {}\n", line.told(language)));
            }
        }
    }
    if !all && coverage.iter().any(|it| it.missing().next().is_some()) {
        let line = text!("`simpul test --coverage` names what is not covered");
        out.push_str(&format!("{}\n", line.told(language)));
    }
    out
}

/// The routes that have no tests.
pub(super) fn without(files: &Files, suites: &[Suite], language: Language) -> String {
    let has_tests = |name: &str| suites.iter().any(|it| &*it.route == name);
    let names = files.plan.routes.keys().filter(|it| !has_tests(it));
    let names: Vec<_> = names.map(|it| format!("`{it}`")).collect();
    match names.as_slice() {
        [] => String::new(),
        names => format!("{}\n", text!("without tests: {}", &names.join(", ")).told(language)),
    }
}

/// Whether some route is covered by less than so many percent.
pub(super) fn is_below(coverage: &[Coverage], percent: u8) -> bool {
    coverage.iter().any(|it| {
        let (gone, of) = it.count();
        gone * 100 < of * usize::from(percent)
    })
}
