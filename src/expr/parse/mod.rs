//! Text into a tree: the grammar of the language, top-down, one function per line of it.
//!
//! ```text
//! expression := and ('||' and)*                and   := not ('&&' not)*
//! not        := '!' not | comparison           comparison := sum (('=='|…|'in'|'=~') sum)?
//! sum        := product (('+'|'-') product)*   product := unary (('*'|'/'|'%') unary)*
//! unary      := '-' unary | piped              piped := operand ('|' name ('(' args ')')?)*
//! operand    := query | literal | name '(' args ')' | '(' expression ')' | '[' args ']'
//! ```

mod call;
mod cursor;
mod habit;

pub(super) use self::{
    call::called_function,
    cursor::Cursor,
    habit::{field_elsewhere, function_elsewhere},
};

use super::{
    Environment, SyntaxError,
    node::{Comparison, Kind, Literal, Node},
    number::Operator,
    path::{self, Query, Root, Searcher, regex_message},
};
use crate::diagnostic::text;

/// Bytes of an expression or template.
const TEXT_MAX: usize = 16 * 1024;

/// Parentheses, brackets, calls, signs and pipes inside or behind each other.
const DEPTH_MAX: usize = 64;

type Parsed = Result<Node, SyntaxError>;

/// What an expression needs beside the body.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Uses {
    /// `@` outside of a filter.
    pub(super) item: bool,
    /// The key of `hash`.
    pub(super) hash: bool,
}

/// Reads expressions from a text.
pub(super) struct Parser<'t, 'e> {
    pub(super) cursor: Cursor<'t>,
    pub(super) uses: Uses,
    environment: Environment<'e>,
    depth: usize,
}

impl<'t, 'e> Parser<'t, 'e> {
    /// A parser of `text` from byte `position` on.
    pub(super) fn new(
        text: &'t str,
        position: usize,
        environment: Environment<'e>,
    ) -> Result<Self, SyntaxError> {
        if TEXT_MAX < text.len() {
            let message = text!("longer than {} bytes", &TEXT_MAX);
            return Err(SyntaxError { at: 0..text.len(), message, help: None });
        }
        let cursor = Cursor::new(text, position);
        Ok(Self { cursor, uses: Uses::default(), environment, depth: 0 })
    }

    /// An expression up to the end of the text.
    pub(super) fn whole(&mut self) -> Parsed {
        let node = self.expression()?;
        self.cursor.blanks();
        if self.cursor.peek().is_some() { Err(self.misplaced()) } else { Ok(node) }
    }

    /// An expression; leaves the cursor at the first thing that does not belong to it.
    pub(super) fn expression(&mut self) -> Parsed {
        self.nested(|this| this.chain("||", Self::and, Kind::Or))
    }

    fn and(&mut self) -> Parsed {
        self.chain("&&", Self::not, Kind::And)
    }

    /// `part (operator part)*` as one list.
    fn chain(
        &mut self,
        operator: &str,
        part: fn(&mut Self) -> Parsed,
        kind: fn(Box<[Node]>) -> Kind,
    ) -> Parsed {
        let first = part(self)?;
        let start = first.at.start;
        let mut parts = vec![first];
        while self.eat(operator) {
            parts.push(part(self)?);
        }
        match parts.len() {
            1 => parts.pop().ok_or_else(|| self.misplaced()),
            _ => Ok(self.node(start, kind(parts.into()))),
        }
    }

    fn not(&mut self) -> Parsed {
        self.cursor.blanks();
        let start = self.cursor.position();
        if self.cursor.rest().starts_with("!=") || !self.cursor.eat("!") {
            return self.comparison();
        }
        let negated = self.nested(Self::not)?;
        Ok(self.node(start, Kind::Not(Box::new(negated))))
    }

    fn comparison(&mut self) -> Parsed {
        let left = self.sum()?;
        let start = left.at.start;
        let node = if self.eat("=~") {
            let pattern = self.pattern()?;
            self.node(start, Kind::Matches(Box::new(left), pattern))
        } else if self.eat_word("in") {
            let right = self.sum()?;
            self.node(start, Kind::In(Box::new([left, right])))
        } else if let Some(comparison) = self.comparison_operator() {
            let right = self.sum()?;
            self.node(start, Kind::Compare(comparison, Box::new([left, right])))
        } else {
            return Ok(left);
        };
        self.cursor.blanks();
        let again = self.cursor.position();
        if self.comparison_operator().is_some() || self.eat("=~") || self.eat_word("in") {
            let error = self.cursor.error(again, "a comparison of a comparison");
            return Err(error.help("join two comparisons with `&&`, or write parentheses"));
        }
        Ok(node)
    }

    fn comparison_operator(&mut self) -> Option<Comparison> {
        let all = Comparison::ALL;
        all.into_iter().find(|(symbol, _)| self.eat(symbol)).map(|(_, it)| it)
    }

    /// The literal pattern behind `=~`.
    fn pattern(&mut self) -> Result<Searcher, SyntaxError> {
        self.cursor.blanks();
        let start = self.cursor.position();
        if !matches!(self.cursor.peek(), Some('\'' | '"')) {
            let error = self.cursor.unexpected(text!("behind `=~`"));
            return Err(error.help("write the pattern itself, in quotes: `=~ '^[0-9]+$'`"));
        }
        let pattern = self.cursor.string()?;
        let regex = Searcher::compile(&pattern)
            .map_err(|error| {
                let help = match error {
                    regex::Error::CompiledTooBig(_) => text!("write a shorter one, with fewer `{1000}`"),
                    _ => text!(
                        "patterns run in linear time: there is no look-around and no back-reference; signs like `(` are written `\\(`"
                    ),
                };
                self.cursor.error(start, regex_message(&error)).help(help)
            })?;
        self.cursor.blanks();
        if self.at_pipe() {
            let error = self.cursor.unexpected(text!("behind a pattern"));
            return Err(error.help("a pattern is fixed when the file is loaded"));
        }
        Ok(regex)
    }

    fn sum(&mut self) -> Parsed {
        const OPERATORS: [Operator; 2] = [Operator::Add, Operator::Subtract];
        self.arithmetic(Self::product, &OPERATORS)
    }

    fn product(&mut self) -> Parsed {
        const OPERATORS: [Operator; 3] =
            [Operator::Multiply, Operator::Divide, Operator::Remainder];
        self.arithmetic(Self::unary, &OPERATORS)
    }

    fn arithmetic(&mut self, part: fn(&mut Self) -> Parsed, operators: &[Operator]) -> Parsed {
        let first = part(self)?;
        let start = first.at.start;
        let mut rest = Vec::new();
        while let Some(operator) = operators.iter().find(|it| self.eat(it.symbol())) {
            rest.push((*operator, part(self)?));
        }
        if rest.is_empty() {
            return Ok(first);
        }
        Ok(self.node(start, Kind::Arithmetic(Box::new(first), rest.into())))
    }

    fn unary(&mut self) -> Parsed {
        self.cursor.blanks();
        let start = self.cursor.position();
        let mut behind = self.cursor.rest().chars();
        let minus = behind.next() == Some('-');
        // `-2` is a number as JSON has it; `- 2` and `-$.a` are not.
        if !minus || behind.next().is_some_and(|it| it.is_ascii_digit()) {
            return self.piped();
        }
        self.cursor.eat("-");
        let negated = self.nested(Self::unary)?;
        Ok(self.node(start, Kind::Negate(Box::new(negated))))
    }

    fn piped(&mut self) -> Parsed {
        let mut value = self.nested(Self::operand)?;
        let depth = self.depth;
        loop {
            self.cursor.blanks();
            if !self.at_pipe() {
                self.depth = depth;
                return Ok(value);
            }
            self.cursor.eat("|");
            self.deeper(value.at.start)?;
            value = self.pipe(value)?;
        }
    }

    fn at_pipe(&self) -> bool {
        self.cursor.rest().starts_with('|') && !self.cursor.rest().starts_with("||")
    }

    fn operand(&mut self) -> Parsed {
        self.cursor.blanks();
        let start = self.cursor.position();
        let kind = match self.cursor.peek() {
            Some('$' | '@') => self.query()?,
            Some('\'' | '"') => Kind::Literal(Literal::Text(self.cursor.string()?.into())),
            Some('-' | '0'..='9') => Kind::Literal(Literal::Number(self.cursor.number()?.into())),
            Some('[') => {
                self.cursor.eat("[");
                Kind::Array(self.arguments(start, "]")?.into())
            }
            Some('(') => return self.parenthesis(start),
            Some(letter) if letter.is_alphabetic() || letter == '_' => return self.word(start),
            _ => return Err(self.misplaced()),
        };
        Ok(self.node(start, kind))
    }

    fn parenthesis(&mut self, start: usize) -> Parsed {
        self.cursor.eat("(");
        let inner = self.expression()?;
        self.close(start, ")")?;
        // The parentheses belong to what the author wrote.
        Ok(self.node(start, inner.kind))
    }

    fn query(&mut self) -> Result<Kind, SyntaxError> {
        let start = self.cursor.position();
        let query = path::compile(&mut self.cursor)?;
        let (root, kind) = match query {
            Query::Place(place) => (place.root, Kind::Place(place)),
            Query::Path(path) => (path.root, Kind::Nodes(path)),
        };
        self.uses.item |= root == Root::Item;
        self.no_hyphen(start)?;
        self.no_bare_name(start)?;
        Ok(kind)
    }

    /// `$.kode-tps` would be a subtraction of a name, which is never meant.
    fn no_hyphen(&self, start: usize) -> Result<(), SyntaxError> {
        let query = self.cursor.since(start);
        let Some(behind) = self.cursor.rest().strip_prefix('-') else { return Ok(()) };
        let name = Cursor::new(behind, 0).word();
        let last = query.rsplit('.').next().unwrap_or_default();
        let is_name = name.starts_with(|it: char| it.is_alphabetic() || it == '_');
        if query.contains('.')
            && is_name
            && !behind.get(name.len()..).is_some_and(|it| it.starts_with('('))
        {
            let end = self.cursor.position() + 1 + name.len();
            let message = text!("a name with `-` must be quoted");
            let error = SyntaxError { at: start..end, message, help: None };
            let path = query.strip_suffix(last).and_then(|it| it.strip_suffix('.'));
            let path = path.unwrap_or_default();
            return Err(error.help(text!("write `{}['{}-{}']`", path, last, name)));
        }
        Ok(())
    }

    /// `$nama` lacks its dot.
    fn no_bare_name(&mut self, start: usize) -> Result<(), SyntaxError> {
        let root = self.cursor.since(start);
        if root.len() == 1 && self.cursor.peek().is_some_and(|it| it.is_alphanumeric() || it == '_')
        {
            let name = self.cursor.word();
            let error = self.cursor.error(start, text!("no dot between `{}` and `{}`", root, name));
            if self.cursor.peek() == Some('(') {
                let ours = function_elsewhere(name).unwrap_or(name);
                return Err(error.help(text!(
                    "the name of a function bears no `{}`: `{}(…)`",
                    root,
                    ours
                )));
            }
            return Err(error.help(text!(
                "write `{}.{}`; literal text is `='{}{}'`",
                root,
                name,
                root,
                name
            )));
        }
        Ok(())
    }

    /// `expression (',' expression)*` up to `close`; may be empty.
    fn arguments(&mut self, start: usize, close: &str) -> Result<Vec<Node>, SyntaxError> {
        let mut arguments = Vec::new();
        if self.eat(close) {
            return Ok(arguments);
        }
        loop {
            arguments.push(self.expression()?);
            if !self.eat(",") {
                self.close(start, close)?;
                return Ok(arguments);
            }
        }
    }

    fn close(&mut self, start: usize, close: &str) -> Result<(), SyntaxError> {
        if self.eat(close) {
            return Ok(());
        }
        if self.cursor.peek().is_some() {
            return Err(self.misplaced());
        }
        let opened = self.cursor.since(start).chars().next().unwrap_or('(');
        let message = match opened {
            '[' => text!("this bracket is not closed"),
            _ => text!("this parenthesis is not closed"),
        };
        let error = self.cursor.error(start, message);
        Err(error.help(text!("add `{}`", close)))
    }

    /// Reads `token` behind blanks, if it stands there; a `|` is never half of `||`.
    fn eat(&mut self, token: &str) -> bool {
        self.cursor.blanks();
        self.cursor.eat(token)
    }

    fn eat_word(&mut self, word: &str) -> bool {
        self.cursor.blanks();
        let start = self.cursor.position();
        let found = self.cursor.word() == word;
        if !found {
            self.cursor.go_to(start);
        }
        found
    }

    fn node(&self, start: usize, kind: Kind) -> Node {
        // Blanks may have been read in search of what follows.
        let len = self.cursor.since(start).trim_end_matches([' ', '\t', '\n', '\r']).len();
        Node { kind, at: start..start + len }
    }

    fn nested(&mut self, part: impl FnOnce(&mut Self) -> Parsed) -> Parsed {
        let depth = self.depth;
        self.deeper(self.cursor.position())?;
        let node = part(self)?;
        self.depth = depth;
        Ok(node)
    }

    fn deeper(&mut self, start: usize) -> Result<(), SyntaxError> {
        self.depth += 1;
        if DEPTH_MAX < self.depth {
            return Err(self.cursor.error(start, "this expression is nested too deeply"));
        }
        Ok(())
    }

    /// What stands at the cursor does not belong there.
    pub(super) fn misplaced(&self) -> SyntaxError {
        let mut error = self.cursor.unexpected(text!("here"));
        error.help = self.instead();
        error
    }
}
