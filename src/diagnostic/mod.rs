//! Diagnostics: what we tell the author of a file when the file is wrong.
//!
//! Nothing here prints or exits. A check adds what it finds to a [`Report`]; `cli` renders it.
//!
//! A file goes through two stages here: `yaml` makes a [`Node`] tree of its text, [`decode`] one of
//! our types of the tree. Both go on after a mistake, so that one look shows all of them.

mod access;
mod code;
mod decode;
pub mod describe;
mod diff;
mod entries;
mod format;
mod habit;
mod node;
mod placeholder;
mod polish;
mod reader;
mod render;
mod translate;
mod trap;
mod tree;
pub mod units;
mod wire;
mod yaml;

use std::{fmt, ops::Range, sync::Arc};

pub(crate) use self::translate::{holes, text};
pub use self::{
    code::Code,
    decode::decode,
    diff::{Compared, compared, diff},
    entries::Entries,
    format::{Formatted, format},
    node::{Ambiguous, Located, Node, NodeKind, PlainValue, Scalar, Style},
    translate::{Argument, Language, Text},
    yaml::{parse, read},
};

/// A place in a file. Lines and columns start at 1; columns count characters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, PartialOrd, Ord, Hash)]
pub struct Span {
    /// The line.
    pub line: u32,
    /// The column of the first character.
    pub column: u32,
    /// How many characters are marked. May run over the end of the line.
    pub len: u32,
}

impl Span {
    /// The place of what could not be read. A [`Report`] takes nothing more about it: why it
    /// could not be read is in there already.
    pub const NOWHERE: Self = Self { line: u32::MAX, column: u32::MAX, len: u32::MAX };

    /// The first character of a file: where something is missing altogether.
    pub const START: Self = Self { line: 1, column: 1, len: 1 };

    /// The part of this span from byte `range.start` to `range.end` of `text`, which is what
    /// stands at it: a place inside an expression. Stays whole where it cannot be told, because
    /// the file holds escapes or folded lines in place of `text`.
    #[must_use]
    pub fn within(self, text: &str, range: Range<usize>) -> Self {
        let count = |it: &str| u32::try_from(it.chars().count()).unwrap_or(u32::MAX);
        let literal = self.len == count(text.trim_end_matches('\n'));
        let (Some(before), Some(part), true) =
            (text.get(..range.start), text.get(range.clone()), literal)
        else {
            return self;
        };
        let lines = u32::try_from(before.matches('\n').count()).unwrap_or(0);
        let before = before.rsplit('\n').next().unwrap_or_default();
        let column = self.column.saturating_add(count(before));
        Self { line: self.line.saturating_add(lines), column, len: count(part).max(1) }
    }
}

/// Whether a finding stops the files from being used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Severity {
    /// The files cannot be used.
    Error,
    /// The files can be used; the author should know all the same.
    Warning,
    /// Nothing is wrong; the author may want to know how far the looking went.
    Note,
}

/// One thing wrong with a file, shown at the place where it is wrong.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether it stops the files from being used.
    pub severity: Severity,
    /// Which mistake this is; each has a page in `docs/errors/`.
    pub code: Code,
    /// The mistake in one clause: lower case, no full stop, the culprit in backticks.
    pub message: Text,
    /// The file, relative to the project's directory.
    pub file: Arc<str>,
    /// Where in the file.
    pub at: Span,
    /// What stands at that place, shown beside the marker.
    pub label: Text,
    /// What the author should write instead. An imperative, or absent.
    pub help: Option<Text>,
}

impl Diagnostic {
    /// Says what stands at the marked place.
    pub fn label(&mut self, label: impl Into<Text>) -> &mut Self {
        self.label = label.into();
        self
    }

    /// Says what the author should write instead.
    pub fn help(&mut self, help: impl Into<Text>) -> &mut Self {
        self.help = Some(help.into());
        self
    }
}

/// Collects everything that is wrong with a set of files.
#[derive(Default)]
pub struct Report {
    found: Vec<Diagnostic>,
    file: Option<Arc<str>>,
    /// Takes what is said about [`Span::NOWHERE`].
    ignored: Option<Diagnostic>,
    secrets: Vec<String>,
}

impl Report {
    /// What is found from now on is about this file.
    pub fn enter(&mut self, file: &str) {
        self.file = Some(file.into());
    }

    /// Adds an error at `at` of the current file; say more on what is returned.
    pub fn error(&mut self, at: Span, code: Code, message: impl Into<Text>) -> &mut Diagnostic {
        self.add(Severity::Error, at, code, message.into())
    }

    /// Adds a warning at `at` of the current file; say more on what is returned.
    pub fn warn(&mut self, at: Span, code: Code, message: impl Into<Text>) -> &mut Diagnostic {
        self.add(Severity::Warning, at, code, message.into())
    }

    /// Adds a note at `at` of the current file; say more on what is returned.
    pub fn note(&mut self, at: Span, code: Code, message: impl Into<Text>) -> &mut Diagnostic {
        self.add(Severity::Note, at, code, message.into())
    }

    /// Keeps `secret` out of everything that is found: it is shown as `***`.
    ///
    /// A last resort: no diagnostic should hold the value of a `${env:…}` in the first place.
    pub fn conceal(&mut self, secret: &str) {
        self.secrets.push(secret.to_owned());
    }

    /// Adds a finding of that severity at `at` of the current file; say more on what is returned.
    pub(crate) fn add(
        &mut self,
        severity: Severity,
        at: Span,
        code: Code,
        message: Text,
    ) -> &mut Diagnostic {
        let file = self.file.clone().unwrap_or_else(|| "".into());
        let label = Text::default();
        let diagnostic = Diagnostic { severity, code, message, file, at, label, help: None };
        if at == Span::NOWHERE {
            return self.ignored.insert(diagnostic);
        }
        let index = self.found.len();
        self.found.push(diagnostic);
        &mut self.found[index]
    }

    /// Adds what was found in another file as something about `at` of the current one; `place`
    /// says where it stands.
    pub fn again(&mut self, found: Diagnostic, at: Span, place: Text) {
        let Diagnostic { severity, code, message, label, help, .. } = found;
        let added = self.add(severity, at, code, text!("{} ({})", message, place));
        added.label = label;
        added.help = help;
    }

    /// Takes over what was found elsewhere in the current file.
    fn append(&mut self, other: Self) {
        let file = self.file.clone().unwrap_or_else(|| "".into());
        self.found
            .extend(other.found.into_iter().map(|it| Diagnostic { file: file.clone(), ..it }));
    }

    /// Takes over everything that was found, and is to be concealed, in other files.
    pub fn join(&mut self, other: Self) {
        self.found.extend(other.found);
        self.secrets.extend(other.secrets);
    }

    /// Whether anything stops the files from being used.
    pub fn has_errors(&self) -> bool {
        self.errors() > 0
    }

    /// How many errors were found.
    pub fn errors(&self) -> usize {
        self.found.iter().filter(|it| it.severity == Severity::Error).count()
    }

    /// Everything found, in the order of files and places.
    pub fn into_sorted(mut self) -> Vec<Diagnostic> {
        for found in &mut self.found {
            let texts = [Some(&mut found.message), Some(&mut found.label), found.help.as_mut()];
            for text in texts.into_iter().flatten() {
                self.secrets.iter().for_each(|secret| text.conceal(secret));
            }
        }
        self.found.sort_by(|left, right| (&left.file, left.at).cmp(&(&right.file, right.at)));
        self.found
    }
}

impl fmt::Debug for Report {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("Report").field("found", &self.found).finish_non_exhaustive()
    }
}

/// The likeliest of `candidates` for a name that is none of them, if any is near.
pub fn nearest<'a>(wrong: &str, candidates: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    const SIMILAR: f64 = 0.8;
    let small = wrong.to_lowercase();
    let rated = candidates.into_iter().map(|it| {
        let alike = strsim::jaro_winkler(&small, &it.to_lowercase());
        (alike, strsim::jaro_winkler(wrong, it), it)
    });
    // Of those that differ in capitals alone the one that is written most alike.
    let best =
        rated.max_by(|left, right| left.0.total_cmp(&right.0).then(left.1.total_cmp(&right.1)));
    best.filter(|(similarity, ..)| SIMILAR <= *similarity).map(|(.., name)| name)
}

/// How alike two names are written, from 0 to 1.
pub fn similarity(left: &str, right: &str) -> f64 {
    strsim::jaro_winkler(left, right)
}
