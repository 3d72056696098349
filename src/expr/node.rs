//! The tree that an expression is compiled to: compact, owned, nothing left to look up.

use std::{ops::Range, sync::Arc};

use super::{
    function::{Function, date::Format},
    number::Operator,
    path::{Path, Place, Searcher},
};
use crate::{
    message::{Arena, ArenaFull, Number, Value},
    table::Table,
};

/// A part of an expression, and the bytes of the text that it was written as.
#[derive(Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    pub(super) at: Range<usize>,
}

#[derive(Debug)]
pub(super) enum Kind {
    Literal(Literal),
    /// A query that names one place: its value or nothing.
    Place(Place),
    /// Any other query: an array.
    Nodes(Path),
    Array(Box<[Node]>),
    Not(Box<Node>),
    Negate(Box<Node>),
    // Chains are lists: a long one must not be a deep one.
    And(Box<[Node]>),
    Or(Box<[Node]>),
    Arithmetic(Box<Node>, Box<[(Operator, Node)]>),
    Compare(Comparison, Box<[Node; 2]>),
    In(Box<[Node; 2]>),
    Matches(Box<Node>, Searcher),
    Call(&'static Function, Box<[Node]>),
    Default(Box<[Node; 2]>),
    Required(Box<Node>),
    Exists(Box<Node>),
    Lookup(Box<Lookup>),
    /// `date`, with its formats; without any, the usual ones.
    Date(Box<Node>, Box<[Format]>),
}

impl Node {
    /// Whether some message makes it an error. Says yes where that would take to know the types.
    pub(super) fn can_fail(&self) -> bool {
        let any = |nodes: &[Self]| nodes.iter().any(Self::can_fail);
        let is_condition = |node: &Self| !node.is_condition() || node.can_fail();
        match &self.kind {
            Kind::Literal(_) | Kind::Place(_) | Kind::Nodes(_) => false,
            Kind::Array(items) => any(items),
            Kind::Not(inner) => is_condition(inner),
            Kind::And(parts) | Kind::Or(parts) => parts.iter().any(is_condition),
            Kind::Compare(Comparison::Equal | Comparison::Unequal, pair) => any(&pair[..]),
            Kind::Default(pair) => any(&pair[..]),
            Kind::Exists(inner) => inner.can_fail(),
            Kind::Call(function, arguments) => {
                let counts = function.name == "count";
                !(counts && matches!(arguments.first().map(|it| &it.kind), Some(Kind::Nodes(_))))
            }
            Kind::Compare(..)
            | Kind::In(_)
            | Kind::Matches(..)
            | Kind::Negate(_)
            | Kind::Arithmetic(..)
            | Kind::Required(_)
            | Kind::Lookup(_)
            | Kind::Date(..) => true,
        }
    }

    /// Whether its value, where there is one, is true or false.
    fn is_condition(&self) -> bool {
        matches!(
            self.kind,
            Kind::Compare(..)
                | Kind::In(_)
                | Kind::Matches(..)
                | Kind::Not(_)
                | Kind::And(_)
                | Kind::Or(_)
                | Kind::Exists(_)
                | Kind::Literal(Literal::Bool(_))
        )
    }
}

/// Which of two values must come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Comparison {
    Equal,
    Unequal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

impl Comparison {
    pub(super) const ALL: [(&'static str, Self); 6] = [
        ("==", Self::Equal),
        ("!=", Self::Unequal),
        ("<=", Self::LessOrEqual),
        (">=", Self::GreaterOrEqual),
        ("<", Self::Less),
        (">", Self::Greater),
    ];

    /// As written in an expression.
    pub(super) fn symbol(self) -> &'static str {
        Self::ALL.iter().find(|(_, it)| *it == self).map_or("", |(symbol, _)| symbol)
    }
}

/// A value that stands in the expression.
#[derive(Debug)]
pub(super) enum Literal {
    Null,
    Bool(bool),
    Number(Box<str>),
    Text(Box<str>),
}

impl Literal {
    /// The value, borrowed from the expression.
    pub(super) fn value(&self) -> Value<'_> {
        match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(text) => Value::Number(Number::from_checked(text)),
            Self::Text(text) => Value::Text(text),
        }
    }

    /// The value in the arena, where it may outlive the expression.
    pub(super) fn owned<'a>(&self, arena: &'a Arena) -> Result<Value<'a>, ArenaFull> {
        Ok(match self {
            Self::Null => Value::Null,
            Self::Bool(value) => Value::Bool(*value),
            Self::Number(text) => Value::Number(Number::from_checked(arena.text(text)?)),
            Self::Text(text) => Value::Text(arena.text(text)?),
        })
    }
}

/// A look into a code table, chosen when the expression was compiled.
#[derive(Debug)]
pub(super) struct Lookup {
    pub(super) key: Node,
    pub(super) table: Arc<Table>,
    /// The column that is wanted; without one, the row as an object.
    pub(super) column: Option<usize>,
}
