//! CSV text into a [`Table`], or everything that is wrong with it.

use std::collections::HashSet;

use csv::{ByteRecord, ReaderBuilder};

use super::{BYTES_MAX, ROWS_MAX, Table};
use crate::diagnostic::{Code, Report, Span, Text, text};

/// Mistakes that one table shows before the rest is left unread: a file with the wrong separator
/// is wrong in each of its lines.
const MISTAKES_MAX: usize = 20;

/// Columns that a table may have: a wider one is no code table.
const COLUMNS_MAX: usize = 256;

impl Table {
    /// Reads a table from CSV text (RFC 4180, UTF-8, a header line), adding what is wrong with
    /// it to `report`: a column name twice, a row of another length, a key twice, a quote that
    /// is never closed, more than [`BYTES_MAX`] or [`ROWS_MAX`].
    pub fn read(text: &[u8], report: &mut Report) -> Option<Self> {
        if BYTES_MAX < text.len() {
            let message = text!("a code table may have {} MiB", &(BYTES_MAX >> 20));
            report.error(line(1), Code::Table, message).label("this file is larger");
            return None;
        }
        is_text(text, report)?;
        let text = text.strip_prefix(b"\xef\xbb\xbf").unwrap_or(text);
        quotes_are_right(text, report)?;
        let mut reader = ReaderBuilder::new().flexible(true).from_reader(text);
        let columns = reader.byte_headers().ok().map(fields).unwrap_or_default();
        check_columns(&columns, report)?;
        let mut rows = Rows { width: columns.len(), ..Rows::default() };
        let mut record = ByteRecord::new();
        // Reading from memory, in any encoding and of any length, cannot fail.
        while matches!(reader.read_byte_record(&mut record), Ok(true)) {
            rows.add(&record, line_of(&record, text), report);
            if MISTAKES_MAX <= rows.mistakes || ROWS_MAX < rows.lines.len() {
                break;
            }
        }
        if ROWS_MAX < rows.lines.len() {
            let message = text!("a code table may have {} rows", &ROWS_MAX);
            report.error(line(1), Code::Table, message).label("this file has more");
            return None;
        }
        rows.into_table(columns, report)
    }
}

/// What has been read so far.
#[derive(Default)]
struct Rows {
    width: usize,
    text: String,
    ends: Vec<u32>,
    /// The line on which each row begins.
    lines: Vec<u32>,
    mistakes: usize,
}

impl Rows {
    fn add(&mut self, record: &ByteRecord, at: u32, report: &mut Report) {
        if record.len() != self.width {
            let message = text!("a row has {} fields, the header {}", &record.len(), &self.width);
            report.error(line(at), Code::Table, message).label("this row").help(
                match record.len() < self.width {
                    true => text!(
                        "add the fields that are missing: a field may be empty, its comma not"
                    ),
                    false => text!("put a field that holds a comma into double quotes"),
                },
            );
            self.mistakes += 1;
            return;
        }
        if record.get(0).is_none_or(<[u8]>::is_empty) {
            report
                .error(line(at), Code::Table, "a row has no key")
                .label("its first field is empty")
                .help("write the key, or take the row out");
            self.mistakes += 1;
            return;
        }
        self.lines.push(at);
        for field in record {
            // The text was checked to be UTF-8, and CSV splits it at ASCII letters only.
            self.text.push_str(std::str::from_utf8(field).unwrap_or_default());
            self.ends.push(u32::try_from(self.text.len()).unwrap_or(u32::MAX));
        }
    }

    fn into_table(mut self, columns: Vec<String>, report: &mut Report) -> Option<Table> {
        self.text.shrink_to_fit();
        self.ends.shrink_to_fit();
        let rows = u32::try_from(self.lines.len()).unwrap_or(u32::MAX);
        let mut table =
            Table { columns, text: self.text, ends: self.ends, by_key: (0..rows).collect() };
        let mut by_key = std::mem::take(&mut table.by_key);
        // By number within one key, so that the later of two rows is the one that is wrong.
        by_key.sort_unstable_by(|one, other| {
            table.key(*one).cmp(table.key(*other)).then(one.cmp(other))
        });
        let line_of = |row: u32| {
            usize::try_from(row).ok().and_then(|it| self.lines.get(it)).copied().unwrap_or(1)
        };
        for pair in by_key.windows(2) {
            let [first, second] = pair else { continue };
            let key = table.key(*second);
            if key == table.key(*first) && self.mistakes < MISTAKES_MAX {
                self.mistakes += 1;
                report
                    .error(line(line_of(*second)), Code::Table, text!("key `{}` stands twice", key))
                    .label(text!("it stands on line {} already", &line_of(*first)))
                    .help("take one of them out, or give it a key of its own");
            }
        }
        table.by_key = by_key;
        (self.mistakes == 0).then_some(table)
    }
}

/// The line on which a record begins; the reader's own count begins before empty lines.
fn line_of(record: &ByteRecord, text: &[u8]) -> u32 {
    let Some(position) = record.position() else { return 1 };
    let start = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let from_there = text.get(start..).unwrap_or_default().iter();
    let empty = from_there.take_while(|it| b"\r\n".contains(it)).filter(|it| **it == b'\n').count();
    u32::try_from(position.line())
        .unwrap_or(u32::MAX)
        .saturating_add(u32::try_from(empty).unwrap_or(u32::MAX))
}

fn fields(record: &ByteRecord) -> Vec<String> {
    record.iter().map(|it| String::from_utf8_lossy(it).into_owned()).collect()
}

fn check_columns(columns: &[String], report: &mut Report) -> Option<()> {
    let mut wrong = |message: Text, label: Text, help: Text| {
        report.error(line(1), Code::Table, message).label(label).help(help);
        None
    };
    let name_them = text!("name the columns on the first line: `kode,nama`");
    if columns.is_empty() || columns.iter().all(String::is_empty) {
        return wrong(text!("a code table has no header"), text!("nothing stands here"), name_them);
    }
    if COLUMNS_MAX < columns.len() {
        let message = text!("a code table may have {} columns", &COLUMNS_MAX);
        return wrong(
            message,
            text!("there are more"),
            text!("keep the columns that routes look up"),
        );
    }
    if let [only] = columns
        && only.contains([';', '\t'])
    {
        let message = text!("the columns are not separated by commas");
        return wrong(
            message,
            text!("this is read as one column"),
            text!("save it with commas between the columns: as `CSV UTF-8`, or by replacing `;`"),
        );
    }
    let mut seen = HashSet::new();
    for column in columns {
        if column.is_empty() {
            return wrong(text!("a column has no name"), text!("in the header"), name_them);
        }
        if !seen.insert(column) {
            let message = text!("column `{}` stands twice", &column);
            return wrong(
                message,
                text!("in the header"),
                text!("give each column a name of its own"),
            );
        }
    }
    Some(())
}

fn is_text(text: &[u8], report: &mut Report) -> Option<()> {
    let wrong_at = match std::str::from_utf8(text) {
        Ok(_) => match text.iter().position(|it| *it == 0) {
            Some(nul) => nul,
            None => return Some(()),
        },
        Err(error) => error.valid_up_to(),
    };
    let before = text.get(..wrong_at).unwrap_or_default();
    let lines = before.iter().filter(|it| **it == b'\n').count();
    let at = line(u32::try_from(lines).unwrap_or(u32::MAX).saturating_add(1));
    report
        .error(at, Code::Table, "a code table is not UTF-8 text")
        .label("the first wrong byte is on this line")
        .help("save the file as `CSV UTF-8`");
    None
}

/// Where a quote may stand is what readers of CSV are lax about: one that is never closed would
/// swallow the rest of the table as one field. One inside a field without quotes harms nobody.
fn quotes_are_right(text: &[u8], report: &mut Report) -> Option<()> {
    #[derive(Clone, Copy, PartialEq)]
    enum At {
        Start,
        Plain,
        Quoted {
            since: u32,
        },
        /// Behind a quote that closes the field, or is the first of two.
        Closing {
            since: u32,
        },
    }
    let mut at = At::Start;
    let mut number = 1;
    for byte in text {
        number += u32::from(*byte == b'\n');
        at = match (at, byte) {
            (At::Start, b'"') => At::Quoted { since: number },
            (At::Quoted { since }, b'"') => At::Closing { since },
            (At::Closing { since }, b'"') => At::Quoted { since },
            (At::Quoted { .. }, _) => at,
            (_, b',' | b'\n' | b'\r') => At::Start,
            (At::Start | At::Plain, _) => At::Plain,
            (At::Closing { .. }, _) => {
                report
                    .error(line(number), Code::Table, "text stands behind a field in quotes")
                    .label("on this line")
                    .help("write each quote inside the field twice: `\"a \"\"b\"\" c\"`");
                return None;
            }
        };
    }
    if let At::Quoted { since } = at {
        report
            .error(line(since), Code::Table, "a quote is never closed")
            .label("it opens on this line")
            .help("close the field with `\"`; a quote inside it is written twice");
        return None;
    }
    Some(())
}

fn line(number: u32) -> Span {
    Span { line: number, column: 1, len: 1 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Everything wrong with a table: the line, the message, the label.
    fn mistakes(text: impl AsRef<[u8]>) -> Vec<String> {
        let mut report = Report::default();
        let table = Table::read(text.as_ref(), &mut report);
        let found = report.into_sorted();
        assert_eq!(table.is_none(), !found.is_empty());
        found
            .iter()
            .map(|it| format!("{}: {}; {}", it.at.line, it.message.english(), it.label.english()))
            .collect()
    }

    #[test]
    fn every_mistake_is_shown_with_its_line() {
        let text = "kode,nama\n1,a\n2\n\n1,\"b\n\"\n3,c,d\n,e\n2,f\n1,g\n";
        insta::assert_snapshot!(mistakes(text).join("\n"), @r"
        3: a row has 1 fields, the header 2; this row
        5: key `1` stands twice; it stands on line 2 already
        7: a row has 3 fields, the header 2; this row
        8: a row has no key; its first field is empty
        10: key `1` stands twice; it stands on line 5 already
        ");
    }

    #[test]
    fn what_is_no_table_at_all_is_refused() {
        let cases: [(&[u8], &str); 11] = [
            (b"", "1: a code table has no header; nothing stands here"),
            (b"\n\n", "1: a code table has no header; nothing stands here"),
            (b"kode,\n1,a", "1: a column has no name; in the header"),
            (b"kode,nama,kode\n1,a,b", "1: column `kode` stands twice; in the header"),
            (
                b"kode;nama\n1;a",
                "1: the columns are not separated by commas; this is read as one column",
            ),
            (b"kode,nama\n1,\"a\n2,b\n", "2: a quote is never closed; it opens on this line"),
            (b"kode,nama\n1,\"a\"b\n", "2: text stands behind a field in quotes; on this line"),
            (
                b"kode,nama\n1,a\x00\n",
                "2: a code table is not UTF-8 text; the first wrong byte is on this line",
            ),
            (
                b"kode,nama\n\n1,\xe9\n",
                "3: a code table is not UTF-8 text; the first wrong byte is on this line",
            ),
            (
                b"\xff\xfek\0",
                "1: a code table is not UTF-8 text; the first wrong byte is on this line",
            ),
            (&[b'a'; BYTES_MAX + 1], "1: a code table may have 64 MiB; this file is larger"),
        ];
        for (text, expected) in cases {
            assert_eq!(mistakes(text), [expected]);
        }
    }

    #[test]
    fn a_file_that_is_wrong_in_each_line_shows_only_the_first_mistakes() {
        let text = format!("kode,nama\n{}", "1,a,b\n".repeat(1000));
        assert_eq!(mistakes(text).len(), MISTAKES_MAX);
    }

    #[test]
    fn a_table_with_too_many_rows_is_refused() {
        let rows: String = (0..=ROWS_MAX).map(|it| format!("{it}\n")).collect();
        let expected = ["1: a code table may have 1000000 rows; this file has more"];
        assert_eq!(mistakes(format!("kode\n{rows}")), expected);
    }
}
