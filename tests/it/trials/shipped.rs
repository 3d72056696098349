//! The routes that ship with the project.

use std::{fs, path::Path};

use super::{json, simpul_on, told, write};
use crate::manual::copy;

/// The blocks of a page that are written in `language`.
fn blocks(page: &str, language: &str) -> Vec<String> {
    let text = fs::read_to_string(page).unwrap();
    let parts = text.split("```").skip(1).step_by(2);
    parts.filter_map(|it| it.strip_prefix(&format!("{language}\n")).map(str::to_owned)).collect()
}

#[test]
fn the_manual_says_what_happens() {
    // The route of the tutorial, where other examples of the manual are put as well.
    let folder = tempfile::tempdir().unwrap();
    copy(Path::new("tests/it/manual/project"), folder.path());
    let text = &blocks("docs/testing.md", "yaml")[0];
    let name = text.lines().next().unwrap().trim_start_matches("# ");
    write(folder.path(), name, text);
    let console = &blocks("docs/testing.md", "console")[0];
    let manual = console.trim_end().strip_prefix("$ simpul test\n").unwrap();
    let said = simpul_on(folder.path(), &["test"]);
    assert_eq!(told(&said), manual.replace(" failed, in 0.01 s", " failed"));
}

#[test]
fn every_shipped_route_has_tests_that_pass_and_go_every_way() {
    let said = simpul_on(Path::new("."), &["test", "--min-coverage", "100", "--format", "json"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let told = json(&said);
    assert_eq!(told["failed"], 0);
    let covered: Vec<_> = told["coverage"].as_array().unwrap().iter().collect();
    let routes = fs::read_dir("routes").unwrap().map(|it| it.unwrap().file_name());
    let routes = routes.map(|it| it.into_string().unwrap());
    let mut count = 0;
    for route in routes.filter(|it| !it.contains(".test.")) {
        let name = route.strip_suffix(".yaml").unwrap();
        let coverage = covered.iter().find(|it| it["route"] == name);
        let coverage = coverage.unwrap_or_else(|| panic!("`{name}` has no tests"));
        assert_eq!(coverage["reached"], coverage["reachable"], "{coverage:#}");
        // A list of ways that is empty would be covered too.
        assert!(20 <= coverage["reachable"].as_u64().unwrap(), "{coverage:#}");
        count += 1;
    }
    assert!(0 < count);
}

#[test]
fn a_case_gives_the_same_each_time_and_on_each_core() {
    let play = || json(&simpul_on(Path::new("."), &["test", "--format", "json"]));
    assert_eq!(play(), play());
}
