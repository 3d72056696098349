//! Steps: what a route does to a message between its source and its targets.
//!
//! A step is a function of the message alone. It does no I/O, reads no clock and keeps nothing
//! from one message to the next, so running it twice does no harm and a test needs only a value
//! in and a value out. Whatever talks to the outside world is a connector; whatever remembers is
//! the engine.
//!
//! To add a step: write `step/<name>.rs`, add its variant to [`StepSpec`], and follow the
//! compiler.

use std::{collections::BTreeMap, sync::Arc};

use serde::Deserialize;

use crate::{
    diagnostic::{Node, Report},
    expr::Scope,
    message::Value,
    table::Table,
};

/// Every step a route may contain, as its author writes it.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StepSpec {}

/// What steps may refer to while they are compiled.
pub struct Context<'a> {
    /// Code tables by name (`tables/<name>.csv`).
    pub tables: &'a BTreeMap<String, Arc<Table>>,
    /// JSON Schemas by their path as written in files (`schemas/x.schema.json`).
    pub schemas: &'a BTreeMap<String, Arc<Schema>>,
}

impl StepSpec {
    /// The step's name as written in a route: `filter`, `map`, …
    pub fn name(&self) -> &'static str {
        todo!("steps helper")
    }

    /// Compiles what the author wrote, adding everything wrong with it to `report`.
    pub fn compile(&self, _context: &Context<'_>, _report: &mut Report) -> Option<Box<dyn Step>> {
        todo!("steps helper")
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
}

/// Where a message goes after a step.
#[derive(Debug, Clone, PartialEq)]
pub enum Flow<'a> {
    /// On to the next step, with this body.
    Next(Value<'a>),
    /// On to the next step as several, each with its body; at most [`SPLIT_MAX`].
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

/// A compiled `map`: the shape of a new body. Stands as a step and at targets.
pub struct Map {}

impl Map {
    /// Compiles the value of a `map:` key, adding everything wrong with it to `report`.
    pub fn compile(_node: &Node, _report: &mut Report) -> Option<Self> {
        todo!("steps helper")
    }

    /// The new body; `None` when the whole map is one expression that yields nothing.
    ///
    /// # Errors
    ///
    /// [`Rejected`]: names the field.
    pub fn apply<'a>(&self, _scope: &Scope<'a>) -> Result<Option<Value<'a>>, Rejected> {
        todo!("steps helper")
    }

    /// Whether `@` is mentioned outside `$each`.
    pub fn uses_item(&self) -> bool {
        todo!("steps helper")
    }

    /// Whether the key of `hash` is needed.
    pub fn uses_hash(&self) -> bool {
        todo!("steps helper")
    }
}

/// A compiled JSON Schema (draft 2020-12 or 7). Nothing is ever fetched.
pub struct Schema {}

/// One thing in which a body does not fit a schema. Holds no value of the body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Violation {
    /// JSON Pointer of the value in the body.
    pub pointer: String,
    /// What the schema asks for.
    pub message: String,
}

impl Schema {
    /// Compiles the text of a schema file, adding what is wrong to `report`.
    pub fn compile(_text: &str, _report: &mut Report) -> Option<Self> {
        todo!("steps helper")
    }

    /// At most `max` things in which `value` does not fit.
    pub fn violations(&self, _value: Value<'_>, _max: usize) -> Vec<Violation> {
        todo!("steps helper")
    }
}
