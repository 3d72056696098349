//! The one canonical form of our YAML files.
//!
//! Indentation, spacing, quotes and the place of comments are the formatter's; order, words, blocks
//! and blank lines are the author's. It prints the scalars as they stand in the file, and afterwards
//! compares what it has written with what it was given: a value or a comment that is not the same
//! makes it leave the file alone.

mod lines;
mod print;
mod scalar;
mod source;

use super::{Node, NodeKind, Report, Scalar, parse, yaml};

/// A piece of a YAML text, by the places of its characters.
#[derive(Debug, Clone)]
pub(super) struct Token {
    pub(super) kind: TokenKind,
    /// Where it begins, in characters from the start of the text.
    pub(super) start: usize,
    /// Where it has ended.
    pub(super) end: usize,
    /// The column that it begins at, from 0.
    pub(super) column: usize,
}

/// What a piece is.
#[derive(Debug, Clone)]
pub(super) enum TokenKind {
    /// A single value or a key.
    Scalar {
        scalar: Scalar,
        /// Whether its quotes are double.
        double: bool,
    },
    /// A list or mapping begins; the braces of a flow one stand at its place.
    Open { map: bool, flow: bool },
    /// The innermost one ends.
    Close,
}

/// What became of a text.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Formatted {
    /// The text in its canonical form, perhaps as it was.
    As(String),
    /// Something would have been lost: a bug here, and the text is better left as it is.
    Unsure,
}

/// The canonical form of a YAML text. `None` if it cannot be read; what is wrong with it is in
/// `report` then.
pub fn format(text: &str, report: &mut Report) -> Option<Formatted> {
    let mut found = Report::default();
    let node = parse(text, &mut found);
    let is_wrong = found.has_errors();
    report.append(found);
    let node = node.filter(|_| !is_wrong)?;
    if matches!(&node.kind, NodeKind::Scalar(scalar) if !scalar.is_empty()) {
        // No file of ours is a single value, and nothing in one could be put in order.
        return Some(Formatted::As(text.to_owned()));
    }
    let text = text.strip_prefix('\u{feff}').unwrap_or(text).replace("\r\n", "\n");
    let written = yaml::tokens(&text).map(|tokens| print::print(&text, &tokens));
    let is_same = |written: &String| {
        let mut report = Report::default();
        let again = parse(written, &mut report).filter(|_| !report.has_errors());
        let kept = source::comments(&text).zip(source::comments(written));
        again.is_some_and(|it| same(&it, &node))
            && kept.is_some_and(|(mut before, mut after)| {
                before.sort_unstable();
                after.sort_unstable();
                before == after
            })
    };
    Some(written.filter(is_same).map_or(Formatted::Unsure, Formatted::As))
}

/// Whether two trees say the same, wherever it stands.
fn same(left: &Node, right: &Node) -> bool {
    match (&left.kind, &right.kind) {
        (NodeKind::Scalar(left), NodeKind::Scalar(right)) => left == right,
        (NodeKind::List(left), NodeKind::List(right)) => {
            left.len() == right.len()
                && left.iter().zip(right).all(|(left, right)| same(left, right))
        }
        (NodeKind::Map(left), NodeKind::Map(right)) => {
            let pairs = left.iter().zip(right);
            left.len() == right.len()
                && pairs.into_iter().all(|((left_key, left), (right_key, right))| {
                    left_key.value == right_key.value && same(left, right)
                })
        }
        _ => false,
    }
}
