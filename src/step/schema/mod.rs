//! JSON Schemas: what a body must be like. Nothing is ever fetched.

mod body;
mod source;
mod wording;

use std::fmt;

use jsonschema::{PatternOptions, ValidationError, Validator};

use self::{body::Body, source::Source, wording::demand};
use crate::{
    diagnostic::{Code, Report},
    message::{Arena, JsonWriter, Value},
};

/// A compiled JSON Schema (draft 2020-12 or 7). Nothing is ever fetched.
pub struct Schema(Validator<Body>);

/// One thing in which a body does not fit a schema. Holds no value of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// JSON Pointer of the value in the body.
    pub pointer: String,
    /// What the schema asks for.
    pub message: String,
}

impl fmt::Display for Violation {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let place = if self.pointer.is_empty() { "the body" } else { &self.pointer };
        write!(formatter, "`{place}` {}", self.message)
    }
}

/// Memory for reading a schema file, in bytes: a hundred times the largest in use.
const MEMORY_MAX: usize = 64 << 20;

/// Size of one compiled `pattern`, in bytes: enough for any that a person wrote.
const PATTERN_BYTES_MAX: usize = 1 << 20;

/// Values in a body up to which all its violations are gathered, to show the first few; of a
/// larger one only the first is looked for, so that a hostile array does not fill the memory.
const GATHERED_MAX: usize = 10_000;

/// Letters of a pointer or name in a message; a body may have a key of any length.
const SHOWN_MAX: usize = 120;

impl Schema {
    /// Compiles the text of a schema file, adding what is wrong to `report`.
    pub fn compile(text: &str, report: &mut Report) -> Option<Self> {
        let arena = Arena::with_limit(MEMORY_MAX);
        let source = Source::read(text, &arena, report)?;
        let draft = source.draft(report)?;
        source.refers_to_itself_only(report)?;
        let schema = serde_json::from_slice(&JsonWriter::to_vec(source.root)).map_err(|error| {
            report.error(source.start(), Code::Schema, format!("no JSON Schema: {error}"));
        });
        let options = jsonschema::options_for::<Body>()
            .with_draft(draft)
            .offline()
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false)
            // Linear in the text, so that no message can make a pattern run for minutes.
            .with_pattern_options(PatternOptions::regex().size_limit(PATTERN_BYTES_MAX));
        match options.build(&schema.ok()?) {
            Ok(validator) => Some(Self(validator)),
            Err(error) => {
                let at = source.place_of(&error);
                report.error(at, Code::Schema, format!("no JSON Schema: {error}"));
                None
            }
        }
    }

    /// At most `max` things in which `value` does not fit.
    pub fn violations(&self, value: Value<'_>, max: usize) -> Vec<Violation> {
        if self.0.is_valid(&value) {
            return Vec::new();
        }
        if GATHERED_MAX < count_up_to(value, GATHERED_MAX) {
            return self.0.validate(&value).err().iter().map(violation).collect();
        }
        self.0.iter_errors(&value).take(max).map(|error| violation(&error)).collect()
    }
}

fn violation(error: &ValidationError<'_>) -> Violation {
    let pointer = shortened(error.instance_path().as_str());
    Violation { pointer, message: demand(error.kind()) }
}

/// A name from a body, or a pointer into it, cut where it is too long to be shown.
fn shortened(text: &str) -> String {
    let mut letters = text.chars();
    let mut short: String = letters.by_ref().take(SHOWN_MAX).collect();
    if letters.next().is_some() {
        short.push('…');
    }
    short
}

/// How many values a body consists of; stops counting soon beyond `max`.
fn count_up_to(value: Value<'_>, max: usize) -> usize {
    let inside = |count: usize, inner: Value<'_>| match count {
        count if max < count => count,
        count => count + count_up_to(inner, max - count),
    };
    match value {
        Value::Array(items) => items.iter().fold(1, |count, it| inside(count, *it)),
        Value::Object(members) => members.iter().fold(1, |count, it| inside(count, it.1)),
        _ => 1,
    }
}
