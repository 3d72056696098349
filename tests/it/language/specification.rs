//! Every row of `tests/lang/*.yaml` holds.

use std::{collections::BTreeSet, fs};

use simpul::{diagnostic::Text, expr, message::Headers};

use super::support::{Kind, Message, Outcome, run};

/// A file of the specification.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[expect(dead_code, reason = "for readers")]
    about: String,
    kind: Kind,
    /// The document of the rows that bear none.
    document: String,
    #[serde(default)]
    headers: Headers,
    rows: Vec<Row>,
}

/// One text, and what it comes to: exactly one of value, nothing, error, refused.
#[derive(serde::Deserialize)]
#[serde(deny_unknown_fields)]
struct Row {
    expression: String,
    document: Option<String>,
    item: Option<String>,
    /// The value as JSON text, to the last digit.
    value: Option<String>,
    #[serde(default)]
    nothing: bool,
    /// The whole text of the error for a message.
    error: Option<String>,
    /// What is wrong with the expression itself.
    refused: Option<String>,
    /// The part of the expression that the refusal marks.
    marks: Option<String>,
    help: Option<String>,
}

impl Row {
    fn expected(&self) -> Vec<Outcome> {
        let refused = self.refused.as_ref().map(|message| {
            let marks = self.marks.as_deref().unwrap_or_default();
            let start = self.expression.find(marks).unwrap_or(usize::MAX);
            let at = start..start.saturating_add(marks.len());
            let (message, help) =
                (Text::whole(message.clone()), self.help.clone().map(Text::whole));
            Outcome::Refused(expr::SyntaxError { at, message, help })
        });
        let all = [
            self.value.clone().map(Outcome::Value),
            self.nothing.then_some(Outcome::Nothing),
            self.error.clone().map(Outcome::Error),
            refused,
        ];
        all.into_iter().flatten().collect()
    }

    fn holds(&self, outcome: &Outcome) -> bool {
        match (self.expected().as_slice(), outcome) {
            // Where the marked text stands more than once, any of them will do.
            ([Outcome::Refused(wanted)], Outcome::Refused(error)) => {
                let marked = self.expression.get(error.at.clone()).unwrap_or("no such place");
                error.message == wanted.message
                    && error.help == wanted.help
                    && marked == self.marks.as_deref().unwrap_or_default()
            }
            ([wanted], outcome) => wanted == outcome,
            _ => false,
        }
    }
}

fn files() -> Vec<(String, File)> {
    let entries = fs::read_dir("tests/lang").unwrap();
    let mut paths: Vec<_> = entries.map(|it| it.unwrap().path()).collect();
    paths.sort();
    let read = |path: &std::path::PathBuf| {
        let text = fs::read_to_string(path).unwrap();
        let file = serde_saphyr::from_str(&text);
        (path.display().to_string(), file.unwrap_or_else(|it| panic!("{}: {it}", path.display())))
    };
    paths.iter().map(read).collect()
}

#[test]
fn every_row_of_the_specification_holds() {
    let mut broken = Vec::new();
    let mut rows = 0;
    for (name, file) in files() {
        for row in &file.rows {
            rows += 1;
            let message = Message {
                document: row.document.clone().unwrap_or_else(|| file.document.clone()),
                item: row.item.clone(),
                headers: file.headers.clone(),
            };
            let outcome = run(file.kind, &row.expression, &message);
            if !row.holds(&outcome) {
                let wanted = row.expected();
                broken.push(format!(
                    "{name}: {}\n   wanted {wanted:?}\n      got {outcome:?}",
                    row.expression
                ));
            }
        }
    }
    assert!(broken.is_empty(), "{} broken:\n{}\n", broken.len(), broken.join("\n"));
    assert!(300 <= rows, "only {rows} rows");
}

#[test]
fn every_function_is_specified_by_a_value_and_an_error() {
    let mut missing = Vec::new();
    let files = files();
    for function in expr::functions() {
        let calls = |text: &str| {
            text.split(|it: char| !it.is_alphanumeric() && it != '_').any(|it| it == function.name)
        };
        let rows = || files.iter().flat_map(|(_, it)| &it.rows).filter(|it| calls(&it.expression));
        if !rows().any(|it| it.value.is_some()) {
            missing.push(format!("{}: no value", function.name));
        }
        // Without an argument nothing can go wrong with it.
        let takes_values = !function.arguments.is_empty();
        if takes_values && !rows().any(|it| it.error.is_some() || it.refused.is_some()) {
            missing.push(format!("{}: no error", function.name));
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn no_row_stands_twice() {
    let mut seen = BTreeSet::new();
    for (name, file) in files() {
        for row in file.rows {
            let key = (name.clone(), row.expression.clone(), row.document, row.item);
            assert!(seen.insert(key), "{name}: `{}` stands twice", row.expression);
        }
    }
}
