//! Words in an expression: literals by name, and calls of functions.

use std::sync::Arc;

use super::{Cursor, Parsed, Parser, habit};
use crate::{
    diagnostic::{Text, nearest, text},
    expr::{
        SyntaxError,
        function::{self, Body, Function, date::Format},
        node::{Kind, Literal, Lookup, Node},
    },
    table::Table,
};

impl Parser<'_, '_> {
    /// A word where a value may stand: a literal or a call.
    pub(super) fn word(&mut self, start: usize) -> Parsed {
        let word = self.cursor.word();
        let end = self.cursor.position();
        self.cursor.blanks();
        if self.cursor.peek() == Some('(') {
            let function = self.function(word, start..end)?;
            self.cursor.eat("(");
            let arguments = self.arguments(start, ")")?;
            return self.call(function, arguments, start);
        }
        self.cursor.go_to(end);
        let literal = match word {
            "true" => Literal::Bool(true),
            "false" => Literal::Bool(false),
            "null" => Literal::Null,
            _ => {
                self.cursor.go_to(start);
                return Err(self.bare_word(word, start..end));
            }
        };
        Ok(self.node(start, Kind::Literal(literal)))
    }

    /// The function behind a `|`, with `value` as its first argument.
    pub(super) fn pipe(&mut self, value: Node) -> Parsed {
        self.cursor.blanks();
        let start = self.cursor.position();
        let whole = value.at.start;
        let name = self.cursor.word();
        if name.is_empty() {
            let error = self.cursor.unexpected(text!("behind `|`"));
            return Err(error.help(match self.cursor.peek() {
                Some('.') => text!(
                    "the name of a function must follow; a field of each item is `$.items[*].name`"
                ),
                _ => text!("the name of a function must follow: `| upper`"),
            }));
        }
        let function = self.function(name, start..self.cursor.position())?;
        let end = self.cursor.position();
        let mut arguments = vec![value];
        self.cursor.blanks();
        if self.cursor.eat("(") {
            arguments.extend(self.arguments(start, ")")?);
        } else {
            self.cursor.go_to(end);
        }
        self.call(function, arguments, whole)
    }

    fn function(
        &self,
        name: &str,
        at: std::ops::Range<usize>,
    ) -> Result<&'static Function, SyntaxError> {
        function::by_name(name).ok_or_else(|| {
            let names = function::all().iter().map(|it| it.name);
            let help = match (name, nearest(name, names)) {
                ("now" | "today" | "random" | "uuid", _) => {
                    text!("the same message must always give the same result; there is `received_at()`")
                }
                (name, _) if let Some(ours) = habit::function_elsewhere(name) => {
                    text!("simpul calls it `{}`", ours)
                }
                ("json" | "this" | "jsonpath" | "xpath", _) => {
                    text!("a field of the message is `$.name`")
                }
                (_, Some(near)) => text!("did you mean `{}`?", near),
                (_, None) => text!("docs/language.md lists the functions"),
            };
            SyntaxError { at, message: text!("no function `{}`", name), help: Some(help) }
        })
    }

    fn bare_word(&self, word: &str, at: std::ops::Range<usize>) -> SyntaxError {
        if matches!(word.to_ascii_lowercase().as_str(), "and" | "or" | "not") {
            return self.misplaced();
        }
        let rest = self.cursor.rest().strip_prefix(word).unwrap_or_default();
        let help = Some(habit::for_word(word, rest));
        SyntaxError { at, message: text!("`{}` is no value", word), help }
    }

    fn call(&mut self, function: &'static Function, arguments: Vec<Node>, start: usize) -> Parsed {
        let wrong = |message: Text| {
            let usage = text!("write `{}`", &function.usage());
            self.cursor.error(start, message).help(usage)
        };
        let count = arguments.len();
        if count < function.least || function.most() < count {
            let lacks = count < function.least;
            return Err(wrong(match lacks {
                true => text!("`{}` lacks arguments", function.name),
                false => text!("`{}` has too many arguments", function.name),
            }));
        }
        self.uses.hash |= function.name == "hash";
        let mut rest = arguments.into_iter();
        let mut next = || rest.next().map(Box::new);
        let kind = match (&function.body, next()) {
            (Body::Default, Some(value)) => {
                self.never_many(&value, function)?;
                let other = next().ok_or_else(|| wrong("bug: no argument".into()))?;
                Kind::Default(Box::new([*value, *other]))
            }
            (Body::Required, Some(value)) => {
                self.never_many(&value, function)?;
                Kind::Required(value)
            }
            (Body::Exists, Some(value)) => {
                self.never_many(&value, function)?;
                Kind::Exists(value)
            }
            (Body::Lookup, Some(key)) => self.lookup(*key, rest.collect())?,
            (Body::Date, Some(text)) => Kind::Date(text, self.formats(rest.collect())?),
            (_, first) => {
                let all = first.map(|it| *it).into_iter().chain(rest).collect();
                Kind::Call(function, all)
            }
        };
        Ok(self.node(start, kind))
    }

    /// Refuses what a query of many places makes meaningless.
    fn never_many(&self, value: &Node, function: &Function) -> Result<(), SyntaxError> {
        if !matches!(value.kind, Kind::Nodes(_)) {
            return Ok(());
        }
        let name = function.name;
        let message = text!("`{}` of a query for many places, which is never nothing", name);
        let error = SyntaxError { at: value.at.clone(), message, help: None };
        Err(error.help("ask how many there are: `| count > 0`; or take one: `| first`"))
    }

    fn formats(&self, arguments: Vec<Node>) -> Result<Box<[Format]>, SyntaxError> {
        let format = |node: &Node| {
            let wrong = |message: Text| {
                let error = SyntaxError { at: node.at.clone(), message, help: None };
                error.help("write it with YYYY, MM, DD, HH, MM, SS: `'DD/MM/YYYY'`")
            };
            let text = literal_text(node)
                .ok_or_else(|| wrong(text!("a format must be a literal text")))?;
            Format::parse(text).map_err(wrong)
        };
        arguments.iter().map(format).collect()
    }

    fn lookup(&self, key: Node, arguments: Vec<Node>) -> Result<Kind, SyntaxError> {
        let (table, table_name) = match arguments.first() {
            Some(name) => self.table(name)?,
            None => return Err(self.misplaced()),
        };
        let column = match arguments.get(1) {
            None => None,
            Some(name) => {
                let column =
                    self.name_of(name, text!("the name of a column must be a literal text"))?;
                let place = table.columns().iter().position(|it| it == column);
                Some(place.ok_or_else(|| {
                    let columns = table.columns().iter().map(String::as_str);
                    let message = text!("table `{}` has no column `{}`", &table_name, column);
                    unknown(name, message, column, columns)
                })?)
            }
        };
        Ok(Kind::Lookup(Box::new(Lookup { key, table, column })))
    }

    fn table(&self, node: &Node) -> Result<(Arc<Table>, String), SyntaxError> {
        let name = self.name_of(node, text!("the name of a table must be a literal text"))?;
        match self.environment.tables.and_then(|it| it.get(name)) {
            Some(table) => Ok((Arc::clone(table), name.to_owned())),
            None => {
                let names = self.environment.tables.iter().flat_map(|it| it.keys());
                let message = text!("no table `{}`", name);
                Err(unknown(node, message, name, names.map(String::as_str)))
            }
        }
    }

    fn name_of<'n>(&self, node: &'n Node, message: Text) -> Result<&'n str, SyntaxError> {
        literal_text(node).ok_or_else(|| {
            let error = SyntaxError { at: node.at.clone(), message, help: None };
            error.help("it is looked up when the file is loaded: `| lookup('wilayah', 'nama')`")
        })
    }
}

fn literal_text(node: &Node) -> Option<&str> {
    match &node.kind {
        Kind::Literal(Literal::Text(text)) => Some(text),
        _ => None,
    }
}

fn unknown<'a>(
    node: &Node,
    message: Text,
    wrong: &str,
    known: impl Iterator<Item = &'a str>,
) -> SyntaxError {
    let known: Vec<&str> = known.collect();
    let help = match nearest(wrong, known.iter().copied()) {
        Some(near) => Some(text!("did you mean `{}`?", near)),
        None if known.is_empty() => None,
        None => Some(text!("there are `{}`", &known.join("`, `"))),
    };
    SyntaxError { at: node.at.clone(), message, help }
}

/// The first call of a function in `text`, and where it stands: a sign that the text was meant as
/// an expression.
pub(in crate::expr) fn called_function(text: &str) -> Option<(usize, &'static str)> {
    let mut cursor = Cursor::new(text, 0);
    loop {
        let word = cursor.word();
        if cursor.peek() == Some('(')
            && let Some(function) = function::by_name(word)
        {
            return Some((cursor.position() - word.len(), function.name));
        }
        if word.is_empty() {
            cursor.next()?;
        }
    }
}
