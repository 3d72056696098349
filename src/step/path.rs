//! Paths that name where something is put or taken out: the part of JSONPath (RFC 9535) that
//! says names, numbers, `*` and `..`, and no conditions.

use std::{iter::Peekable, str::CharIndices};

use crate::{
    diagnostic::{Text, text},
    expr::SyntaxError,
    typing::Step,
};

/// One step down into a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Segment {
    pub(super) selector: Selector,
    /// After `..`: here and at every place below.
    pub(super) anywhere: bool,
}

/// What is chosen of a value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Selector {
    /// The member of an object by its key.
    Name(String),
    /// The item of an array by its number; a negative one counts from the end.
    Index(i64),
    /// Every member or item.
    All,
}

impl Selector {
    /// As types know it.
    pub(super) fn typed(&self) -> Step<'_> {
        match self {
            Self::Name(name) => Step::Name(name),
            Self::Index(index) => Step::Index(*index),
            Self::All => Step::All,
        }
    }
}

/// Levels that a path may go down; a body is at most so deep.
const SEGMENTS_MAX: usize = 512;

/// Reads `$.a['b c'][0].*..d`.
///
/// # Errors
///
/// What is wrong with the text, and where in it.
pub(super) fn parse(text: &str) -> Result<Vec<Segment>, SyntaxError> {
    let mut reader = Reader { text, letters: text.char_indices().peekable() };
    if reader.letters.next_if(|(_, it)| *it == '$').is_none() {
        return Err(reader.wrong(text!("a path begins with `$`"), text!("write `$.field`")));
    }
    let mut segments: Vec<Segment> = Vec::new();
    while reader.letters.peek().is_some() {
        let start = reader.at();
        let segment = reader.segment()?;
        if segment.anywhere && segments.iter().any(|it| it.anywhere) {
            return Err(reader.wrong_since(
                start,
                text!("`..` stands twice"),
                text!("one `..` finds all places"),
            ));
        }
        segments.push(segment);
        if SEGMENTS_MAX < segments.len() {
            return Err(reader.wrong_since(
                start,
                text!("the path goes down too far"),
                text!("shorten it"),
            ));
        }
    }
    if segments.is_empty() {
        return Err(reader.wrong_since(
            0,
            text!("`$` is the whole body"),
            text!("name a field of it, or use `map` to make a new body"),
        ));
    }
    Ok(segments)
}

struct Reader<'t> {
    text: &'t str,
    letters: Peekable<CharIndices<'t>>,
}

impl Reader<'_> {
    fn segment(&mut self) -> Result<Segment, SyntaxError> {
        let dotted = self.take('.');
        let anywhere = dotted && self.take('.');
        let bracket = (!dotted || anywhere) && self.take('[');
        let selector = if bracket {
            self.in_brackets()?
        } else if dotted {
            self.behind_dot()?
        } else {
            return Err(self.wrong(
                text!("only names, numbers and `*` may follow here"),
                text!("write `.name`, `['any name']`, `[0]` or `[*]`"),
            ));
        };
        Ok(Segment { selector, anywhere })
    }

    fn behind_dot(&mut self) -> Result<Selector, SyntaxError> {
        if self.take('*') {
            return Ok(Selector::All);
        }
        let start = self.at();
        let is_first = |it: char| it == '_' || it.is_ascii_alphabetic() || !it.is_ascii();
        while self.letters.next_if(|(_, it)| is_first(*it) || it.is_ascii_digit()).is_some() {}
        let name = self.text.get(start..self.at()).unwrap_or_default();
        match self.letters.peek() {
            Some((_, '-')) => {
                let help = text!("a name with `-` or a space in it is written `['like-this']`");
                Err(self.wrong(text!("`-` cannot stand in a name after a dot"), help))
            }
            _ if !name.starts_with(is_first) => Err(self.wrong_since(
                start,
                text!("expected a name"),
                text!("write `.name` or `['any name']`"),
            )),
            _ => Ok(Selector::Name(name.to_owned())),
        }
    }

    fn in_brackets(&mut self) -> Result<Selector, SyntaxError> {
        let start = self.at();
        let selector = match self.letters.peek().map(|(_, it)| *it) {
            Some('*') => {
                self.letters.next();
                Selector::All
            }
            Some(quote @ ('\'' | '"')) => {
                self.letters.next();
                Selector::Name(self.quoted(quote, start)?)
            }
            Some('?') => {
                let help =
                    text!("to keep only some items, `set` them: `$.items: $.items[?@.total > 0]`");
                return Err(self.wrong(text!("a path has no conditions"), help));
            }
            _ => {
                while self.letters.next_if(|(_, it)| *it == '-' || it.is_ascii_digit()).is_some() {}
                let digits = self.text.get(start..self.at()).unwrap_or_default();
                match digits.parse::<i64>() {
                    // As RFC 9535 has it: no zero in front, no `-0`.
                    Ok(number) if number.to_string() == digits => Selector::Index(number),
                    _ => {
                        let help = text!("write `['name']`, `[0]`, `[-1]` or `[*]`");
                        return Err(self.wrong_since(start, text!("no name, number or `*`"), help));
                    }
                }
            }
        };
        if self.take(']') {
            Ok(selector)
        } else {
            Err(self
                .wrong(text!("expected `]`"), text!("write one name, number or `*` in brackets")))
        }
    }

    fn quoted(&mut self, quote: char, start: usize) -> Result<String, SyntaxError> {
        let mut name = String::new();
        loop {
            match self.letters.next() {
                Some((_, letter)) if letter == quote => return Ok(name),
                Some((at, '\\')) => match self.letters.next() {
                    Some((_, letter)) if letter == quote || letter == '\\' => name.push(letter),
                    _ => {
                        let help =
                            text!("only the quote and `\\` are written with a `\\` before them");
                        return Err(self.wrong_since(at, text!("no such escape"), help));
                    }
                },
                Some((_, letter)) => name.push(letter),
                None => {
                    let help = text!("close the name with the same quote");
                    return Err(self.wrong_since(start, text!("the quote is never closed"), help));
                }
            }
        }
    }

    fn take(&mut self, letter: char) -> bool {
        self.letters.next_if(|(_, it)| *it == letter).is_some()
    }

    fn at(&mut self) -> usize {
        self.letters.peek().map_or(self.text.len(), |(at, _)| *at)
    }

    /// The next letter is wrong.
    fn wrong(&mut self, message: Text, help: Text) -> SyntaxError {
        let at = self.at();
        let letter = self.letters.peek().map_or(0, |(_, it)| it.len_utf8());
        SyntaxError { at: at..at + letter, message, help: Some(help) }
    }

    /// What stands since `start` is wrong.
    fn wrong_since(&mut self, start: usize, message: Text, help: Text) -> SyntaxError {
        let at = start..self.at();
        SyntaxError { at, message, help: Some(help) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn spelt(text: &str) -> String {
        let of = |it: &Segment| match &it.selector {
            Selector::Name(name) => format!("{}<{name}>", if it.anywhere { ".." } else { "" }),
            Selector::Index(number) => format!("[{number}]"),
            Selector::All => format!("{}*", if it.anywhere { ".." } else { "" }),
        };
        match parse(text) {
            Ok(segments) => segments.iter().map(of).collect(),
            Err(error) => format!("{:?} {}", error.at, error.message.english()),
        }
    }

    #[test]
    fn a_path_is_names_numbers_stars_and_one_double_dot() {
        assert_eq!(spelt("$.a._b1.é"), "<a><_b1><é>");
        assert_eq!(spelt("$['a b'][\"c'd\"]['e\\'f\\\\']['']"), "<a b><c'd><e'f\\><>");
        assert_eq!(spelt("$[0][-1][*].*.a"), "[0][-1]**<a>");
        assert_eq!(spelt("$..nik"), "..<nik>");
        assert_eq!(spelt("$.a..['b-c']..d"), "12..15 `..` stands twice");
        assert_eq!(spelt("$..*"), "..*");
    }

    #[test]
    fn what_is_no_path_is_refused_at_its_place() {
        let cases = [
            ("", "0..0 a path begins with `$`"),
            ("a.b", "0..1 a path begins with `$`"),
            ("@.b", "0..1 a path begins with `$`"),
            ("$", "0..1 `$` is the whole body"),
            ("$a", "1..2 only names, numbers and `*` may follow here"),
            ("$.a b", "3..4 only names, numbers and `*` may follow here"),
            ("$.a | upper", "3..4 only names, numbers and `*` may follow here"),
            ("$.a-b", "3..4 `-` cannot stand in a name after a dot"),
            ("$.", "2..2 expected a name"),
            ("$.1a", "2..4 expected a name"),
            ("$.['a']", "2..2 expected a name"),
            ("$[]", "2..2 no name, number or `*`"),
            ("$[01]", "2..4 no name, number or `*`"),
            ("$[?@.a]", "2..3 a path has no conditions"),
            ("$[1:2]", "3..4 expected `]`"),
            ("$['a'", "5..5 expected `]`"),
            ("$['a", "2..4 the quote is never closed"),
            ("$['\\n']", "3..5 no such escape"),
        ];
        for (text, expected) in cases {
            assert_eq!(spelt(text), expected, "{text}");
        }
        let deep = parse(&format!("${}", ".a".repeat(SEGMENTS_MAX + 1)));
        assert_eq!(deep.unwrap_err().message, "the path goes down too far");
    }
}
