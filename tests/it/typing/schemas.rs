//! Schemas of the subset that `check` reasons about, made up.

use serde_json::{Map, Value as Json, json};

use super::random::Random;

pub(super) const NAMES: [&str; 6] = ["a", "b", "c", "d", "e", "kode"];
const WORDS: [&str; 7] = ["TERBIT", "DRAF", "13", "13.01", "", "é", "2026-02-03"];
const FORMATS: [&str; 4] = ["date", "date-time", "uuid", "ipv4"];
const PATTERNS: [&str; 3] = ["^[0-9]+$", "^[A-Z]{2,8}$", "^[0-9]{4}-[0-9]{2}-[0-9]{2}$"];

/// A schema of an object, as bodies mostly are; `depth` levels below it.
pub(super) fn body(random: &mut Random) -> Json {
    if random.chance(6) {
        return any(random, 2);
    }
    let mut schema = object(random, 2);
    if random.chance(20) {
        schema["$defs"] = json!({ "x": any(random, 1) });
        let name = *random.pick(&NAMES);
        schema["properties"][name] = json!({ "$ref": "#/$defs/x" });
    }
    schema
}

pub(super) fn any(random: &mut Random, depth: usize) -> Json {
    match random.below(if depth == 0 { 12 } else { 18 }) {
        0..4 => text(random),
        4..7 => number(random),
        7 => json!({ "type": "boolean" }),
        8 => among(random),
        9 => nullable(random),
        10 => json!({ "const": random.pick(&WORDS) }),
        11 => untyped(random),
        12..15 => object(random, depth - 1),
        _ => array(random, depth - 1),
    }
}

fn text(random: &mut Random) -> Json {
    let mut schema = json!({ "type": "string" });
    match random.below(6) {
        0 => schema["format"] = json!(random.pick(&FORMATS)),
        1 => schema["pattern"] = json!(random.pick(&PATTERNS)),
        2 => schema["minLength"] = json!(random.below(3)),
        3 => {
            schema["minLength"] = json!(random.below(3));
            schema["maxLength"] = json!(3 + random.below(8));
        }
        _ => {}
    }
    schema
}

fn number(random: &mut Random) -> Json {
    let mut schema = json!({ "type": *random.pick(&["integer", "integer", "number"]) });
    let low = random.below(5) as i64 - 2;
    match random.below(5) {
        0 => schema["minimum"] = json!(low),
        1 => schema["exclusiveMinimum"] = json!(low),
        2 => {
            schema["minimum"] = json!(low);
            schema["maximum"] = json!(low + random.below(6) as i64);
        }
        3 => schema["exclusiveMaximum"] = json!(low + 2),
        _ => {}
    }
    schema
}

fn among(random: &mut Random) -> Json {
    let mut all = vec![json!(random.pick(&WORDS)), json!(random.pick(&WORDS))];
    if random.chance(40) {
        let other = [json!(null), json!(true), json!(2), json!(2.5), json!(-1)];
        all.push(random.pick(&other).clone());
    }
    let mut schema = json!({ "enum": all });
    if random.chance(20) {
        schema["type"] = json!(["string", "integer"]);
    }
    schema
}

fn nullable(random: &mut Random) -> Json {
    let mut schema = if random.chance(60) { text(random) } else { number(random) };
    schema["type"] = json!([schema["type"], "null"]);
    schema
}

/// Schemas that speak of one kind and let the others through.
fn untyped(random: &mut Random) -> Json {
    match random.below(5) {
        0 => json!({ "minLength": 2 }),
        1 => json!({ "minimum": 0 }),
        2 => json!({ "required": ["a"] }),
        3 => json!({ "items": { "type": "string" } }),
        _ => json!({ "allOf": [text(random), { "minLength": 1 }] }),
    }
}

fn array(random: &mut Random, depth: usize) -> Json {
    let mut schema = json!({ "type": "array", "items": any(random, depth) });
    if random.chance(50) {
        schema["minItems"] = json!(random.below(3));
    }
    if random.chance(40) {
        schema["maxItems"] = json!(2 + random.below(3));
    }
    schema
}

fn object(random: &mut Random, depth: usize) -> Json {
    let mut properties = Map::new();
    let mut required = Vec::new();
    for name in NAMES {
        if random.chance(60) {
            properties.insert(name.to_owned(), any(random, depth));
            if random.chance(60) {
                required.push(name);
            }
        }
    }
    let mut schema = json!({ "type": "object", "properties": properties, "required": required });
    match random.below(8) {
        0..4 => schema["additionalProperties"] = json!(false),
        4 => schema["additionalProperties"] = json!(true),
        5 => schema["additionalProperties"] = text(random),
        _ => {}
    }
    if random.chance(8) {
        schema["maxProperties"] = json!(3 + random.below(4));
    }
    schema
}

/// A schema a little different from one: what is between both must be found.
pub(super) fn bent(random: &mut Random, schema: &Json) -> Json {
    let mut bent = schema.clone();
    let Some(members) = bent.as_object_mut() else { return bent };
    // A bound that is no longer inside is what is mistaken most easily.
    for (closed, open) in [("minimum", "exclusiveMinimum"), ("maximum", "exclusiveMaximum")] {
        if random.chance(50)
            && let Some(bound) = members.remove(closed)
        {
            members.insert(open.to_owned(), bound);
            return bent;
        }
    }
    if members.contains_key("properties") && random.chance(40) {
        members.insert("additionalProperties".to_owned(), json!(false));
        return bent;
    }
    match random.below(9) {
        0 => drop(members.remove("type")),
        1 => drop(members.insert("minLength".to_owned(), json!(random.below(4)))),
        2 => drop(members.insert("maxLength".to_owned(), json!(random.below(12)))),
        3 => drop(members.insert("minimum".to_owned(), json!(random.below(3)))),
        4 => drop(members.insert("maximum".to_owned(), json!(random.below(5)))),
        5 => drop(members.insert("minItems".to_owned(), json!(random.below(3)))),
        6 => drop(members.insert("maxItems".to_owned(), json!(random.below(4)))),
        7 => drop(members.insert(
            "type".to_owned(),
            json!(*random.pick(&["string", "number", "object", "array"])),
        )),
        _ => return any(random, 1),
    }
    bent
}
