//! Finds where a query ends, and checks its small print.
//!
//! What is handed on has no blanks and no numbers in its filters (their place is taken by the
//! index of the number), because `jsonpath-rust` lets blanks stand where RFC 9535 does not, reads
//! numbers as floats, and takes exponentially long for functions inside functions.

use crate::{
    diagnostic::text,
    expr::{
        SyntaxError,
        parse::{Cursor, function_elsewhere},
    },
};

/// Brackets and parentheses inside each other.
const DEPTH_MAX: usize = 32;

/// Functions inside functions.
const CALLS_MAX: usize = 4;

/// The largest index that RFC 9535 allows: 2⁵³ - 1.
const INDEX_MAX: u64 = (1 << 53) - 1;

/// The functions of RFC 9535: the only ones inside `[?…]`.
const FUNCTIONS: [&str; 5] = ["length", "count", "match", "search", "value"];

/// A query as `jsonpath-rust` may read it.
#[derive(Debug, Default)]
pub(super) struct Lexed {
    /// The query from its `$` or `@` on.
    pub(super) text: String,
    /// The numbers that stood in its filters.
    pub(super) numbers: Vec<Box<str>>,
}

/// Reads the query that starts at the cursor, and leaves the cursor behind it.
pub(super) fn lex(cursor: &mut Cursor<'_>) -> Result<Lexed, SyntaxError> {
    let mut lexer = Lexer { cursor, out: Lexed::default(), depth: 0, calls: 0 };
    lexer.query()?;
    Ok(lexer.out)
}

struct Lexer<'c, 't> {
    cursor: &'c mut Cursor<'t>,
    out: Lexed,
    depth: usize,
    calls: usize,
}

impl Lexer<'_, '_> {
    fn query(&mut self) -> Result<(), SyntaxError> {
        self.copy();
        loop {
            let before = self.cursor.position();
            self.cursor.blanks();
            match self.cursor.peek() {
                Some('.') => self.dotted()?,
                Some('[') => self.bracketed()?,
                _ => {
                    self.cursor.go_to(before);
                    return Ok(());
                }
            }
        }
    }

    /// `.name`, `.*`, `..name`, `..*`, `..[…]`
    fn dotted(&mut self) -> Result<(), SyntaxError> {
        let start = self.cursor.position();
        self.copy();
        if self.cursor.peek() == Some('.') {
            self.copy();
            if self.cursor.peek() == Some('[') {
                return self.bracketed();
            }
        }
        match self.cursor.peek() {
            Some('*') => self.copy(),
            Some(first) if is_name_first(first) => {
                let name = self.cursor.word();
                if name.trim() != name {
                    return Err(self
                        .cursor
                        .error(start, "a name ends with a blank that is no space")
                        .help("type a space in its place: it came from a web page or a word processor"));
                }
                self.out.text.push_str(name);
                if self.cursor.peek() == Some('(') {
                    let help = match function_elsewhere(name) {
                        Some(ours) if ours != name => text!("write `| {}`", ours),
                        _ => text!("write `| {}(…)`", name),
                    };
                    let name_start = self.cursor.position() - name.len();
                    return Err(self
                        .cursor
                        .error(name_start, "functions are called with a pipe")
                        .help(help));
                }
            }
            Some(digit) if digit.is_ascii_digit() => {
                let name = self.cursor.word();
                let help = text!("write `['{}']`, or `[{}]` for an item of an array", name, name);
                return Err(self
                    .cursor
                    .error(start, "a name after `.` starts with a letter")
                    .help(help));
            }
            _ => {
                return Err(self
                    .cursor
                    .error(start, "no name follows the dot")
                    .help("write `.name`, `.*` or `['name']`"));
            }
        }
        Ok(())
    }

    fn bracketed(&mut self) -> Result<(), SyntaxError> {
        let start = self.cursor.position();
        self.enter(start)?;
        self.copy();
        loop {
            self.cursor.blanks();
            self.selector()?;
            self.cursor.blanks();
            match self.cursor.peek() {
                Some(',') => self.copy(),
                Some(']') => {
                    self.copy();
                    self.depth -= 1;
                    return Ok(());
                }
                None => {
                    return Err(self
                        .cursor
                        .error(start, "this bracket is not closed")
                        .help("add `]`"));
                }
                Some(_) => {
                    return Err(self
                        .cursor
                        .unexpected(text!("in brackets"))
                        .help("write `['name']`, `[0]`, `[*]`, `[1:3]` or `[?@.name == 1]`"));
                }
            }
        }
    }

    fn selector(&mut self) -> Result<(), SyntaxError> {
        match self.cursor.peek() {
            Some('\'' | '"') => self.string(),
            Some('*') => {
                self.copy();
                Ok(())
            }
            Some('?') => {
                self.copy();
                self.logical(false)
            }
            Some('-' | ':' | '0'..='9') => self.index_or_slice(),
            Some(']' | ',') => {
                let error = self.cursor.unexpected(text!("here: a selector is missing"));
                Err(error.help("write `['name']`, `[0]`, `[*]`, `[1:3]` or `[?@.name == 1]`"))
            }
            _ => Ok(()),
        }
    }

    /// Numbers and colons; blanks may stand around the colons alone.
    fn index_or_slice(&mut self) -> Result<(), SyntaxError> {
        let mut after_number = false;
        loop {
            match self.cursor.peek() {
                Some(':') => {
                    self.copy();
                    after_number = false;
                }
                Some('-' | '0'..='9') if !after_number => {
                    let start = self.cursor.position();
                    let minus = self.cursor.eat("-");
                    let digits = self.cursor.word();
                    let leading_zero = digits.starts_with('0') && (1 < digits.len() || minus);
                    if leading_zero
                        || !digits.bytes().all(|it| it.is_ascii_digit())
                        || digits.is_empty()
                    {
                        return Err(self
                            .cursor
                            .error(start, "this is no index")
                            .help("write a whole number, or quote a name: `['name']`"));
                    }
                    if digits.parse::<u64>().ok().is_none_or(|it| INDEX_MAX < it) {
                        return Err(self.cursor.error(start, "an index beyond 2⁵³ - 1"));
                    }
                    self.out.text.push_str(self.cursor.since(start));
                    after_number = true;
                }
                _ => return Ok(()),
            }
            self.cursor.blanks();
        }
    }

    /// A logical expression up to the `,`, `]` or `)` that ends it; in a call, `,` separates.
    fn logical(&mut self, in_call: bool) -> Result<(), SyntaxError> {
        // Whether a value just ended, so that only an operator or the end may follow.
        let mut after_value = false;
        loop {
            self.cursor.blanks();
            let Some(next) = self.cursor.peek() else { return Ok(()) };
            let operator = self.operator();
            match next {
                ']' | ')' => return Ok(()),
                ',' if !in_call => return Ok(()),
                ',' => {
                    self.copy();
                    after_value = false;
                }
                _ if operator => after_value = false,
                '!' if !after_value => self.copy(),
                _ if after_value => return Err(self.unexpected_in_filter()),
                _ => {
                    self.value(next)?;
                    after_value = true;
                }
            }
        }
    }

    fn operator(&mut self) -> bool {
        const OPERATORS: [&str; 8] = ["&&", "||", "==", "!=", "<=", ">=", "<", ">"];
        let found = OPERATORS.iter().find(|it| self.cursor.eat(it));
        self.out.text.push_str(found.unwrap_or(&""));
        found.is_some()
    }

    fn value(&mut self, first: char) -> Result<(), SyntaxError> {
        match first {
            '$' | '@' => self.query(),
            '\'' | '"' => self.string(),
            '(' => self.group(false),
            '-' | '0'..='9' => {
                let number = self.cursor.number()?;
                self.out.text.push_str(&self.out.numbers.len().to_string());
                self.out.numbers.push(number.into());
                Ok(())
            }
            _ if is_name_first(first) => self.function_or_literal(),
            _ => Err(self.unexpected_in_filter()),
        }
    }

    fn function_or_literal(&mut self) -> Result<(), SyntaxError> {
        let start = self.cursor.position();
        let name = self.cursor.word();
        self.out.text.push_str(name);
        let called = self.cursor.peek() == Some('(');
        if called && FUNCTIONS.contains(&name) {
            self.calls += 1;
            if CALLS_MAX < self.calls {
                return Err(self
                    .cursor
                    .error(start, text!("more than {} functions inside each other", &CALLS_MAX)));
            }
            self.group(true)?;
            self.calls -= 1;
            return Ok(());
        }
        match name {
            "true" | "false" | "null" if !called => Ok(()),
            _ if called => Err(self
                .cursor
                .error(start, text!("`{}` is no function inside `[?…]`", name))
                .help(text!("there are `{}`", &FUNCTIONS.join("`, `")))),
            _ => Err(self
                .cursor
                .error(start, text!("`{}` is no value inside `[?…]`", name))
                .help(text!("a member of the item is `@.{}`, a text `'{}'`", name, name))),
        }
    }

    fn group(&mut self, in_call: bool) -> Result<(), SyntaxError> {
        let start = self.cursor.position();
        self.enter(start)?;
        self.copy();
        self.logical(in_call)?;
        if self.cursor.peek() != Some(')') {
            return Err(self.cursor.error(start, "this parenthesis is not closed").help("add `)`"));
        }
        self.copy();
        self.depth -= 1;
        Ok(())
    }

    /// A text in quotes, left for `jsonpath-rust` to read.
    fn string(&mut self) -> Result<(), SyntaxError> {
        let start = self.cursor.position();
        self.cursor.string()?;
        self.out.text.push_str(self.cursor.since(start));
        Ok(())
    }

    fn enter(&mut self, start: usize) -> Result<(), SyntaxError> {
        self.depth += 1;
        if DEPTH_MAX < self.depth {
            return Err(self
                .cursor
                .error(start, text!("nested deeper than {} levels", &DEPTH_MAX)));
        }
        Ok(())
    }

    fn copy(&mut self) {
        self.out.text.extend(self.cursor.next());
    }

    fn unexpected_in_filter(&self) -> SyntaxError {
        let help = match self.cursor.peek() {
            Some('=') => text!("compare with `==`"),
            Some('&') => text!("write `&&`"),
            Some('|') => text!("write `||`; pipes stand outside of `[?…]`"),
            _ => text!("inside `[?…]` stand the comparisons and functions of RFC 9535 alone"),
        };
        self.cursor.unexpected(text!("inside `[?…]`")).help(help)
    }
}

fn is_name_first(letter: char) -> bool {
    letter.is_ascii_alphabetic() || letter == '_' || !letter.is_ascii()
}
