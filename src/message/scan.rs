//! The words of JSON text: white space, strings, numbers, and the names of three values.

use super::{Arena, ParseErrorKind};

/// What is wrong, and at which byte.
pub(super) struct Wrong {
    pub(super) kind: ParseErrorKind,
    pub(super) at: usize,
}

/// Goes over a text word by word.
pub(super) struct Scanner<'a> {
    text: &'a str,
    at: usize,
    /// Where a string with escapes is put together.
    unescaped: String,
}

/// Digits that a number may have in all: as text it would outweigh any other field.
const DIGITS_MAX: usize = 10_000;

/// The largest exponent, either way, that a number may have: that of IEEE 754 decimal128.
const EXPONENT_MAX: u32 = 6144;

impl<'a> Scanner<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, at: 0, unescaped: String::new() }
    }

    /// The place of the next byte.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    #[inline]
    pub(super) fn peek(&self) -> Option<u8> {
        self.text.as_bytes().get(self.at).copied()
    }

    #[inline]
    pub(super) fn advance(&mut self) {
        self.at += 1;
    }

    /// Steps over `byte` if it is next.
    #[inline]
    pub(super) fn take(&mut self, byte: u8) -> bool {
        let is_next = self.peek() == Some(byte);
        self.at += usize::from(is_next);
        is_next
    }

    #[inline]
    pub(super) fn skip_space(&mut self) {
        while let Some(b' ' | b'\n' | b'\r' | b'\t') = self.peek() {
            self.at += 1;
        }
    }

    /// After a value: true past the bracket that closes, false at the next value.
    #[inline]
    pub(super) fn closes(&mut self, bracket: u8, expected: &'static str) -> Result<bool, Wrong> {
        self.skip_space();
        if self.take(b',') {
            self.skip_space();
            return Ok(false);
        }
        if self.take(bracket) { Ok(true) } else { Err(self.syntax(expected)) }
    }

    pub(super) fn is_at_byte_order_mark(&self) -> bool {
        self.text.starts_with('\u{feff}')
    }

    pub(super) fn wrong(&self, kind: ParseErrorKind) -> Wrong {
        Wrong { kind, at: self.at }
    }

    pub(super) fn syntax(&self, expected: &'static str) -> Wrong {
        self.wrong(ParseErrorKind::Syntax(expected))
    }

    /// Steps over `true`, `false` or `null`.
    pub(super) fn word(&mut self, word: &str) -> Result<(), Wrong> {
        match self.text.get(self.at..) {
            Some(rest) if rest.starts_with(word) => {
                self.at += word.len();
                Ok(())
            }
            _ => Err(self.syntax("expected a value")),
        }
    }

    /// A number, as it stands.
    pub(super) fn number(&mut self) -> Result<&'a str, Wrong> {
        let start = self.at;
        self.take(b'-');
        let mut digits = 1;
        if !self.take(b'0') {
            digits = self.digits()?;
        }
        if self.take(b'.') {
            digits += self.digits()?;
        }
        if let Some(b'e' | b'E') = self.peek() {
            self.advance();
            if !self.take(b'+') {
                self.take(b'-');
            }
            let exponent_at = self.at;
            self.digits()?;
            let exponent = self.text.get(exponent_at..self.at).unwrap_or_default();
            // Too many digits for a u32 may be zeros in front: still nothing that anyone writes.
            if exponent.parse().map_or(true, |it: u32| EXPONENT_MAX < it) {
                return Err(Wrong { kind: ParseErrorKind::NumberTooLarge, at: start });
            }
        }
        if DIGITS_MAX < digits {
            return Err(Wrong { kind: ParseErrorKind::NumberTooLarge, at: start });
        }
        Ok(self.text.get(start..self.at).unwrap_or_default())
    }

    /// Steps over digits, and says how many; there must be one.
    #[inline]
    fn digits(&mut self) -> Result<usize, Wrong> {
        let start = self.at;
        while let Some(b'0'..=b'9') = self.peek() {
            self.at += 1;
        }
        match self.at - start {
            0 => Err(self.syntax("expected a digit")),
            count => Ok(count),
        }
    }

    /// A string, at its opening quote. Borrows the text where there is no escape in it.
    #[inline]
    pub(super) fn string(&mut self, arena: &'a Arena) -> Result<&'a str, Wrong> {
        let start = self.at + 1;
        self.at = start;
        self.skip_plain();
        match self.peek() {
            Some(b'"') => {
                let string = self.text.get(start..self.at).unwrap_or_default();
                self.at += 1;
                Ok(string)
            }
            _ => self.string_with_escapes(arena, start),
        }
    }

    #[inline]
    fn skip_plain(&mut self) {
        self.at += plain_length(self.text.as_bytes().get(self.at..).unwrap_or_default());
    }

    #[cold]
    fn string_with_escapes(&mut self, arena: &'a Arena, start: usize) -> Result<&'a str, Wrong> {
        self.unescaped.clear();
        let mut plain_from = start;
        loop {
            self.unescaped.push_str(self.text.get(plain_from..self.at).unwrap_or_default());
            match self.peek() {
                Some(b'"') => break,
                Some(b'\\') => self.escape()?,
                Some(_) => return Err(self.syntax("a control character in a string")),
                None => return Err(self.syntax("the text ends inside a string")),
            }
            plain_from = self.at;
            self.skip_plain();
        }
        self.at += 1;
        arena.text(&self.unescaped).map_err(|_| self.wrong(ParseErrorKind::TooLarge))
    }

    /// Adds what the escape at the backslash stands for.
    fn escape(&mut self) -> Result<(), Wrong> {
        let backslash_at = self.at;
        self.advance();
        let letter = match self.peek() {
            Some(it @ (b'"' | b'\\' | b'/')) => char::from(it),
            Some(b'b') => '\u{8}',
            Some(b'f') => '\u{c}',
            Some(b'n') => '\n',
            Some(b'r') => '\r',
            Some(b't') => '\t',
            Some(b'u') => {
                self.advance();
                let letter = self.escaped_letter(backslash_at)?;
                self.unescaped.push(letter);
                return Ok(());
            }
            _ => return Err(self.syntax("no such escape in a string")),
        };
        self.advance();
        self.unescaped.push(letter);
        Ok(())
    }

    /// What `\uXXXX`, or a surrogate pair of two, stands for; at the digits of the first.
    fn escaped_letter(&mut self, backslash_at: usize) -> Result<char, Wrong> {
        let half = |at| Wrong { kind: ParseErrorKind::Syntax("half a surrogate pair"), at };
        let first = self.four_digits()?;
        let code = match first {
            0xd800..=0xdbff => {
                if !(self.take(b'\\') && self.take(b'u')) {
                    return Err(half(backslash_at));
                }
                match self.four_digits()? {
                    low @ 0xdc00..=0xdfff => 0x1_0000 + ((first - 0xd800) << 10) + (low - 0xdc00),
                    _ => return Err(half(backslash_at)),
                }
            }
            _ => first,
        };
        char::from_u32(code).ok_or_else(|| half(backslash_at))
    }

    fn four_digits(&mut self) -> Result<u32, Wrong> {
        let digits = self.text.as_bytes().get(self.at..).and_then(<[u8]>::first_chunk::<4>);
        let value = digits.and_then(|digits| {
            let mut digits = digits.iter().map(|it| char::from(*it).to_digit(16));
            digits.try_fold(0, |sum, digit| Some(sum << 4 | digit?))
        });
        match value {
            Some(value) => {
                self.at += 4;
                Ok(value)
            }
            None => Err(self.syntax("expected four hexadecimal digits")),
        }
    }
}

/// How many bytes stand before the first that ends plain text in a string: `"`, `\` or a control
/// character. All of them where none does.
#[inline]
pub(super) fn plain_length(bytes: &[u8]) -> usize {
    let mut at = 0;
    while let Some(chunk) = bytes.get(at..).and_then(<[u8]>::first_chunk) {
        match ends_at(u64::from_le_bytes(*chunk)) {
            Some(offset) => return at + offset,
            None => at += size_of::<u64>(),
        }
    }
    let rest = bytes.get(at..).unwrap_or_default();
    at + rest.iter().position(|it| matches!(it, b'"' | b'\\' | ..0x20)).unwrap_or(rest.len())
}

/// The place of the first `"`, `\` or control character among eight bytes.
#[inline]
fn ends_at(word: u64) -> Option<usize> {
    const ONES: u64 = u64::MAX / 255;
    const HIGH_BITS: u64 = ONES << 7;
    let zero_in = |it: u64| it.wrapping_sub(ONES) & !it;
    let quote = zero_in(word ^ (ONES * b'"' as u64));
    let backslash = zero_in(word ^ (ONES * b'\\' as u64));
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    // A borrow can mark a byte wrongly only behind one that is marked rightly.
    match (quote | backslash | control) & HIGH_BITS {
        0 => None,
        marks => Some(marks.trailing_zeros() as usize / 8),
    }
}
