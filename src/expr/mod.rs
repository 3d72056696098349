//! The one expression language: text is compiled once, at load, and evaluated per message.
//!
//! JSONPath selects (RFC 9535), operators compare, pipes transform. `tests/lang/*.yaml` is its
//! specification; `docs/language.md` its manual.

use std::{cell::Cell, ops::Range};

use crate::message::{Arena, Headers, MessageId, Timestamp, Value};

/// What an expression sees while it is evaluated.
#[derive(Clone, Copy)]
pub struct Scope<'a> {
    /// Where new values are made.
    pub arena: &'a Arena,
    /// `$`: the body of the message.
    pub body: Value<'a>,
    /// `@`: the current item, where there is one.
    pub item: Option<Value<'a>>,
    /// What the message is beside its body.
    pub meta: &'a Meta<'a>,
    /// How much work is left.
    pub budget: &'a Budget,
}

/// What a message is beside its body.
#[derive(Debug, Clone, Copy)]
pub struct Meta<'a> {
    /// `message_id()`.
    pub id: MessageId,
    /// `received_at()`.
    pub received_at: Timestamp,
    /// `header('name')`.
    pub headers: &'a Headers,
    /// The key of `hash`; without one, `hash` is an error.
    pub hash_key: Option<&'a [u8]>,
}

/// How many steps the work on one message may still take.
#[derive(Debug)]
pub struct Budget(Cell<u64>);

impl Budget {
    /// Steps that the work on one message may take: a few hundred times a typical route.
    pub const STEPS_MAX: u64 = 1_000_000;

    /// A budget of `steps`.
    pub fn new(steps: u64) -> Self {
        Self(Cell::new(steps))
    }

    /// Takes `steps`; false when they are not there.
    pub fn take(&self, steps: u64) -> bool {
        let left = self.0.get();
        self.0.set(left.saturating_sub(steps));
        steps <= left
    }
}

/// A compiled expression.
#[derive(Debug)]
pub struct Expr {}

impl Expr {
    /// Compiles the text of an expression.
    ///
    /// # Errors
    ///
    /// What is wrong with the text, and where in it.
    pub fn parse(_text: &str) -> Result<Self, SyntaxError> {
        todo!("language helper")
    }

    /// The value for one message; `None` is *nothing*.
    ///
    /// # Errors
    ///
    /// [`EvalError`]: a bad message.
    pub fn eval<'a>(&self, _scope: &Scope<'a>) -> Result<Option<Value<'a>>, EvalError> {
        todo!("language helper")
    }

    /// Whether the condition holds; `None` when the value is nothing.
    ///
    /// # Errors
    ///
    /// [`EvalError`], also when the value is no boolean.
    pub fn holds(&self, _scope: &Scope<'_>) -> Result<Option<bool>, EvalError> {
        todo!("language helper")
    }

    /// The text it was compiled from.
    pub fn text(&self) -> &str {
        todo!("language helper")
    }

    /// Whether it mentions `@` outside a filter.
    pub fn uses_item(&self) -> bool {
        todo!("language helper")
    }

    /// Whether it needs the key of `hash`.
    pub fn uses_hash(&self) -> bool {
        todo!("language helper")
    }
}

/// A value in `map` or `set`: an expression, a template, or literal text (`design.md`).
#[derive(Debug)]
pub struct ValueText {}

impl ValueText {
    /// Compiles a text that stands where a value may stand.
    ///
    /// # Errors
    ///
    /// What is wrong with the text; also literal text that looks like an expression.
    pub fn parse(_text: &str) -> Result<Self, SyntaxError> {
        todo!("language helper")
    }

    /// The value for one message; `None` is *nothing*.
    ///
    /// # Errors
    ///
    /// [`EvalError`]: a bad message.
    pub fn eval<'a>(&self, _scope: &Scope<'a>) -> Result<Option<Value<'a>>, EvalError> {
        todo!("language helper")
    }

    /// As [`Expr::uses_item`].
    pub fn uses_item(&self) -> bool {
        todo!("language helper")
    }

    /// As [`Expr::uses_hash`].
    pub fn uses_hash(&self) -> bool {
        todo!("language helper")
    }
}

/// Text with `${…}` in it, always yielding text: a path, a header.
#[derive(Debug)]
pub struct Template {}

impl Template {
    /// Compiles a template. Text without `${` is one too.
    ///
    /// # Errors
    ///
    /// What is wrong with the text, and where in it.
    pub fn parse(_text: &str) -> Result<Self, SyntaxError> {
        todo!("language helper")
    }

    /// The text for one message; `encode` is applied to what each `${…}` yields.
    ///
    /// # Errors
    ///
    /// [`EvalError`]: a bad message, also where a `${…}` is nothing, null, array or object.
    pub fn eval(
        &self,
        _scope: &Scope<'_>,
        _encode: fn(&str) -> String,
    ) -> Result<String, EvalError> {
        todo!("language helper")
    }

    /// The text, where no `${…}` stands in it.
    pub fn literal(&self) -> Option<&str> {
        todo!("language helper")
    }

    /// As [`Expr::uses_hash`].
    pub fn uses_hash(&self) -> bool {
        todo!("language helper")
    }
}

/// An expression does not parse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct SyntaxError {
    /// The bytes of the text that are wrong.
    pub at: Range<usize>,
    /// What is wrong: lower case, no full stop.
    pub message: String,
    /// What to write instead.
    pub help: Option<String>,
}

/// An expression cannot be evaluated for this message: a bad message.
///
/// Never holds a value of the message: reasons end up in logs and lists.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{expression}`: {message}")]
pub struct EvalError {
    /// The part of the expression that failed, as written.
    pub expression: String,
    /// Why: lower case, no full stop.
    pub message: String,
}
