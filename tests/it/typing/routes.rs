//! Routes between two schemas, made up: the target's is drawn beside the map, so that many fit.

use serde_json::{Map, Value as Json, json};

use super::{
    random::Random,
    schemas::{any, bent},
};

/// A route and the schema of its target.
pub(super) struct Made {
    /// The route file behind its `from`.
    pub(super) text: String,
    /// The schema of the target.
    pub(super) target: Json,
}

/// Places in documents of a schema, and the schema of what is there.
fn places(schema: &Json, root: &Json, at: &str, depth: usize, found: &mut Vec<(String, Json)>) {
    if let Some(reference) = schema["$ref"].as_str() {
        if let Some(inner) = root.pointer(reference.trim_start_matches('#')) {
            places(inner, root, at, depth, found);
        }
        return;
    }
    found.push((at.to_owned(), schema.clone()));
    if depth == 0 {
        return;
    }
    for (name, inner) in schema["properties"].as_object().into_iter().flatten() {
        places(inner, root, &format!("{at}.{name}"), depth - 1, found);
    }
    if let Some(inner) = schema.get("items") {
        places(inner, root, &format!("{at}[0]"), depth - 1, found);
        found.push((format!("{at}[*]"), json!({ "type": "array", "items": inner })));
    }
}

pub(super) fn made(random: &mut Random, source: &Json) -> Made {
    let mut found = Vec::new();
    places(source, source, "$", 3, &mut found);
    let mut text = String::new();
    if random.chance(65) {
        text.push_str("steps:\n");
        for _ in 0..=random.below(3) {
            let line = step(random, &mut found);
            text.push_str(&format!("  - {line}\n"));
        }
    }
    text.push_str("to:\n  - target: tujuan.terima\n");
    if random.chance(25) {
        text.push_str(&format!("    when: {}\n", quoted(&condition(random, &found))));
    }
    let arrays: Vec<_> = found.iter().filter(|(_, it)| it["type"] == "array").cloned().collect();
    let mut item = None;
    if random.chance(20) && !arrays.is_empty() {
        let (at, schema) = random.pick(&arrays).clone();
        text.push_str(&format!("    each: {}\n", quoted(&at)));
        let mut inside = Vec::new();
        places(&items_of(&schema), source, "@", 2, &mut inside);
        found.extend(inside);
        item = Some(items_of(&schema));
    }
    if random.chance(20) {
        // The body, or the item, as it is.
        let target = item.unwrap_or_else(|| source.clone());
        let target = if random.chance(50) { bent(random, &target) } else { target };
        return Made { text, target: with_defs(target, source) };
    }
    let (map, target) = shape(random, &found, 2);
    text.push_str(&format!("    map: {map}\n"));
    Made { text, target: with_defs(target, source) }
}

fn with_defs(mut target: Json, source: &Json) -> Json {
    if let (Some(members), Some(defs)) = (target.as_object_mut(), source.get("$defs")) {
        members.insert("$defs".to_owned(), defs.clone());
    }
    target
}

/// A mapping as flow YAML, and a schema that may take what it makes.
fn shape(random: &mut Random, found: &[(String, Json)], depth: usize) -> (String, Json) {
    let mut fields = Vec::new();
    let mut properties = Map::new();
    let mut required = Vec::new();
    for name in ["p", "q", "r", "s"] {
        if random.chance(25) {
            continue;
        }
        let (value, schema) = match random.below(if depth == 0 { 5 } else { 8 }) {
            5 => shape(random, found, depth - 1),
            6 => each(random, found, depth - 1),
            7 => {
                let (one, first) = value(random, found);
                let (other, second) = value(random, found);
                let items = if random.chance(60) { first } else { second };
                (
                    format!("[{one}, {other}]"),
                    json!({ "type": "array", "items": items, "minItems": random.below(3) }),
                )
            }
            _ => value(random, found),
        };
        fields.push(format!("{name}: {value}"));
        let schema = if random.chance(25) { bent(random, &schema) } else { schema };
        properties.insert(name.to_owned(), schema);
        if random.chance(50) {
            required.push(name);
        }
    }
    let mut schema = json!({ "type": "object", "properties": properties, "required": required });
    if random.chance(50) {
        schema["additionalProperties"] = json!(false);
    }
    (format!("{{ {} }}", fields.join(", ")), schema)
}

fn each(random: &mut Random, found: &[(String, Json)], depth: usize) -> (String, Json) {
    let arrays: Vec<_> = found.iter().filter(|(_, it)| it["type"] == "array").collect();
    if arrays.is_empty() {
        return value(random, found);
    }
    let (at, array) = (*random.pick(&arrays)).clone();
    let mut inside = found.to_vec();
    places(&items_of(&array), &array, "@", 1, &mut inside);
    let (map, items) = shape(random, &inside, depth);
    let schema = json!({ "type": "array", "items": items, "minItems": random.below(2) });
    (format!("{{ $each: {}, $map: {map} }}", quoted(&at)), schema)
}

/// A value of a map, as YAML, and a schema that may take it.
fn value(random: &mut Random, found: &[(String, Json)]) -> (String, Json) {
    let (at, schema) = random.pick(found).clone();
    let text = json!({ "type": "string" });
    let (expression, schema) = match random.below(24) {
        0..9 => (at, schema),
        9 => (format!("{at} | required"), schema),
        10 => (format!("{at} | default('-')"), if random.chance(50) { schema } else { text }),
        11 => (format!("{at} | upper"), json!({ "type": "string", "minLength": random.below(2) })),
        12 => (
            format!("{at} | truncate(3)"),
            json!({ "type": "string", "maxLength": 2 + random.below(3), "minLength": random.below(3) }),
        ),
        13 => (format!("{at} | count"), json!({ "type": "integer", "minimum": random.below(2) })),
        14 => (format!("{at} | date"), json!({ "type": ["string", "null"], "format": "date" })),
        15 => (
            format!("[{at} | date] | first | required"),
            json!({ "type": "string", "format": "date" }),
        ),
        16 => (format!("{at} | number"), json!({ "type": *random.pick(&["number", "integer"]) })),
        17 => (
            format!("{at} + 1"),
            json!({ "type": *random.pick(&["number", "integer"]), "minimum": random.below(2) }),
        ),
        18 => (format!("{at} | round"), json!({ "type": "integer", "minimum": 0 })),
        19 => (
            format!("{at} | lookup('wilayah', 'nama')"),
            json!({ "enum": ["Sumatera Barat", "Pesisir Selatan"] }),
        ),
        20 => (
            format!("{at} | {}", random.pick(&["first", "last", "sum", "min", "max"])),
            any(random, 0),
        ),
        21 => (
            format!(
                "{at} | {}",
                random.pick(&[
                    "unique",
                    "flatten",
                    "sort",
                    "values",
                    "keys",
                    "split('.')",
                    "concat(['x'])"
                ])
            ),
            json!({ "type": "array", "items": any(random, 0), "minItems": random.below(2) }),
        ),
        22 => (
            format!(
                "{at} | {}",
                random.pick(&[
                    "text",
                    "trim",
                    "sha256",
                    "mask(1)",
                    "pad(4, '0')",
                    "concat('-', 'x')",
                    "join(',')",
                    "lower"
                ])
            ),
            json!({ "type": "string", "minLength": random.below(3) }),
        ),
        _ => return literal(random, &at),
    };
    (quoted(&format!("={expression}")), schema)
}

fn literal(random: &mut Random, at: &str) -> (String, Json) {
    match random.below(4) {
        0 => (
            quoted(&format!("no. ${{{at} | default('-')}}")),
            json!({ "type": "string", "minLength": random.below(6) }),
        ),
        1 => ("13".to_owned(), json!({ "type": "integer", "maximum": 12 + random.below(3) })),
        2 => ("TERBIT".to_owned(), json!({ "enum": ["TERBIT", "DRAF"] })),
        _ => (quoted("2026-02-03"), json!({ "type": "string", "format": "date" })),
    }
}

fn step(random: &mut Random, found: &mut Vec<(String, Json)>) -> String {
    let (at, schema) = random.pick(found).clone();
    let place = if at == "$" || at.contains('*') { "$.a".to_owned() } else { at };
    match random.below(9) {
        0..3 => format!("filter: {}", quoted(&condition(random, found))),
        3 => {
            let (value, made) = value(random, found);
            found.push((place.clone(), made));
            format!("set: {{ {}: {value} }}", quoted(&place))
        }
        4 => format!(
            "remove: [{}]",
            quoted(random.pick::<&str>(&[place.as_str(), "$.*", "$..a", "$.b[*].a"]))
        ),
        5 => {
            let into = "$.w";
            found.push(("$.w.nama".to_owned(), json!({ "type": "string" })));
            let missing = random.pick(&["reject", "null", "skip"]);
            format!(
                "lookup: {{ table: wilayah, key: {}, into: {into}, on_missing: {missing} }}",
                quoted(&place)
            )
        }
        6 => {
            let rule = quoted(&condition(random, found));
            found.push((
                "$.gagal".to_owned(),
                json!({ "type": "array", "items": { "enum": ["r1"] } }),
            ));
            format!("check: {{ into: $.gagal, rules: {{ r1: {rule} }} }}")
        }
        7 => {
            let (map, made) = shape(random, found, 1);
            found.clear();
            places(&made, &made, "$", 3, found);
            format!("map: {map}")
        }
        _ if schema["type"] == "array" => {
            found.clear();
            places(&items_of(&schema), &schema, "$", 3, found);
            format!("split: {}", quoted(&place))
        }
        _ => format!("filter: {}", quoted(&format!("{place} | exists"))),
    }
}

fn condition(random: &mut Random, found: &[(String, Json)]) -> String {
    let (at, schema) = random.pick(found).clone();
    let literal = match schema["enum"].as_array() {
        Some(all) => match random.pick(all) {
            Json::String(text) => format!("'{text}'"),
            other => other.to_string(),
        },
        None => (*random.pick(&["'TERBIT'", "0", "1", "null", "true", "'2026-02-03'"])).to_owned(),
    };
    match random.below(9) {
        0 => format!("{at} | exists"),
        1 => format!("{at} == {literal}"),
        2 => format!("{at} != {literal}"),
        3 => format!("({at} | exists) && {at} != null"),
        4 => format!("{at} {} {}", random.pick(&["<", "<=", ">", ">="]), random.below(3)),
        5 => format!("({at} | count) {} 0", random.pick(&[">", "==", "!="])),
        6 => format!("{at} in ['TERBIT', {literal}]"),
        7 => format!("!({at} == {literal})"),
        _ => format!("{at} == {literal} || {at} == 'DRAF'"),
    }
}

/// A value as a double-quoted YAML text.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap()
}

/// The schema of the items of an array.
fn items_of(array: &Json) -> Json {
    array.get("items").cloned().unwrap_or_else(|| json!({}))
}
