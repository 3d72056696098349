//! The functions: one table of all of them, and a file for each group.
//!
//! A function is given values and never nothing: where an argument is nothing, so is the result.
//! To add one, write it in the file of its group, with the type of its result behind it, and give it
//! a line in [`FUNCTIONS`]; the manual and the specification then ask for it.

pub(super) mod date;
mod digest;
mod list;
mod message;
pub(super) mod number;
mod object;
mod order;
pub(super) mod text;
mod typed;

pub(super) use self::typed::{Flow, Signature};

use self::typed::{from, hiding, keeping, telling};
use super::{
    Scope,
    eval::{Failure, a},
};
use crate::{
    message::{Number, Value},
    typing::Kinds,
};

/// Arguments that a function takes at most, the value before the pipe among them.
pub(super) const ARGUMENTS_MAX: usize = 8;

/// What a function comes to.
type Outcome<'a> = Result<Option<Value<'a>>, Failure>;

/// A function of the language.
#[derive(Debug)]
pub struct Function {
    /// As it is called.
    pub name: &'static str,
    /// Its arguments as the manual writes them; the first is what stands before the pipe.
    pub arguments: &'static [&'static str],
    /// What it does, in one clause.
    pub summary: &'static str,
    pub(super) least: usize,
    pub(super) body: Body,
}

/// How a function is evaluated.
#[derive(Debug)]
pub(super) enum Body {
    // These see nothing.
    Default,
    Required,
    Exists,
    // These take names that are looked up when the expression is compiled.
    Lookup,
    Date,
    /// A function of values; and what is known of its result before there are any.
    Plain(for<'a> fn(&Scope<'a>, &[Value<'a>]) -> Outcome<'a>, Signature),
}

impl Function {
    /// How many arguments it takes at most.
    pub(super) fn most(&self) -> usize {
        let repeats = self.arguments.last() == Some(&"…");
        if repeats { ARGUMENTS_MAX } else { self.arguments.len() }
    }

    /// How it is written behind a pipe, or without one where it takes no value.
    pub fn usage(&self) -> String {
        match self.arguments.split_first() {
            None => format!("{}()", self.name),
            Some((first, [])) => format!("{first} | {}", self.name),
            Some((first, rest)) => format!("{first} | {}({})", self.name, rest.join(", ")),
        }
    }
}

/// All functions, in the order of the manual.
pub fn all() -> &'static [Function] {
    FUNCTIONS
}

/// The function of that name.
pub(super) fn by_name(name: &str) -> Option<&'static Function> {
    FUNCTIONS.iter().find(|it| it.name == name)
}

const fn function(
    name: &'static str,
    arguments: &'static [&'static str],
    least: usize,
    body: Body,
    summary: &'static str,
) -> Function {
    Function { name, arguments, summary, least, body }
}

const NULL: Kinds = Kinds::NULL;
const NUMBER: Kinds = Kinds::NUMBER;
const TEXT: Kinds = Kinds::TEXT;
const ARRAY: Kinds = Kinds::ARRAY;
const OBJECT: Kinds = Kinds::OBJECT;
const CODE: Kinds = Kinds::CODE;
const SCALAR: Kinds = Kinds::SCALAR;

#[rustfmt::skip]
static FUNCTIONS: &[Function] = &[
    function("default", &["value", "other"], 2, Body::Default, "the value, or `other` where there is nothing"),
    function("required", &["value"], 1, Body::Required, "the value; an error where there is nothing"),
    function("exists", &["value"], 1, Body::Exists, "whether there is anything: null counts, nothing does not"),
    function("upper", &["text"], 1, Body::Plain(text::upper, from(&[TEXT], text::cased_type)), "in upper case"),
    function("lower", &["text"], 1, Body::Plain(text::lower, from(&[TEXT], text::cased_type)), "in lower case"),
    function("trim", &["text"], 1, Body::Plain(text::trim, from(&[TEXT], text::trim_type)), "without the blanks at both ends"),
    function("replace", &["text", "from", "to"], 3, Body::Plain(text::replace, from(&[TEXT], text::any_type)), "with every `from` replaced by `to`; both are plain text"),
    function("split", &["text", "separator"], 2, Body::Plain(text::split, from(&[TEXT], text::split_type)), "an array of the parts between the separators"),
    function("join", &["array", "separator"], 1, Body::Plain(text::join, from(&[ARRAY, TEXT], text::any_type)), "the texts, numbers and booleans of an array as one text"),
    function("truncate", &["text", "length"], 2, Body::Plain(text::truncate, from(&[TEXT, NUMBER], text::truncate_type)), "at most the first `length` characters"),
    function("pad", &["text", "length", "fill"], 3, Body::Plain(text::pad, from(&[CODE, NUMBER, TEXT], text::pad_type)), "filled up on the left to `length` characters; a number counts as its text"),
    function("concat", &["first", "second", "…"], 2, Body::Plain(text::concat, keeping(&[Kinds(SCALAR.0 | ARRAY.0)], text::concat_type)), "texts, numbers and booleans one behind the other as text; arrays as one array"),
    function("text", &["value"], 1, Body::Plain(text::text, from(&[SCALAR], text::text_type)), "a number as written, or a boolean, as text"),
    function("number", &["text"], 1, Body::Plain(number::number, from(&[CODE], number::number_type)), "the number that a text holds; leading zeros are dropped"),
    function("round", &["number", "decimals"], 1, Body::Plain(number::round, from(&[NUMBER], number::rounded_type)), "rounded to so many decimals (0), half to even"),
    function("floor", &["number", "decimals"], 1, Body::Plain(number::floor, from(&[NUMBER], number::rounded_type)), "rounded down to so many decimals (0)"),
    function("ceil", &["number", "decimals"], 1, Body::Plain(number::ceil, from(&[NUMBER], number::rounded_type)), "rounded up to so many decimals (0)"),
    function("sum", &["array"], 1, Body::Plain(number::sum, from(&[ARRAY], number::sum_type)), "the sum of the numbers; nulls are passed over, nothing for none"),
    function("min", &["array"], 1, Body::Plain(order::min, keeping(&[ARRAY], order::extreme_type)), "the least number or text; nulls are passed over, nothing for none"),
    function("max", &["array"], 1, Body::Plain(order::max, keeping(&[ARRAY], order::extreme_type)), "the greatest number or text; nulls are passed over, nothing for none"),
    function("count", &["array"], 1, Body::Plain(list::count, telling(&[ARRAY], list::count_type)), "how many items there are, nulls among them"),
    function("length", &["value"], 1, Body::Plain(list::length, telling(&[Kinds(TEXT.0 | ARRAY.0 | OBJECT.0)], list::length_type)), "characters of a text, items of an array, members of an object"),
    function("first", &["array"], 1, Body::Plain(list::first, keeping(&[ARRAY], list::one_type)), "the first item that is not null; nothing for none"),
    function("last", &["array"], 1, Body::Plain(list::last, keeping(&[ARRAY], list::one_type)), "the last item that is not null; nothing for none"),
    function("unique", &["array"], 1, Body::Plain(order::unique, keeping(&[ARRAY], order::unique_type)), "without repeats (as `==` has it), the first of each kept"),
    function("sort", &["array", "member"], 1, Body::Plain(order::sort, keeping(&[ARRAY, TEXT], order::sort_type)), "numbers or texts in rising order; objects by a member"),
    function("flatten", &["array"], 1, Body::Plain(list::flatten, keeping(&[ARRAY], list::flatten_type)), "with the items of inner arrays in place of these, one level"),
    function("keys", &["object"], 1, Body::Plain(object::keys, from(&[OBJECT], object::keys_type)), "the names of the members, in their order"),
    function("values", &["object"], 1, Body::Plain(object::values, keeping(&[OBJECT], object::values_type)), "the values of the members, in their order"),
    function("has", &["object", "name"], 2, Body::Plain(object::has, telling(&[OBJECT, TEXT], object::has_type)), "whether the object has a member of that name, be it null"),
    function("lookup", &["key", "table", "column"], 2, Body::Lookup, "the column of the row of a code table, or the row as an object; nothing for an unknown key"),
    function("date", &["text", "format", "…"], 1, Body::Date, "the day as `YYYY-MM-DD`, read from the usual forms or from the given ones; null for `01-01-0001`"),
    function("add_days", &["date", "days"], 2, Body::Plain(date::add_days, from(&[Kinds(TEXT.0 | NULL.0), NUMBER], date::add_days_type)), "the day so many days later, as `YYYY-MM-DD`"),
    function("mask", &["text", "first", "last"], 1, Body::Plain(text::mask, hiding(&[CODE, NUMBER], text::mask_type)), "with `*` in place of all characters but the first and last so many (0)"),
    function("hash", &["text"], 1, Body::Plain(digest::hash, hiding(&[CODE], digest::digest_type)), "a pseudonym: HMAC-SHA256 under the project's key, in hex"),
    function("sha256", &["text"], 1, Body::Plain(digest::sha256, from(&[CODE], digest::digest_type)), "the SHA-256 digest, in hex"),
    function("header", &["name"], 1, Body::Plain(message::header, from(&[TEXT], message::header_type)), "the header of the message; nothing where it bears none"),
    function("message_id", &[], 0, Body::Plain(message::message_id, from(&[], message::message_id_type)), "the id that simpul gave the message"),
    function("received_at", &[], 0, Body::Plain(message::received_at, from(&[], message::received_at_type)), "when simpul accepted the message: RFC 3339 in UTC"),
];

/// The first argument as a text.
fn text_of<'a>(name: &str, value: Value<'a>) -> Result<&'a str, Failure> {
    match value {
        Value::Text(text) => Ok(text),
        other => Err(format!("`{name}` takes a text, not {}", a(other)).into()),
    }
}

/// An argument as text that may also be a number, as written: codes come as either.
fn code_of<'a>(name: &str, value: Value<'a>) -> Result<&'a str, Failure> {
    match value {
        Value::Text(text) => Ok(text),
        Value::Number(number) => Ok(number.text()),
        other => Err(format!("`{name}` takes a text or a number, not {}", a(other)).into()),
    }
}

fn number_of<'a>(name: &str, value: Value<'a>) -> Result<Number<'a>, Failure> {
    match value {
        Value::Number(number) => Ok(number),
        other => Err(format!("`{name}` takes a number, not {}", a(other)).into()),
    }
}

fn array_of<'a>(name: &str, value: Value<'a>) -> Result<&'a [Value<'a>], Failure> {
    match value {
        Value::Array(items) => Ok(items),
        other => Err(format!("`{name}` takes an array, not {}", a(other)).into()),
    }
}

fn object_of<'a>(name: &str, value: Value<'a>) -> Result<&'a [(&'a str, Value<'a>)], Failure> {
    match value {
        Value::Object(members) => Ok(members),
        other => Err(format!("`{name}` takes an object, not {}", a(other)).into()),
    }
}

/// A further argument that is a whole number; 0 where it is left out.
fn whole_of(name: &str, what: &str, value: Option<&Value<'_>>) -> Result<i64, Failure> {
    match value {
        None => Ok(0),
        Some(Value::Number(number)) => crate::expr::number::integer(number.text())
            .ok_or_else(|| format!("`{name}` takes a whole number as its {what}").into()),
        Some(other) => {
            Err(format!("`{name}` takes a whole number as its {what}, not {}", a(*other)).into())
        }
    }
}

/// A further argument that is a count of characters; 0 where it is left out.
fn length_of(name: &str, what: &str, value: Option<&Value<'_>>) -> Result<usize, Failure> {
    /// Characters that `pad` makes at most, and `truncate` and `mask` keep.
    const LENGTH_MAX: usize = 10_000;
    let length = usize::try_from(whole_of(name, what, value)?).ok();
    length
        .filter(|it| *it <= LENGTH_MAX)
        .ok_or_else(|| format!("`{name}` takes 0 to {LENGTH_MAX} as its {what}").into())
}

/// An argument that must be there: the parser has counted them.
fn argument<'a>(arguments: &[Value<'a>], index: usize) -> Result<Value<'a>, Failure> {
    arguments.get(index).copied().ok_or_else(|| "bug: an argument is missing".into())
}
