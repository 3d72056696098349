//! Functions on numbers.

use super::{Outcome, argument, array_of, number_of, whole_of};
use crate::{
    expr::{
        Scope,
        eval::{Failure, a},
        number::{self, Operator, Toward},
    },
    message::{Number, Value},
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
