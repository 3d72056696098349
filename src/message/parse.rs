//! JSON text into a [`Value`], strictly: RFC 8259, no duplicate keys, bounded depth.
//!
//! Straight from the text into the arena: numbers, and strings without escapes, borrow the text.
//! Parsing is most of the work of a typical route, so the loops look at eight bytes at once
//! where they can, and UTF-8 is checked once, in front.

use std::collections::HashSet;

use super::{
    Arena, ArenaFull, Value,
    document::Number,
    scan::{Scanner, Wrong},
};

/// What a body may be like at most.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Arrays and objects inside each other; never more than [`Limits::DEPTH_MAX`].
    pub depth: usize,
}

impl Limits {
    /// The largest depth that can be asked for: each level takes stack, here and in every
    /// later walk over the value, and the smallest stack that we run on has 2 MiB.
    pub const DEPTH_MAX: usize = 512;
}

impl Default for Limits {
    fn default() -> Self {
        Self { depth: 64 }
    }
}

/// Why a text is not a body that simpul takes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{kind} at line {line}, column {column}")]
pub struct ParseError {
    /// What is wrong.
    pub kind: ParseErrorKind,
    /// The line, from 1.
    pub line: usize,
    /// The column in bytes, from 1.
    pub column: usize,
}

impl ParseError {
    fn new(kind: ParseErrorKind, text: &[u8], at: usize) -> Self {
        let before = text.get(..at).unwrap_or(text);
        let line_start = before.iter().rposition(|it| *it == b'\n').map_or(0, |it| it + 1);
        let line = before.iter().filter(|it| **it == b'\n').count() + 1;
        Self { kind, line, column: before.len() - line_start + 1 }
    }
}

/// What can be wrong with a body. Never holds a part of the body.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParseErrorKind {
    /// Not JSON by RFC 8259; says what was expected.
    #[error("not JSON: {0}")]
    Syntax(&'static str),
    /// Not UTF-8.
    #[error("not UTF-8")]
    Encoding,
    /// An object has one key twice (also after `\u` escapes).
    #[error("an object has one key twice")]
    DuplicateKey,
    /// More arrays and objects inside each other than allowed.
    #[error("nested deeper than {limit} levels")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// A number that no system could hold: an exponent beyond 6144, or over 10,000 digits.
    #[error("a number beyond the limits")]
    NumberTooLarge,
    /// The text takes more memory than allowed.
    #[error("too large to be worked on")]
    TooLarge,
}

/// Parses a body.
///
/// # Errors
///
/// The first thing wrong with it, and where.
pub fn parse<'a>(
    arena: &'a Arena,
    text: &'a [u8],
    limits: &Limits,
) -> Result<Value<'a>, ParseError> {
    let checked = std::str::from_utf8(text)
        .map_err(|error| ParseError::new(ParseErrorKind::Encoding, text, error.valid_up_to()))?;
    let depth = limits.depth.min(Limits::DEPTH_MAX);
    let parser = Parser {
        arena,
        scanner: Scanner::new(checked),
        depth_limit: depth,
        depth_left: depth,
        items: Vec::new(),
        members: Vec::with_capacity(MEMBERS_AT_FIRST),
    };
    parser.document().map_err(|wrong| ParseError::new(wrong.kind, text, wrong.at))
}

/// Members that one message may have open before the stack of them grows.
const MEMBERS_AT_FIRST: usize = 64;

/// Up to so many members, keys are compared one by one; beyond, through a hash set.
const COMPARED_MAX: usize = 16;

type Member<'a> = (&'a str, Value<'a>);

struct Parser<'a> {
    arena: &'a Arena,
    scanner: Scanner<'a>,
    depth_limit: usize,
    depth_left: usize,
    /// The items of all arrays that are open; a closed one moves its own into the arena.
    items: Vec<Value<'a>>,
    /// The members of all objects that are open.
    members: Vec<Member<'a>>,
}

impl<'a> Parser<'a> {
    fn document(mut self) -> Result<Value<'a>, Wrong> {
        if self.scanner.is_at_byte_order_mark() {
            return Err(self.scanner.syntax("a byte order mark does not belong here"));
        }
        self.scanner.skip_space();
        let value = self.value()?;
        self.scanner.skip_space();
        match self.scanner.peek() {
            None => Ok(value),
            Some(_) => Err(self.scanner.syntax("expected the end of the text")),
        }
    }

    fn value(&mut self) -> Result<Value<'a>, Wrong> {
        match self.scanner.peek() {
            Some(b'"') => self.scanner.string(self.arena).map(Value::Text),
            Some(b'{') => self.inside(Self::object),
            Some(b'[') => self.inside(Self::array),
            Some(b'-' | b'0'..=b'9') => {
                self.scanner.number().map(|it| Value::Number(Number::from_checked(it)))
            }
            Some(b't') => self.scanner.word("true").map(|()| Value::Bool(true)),
            Some(b'f') => self.scanner.word("false").map(|()| Value::Bool(false)),
            Some(b'n') => self.scanner.word("null").map(|()| Value::Null),
            _ => Err(self.scanner.syntax("expected a value")),
        }
    }

    /// Goes one level down, past the bracket that opens it.
    fn inside(
        &mut self,
        read: fn(&mut Self) -> Result<Value<'a>, Wrong>,
    ) -> Result<Value<'a>, Wrong> {
        let Some(left) = self.depth_left.checked_sub(1) else {
            let limit = self.depth_limit;
            return Err(self.scanner.wrong(ParseErrorKind::TooDeep { limit }));
        };
        self.depth_left = left;
        self.scanner.advance();
        self.scanner.skip_space();
        let value = read(self)?;
        self.depth_left += 1;
        Ok(value)
    }

    fn array(&mut self) -> Result<Value<'a>, Wrong> {
        let start = self.items.len();
        if self.scanner.take(b']') {
            return Ok(Value::Array(&[]));
        }
        loop {
            let item = self.value()?;
            self.make_room(self.items.len() == self.items.capacity())?;
            self.items.push(item);
            if self.scanner.closes(b']', "expected `,` or `]`")? {
                break;
            }
        }
        let items = self.arena.slice(self.items.get(start..).unwrap_or_default());
        self.items.truncate(start);
        items.map(Value::Array).map_err(|ArenaFull { .. }| self.too_large())
    }

    fn object(&mut self) -> Result<Value<'a>, Wrong> {
        let start = self.members.len();
        let mut keys = Keys::default();
        if self.scanner.take(b'}') {
            return Ok(Value::Object(&[]));
        }
        loop {
            let key_at = self.scanner.at();
            let key = match self.scanner.peek() {
                Some(b'"') => self.scanner.string(self.arena)?,
                _ => return Err(self.scanner.syntax("expected a key in double quotes")),
            };
            if keys.has(key, self.members.get(start..).unwrap_or_default()) {
                return Err(Wrong { kind: ParseErrorKind::DuplicateKey, at: key_at });
            }
            self.scanner.skip_space();
            if !self.scanner.take(b':') {
                return Err(self.scanner.syntax("expected `:` after a key"));
            }
            self.scanner.skip_space();
            let value = self.value()?;
            self.make_room(self.members.len() == self.members.capacity())?;
            self.members.push((key, value));
            if self.scanner.closes(b'}', "expected `,` or `}`")? {
                break;
            }
        }
        let members = self.arena.slice(self.members.get(start..).unwrap_or_default());
        self.members.truncate(start);
        members.map(Value::Object).map_err(|ArenaFull { .. }| self.too_large())
    }

    /// The stacks of what is open obey the limit of the arena too: a text that is one long
    /// array must not take many times its size before anybody looks.
    fn make_room(&self, grows: bool) -> Result<(), Wrong> {
        if !grows {
            return Ok(());
        }
        let bytes = self.items.capacity() * size_of::<Value<'_>>()
            + self.members.capacity() * size_of::<Member<'_>>();
        if self.arena.limit() < 2 * bytes { Err(self.too_large()) } else { Ok(()) }
    }

    fn too_large(&self) -> Wrong {
        self.scanner.wrong(ParseErrorKind::TooLarge)
    }
}

/// Tells whether an object has a key already: linear over all keys of an object together, and
/// without hashing for the small objects that most are.
#[derive(Default)]
struct Keys<'a> {
    /// One bit for a rough hash of each key: a key whose bit is clear is new.
    rough: u64,
    exact: Option<HashSet<&'a str>>,
}

impl<'a> Keys<'a> {
    /// Whether `key` is among `members`; if not, it will be the next.
    fn has(&mut self, key: &'a str, members: &[Member<'a>]) -> bool {
        if COMPARED_MAX <= members.len() {
            let exact = self.exact.get_or_insert_with(|| members.iter().map(|it| it.0).collect());
            return !exact.insert(key);
        }
        let bit = 1 << (rough_hash(key) & 63);
        let is_new = self.rough & bit == 0;
        self.rough |= bit;
        !is_new && members.iter().any(|(other, _)| *other == key)
    }
}

/// Differs for keys of one object, mostly: they tend to differ in length or in their last
/// letter.
fn rough_hash(key: &str) -> usize {
    let bytes = key.as_bytes();
    let byte = |it: Option<&u8>| it.map_or(0, |it| usize::from(*it));
    let middle = bytes.get(bytes.len() / 2);
    bytes.len() + 3 * byte(bytes.first()) + 7 * byte(bytes.last()) + 13 * byte(middle)
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: usize = 1 << 20;

    fn refused(text: impl AsRef<[u8]>) -> String {
        let arena = Arena::with_limit(LIMIT);
        parse(&arena, text.as_ref(), &Limits { depth: 3 }).unwrap_err().to_string()
    }

    #[test]
    fn a_refusal_names_the_line_and_the_column_in_bytes() {
        assert_eq!(refused("{\n  \"é\": x}"), "not JSON: expected a value at line 2, column 9");
        assert_eq!(refused(""), "not JSON: expected a value at line 1, column 1");
        assert_eq!(refused("[1,\n2"), "not JSON: expected `,` or `]` at line 2, column 2");
        assert_eq!(refused(b"\n\"\xff\""), "not UTF-8 at line 2, column 2");
        assert_eq!(refused("[[[[]]]]"), "nested deeper than 3 levels at line 1, column 4");
        assert_eq!(refused("[1e6145]"), "a number beyond the limits at line 1, column 2");
        assert_eq!(
            refused(r#"["\ud800x"]"#),
            "not JSON: half a surrogate pair at line 1, column 3"
        );
    }

    #[test]
    fn a_key_that_stands_twice_is_found_in_objects_of_any_size() {
        for others in [0, 1, COMPARED_MAX - 2, COMPARED_MAX - 1, COMPARED_MAX, 10_000] {
            let other: Vec<String> = (0..others).map(|it| format!("\"k{it}\":{it}")).collect();
            let plain =
                format!("{{\"a\":0,{}\"b\":1}}", other.join(",") + &",".repeat(others.min(1)));
            let arena = Arena::with_limit(LIMIT);
            assert!(parse(&arena, plain.as_bytes(), &Limits::default()).is_ok(), "{others}");
            let twice = plain.replace("\"b\"", r#""\u0061""#);
            let column = twice.find(r#""\u0061""#).unwrap() + 1;
            let expected = format!("an object has one key twice at line 1, column {column}");
            assert_eq!(refused(&twice), expected, "{others}");
        }
    }

    #[test]
    fn one_key_may_stand_in_objects_inside_each_other() {
        let arena = Arena::with_limit(LIMIT);
        let text = br#"{"a":{"a":[{"a":1},{"a":2}]},"b":{"a":3}}"#;
        assert!(parse(&arena, text, &Limits::default()).is_ok());
    }

    #[test]
    fn strings_without_escapes_and_numbers_borrow_the_text() {
        let arena = Arena::with_limit(LIMIT);
        let text = br#"{"nama":"Pesisir Selatan","total":1234567890123456789012.50}"#;
        let value = parse(&arena, text, &Limits::default()).unwrap();
        let Some(Value::Text(name)) = value.get("nama") else { panic!("{value:?}") };
        assert_eq!(name.as_ptr(), text[9..].as_ptr());
        let Some(Value::Number(total)) = value.get("total") else { panic!("{value:?}") };
        assert_eq!(total.text(), "1234567890123456789012.50");
    }

    #[test]
    fn a_body_that_needs_more_memory_than_allowed_is_refused() {
        let arena = Arena::with_limit(LIMIT);
        let text = format!("[{}1]", "1,".repeat(LIMIT / 8));
        let error = parse(&arena, text.as_bytes(), &Limits::default()).unwrap_err();
        assert_eq!(error.kind, ParseErrorKind::TooLarge);
        assert!(arena.allocated() <= LIMIT);
    }
}
