//! The keys of a kind of file as a page, from its JSON Schema.

use serde_json::Value;

/// Everything that may stand in a file of this kind.
pub(super) fn page(title: &str, intro: &str, schema: &Value) -> String {
    let mut page = format!("# {title}\n\n{intro}\n");
    object(schema, "", &mut page);
    page
}

/// A table of the keys of a mapping, and then of those of the mappings in it.
fn object(schema: &Value, path: &str, page: &mut String) {
    let Some(properties) = schema["properties"].as_object() else { return };
    if path.is_empty() {
        page.push('\n');
    } else {
        page.push_str(&format!("\n## `{path}`\n\n"));
        if let Some(text) = schema["description"].as_str() {
            page.push_str(&format!("{text}\n\n"));
        }
    }
    page.push_str("| key | value | usual | meaning |\n| --- | --- | --- | --- |\n");
    let required = schema["required"].as_array().cloned().unwrap_or_default();
    // What must be there first, in the order in which it is written.
    let mut keys: Vec<_> = required.iter().map(|it| it.as_str().unwrap()).collect();
    keys.extend(
        properties.keys().map(String::as_str).filter(|it| !required.iter().any(|key| key == it)),
    );
    for key in &keys {
        let value = &properties[*key];
        let usual = match &value["default"] {
            _ if required.iter().any(|it| it == key) => "must".to_owned(),
            Value::Null => String::new(),
            Value::String(text) => format!("`{text}`"),
            other => format!("`{other}`"),
        };
        let meaning = one_line(value["description"].as_str().unwrap_or_default());
        page.push_str(&format!("| `{key}` | {} | {usual} | {meaning} |\n", kind(value)));
    }
    for key in keys {
        let inner = if path.is_empty() { key.to_owned() } else { format!("{path}.{key}") };
        inside(&properties[key], &inner, page);
    }
}

/// The tables of what is in a value.
fn inside(value: &Value, path: &str, page: &mut String) {
    for choice in ["anyOf", "oneOf"].iter().filter_map(|it| value[*it].as_array()).flatten() {
        inside(choice, path, page);
    }
    if value["properties"].get("$each").is_some() {
        // Drawn by `map`, which has a page of its own.
        return;
    }
    object(value, path, page);
    if value["items"].is_object() {
        inside(&value["items"], &format!("{path}[]"), page);
    }
    if value["additionalProperties"].is_object() {
        inside(&value["additionalProperties"], &format!("{path}.<name>"), page);
    }
}

/// What kind of value stands there, in words.
fn kind(value: &Value) -> String {
    if value.get("$ref").is_some() || is_shape(value) {
        return "what is drawn: see [`map`](../steps.md#map)".to_owned();
    }
    if let Some(what) = value["x-simpul"].as_str() {
        return what.to_owned();
    }
    if let Some(words) = value["enum"].as_array() {
        let words: Vec<_> = words.iter().map(|it| format!("`{}`", it.as_str().unwrap())).collect();
        return words.join(", ");
    }
    if value.get("const").is_some() {
        return format!("`{}`", value["const"]);
    }
    if let Some(choices) = value["anyOf"].as_array() {
        let mut kinds: Vec<String> = Vec::new();
        for kind in choices.iter().map(kind) {
            // What stands for a value from outside is told at the head of the page.
            if !kinds.contains(&kind) && kind != OUTSIDE {
                kinds.push(kind);
            }
        }
        return kinds.join(", or ");
    }
    let types = match &value["type"] {
        Value::Array(several) => several.clone(),
        one => vec![one.clone()],
    };
    match types.first().and_then(Value::as_str) {
        Some("string") => of_text(value),
        Some("boolean") => "`true`, `false`".to_owned(),
        Some("integer" | "number") => {
            let bounds = (&value["minimum"], &value["maximum"]);
            match bounds {
                (Value::Number(least), Value::Number(most)) => {
                    format!("a number from {least} to {most}")
                }
                _ => "a number".to_owned(),
            }
        }
        Some("array") => format!("a list: {}", kind(&value["items"])),
        Some("object") if value["properties"].is_object() => "a mapping: see below".to_owned(),
        Some("object") => format!("names, and for each: {}", kind(&value["additionalProperties"])),
        _ => "anything".to_owned(),
    }
}

const OUTSIDE: &str = "a value from outside";

/// The patterns that texts have.
fn of_text(value: &Value) -> String {
    let pattern = value["pattern"].as_str().unwrap_or_default();
    let kinds = [
        ("^\\$\\{(env|file):", OUTSIDE),
        ("\\$\\{(env|file):", OUTSIDE),
        ("^[0-9]+(ms|s|m|h|d)$", "a length of time"),
        ("^[0-9]+(B|KiB|MiB|GiB)$", "a size"),
        ("^0*[1-9][0-9]*/s$", "a rate"),
        ("^[a-z][a-z0-9-]{0,62}$", "a name"),
        ("^[a-z][a-z0-9-]{0,62}\\.", "`system.name`"),
        ("^schemas/", "the path of a schema"),
    ];
    let known = kinds.iter().find(|(start, _)| pattern.starts_with(start));
    match (known, pattern) {
        (Some((_, kind)), _) => (*kind).to_owned(),
        (None, "") => "text".to_owned(),
        (None, other) => panic!("no word for `{other}`"),
    }
}

fn is_shape(value: &Value) -> bool {
    let choices = value["anyOf"].as_array();
    choices.is_some_and(|it| it.iter().any(|it| it["properties"].get("$each").is_some()))
}

/// A text that fits into a cell: its first paragraph, without the lines of examples.
fn one_line(text: &str) -> String {
    let first = text.split("\n\n").next().unwrap_or_default();
    first.replace('\n', " ").replace('|', "\\|")
}
