//! Values and types: what is known of one, and whether one is of a type.

use std::sync::Arc;

use simpul::{
    message::{Number, Value},
    typing::{Items, Members, Numbers, Rest, RuleKind, Texts, Truths, Type},
};

/// How much is known of a value.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Knowing {
    All,
    /// Kinds, names and lengths.
    Much,
    Nothing,
}

pub(crate) const KNOWING: [Knowing; 3] = [Knowing::All, Knowing::Much, Knowing::Nothing];

/// The type of a value of which so much is known.
pub(crate) fn of(value: Value<'_>, knowing: Knowing) -> Type {
    let all = matches!(knowing, Knowing::All);
    if matches!(knowing, Knowing::Nothing) {
        return Type::anything();
    }
    match value {
        Value::Null => Type::null(),
        Value::Bool(value) if all => {
            Type { truths: Truths { yes: value, no: !value }, ..Type::default() }
        }
        Value::Bool(_) => Type::boolean(),
        Value::Number(number) if all => Type::literal_number(number.text()),
        Value::Number(number) => {
            Type::number(Numbers { whole: number.is_whole(), ..Numbers::default() })
        }
        Value::Text(text) if all => Type::literal(text),
        Value::Text(text) => {
            let length = text.chars().count() as u64;
            Type::text_of(length.min(1), Some(length + 1))
        }
        Value::Array(items) => {
            let each = items.iter().map(|it| of(*it, knowing));
            let each = each.reduce(|one, other| one.join(&other)).unwrap_or_default();
            let count = items.len() as u64;
            Type::array(Items {
                each,
                least: if all { count } else { count.min(1) },
                most: all.then_some(count),
                solid: items.iter().any(|it| *it != Value::Null),
            })
        }
        Value::Object(members) => {
            let field = |(name, it): &(&str, Value<'_>)| {
                let known = of(*it, knowing);
                (Arc::from(*name), if all { known } else { known.or_nothing() })
            };
            let rest = if all { Rest::Closed } else { Rest::Undeclared };
            Type::object(Members { fields: members.iter().map(field).collect(), rest })
        }
    }
}

/// Whether a value is of a type.
pub(crate) fn has(known: &Type, value: Value<'_>) -> bool {
    match value {
        Value::Null => known.null || known.unknown,
        Value::Bool(true) => known.truths.yes || known.unknown,
        Value::Bool(false) => known.truths.no || known.unknown,
        Value::Number(number) => {
            known.number.as_ref().map_or(known.unknown, |it| has_number(it, number))
        }
        Value::Text(text) => known.text.as_ref().map_or(known.unknown, |it| has_text(it, text)),
        Value::Array(items) => known.array.as_ref().map_or(known.unknown, |it| {
            let count = items.len() as u64;
            let solid = !it.solid || items.iter().any(|it| *it != Value::Null);
            solid
                && it.least <= count
                && it.most.is_none_or(|most| count <= most)
                && items.iter().all(|item| has(&it.each, *item))
        }),
        Value::Object(members) => {
            known.object.as_ref().map_or(known.unknown, |it| has_members(it, members))
        }
    }
}

fn has_number(known: &Numbers, number: Number<'_>) -> bool {
    let order = |text: &str| number.order(Number::from_checked(text));
    let least =
        known.range.least.as_ref().is_none_or(|it| {
            if it.open { order(&it.value).is_gt() } else { order(&it.value).is_ge() }
        });
    let most =
        known.range.most.as_ref().is_none_or(|it| {
            if it.open { order(&it.value).is_lt() } else { order(&it.value).is_le() }
        });
    let among = known.one_of.as_ref().is_none_or(|all| all.iter().any(|it| order(it).is_eq()));
    least && most && among && (!known.whole || number.is_whole())
}

fn has_text(known: &Texts, text: &str) -> bool {
    let length = text.chars().count() as u64;
    let keeps = known.rules.iter().all(|(kind, rule)| match kind {
        RuleKind::Pattern => regex::Regex::new(rule).unwrap().is_match(text),
        RuleKind::Format => match &**rule {
            "date" => text.parse::<jiff::civil::Date>().is_ok(),
            "uuid" => text.len() == 36,
            "date-time" => text.parse::<jiff::Timestamp>().is_ok(),
            _ => true,
        },
    });
    known.least <= length
        && known.most.is_none_or(|it| length <= it)
        && known.one_of.as_ref().is_none_or(|all| all.contains(text))
        && keeps
}

fn has_members(known: &Members, members: &[(&str, Value<'_>)]) -> bool {
    let there = |name: &str| members.iter().find(|(key, _)| *key == name).map(|(_, it)| *it);
    let fields = known.fields.iter().all(|(name, field)| match there(name) {
        Some(value) => has(field, value),
        None => field.absent,
    });
    let others = members.iter().filter(|(name, _)| !known.fields.contains_key(*name));
    let mut others = others.map(|(_, value)| *value);
    fields
        && match &known.rest {
            Rest::Closed => others.next().is_none(),
            Rest::Undeclared => true,
            Rest::Of(rest) => others.all(|it| has(rest, it)),
        }
}
