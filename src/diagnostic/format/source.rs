//! The text that is formatted, read from the front: what stands between its values.

use super::{Token, TokenKind, scalar::Block};
use crate::diagnostic::{Style, yaml};

/// A comment with what matters of its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Comment {
    /// From the `#` on, without blanks at its end.
    pub(super) text: String,
    /// Whether nothing stands before it on its line.
    pub(super) own_line: bool,
    /// The column of the `#`, from 0.
    pub(super) column: usize,
    /// Whether a blank line stands before it.
    pub(super) blank: bool,
}

/// A text and how far it was read.
pub(super) struct Source {
    letters: Vec<char>,
    pos: usize,
}

impl Source {
    pub(super) fn new(text: &str) -> Self {
        Self { letters: text.chars().collect(), pos: 0 }
    }

    pub(super) fn at(&self, pos: usize) -> Option<char> {
        self.letters.get(pos).copied()
    }

    pub(super) fn pos(&self) -> usize {
        self.pos
    }

    /// Goes on reading at `pos`; never back.
    pub(super) fn advance_to(&mut self, pos: usize) {
        self.pos = self.pos.max(pos).min(self.letters.len());
    }

    pub(super) fn slice(&self, start: usize, end: usize) -> String {
        let end = end.min(self.letters.len());
        self.letters.get(start..end).unwrap_or_default().iter().collect()
    }

    /// Where the line ends that `pos` is on: at its line break, or at the end of the text.
    pub(super) fn line_end(&self, pos: usize) -> usize {
        let rest = self.letters.get(pos..).unwrap_or_default();
        pos + rest.iter().position(|it| *it == '\n').unwrap_or(rest.len())
    }

    fn line_start(&self, pos: usize) -> usize {
        let before = self.letters.get(..pos).unwrap_or_default();
        before.iter().rposition(|it| *it == '\n').map_or(0, |it| it + 1)
    }

    /// How far the line is indented that the next value is on; nothing at the end of the text.
    pub(super) fn next_indent(&self) -> usize {
        let start = self.line_start(self.pos);
        let line = self.letters.get(start..).unwrap_or_default();
        if self.pos < self.letters.len() {
            line.iter().take_while(|it| **it == ' ').count()
        } else {
            0
        }
    }

    /// Reads blanks and comments; returns these, and whether a blank line stands behind the last.
    pub(super) fn trivia(&mut self) -> (Vec<Comment>, bool) {
        let mut comments = Vec::new();
        let mut breaks = 0;
        while let Some(letter) = self.at(self.pos) {
            match letter {
                '\n' => breaks += 1,
                ' ' | '\t' => {}
                '#' if self.begins_comment() => {
                    let start = self.line_start(self.pos);
                    let end = self.line_end(self.pos);
                    let before = self.slice(start, self.pos);
                    comments.push(Comment {
                        text: self.slice(self.pos, end).trim_end().to_owned(),
                        own_line: before.trim().is_empty(),
                        column: self.pos - start,
                        blank: breaks > 1,
                    });
                    self.pos = end;
                    breaks = 0;
                    continue;
                }
                _ => break,
            }
            self.pos += 1;
        }
        (comments, breaks > 1)
    }

    fn begins_comment(&self) -> bool {
        let before = self.pos.checked_sub(1).and_then(|it| self.at(it));
        before.is_none_or(char::is_whitespace)
    }

    /// Reads up to `until`, or to the header of a block, which stands before its first letter.
    fn comments_until(&mut self, until: usize, block: bool, all: &mut Vec<String>) {
        loop {
            all.extend(self.trivia().0.into_iter().map(|it| it.text));
            let is_header = block && matches!(self.at(self.pos), Some('|' | '>'));
            if is_header || until.min(self.letters.len()) <= self.pos {
                return;
            }
            self.skip();
        }
    }

    /// Passes over one letter that is no blank: a `-`, `:`, `,` or brace.
    pub(super) fn skip(&mut self) {
        self.pos += 1;
    }
}

/// All comments of a text; `None` if it cannot be read.
pub(super) fn comments(text: &str) -> Option<Vec<String>> {
    let mut source = Source::new(text);
    let mut all = Vec::new();
    let mut parents = Vec::new();
    for Token { kind, start, end, column } in &yaml::tokens(text)? {
        match kind {
            TokenKind::Scalar { scalar, .. } if scalar.is_empty() => {}
            TokenKind::Scalar { scalar, .. } => {
                if scalar.style == Style::Block {
                    source.comments_until(*start, true, &mut all);
                    let block = Block::read(&source, parents.last().copied().unwrap_or_default());
                    source.advance_to(block.end);
                    all.extend(block.comment);
                } else {
                    source.comments_until(*start, false, &mut all);
                    source.advance_to(*end);
                }
            }
            TokenKind::Open { .. } => parents.push(*column),
            TokenKind::Close => drop(parents.pop()),
        }
    }
    source.comments_until(usize::MAX, false, &mut all);
    Some(all)
}
