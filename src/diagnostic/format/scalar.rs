//! How single values are written.

use super::source::Source;
use crate::diagnostic::Scalar;

/// A value in quotes, in those that change least; as it stands in the file where it holds escapes
/// that an eye would miss.
pub(super) fn quoted(raw: &str, scalar: &Scalar, double: bool) -> String {
    let text = &scalar.text;
    let is_visible =
        text.chars().all(|it| it == ' ' || it.is_ascii_graphic() || it.is_alphanumeric());
    let has_escapes = double && raw.contains('\\');
    if raw.contains('\n') || text.chars().any(char::is_control) || has_escapes && !is_visible {
        return raw.to_owned();
    }
    if text.contains(['"', '\\']) {
        format!("'{}'", text.replace('\'', "''"))
    } else {
        format!("\"{text}\"")
    }
}

/// A key that is written over several lines, on one: behind a brace that is a key all the same, and
/// elsewhere it is none.
pub(super) fn escaped(scalar: &Scalar) -> String {
    // A text of JSON is one of YAML too.
    serde_json::Value::from(scalar.text.as_str()).to_string()
}

/// The lines of a value without quotes or with quotes over several lines, as far as they are not
/// indentation: blank lines among them are line breaks of the value.
pub(super) fn lines(raw: &str) -> impl Iterator<Item = &str> {
    raw.lines().map(|it| it.trim_matches([' ', '\t']))
}

/// A value that stands as a block of lines, `|` or `>`.
pub(super) struct Block {
    /// `|`, `>-`, `|2+`.
    pub(super) header: String,
    /// The comment behind it.
    pub(super) comment: Option<String>,
    /// How much deeper than its parent the header says that the lines are.
    pub(super) deeper: Option<usize>,
    /// Without their indentation.
    pub(super) lines: Vec<String>,
    /// Where it has ended.
    pub(super) end: usize,
}

impl Block {
    /// Reads the block whose header is next; `parent` is the column of the list or mapping that it
    /// is in.
    pub(super) fn read(source: &Source, parent: usize) -> Self {
        let start = source.pos();
        let mut at = source.line_end(start);
        let first = source.slice(start, at);
        let (header, comment) = match first.split_once(" #") {
            Some((header, rest)) => (header.trim_end(), Some(format!("#{}", rest.trim_end()))),
            None => (first.trim_end(), None),
        };
        let deeper = header.chars().find_map(|it| it.to_digit(10)).map(|it| it as usize);
        let mut indent = deeper.map(|it| parent + it);
        let mut block =
            Self { header: header.to_owned(), comment, deeper, lines: Vec::new(), end: at };
        while source.at(at).is_some() {
            let end = source.line_end(at + 1);
            let line = source.slice(at + 1, end);
            let depth = line.chars().take_while(|it| *it == ' ').count();
            let is_blank = line.chars().count() == depth;
            let least = match indent {
                Some(least) => least,
                None if is_blank => usize::MAX,
                None if depth <= parent => break,
                None => *indent.insert(depth),
            };
            if !is_blank && depth < least {
                break;
            }
            block.lines.push(line.chars().skip(least).collect());
            at = end;
            if !is_blank || header.contains('+') {
                block.end = at;
            }
        }
        let ends_blank = |it: &Self| it.lines.last().is_some_and(String::is_empty);
        while !header.contains('+') && ends_blank(&block) {
            block.lines.pop();
        }
        block
    }
}
