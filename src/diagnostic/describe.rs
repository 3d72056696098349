//! The JSON Schemas of our files, for editors and for the manual.
//!
//! They are derived from the very types that files are decoded into, so that a key is known to both
//! or to neither, and the comment on a field is what its author reads in his editor. Only what the
//! types leave open is said here: what a [`Node`] may be, and the texts that mean something.

use std::{borrow::Cow, marker::PhantomData};

use schemars::{JsonSchema, Schema, SchemaGenerator, generate::SchemaSettings, json_schema};
use serde_json::Value;

use super::{
    Entries, Located, Node,
    polish::polish,
    units::{DURATION, DurationText, RATE, RateText, SIZE, SizeText},
};

/// A kind of file, as its schema tells it.
#[derive(Debug, Clone, Copy)]
pub struct FileKind {
    /// What stands above the schema: `A route of simpul`.
    pub title: &'static str,
    /// Whether `${env:…}` and `${file:…}` may stand in place of any single value.
    pub filled: bool,
}

/// The JSON Schema (draft 7, which editors know best) of the files that are read as a `T`.
pub fn json_schema<T: JsonSchema>(kind: FileKind) -> Value {
    let settings = SchemaSettings::draft07().with(|it| it.inline_subschemas = true);
    let mut schema = settings.into_generator().into_root_schema_for::<T>().to_value();
    polish(&mut schema, kind.filled);
    if let Value::Object(members) = &mut schema {
        members.insert("title".to_owned(), kind.title.into());
    }
    schema
}

/// Names of systems, routes, sources and targets.
pub const NAME: &str = "^[a-z][a-z0-9-]{0,62}$";

const NAME_HELP: &str = "write a small letter, then small letters, digits and `-`, up to 63 in all";

/// The name of a system, a route, a source or a target.
#[derive(Debug)]
pub struct Name;

impl JsonSchema for Name {
    fn schema_name() -> Cow<'static, str> {
        "Name".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", "pattern": NAME, "errorMessage": NAME_HELP })
    }
}

/// A source or a target: `system.name`.
#[derive(Debug)]
pub struct EndpointName;

impl JsonSchema for EndpointName {
    fn schema_name() -> Cow<'static, str> {
        "EndpointName".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let pattern = "^[a-z][a-z0-9-]{0,62}\\.[a-z][a-z0-9-]{0,62}$";
        let help = "write the system, a dot, and the name in its file: `e-sppd.status`";
        json_schema!({ "type": "string", "pattern": pattern, "errorMessage": help })
    }
}

/// The path of a schema file.
#[derive(Debug)]
pub struct SchemaPath;

impl JsonSchema for SchemaPath {
    fn schema_name() -> Cow<'static, str> {
        "SchemaPath".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let help = "write the path from the project's directory: `schemas/x.schema.json`";
        json_schema!({
            "type": "string", "pattern": "^schemas/.+\\.json$", "errorMessage": help,
        })
    }
}

/// The key beside `type` that says what a text is, where no pattern can.
const WHAT: &str = "x-simpul";

/// An expression.
#[derive(Debug)]
pub struct Expression;

impl JsonSchema for Expression {
    fn schema_name() -> Cow<'static, str> {
        "Expression".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", WHAT: "an expression" })
    }
}

/// A text that may hold `${…}`.
#[derive(Debug)]
pub struct TemplateText;

impl JsonSchema for TemplateText {
    fn schema_name() -> Cow<'static, str> {
        "Template".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", WHAT: "text, may hold `${…}`" })
    }
}

/// A path in the body: `$.a.b`.
#[derive(Debug)]
pub struct BodyPath;

impl JsonSchema for BodyPath {
    fn schema_name() -> Cow<'static, str> {
        "BodyPath".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string", WHAT: "a path in the body" })
    }
}

/// One of two forms of a value. The first is the longer one: editors tell what is wrong with a mapping,
/// where one stands there.
#[derive(Debug)]
pub struct Either<A, B>(PhantomData<(A, B)>);

impl<A: JsonSchema, B: JsonSchema> JsonSchema for Either<A, B> {
    fn schema_name() -> Cow<'static, str> {
        format!("{}Or{}", A::schema_name(), B::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let (long, short) = (generator.subschema_for::<A>(), generator.subschema_for::<B>());
        json_schema!({ "anyOf": [long, short] })
    }
}

/// One value, or a list of them.
#[derive(Debug)]
pub struct OneOrMany<T>(PhantomData<T>);

impl<T: JsonSchema> JsonSchema for OneOrMany<T> {
    fn schema_name() -> Cow<'static, str> {
        format!("OneOrMany{}", T::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let one = generator.subschema_for::<T>();
        json_schema!({ "anyOf": [one, { "type": "array", "minItems": 1, "items": one }] })
    }
}

/// What `map` and `set` draw: any value, and `{ $each, $map }` for an array.
#[derive(Debug)]
pub struct Shape;

impl JsonSchema for Shape {
    fn inline_schema() -> bool {
        false
    }

    fn schema_name() -> Cow<'static, str> {
        "Shape".into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let part = generator.subschema_for::<Self>();
        json_schema!({ "anyOf": [
            { "type": ["string", "number", "boolean", "null"] },
            { "type": "array", "items": part.clone() },
            {
                "type": "object",
                "required": ["$each", "$map"],
                "additionalProperties": false,
                "properties": {
                    "$each": {
                        "type": "string",
                        "description": "An expression that yields an array: `$map` is made once \
                            for each of its items, and `@` in it is the item. Inside `{ }` what \
                            holds a `[` needs quotes: `$each: \"$.pelaksana[*]\"`.",
                    },
                    "$map": part.clone(),
                },
            },
            {
                "type": "object",
                "propertyNames": { "pattern": "^([^$]|$)" },
                "additionalProperties": part,
            },
        ] })
    }
}

impl<T: JsonSchema> JsonSchema for Located<T> {
    fn inline_schema() -> bool {
        T::inline_schema()
    }

    fn schema_name() -> Cow<'static, str> {
        T::schema_name()
    }

    fn schema_id() -> Cow<'static, str> {
        T::schema_id()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        T::json_schema(generator)
    }
}

impl<V: JsonSchema, K> JsonSchema for Entries<V, K> {
    fn schema_name() -> Cow<'static, str> {
        format!("EntriesOf{}", V::schema_name()).into()
    }

    fn json_schema(generator: &mut SchemaGenerator) -> Schema {
        let value = generator.subschema_for::<V>();
        json_schema!({ "type": "object", "additionalProperties": value })
    }
}

/// Anything. A field that takes less says so with `#[schemars(with = "…")]`.
impl JsonSchema for Node {
    fn schema_name() -> Cow<'static, str> {
        "Node".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({})
    }
}

impl JsonSchema for DurationText {
    fn schema_name() -> Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        with_unit("^[0-9]+(ms|s|m|h|d)$", DURATION.help)
    }
}

impl JsonSchema for SizeText {
    fn schema_name() -> Cow<'static, str> {
        "Size".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        with_unit("^[0-9]+(B|KiB|MiB|GiB)$", SIZE.help)
    }
}

impl JsonSchema for RateText {
    fn schema_name() -> Cow<'static, str> {
        "Rate".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        with_unit("^0*[1-9][0-9]*/s$", RATE.help)
    }
}

/// A number and its unit. Without the unit it is no text, so the help stands at both mistakes.
fn with_unit(pattern: &str, help: &str) -> Schema {
    json_schema!({
        "type": "string", "pattern": pattern, "errorMessage": help
    })
}
