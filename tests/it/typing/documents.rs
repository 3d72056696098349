//! Documents that a schema takes, made up; the validator has the last word.

use serde_json::{Map, Number, Value as Json, json};

use super::{random::Random, schemas::NAMES};

const TEXTS: [&str; 12] = [
    "",
    "x",
    "13",
    "13.01",
    "TERBIT",
    "DRAF",
    "2026-02-03",
    "0001-01-01",
    "07",
    "é",
    "2026-01-17T02:30:00Z",
    "01890000-0000-7000-8000-000000000001",
];
const NUMBERS: [&str; 12] =
    ["0", "1", "-1", "2", "2.5", "-0.5", "1.0", "3", "1e2", "4", "12345678901234567890", "5"];

/// A document for a schema of `root`; it mostly fits.
pub(super) fn document(random: &mut Random, schema: &Json, root: &Json) -> Json {
    if let Some(reference) = schema["$ref"].as_str() {
        let pointer = reference.trim_start_matches('#');
        return document(random, root.pointer(pointer).unwrap_or(&Json::Null), root);
    }
    if let Some(all) = schema["enum"].as_array() {
        return random.pick(all).clone();
    }
    if let Some(only) = schema.get("const") {
        return only.clone();
    }
    if let Some(all) = schema["allOf"].as_array() {
        return document(random, &all[0], root);
    }
    let kinds: Vec<&str> = match &schema["type"] {
        Json::String(kind) => vec![kind],
        Json::Array(kinds) => kinds.iter().filter_map(Json::as_str).collect(),
        _ => vec!["string", "number", "boolean", "null", "array", "object"],
    };
    for bound in ["minimum", "maximum"] {
        if schema[bound].is_number() && random.chance(30) {
            return schema[bound].clone();
        }
    }
    match *random.pick(&kinds) {
        "string" => text(random, schema),
        "number" => number(random.pick::<&str>(&NUMBERS)),
        "integer" => number(random.pick::<&str>(&["0", "1", "-1", "2", "3", "1.0", "-2", "4"])),
        "boolean" => json!(random.chance(50)),
        "array" => array(random, schema, root),
        "object" => object(random, schema, root),
        _ => Json::Null,
    }
}

fn number(text: &str) -> Json {
    text.parse::<Number>().map_or(json!(1), Json::Number)
}

fn text(random: &mut Random, schema: &Json) -> Json {
    match (schema["format"].as_str(), schema["pattern"].as_str()) {
        (Some("date"), _) => json!(*random.pick(&["2026-02-03", "0001-01-01", "1999-12-31"])),
        (Some("date-time"), _) => json!("2026-01-17T02:30:00Z"),
        (Some("uuid"), _) => json!("01890000-0000-7000-8000-000000000001"),
        (Some(_), _) => json!("10.0.0.1"),
        (_, Some(pattern)) if pattern.contains("A-Z") => json!(*random.pick(&["AB", "TERBIT"])),
        (_, Some(pattern)) if pattern.contains('-') && pattern.contains('4') => json!("2026-02-03"),
        (_, Some(_)) => json!(*random.pick(&["0", "13", "007"])),
        _ => json!(*random.pick(&TEXTS)),
    }
}

fn array(random: &mut Random, schema: &Json, root: &Json) -> Json {
    let least = schema["minItems"].as_u64().unwrap_or(0) as usize;
    let most = schema["maxItems"].as_u64().unwrap_or(least as u64 + 2) as usize;
    let count = least + random.below(most.saturating_sub(least) + 1);
    let any = json!({});
    let items = schema.get("items").unwrap_or(&any);
    Json::Array((0..count).map(|_| document(random, items, root)).collect())
}

fn object(random: &mut Random, schema: &Json, root: &Json) -> Json {
    let mut made = Map::new();
    let required: Vec<&str> =
        schema["required"].as_array().into_iter().flatten().filter_map(Json::as_str).collect();
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        if required.contains(&name.as_str()) || random.chance(50) {
            made.insert(name.clone(), document(random, inner, root));
        }
    }
    for name in required {
        if !made.contains_key(name) {
            made.insert(name.to_owned(), document(random, &json!({}), root));
        }
    }
    let any = json!({});
    let more = match &schema["additionalProperties"] {
        Json::Bool(false) => None,
        Json::Object(_) => Some(&schema["additionalProperties"]),
        _ => Some(&any),
    };
    if let Some(more) = more.filter(|_| random.chance(30)) {
        let name = *random.pick(&NAMES);
        if !made.contains_key(name) {
            made.insert(name.to_owned(), document(random, more, root));
        }
        made.insert("lain".to_owned(), document(random, more, root));
    }
    Json::Object(made)
}
