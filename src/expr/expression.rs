//! `Expr`, an expression, and `Query`, a bare query as RFC 9535 alone has it.

use super::{
    Environment, EvalError, Scope, SyntaxError,
    eval::{evaluate, truth},
    node::{Kind, Node},
    parse::{Cursor, Parser, Uses},
    path,
};
use crate::{diagnostic::text, message::Value};

/// A compiled expression.
#[derive(Debug)]
pub struct Expr {
    text: Box<str>,
    node: Node,
    uses: Uses,
}

impl Expr {
    /// Compiles the text of an expression that looks into no code table.
    ///
    /// # Errors
    ///
    /// What is wrong with the text, and where in it.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        Self::parse_with(text, Environment::default())
    }

    /// Compiles the text of an expression.
    ///
    /// # Errors
    ///
    /// What is wrong with the text, and where in it; also an unknown table or column.
    pub fn parse_with(text: &str, environment: Environment<'_>) -> Result<Self, SyntaxError> {
        let mut parser = Parser::new(text, 0, environment)?;
        let node = parser.whole()?;
        Ok(Self { text: text.into(), node, uses: parser.uses })
    }

    /// The value for one message; `None` is *nothing*.
    ///
    /// # Errors
    ///
    /// [`EvalError`]: a bad message.
    pub fn eval<'a>(&self, scope: &Scope<'a>) -> Result<Option<Value<'a>>, EvalError> {
        evaluate(&self.node, scope).map_err(|it| it.in_text(&self.text))
    }

    /// Whether the condition holds; `None` when the value is nothing.
    ///
    /// # Errors
    ///
    /// [`EvalError`], also when the value is no boolean.
    pub fn holds(&self, scope: &Scope<'_>) -> Result<Option<bool>, EvalError> {
        truth(&self.node, scope).map_err(|it| it.in_text(&self.text))
    }

    /// The text it was compiled from.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The tree that it was compiled to.
    pub(super) fn tree(&self) -> &Node {
        &self.node
    }

    /// Whether it is a query that names one place at most, so that its value is one value.
    pub fn names_one_place(&self) -> bool {
        matches!(self.node.kind, Kind::Place(_))
    }

    /// Whether its value is an array whatever the message is like.
    pub fn yields_array(&self) -> bool {
        matches!(self.node.kind, Kind::Nodes(_) | Kind::Array(_))
    }

    /// Whether some message makes it an error, beside one that takes too much work.
    pub fn can_fail(&self) -> bool {
        self.node.can_fail()
    }

    /// Whether it mentions `@` outside a filter.
    pub fn uses_item(&self) -> bool {
        self.uses.item
    }

    /// Whether it needs the key of `hash`.
    pub fn uses_hash(&self) -> bool {
        self.uses.hash
    }
}

/// A bare query, which yields a list of nodes whatever it looks like.
#[derive(Debug)]
pub struct Query {
    text: Box<str>,
    query: path::Query,
}

impl Query {
    /// Compiles a query that starts with `$`. No blanks may stand around it.
    ///
    /// # Errors
    ///
    /// What is wrong with the text, and where in it.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        // The one place that knows how long a text may be.
        let mut parser = Parser::new(text, 0, Environment::default())?;
        let cursor: &mut Cursor<'_> = &mut parser.cursor;
        if cursor.peek() != Some('$') {
            return Err(cursor.unexpected(text!("before a query")).help("a query starts with `$`"));
        }
        let query = path::compile(cursor)?;
        match cursor.peek() {
            None => Ok(Self { text: text.into(), query }),
            Some(_) => Err(cursor.unexpected(text!("behind a query"))),
        }
    }

    /// The nodes, in the order of RFC 9535.
    ///
    /// # Errors
    ///
    /// [`EvalError`] when it takes too many steps or too much memory.
    pub fn nodes<'a>(&self, scope: &Scope<'a>) -> Result<Vec<Value<'a>>, EvalError> {
        let nodes = match &self.query {
            path::Query::Place(place) => {
                place.value(scope, None).map(|it| it.into_iter().collect())
            }
            path::Query::Path(path) => path.nodes(scope).map(<[_]>::to_vec),
        };
        nodes.map_err(|failure| EvalError {
            expression: self.text.to_string(),
            message: failure.message().to_owned(),
        })
    }
}
