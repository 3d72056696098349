//! Numbers by the text that stands in the document: exact comparison, decimal arithmetic.
//!
//! Comparing never rounds, whatever the length. Arithmetic has 34 digits (IEEE 754 decimal128,
//! half-even); a number with more is refused rather than rounded on the way in. Most numbers are
//! short integers, which take neither path.

use std::cmp::Ordering;

use dec::{Context, Decimal128, Rounding};

use super::{eval::Failure, parse::Cursor};
use crate::message::{Arena, Number, Value};

/// As many zeros as are written out before a result is written with an exponent.
const ZEROS: &str = "0000000000000000000000000000000000000000000000000000000000000000";

/// Decimal digits that every `i64` of that length can hold.
const SHORT_DIGITS_MAX: usize = 18;

/// What can be done with two numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operator {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

impl Operator {
    /// As written in an expression.
    pub(super) fn symbol(self) -> &'static str {
        match self {
            Self::Add => "+",
            Self::Subtract => "-",
            Self::Multiply => "*",
            Self::Divide => "/",
            Self::Remainder => "%",
        }
    }
}

/// Which way `round`, `floor` and `ceil` go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Toward {
    Nearest,
    Floor,
    Ceiling,
}

/// Compares two numbers by value, exactly.
pub(super) fn compare(left: &str, right: &str) -> Ordering {
    if left == right {
        return Ordering::Equal;
    }
    match (short(left), short(right)) {
        (Some(left), Some(right)) => left.cmp(&right),
        _ => Number::from_checked(left).order(Number::from_checked(right)),
    }
}

/// Whether a text is a JSON number that can be worked with.
pub(super) fn is_valid(text: &str) -> bool {
    /// Characters that a number in a body may have.
    const LENGTH_MAX: usize = 10_000;
    let mut cursor = Cursor::new(text, 0);
    text.len() <= LENGTH_MAX && cursor.number().is_ok() && cursor.peek().is_none()
}

/// The value as an integer, where it is one that fits.
pub(super) fn integer(text: &str) -> Option<i64> {
    short(text).or_else(|| {
        let mut context = Context::<Decimal128>::default();
        let whole = context.quantize(decimal(text).ok()?, Decimal128::ZERO);
        let exact = whole.is_finite() && !context.status().inexact();
        exact.then(|| i64::try_from(whole.coefficient()).ok()).flatten()
    })
}

/// `left operator right`.
pub(super) fn calculate<'a>(
    arena: &'a Arena,
    operator: Operator,
    left: &str,
    right: &str,
) -> Result<Value<'a>, Failure> {
    if let (Some(left), Some(right)) = (short(left), short(right))
        && let Some(result) = calculate_short(operator, left, right)
    {
        return whole(arena, result);
    }
    let mut context = Context::<Decimal128>::default();
    let (left, right) = (decimal(left)?, decimal(right)?);
    let divides = matches!(operator, Operator::Divide | Operator::Remainder);
    if divides && right.is_zero() {
        return Err("division by zero".into());
    }
    let result = match operator {
        Operator::Add => context.add(left, right),
        Operator::Subtract => context.sub(left, right),
        Operator::Multiply => context.mul(left, right),
        Operator::Divide => context.div(left, right),
        Operator::Remainder => context.rem(left, right),
    };
    let status = context.status();
    if status.division_impossible() {
        return Err("the quotient has more than 34 digits".into());
    }
    number(arena, result, status.underflow())
}

/// `-text`.
pub(super) fn negate<'a>(arena: &'a Arena, text: &str) -> Result<Value<'a>, Failure> {
    let negative = match text.strip_prefix('-') {
        Some(positive) => arena.text(positive)?,
        None if Number::from_checked(text).is_zero() => arena.text(text)?,
        None => arena.joined(&["-", text])?,
    };
    Ok(Value::Number(Number::from_checked(negative)))
}

/// Rounds to `decimals` digits behind the point; before it, where negative.
pub(super) fn round<'a>(
    arena: &'a Arena,
    text: &str,
    decimals: i64,
    toward: Toward,
) -> Result<Value<'a>, Failure> {
    const DECIMALS_MAX: i64 = 33;
    let decimals = match i32::try_from(decimals) {
        Ok(within) if decimals.abs() <= DECIMALS_MAX => within,
        _ => return Err(format!("takes -{DECIMALS_MAX} to {DECIMALS_MAX} decimals").into()),
    };
    if decimals == 0
        && let Some(short) = short(text)
    {
        return whole(arena, short);
    }
    let mut context = Context::<Decimal128>::default();
    let value = decimal(text)?;
    context.set_rounding(match toward {
        Toward::Nearest => Rounding::HalfEven,
        Toward::Floor => Rounding::Floor,
        Toward::Ceiling => Rounding::Ceiling,
    });
    let mut unit = Decimal128::ONE;
    context.set_exponent(&mut unit, -decimals);
    let rounded = context.quantize(value, unit);
    if rounded.is_nan() {
        return Err("the result has more than 34 digits".into());
    }
    number(arena, rounded, false)
}

/// A count as a value.
pub(super) fn count(arena: &Arena, count: usize) -> Result<Value<'_>, Failure> {
    whole(arena, i64::try_from(count).unwrap_or(i64::MAX))
}

fn calculate_short(operator: Operator, left: i64, right: i64) -> Option<i64> {
    match operator {
        Operator::Add => left.checked_add(right),
        Operator::Subtract => left.checked_sub(right),
        Operator::Multiply => left.checked_mul(right),
        Operator::Divide => (left.checked_rem(right)? == 0).then(|| left / right),
        Operator::Remainder => left.checked_rem(right),
    }
}

/// The value of a short integer without point and exponent.
pub(super) fn short(text: &str) -> Option<i64> {
    let digits = text.strip_prefix('-').unwrap_or(text);
    if digits.is_empty() || SHORT_DIGITS_MAX < digits.len() {
        return None;
    }
    let value = digits.bytes().try_fold(0_i64, |value, byte| {
        byte.is_ascii_digit().then(|| value * 10 + i64::from(byte - b'0'))
    })?;
    Some(if digits.len() == text.len() { value } else { -value })
}

fn decimal(text: &str) -> Result<Decimal128, Failure> {
    let mut context = Context::<Decimal128>::default();
    let value = context.parse(text).map_err(|_| Failure::from("bug: not a number"))?;
    match context.status() {
        status if status.overflow() || status.underflow() => Err("a number is too large".into()),
        status if status.inexact() => Err("a number has more than 34 digits".into()),
        _ => Ok(value),
    }
}

/// An integer as a value.
pub(super) fn whole(arena: &Arena, value: i64) -> Result<Value<'_>, Failure> {
    // Written from the end; 20 characters hold every i64.
    let mut text = [b'0'; 20];
    let mut start = text.len();
    let mut rest = value.unsigned_abs();
    for place in text.iter_mut().rev() {
        *place = b'0' + u8::try_from(rest % 10).unwrap_or_default();
        start -= 1;
        rest /= 10;
        if rest == 0 {
            break;
        }
    }
    let digits = text.get(start..).and_then(|it| std::str::from_utf8(it).ok()).unwrap_or("0");
    let text = if value < 0 { arena.joined(&["-", digits])? } else { arena.text(digits)? };
    Ok(Value::Number(Number::from_checked(text)))
}

/// Writes a result plainly, or with an exponent where that would take too many digits.
fn number(arena: &Arena, value: Decimal128, underflow: bool) -> Result<Value<'_>, Failure> {
    if !value.is_finite() {
        return Err("the result is too large".into());
    }
    if value.is_subnormal() || underflow {
        // It has lost digits, or could not be read again as a body.
        return Err("the result is too near to zero".into());
    }
    let all = value.coefficient_digits().map(|digit| b'0' + digit);
    let first = all.iter().position(|it| *it != b'0').unwrap_or(all.len() - 1);
    let digits = all.get(first..).and_then(|it| std::str::from_utf8(it).ok()).unwrap_or("0");
    let sign = if value.is_negative() && !value.is_zero() { "-" } else { "" };
    let exponent = value.exponent();
    let size = exponent.unsigned_abs() as usize;
    let text = if exponent == 0 || value.is_zero() && 0 < exponent {
        arena.joined(&[sign, digits])?
    } else if 0 < exponent && digits.len() + size <= ZEROS.len() {
        arena.joined(&[sign, digits, ZEROS.get(..size).unwrap_or_default()])?
    } else if exponent < 0 && size < digits.len() {
        let (before, behind) = digits.split_at(digits.len() - size);
        arena.joined(&[sign, before, ".", behind])?
    } else if exponent < 0 && size <= ZEROS.len() {
        let zeros = ZEROS.get(..size - digits.len()).unwrap_or_default();
        arena.joined(&[sign, "0.", zeros, digits])?
    } else {
        let (before, behind) = digits.split_at(1);
        let exponent = i64::from(exponent) + behind.len() as i64;
        let point = if behind.is_empty() { "" } else { "." };
        let plus = if exponent < 0 { "" } else { "+" };
        arena.joined(&[sign, before, point, behind, "E", plus, &exponent.to_string()])?
    };
    Ok(Value::Number(Number::from_checked(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn calculated(left: &str, operator: Operator, right: &str) -> String {
        let arena = Arena::with_limit(1 << 16);
        match calculate(&arena, operator, left, right) {
            Ok(Value::Number(number)) => number.text().to_owned(),
            Ok(other) => panic!("{other:?}"),
            Err(failure) => failure.message().to_owned(),
        }
    }

    #[test]
    fn comparing_is_exact_at_any_length() {
        let long = "1".repeat(5_000);
        assert_eq!(compare(&long, &format!("{long}.0")), Ordering::Equal);
        assert_eq!(compare(&long, &format!("{long}.01")), Ordering::Less);
        assert_eq!(compare("1e6144", "9e6143"), Ordering::Greater);
        assert_eq!(compare("-1e6144", "0.1"), Ordering::Less);
        assert_eq!(compare("0e6144", "-0.000"), Ordering::Equal);
        assert_eq!(compare("0.00012", "12e-5"), Ordering::Equal);
        assert_eq!(compare("-0.5", "-0.05"), Ordering::Less);
        assert_eq!(compare("0", "-1"), Ordering::Greater);
    }

    #[test]
    fn results_are_written_as_people_write_them() {
        assert_eq!(calculated("0.1", Operator::Add, "0.2"), "0.3");
        assert_eq!(calculated("-0.5", Operator::Add, "0.25"), "-0.25");
        assert_eq!(calculated("1e20", Operator::Multiply, "1e3"), "100000000000000000000000");
        assert_eq!(calculated("1e-20", Operator::Multiply, "12"), "0.00000000000000000012");
        assert_eq!(calculated("1e200", Operator::Multiply, "12"), "1.2E+201");
        assert_eq!(calculated("-1e-200", Operator::Multiply, "1"), "-1E-200");
        assert_eq!(calculated("0.5", Operator::Multiply, "-0"), "0.0");
    }

    #[test]
    fn where_a_short_integer_does_not_do_a_decimal_takes_over() {
        let nines = "999999999999999999";
        assert_eq!(calculated(nines, Operator::Add, "1"), "1000000000000000000");
        assert_eq!(calculated(nines, Operator::Multiply, "10"), "9999999999999999990");
        assert_eq!(calculated("1000000000000000000", Operator::Subtract, "1"), nines);
        assert_eq!(calculated("7", Operator::Divide, "2"), "3.5");
    }

    #[test]
    fn a_whole_number_is_one_however_it_is_written() {
        for (text, wanted) in [("7", Some(7)), ("7.00", Some(7)), ("7e2", Some(700))] {
            assert_eq!(integer(text), wanted, "{text}");
        }
        for text in ["7.5", "1e-1", "1e40", "12345678901234567890123456789012345678"] {
            assert_eq!(integer(text), None, "{text}");
        }
    }
}
