//! What a command writes, for people and for programs.

use std::io::{self, IsTerminal, Write};

use serde::Serialize;

/// Columns of a line of a table.
const COLUMNS: usize = 120;

/// Columns below which the last column of a table is not squeezed.
const COLUMNS_MIN: usize = 20;

/// Writes a line to standard output. A reader that went away is no error: `simpul … | head`.
pub(super) fn say(line: &str) {
    let _ = writeln!(io::stdout().lock(), "{line}");
}

/// Writes a line to standard error.
pub(super) fn complain(line: &str) {
    let _ = writeln!(io::stderr().lock(), "{line}");
}

/// Writes a value as JSON, in lines where a person reads it.
pub(super) fn say_json(value: &impl Serialize) {
    let pretty = io::stdout().is_terminal();
    let text =
        if pretty { serde_json::to_string_pretty(value) } else { serde_json::to_string(value) };
    // Our own types: strings, numbers and lists, which always serialize.
    say(&text.unwrap_or_default());
}

/// Text of somebody else with its control characters made visible, line ends excepted: an answer
/// of a target must not be able to write on an operator's terminal.
pub(super) fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        if letter != '\n' && is_treacherous(letter) {
            out.extend(letter.escape_unicode());
        } else {
            out.push(letter);
        }
    }
    out
}

/// Whether a character moves the cursor, changes colours, or the direction of writing.
fn is_treacherous(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Rows below a header, each column as wide as its widest cell; the last one runs on, and is cut
/// where the line would not fit into 120 columns.
pub(super) fn table(header: &[&str], rows: &[Vec<String>]) -> String {
    let cell = |text: &str| escaped(text).replace('\n', " ");
    let mut lines: Vec<Vec<String>> = vec![header.iter().map(|it| cell(it)).collect()];
    lines.extend(rows.iter().map(|row| row.iter().map(|it| cell(it)).collect()));
    let width = |column: usize| {
        let cells = lines.iter().filter_map(|row| row.get(column));
        cells.map(|it| it.chars().count()).max().unwrap_or_default()
    };
    let widths: Vec<usize> = (0..header.len()).map(width).collect();
    let before_last: usize = widths.iter().rev().skip(1).map(|it| it + 2).sum();
    let last = COLUMNS.saturating_sub(before_last).max(COLUMNS_MIN);
    let line = |row: &Vec<String>| {
        let mut out = String::new();
        for (column, (text, width)) in row.iter().zip(&widths).enumerate() {
            if column + 1 == header.len() {
                out.push_str(&cut(text, last));
            } else {
                out.push_str(&format!("{text:width$}  "));
            }
        }
        out.trim_end().to_owned()
    };
    lines.iter().map(line).collect::<Vec<_>>().join("\n")
}

/// At most `max` characters of a text, with a mark where something is missing.
fn cut(text: &str, max: usize) -> String {
    if text.chars().count() <= max {
        return text.to_owned();
    }
    text.chars().take(max.saturating_sub(1)).chain(['…']).collect()
}

/// A length of time in two words at most: `45 s`, `3 min`, `5 h 20 min`, `12 d`.
pub(super) fn age(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s"),
        60..3_600 => format!("{} min", seconds / 60),
        3_600..86_400 => format!("{} h {} min", seconds / 3_600, seconds % 3_600 / 60),
        _ => format!("{} d", seconds / 86_400),
    }
}

/// A number of bytes: `0.2 MiB`, `17.3 GiB`.
pub(super) fn size(bytes: u64) -> String {
    let mib = bytes as f64 / f64::from(1 << 20);
    if mib < 1024.0 { format!("{mib:.1} MiB") } else { format!("{:.1} GiB", mib / 1024.0) }
}

/// `1 dead letter`, `2 dead letters`.
pub(super) fn counted(count: u64, one: &str, many: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_of_somebody_else_reaches_the_terminal_as_a_command() {
        assert_eq!(escaped("merah \u{1b}[31m\rtimpa\n"), "merah \\u{1b}[31m\\u{d}timpa\n");
        assert_eq!(escaped("\u{202e}gnp.exe"), "\\u{202e}gnp.exe");
        assert_eq!(escaped("Café №5"), "Café №5");
    }

    #[test]
    fn the_last_column_of_a_table_is_cut_at_the_end_of_the_line() {
        let rows = [
            vec!["7".to_owned(), "arsip".to_owned(), "x".repeat(200)],
            vec!["12".to_owned(), "e-absensi".to_owned(), "pendek\nsekali".to_owned()],
        ];
        let text = table(&["ID", "TARGET", "REASON"], &rows);
        assert!(text.lines().all(|it| it.chars().count() <= COLUMNS), "{text}");
        insta::assert_snapshot!(text, @r"
        ID  TARGET     REASON
        7   arsip      xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx…
        12  e-absensi  pendek sekali
        ");
    }

    #[test]
    fn sizes_are_told_in_the_unit_that_matters() {
        assert_eq!([0, 18 << 20, 5 << 30].map(size), ["0.0 MiB", "18.0 MiB", "5.0 GiB"]);
    }

    #[test]
    fn ages_are_told_in_the_unit_that_matters() {
        let told = [0, 59, 60, 3_599, 3_600, 19_200, 86_400, 900_000].map(age);
        let expected = ["0 s", "59 s", "1 min", "59 min", "1 h 0 min", "5 h 20 min", "1 d", "10 d"];
        assert_eq!(told, expected);
    }
}
