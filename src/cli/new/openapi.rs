//! An OpenAPI 3 document into the targets of a system file, and their schemas.

use super::{
    as_name,
    doc::{Doc, map},
    yaml::{in_braces, text},
};
use crate::{
    cli::CouldNot,
    diagnostic::{Report, Text, text},
    step::Schema,
};

/// The methods that send something. `get` is left out: it takes nothing, and answers are not read.
const METHODS: [&str; 4] = ["post", "put", "patch", "delete"];

/// References between schemas that are taken over for one target.
const SCHEMAS_MAX: usize = 500;

/// Keys of OpenAPI that JSON Schema does not know, or that only describe.
const NOT_TAKEN: [&str; 6] =
    ["example", "examples", "discriminator", "xml", "externalDocs", "deprecated"];

/// What a description makes.
pub(super) struct Made {
    /// The lines of the system file from `http:` on.
    pub(super) lines: Vec<String>,
    /// Schema files by their path.
    pub(super) schemas: Vec<(String, Doc)>,
    /// Secrets that stand in for those that the system's owner gives.
    pub(super) secrets: Vec<(String, String)>,
    /// What is to be done or known.
    pub(super) notes: Vec<Text>,
}

/// What the system is called by those who describe it.
pub(super) fn title(description: &Doc) -> Option<String> {
    description.get("info")?.text_at("title").map(str::to_owned)
}

/// Makes the targets of `system`.
pub(super) fn draft(system: &str, description: &Doc) -> Result<Made, CouldNot> {
    let version = description.text_at("openapi").unwrap_or_default();
    if !version.starts_with("3.") {
        let reason = "not OpenAPI 3 (`openapi: 3.…` is missing); OpenAPI 2 can be converted first";
        return Err(CouldNot(reason.to_owned()));
    }
    let mut made =
        Made { lines: Vec::new(), schemas: Vec::new(), secrets: Vec::new(), notes: Vec::new() };
    made.lines.push("http:".to_owned());
    made.lines.push(format!("  url: {}", address(system, description, &mut made.notes)));
    authority(system, description, &mut made);
    let before = made.lines.len();
    let mut names: Vec<String> = Vec::new();
    let mut left = 0_u64;
    for (path, operations) in description.get("paths").map(Doc::members).unwrap_or_default() {
        let operations = operations.resolved(description);
        left += u64::from(operations.get("get").is_some());
        for method in METHODS {
            let Some(operation) = operations.get(method) else { continue };
            let call = Call { description, path, method, operation, shared: operations };
            let name = call.name(&names);
            call.draw(system, &name, &mut made);
            names.push(name);
        }
    }
    if names.is_empty() {
        return Err(CouldNot(
            "nothing can be sent there: no post, put, patch or delete".to_owned(),
        ));
    }
    made.lines.insert(before, "  targets:".to_owned());
    if left > 0 {
        made.notes.push(match left {
            1 => text!("1 call with `get` was left out: a target is sent something"),
            many => text!("{} calls with `get` were left out: a target is sent something", &many),
        });
    }
    Ok(made)
}

/// Where the system answers.
fn address(system: &str, description: &Doc, notes: &mut Vec<Text>) -> String {
    let server = description.get("servers").and_then(|it| it.items().first());
    let mut url = server.and_then(|it| it.text_at("url")).unwrap_or_default().to_owned();
    let variables = server.and_then(|it| it.get("variables")).map(Doc::members).unwrap_or_default();
    for (name, variable) in variables {
        let usual = variable.text_at("default").unwrap_or_default();
        url = url.replace(&format!("{{{name}}}"), usual);
    }
    let url = url.trim_end_matches('/');
    if (url.starts_with("https://") || url.starts_with("http://"))
        && !url.contains(['{', '?', '#', '@'])
    {
        return text(url);
    }
    notes.push(text!("to do: `url` is made up, for the description names no whole address"));
    text(&format!("https://{system}.example"))
}

/// How simpul proves who it is: the first way of the description that it can.
fn authority(system: &str, description: &Doc, made: &mut Made) {
    let ways = description.get("components").and_then(|it| it.get("securitySchemes"));
    let secret = format!("secrets/{system}-token");
    for (_, way) in ways.map(Doc::members).unwrap_or_default() {
        let way = way.resolved(description);
        let kind = way.text_at("type").unwrap_or_default();
        let scheme = way.text_at("scheme").unwrap_or_default().to_lowercase();
        let line = match (kind, scheme.as_str(), way.text_at("in")) {
            ("http", "basic", _) => {
                format!("  auth: {{ basic: {{ user: simpul, password: \"${{file:{secret}}}\" }} }}")
            }
            ("http", "bearer", _) | ("oauth2" | "openIdConnect", ..) => {
                format!("  auth: {{ bearer: \"${{file:{secret}}}\" }}")
            }
            ("apiKey", _, Some("header")) => {
                let header = in_braces(way.text_at("name").unwrap_or("X-API-Key"));
                format!("  auth: {{ header: {{ name: {header}, value: \"${{file:{secret}}}\" }} }}")
            }
            _ => continue,
        };
        made.lines.push(line);
        made.notes.push(text!("to do: write what the system's owner gave you into {}", &secret));
        made.secrets.push((secret, "change-me\n".to_owned()));
        return;
    }
}

/// An operation of the description.
struct Call<'d> {
    description: &'d Doc,
    path: &'d str,
    method: &'static str,
    operation: &'d Doc,
    /// The path's own entry, with parameters of all its operations.
    shared: &'d Doc,
}

impl Call<'_> {
    /// A name that no other target has.
    fn name(&self, taken: &[String]) -> String {
        let said = self.operation.text_at("operationId").map(as_name).unwrap_or_default();
        let path = self.path.replace(['{', '}'], "");
        let name = if said.is_empty() { as_name(&format!("{}-{path}", self.method)) } else { said };
        let other = |count: usize| format!("{}-{count}", name.get(..60).unwrap_or(&name));
        let is_free = |it: &String| !taken.contains(it);
        let others = (2..).map(other);
        std::iter::once(name.clone()).chain(others).find(is_free).unwrap_or_default()
    }

    fn draw(&self, system: &str, name: &str, made: &mut Made) {
        let lines = &mut made.lines;
        if let Some(summary) = self.operation.text_at("summary") {
            lines.push(format!("    # {}", summary.replace(char::is_control, " ").trim()));
        }
        lines.push(format!("    {name}:"));
        lines.push(format!("      {}: {}", self.method, text(&self.path())));
        let content = self.operation.get("requestBody").map(|it| it.resolved(self.description));
        let content =
            content.and_then(|it| it.get("content")).map(Doc::members).unwrap_or_default();
        let of =
            |kind: &str| content.iter().find(|(name, _)| name.starts_with(kind)).map(|(_, it)| it);
        let json = content.iter().find(|(name, _)| {
            let kind = name.split(';').next().unwrap_or_default().trim();
            kind == "application/json" || kind.ends_with("+json")
        });
        let form = of("application/x-www-form-urlencoded");
        let taken = json.map(|(_, it)| it).or(form);
        if form.is_some() && json.is_none() {
            lines.push("      body: form".to_owned());
        }
        match taken {
            None if content.is_empty() => {
                if self.method != "delete" {
                    lines.push("      body: none".to_owned());
                }
            }
            None => made.notes.push(text!(
                "to do: `{}` takes `{}`, which simpul does not send",
                name,
                content.first().map(|(kind, _)| kind.as_str()).unwrap_or_default()
            )),
            Some(taken) => {
                if let Some(schema) = taken.get("schema") {
                    let path = format!("schemas/{system}-{name}.schema.json");
                    lines.push(format!("      schema: {path}"));
                    made.schemas.push((path, self.schema(schema, name, &mut made.notes)));
                }
            }
        }
    }

    /// The path with what the message fills in: its own parameters, and those of the query that
    /// must be there.
    fn path(&self) -> String {
        let mut path = String::new();
        let mut rest = self.path;
        while let Some((before, (name, after))) =
            rest.split_once('{').and_then(|(before, it)| Some((before, it.split_once('}')?)))
        {
            path.push_str(&encoded(before));
            path.push_str(&filled(name));
            rest = after;
        }
        path.push_str(&encoded(rest));
        let of =
            |doc: &Doc| doc.get("parameters").map(|it| it.items().to_vec()).unwrap_or_default();
        let mut separator = '?';
        for parameter in of(self.shared).iter().chain(&of(self.operation)) {
            let parameter = parameter.resolved(self.description);
            let name = parameter.text_at("name").unwrap_or_default();
            let is_query = parameter.text_at("in") == Some("query");
            if is_query && parameter.get("required") == Some(&Doc::Bool(true)) {
                path.push_str(&format!("{separator}{}={}", encoded(name), filled(name)));
                separator = '&';
            }
        }
        path
    }

    /// The schema as one that stands alone.
    fn schema(&self, schema: &Doc, name: &str, notes: &mut Vec<Text>) -> Doc {
        let mut wanted = Vec::new();
        let root = taken_over(schema, &mut wanted);
        let mut definitions: Vec<(String, Doc)> = Vec::new();
        while let Some(next) = wanted.get(definitions.len()).cloned() {
            let found = self.description.get("components").and_then(|it| it.get("schemas"));
            let found = found.and_then(|it| it.get(&next));
            let found = found.map(|it| taken_over(it, &mut wanted));
            definitions.push((next, found.unwrap_or(Doc::Bool(true))));
            if SCHEMAS_MAX < definitions.len() {
                break;
            }
        }
        let mut members =
            vec![("$schema".to_owned(), Doc::from("https://json-schema.org/draft/2020-12/schema"))];
        members.extend(root.members().iter().cloned());
        if !definitions.is_empty() {
            members.push(("$defs".to_owned(), Doc::Map(definitions)));
        }
        let whole = Doc::Map(members);
        if Schema::compile(&whole.pretty(), &mut Report::default()).is_some() {
            return whole;
        }
        // Patterns of another dialect, mostly: without them the rest is still worth something.
        let bare = without_patterns(&whole);
        if Schema::compile(&bare.pretty(), &mut Report::default()).is_some() {
            notes.push(text!(
                "the schema of `{}` has patterns that simpul does not know; they were left out",
                name
            ));
            return bare;
        }
        notes.push(text!(
            "to do: the schema of `{}` is none that simpul knows; it allows everything",
            name
        ));
        map([("$schema", "https://json-schema.org/draft/2020-12/schema".into())])
    }
}

/// `${$.name}`.
fn filled(name: &str) -> String {
    let simple = name.starts_with(|it: char| it.is_ascii_alphabetic() || it == '_')
        && name.chars().all(|it| it.is_ascii_alphanumeric() || it == '_');
    match simple {
        true => format!("${{$.{name}}}"),
        false => format!("${{$['{}']}}", name.replace('\\', "\\\\").replace('\'', "\\'")),
    }
}

/// What stands in a path as it is.
fn encoded(text: &str) -> String {
    text.replace(' ', "%20").replace('#', "%23").replace('$', "$$")
}

/// A schema of OpenAPI as one of JSON Schema; the names of those that it refers to go to `wanted`.
fn taken_over(schema: &Doc, wanted: &mut Vec<String>) -> Doc {
    match schema {
        Doc::List(items) => Doc::List(items.iter().map(|it| taken_over(it, wanted)).collect()),
        Doc::Map(members) => {
            let may_be_null = schema.get("nullable") == Some(&Doc::Bool(true));
            let mut taken = Vec::new();
            for (key, value) in members {
                match (key.as_str(), value) {
                    ("$ref", Doc::Text(path)) => taken.push(reference(path, wanted)),
                    ("nullable", Doc::Bool(_)) => {}
                    // Names of properties, whatever they are; what stands below each is a schema.
                    ("properties" | "patternProperties", Doc::Map(inner)) => {
                        let inner = inner.iter();
                        let inner = inner.map(|(name, it)| (name.clone(), taken_over(it, wanted)));
                        taken.push((key.clone(), Doc::Map(inner.collect())));
                    }
                    ("const" | "default", _) => taken.push((key.clone(), value.clone())),
                    (key, _) if NOT_TAKEN.contains(&key) => {}
                    ("type", Doc::Text(kind)) if may_be_null => {
                        let kinds = Doc::List(vec![kind.as_str().into(), "null".into()]);
                        taken.push((key.clone(), kinds));
                    }
                    ("enum", Doc::List(items)) if may_be_null && !items.contains(&Doc::Null) => {
                        let items = items.iter().cloned().chain([Doc::Null]).collect();
                        taken.push((key.clone(), Doc::List(items)));
                    }
                    ("enum", _) => taken.push((key.clone(), value.clone())),
                    ("exclusiveMinimum" | "exclusiveMaximum", Doc::Bool(exclusive)) => {
                        let bound = if key == "exclusiveMinimum" { "minimum" } else { "maximum" };
                        taken.extend(
                            schema
                                .get(bound)
                                .filter(|_| *exclusive)
                                .map(|it| (key.clone(), it.clone())),
                        );
                    }
                    ("minimum" | "maximum", _)
                        if schema.get(&exclusive(key)) == Some(&Doc::Bool(true)) => {}
                    _ => taken.push((key.clone(), taken_over(value, wanted))),
                }
            }
            Doc::Map(taken)
        }
        other => other.clone(),
    }
}

fn exclusive(bound: &str) -> String {
    if bound == "minimum" { "exclusiveMinimum".to_owned() } else { "exclusiveMaximum".to_owned() }
}

/// Of one schema of the description to another.
fn reference(path: &str, wanted: &mut Vec<String>) -> (String, Doc) {
    let Some(name) = path.strip_prefix("#/components/schemas/") else {
        // Outside of the document: nothing is ever fetched.
        return ("description".to_owned(), Doc::Text(format!("to do: this was `{path}`")));
    };
    let plain = name.replace("~1", "/").replace("~0", "~");
    if !wanted.contains(&plain) {
        wanted.push(plain);
    }
    ("$ref".to_owned(), Doc::Text(format!("#/$defs/{name}")))
}

fn without_patterns(schema: &Doc) -> Doc {
    match schema {
        Doc::List(items) => Doc::List(items.iter().map(without_patterns).collect()),
        Doc::Map(members) => {
            let is_pattern = |key: &str, it: &Doc| key == "pattern" && it.text().is_some();
            let kept = members.iter().filter(|(key, it)| !is_pattern(key, it));
            Doc::Map(kept.map(|(key, it)| (key.clone(), without_patterns(it))).collect())
        }
        other => other.clone(),
    }
}
