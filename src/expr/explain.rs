//! What each part of an expression comes to, for whoever writes one.

use super::{
    EvalError, Expr, Scope,
    eval::evaluate,
    node::{Kind, Node},
    path::{Place, Root, Step},
};
use crate::{diagnostic::nearest, message::Value};

/// A part of an expression and what it comes to.
#[derive(Debug)]
pub struct Part<'a> {
    /// The part, as written.
    pub text: String,
    /// How many parts it is inside of.
    pub depth: usize,
    /// What it comes to; `Ok(None)` is *nothing*.
    pub result: Result<Option<Value<'a>>, EvalError>,
    /// Why it is nothing, where that can be told.
    pub why: Option<String>,
    /// Whether the result of the whole hangs on it: of `a || b` the second does not where the first
    /// is true.
    pub counts: bool,
}

impl Expr {
    /// What each part comes to for one message, the whole first. Literals are no parts. Each part
    /// has all of the budget, so this is for one document before a person, and not for a route.
    pub fn explain<'a>(&self, scope: &Scope<'a>) -> Vec<Part<'a>> {
        let mut parts = Vec::new();
        Explained { expr: self, parts: &mut parts }.add(self.tree(), 0, true, scope);
        parts
    }
}

struct Explained<'e, 'a> {
    expr: &'e Expr,
    parts: &'e mut Vec<Part<'a>>,
}

impl<'a> Explained<'_, 'a> {
    /// Adds a part and what is in it; returns what it comes to, where that is no error.
    fn add(&mut self, node: &Node, depth: usize, counts: bool, scope: &Scope<'a>) -> Came<'a> {
        scope.budget.refill();
        let result = evaluate(node, scope).map_err(|it| it.in_text(self.expr.text()));
        let came = match &result {
            Ok(Some(value)) => Came::To(*value),
            Ok(None) => Came::ToNothing,
            Err(_) => Came::Apart,
        };
        let why = match (&node.kind, came) {
            (Kind::Place(place), Came::ToNothing) => lost(place, scope),
            _ => None,
        };
        if !matches!(node.kind, Kind::Literal(_)) {
            let text = self.expr.text().get(node.at.clone()).unwrap_or_default();
            // On one line, in columns.
            let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
            self.parts.push(Part { text, depth, result, why, counts });
        }
        let mut counts = counts;
        for inner in inside(node) {
            let came = self.add(inner, depth + 1, counts, scope);
            counts = counts && !decides(&node.kind, came);
        }
        came
    }
}

/// What a part came to.
#[derive(Clone, Copy)]
enum Came<'a> {
    To(Value<'a>),
    ToNothing,
    /// An error.
    Apart,
}

/// Whether the rest of the parts in `kind` no longer matters after one that came to this.
fn decides(kind: &Kind, came: Came<'_>) -> bool {
    match (kind, came) {
        (_, Came::Apart) => true,
        (Kind::And(_), Came::To(value)) => value == Value::Bool(false),
        (Kind::Or(_), Came::To(value)) => value == Value::Bool(true),
        (Kind::Default(_), Came::To(_)) => true,
        (Kind::Call(..) | Kind::Arithmetic(..), Came::ToNothing) => true,
        _ => false,
    }
}

/// The parts in a part, in their order.
fn inside(node: &Node) -> Vec<&Node> {
    match &node.kind {
        Kind::Literal(_) | Kind::Place(_) | Kind::Nodes(_) => Vec::new(),
        Kind::Array(items) | Kind::And(items) | Kind::Or(items) | Kind::Call(_, items) => {
            items.iter().collect()
        }
        Kind::Not(inner)
        | Kind::Negate(inner)
        | Kind::Matches(inner, _)
        | Kind::Required(inner)
        | Kind::Exists(inner)
        | Kind::Date(inner, _) => vec![&**inner],
        Kind::Arithmetic(first, rest) => {
            std::iter::once(&**first).chain(rest.iter().map(|(_, it)| it)).collect()
        }
        Kind::Compare(_, pair) | Kind::In(pair) | Kind::Default(pair) => pair.iter().collect(),
        Kind::Lookup(lookup) => vec![&lookup.key],
    }
}

/// Where the way to a place ends that leads to nothing.
fn lost(place: &Place, scope: &Scope<'_>) -> Option<String> {
    let (mut value, mut way) = match place.root {
        Root::Body => (scope.body, "$".to_owned()),
        Root::Item => (scope.item?, "@".to_owned()),
    };
    for step in &place.steps {
        let next = match step {
            Step::Name(name) => value.get(name),
            Step::Index(index) => item(value, *index),
        };
        let Some(next) = next else { return Some(missing(&way, step, value)) };
        match step {
            Step::Name(name) => way = format!("{way}.{name}"),
            Step::Index(index) => way = format!("{way}[{index}]"),
        }
        value = next;
    }
    None
}

fn item(value: Value<'_>, index: i64) -> Option<Value<'_>> {
    let Value::Array(items) = value else { return None };
    let from_end = || items.len().checked_sub(usize::try_from(index.unsigned_abs()).ok()?);
    let index = if index < 0 { from_end()? } else { usize::try_from(index).ok()? };
    items.get(index).copied()
}

/// Why `value`, to which `way` leads, has nothing at `step`.
fn missing(way: &str, step: &Step, value: Value<'_>) -> String {
    match (step, value) {
        (Step::Name(name), Value::Object(members)) => {
            let names = members.iter().map(|(name, _)| *name);
            let near = nearest(name, names).map(|it| format!("; did you mean `{it}`?"));
            format!("`{way}` has no `{name}`{}", near.unwrap_or_default())
        }
        (Step::Index(_), Value::Array(items)) => format!("`{way}` has {} items", items.len()),
        (Step::Name(name), other) => {
            format!("`{way}` is {}, which has no `{name}`", super::eval::a(other))
        }
        (Step::Index(_), other) => {
            format!("`{way}` is {}, which has no items", super::eval::a(other))
        }
    }
}
