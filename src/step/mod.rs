//! Steps: what a route does to a message between its source and its targets.
//!
//! A step is a function of the message alone. It does no I/O, reads no clock and keeps nothing
//! from one message to the next, so running it twice does no harm and a test needs only a value
//! in and a value out. Whatever talks to the outside world is a connector; whatever remembers is
//! the engine.
//!
//! To add a step: write `step/<name>.rs`, add its variant to [`StepSpec`], and follow the
//! compiler.

mod check;
mod fields;
mod filter;
mod look;
mod lookup;
mod map;
mod path;
mod personal;
mod place;
mod remove;
mod schema;
mod set;
mod split;
mod text;
mod validate;
mod words;

use std::{collections::BTreeMap, sync::Arc};

use schemars::JsonSchema;
use serde::Deserialize;

pub use self::{
    check::CheckSpec,
    fields::Fields,
    lookup::LookupSpec,
    map::Map,
    personal::{Shown, is_personal_name, looks_personal},
    schema::{Hop, Schema, Violation},
    text::{expression, show_syntax_error},
};
use crate::{
    diagnostic::{
        Entries, Located, Node, Report, Span,
        describe::{BodyPath, Expression, SchemaPath, Shape},
    },
    expr::{Environment, EvalError, Expr, Scope},
    message::{ArenaFull, Limits, Value},
    table::Table,
    typing::Type,
};

/// Every step a route may contain, as its author writes it.
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum StepSpec {
    /// Lets through only the messages for which the condition holds. A condition that is nothing, because
    /// a field is missing, makes a bad message.
    ///
    /// ```yaml
    /// - filter: $.status == 'TERBIT'
    /// ```
    Filter(#[schemars(with = "Expression")] Located<String>),
    /// Makes a new body, in the shape that is drawn. A value that begins with `$`, `@` or `=` is an
    /// expression, one that holds `${…}` is a text with expressions in it, and any other is itself.
    ///
    /// ```yaml
    /// - map:
    ///     nomor: $.nomor_spd
    ///     perihal: Perjalanan dinas ke ${$.tujuan.nama}
    ///     peserta: { $each: "$.pelaksana[*]", $map: { nip: "@.nip" } }
    /// ```
    Map(#[schemars(with = "Shape")] Node),
    /// Adds fields to the body, or replaces them, in their order. Values are what may stand in a `map`.
    ///
    /// ```yaml
    /// - set: { $.tujuan.negara: ID, $.total: $.uang_harian * $.hari }
    /// ```
    Set(#[schemars(with = "Entries<Shape>")] Entries<Node>),
    /// Takes fields out of the body; what is not there need not be removed.
    ///
    /// ```yaml
    /// - remove: [$.catatan, "$.pelaksana[*].nik", $..telepon]
    /// ```
    Remove(
        #[schemars(with = "Vec<BodyPath>", extend("minItems" = 1))] Located<Vec<Located<String>>>,
    ),
    /// Refuses messages that do not fit a JSON Schema.
    ///
    /// ```yaml
    /// - validate: schemas/sppd.schema.json
    /// ```
    Validate(#[schemars(with = "SchemaPath")] Located<String>),
    /// Notes in the body which business rules a message breaks; the message goes on either way.
    ///
    /// ```yaml
    /// - check:
    ///     into: $.gagal
    ///     rules:
    ///       tanggal-urut: ($.berangkat | date) <= ($.kembali | date)
    /// ```
    Check(CheckSpec),
    /// Puts a row of a code table into the body.
    ///
    /// ```yaml
    /// - lookup: { table: wilayah, key: $.tujuan.kode, into: $.tujuan.wilayah }
    /// ```
    Lookup(LookupSpec),
    /// Makes one message of each item of an array.
    ///
    /// ```yaml
    /// - split: $.pelaksana
    /// ```
    Split(#[schemars(with = "Expression")] Located<String>),
}

/// What steps may refer to while they are compiled.
pub struct Context<'a> {
    /// Code tables by name (`tables/<name>.csv`).
    pub tables: &'a BTreeMap<String, Arc<Table>>,
    /// JSON Schemas by their path as written in files (`schemas/x.schema.json`).
    pub schemas: &'a BTreeMap<String, Arc<Schema>>,
}

impl Context<'_> {
    /// What expressions may refer to.
    pub fn environment(&self) -> Environment<'_> {
        Environment { tables: Some(self.tables) }
    }
}

/// A file that a step needs beside the route's own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reference<'a> {
    /// A code table, by its name.
    Table(&'a Located<String>),
    /// A JSON Schema, by its path.
    Schema(&'a Located<String>),
}

impl StepSpec {
    /// The step's name as written in a route: `filter`, `map`, …
    pub fn name(&self) -> &'static str {
        match self {
            Self::Filter(_) => "filter",
            Self::Map(_) => "map",
            Self::Set(_) => "set",
            Self::Remove(_) => "remove",
            Self::Validate(_) => "validate",
            Self::Check(_) => "check",
            Self::Lookup(_) => "lookup",
            Self::Split(_) => "split",
        }
    }

    /// The table or schema that the step is about. Tables that expressions look up are not told:
    /// any expression may name any of them.
    pub fn refers_to(&self) -> Option<Reference<'_>> {
        match self {
            Self::Validate(path) => Some(Reference::Schema(path)),
            Self::Lookup(spec) => Some(Reference::Table(&spec.table)),
            Self::Filter(_)
            | Self::Map(_)
            | Self::Set(_)
            | Self::Remove(_)
            | Self::Check(_)
            | Self::Split(_) => None,
        }
    }

    /// The ways that a message can go in the step, which stands at `at`, but for being at fault.
    pub fn branches(&self, at: Span) -> Vec<Branch> {
        let names: &[&str] = match self {
            Self::Filter(_) => &["passes", "filters"],
            Self::Validate(_) => &["fits", "does not fit"],
            Self::Lookup(_) => &["found", "missing"],
            Self::Split(_) => &["parts", "no parts"],
            Self::Map(_) | Self::Set(_) | Self::Remove(_) => &["done"],
            Self::Check(spec) => return spec.branches(),
        };
        names.iter().map(|name| Branch { name: (*name).to_owned(), at }).collect()
    }

    /// Compiles what the author wrote, adding everything wrong with it to `report`.
    pub fn compile(&self, context: &Context<'_>, report: &mut Report) -> Option<Box<dyn Step>> {
        match self {
            Self::Filter(when) => filter::compile(when, context, report),
            Self::Map(shape) => map::compile(shape, context, report),
            Self::Set(fields) => set::compile(fields, context, report),
            Self::Remove(paths) => remove::compile(paths, report),
            Self::Validate(path) => validate::compile(path, context, report),
            Self::Check(spec) => spec.compile(context, report),
            Self::Lookup(spec) => spec.compile(context, report),
            Self::Split(items) => split::compile(items, context, report),
        }
    }
}

/// A compiled step.
pub trait Step: Send + Sync {
    /// Applies the step to the message in `scope`.
    ///
    /// # Errors
    ///
    /// [`Rejected`] when the message itself is at fault: it would fail again, so it goes to the
    /// dead letters without a retry.
    fn apply<'a>(&self, scope: &Scope<'a>) -> Result<Flow<'a>, Rejected>;

    /// What its expressions come to for the message in `scope`, for people who look on.
    fn parts<'a>(&self, _scope: &Scope<'a>) -> Vec<Part<'a>> {
        Vec::new()
    }

    /// Whether some message may be at fault.
    fn can_fail(&self) -> bool {
        true
    }
    /// What bodies are like behind the step, where they were like `body` before it: wider than
    /// they are, never narrower. Adds to `report` what can never work in it.
    fn infer(&self, body: &Type, report: &mut Report) -> Type;

    /// Whether the key of `hash` is needed.
    fn uses_hash(&self) -> bool {
        false
    }

    /// Arrays and objects that it may put around a body, at most [`DEEPENS_MAX`].
    fn deepens(&self) -> usize {
        0
    }
}

/// Arrays and objects that one step may put around a body: as many as a body may have. What goes
/// through values by recursion has a stack for both together.
pub const DEEPENS_MAX: usize = Limits::DEPTH_MAX;

/// An expression of a step or a `map`, and what it came to.
#[derive(Debug, Clone, PartialEq)]
pub struct Part<'a> {
    /// What it is for: a field, a rule; empty where there is nothing to tell it from.
    pub name: String,
    /// As it is written.
    pub text: String,
    /// The value, nothing, or why there is none.
    pub came: Result<Option<Value<'a>>, String>,
}

impl<'a> Part<'a> {
    fn of(name: &str, expression: &Expr, scope: &Scope<'a>) -> Self {
        let came = expression.eval(scope).map_err(|error| error.to_string());
        Self { name: name.to_owned(), text: expression.text().to_owned(), came }
    }
}

/// A way that a message can go in a step, for telling which ways were never gone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Branch {
    /// In words.
    pub name: String,
    /// Where it stands in the file.
    pub at: Span,
}

/// Where a message goes after a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Flow<'a> {
    /// On to the next step, with this body.
    Next(Value<'a>),
    /// On to the next step as several, each with its body; from one to [`SPLIT_MAX`].
    Split(Vec<Value<'a>>),
    /// Nowhere: the route is done with it, and that is fine.
    Filtered,
}

/// Parts that `split` may make of one message, and deliveries that `each` may make.
pub const SPLIT_MAX: usize = 10_000;

/// A message that a step cannot process, now or ever. Never holds a value of the message.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}{reason}", field.as_ref().map(|it| format!("field `{it}`: ")).unwrap_or_default())]
pub struct Rejected {
    /// The field of the result that could not be made, where there is one: `tujuan.nama`.
    pub field: Option<String>,
    /// Why, in words for the operator who reads the dead letters; names the expression.
    pub reason: String,
}

impl Rejected {
    fn because(reason: impl Into<String>) -> Self {
        Self { field: None, reason: reason.into() }
    }

    /// The budget of the message is used up.
    pub(crate) fn too_much() -> Self {
        Self::because("takes more work than one message may")
    }

    /// The same, of a value that belongs into the field `name`.
    fn in_field(mut self, name: &str) -> Self {
        self.field = Some(match self.field {
            Some(inner) if inner.starts_with('[') => format!("{name}{inner}"),
            Some(inner) => format!("{name}.{inner}"),
            None => name.to_owned(),
        });
        self
    }
}

impl From<EvalError> for Rejected {
    fn from(error: EvalError) -> Self {
        Self::because(error.to_string())
    }
}

impl From<ArenaFull> for Rejected {
    fn from(error: ArenaFull) -> Self {
        Self::because(error.to_string())
    }
}

/// What kind of value this is, with its article.
fn kind_of(value: Value<'_>) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a boolean",
        Value::Number(_) => "a number",
        Value::Text(_) => "a text",
        Value::Array(_) => "an array",
        Value::Object(_) => "an object",
    }
}
