//! Functions on numbers.

use super::{Outcome, argument, array_of, number_of, typed::number_in, whole_of};
use crate::{
    expr::{
        Scope,
        eval::{Failure, a},
        number::{self, Operator, Toward},
    },
    message::{Number, Value},
    typing::{Bound, Kinds, Numbers, Range, Type},
};

pub(super) fn number<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let text = match argument(arguments, 0)? {
        Value::Text(text) => text,
        Value::Number(number) => return Ok(Some(Value::Number(number))),
        other => return Err(format!("`number` takes a text, not {}", a(other)).into()),
    };
    scope.take_for_bytes(text.len())?;
    let (sign, digits) = match text.strip_prefix('-') {
        Some(digits) => ("-", digits),
        None => ("", text),
    };
    let zeros = digits.len() - digits.trim_start_matches('0').len();
    // The last zero before the point stays: `000` is `0`, `00.5` is `0.5`.
    let whole =
        digits.get(zeros..).is_some_and(|it| it.starts_with(|it: char| it.is_ascii_digit()));
    let digits = digits.get(if whole { zeros } else { zeros.saturating_sub(1) }..).unwrap_or("");
    if !number::is_valid(digits) || digits.starts_with('-') {
        return Err("`number` finds no number in this text".into());
    }
    let number = if sign.len() + digits.len() == text.len() {
        text
    } else {
        scope.arena.joined(&[sign, digits])?
    };
    Ok(Some(Value::Number(Number::from_checked(number))))
}

pub(super) fn round<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    rounded("round", scope, arguments, Toward::Nearest)
}

pub(super) fn floor<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    rounded("floor", scope, arguments, Toward::Floor)
}

pub(super) fn ceil<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    rounded("ceil", scope, arguments, Toward::Ceiling)
}

pub(super) fn sum<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let mut total: Option<Total<'a>> = None;
    for item in array_of("sum", argument(arguments, 0)?)? {
        scope.take(1)?;
        let number = match item {
            Value::Null => continue,
            Value::Number(number) => *number,
            other => return Err(format!("`sum` adds numbers, not {}", a(*other)).into()),
        };
        total = Some(match total {
            None => Total::Written(number),
            Some(total) => total.plus(scope, number)?,
        });
    }
    total.map(|it| it.written(scope)).transpose()
}

/// A sum under way. Short integers, which most are, are added as such and written down once.
enum Total<'a> {
    Written(Number<'a>),
    Short(i64),
}

impl<'a> Total<'a> {
    fn plus(self, scope: &Scope<'a>, number: Number<'a>) -> Result<Self, Failure> {
        let short = match &self {
            Self::Short(total) => Some(*total),
            Self::Written(total) => number::short(total.text()),
        };
        if let (Some(left), Some(right)) = (short, number::short(number.text()))
            && let Some(total) = left.checked_add(right)
        {
            return Ok(Self::Short(total));
        }
        let Value::Number(left) = self.written(scope)? else {
            return Err("bug: a sum is no number".into());
        };
        scope.take_for_bytes(left.text().len() + number.text().len())?;
        match number::calculate(scope.arena, Operator::Add, left.text(), number.text())? {
            Value::Number(total) => Ok(Self::Written(total)),
            _ => Err("bug: a sum is no number".into()),
        }
    }

    fn written(self, scope: &Scope<'a>) -> Result<Value<'a>, Failure> {
        match self {
            Self::Written(number) => Ok(Value::Number(number)),
            Self::Short(total) => number::whole(scope.arena, total),
        }
    }
}

fn rounded<'a>(
    name: &str,
    scope: &Scope<'a>,
    arguments: &[Value<'a>],
    toward: Toward,
) -> Outcome<'a> {
    let number = number_of(name, argument(arguments, 0)?)?;
    let decimals = whole_of(name, "decimals", arguments.get(1))?;
    scope.take_for_bytes(number.text().len())?;
    number::round(scope.arena, number.text(), decimals, toward).map(Some)
}

pub(super) fn number_type(arguments: &[Type]) -> Type {
    let value = arguments.first().cloned().unwrap_or_default();
    let as_it_is = value.number.clone().map(Type::number);
    let read = value.kinds().meets(Kinds::TEXT).then(|| Type::number(Numbers::default()));
    let both = as_it_is.into_iter().chain(read);
    both.reduce(|one, other| one.join(&other)).unwrap_or_default()
}

/// Rounding a number that is not negative makes none that is.
pub(super) fn rounded_type(arguments: &[Type]) -> Type {
    let numbers = number_in(arguments, 0);
    // Without decimals, or with as many as a whole number has, the result is whole.
    let whole = arguments.len() < 2 || numbers.as_ref().is_some_and(|it| it.whole);
    let positive = numbers.is_some_and(|it| it.range.is_positive());
    Type::number(Numbers { whole, range: sign(positive), one_of: None })
}

/// Nothing where there are no numbers to add.
pub(super) fn sum_type(arguments: &[Type]) -> Type {
    let items = arguments.first().and_then(Type::arrays).unwrap_or_default();
    let numbers = items.each.number.clone().unwrap_or_default();
    let positive = numbers.range.is_positive();
    let sum = Numbers { whole: numbers.whole, range: sign(positive), one_of: None };
    Type { absent: !items.solid, ..Type::number(sum) }
}

/// From 0 on, where nothing is negative.
pub(in crate::expr) fn sign(positive: bool) -> Range {
    Range { least: positive.then(|| Bound::at("0")), most: None }
}
