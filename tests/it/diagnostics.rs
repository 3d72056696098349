//! What authors of files read when a file is wrong: the whole text.

use insta::assert_snapshot;
use serde::Deserialize;
use simpul::diagnostic::{Located, Node, Report, read};

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(dead_code, reason = "only read")]
struct Sample {
    name: Located<String>,
    #[serde(default)]
    ready: bool,
    count: Option<u16>,
    #[serde(default)]
    steps: Vec<Step>,
    map: Option<Node>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(dead_code, reason = "only read")]
enum Step {
    Filter(Located<String>),
    Set(Node),
}

/// Everything that is said about a file.
fn said(text: &str) -> String {
    let mut report = Report::default();
    report.enter("sample.yaml");
    let read: Option<Sample> = read(text, &mut report);
    assert_eq!(read.is_none(), report.has_errors());
    let rendered: Vec<_> = report.into_sorted().iter().map(|it| it.render(text)).collect();
    rendered.join("\n")
}

#[test]
fn all_mistakes_of_a_file_are_told_at_once() {
    let text = "nmae: a
ready: no
count: 70000
steps:
  - filter: @.x == 1
  - fitler: $.y
  - filter: $.a
    set: 1
  - filter
map:
  perihal: Nomor: 5
";
    assert_snapshot!(said(text));
}
