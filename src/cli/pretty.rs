//! JSON text in lines, for a person and for a comparison: numbers and members stay as they were
//! written, which they would not if the text went through numbers and maps.

use serde::de::IgnoredAny;

/// `text` with a line for each member and each item; other text than JSON as it is.
pub(super) fn pretty(text: &str) -> String {
    if serde_json::from_str::<IgnoredAny>(text).is_err() {
        return text.to_owned();
    }
    let mut printer = Printer { out: String::with_capacity(text.len() * 2), depth: 0 };
    let mut letters = text.chars().peekable();
    let (mut quoted, mut escape) = (false, false);
    while let Some(letter) = letters.next() {
        if quoted {
            printer.out.push(letter);
            quoted = escape || letter != '"';
            escape = !escape && letter == '\\';
            continue;
        }
        match letter {
            ' ' | '\t' | '\n' | '\r' => {}
            '{' | '[' => {
                while letters.next_if(|it| it.is_ascii_whitespace()).is_some() {}
                match letters.next_if(|it| matches!(it, '}' | ']')) {
                    Some(end) => printer.out.extend([letter, end]),
                    None => printer.open(letter),
                }
            }
            '}' | ']' => printer.close(letter),
            ',' => {
                printer.out.push(letter);
                printer.line();
            }
            ':' => printer.out.push_str(": "),
            _ => {
                quoted = letter == '"';
                printer.out.push(letter);
            }
        }
    }
    printer.out
}

struct Printer {
    out: String,
    depth: usize,
}

impl Printer {
    fn open(&mut self, letter: char) {
        self.out.push(letter);
        self.depth += 1;
        self.line();
    }

    fn close(&mut self, letter: char) {
        self.depth = self.depth.saturating_sub(1);
        self.line();
        self.out.push(letter);
    }

    fn line(&mut self) {
        self.out.push('\n');
        self.out.extend(std::iter::repeat_n("  ", self.depth));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_and_order_stay_as_written() {
        let text =
            r#"{"b":1.50,"a":[ ],"c":{ },"d":[12345678901234567890123,"x, {\"y\": [1]}\\"]}"#;
        insta::assert_snapshot!(pretty(text), @r#"
        {
          "b": 1.50,
          "a": [],
          "c": {},
          "d": [
            12345678901234567890123,
            "x, {\"y\": [1]}\\"
          ]
        }
        "#);
    }

    #[test]
    fn printing_twice_changes_nothing() {
        let once = pretty(r#"[{"a":[1,[2,{"b":null}]]},"c"]"#);
        assert_eq!(pretty(&once), once);
    }

    #[test]
    fn what_is_no_json_stays_as_it_is() {
        assert_eq!(pretty("nomor=1&isi={"), "nomor=1&isi={");
    }
}
