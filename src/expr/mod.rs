//! The one expression language: text is compiled once, at load, and evaluated per message.
//!
//! JSONPath selects (RFC 9535), operators compare, pipes transform. `tests/lang/*.yaml` is its
//! specification; `docs/language.md` its manual.
//!
//! ```text
//! text ── parse ──▶ node (a tree) ── eval + Scope ──▶ a Value, nothing, or an EvalError
//!           └ path: the queries        └ number, function: what the operators and pipes do
//! ```
//!
//! [`Expr`], [`ValueText`], [`Template`] and [`Query`] are the four places where a text of the
//! language may stand.

mod eval;
mod explain;
mod expression;
mod function;
mod node;
mod number;
mod parse;
mod path;
mod template;
mod value_text;

use std::{cell::Cell, collections::BTreeMap, ops::Range, sync::Arc};

use crate::{
    diagnostic::Text,
    message::{Arena, Headers, MessageId, Timestamp, Value},
    table::Table,
};

pub use self::{
    explain::Part,
    expression::{Expr, Query},
    function::{Function, all as functions},
    template::Template,
    value_text::ValueText,
};

/// What a text that is taken as it stands was probably meant as, because it looks like a field as
/// another tool writes it: `this.nip`, `.nama.depan`, `//nip`.
pub fn field_elsewhere(text: &str) -> Option<String> {
    parse::field_elsewhere(text)
}

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
    /// Steps that the work on one message may take: a few hundred times a typical route. Measured
    /// on bodies of 1 MiB: 1 to 35 ms for queries in an optimised build, and about 1 s with the
    /// largest of patterns in a test build, so that no message holds its worker for much longer.
    pub const STEPS_MAX: u64 = 1_000_000;

    /// A budget of `steps`.
    pub fn new(steps: u64) -> Self {
        Self(Cell::new(steps))
    }

    /// As if nothing had been taken.
    pub(crate) fn refill(&self) {
        self.0.set(Self::STEPS_MAX);
    }

    /// Takes `steps`; false when they are not there.
    pub fn take(&self, steps: u64) -> bool {
        let left = self.0.get();
        self.0.set(left.saturating_sub(steps));
        steps <= left
    }
}

/// What an expression may refer to beside the message, known when files are loaded.
#[derive(Debug, Clone, Copy, Default)]
pub struct Environment<'e> {
    /// Code tables by name, for `lookup`.
    pub tables: Option<&'e BTreeMap<String, Arc<Table>>>,
}

/// An expression does not parse.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}", message.english())]
pub struct SyntaxError {
    /// The bytes of the text that are wrong.
    pub at: Range<usize>,
    /// What is wrong: lower case, no full stop.
    pub message: Text,
    /// What to write instead.
    pub help: Option<Text>,
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
