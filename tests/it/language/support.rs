//! How the tests of the language evaluate a text.

use std::{collections::BTreeMap, sync::Arc};

use super::types;
use simpul::{
    diagnostic::{Report, Span},
    expr::{
        Budget, Environment, EvalError, Expr, Meta, Query, Scope, SyntaxError, Template, ValueText,
    },
    message::{Arena, Headers, JsonWriter, Limits, Timestamp, Value, parse},
    table::Table,
};

/// What a text came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Outcome {
    /// A value, as JSON.
    Value(String),
    Nothing,
    Error(String),
    Refused(SyntaxError),
}

/// Which kind of text it is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Kind {
    #[default]
    Expression,
    ValueText,
    Template,
    Nodes,
}

/// What a text is evaluated against.
#[derive(Debug, Clone, Default)]
pub(super) struct Message {
    pub(super) document: String,
    pub(super) item: Option<String>,
    pub(super) headers: Headers,
}

const ARENA_BYTES: usize = 16 << 20;

/// Compiles `text` and evaluates it against `message`.
pub(super) fn run(kind: Kind, text: &str, message: &Message) -> Outcome {
    let tables = tables();
    let environment = Environment { tables: Some(&tables) };
    match kind {
        Kind::Expression => match Expr::parse_with(text, environment) {
            Ok(expression) => message.evaluate(|scope| {
                let expression = expression.placed(Span::START);
                let value = expression.eval(scope);
                types::hold(scope, &value, text, |known, report| {
                    expression.infer(known, report).value
                });
                if let Ok(Some(Value::Bool(true))) = value {
                    types::narrow(scope, text, |body| expression.narrow(body));
                }
                value
            }),
            Err(error) => Outcome::Refused(error),
        },
        Kind::ValueText => match ValueText::parse_with(text, environment) {
            Ok(compiled) => message.evaluate(|scope| {
                let compiled = compiled.placed(Span::START);
                let value = compiled.eval(scope);
                types::hold(scope, &value, text, |known, report| {
                    compiled.infer(known, Span::START, report)
                });
                value
            }),
            Err(error) => Outcome::Refused(error),
        },
        Kind::Template => match Template::parse_with(text, environment) {
            Ok(template) => message.evaluate(|scope| {
                let made = template.eval(scope, str::to_owned)?;
                let value = Ok(Some(Value::Text(scope.arena.text(&made).unwrap())));
                types::hold(scope, &value, text, |known, report| {
                    template.infer(known, Span::START, report)
                });
                value
            }),
            Err(error) => Outcome::Refused(error),
        },
        Kind::Nodes => match Query::parse(text) {
            Ok(query) => message.evaluate(|scope| {
                let nodes = query.nodes(scope)?;
                Ok(Some(Value::Array(scope.arena.slice(&nodes).unwrap())))
            }),
            Err(error) => Outcome::Refused(error),
        },
    }
}

impl Message {
    /// A message of nothing but a body.
    pub(super) fn of(document: &str) -> Self {
        Self { document: document.to_owned(), ..Self::default() }
    }

    /// Calls `evaluate` with the scope of this message.
    pub(super) fn evaluate(
        &self,
        evaluate: impl for<'a> FnOnce(&Scope<'a>) -> Result<Option<Value<'a>>, EvalError>,
    ) -> Outcome {
        let arena = Arena::with_limit(ARENA_BYTES);
        let limits = Limits::default();
        let body = parse(&arena, self.document.as_bytes(), &limits)
            .unwrap_or_else(|it| panic!("{}: {it}", self.document));
        let item = self.item.as_ref().map(|it| parse(&arena, it.as_bytes(), &limits).unwrap());
        let meta = Meta {
            id: "01890000-0000-7000-8000-000000000001".parse().unwrap(),
            received_at: Timestamp::from_millis(1_768_617_000_000),
            headers: &self.headers,
            // The key of the second case of RFC 4231, so that its digest is in the specification.
            hash_key: Some(b"Jefe"),
        };
        let budget = Budget::new(Budget::STEPS_MAX);
        let scope = Scope { arena: &arena, body, item, meta: &meta, budget: &budget };
        match evaluate(&scope) {
            Ok(Some(value)) => {
                Outcome::Value(String::from_utf8(JsonWriter::to_vec(value)).unwrap())
            }
            Ok(None) => Outcome::Nothing,
            Err(error) => Outcome::Error(error.to_string()),
        }
    }
}

fn tables() -> BTreeMap<String, Arc<Table>> {
    let mut report = Report::default();
    let text = "kode,nama,tingkat\n13,Sumatera Barat,provinsi\n13.01,Pesisir Selatan,kabupaten\n";
    let table = Table::read(text.as_bytes(), &mut report).unwrap();
    assert!(!report.has_errors());
    BTreeMap::from([("wilayah".to_owned(), Arc::new(table))])
}
