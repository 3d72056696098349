//! Prints the pieces of a text, and its comments where they belong.

use std::mem;

use super::{
    Token, TokenKind,
    lines::{Line, render},
    scalar::{self, Block},
    source::{Comment, Source},
};
use crate::diagnostic::Style;

/// Spaces that each level is indented by.
pub(super) const STEP: usize = 2;

/// Columns that a list or mapping in braces may take; one that needs more is written in lines.
const COLUMNS_MAX: usize = 100;

struct Printer<'a> {
    source: Source,
    tokens: &'a [Token],
    /// The next token.
    next: usize,
    lines: Vec<Line>,
    /// Comments on lines of their own that are not printed yet.
    pending: Vec<Comment>,
    /// Whether a blank line stands before what comes next.
    blank: bool,
    /// The columns of the open lists and mappings in the source.
    columns: Vec<usize>,
}

pub(super) fn print(text: &str, tokens: &[Token]) -> String {
    let mut printer = Printer {
        source: Source::new(text),
        tokens,
        next: 0,
        lines: Vec::new(),
        pending: Vec::new(),
        blank: false,
        columns: Vec::new(),
    };
    if let Some(first) = tokens.first() {
        printer.trivia_until(first.start);
    }
    printer.value(0, 0);
    printer.trivia_until(usize::MAX);
    printer.flush(0);
    render(&printer.lines)
}

impl Printer<'_> {
    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    /// Reads up to `until`; comments behind something are put behind what was printed last.
    fn trivia_until(&mut self, until: usize) {
        loop {
            let (comments, blank) = self.source.trivia();
            self.blank = blank || comments.is_empty() && self.blank;
            for comment in comments {
                match self.lines.last_mut() {
                    Some(line) if !comment.own_line && line.comment.is_none() => {
                        line.comment = Some(comment.text);
                    }
                    _ => self.pending.push(comment),
                }
            }
            if until <= self.source.pos() || self.source.at(self.source.pos()).is_none() {
                return;
            }
            self.source.skip();
        }
    }

    /// Prints the comments that wait.
    fn flush(&mut self, indent: usize) {
        for Comment { text, blank, .. } in mem::take(&mut self.pending) {
            self.lines.push(Line { indent, text, comment: None, blank });
        }
    }

    /// Begins a line, below the comments that stand before it.
    fn begin(&mut self, indent: usize) {
        self.flush(indent);
        let blank = mem::take(&mut self.blank);
        self.lines.push(Line { indent, blank, ..Line::default() });
    }

    /// Whether what comes next may stand behind what was printed last.
    fn goes_on(&self) -> bool {
        self.pending.is_empty() && self.lines.last().is_some_and(|it| it.comment.is_none())
    }

    /// Puts a text behind what was printed last, or on a line of its own where a comment is between.
    fn append(&mut self, text: &str, indent: usize) {
        if !self.goes_on() {
            self.begin(indent);
        }
        if let Some(line) = self.lines.last_mut() {
            if !line.text.is_empty() {
                line.text.push(' ');
            }
            line.text.push_str(text);
        }
        self.blank = false;
    }

    /// Prints the next value behind the `-` or `key:` that was printed last; what it holds stands at
    /// `indent`, and its parent at `parent`.
    fn value(&mut self, indent: usize, parent: usize) {
        let Some(token) = self.peek().cloned() else { return };
        match &token.kind {
            TokenKind::Scalar { .. } => {
                self.next += 1;
                self.scalar(&token, indent, parent);
            }
            TokenKind::Open { flow: true, .. } => {
                self.trivia_until(token.start);
                match self.in_one_line(indent) {
                    Some((text, after)) => {
                        let end = self.tokens.get(after - 1).map_or(token.end, |it| it.end);
                        self.append(&text, indent);
                        self.next = after;
                        self.source.advance_to(end);
                    }
                    None => self.collection(&token, indent),
                }
            }
            TokenKind::Open { .. } => self.collection(&token, indent),
            TokenKind::Close => {}
        }
    }

    fn scalar(&mut self, token: &Token, indent: usize, parent: usize) {
        let TokenKind::Scalar { scalar, double } = &token.kind else { return };
        if scalar.is_empty() {
            return;
        }
        if scalar.style == Style::Block {
            self.trivia_until(0);
            let block = Block::read(&self.source, self.columns.last().copied().unwrap_or_default());
            self.append(&block.header, indent);
            if let Some(line) = self.lines.last_mut() {
                line.comment.clone_from(&block.comment);
            }
            let indent = block.deeper.map_or(indent, |it| parent + it);
            for text in block.lines {
                self.lines.push(Line { indent, text, ..Line::default() });
            }
            self.source.advance_to(block.end);
            return;
        }
        self.trivia_until(token.start);
        let raw = self.source.slice(token.start, token.end);
        let text = match scalar.style {
            Style::Quoted => scalar::quoted(&raw, scalar, *double),
            _ => raw,
        };
        for (number, line) in scalar::lines(&text).enumerate() {
            if number == 0 {
                self.append(line, indent);
            } else {
                self.lines.push(Line { indent, text: line.to_owned(), ..Line::default() });
            }
        }
        self.source.advance_to(token.end);
    }

    /// Prints a list or mapping in lines; its first entry goes on where a `-` was printed last.
    fn collection(&mut self, token: &Token, indent: usize) {
        let TokenKind::Open { map, flow } = token.kind else { return };
        self.next += 1;
        self.columns.push(token.column);
        if flow {
            self.trivia_until(token.end);
        }
        let mut first = true;
        while let Some(next) = self.peek().cloned() {
            if matches!(next.kind, TokenKind::Close) {
                break;
            }
            if map {
                self.trivia_until(next.start);
            } else if !flow {
                // Up to the `-`.
                self.trivia_until(0);
            } else if !is_empty(&next) {
                self.trivia_until(next.start);
            }
            self.entry_begins(indent, first, map);
            first = false;
            if map {
                self.key(&next, indent);
            } else {
                if !flow {
                    self.source.skip();
                }
                self.append_dash();
                self.value(indent + STEP, indent);
            }
        }
        if let Some(close) = self.peek().cloned() {
            self.next += 1;
            if flow {
                self.trivia_until(close.start);
                self.flush(indent);
                self.source.advance_to(close.end);
            }
        }
        self.trivia_until(0);
        self.columns.pop();
        if !flow {
            self.own_comments(token.column, indent);
        }
    }

    /// Begins the line of an entry, unless it can stand behind the `-` that it is in.
    fn entry_begins(&mut self, indent: usize, first: bool, map: bool) {
        let dash = self.lines.last().is_some_and(|it| it.text.ends_with('-') && it.is_dashes());
        if first && dash && self.goes_on() {
            self.blank = false;
            if let (true, Some(line)) = (map, self.lines.last_mut()) {
                line.text.push(' ');
            }
            return;
        }
        // Blank lines separate entries from each other, and not from what they are in.
        match self.pending.first_mut() {
            Some(comment) => comment.blank &= !first,
            None => self.blank &= !first,
        }
        self.begin(indent);
    }

    fn append_dash(&mut self) {
        if let Some(line) = self.lines.last_mut() {
            if !line.text.is_empty() {
                line.text.push(' ');
            }
            line.text.push('-');
        }
    }

    fn key(&mut self, token: &Token, indent: usize) {
        if let TokenKind::Scalar { scalar, double } = &token.kind {
            let raw = self.source.slice(token.start, token.end);
            let key = match scalar.style {
                _ if raw.contains('\n') => scalar::escaped(scalar),
                Style::Quoted => scalar::quoted(&raw, scalar, *double),
                _ => raw,
            };
            if let Some(line) = self.lines.last_mut() {
                line.text.push_str(&key);
                line.text.push(':');
            }
        }
        self.next += 1;
        self.source.advance_to(token.end);
        // The colon.
        self.trivia_until(0);
        self.source.skip();
        self.value(indent + STEP, indent);
    }

    /// Prints the comments behind the last entry that are indented like it, and not like what
    /// comes next.
    fn own_comments(&mut self, column: usize, indent: usize) {
        let next = self.source.next_indent();
        let own = |it: &Comment| column <= it.column && next < it.column;
        let count = self.pending.iter().take_while(|it| own(it)).count();
        let rest = self.pending.split_off(count);
        self.flush(indent);
        self.pending = rest;
    }

    /// The list or mapping in braces that is next as one line, and the token behind it; nothing if
    /// it holds a comment or does not fit.
    fn in_one_line(&self, indent: usize) -> Option<(String, usize)> {
        let used = match self.lines.last() {
            Some(line) if self.goes_on() => line.indent + line.text.chars().count() + 1,
            _ => indent,
        };
        let mut next = self.next;
        let text = self.flow(&mut next)?;
        (used + text.chars().count() <= COLUMNS_MAX).then_some((text, next))
    }

    fn flow(&self, next: &mut usize) -> Option<String> {
        let token = self.tokens.get(*next)?;
        *next += 1;
        let TokenKind::Open { map, .. } = token.kind else { return self.flow_scalar(token) };
        let mut parts = Vec::new();
        let mut end = token.end;
        loop {
            let inner = self.tokens.get(*next)?;
            if !is_empty(inner) && self.has_comment(end, inner.start) {
                return None;
            }
            if matches!(inner.kind, TokenKind::Close) {
                *next += 1;
                break;
            }
            let mut part = self.flow(next)?;
            end = self.tokens.get(*next - 1)?.end;
            if map {
                let value = self.tokens.get(*next)?;
                if !is_empty(value) && self.has_comment(end, value.start) {
                    return None;
                }
                part = format!("{part}: {}", self.flow(next)?);
                end = self.tokens.get(*next - 1)?.end.max(end);
            }
            parts.push(part.trim_end().to_owned());
        }
        let parts = parts.join(", ");
        Some(match (map, parts.is_empty()) {
            (true, true) => "{}".to_owned(),
            (true, false) => format!("{{ {parts} }}"),
            (false, _) => format!("[{parts}]"),
        })
    }

    fn flow_scalar(&self, token: &Token) -> Option<String> {
        let TokenKind::Scalar { scalar, double } = &token.kind else { return None };
        if scalar.is_empty() {
            return Some(String::new());
        }
        let raw = self.source.slice(token.start, token.end);
        let is_folded = scalar.style == Style::Plain && !scalar.text.contains('\n');
        match (raw.contains('\n'), is_folded) {
            (true, true) => Some(scalar.text.clone()),
            (true, false) => None,
            (false, _) if scalar.style == Style::Quoted => {
                Some(scalar::quoted(&raw, scalar, *double))
            }
            (false, _) => Some(raw),
        }
    }

    fn has_comment(&self, start: usize, end: usize) -> bool {
        // Between values stand blanks, signs and comments.
        self.source.slice(start, end).contains('#')
    }
}

fn is_empty(token: &Token) -> bool {
    matches!(&token.kind, TokenKind::Scalar { scalar, .. } if scalar.is_empty())
}
