//! `lookup`: puts a row of a code table into the body.

use std::{borrow::Cow, sync::Arc};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;

use super::{Context, Flow, Part, Rejected, Step, kind_of, place::Place, text::message_expression};
use crate::{
    diagnostic::{
        Code, Located, Node, NodeKind, Report, Scalar, Span, Style, Text,
        describe::{BodyPath, Expression},
        nearest, text,
    },
    expr::{Expr, Known, Scope},
    message::Value,
    table::{Row, Table},
    typing::{Kinds, Members, Rest, Texts, Type},
};

/// Puts the row of a code table whose first column is `key` into the body, as an object of
/// texts by the names of the columns.
///
/// ```yaml
/// - lookup: { table: wilayah, key: $.tujuan.kode_wilayah, into: $.tujuan.wilayah }
/// ```
#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct LookupSpec {
    /// The table: `wilayah` is `tables/wilayah.csv`.
    pub(super) table: Located<String>,
    /// What to look for: a text, or a number as it is written in the message.
    #[schemars(with = "Expression")]
    key: Located<String>,
    /// Where the row lands.
    #[schemars(with = "BodyPath")]
    into: Located<String>,
    /// Only these columns, in this order; without it, all.
    #[serde(default)]
    columns: Option<Vec<Located<String>>>,
    /// What happens where the key is nothing, null, or in no row. Without it, `reject`: a code
    /// that nobody knows is a mistake that a later system would have to find.
    #[serde(default = "reject")]
    #[schemars(with = "MissingWord", extend("default" = "reject"))]
    on_missing: Node,
}

/// A node, because `null` without quotes is no text.
fn reject() -> Node {
    let scalar = Scalar { text: "reject".to_owned(), style: Style::Plain };
    Node { at: Span::START, kind: NodeKind::Scalar(scalar) }
}

/// What `on_missing` may be, for the schema: YAML's `null` among the words.
struct MissingWord;

impl JsonSchema for MissingWord {
    fn schema_name() -> Cow<'static, str> {
        "OnMissing".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        let words: Vec<_> = Missing::NAMES.iter().map(|(name, ..)| *name).collect();
        json_schema!({ "anyOf": [{ "enum": words }, { "const": null }] })
    }
}

#[derive(Clone, Copy)]
enum Missing {
    /// The message is bad.
    Reject,
    /// `into` becomes null.
    Null,
    /// The body stays as it is.
    Skip,
}

impl Missing {
    const NAMES: [(&str, Self); 3] =
        [("reject", Self::Reject), ("null", Self::Null), ("skip", Self::Skip)];

    fn compile(node: &Node, report: &mut Report) -> Option<Self> {
        let written = match &node.kind {
            NodeKind::Scalar(scalar) => scalar.text.as_str(),
            _ => "",
        };
        let known = Self::NAMES.iter().find(|(name, _)| *name == written);
        if known.is_none() {
            report
                .error(node.at, Code::UnknownName, "`on_missing` is none of its three words")
                .help("write `reject`, `null` or `skip`");
        }
        known.map(|(_, missing)| *missing)
    }
}

impl LookupSpec {
    /// What it does, in a sentence.
    pub(super) fn words(&self) -> Text {
        let Self { table, key, into, .. } = self;
        text!(
            "Puts the row of table `{}` for `{}` into `{}`.",
            &table.value,
            &key.value,
            &into.value
        )
    }

    pub(super) fn compile(
        &self,
        context: &Context<'_>,
        report: &mut Report,
    ) -> Option<Box<dyn Step>> {
        let key = message_expression(&self.key, context, report);
        let into = Place::compile(&self.into, report);
        let on_missing = Missing::compile(&self.on_missing, report);
        let Some(table) = context.tables.get(&self.table.value) else {
            let message = text!("no code table `{}`", &self.table.value);
            let shown = report.error(self.table.at, Code::UnknownName, message);
            shown.label(text!("there is no `tables/{}.csv`", &self.table.value));
            let alone = self.table.value.rsplit('/').next().unwrap_or_default();
            let alone = alone.strip_suffix(".csv").unwrap_or(alone);
            match nearest(alone, context.tables.keys().map(String::as_str)) {
                Some(near) if near == alone => {
                    shown.label("neither a folder nor `.csv` stands here");
                    shown.help(text!("write the name alone: `{}`", near))
                }
                Some(near) => shown.help(text!("did you mean `{}`?", near)),
                None => shown.help("put the table into `tables/`, as a CSV file with a header"),
            };
            return None;
        };
        let columns = self.columns(table, report);
        Some(Box::new(Lookup {
            table: Arc::clone(table),
            name: self.table.value.clone(),
            key: key?,
            into: into?,
            columns: columns?,
            on_missing: on_missing?,
        }))
    }

    /// The numbers of the columns.
    fn columns(&self, table: &Table, report: &mut Report) -> Option<Vec<usize>> {
        let Some(names) = &self.columns else {
            return Some((0..table.columns().len()).collect());
        };
        let mut columns = Vec::new();
        for name in names {
            match table.columns().iter().position(|it| *it == name.value) {
                Some(column) if columns.contains(&column) => {
                    let message = text!("column `{}` stands twice", &name.value);
                    report.error(name.at, Code::Duplicate, message).label("the second");
                }
                Some(column) => columns.push(column),
                None => {
                    let message = text!("`{}` has no column `{}`", &self.table.value, &name.value);
                    let known = table.columns().iter().map(String::as_str);
                    let help = match nearest(&name.value, known) {
                        Some(near) => text!("did you mean `{}`?", &near),
                        None => text!("its columns are `{}`", &table.columns().join("`, `")),
                    };
                    report.error(name.at, Code::UnknownName, message).help(help);
                }
            }
        }
        (columns.len() == names.len()).then_some(columns)
    }
}

struct Lookup {
    table: Arc<Table>,
    name: String,
    key: Expr,
    into: Place,
    columns: Vec<usize>,
    on_missing: Missing,
}

impl Step for Lookup {
    fn apply<'a>(&self, scope: &Scope<'a>) -> Result<Flow<'a>, Rejected> {
        let wrong = |what: &str| Rejected::because(format!("`{}`: {what}", self.key.text()));
        let (row, missing) = match self.key.eval(scope)? {
            Some(Value::Text(key)) => (self.table.row(key), "is not in"),
            Some(Value::Number(key)) => (self.table.row(key.text()), "is not in"),
            Some(Value::Null) => (None, "is null, no key of"),
            None => (None, "is nothing, no key of"),
            Some(other) => return Err(wrong(&format!("is {}, no key", kind_of(other)))),
        };
        let value = match (row, self.on_missing) {
            (Some(row), _) => self.object(row, scope)?,
            (None, Missing::Null) => Value::Null,
            (None, Missing::Skip) => return Ok(Flow::Next(scope.body)),
            (None, Missing::Reject) => {
                return Err(wrong(&format!("{missing} code table `{}`", self.name)));
            }
        };
        Ok(Flow::Next(self.into.set(scope.body, value, scope.arena)?))
    }

    fn parts<'a>(&self, scope: &Scope<'a>) -> Vec<Part<'a>> {
        let key = Part::of("key", &self.key, scope);
        let row = match &key.came {
            Ok(Some(Value::Text(key))) => self.table.row(key),
            Ok(Some(Value::Number(key))) => self.table.row(key.text()),
            _ => None,
        };
        let came = row.map(|it| self.object(it, scope)).transpose();
        let came = came.map_err(|error| error.to_string());
        let (name, text) = ("row".to_owned(), format!("tables/{}.csv", self.name));
        vec![key, Part { name, text, came }]
    }

    fn infer(&self, body: &Type, report: &mut Report) -> Type {
        let key = self.key.infer(Known { body, item: None }, report);
        let kinds = key.value.kinds();
        let takes = Kinds::CODE.and(Kinds::NULL);
        if kinds.0 != 0 && !kinds.meets(takes) {
            let message = text!("a key is a text or a number, not {}", kinds.words());
            let found = report.error(self.key.at(), Code::Operand, message);
            found.label(text!("this is {}", key.value.clone().present().words()));
            found.help("name the field with the code in it");
        }
        let found = self.row_type(&key.value).marked(key.value.all_marks());
        if found.has_no_value() && matches!(self.on_missing, Missing::Reject) {
            let message = text!("`{}` is never in code table `{}`", self.key.text(), &self.name);
            let shown = report.error(self.key.at(), Code::NeverEqual, message);
            shown.label(text!("it is {}", key.value.words()));
            shown.help(text!(
                "add its row to `tables/{}.csv`, or look up another field",
                &self.name
            ));
        }
        match self.on_missing {
            Missing::Reject => {
                let then = text!("where it is, the message is bad: no key of a code table");
                let help = text!("write `on_missing: null` or `skip`, or give another value");
                key.must_be_there(then, help, report);
                self.into.infer(body, &found, report)
            }
            Missing::Null => self.into.infer(body, &Type { null: true, ..found }, report),
            Missing::Skip => self.into.infer(body, &found, report).join(body),
        }
    }

    fn uses_hash(&self) -> bool {
        self.key.uses_hash()
    }
}

impl Lookup {
    /// What is known of the row: all of it, where the keys are known.
    fn row_type(&self, key: &Type) -> Type {
        let one_of = key.text.as_ref().and_then(|it| it.one_of.as_ref());
        let known = one_of.filter(|_| key.kinds().within(Kinds::CODE) == Kinds::TEXT);
        let rows: Option<Vec<_>> =
            known.map(|keys| keys.iter().filter_map(|it| self.table.row(it)).collect());
        if rows.as_ref().is_some_and(Vec::is_empty) {
            return Type::default();
        }
        let field = |column: &usize| {
            let name = self.table.columns().get(*column).map(String::as_str).unwrap_or_default();
            let cells = rows.as_ref().map(|rows| {
                rows.iter().map(|it| Arc::from(it.get(*column).unwrap_or_default())).collect()
            });
            (Arc::from(name), Type::text(cells.map_or_else(Texts::default, Texts::among)))
        };
        let fields = self.columns.iter().map(field).collect();
        Type::object(Members { fields, rest: Rest::Closed })
    }

    fn object<'a>(&self, row: Row<'_>, scope: &Scope<'a>) -> Result<Value<'a>, Rejected> {
        let mut members = Vec::with_capacity(self.columns.len());
        for column in &self.columns {
            let name = self.table.columns().get(*column).map(String::as_str).unwrap_or_default();
            let field = row.get(*column).unwrap_or_default();
            members.push((scope.arena.text(name)?, Value::Text(scope.arena.text(field)?)));
        }
        Ok(Value::Object(scope.arena.slice(&members)?))
    }
}
