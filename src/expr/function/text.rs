//! Functions on texts.

use std::sync::Arc;

use super::{
    Outcome, argument, array_of, code_of, length_of, text_of,
    typed::{text_in, whole_in},
};
use crate::{
    expr::{
        Scope,
        eval::{Failure, a},
    },
    message::{List, Value},
    typing::{Items, Kinds, Texts, Type},
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

/// A text of which nothing is known.
pub(super) fn any_type(_: &[Type]) -> Type {
    Type::text(Texts::default())
}

/// No letter becomes nothing, and some become several.
pub(super) fn cased_type(arguments: &[Type]) -> Type {
    let least = text_in(arguments, 0).map_or(0, |it| it.least.min(1));
    Type::text_of(least, None)
}

pub(super) fn trim_type(arguments: &[Type]) -> Type {
    Type::text_of(0, text_in(arguments, 0).and_then(|it| it.most))
}

pub(super) fn split_type(arguments: &[Type]) -> Type {
    let each = Type::text_of(0, text_in(arguments, 0).and_then(|it| it.most));
    Type::array(Items { each, least: 1, most: None, solid: true })
}

pub(super) fn truncate_type(arguments: &[Type]) -> Type {
    let length = arguments.get(1).and_then(whole_in);
    Type::text(text_in(arguments, 0).unwrap_or_default().truncated(length))
}

pub(super) fn pad_type(arguments: &[Type]) -> Type {
    let Some(length) = arguments.get(1).and_then(whole_in) else {
        return Type::text_of(0, None);
    };
    let as_text = text_type(arguments);
    let text = as_text.text.unwrap_or_default();
    Type::text_of(text.least.max(length), text.most.map(|it| it.max(length)))
}

/// A text, or an array where the first is one.
pub(super) fn concat_type(arguments: &[Type]) -> Type {
    let kinds = arguments.first().map_or(Kinds::ANY, Type::kinds);
    let marks = arguments.iter().fold(0, |marks, it| marks | it.all_marks());
    let texts = kinds.meets(Kinds::SCALAR).then(|| {
        let parts: Vec<_> =
            arguments.iter().map(|it| text_type(std::slice::from_ref(it))).collect();
        joined(&parts).marked(marks)
    });
    let arrays = kinds.meets(Kinds::ARRAY).then(|| {
        let arrays: Vec<_> = arguments.iter().filter_map(Type::arrays).collect();
        let inside = arrays.iter().filter(|it| it.most != Some(0)).map(|it| it.each.clone());
        let each = inside.reduce(|one, other| one.join(&other)).unwrap_or_default();
        Type::array(Items {
            each,
            least: arrays.iter().fold(0, |sum, it| sum.saturating_add(it.least)),
            most: arrays.iter().try_fold(0_u64, |sum, it| sum.checked_add(it.most?)),
            solid: arrays.iter().any(|it| it.solid),
        })
    });
    let both = texts.into_iter().chain(arrays);
    both.reduce(|one, other| one.join(&other)).unwrap_or_default()
}

/// A text as it is, or what a number or boolean is as one.
pub(in crate::expr) fn text_type(arguments: &[Type]) -> Type {
    let Some(value) = arguments.first() else { return Type::default() };
    if value.unknown {
        return any_type(arguments);
    }
    let text = value.text.clone().map(Type::text);
    // A number may be written in more ways than one: `1`, `1.0`, `10e-1`.
    let number = value.number.as_ref().map(|_| Type::text_of(1, None));
    let yes = value.truths.yes.then(|| Type::literal("true"));
    let no = value.truths.no.then(|| Type::literal("false"));
    let all = [text, number, yes, no].into_iter().flatten();
    all.reduce(|one, other| one.join(&other)).unwrap_or_default()
}

/// Texts one behind the other.
pub(in crate::expr) fn joined(parts: &[Type]) -> Type {
    /// Texts that are told apart one by one.
    const ONE_OF_MAX: usize = 64;
    let texts: Vec<Texts> = parts.iter().map(|it| it.text.clone().unwrap_or_default()).collect();
    let least = texts.iter().fold(0_u64, |sum, it| sum.saturating_add(it.least));
    let most = texts.iter().try_fold(0_u64, |sum, it| sum.checked_add(it.most?));
    let mut all = Some(vec![String::new()]);
    for text in &texts {
        all = all.zip(text.one_of.as_ref()).and_then(|(all, next)| {
            if ONE_OF_MAX < all.len() * next.len() {
                return None;
            }
            let with =
                |end: &Arc<str>| all.iter().map(|it| format!("{it}{end}")).collect::<Vec<_>>();
            Some(next.iter().flat_map(with).collect())
        });
    }
    match all {
        Some(all) => Type::text(Texts::among(all.into_iter().map(Arc::from).collect())),
        None => Type::text_of(least, most),
    }
}

pub(super) fn mask_type(arguments: &[Type]) -> Type {
    let text = text_type(arguments).text.unwrap_or_default();
    Type::text_of(text.least, text.most)
}
