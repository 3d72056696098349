//! Functions on texts.

use super::{Outcome, argument, array_of, code_of, length_of, text_of};
use crate::{
    expr::{
        Scope,
        eval::{Failure, a},
    },
    message::{List, Value},
};

pub(super) fn upper<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let text = text_of("upper", argument(arguments, 0)?)?;
    mapped(scope, text, text.to_uppercase())
}

pub(super) fn lower<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let text = text_of("lower", argument(arguments, 0)?)?;
    mapped(scope, text, text.to_lowercase())
}

pub(super) fn trim<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let text = text_of("trim", argument(arguments, 0)?)?;
    scope.take_for_bytes(text.len())?;
    Ok(Some(Value::Text(text.trim())))
}

pub(super) fn replace<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let text = text_of("replace", argument(arguments, 0)?)?;
    let from = text_of("replace", argument(arguments, 1)?)?;
    let to = text_of("replace", argument(arguments, 2)?)?;
    if from.is_empty() {
        return Err("`replace` cannot replace an empty text".into());
    }
    scope.take_for_bytes(text.len())?;
    let mut replaced = scope.arena.list();
    for (index, part) in text.split(from).enumerate() {
        if index != 0 {
            replaced.extend(to.as_bytes())?;
        }
        replaced.extend(part.as_bytes())?;
    }
    finished(replaced)
}

pub(super) fn split<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let text = text_of("split", argument(arguments, 0)?)?;
    let separator = text_of("split", argument(arguments, 1)?)?;
    if separator.is_empty() {
        return Err("`split` needs a separator".into());
    }
    scope.take_for_bytes(text.len())?;
    let mut parts = scope.arena.list();
    for part in text.split(separator) {
        scope.take(1)?;
        parts.push(Value::Text(part))?;
    }
    Ok(Some(Value::Array(parts.finish())))
}

pub(super) fn join<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let items = array_of("join", argument(arguments, 0)?)?;
    let separator = arguments.get(1).map_or(Ok(""), |it| text_of("join", *it))?;
    let mut joined = scope.arena.list();
    for (index, item) in items.iter().enumerate() {
        scope.take(1)?;
        if index != 0 {
            joined.extend(separator.as_bytes())?;
        }
        joined.extend(scalar("join", *item)?.as_bytes())?;
    }
    finished(joined)
}

pub(super) fn truncate<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let text = text_of("truncate", argument(arguments, 0)?)?;
    let length = length_of("truncate", "length", arguments.get(1))?;
    scope.take_for_bytes(text.len().min(length))?;
    let end = text.char_indices().nth(length).map_or(text.len(), |(end, _)| end);
    Ok(Some(Value::Text(text.get(..end).unwrap_or(text))))
}

pub(super) fn pad<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let text = code_of("pad", argument(arguments, 0)?)?;
    let length = length_of("pad", "length", arguments.get(1))?;
    let fill = text_of("pad", argument(arguments, 2)?)?;
    if fill.chars().nth(1).is_some() || fill.is_empty() {
        return Err("`pad` fills up with a single character".into());
    }
    scope.take_for_bytes(text.len() + length)?;
    let mut padded = scope.arena.list();
    for _ in text.chars().count()..length {
        padded.extend(fill.as_bytes())?;
    }
    padded.extend(text.as_bytes())?;
    finished(padded)
}

pub(super) fn concat<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    if let Some(Value::Array(_)) = arguments.first() {
        let mut all = scope.arena.list();
        for part in arguments {
            let items = array_of("concat", *part)?;
            scope.take(items.len() as u64)?;
            all.extend(items)?;
        }
        return Ok(Some(Value::Array(all.finish())));
    }
    let mut all = scope.arena.list();
    for part in arguments {
        all.extend(scalar("concat", *part)?.as_bytes())?;
    }
    scope.take_for_bytes(all.items().len())?;
    finished(all)
}

pub(super) fn text<'a>(_: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    scalar("text", argument(arguments, 0)?).map(|it| Some(Value::Text(it)))
}

pub(super) fn mask<'a>(scope: &Scope<'a>, arguments: &[Value<'a>]) -> Outcome<'a> {
    let text = code_of("mask", argument(arguments, 0)?)?;
    let first = length_of("mask", "first characters", arguments.get(1))?;
    let last = length_of("mask", "last characters", arguments.get(2))?;
    scope.take_for_bytes(text.len())?;
    let length = text.chars().count();
    // A text too short for what is kept would be shown whole.
    let (first, last) = if length <= first + last { (0, 0) } else { (first, last) };
    let mut masked = scope.arena.list();
    for (index, letter) in text.chars().enumerate() {
        let kept = index < first || length - last <= index;
        let letter = if kept { letter } else { '*' };
        masked.extend(letter.encode_utf8(&mut [0; 4]).as_bytes())?;
    }
    finished(masked)
}

/// A text, number or boolean as text.
pub(in crate::expr) fn scalar<'a>(name: &str, value: Value<'a>) -> Result<&'a str, Failure> {
    match value {
        Value::Text(text) => Ok(text),
        Value::Number(number) => Ok(number.text()),
        Value::Bool(true) => Ok("true"),
        Value::Bool(false) => Ok("false"),
        other => Err(format!("`{name}` makes no text of {}", a(other)).into()),
    }
}

fn mapped<'a>(scope: &Scope<'a>, text: &str, mapped: String) -> Outcome<'a> {
    scope.take_for_bytes(text.len())?;
    Ok(Some(Value::Text(scope.arena.text(&mapped)?)))
}

fn finished<'a>(bytes: List<'a, u8>) -> Outcome<'a> {
    let text = std::str::from_utf8(bytes.finish()).map_err(|_| "bug: not UTF-8")?;
    Ok(Some(Value::Text(text)))
}
