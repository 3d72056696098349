//! Diagnostics as text for a terminal.

use std::fmt::Write as _;

use super::{Diagnostic, Language, Severity, Span, text};

/// Cells to the next tab stop: what a tab is shown as.
const TAB: usize = 4;

impl Diagnostic {
    /// Renders the diagnostic over `text`, the text of the file it points into.
    ///
    /// Needs no colour to be understood, and ends with a newline. Control characters are shown as
    /// `\u{1b}`, so that a file cannot write to the terminal of who checks it.
    pub fn render(&self, text: &str, language: Language) -> String {
        let severity = match self.severity {
            Severity::Error => text!("error"),
            Severity::Warning => text!("warning"),
            Severity::Note => text!("note"),
        };
        let severity = severity.told(language);
        let label = tame(&self.label.told(language));
        let Span { line: number, column, .. } = self.at;
        let gutter = " ".repeat(number.to_string().len());
        let (code, message, file) =
            (self.code.as_str(), tame(&self.message.told(language)), tame(&self.file));
        let mut out = format!("{severity}[{code}]: {message}\n");
        // Writing to a `String` cannot fail.
        let _ = match number {
            0 => writeln!(out, "{gutter}--> {file}"),
            _ => writeln!(out, "{gutter}--> {file}:{number}:{column}"),
        };
        let index = usize::try_from(number).unwrap_or(0).wrapping_sub(1);
        let line = text.lines().nth(index);
        if let Some(line) = line {
            let (shown, marker) = mark(line.trim_end(), self.at);
            let pointer = format!("{marker} {label}");
            let _ = writeln!(out, "{gutter} |");
            let _ = writeln!(out, "{number} | {shown}");
            let _ = writeln!(out, "{gutter} | {}", pointer.trim_end());
        } else if !label.is_empty() {
            let _ = writeln!(out, "{gutter} = {label}");
        }
        if let Some(help) = &self.help {
            let word = text!("help").told(language);
            let _ = writeln!(out, "{gutter} = {word}: {}", tame(&help.told(language)));
        }
        out
    }
}

/// Characters of a line that are shown; a longer one is cut around the marker.
const SHOWN_MAX: usize = 160;

/// Characters shown before the marker in a line that is cut.
const BEFORE_MAX: usize = 60;

/// The line as a terminal shows it, and the carets that belong under it.
fn mark(line: &str, at: Span) -> (String, String) {
    let index = |it: u32| usize::try_from(it).unwrap_or(usize::MAX);
    let from = index(at.column.saturating_sub(1));
    let to = from.saturating_add(index(at.len.max(1)));
    let letters = line.chars().count();
    let cut = if letters > SHOWN_MAX { from.min(letters).saturating_sub(BEFORE_MAX) } else { 0 };

    let mut shown = String::from(if cut > 0 { "…" } else { "" });
    let mut marker = " ".repeat(usize::from(cut > 0));
    let mut cells = marker.len();
    for (index, letter) in line.chars().enumerate().skip(cut).take(SHOWN_MAX) {
        let piece = match letter {
            '\t' => " ".repeat(TAB - cells % TAB),
            _ if letter.is_control() || is_invisible(letter) => letter.escape_unicode().to_string(),
            _ => letter.to_string(),
        };
        let width = if piece.chars().count() > 1 { piece.len() } else { width(letter) };
        let caret = if from <= index && index < to { "^" } else { " " };
        marker.push_str(&caret.repeat(width));
        shown.push_str(&piece);
        cells += width;
    }
    if cut + SHOWN_MAX < letters {
        shown.push('…');
    }
    let mut marker = marker.trim_end().to_owned();
    if !marker.contains('^') {
        // Behind the end of the line, where something is missing.
        marker = " ".repeat(cells) + "^";
    }
    (shown, marker)
}

/// Cells that a letter takes in a terminal: the wide blocks of East Asia and emoji take two,
/// combining marks none.
fn width(letter: char) -> usize {
    match u32::from(letter) {
        0x300..=0x36f | 0x1ab0..=0x1aff | 0x20d0..=0x20ff | 0xfe00..=0xfe0f => 0,
        0x1100..=0x115f
        | 0x2e80..=0x303e
        | 0x3041..=0xa4cf
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xfe30..=0xfe6f
        | 0xff00..=0xff60
        | 0xffe0..=0xffe6
        | 0x1f300..=0x1f64f
        | 0x1f680..=0x1faff
        | 0x20000..=0x3fffd => 2,
        _ => 1,
    }
}

/// Letters that turn or hide the ones beside them: what is shown must be what is there.
fn is_invisible(letter: char) -> bool {
    matches!(letter, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

fn tame(text: &str) -> String {
    let escape = |letter: char| letter.is_control() || is_invisible(letter);
    if !text.contains(escape) {
        return text.to_owned();
    }
    let tamed = text.chars().map(|it| match it {
        '\n' | '\t' => " ".to_owned(),
        it if escape(it) => it.escape_unicode().to_string(),
        it => it.to_string(),
    });
    tamed.collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::{Code, Report};

    fn rendered(text: &str, line: u32, column: u32, len: u32) -> Vec<String> {
        let mut report = Report::default();
        report.enter("a.yaml");
        let at = Span { line, column, len };
        report.error(at, Code::Syntax, "wrong").label("here");
        let found = report.into_sorted().remove(0);
        found.render(text, Language::English).lines().skip(3).map(str::to_owned).collect()
    }

    #[test]
    fn the_marker_stands_under_what_is_marked_also_behind_tabs_and_wide_letters() {
        assert_eq!(rendered("a: bc\n", 1, 4, 2), ["1 | a: bc", "  |    ^^ here"]);
        assert_eq!(rendered("a:\tbc", 1, 4, 1), ["1 | a:  bc", "  |     ^ here"]);
        assert_eq!(rendered("選挙: x", 1, 5, 1), ["1 | 選挙: x", "  |       ^ here"]);
        assert_eq!(rendered("e\u{301}: x", 1, 5, 1), ["1 | e\u{301}: x", "  |    ^ here"]);
        assert_eq!(rendered("a:", 1, 3, 1), ["1 | a:", "  |   ^ here"]);
    }

    #[test]
    fn a_file_cannot_write_to_the_terminal_of_who_checks_it() {
        let lines = rendered("a: \u{1b}[2J\u{202e}x", 1, 4, 1);
        assert_eq!(lines, ["1 | a: \\u{1b}[2J\\u{202e}x", "  |    ^^^^^^ here"]);
    }

    #[test]
    fn of_a_long_line_the_part_around_the_marker_is_shown() {
        let lines = rendered(&format!("{}!{}", "a".repeat(500), "b".repeat(500)), 1, 501, 1);
        assert_eq!(lines[0].chars().count(), "1 | ".len() + SHOWN_MAX + 2);
        assert_eq!(lines[0].find('!'), lines[1].find('^').map(|it| it + "…".len() - 1));
    }

    #[test]
    fn what_is_about_no_line_shows_none() {
        let mut report = Report::default();
        report.enter("a.yaml");
        report.error(Span::default(), Code::File, "wrong").label("here");
        let found = report.into_sorted().remove(0);
        assert_eq!(
            found.render("a: b", Language::English),
            "error[S012]: wrong\n --> a.yaml\n  = here\n"
        );
    }
}
