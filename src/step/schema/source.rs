//! The text of a schema file, and where in it something stands.

use jsonschema::{Draft, ValidationError, error::ValidationErrorKind};

use super::wording::demand;

use crate::{
    diagnostic::{Code, Report, Span, Text, text},
    message::{Arena, Limits, ParseErrorKind, Value, parse},
};

/// A schema file, read.
pub(super) struct Source<'a> {
    text: &'a str,
    pub(super) root: Value<'a>,
}

const KNOWN_DRAFTS: [(&str, Draft); 2] = [
    ("https://json-schema.org/draft/2020-12/schema", Draft::Draft202012),
    ("http://json-schema.org/draft-07/schema", Draft::Draft7),
];

/// The keys of a schema that refer to another.
const REFERENCES: [&str; 2] = ["$ref", "$dynamicRef"];

impl<'a> Source<'a> {
    pub(super) fn read(text: &'a str, arena: &'a Arena, report: &mut Report) -> Option<Self> {
        let limits = Limits { depth: Limits::DEPTH_MAX };
        match parse(arena, text.as_bytes(), &limits) {
            Ok(root) => Some(Self { text, root }),
            Err(error) => {
                let line = text.lines().nth(error.line - 1).unwrap_or_default();
                let before = line.get(..error.column - 1).unwrap_or_default();
                let [line, column] = [error.line, before.chars().count() + 1];
                let number = |it| u32::try_from(it).unwrap_or(u32::MAX);
                let at = Span { line: number(line), column: number(column), len: 1 };
                let twice = matches!(error.kind, ParseErrorKind::DuplicateKey);
                let shown = report.error(at, Code::Schema, Text::whole(error.kind.to_string()));
                shown.label("the schema cannot be read from here on");
                shown.help(match twice {
                    true => text!("remove one of them"),
                    false => text!("JSON has names and texts in double quotes, no comment, and no comma behind the last item"),
                });
                None
            }
        }
    }

    /// The draft that the schema is written in; without a word on it, 2020-12.
    pub(super) fn draft(&self, report: &mut Report) -> Option<Draft> {
        let Some(said) = self.root.get("$schema") else {
            return Some(Draft::Draft202012);
        };
        let name = match said {
            Value::Text(name) => name,
            _ => "",
        };
        let known = KNOWN_DRAFTS.iter().find(|(known, _)| *known == name.trim_end_matches('#'));
        if known.is_none() {
            report
                .error(
                    self.place(name),
                    Code::Schema,
                    "a draft of JSON Schema that is not read here",
                )
                .label("neither 2020-12 nor 7")
                .help(text!("write `\"$schema\": \"{}\"`", KNOWN_DRAFTS[0].0));
        }
        known.map(|(_, draft)| *draft)
    }

    /// Nothing is ever fetched, and one file is one schema: only `#…` can be found.
    pub(super) fn refers_to_itself_only(&self, report: &mut Report) -> Option<()> {
        let mut remote = None;
        self.each_reference(&mut |reference| {
            if !reference.starts_with('#') {
                remote = remote.or(Some(reference));
            }
        });
        let Some(reference) = remote else { return Some(()) };
        report
            .error(
                self.place(reference),
                Code::Schema,
                text!("`{}` is not in this file", reference),
            )
            .label("schemas are never fetched, and do not refer to other files")
            .help("copy that schema under `$defs` and write `\"$ref\": \"#/$defs/name\"`");
        None
    }

    fn each_reference(&self, found: &mut impl FnMut(&'a str)) {
        fn walk<'a>(value: Value<'a>, found: &mut impl FnMut(&'a str)) {
            match value {
                Value::Array(items) => items.iter().for_each(|it| walk(*it, found)),
                Value::Object(members) => members.iter().for_each(|(key, inner)| match inner {
                    Value::Text(text) if REFERENCES.contains(key) => found(text),
                    inner => walk(*inner, found),
                }),
                _ => {}
            }
        }
        walk(self.root, found);
    }

    /// Shows why the library does not take the schema.
    pub(super) fn show(&self, error: &ValidationError<'_>, report: &mut Report) {
        let keyword = error.instance_path().as_str().rsplit('/').next().unwrap_or_default();
        let usual = usual(keyword);
        let message = error.to_string();
        let (message, help) = match error.kind() {
            ValidationErrorKind::Format { format } if format == "regex" => (
                text!("a pattern that cannot be used"),
                text!(
                    "write a pattern that compiles; they run in linear time: there is no look-around and no back-reference"
                ),
            ),
            ValidationErrorKind::Referencing(_) => (
                text!("a `$ref` that leads nowhere"),
                text!("write it as `#/$defs/name`, and that name under `$defs`"),
            ),
            _ if message.starts_with("Unknown format") => (
                text!("an unknown `format`"),
                text!(
                    "there are date, time, date-time, duration, email, hostname, ipv4, ipv6, uri, uuid"
                ),
            ),
            ValidationErrorKind::AnyOf { .. } if keyword == "type" => (
                text!("an unknown `type`"),
                text!("there are string, number, integer, boolean, object, array, null"),
            ),
            kind if keyword.is_empty() => (text!("the schema {}", demand(kind)), usual),
            kind => (text!("`{}` {}", keyword, demand(kind)), usual),
        };
        report.error(self.place_of(error), Code::Schema, message).help(help);
    }

    /// Where the schema is wrong, as near as can be told.
    fn place_of(&self, error: &ValidationError<'_>) -> Span {
        let mut at = None;
        let mut value = Some(self.root);
        for part in error.instance_path().as_str().split('/').skip(1) {
            let name = part.replace("~1", "/").replace("~0", "~");
            value = match value {
                Some(Value::Object(members)) => {
                    let member = members.iter().find(|(key, _)| *key == name);
                    at = member.map(|(key, _)| *key).or(at);
                    member.map(|(_, value)| *value)
                }
                Some(Value::Array(items)) => {
                    name.parse().ok().and_then(|it: usize| items.get(it)).copied()
                }
                _ => None,
            };
        }
        // A reference that leads nowhere is told by its text alone.
        let message = error.to_string();
        self.each_reference(&mut |reference| {
            let pointer = reference.trim_start_matches('#');
            if at.is_none() && !pointer.is_empty() && message.contains(pointer) {
                at = Some(reference);
            }
        });
        at.map_or(self.start(), |it| self.place(it))
    }

    /// The place of a part of the text, which is borrowed from it; the start where it is not.
    pub(super) fn place(&self, part: &str) -> Span {
        let offset = (part.as_ptr() as usize).checked_sub(self.text.as_ptr() as usize);
        let before = offset
            .filter(|it| it + part.len() <= self.text.len())
            .and_then(|it| self.text.get(..it));
        let Some(before) = before.filter(|it| !it.is_empty()) else {
            return self.start();
        };
        let line_start = before.rfind('\n').map_or(0, |it| it + 1);
        let line = before.matches('\n').count() + 1;
        let column = before.get(line_start..).unwrap_or_default().chars().count() + 1;
        let number = |it| u32::try_from(it).unwrap_or(u32::MAX);
        Span {
            line: number(line),
            column: number(column),
            len: number(part.chars().count()).max(1),
        }
    }

    pub(super) fn start(&self) -> Span {
        Span { line: 1, column: 1, len: 1 }
    }
}

/// How a keyword is written that was written otherwise.
fn usual(keyword: &str) -> Text {
    match keyword {
        "required" => text!(
            "write `\"required\": [\"nomor\"]` beside `properties`, with the names of the fields"
        ),
        "enum" => text!("write `\"enum\": [\"TERBIT\", \"BATAL\"]`"),
        "properties" | "$defs" | "definitions" | "patternProperties" => {
            text!("write `\"{}\": { \"name\": { \"type\": \"string\" } }`", keyword)
        }
        "items" | "additionalProperties" | "not" | "contains" => {
            text!("write a schema: `\"{}\": { \"type\": \"string\" }`", keyword)
        }
        "minimum" | "maximum" | "exclusiveMinimum" | "exclusiveMaximum" | "multipleOf"
        | "minLength" | "maxLength" | "minItems" | "maxItems" | "minProperties"
        | "maxProperties" => text!("write a number without quotes: `\"{}\": 1`", keyword),
        "" => text!("write an object: `{ \"type\": \"object\" }`"),
        _ => text!("write `{}` as JSON Schema 2020-12 has it", keyword),
    }
}
