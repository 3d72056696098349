//! The document that describes every call, for programs: OpenAPI 3.1, made of the table of calls and of
//! the types that travel.

use axum::response::Response;
use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use super::{
    calls::{CALLS, Call, Needs, Shape, shape},
    wire::{self, Problem},
};

/// Where the descriptions of types stand in the document.
const SCHEMAS: &str = "/components/schemas";

/// The document.
pub fn openapi() -> Value {
    let mut settings = SchemaSettings::draft2020_12();
    settings.definitions_path = SCHEMAS.into();
    settings.meta_schema = None;
    let mut generator = settings.into_generator();
    let problem = shape::<Problem>(&mut generator);
    let mut paths: Map<String, Value> = Map::new();
    for call in CALLS {
        let mut schema = |of: Option<Shape>| of.map(|it| it(&mut generator).to_value());
        let (takes, gives) = (schema(call.takes), schema(call.gives));
        let operation = operation(call, (takes, gives), problem.as_value());
        let path = paths.entry(call.path).or_insert_with(|| json!({}));
        if let Some(path) = path.as_object_mut() {
            path.insert(call.method.to_ascii_lowercase(), operation);
        }
    }
    let description = "What operators do, as calls: everything that the console does. Each call bears \
                       the token of a session (`POST /sessions`), or that of the machine.";
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "simpul",
            "version": env!("CARGO_PKG_VERSION"),
            "description": description,
        },
        "servers": [{ "url": "/api/v1" }],
        "security": [{ "session": [] }],
        "paths": paths,
        "components": {
            "schemas": generator.take_definitions(true),
            "securitySchemes": { "session": { "type": "http", "scheme": "bearer" } },
        },
    })
}

fn operation(
    call: &Call,
    (takes, gives): (Option<Value>, Option<Value>),
    problem: &Value,
) -> Value {
    let mut operation = json!({
        "summary": call.summary,
        "operationId": operation_id(call),
        "parameters": parameters(call),
        "responses": {
            "default": {
                "description": "It was not done, and why.",
                "content": { "application/problem+json": { "schema": problem } },
            },
        },
    });
    let done = match (gives, call.media) {
        (Some(schema), media) => {
            ("200", json!({ "description": "Done.", "content": { media: { "schema": schema } } }))
        }
        (None, "") => ("204", json!({ "description": "Done." })),
        (None, media) => ("200", json!({ "description": "Done.", "content": { media: {} } })),
    };
    operation["responses"][done.0] = done.1;
    if let Some(schema) = takes {
        let content = json!({ "application/json": { "schema": schema } });
        operation["requestBody"] = json!({ "required": true, "content": content });
    }
    match call.needs {
        Needs::Nothing => operation["security"] = json!([]),
        Needs::Name => {}
        Needs::OneOf(rights) => {
            let words: Vec<_> = rights.iter().map(|it| it.word()).collect();
            let any = format!("Needs the right `{}`.", words.join("` or `"));
            operation["description"] = any.into();
            operation["x-simpul-rights"] = json!(words);
        }
    }
    operation
}

/// A name for it that a program can be made of: `get_dead_id_preview`.
fn operation_id(call: &Call) -> String {
    let path = call.path.replace(['{', '}'], "").replace(['/', '.'], "_");
    format!("{}{path}", call.method.to_ascii_lowercase())
}

/// Those that stand in its path, and those that may follow behind `?`.
fn parameters(call: &Call) -> Vec<Value> {
    let in_path = call.path.split('/').filter_map(|it| it.strip_prefix('{')?.strip_suffix('}'));
    let in_path = in_path.map(|name| {
        let schema = json!({ "type": "string" });
        json!({ "name": name, "in": "path", "required": true, "schema": schema })
    });
    let in_query = call.asks.iter().map(|(name, description)| {
        let schema = json!({ "type": "string" });
        json!({ "name": name, "in": "query", "description": description, "schema": schema })
    });
    in_path.chain(in_query).collect()
}

/// `GET /api/v1/openapi.json`
pub(super) async fn show() -> Response {
    wire::ok(&openapi())
}
