//! A place in the text of an expression, and the tokens that can be read from there.

use crate::{
    diagnostic::{Text, text},
    expr::SyntaxError,
};

/// Where the parser is in a text.
pub(in crate::expr) struct Cursor<'t> {
    text: &'t str,
    position: usize,
}

impl<'t> Cursor<'t> {
    pub(in crate::expr) fn new(text: &'t str, position: usize) -> Self {
        Self { text, position }
    }

    pub(in crate::expr) fn position(&self) -> usize {
        self.position
    }

    /// Goes back to where it was before.
    pub(in crate::expr) fn go_to(&mut self, position: usize) {
        self.position = position;
    }

    /// What is left.
    pub(in crate::expr) fn rest(&self) -> &'t str {
        self.text.get(self.position..).unwrap_or_default()
    }

    /// What was read since `start`.
    pub(in crate::expr) fn since(&self, start: usize) -> &'t str {
        self.text.get(start..self.position).unwrap_or_default()
    }

    pub(in crate::expr) fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    pub(in crate::expr) fn next(&mut self) -> Option<char> {
        let letter = self.peek()?;
        self.position += letter.len_utf8();
        Some(letter)
    }

    /// Reads `token` if it stands here.
    pub(in crate::expr) fn eat(&mut self, token: &str) -> bool {
        let there = self.rest().starts_with(token);
        self.position += if there { token.len() } else { 0 };
        there
    }

    /// Reads the blanks of RFC 9535: space, tab, line feed, carriage return.
    pub(in crate::expr) fn blanks(&mut self) {
        let is_blank = |it: &u8| matches!(it, b' ' | b'\t' | b'\n' | b'\r');
        self.position += self.rest().bytes().take_while(is_blank).count();
    }

    /// Reads letters, digits, `_` and whatever is not ASCII; may be empty.
    pub(in crate::expr) fn word(&mut self) -> &'t str {
        let rest = self.rest();
        let end = rest.find(|it: char| it.is_ascii() && !it.is_ascii_alphanumeric() && it != '_');
        let word = rest.get(..end.unwrap_or(rest.len())).unwrap_or_default();
        self.position += word.len();
        word
    }

    /// Reads a JSON number.
    pub(in crate::expr) fn number(&mut self) -> Result<&'t str, SyntaxError> {
        // As decimal128 has it, and as a body may have it.
        const EXPONENT_MAX: u32 = 6144;
        let start = self.position;
        self.eat("-");
        let whole = self.digits();
        let wrong = |this: &mut Self| {
            this.word();
            this.error(start, "this is no JSON number")
                .help("write it as `7`, `-7`, `0.7` or `7e3`; a code with leading zeros as `'007'`")
        };
        if whole.is_empty() || whole.starts_with('0') && 1 < whole.len() {
            return Err(wrong(self));
        }
        if self.eat(".") && self.digits().is_empty() {
            return Err(wrong(self));
        }
        if self.eat("e") || self.eat("E") {
            let _ = self.eat("-") || self.eat("+");
            let exponent = self.digits();
            if exponent.is_empty() {
                return Err(wrong(self));
            }
            if exponent.parse::<u32>().ok().is_none_or(|it| EXPONENT_MAX < it) {
                return Err(self.error(start, text!("an exponent beyond {}", &EXPONENT_MAX)));
            }
        }
        if self.peek().is_some_and(|it| it.is_alphanumeric() || matches!(it, '.' | '_')) {
            return Err(wrong(self));
        }
        Ok(self.since(start))
    }

    fn digits(&mut self) -> &'t str {
        let start = self.position;
        let rest = self.rest();
        self.position += rest.len() - rest.trim_start_matches(|it: char| it.is_ascii_digit()).len();
        self.since(start)
    }

    /// Reads a text in single or double quotes.
    pub(in crate::expr) fn string(&mut self) -> Result<String, SyntaxError> {
        let start = self.position;
        let quote = self.next();
        let mut text = String::new();
        loop {
            let at = self.position;
            match self.next() {
                None => {
                    return Err(self
                        .error(start, "this text is not closed")
                        .help("end it with the quote that it starts with"));
                }
                letter if letter == quote => return Ok(text),
                Some('\\') => text.push(self.escape(at)?),
                Some(control) if control < ' ' => {
                    return Err(self
                        .error(at, "a control character in a text")
                        .help("write it as `\\n`, `\\t` or `\\u….`"));
                }
                Some(letter) => text.push(letter),
            }
        }
    }

    fn escape(&mut self, at: usize) -> Result<char, SyntaxError> {
        let letter = match self.next() {
            Some(same @ ('"' | '\'' | '\\' | '/')) => Some(same),
            Some('b') => Some('\u{8}'),
            Some('f') => Some('\u{c}'),
            Some('n') => Some('\n'),
            Some('r') => Some('\r'),
            Some('t') => Some('\t'),
            Some('u') => self.escaped_unicode(),
            _ => None,
        };
        letter.ok_or_else(|| {
            self.error(at, text!("`{}` is no escape", &self.since(at)))
                .help("a backslash is written `\\\\`; there are `\\n \\t \\r \\b \\f \\' \\\" \\/ \\uXXXX`")
        })
    }

    fn escaped_unicode(&mut self) -> Option<char> {
        let high = self.four_digits()?;
        if !(0xd800..0xdc00).contains(&high) {
            return char::from_u32(high);
        }
        let low = self.eat("\\u").then(|| self.four_digits()).flatten()?;
        let low = (0xdc00..0xe000).contains(&low).then(|| low - 0xdc00)?;
        char::from_u32(0x10000 + ((high - 0xd800) << 10) + low)
    }

    fn four_digits(&mut self) -> Option<u32> {
        let digits =
            self.rest().get(..4).filter(|it| it.bytes().all(|it| it.is_ascii_hexdigit()))?;
        self.position += digits.len();
        u32::from_str_radix(digits, 16).ok()
    }

    /// What was read since `start` is wrong.
    pub(in crate::expr) fn error(&self, start: usize, message: impl Into<Text>) -> SyntaxError {
        SyntaxError { at: start..self.position, message: message.into(), help: None }
    }

    /// What stands here, a word or a sign, does not belong here.
    pub(in crate::expr) fn unexpected(&self, place: Text) -> SyntaxError {
        let word = Cursor::new(self.rest(), 0).word();
        let (message, len) = match self.peek() {
            None => (text!("the text ends {}", place), 0),
            Some(_) if !word.is_empty() => {
                (text!("`{}` does not belong {}", word, place), word.len())
            }
            Some(' ') => (text!("a blank does not belong {}", place), 1),
            Some(control) if control.is_control() => {
                (text!("`{}` does not belong {}", &control.escape_debug(), place), 1)
            }
            Some(sign) => (text!("`{}` does not belong {}", &sign, place), sign.len_utf8()),
        };
        SyntaxError { at: self.position..self.position + len, message, help: None }
    }
}

impl SyntaxError {
    /// Says what to write instead.
    pub(in crate::expr) fn help(mut self, help: impl Into<Text>) -> Self {
        self.help = Some(help.into());
        self
    }
}
