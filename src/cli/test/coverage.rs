//! Which ways of the routes the cases went, and which nobody went.

use std::path::Path;

use super::runner::Played;
use crate::{
    cli::project::Files,
    diagnostic::{Report, decode},
    route::{Project, Route, RouteFile, Variables},
    trial::{Coverage, Suite},
};

/// Counts the ways of every route of which cases were played; and what is wrong with what files of
/// tests say of that.
pub(super) fn of(
    directory: &Path,
    files: &Files,
    suites: &[Suite],
    played: &[Played<'_>],
) -> (Vec<Coverage>, Option<String>) {
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
    let wrong = project.finish(Some(())).err().map(|broken| broken.to_string());
    (all, wrong)
}

/// The file of a route, as its author wrote it.
pub(in crate::cli) fn file_of(route: &Route, project: &mut Project<'_>) -> Option<RouteFile> {
    let node = project.unfilled(&format!("routes/{}.yaml", route.name))?;
    // What is wrong with it was told when it was compiled.
    decode(&node, &mut Report::default())
}

/// A line for each route, and with `all` each way that nobody went.
pub(super) fn render(coverage: &[Coverage], all: bool) -> String {
    let mut out = String::new();
    for one in coverage {
        let (gone, of) = one.count();
        out.push_str(&format!("coverage of {}: {gone} of {of}\n", one.route));
        if all {
            for item in one.missing() {
                let (name, line) = (&item.name, item.at.line);
                out.push_str(&format!(
                    "  not covered: {name} (routes/{}.yaml:{line})\n",
                    one.route
                ));
            }
        }
    }
    if !all && coverage.iter().any(|it| it.missing().next().is_some()) {
        out.push_str("`simpul test --coverage` names what is not covered\n");
    }
    out
}

/// The routes that have no tests.
pub(super) fn without(files: &Files, suites: &[Suite]) -> String {
    let has_tests = |name: &str| suites.iter().any(|it| &*it.route == name);
    let names = files.plan.routes.keys().filter(|it| !has_tests(it));
    let names: Vec<_> = names.map(|it| format!("`{it}`")).collect();
    if names.is_empty() { String::new() } else { format!("without tests: {}\n", names.join(", ")) }
}

/// Whether some route is covered by less than so many percent.
pub(super) fn is_below(coverage: &[Coverage], percent: u8) -> bool {
    coverage.iter().any(|it| {
        let (gone, of) = it.count();
        gone * 100 < of * usize::from(percent)
    })
}
