//! `Template`: text with `${…}` in it.

use super::{
    Environment, EvalError, Scope, SyntaxError,
    eval::{Failure, Fault, a, evaluate},
    function::text::scalar,
    node::{Kind, Node},
    parse::{Parser, Uses, called_function},
};
use crate::{
    diagnostic::{Text, text},
    message::Value,
};

/// Text with `${…}` in it, always yielding text: a path, a header.
#[derive(Debug)]
pub struct Template {
    text: Box<str>,
    parts: Box<[Part]>,
    uses: Uses,
}

#[derive(Debug)]
enum Part {
    Literal(Box<str>),
    Value(Node),
}

/// Where a template stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stands {
    /// Where only text may stand.
    ForText,
    /// Where an expression may stand too, so that text is looked at for one that was meant.
    ForValue,
}

impl Template {
    /// Compiles a template that looks into no code table. Text without `${` is one too.
    ///
    /// # Errors
    ///
    /// What is wrong with the text, and where in it.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        Self::parse_with(text, Environment::default())
    }

    /// Compiles a template. Text without `${` is one too.
    ///
    /// # Errors
    ///
    /// What is wrong with the text, and where in it; also an unknown table or column.
    pub fn parse_with(text: &str, environment: Environment<'_>) -> Result<Self, SyntaxError> {
        Self::compile(text, environment, Stands::ForText)
    }

    pub(super) fn compile(
        text: &str,
        environment: Environment<'_>,
        stands: Stands,
    ) -> Result<Self, SyntaxError> {
        let mut template = Self { text: text.into(), parts: [].into(), uses: Uses::default() };
        let mut parts = Vec::new();
        let mut literal = String::new();
        let mut position = 0;
        // Where the literal text began, to say where it looks like an expression.
        let mut literal_start = 0;
        while let Some(rest) = text.get(position..).filter(|it| !it.is_empty()) {
            if rest.starts_with("$$") {
                literal.push('$');
                position += 2;
            } else if rest.starts_with("${") {
                looks_literal(text, literal_start..position, stands)?;
                if !literal.is_empty() {
                    parts.push(Part::Literal(std::mem::take(&mut literal).into()));
                }
                let (node, end, uses) = value(text, position, environment)?;
                template.uses.item |= uses.item;
                template.uses.hash |= uses.hash;
                parts.push(Part::Value(node));
                position = end;
                literal_start = end;
            } else {
                let letter = rest.chars().next().unwrap_or_default();
                literal.push(letter);
                position += letter.len_utf8();
            }
        }
        looks_literal(text, literal_start..text.len(), stands)?;
        if !literal.is_empty() {
            parts.push(Part::Literal(literal.into()));
        }
        template.parts = parts.into();
        Ok(template)
    }

    /// The text for one message; `encode` is applied to what each `${…}` yields.
    ///
    /// # Errors
    ///
    /// [`EvalError`]: a bad message, also where a `${…}` is nothing, null, array or object.
    pub fn eval(&self, scope: &Scope<'_>, encode: fn(&str) -> String) -> Result<String, EvalError> {
        let mut text = String::new();
        for part in &self.parts {
            match part {
                Part::Literal(literal) => text.push_str(literal),
                Part::Value(node) => text.push_str(&encode(self.part(node, scope)?)),
            }
            self.check_size(scope, text.len())?;
        }
        Ok(text)
    }

    /// The text for one message, in its arena.
    pub(super) fn eval_in_arena<'a>(&self, scope: &Scope<'a>) -> Result<Value<'a>, EvalError> {
        let mut text = scope.arena.list();
        for part in &self.parts {
            let part = match part {
                Part::Literal(literal) => literal,
                Part::Value(node) => self.part(node, scope)?,
            };
            text.extend(part.as_bytes()).map_err(|full| self.error(&full.into()))?;
        }
        let text = std::str::from_utf8(text.finish());
        text.map(Value::Text).map_err(|_| self.error(&"bug: not UTF-8".into()))
    }

    /// As it is written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// The text, where no `${…}` stands in it.
    pub fn literal(&self) -> Option<&str> {
        match self.parts.as_ref() {
            [] => Some(""),
            [Part::Literal(literal)] => Some(literal),
            _ => None,
        }
    }

    /// As [`Expr::uses_item`](super::Expr::uses_item).
    pub fn uses_item(&self) -> bool {
        self.uses.item
    }

    /// As [`Expr::uses_hash`](super::Expr::uses_hash).
    pub fn uses_hash(&self) -> bool {
        self.uses.hash
    }

    fn part<'a>(&self, node: &Node, scope: &Scope<'a>) -> Result<&'a str, EvalError> {
        let text = match present(node, scope) {
            Err(fault) => Err(fault),
            Ok(None) => Err(absent("there is nothing to put into the text", node)),
            Ok(Some(Value::Null)) => Err(absent("null cannot be put into a text", node)),
            Ok(Some(value @ (Value::Array(_) | Value::Object(_)))) => {
                Err(Failure::from(format!("{} cannot be put into a text", a(value))).at(node))
            }
            Ok(Some(value)) => scalar("${…}", value).map_err(|it| it.at(node)),
        };
        text.map_err(|it| it.in_text(&self.text))
    }

    fn check_size(&self, scope: &Scope<'_>, size: usize) -> Result<(), EvalError> {
        let limit = scope.arena.limit();
        if size <= limit {
            return Ok(());
        }
        Err(self.error(&crate::message::ArenaFull { limit }.into()))
    }

    fn error(&self, failure: &Failure) -> EvalError {
        EvalError { expression: self.text.to_string(), message: failure.message().to_owned() }
    }
}

/// Nothing or null where text must stand.
fn absent(message: &str, node: &Node) -> Fault {
    Failure::from(format!("{message}; give another value with `| default('…')`")).at(node)
}

/// Inside `${…}`, where null cannot stand, `default` replaces null as well.
fn present<'a>(node: &Node, scope: &Scope<'a>) -> Result<Option<Value<'a>>, Fault> {
    let Kind::Default(pair) = &node.kind else { return evaluate(node, scope) };
    match present(&pair[0], scope)? {
        None | Some(Value::Null) => present(&pair[1], scope),
        there => Ok(there),
    }
}

/// The expression of the `${…}` at `start`, and where it ends.
fn value(
    text: &str,
    start: usize,
    environment: Environment<'_>,
) -> Result<(Node, usize, Uses), SyntaxError> {
    let mut parser = Parser::new(text, start + "${".len(), environment)?;
    let node = parser.expression()?;
    parser.cursor.blanks();
    if !parser.cursor.eat("}") {
        return Err(match parser.cursor.peek() {
            None => parser.cursor.error(start, "this `${` is not closed").help("add `}`"),
            Some(_) => parser.misplaced(),
        });
    }
    Ok((node, parser.cursor.position(), parser.uses))
}

/// Refuses literal text that was meant as an expression.
fn looks_literal(
    text: &str,
    at: std::ops::Range<usize>,
    stands: Stands,
) -> Result<(), SyntaxError> {
    let literal = text.get(at.clone()).unwrap_or_default();
    let help = match stands {
        Stands::ForText => text!("write `${…}` around an expression; a literal dollar is `$$`"),
        Stands::ForValue => {
            text!(
                "write it as `${…}` inside of text, as `=…` where it is the whole value, or as `='…'` where it is meant as text"
            )
        }
    };
    let wrong = |from: usize, len: usize, message: Text, help: Text| SyntaxError {
        at: at.start + from..at.start + from + len,
        message,
        help: Some(help),
    };
    let called = called_function(literal).filter(|_| stands == Stands::ForValue);
    for sign in ["$.", "$[", "@.", "@["] {
        if let Some(from) = without_escapes(literal, sign) {
            let help = match called {
                Some((0, _)) if at == (0..text.len()) => {
                    text!("write `={}`; where it is meant as text, `='…'`", literal)
                }
                _ => match path_at(literal, from) {
                    Some(path) => text!(
                        "write `${{}}` in place of `{}`; a literal dollar is `$$`",
                        path,
                        path
                    ),
                    None => help,
                },
            };
            return Err(wrong(from, sign.len(), text!("`{}` in literal text", sign), help));
        }
    }
    match called {
        Some((from, name)) => {
            let message = text!("`{}(` in literal text", name);
            Err(wrong(from, name.len(), message, help))
        }
        None => Ok(()),
    }
}

/// The path of names that begins at `from`.
fn path_at(text: &str, from: usize) -> Option<&str> {
    let path = text.get(from..)?;
    let end = path.find(|it: char| !it.is_alphanumeric() && !matches!(it, '$' | '@' | '.' | '_'));
    let path = path.get(..end.unwrap_or(path.len()))?.trim_end_matches('.');
    (path.len() > 2).then_some(path)
}

/// Where `sign` stands, unless its dollar is half of a `$$`.
fn without_escapes(literal: &str, sign: &str) -> Option<usize> {
    let mut position = 0;
    while let Some(rest) = literal.get(position..).filter(|it| !it.is_empty()) {
        if rest.starts_with(sign) {
            return Some(position);
        }
        let pair = rest.starts_with("$$");
        position += if pair { 2 } else { rest.chars().next().map_or(1, char::len_utf8) };
    }
    None
}
