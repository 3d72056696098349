//! `ValueText`: what stands as a value in `map` and `set`.

use super::{
    Environment, EvalError, Expr, Scope, SyntaxError,
    template::{Stands, Template},
};
use crate::{diagnostic::text, message::Value};

/// A value in `map` or `set`: a template when it holds `${`, else an expression when it begins
/// with `$`, `@` or `=`, else literal text.
#[derive(Debug)]
pub struct ValueText(Shape);

#[derive(Debug)]
enum Shape {
    Literal(Box<str>),
    Expression(Expr),
    Template(Template),
}

impl ValueText {
    /// Compiles a text that stands where a value may stand, and looks into no code table.
    ///
    /// # Errors
    ///
    /// What is wrong with the text; also literal text that looks like an expression.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        Self::parse_with(text, Environment::default())
    }

    /// Compiles a text that stands where a value may stand.
    ///
    /// # Errors
    ///
    /// What is wrong with the text; also literal text that looks like an expression, and an
    /// unknown table or column.
    pub fn parse_with(text: &str, environment: Environment<'_>) -> Result<Self, SyntaxError> {
        let is_expression =
            text.starts_with(['$', '@', '=']) && !text.starts_with("$$") && !text.contains("${");
        if is_expression {
            // The sign is no part of the expression, but places count from the start of the text.
            let unsigned = text.strip_prefix('=').map(|it| format!(" {it}"));
            let expression = Expr::parse_with(unsigned.as_deref().unwrap_or(text), environment)?;
            return Ok(Self(Shape::Expression(expression)));
        }
        if text.starts_with('=') {
            let message = text!("an expression with `${…}` in it");
            let help = text!(
                "write `$.name` without braces in an expression; text that begins with `=` is `${'='}…`"
            );
            return Err(SyntaxError { at: 0..1, message, help: None }.help(help));
        }
        let template = Template::compile(text, environment, Stands::ForValue)?;
        Ok(Self(match template.literal() {
            Some(literal) => Shape::Literal(literal.into()),
            None => Shape::Template(template),
        }))
    }

    /// The value for one message; `None` is *nothing*.
    ///
    /// # Errors
    ///
    /// [`EvalError`]: a bad message.
    pub fn eval<'a>(&self, scope: &Scope<'a>) -> Result<Option<Value<'a>>, EvalError> {
        match &self.0 {
            Shape::Expression(expression) => expression.eval(scope),
            Shape::Template(template) => template.eval_in_arena(scope).map(Some),
            Shape::Literal(text) => match scope.arena.text(text) {
                Ok(text) => Ok(Some(Value::Text(text))),
                Err(full) => {
                    let expression = text.to_string();
                    Err(EvalError { expression, message: full.to_string() })
                }
            },
        }
    }

    /// The text, where it is literal.
    pub fn literal(&self) -> Option<&str> {
        match &self.0 {
            Shape::Literal(text) => Some(text),
            _ => None,
        }
    }

    /// As it is written.
    pub fn text(&self) -> &str {
        match &self.0 {
            Shape::Literal(text) => text,
            Shape::Expression(expression) => expression.text(),
            Shape::Template(template) => template.text(),
        }
    }

    /// As [`Expr::can_fail`].
    pub fn can_fail(&self) -> bool {
        match &self.0 {
            Shape::Literal(_) => false,
            Shape::Expression(expression) => expression.can_fail(),
            Shape::Template(template) => template.literal().is_none(),
        }
    }

    /// As [`Expr::uses_item`].
    pub fn uses_item(&self) -> bool {
        match &self.0 {
            Shape::Literal(_) => false,
            Shape::Expression(expression) => expression.uses_item(),
            Shape::Template(template) => template.uses_item(),
        }
    }

    /// As [`Expr::uses_hash`].
    pub fn uses_hash(&self) -> bool {
        match &self.0 {
            Shape::Literal(_) => false,
            Shape::Expression(expression) => expression.uses_hash(),
            Shape::Template(template) => template.uses_hash(),
        }
    }
}
