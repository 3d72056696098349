//! JSON Schemas: what a body must be like. Nothing is ever fetched.

mod body;
mod source;
mod wording;

use std::fmt;

use jsonschema::{Draft, PatternOptions, ValidationError, Validator};

use self::{body::Body, source::Source, wording::demand};
use crate::{
    diagnostic::{Code, Report, text},
    expr::Budget,
    message::{Arena, JsonWriter, Value},
    typing::{Contract, Keeps, PERSONAL, RuleKind},
};

/// A compiled JSON Schema (draft 2020-12 or 7). Nothing is ever fetched.
pub struct Schema {
    validator: Validator<Body>,
    contract: Contract,
}

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

/// A step on the way to a value in a body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Hop<'p> {
    /// The field of this name.
    Field(&'p str),
    /// Any item of an array.
    Item,
}

impl Schema {
    /// Whether it says of the value there, or of one that it is in, that it is about a person
    /// (`x-data-pribadi`).
    pub fn is_personal(&self, path: &[Hop<'_>]) -> bool {
        let mut known = self.contract.emitted().clone();
        for hop in path {
            if known.marks & PERSONAL != 0 {
                return true;
            }
            known = match hop {
                Hop::Field(name) => known.objects().map(|it| it.field(name)),
                Hop::Item => known.arrays().map(|it| it.each.clone()),
            }
            .unwrap_or_default();
        }
        known.marks & PERSONAL != 0
    }

    /// Compiles the text of a schema file, adding what is wrong to `report`.
    pub fn compile(text: &str, report: &mut Report) -> Option<Self> {
        let arena = Arena::with_limit(MEMORY_MAX);
        let source = Source::read(text, &arena, report)?;
        let draft = source.draft(report)?;
        source.refers_to_itself_only(report)?;
        let schema = serde_json::from_slice(&JsonWriter::to_vec(source.root)).map_err(|error| {
            report.error(source.start(), Code::Schema, text!("no JSON Schema: {}", &error));
        });
        let options = jsonschema::options_for::<Body>()
            .with_draft(draft)
            .offline()
            .should_validate_formats(true)
            .should_ignore_unknown_formats(false)
            // Linear in the text, so that no message can make a pattern run for minutes.
            .with_pattern_options(PatternOptions::regex().size_limit(PATTERN_BYTES_MAX));
        match options.build(&schema.ok()?) {
            Ok(validator) => {
                let place = |part: &str| source.place(part);
                let draft_7 = draft == Draft::Draft7;
                let contract = Contract::read(source.root, draft_7, judge, &place);
                Some(Self { validator, contract })
            }
            Err(error) => {
                source.show(&error, report);
                None
            }
        }
    }

    /// The schema as it is reasoned with when files are loaded.
    pub fn contract(&self) -> &Contract {
        &self.contract
    }

    /// The steps that checking `value` takes off the budget of its message. A body in which one
    /// part stands many times has far more values than it takes memory.
    pub fn steps(value: Value<'_>) -> u64 {
        /// Values that are checked in the time of one step, roughly.
        const VALUES_PER_STEP: usize = 4;
        let max = usize::try_from(Budget::STEPS_MAX).unwrap_or(usize::MAX);
        (count_up_to(value, max.saturating_mul(VALUES_PER_STEP)) / VALUES_PER_STEP) as u64
    }

    /// At most `max` things in which `value` does not fit.
    pub fn violations(&self, value: Value<'_>, max: usize) -> Vec<Violation> {
        if self.validator.is_valid(&value) {
            return Vec::new();
        }
        if GATHERED_MAX < count_up_to(value, GATHERED_MAX) {
            return self.validator.validate(&value).err().iter().map(violation).collect();
        }
        self.validator.iter_errors(&value).take(max).map(|error| violation(&error)).collect()
    }
}

/// How texts of a pattern or format are told, by the validator of messages itself.
fn judge(kind: RuleKind, rule: &str) -> Option<Keeps> {
    let schema = serde_json::json!({ kind.keyword(): rule });
    let options = jsonschema::options_for::<Body>()
        .with_draft(Draft::Draft202012)
        .offline()
        .should_validate_formats(true)
        .with_pattern_options(PatternOptions::regex().size_limit(PATTERN_BYTES_MAX));
    let validator = options.build(&schema).ok()?;
    Some(Box::new(move |text| validator.is_valid(&Value::Text(text))))
}

fn violation(error: &ValidationError<'_>) -> Violation {
    let pointer = shortened(error.instance_path().as_str());
    Violation { pointer, message: demand(error.kind()).english() }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::{Limits, parse};

    fn mistakes(schema: &str) -> String {
        let mut report = Report::default();
        let compiled = Schema::compile(schema, &mut report);
        let found = report.into_sorted();
        assert_eq!(compiled.is_none(), !found.is_empty());
        let line = |it: &crate::diagnostic::Diagnostic| {
            format!("{}:{} {}\n", it.at.line, it.at.column, it.message.english())
        };
        found.iter().map(line).collect()
    }

    fn violations(schema: &str, body: &str) -> String {
        let mut report = Report::default();
        let schema = Schema::compile(schema, &mut report);
        let schema = schema.unwrap_or_else(|| panic!("{:?}", report.into_sorted()));
        let arena = Arena::with_limit(1 << 24);
        let body = parse(&arena, body.as_bytes(), &Limits { depth: Limits::DEPTH_MAX }).unwrap();
        let found = schema.violations(body, 20);
        found.iter().map(|it| format!("{it}\n")).collect()
    }

    const ORDER: &str = r##"{
      "type": "object",
      "required": ["nomor", "peserta"],
      "additionalProperties": false,
      "properties": {
        "nomor": { "type": "string", "pattern": "^[0-9]+/[A-Z]+$", "maxLength": 20 },
        "tanggal": { "type": "string", "format": "date" },
        "total": { "type": "integer", "minimum": 0 },
        "kadar": { "type": "number", "multipleOf": 0.01, "exclusiveMaximum": 10 },
        "jenis": { "enum": ["DINAS", "TUGAS", 3] },
        "peserta": { "type": "array", "minItems": 1, "uniqueItems": true,
                     "items": { "$ref": "#/$defs/orang" } }
      },
      "$defs": { "orang": { "type": "object", "required": ["nip"],
        "properties": { "nip": { "type": ["string", "null"], "minLength": 18 } } } }
    }"##;

    #[test]
    fn what_fits_has_no_violation() {
        let body = r#"{"nomor":"12/SPD","tanggal":"2026-02-28","total":1.50e1,"kadar":9.99,
            "jenis":3.0,"peserta":[{"nip":"190001011920011001"},{"nip":null}]}"#;
        assert_eq!(violations(ORDER, body), "");
    }

    #[test]
    fn violations_name_the_place_and_the_demand_and_no_value() {
        let body = r#"{"nomor":"RAHASIA","tanggal":"2026-02-30","total":1.5,"kadar":10.001,
            "jenis":"LAIN","peserta":[{"nip":"RAHASIA"},{"nip":"RAHASIA"},7,{}],"catatan":1}"#;
        insta::assert_snapshot!(violations(ORDER, body), @r#"
        `/nomor` must match `^[0-9]+/[A-Z]+$`
        `/tanggal` must be a valid `date`
        `/total` must be of type integer
        `/kadar` must be less than 10
        `/kadar` must be a multiple of 0.01
        `/jenis` must be one of ["DINAS","TUGAS",3]
        `/peserta` must not have an item twice
        `/peserta/0/nip` must have at least 18 characters
        `/peserta/1/nip` must have at least 18 characters
        `/peserta/2` must be of type object
        `/peserta/3` must have `nip`
        `the body` may not have `catatan`
        "#);
        assert_eq!(violations(ORDER, "[]"), "`the body` must be of type object\n");
        let missing = violations(ORDER, "{}");
        assert_eq!(missing, "`the body` must have `nomor`\n`the body` must have `peserta`\n");
    }

    #[test]
    fn numbers_are_judged_as_written() {
        let integer = r#"{"type":"integer"}"#;
        for body in
            ["1", "-0", "1.0", "1.50e1", "100e-2", "1e400", "12345678901234567890123", "0e-9"]
        {
            assert_eq!(violations(integer, body), "", "{body}");
        }
        for body in ["0.5", "1e-1", "1.05e1", "105e-1", "12345678901234567890.5", "1e-400"] {
            assert_ne!(violations(integer, body), "", "{body}");
        }
        let limits = r#"{"minimum":0,"maximum":9007199254740993}"#;
        assert_eq!(violations(limits, "9007199254740993"), "");
        for body in ["9007199254740994", "1e400", "-1e400", "-1"] {
            assert_ne!(violations(limits, body), "", "{body}");
        }
    }

    #[test]
    fn draft_7_is_read_where_the_schema_says_so() {
        let of = |draft| {
            format!(
                r#"{{"$schema":"{draft}","items":[{{"type":"string"}}],"additionalItems":false}}"#
            )
        };
        let seven = of("http://json-schema.org/draft-07/schema#");
        assert_eq!(violations(&seven, "[1,2]").lines().count(), 2);
        // In 2020-12 a list of schemas stands under `prefixItems`.
        insta::assert_snapshot!(mistakes(&of("https://json-schema.org/draft/2020-12/schema")), @"1:60 `items` must be of type boolean or object");
        insta::assert_snapshot!(mistakes(&of("http://json-schema.org/draft-04/schema#")), @"1:13 a draft of JSON Schema that is not read here");
    }

    #[test]
    fn mistakes_in_a_schema_are_shown_where_they_stand() {
        insta::assert_snapshot!(mistakes("{\n  \"type\": strin\n}"), @"2:11 not JSON: expected a value");
        insta::assert_snapshot!(mistakes("{\n  \"a\": 1,\n  \"a\": 2\n}"), @"3:3 an object has one key twice");
        let wrong = ["{\n\"properties\": {\n  \"é\": {},   \"nomor\": ", "}\n}"];
        let within = |inner: &str| mistakes(&wrong.join(inner));
        insta::assert_snapshot!(within(r#"{ "type": "txt" }"#), @"3:26 an unknown `type`");
        insta::assert_snapshot!(within(r#"{ "pattern": "(" }"#), @"3:26 a pattern that cannot be used");
        insta::assert_snapshot!(within(r#"{ "pattern": "^(?!a)" }"#), @"3:26 a pattern that cannot be used");
        insta::assert_snapshot!(within(r#"{ "format": "tanggal" }"#), @"3:26 an unknown `format`");
        insta::assert_snapshot!(within(r##"{ "$ref": "#/$defs/orang" }"##), @"3:34 a `$ref` that leads nowhere");
        insta::assert_snapshot!(within(r#"{ "$ref": "https://example.com/x.json" }"#), @"3:34 `https://example.com/x.json` is not in this file");
        insta::assert_snapshot!(within(r#"{ "$ref": "orang.schema.json" }"#), @"3:34 `orang.schema.json` is not in this file");
    }

    #[test]
    fn a_hostile_body_costs_neither_memory_nor_the_stack() {
        let wrong = format!("[{}1]", "1,".repeat(100_000));
        let found = violations(r#"{"items":{"type":"string"}}"#, &wrong);
        assert_eq!(found, "`/0` must be of type string\n");
        // On the stack of a test, 2 MiB, like that of a worker.
        let deep = format!("{}{}", "[".repeat(Limits::DEPTH_MAX), "]".repeat(Limits::DEPTH_MAX));
        let recursive = r##"{"anyOf":[{"type":"null"},{"allOf":[{"$ref":"#/$defs/list"}]}],
            "$defs":{"list":{"type":"array","minItems":1,"items":{"$ref":"#"}}}}"##;
        assert_eq!(violations(recursive, &deep).lines().count(), 1);
        let name = "x".repeat(100_000);
        let found = violations(r#"{"additionalProperties":false}"#, &format!("{{\"{name}\":1}}"));
        assert!(found.len() < 200, "{}", found.len());
    }
}
