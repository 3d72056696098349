//! `simpul fmt`: one form, in which nothing is lost.

use std::{fs, path::Path};

use proptest::prelude::*;
use simpul::diagnostic::{Formatted, Node, NodeKind, Report, format, parse};

use crate::command_line::{simpul, simpul_with};

/// The canonical form; `None` for what does not parse.
fn formatted(text: &str) -> Option<String> {
    match format(text, &mut Report::default())? {
        Formatted::As(text) => Some(text),
        Formatted::Unsure => panic!("something would be lost of:\n{text}"),
    }
}

/// What a text says, without its places.
fn meaning(text: &str) -> String {
    let mut report = Report::default();
    let node = parse(text, &mut report).unwrap();
    assert!(!report.has_errors(), "{report:?}\n{text}");
    let mut all = String::new();
    tell(&node, &mut all);
    all
}

fn tell(node: &Node, all: &mut String) {
    match &node.kind {
        NodeKind::Scalar(scalar) => all.push_str(&format!("{:?} {:?};", scalar.style, scalar.text)),
        NodeKind::List(items) => {
            all.push('[');
            items.iter().for_each(|it| tell(it, all));
            all.push(']');
        }
        NodeKind::Map(entries) => {
            all.push('{');
            for (key, it) in entries {
                all.push_str(&format!("{:?}:", key.value));
                tell(it, all);
            }
            all.push('}');
        }
    }
}

/// Formats a text that parses, and holds the result to all that is promised.
fn keeps_everything(text: &str) -> String {
    let once = formatted(text).unwrap();
    assert_eq!(meaning(&once), meaning(text), "{text}\nbecame\n{once}");
    assert_eq!(formatted(&once).unwrap(), once, "not at rest:\n{text}");
    once
}

#[test]
fn the_form_is_this() {
    let messy = "
---
# what it is for


route:   a     # behind


identity:
- $.a
# before b
- $.b
search: {a:   $.x, 'b': \"say \\\"hi\\\"\",   c: 'it''s', # inner
  d: [ $.x,   $.y ]}
steps:
    # before the filter
    - filter: $.status == 'A'
        && $.b   # behind lines
    -   map:
          text: |
             first

               second
          # behind the block
          list:
             - - 1
               - [2, 3]
             - {}
          # the last of map
    # behind the steps
to: [ { target: a.b, map: { nomor: $.nomor, perihal: \"yang panjang sekali ${$.a}\", lagi: \"dan ${$.b}\" } } ]
# the end
";
    insta::assert_snapshot!(keeps_everything(messy), @r#"
    # what it is for

    route: a  # behind

    identity:
      - $.a
      # before b
      - $.b
    search:
      a: $.x
      "b": 'say "hi"'
      c: "it's"  # inner
      d: [$.x, $.y]
    steps:
      # before the filter
      - filter: $.status == 'A'
          && $.b  # behind lines
      - map:
          text: |
            first

              second
          # behind the block
          list:
            - - 1
              - [2, 3]
            - {}
          # the last of map
      # behind the steps
    to:
      - target: a.b
        map: { nomor: $.nomor, perihal: "yang panjang sekali ${$.a}", lagi: "dan ${$.b}" }
    # the end
    "#);
}

/// The YAML files that are shipped, and those in the documentation.
fn texts() -> Vec<(String, String)> {
    let mut texts = Vec::new();
    let mut add = |path: &Path| {
        texts.push((path.display().to_string(), fs::read_to_string(path).unwrap()));
    };
    add(Path::new("simpul.yaml"));
    for folder in ["routes", "connectors"] {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_some_and(|it| it == "yaml") {
                add(&path);
            }
        }
    }
    for entry in fs::read_dir("docs").unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_some_and(|it| it == "md") {
            let text = fs::read_to_string(&path).unwrap();
            let blocks = text.split("```yaml\n").skip(1);
            let blocks = blocks.filter_map(|it| Some(it.split_once("\n```")?.0.to_owned() + "\n"));
            texts.extend(blocks.map(|it| (path.display().to_string(), it)));
        }
    }
    texts
}

#[test]
fn shipped_files_are_in_the_form_and_those_of_the_manual_lose_nothing() {
    let texts = texts();
    assert!(30 < texts.len(), "{}", texts.len());
    for (name, text) in texts {
        if parse(&text, &mut Report::default()).is_none() {
            continue;
        }
        let once = keeps_everything(&text);
        if name.ends_with(".yaml") {
            assert_eq!(once, text, "{name} is not in the form");
        }
    }
}

/// A document with a numbered comment wherever one may stand, written as untidily as may be.
#[derive(Debug, Clone)]
enum Messy {
    Scalar(&'static str),
    List(Vec<Messy>),
    Map(Vec<(&'static str, Messy)>),
    Flow(&'static str),
}

const SCALARS: [&str; 12] = [
    "$.a",
    "5",
    "null",
    "'it''s'",
    "\"a \\\"b\\\"\"",
    "\"\\u00e9\\t\"",
    "true",
    "a#b",
    "'#'",
    "x y",
    "'a: b'",
    "\"\"",
];

const FLOWS: [&str; 6] = [
    "{}",
    "[]",
    "{a: 1,  'b': [x,y , {c: $.d}]}",
    "[ 'x', \"y\" ]",
    "{ aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa: 'bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb', c: [ddddd, eeeee] }",
    "[a: b, c]",
];

const KEYS: [&str; 6] = ["a", "b1", "'c d'", "\"e\"", "$.f", "g-h"];

fn messy() -> impl Strategy<Value = Messy> {
    let leaf = prop_oneof![
        proptest::sample::select(&SCALARS[..]).prop_map(Messy::Scalar),
        proptest::sample::select(&FLOWS[..]).prop_map(Messy::Flow),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        let entries = proptest::sample::subsequence(&KEYS[..], 1..=3).prop_flat_map({
            let inner = inner.clone();
            move |keys| {
                let values = proptest::collection::vec(inner.clone(), keys.len());
                values.prop_map(move |it| Messy::Map(keys.iter().copied().zip(it).collect()))
            }
        });
        prop_oneof![entries, proptest::collection::vec(inner, 1..4).prop_map(Messy::List)]
    })
}

/// Writes a document, with what chance says for spaces, blank lines and comments.
struct Writer<'a> {
    text: String,
    chances: std::iter::Cycle<std::slice::Iter<'a, u8>>,
    comments: usize,
}

impl Writer<'_> {
    fn chance(&mut self, of: u8) -> u8 {
        self.chances.next().unwrap() % of
    }

    fn comment(&mut self) -> String {
        self.comments += 1;
        format!("# c{}", self.comments)
    }

    /// Comments and blank lines before an entry, at any column.
    fn before(&mut self, column: usize) {
        for _ in 0..self.chance(3) {
            match self.chance(4) {
                0 => self.text.push('\n'),
                1 => {
                    let column = column + usize::from(self.chance(5));
                    let comment = self.comment();
                    self.text.push_str(&format!("{}{comment}\n", " ".repeat(column)));
                }
                2 => {
                    let comment = self.comment();
                    let column = usize::from(self.chance(9));
                    self.text.push_str(&format!("{}{comment}  \n", " ".repeat(column)));
                }
                _ => {}
            }
        }
    }

    fn end_of_line(&mut self) {
        if self.chance(4) == 0 {
            let comment = self.comment();
            let blanks = " ".repeat(1 + usize::from(self.chance(4)));
            self.text.push_str(&format!("{blanks}{comment}"));
        }
        self.text.push('\n');
    }

    /// Writes what stands behind a `key:` or `-` at `column`.
    fn value(&mut self, value: &Messy, column: usize) {
        match value {
            Messy::Scalar(text) | Messy::Flow(text) => {
                let blanks = " ".repeat(1 + usize::from(self.chance(3)));
                self.text.push_str(&format!("{blanks}{text}"));
                self.end_of_line();
            }
            Messy::List(_) | Messy::Map(_) => {
                self.end_of_line();
                let deeper = column + 1 + usize::from(self.chance(4));
                self.collection(value, deeper);
            }
        }
    }

    fn collection(&mut self, value: &Messy, column: usize) {
        let indent = " ".repeat(column);
        match value {
            Messy::List(items) => {
                for item in items {
                    self.before(column);
                    self.text.push_str(&format!("{indent}-"));
                    self.value(item, column);
                }
            }
            Messy::Map(entries) => {
                for (key, item) in entries {
                    self.before(column);
                    self.text.push_str(&format!("{indent}{key}:"));
                    self.value(item, column);
                }
            }
            Messy::Scalar(text) | Messy::Flow(text) => self.text.push_str(&format!("{text}\n")),
        }
    }
}

/// The numbers of the comments, in the order in which they stand.
fn numbers(text: &str) -> Vec<usize> {
    let parts = text.split("# c").skip(1);
    parts
        .map(|it| it.split(|it: char| !it.is_ascii_digit()).next().unwrap().parse().unwrap())
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn nothing_is_lost_of_whatever_is_written_and_the_form_is_at_rest(
        document in messy(),
        chances in proptest::collection::vec(any::<u8>(), 64),
    ) {
        // A single value is no file, and left as it is.
        prop_assume!(!matches!(document, Messy::Scalar(_)));
        let mut writer = Writer { text: String::new(), chances: chances.iter().cycle(), comments: 0 };
        writer.collection(&document, 0);
        writer.before(0);
        let Writer { text, comments, .. } = writer;
        let once = keeps_everything(&text);
        prop_assert_eq!(numbers(&once), (1..=comments).collect::<Vec<_>>(), "{}\n{}", text, once);
        prop_assert!(once.lines().all(|it| it == it.trim_end()), "{}", once);
    }

    #[test]
    fn whatever_is_done_to_a_file_it_is_formatted_whole_or_not_at_all(
        which in any::<proptest::sample::Index>(),
        place in any::<proptest::sample::Index>(),
        instead in proptest::sample::select(&["", " ", "\n", "\n\n  ", "# x\n", ": ", "- ", "'", "|\n", "{", "]", "\t", "é"][..]),
    ) {
        let texts = texts();
        let (_, text) = &texts[which.index(texts.len())];
        let letters: Vec<char> = text.chars().collect();
        let at = place.index(letters.len());
        let before: String = letters[..at].iter().collect();
        let after: String = letters[at + 1..].iter().collect();
        let changed = format!("{before}{instead}{after}");
        if let Some(once) = formatted(&changed) {
            prop_assert_eq!(formatted(&once), Some(once.clone()), "not at rest:\n{}", changed);
        }
    }
}

#[test]
fn files_are_changed_where_they_stand_and_a_wrong_one_is_told_and_left() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path();
    fs::create_dir(root.join("routes")).unwrap();
    fs::write(root.join("simpul.yaml"), "listen:   127.0.0.1:8080\r\n").unwrap();
    fs::write(root.join("routes/a.yaml"), "route: a\n").unwrap();
    fs::write(root.join("routes/b.yaml"), "route: *b\n").unwrap();
    let project = root.to_str().unwrap();

    let looked = simpul(&["--project", project, "fmt", "--check"]);
    assert_eq!(looked.code, 1);
    assert_eq!(
        fs::read_to_string(root.join("simpul.yaml")).unwrap(),
        "listen:   127.0.0.1:8080\r\n"
    );
    assert_eq!(
        looked.out,
        "simpul.yaml\n1 file is not in the canonical form; 1 file does not parse\n"
    );
    assert!(looked.err.contains("--> routes/b.yaml:1:8"), "{}", looked.err);

    let done = simpul(&["--project", project, "fmt"]);
    assert_eq!(done.code, 1, "{}", done.err);
    assert_eq!(fs::read_to_string(root.join("simpul.yaml")).unwrap(), "listen: 127.0.0.1:8080\n");
    assert_eq!(fs::read_to_string(root.join("routes/b.yaml")).unwrap(), "route: *b\n");
    assert_eq!(fs::read_dir(root).unwrap().count(), 2);

    fs::remove_file(root.join("routes/b.yaml")).unwrap();
    let rest = simpul(&["--project", project, "fmt", "--check"]);
    assert_eq!((rest.code, rest.out.as_str()), (0, "2 files are in their form\n"), "{}", rest.err);
}

#[test]
fn an_editor_can_pass_a_file_through() {
    let said = simpul_with(&["fmt", "-"], "a:   1 # x\n\n\n\nb: 2");
    assert_eq!((said.code, said.out.as_str()), (0, "a: 1  # x\n\nb: 2\n"));
    let said = simpul_with(&["fmt", "-"], "a: *x");
    assert_eq!((said.code, said.out.as_str()), (1, ""));
}
