//! What people write out of habit from other languages, and how it is written here.

use super::Parser;
use crate::{
    diagnostic::{Text, text},
    expr::function,
};

/// Names that functions have elsewhere, and ours.
const FUNCTIONS: &[(&[&str], &str)] = &[
    (&["touppercase", "uppercase", "upcase", "toupper", "ucase", "to_upper"], "upper"),
    (&["tolowercase", "lowercase", "downcase", "tolower", "lcase", "to_lower"], "lower"),
    (&["len", "size", "length_of", "strlen"], "length"),
    (&["strip", "strip_whitespace"], "trim"),
    (&["substring", "substr", "slice", "left"], "truncate"),
    (&["tostring", "to_string", "string", "str"], "text"),
    (&["tonumber", "to_number", "parse_int", "parseint", "to_int", "int", "float"], "number"),
    (&["coalesce", "ifnull", "nvl", "or_else", "orelse", "catch", "if_null"], "default"),
    (&["append", "strcat"], "concat"),
    (&["distinct", "uniq"], "unique"),
    (&["contains", "includes", "has_key", "haskey"], "has"),
    (&["format_timestamp", "todate", "to_date", "parsedate", "format_date", "formatdate"], "date"),
    (&["sha256", "hmac", "md5", "sha1"], "hash"),
    (&["replace_all", "replaceall", "gsub", "sub"], "replace"),
    (&["avg", "average", "mean"], "sum"),
    (&["isempty", "is_null", "isnull", "isdefined", "defined", "present"], "exists"),
];

/// Words that other tools have for the message, or for a part of it.
const MESSAGE: [&str; 9] =
    ["this", "body", "payload", "msg", "root", "event", "doc", "input", "message"];

/// Our name of a function that has another one elsewhere.
pub(in crate::expr) fn function_elsewhere(name: &str) -> Option<&'static str> {
    let lower = name.to_lowercase();
    let lower = lower.as_str();
    let ours = FUNCTIONS.iter().find(|(theirs, _)| theirs.contains(&lower)).map(|(_, it)| *it);
    ours.or_else(|| function::by_name(lower).map(|it| it.name))
}

/// What to write in place of a word that is no value here; `rest` stands behind it.
pub(super) fn for_word(word: &str, rest: &str) -> Text {
    let field = rest.strip_prefix('.').map(first_name).filter(|it| !it.is_empty());
    match word.to_lowercase().as_str() {
        lower @ ("true" | "false" | "null") => text!("write `{}`", lower),
        "none" | "nil" | "undefined" => {
            text!("write `null`; whether a field is there at all is asked with `| exists`")
        }
        "if" | "case" | "unless" => text!(
            "there is no `{}`; another value for nothing is `| default('…')`, another way is a target of its own with `when:`",
            word
        ),
        "header" | "headers" => {
            text!("a header is read with `header('{}')`", field.unwrap_or("name"))
        }
        lower if MESSAGE.contains(&lower) => {
            text!("the body of the message is `$`: `$.{}`", field.unwrap_or("name"))
        }
        _ if function::by_name(word).is_some() => {
            text!("a function is called with a value: `{}(…)` or `… | {}`", word, word)
        }
        _ if rest.starts_with(":-") => {
            text!("write `$.{} | default('…')`: this is no shell", word)
        }
        _ => match function_elsewhere(word).filter(|_| rest.starts_with(['!', '('])) {
            Some(ours) => text!("the function is called `{}`: `$.name | {}`", ours, ours),
            None => text!("a field of the message is `$.{}`, a text `'{}'`", word, word),
        },
    }
}

impl Parser<'_, '_> {
    /// What to write in place of what stands at the cursor and does not belong there.
    pub(super) fn instead(&self) -> Option<Text> {
        let rest = self.cursor.rest();
        let before = self.cursor.since(0);
        let word = first_name(rest);
        Some(match word {
            "and" | "AND" => text!("write `&&`"),
            "or" | "OR" => text!("write `||`"),
            "not" | "NOT" => text!("write `!`"),
            "is" | "IS" => text!("write `== null`; whether a field is there at all: `| exists`"),
            "like" | "LIKE" | "matches" | "contains" | "regex" => {
                text!("write `=~` and a pattern: `$.nama =~ '^Budi'`")
            }
            "eq" | "ne" | "gt" | "lt" | "ge" | "le" | "equals" => {
                text!("write `==`, `!=`, `>`, `<`, `>=` or `<=`")
            }
            "then" | "else" | "end" => text!("there is no `if`: write a target with `when:`"),
            _ if !word.is_empty() && before.ends_with(['\'', '"']) => {
                text!("a quote inside of a text ends it: write `\\'`, or `\"` around the text")
            }
            _ if rest.starts_with([')', ']']) && before.trim_end().ends_with(',') => {
                text!("take out the `,` before it")
            }
            _ if rest.starts_with([')', ']']) => text!("take it out, or open it before"),
            _ => return for_sign(rest),
        })
    }
}

fn for_sign(rest: &str) -> Option<Text> {
    let mut letters = rest.chars();
    let (first, second) = (letters.next(), letters.next());
    Some(match (first, second) {
        (None, _) => text!("a value must stand here: `$.name`, `'text'`, `1`"),
        (Some('='), _) => text!("compare with `==`"),
        (Some('&'), _) => text!("write `&&`"),
        (Some('>'), _) => text!("`different` is written `!=`"),
        (Some('+'), _) => text!("numbers bear no plus sign"),
        (Some('.'), Some(letter)) if letter.is_alphabetic() => {
            text!("a field of the message is `$.{}`", first_name(rest.get(1..).unwrap_or_default()))
        }
        (Some('.'), _) => text!("a number starts with a digit; a query with `$`"),
        (Some('{' | '}'), _) => text!("there are no object literals; shape objects in `map`"),
        (Some('?'), _) => {
            text!("there is no `? :`, `?.` or `??`; another value for nothing is `| default('…')`")
        }
        (Some('/'), _) => text!(
            "to divide write one `/` between numbers; another value for nothing is `| default('…')`"
        ),
        (Some('“' | '”' | '‘' | '’' | '„' | '«' | '»'), _) => {
            text!("put straight quotes around a text: `'…'`")
        }
        (Some('%'), _) => text!("a text stands in quotes: `'…'`"),
        (Some('#'), _) => text!("a field of the message is `$.name`, a text `'…'`"),
        _ => return None,
    })
}

/// Signs that a plain text of another tool's language has, at its beginning or anywhere.
const STARTS: [&str; 12] = [
    "this.",
    "root.",
    "msg.payload.",
    "msg.",
    "payload.",
    "body.",
    "event.",
    "#[payload.",
    "//",
    "\\(.",
    "json-eval(",
    "get-property(",
];

/// What a text that is taken as it stands was probably meant as: a field as another tool writes it.
pub(in crate::expr) fn field_elsewhere(text: &str) -> Option<String> {
    let dotted = text.strip_prefix('.').filter(|it| it.starts_with(|it: char| it.is_alphabetic()));
    // `.pdf` is an ending of files; `.nama.depan` is nothing but a path.
    if let Some(path) = dotted.filter(|it| is_path(it) && (it.contains('.') || it.len() > 4)) {
        return Some(format!("$.{path}"));
    }
    let start = STARTS.iter().find(|start| text.starts_with(**start))?;
    let rest = text.strip_prefix(*start)?;
    let rest = rest.trim_start_matches('\'').replace('/', ".");
    let path: String =
        rest.chars().take_while(|it| it.is_alphanumeric() || matches!(it, '_' | '.')).collect();
    let path = path.trim_end_matches('.');
    let path = match text.contains('(') && !text.starts_with('\\') {
        // The last name is that of a function.
        true if rest.contains('(') => path.rsplit_once('.').map_or(path, |(path, _)| path),
        _ => path,
    };
    (!path.is_empty() && !text.contains(' ')).then(|| format!("$.{path}"))
}

fn is_path(text: &str) -> bool {
    text.split('.').all(|it| {
        !it.is_empty() && it.chars().all(|letter| letter.is_alphanumeric() || letter == '_')
    })
}

fn first_name(text: &str) -> &str {
    let end = text.find(|it: char| it.is_ascii() && !it.is_ascii_alphanumeric() && it != '_');
    text.get(..end.unwrap_or(text.len())).unwrap_or_default()
}
