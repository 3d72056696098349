//! Diagnostics: what we tell the author of a file when the file is wrong.
//!
//! Nothing here prints or exits. A check adds what it finds to a [`Report`]; `cli` renders it.

mod code;
mod entries;
mod node;
mod render;
pub mod units;
mod yaml;

use std::sync::Arc;

pub use self::{
    code::Code,
    entries::Entries,
    node::{Located, Node, NodeKind, Scalar, Style},
    yaml::read,
};

/// A place in a file. Lines and columns start at 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord)]
pub struct Span {
    /// The line.
    pub line: u32,
    /// The column of the first character.
    pub column: u32,
    /// How many characters are marked. May run over the end of the line.
    pub len: u32,
}

impl Span {
    /// The part of this span from byte `range.start` to `range.end` of `text`, which is what
    /// stands at it: a place inside an expression. Stays whole where it cannot be told.
    #[must_use]
    pub fn within(self, text: &str, range: std::ops::Range<usize>) -> Self {
        let count = |it: Option<&str>| it.map(|it| u32::try_from(it.chars().count()).unwrap_or(0));
        match (count(text.get(..range.start)), count(text.get(range))) {
            (Some(before), Some(len)) => {
                Self { line: self.line, column: self.column + before, len: len.max(1) }
            }
            _ => self,
        }
    }
}

/// Whether a finding stops the files from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The files cannot be used.
    Error,
    /// The files can be used; the author should know all the same.
    Warning,
}

/// One thing wrong with a file, shown at the place where it is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether it stops the files from being used.
    pub severity: Severity,
    /// Which mistake this is; each has a page in `docs/errors/`.
    pub code: Code,
    /// The mistake in one clause: lower case, no full stop, the culprit in backticks.
    pub message: String,
    /// The file, relative to the project's directory.
    pub file: Arc<str>,
    /// Where in the file.
    pub at: Span,
    /// What stands at that place, shown beside the marker.
    pub label: String,
    /// What the author should write instead. An imperative, or absent.
    pub help: Option<String>,
}

impl Diagnostic {
    /// Says what stands at the marked place.
    pub fn label(&mut self, label: impl Into<String>) -> &mut Self {
        self.label = label.into();
        self
    }

    /// Says what the author should write instead.
    pub fn help(&mut self, help: impl Into<String>) -> &mut Self {
        self.help = Some(help.into());
        self
    }
}

/// Collects everything that is wrong with a set of files.
#[derive(Debug, Default)]
pub struct Report {
    found: Vec<Diagnostic>,
    file: Option<Arc<str>>,
}

impl Report {
    /// What is found from now on is about this file.
    pub fn enter(&mut self, file: &str) {
        self.file = Some(file.into());
    }

    /// Adds an error at `at` of the current file; say more on what is returned.
    pub fn error(&mut self, at: Span, code: Code, message: impl Into<String>) -> &mut Diagnostic {
        self.add(Severity::Error, at, code, message.into())
    }

    /// Adds a warning at `at` of the current file; say more on what is returned.
    pub fn warn(&mut self, at: Span, code: Code, message: impl Into<String>) -> &mut Diagnostic {
        self.add(Severity::Warning, at, code, message.into())
    }

    fn add(
        &mut self,
        severity: Severity,
        at: Span,
        code: Code,
        message: String,
    ) -> &mut Diagnostic {
        let file = self.file.clone().unwrap_or_else(|| "".into());
        let label = String::new();
        let index = self.found.len();
        self.found.push(Diagnostic { severity, code, message, file, at, label, help: None });
        &mut self.found[index]
    }

    /// Whether anything stops the files from being used.
    pub fn has_errors(&self) -> bool {
        self.found.iter().any(|it| it.severity == Severity::Error)
    }

    /// Everything found, in the order of files and places.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        self.found.sort_by(|left, right| (&left.file, left.at).cmp(&(&right.file, right.at)));
        self.found
    }
}

/// The likeliest of `candidates` for a name that is none of them, if any is near.
pub fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const SIMILAR: f64 = 0.8;
    let rated = candidates.into_iter().map(|it| (strsim::jaro_winkler(wrong, it), it));
    let best = rated.max_by(|left, right| left.0.total_cmp(&right.0));
    best.filter(|(similarity, _)| SIMILAR <= *similarity).map(|(_, name)| name)
}
