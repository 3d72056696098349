//! Why an evaluation stopped, on the way from where it happened to the text of the expression.

use std::{borrow::Cow, ops::Range};

use crate::{
    expr::{Budget, EvalError, Scope, node::Node},
    message::ArenaFull,
};

/// What went wrong, without the place. Never holds a value of the message.
#[derive(Debug)]
pub(in crate::expr) struct Failure(Cow<'static, str>);

/// What went wrong, and the bytes of the expression that it went wrong in.
#[derive(Debug)]
pub(in crate::expr) struct Fault {
    at: Range<usize>,
    message: Cow<'static, str>,
}

impl Failure {
    /// What went wrong.
    pub(in crate::expr) fn message(&self) -> &str {
        &self.0
    }

    /// It happened in `node`.
    pub(in crate::expr) fn at(self, node: &Node) -> Fault {
        Fault { at: node.at.clone(), message: self.0 }
    }
}

impl From<&'static str> for Failure {
    fn from(message: &'static str) -> Self {
        Self(message.into())
    }
}

impl From<String> for Failure {
    fn from(message: String) -> Self {
        Self(message.into())
    }
}

impl From<ArenaFull> for Failure {
    fn from(full: ArenaFull) -> Self {
        Self(full.to_string().into())
    }
}

impl Fault {
    /// As an error about `text`, from which the tree was compiled.
    pub(in crate::expr) fn in_text(self, text: &str) -> EvalError {
        let expression = text.get(self.at).unwrap_or(text).to_owned();
        EvalError { expression, message: self.message.into_owned() }
    }
}

impl Scope<'_> {
    /// Takes steps from the budget.
    pub(in crate::expr) fn take(&self, steps: u64) -> Result<(), Failure> {
        if self.budget.take(steps) {
            return Ok(());
        }
        let most = Budget::STEPS_MAX;
        Err(format!("the work on one message takes more than {most} steps").into())
    }

    /// Takes the steps for going once through so many bytes.
    pub(in crate::expr) fn take_for_bytes(&self, bytes: usize) -> Result<(), Failure> {
        const BYTES_PER_STEP: usize = 64;
        if bytes < BYTES_PER_STEP { Ok(()) } else { self.take((bytes / BYTES_PER_STEP) as u64) }
    }
}
