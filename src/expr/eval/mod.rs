//! A tree and a message give a value, nothing, or an error.
//!
//! Where an operator meets nothing the result is nothing, and logic is three-valued; only
//! `default`, `required` and `exists` look at nothing itself.

mod compare;
mod failure;

pub(super) use self::{
    compare::{equal, order, scalars, sort_by_value},
    failure::{Failure, Fault},
};

use std::cmp::Ordering;

use super::{
    Scope,
    function::{self, ARGUMENTS_MAX, Body, Function},
    node::{Comparison, Kind, Lookup, Node},
    number::{self, Operator},
    path::Searcher,
};
use crate::message::Value;

/// A value, or nothing.
type Outcome<'a> = Result<Option<Value<'a>>, Fault>;

/// The value of a tree, in the arena or the message.
pub(super) fn evaluate<'a>(node: &Node, scope: &Scope<'a>) -> Outcome<'a> {
    let here = |failure: Failure| failure.at(node);
    scope.take(1).map_err(here)?;
    match &node.kind {
        Kind::Place(place) => place.value(scope, scope.item).map_err(here),
        Kind::Literal(literal) => {
            literal.owned(scope.arena).map(Some).map_err(|it| here(it.into()))
        }
        Kind::Nodes(path) => {
            let nodes = path.nodes(scope).map_err(here)?;
            Ok(Some(Value::Array(nodes)))
        }
        Kind::Array(items) => array(node, items, scope),
        Kind::Not(inner) => Ok(truth(inner, scope)?.map(|it| Value::Bool(!it))),
        Kind::And(parts) => all(parts, scope, false),
        Kind::Or(parts) => all(parts, scope, true),
        Kind::Compare(comparison, operands) => compared(node, *comparison, operands, scope),
        Kind::In(operands) => contained(node, operands, scope),
        Kind::Matches(text, pattern) => matched(node, text, pattern, scope),
        Kind::Negate(inner) => match borrowed(inner, scope)? {
            None => Ok(None),
            Some(Value::Number(number)) => {
                number::negate(scope.arena, number.text()).map(Some).map_err(here)
            }
            Some(other) => Err(here(format!("`-` negates a number, not {}", a(other)).into())),
        },
        Kind::Arithmetic(first, rest) => arithmetic(node, first, rest, scope),
        Kind::Call(function, arguments) => called(node, function, arguments, scope),
        Kind::Default(pair) => match evaluate(&pair[0], scope)? {
            None => evaluate(&pair[1], scope),
            there => Ok(there),
        },
        Kind::Required(inner) => match evaluate(inner, scope)? {
            None => Err(Failure::from("required, but there is nothing").at(inner)),
            there => Ok(there),
        },
        Kind::Exists(inner) => Ok(Some(Value::Bool(borrowed(inner, scope)?.is_some()))),
        Kind::Lookup(lookup) => looked_up(node, lookup, scope),
        Kind::Date(text, formats) => match borrowed(text, scope)? {
            None => Ok(None),
            Some(value) => function::date::date(scope, value, formats).map(Some).map_err(here),
        },
    }
}

/// The value of a tree for a look only: literals are not copied.
fn borrowed<'v>(node: &'v Node, scope: &Scope<'v>) -> Outcome<'v> {
    match &node.kind {
        Kind::Literal(literal) => Ok(Some(literal.value())),
        _ => evaluate(node, scope),
    }
}

/// The value of a condition; `None` for nothing.
pub(super) fn truth(node: &Node, scope: &Scope<'_>) -> Result<Option<bool>, Fault> {
    match borrowed(node, scope)? {
        None => Ok(None),
        Some(Value::Bool(truth)) => Ok(Some(truth)),
        Some(other) => {
            Err(Failure::from(format!("must be true or false, but is {}", a(other))).at(node))
        }
    }
}

/// A kind of value with its article.
pub(super) fn a(value: Value<'_>) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::Text(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}

fn array<'a>(node: &Node, items: &[Node], scope: &Scope<'a>) -> Outcome<'a> {
    let mut values = scope.arena.list();
    for item in items {
        // As in `map`: what is nothing is left out.
        if let Some(value) = evaluate(item, scope)? {
            values.push(value).map_err(|full| Failure::from(full).at(node))?;
        }
    }
    Ok(Some(Value::Array(values.finish())))
}

/// `&&` and `||`: the first part that is `decisive` decides; nothing wins over the other.
fn all<'a>(parts: &[Node], scope: &Scope<'a>, decisive: bool) -> Outcome<'a> {
    let mut unknown = false;
    for part in parts {
        match truth(part, scope)? {
            Some(truth) if truth == decisive => return Ok(Some(Value::Bool(decisive))),
            Some(_) => {}
            None => unknown = true,
        }
    }
    Ok((!unknown).then_some(Value::Bool(!decisive)))
}

/// Both operands; `None` when one of them is nothing.
fn both<'v>(
    operands: &'v [Node; 2],
    scope: &Scope<'v>,
) -> Result<Option<(Value<'v>, Value<'v>)>, Fault> {
    let [left, right] = operands;
    let (left, right) = (borrowed(left, scope)?, borrowed(right, scope)?);
    Ok(left.zip(right))
}

fn compared<'a>(
    node: &Node,
    comparison: Comparison,
    operands: &[Node; 2],
    scope: &Scope<'a>,
) -> Outcome<'a> {
    let Some((left, right)) = both(operands, scope)? else { return Ok(None) };
    let truth = match comparison {
        Comparison::Equal => equal(scope, left, right),
        Comparison::Unequal => equal(scope, left, right).map(|it| !it),
        _ => ordered(scope, left, right).and_then(|order| match order {
            Some(order) => Ok(holds(comparison, order)),
            None => {
                let (symbol, left, right) = (comparison.symbol(), a(left), a(right));
                let wanted = "compares two numbers or two texts";
                Err(format!("`{symbol}` {wanted}, not {left} with {right}").into())
            }
        }),
    };
    truth.map(|it| Some(Value::Bool(it))).map_err(|it| it.at(node))
}

/// How two numbers or two texts compare; `None` for anything else.
pub(super) fn ordered(
    scope: &Scope<'_>,
    left: Value<'_>,
    right: Value<'_>,
) -> Result<Option<Ordering>, Failure> {
    match left {
        Value::Number(_) | Value::Text(_) => scalars(scope, left, right),
        _ => Ok(None),
    }
}

fn holds(comparison: Comparison, order: Ordering) -> bool {
    match comparison {
        Comparison::Equal => order.is_eq(),
        Comparison::Unequal => order.is_ne(),
        Comparison::Less => order.is_lt(),
        Comparison::LessOrEqual => order.is_le(),
        Comparison::Greater => order.is_gt(),
        Comparison::GreaterOrEqual => order.is_ge(),
    }
}

fn contained<'a>(node: &Node, operands: &[Node; 2], scope: &Scope<'a>) -> Outcome<'a> {
    let Some((wanted, array)) = both(operands, scope)? else { return Ok(None) };
    let Value::Array(items) = array else {
        let message = format!("`in` looks into an array, not into {}", a(array));
        return Err(Failure::from(message).at(node));
    };
    for item in items {
        if equal(scope, wanted, *item).map_err(|it| it.at(node))? {
            return Ok(Some(Value::Bool(true)));
        }
    }
    Ok(Some(Value::Bool(false)))
}

fn matched<'a>(node: &Node, text: &Node, pattern: &Searcher, scope: &Scope<'a>) -> Outcome<'a> {
    match borrowed(text, scope)? {
        None => Ok(None),
        Some(Value::Text(text)) => {
            let found = pattern.finds(scope, text).map_err(|it| it.at(node))?;
            Ok(Some(Value::Bool(found)))
        }
        Some(other) => {
            let message = format!("`=~` matches a text, not {}", a(other));
            Err(Failure::from(message).at(node))
        }
    }
}

fn arithmetic<'a>(
    node: &Node,
    first: &Node,
    rest: &[(Operator, Node)],
    scope: &Scope<'a>,
) -> Outcome<'a> {
    let Some(first) = borrowed(first, scope)? else { return Ok(None) };
    let mut result: Option<Value<'a>> = None;
    for (operator, operand) in rest {
        let Some(operand) = borrowed(operand, scope)? else { return Ok(None) };
        let calculated = match (result.unwrap_or(first), operand) {
            (Value::Number(left), Value::Number(right)) => {
                let (left, right) = (left.text(), right.text());
                let room = scope.take_for_bytes(left.len() + right.len());
                room.and_then(|()| number::calculate(scope.arena, *operator, left, right))
            }
            (left, right) => {
                let symbol = operator.symbol();
                let message = format!("`{symbol}` takes numbers, not {} and {}", a(left), a(right));
                Err(message.into())
            }
        };
        result = Some(calculated.map_err(|it: Failure| it.at(node))?);
    }
    Ok(result)
}

fn called<'a>(
    node: &Node,
    function: &Function,
    arguments: &[Node],
    scope: &Scope<'a>,
) -> Outcome<'a> {
    let mut values = [Value::Null; ARGUMENTS_MAX];
    for (slot, argument) in values.iter_mut().zip(arguments) {
        match evaluate(argument, scope)? {
            Some(value) => *slot = value,
            None => return Ok(None),
        }
    }
    let values = values.get(..arguments.len()).unwrap_or_default();
    match function.body {
        Body::Plain(run, _) => run(scope, values).map_err(|it| it.at(node)),
        _ => Err(Failure::from("bug: not a plain function").at(node)),
    }
}

fn looked_up<'a>(node: &Node, lookup: &Lookup, scope: &Scope<'a>) -> Outcome<'a> {
    let here = |failure: Failure| failure.at(node);
    let key = match borrowed(&lookup.key, scope)? {
        None => return Ok(None),
        Some(Value::Text(text)) => text,
        Some(Value::Number(number)) => number.text(),
        Some(other) => {
            let message = format!("a key is a text or a number, not {}", a(other));
            return Err(here(message.into()));
        }
    };
    scope.take_for_bytes(key.len()).map_err(here)?;
    let Some(row) = lookup.table.row(key) else { return Ok(None) };
    let text = |cell: &str| scope.arena.text(cell).map_err(|it| here(it.into()));
    if let Some(column) = lookup.column {
        return row.get(column).map(|it| text(it).map(Value::Text)).transpose();
    }
    let mut members = scope.arena.list();
    for (name, cell) in lookup.table.columns().iter().zip(row.iter()) {
        let member = (text(name)?, Value::Text(text(cell)?));
        members.push(member).map_err(|it| here(it.into()))?;
    }
    Ok(Some(Value::Object(members.finish())))
}
