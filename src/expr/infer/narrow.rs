//! What a condition says of the messages for which it holds.

use crate::{
    expr::{
        node::{Comparison, Kind, Literal, Node},
        path::{Place, Root, Step},
    },
    typing::{self, Bound, Items, Kinds, Numbers, Range, Truths, Type},
};

/// What is known of `body` where `node` is `truth`.
pub(super) fn where_it_is(node: &Node, body: Type, truth: bool) -> Type {
    match (&node.kind, truth) {
        (Kind::Place(place), _) => {
            let truths = Truths { yes: truth, no: !truth };
            at(place, &body, &|it| it.meet(&Type { truths, ..Type::default() }))
        }
        (Kind::Not(inner), _) => where_it_is(inner, body, !truth),
        // Together they hold where each does; together they fail where one does.
        (Kind::And(parts), true) | (Kind::Or(parts), false) => {
            parts.iter().fold(body, |body, part| where_it_is(part, body, truth))
        }
        (Kind::And(parts), false) | (Kind::Or(parts), true) => {
            let each = parts.iter().map(|it| where_it_is(it, body.clone(), truth));
            each.reduce(|one, other| one.join(&other)).unwrap_or(body)
        }
        (Kind::Compare(comparison, operands), _) => {
            let comparison = if truth { *comparison } else { comparison.opposite() };
            compared(comparison, operands, with_operands(node, body))
        }
        (Kind::In(operands), true) => {
            let body = with_operands(node, body);
            let (Kind::Place(place), Kind::Array(items)) = (&operands[0].kind, &operands[1].kind)
            else {
                return body;
            };
            let literals: Option<Vec<_>> = items.iter().map(literal).collect();
            match literals.and_then(|all| all.into_iter().reduce(|one, it| one.join(&it))) {
                Some(wanted) => at(place, &body, &|it| values_of(&it, &wanted)),
                None => body,
            }
        }
        (Kind::Exists(inner), true) => match &inner.kind {
            Kind::Place(place) => at(place, &body, &|it| it),
            _ => with_operands(inner, body),
        },
        (Kind::Exists(_), false) => body,
        _ => with_operands(node, body),
    }
}

/// `body` with every place in it that must have a value for `node` to have one.
fn with_operands(node: &Node, body: Type) -> Type {
    let all =
        |nodes: &[Node], body: Type| nodes.iter().fold(body, |body, it| with_operands(it, body));
    match &node.kind {
        Kind::Place(place) => at(place, &body, &|it| it),
        Kind::Not(inner) | Kind::Negate(inner) | Kind::Required(inner) => {
            with_operands(inner, body)
        }
        Kind::Compare(_, operands) | Kind::In(operands) => all(operands.as_ref(), body),
        Kind::Matches(text, _) | Kind::Date(text, _) => with_operands(text, body),
        Kind::Arithmetic(first, rest) => {
            let body = with_operands(first, body);
            rest.iter().fold(body, |body, (_, it)| with_operands(it, body))
        }
        Kind::Call(_, arguments) => all(arguments, body),
        Kind::Lookup(lookup) => with_operands(&lookup.key, body),
        // These may have a value where a part of them has none.
        Kind::Literal(_)
        | Kind::Nodes(_)
        | Kind::Array(_)
        | Kind::And(_)
        | Kind::Or(_)
        | Kind::Default(_)
        | Kind::Exists(_) => body,
    }
}

fn compared(comparison: Comparison, operands: &[Node; 2], body: Type) -> Type {
    let [left, right] = operands;
    let body = one_side(comparison, left, right, body);
    one_side(comparison.turned(), right, left, body)
}

/// What `left comparison right` says of `left`, where `right` is a literal.
fn one_side(comparison: Comparison, left: &Node, right: &Node, body: Type) -> Type {
    let Some(wanted) = literal(right) else { return body };
    match &left.kind {
        Kind::Place(place) => at(place, &body, &|it| like(it, comparison, &wanted)),
        Kind::Call(function, arguments) if function.name == "count" => {
            let (Some(Kind::Place(place)), Some(least)) =
                (arguments.first().map(|it| &it.kind), count_least(comparison, right))
            else {
                return body;
            };
            at(place, &body, &|it| {
                let items = it.arrays().unwrap_or_default();
                let solid = items.solid || 0 < least && !items.each.kinds().meets(Kinds::NULL);
                let items = Items { least: items.least.max(least), solid, ..(*items).clone() };
                let array = Some(std::sync::Arc::new(items));
                Type { array, ..it.only(Kinds::ARRAY) }
            })
        }
        _ => body,
    }
}

/// How many items there are at least where `count comparison number`.
fn count_least(comparison: Comparison, number: &Node) -> Option<u64> {
    let Kind::Literal(Literal::Number(text)) = &number.kind else { return None };
    let number: u64 = text.parse().ok()?;
    match comparison {
        Comparison::Equal | Comparison::GreaterOrEqual => Some(number),
        Comparison::Greater => Some(number.saturating_add(1)),
        Comparison::Unequal if number == 0 => Some(1),
        _ => None,
    }
}

/// The values of `value` for which `value comparison wanted`.
fn like(value: Type, comparison: Comparison, wanted: &Type) -> Type {
    let number = wanted.number.as_ref().and_then(|it| it.one_of.as_ref()?.first());
    let range = |least: Option<Bound>, most: Option<Bound>| match &wanted.number {
        Some(_) => Type::number(Numbers { range: Range { least, most }, ..Numbers::default() }),
        // Of texts the order says nothing more than that they are texts.
        None => Type::anything().only(wanted.kinds()),
    };
    let bound = |open| number.map(|it| Bound { value: it.clone(), open });
    match comparison {
        Comparison::Equal => values_of(&value, wanted),
        Comparison::Unequal => unlike(value, wanted),
        Comparison::Less => values_of(&value, &range(None, bound(true))),
        Comparison::LessOrEqual => values_of(&value, &range(None, bound(false))),
        Comparison::Greater => values_of(&value, &range(bound(true), None)),
        Comparison::GreaterOrEqual => values_of(&value, &range(bound(false), None)),
    }
}

/// `value`, where it is one of `wanted`: it stays where it comes from.
fn values_of(value: &Type, wanted: &Type) -> Type {
    let (marks, at) = (value.marks, value.at);
    Type { marks, at, ..value.meet(wanted) }
}

/// `value` without the literal `wanted`.
fn unlike(mut value: Type, wanted: &Type) -> Type {
    if wanted.kinds() == Kinds::NULL {
        return value.without_null();
    }
    let gone = wanted.text.as_ref().and_then(|it| it.one_of.as_ref()?.first());
    if let (Some(gone), Some(texts)) = (gone, &mut value.text)
        && let Some(one_of) = &mut texts.one_of
        && 1 < one_of.len()
    {
        one_of.remove(gone);
    }
    value
}

fn literal(node: &Node) -> Option<Type> {
    match &node.kind {
        Kind::Literal(literal) => Some(super::literal_type(literal)),
        _ => None,
    }
}

/// `body` with what is at `place` there, and changed.
fn at(place: &Place, body: &Type, change: &dyn Fn(Type) -> Type) -> Type {
    if place.root != Root::Body {
        return body.clone();
    }
    let path: Vec<_> = place.steps.iter().map(Step::typed).collect();
    body.refined(&path, change)
}

impl Step {
    /// As types know it.
    pub(in crate::expr) fn typed(&self) -> typing::Step<'_> {
        match self {
            Self::Name(name) => typing::Step::Name(name),
            Self::Index(index) => typing::Step::Index(*index),
        }
    }
}

impl Comparison {
    /// What holds where this does not.
    fn opposite(self) -> Self {
        match self {
            Self::Equal => Self::Unequal,
            Self::Unequal => Self::Equal,
            Self::Less => Self::GreaterOrEqual,
            Self::LessOrEqual => Self::Greater,
            Self::Greater => Self::LessOrEqual,
            Self::GreaterOrEqual => Self::Less,
        }
    }

    /// The same, with its sides in the other order.
    fn turned(self) -> Self {
        match self {
            Self::Equal | Self::Unequal => self,
            Self::Less => Self::Greater,
            Self::LessOrEqual => Self::GreaterOrEqual,
            Self::Greater => Self::Less,
            Self::GreaterOrEqual => Self::LessOrEqual,
        }
    }
}
