//! JSON text into a [`Value`], strictly: RFC 8259, no duplicate keys, bounded depth.

use super::{Arena, Value};

/// What a body may be like at most.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Arrays and objects inside each other.
    pub depth: usize,
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
    _arena: &'a Arena,
    _text: &'a [u8],
    _limits: &Limits,
) -> Result<Value<'a>, ParseError> {
    todo!("message helper")
}
