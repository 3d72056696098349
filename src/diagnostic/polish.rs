//! Turns a derived schema into one that editors work well with, and that takes exactly what our
//! reader takes.

use serde_json::{Map, Value, json};

type Members = Map<String, Value>;

/// The text of a `${env:…}` or `${file:…}`, which may stand for any single value.
const PLACEHOLDER: &str = "\\$\\{(env|file):";

/// Polishes `schema` and everything in it. With `filled`, single values may be placeholders.
pub(super) fn polish(schema: &mut Value, filled: bool) {
    let Value::Object(members) = schema else { return };
    // From the inside out: what stands inside is taken over as it is then.
    for (key, value) in members.iter_mut() {
        match (key.as_str(), value) {
            ("properties" | "definitions", Value::Object(inner)) => {
                inner.values_mut().for_each(|it| polish(it, filled));
            }
            ("anyOf" | "oneOf" | "allOf", Value::Array(inner)) => {
                inner.iter_mut().for_each(|it| polish(it, filled));
            }
            ("items" | "additionalProperties", inner) => polish(inner, filled),
            _ => {}
        }
    }
    // What is no word of JSON Schema but of the language that reads it: `uint64`.
    if members.get("format").is_some_and(|it| it != "regex") {
        members.remove("format");
    }
    never_null(members);
    choice_of_words(members);
    choice_of_keys(members);
    flowing_text(members);
    plain_values(members);
    if filled {
        placeholders(members);
    }
}

/// A key without a value is refused: what is optional is left out. Only `map` draws nulls.
fn never_null(members: &mut Members) {
    if let Some(Value::Array(types)) = members.get_mut("type")
        && types.len() == 2
    {
        types.retain(|it| it != "null");
        if let [only] = types.as_slice() {
            let only = only.clone();
            members.insert("type".to_owned(), only);
        }
    }
    let Some(Value::Array(mut choices)) = members.remove("anyOf") else { return };
    choices.retain(|it| it != &json!({ "type": "null" }));
    match choices.as_mut_slice() {
        // What the field says about itself stands; the type only fills in.
        [Value::Object(only)] => {
            let only = std::mem::take(only);
            for (key, value) in only {
                members.entry(key).or_insert(value);
            }
        }
        _ => {
            members.insert("anyOf".to_owned(), choices.into());
        }
    }
}

/// An enum of names alone becomes one list of words with a description each.
fn choice_of_words(members: &mut Members) {
    let Some(Value::Array(choices)) = members.get("oneOf") else { return };
    let word = |it: &Value| Some((it.get("const")?.clone(), text(it, "description")));
    let Some(words) = choices.iter().map(word).collect::<Option<Vec<_>>>() else { return };
    let (words, meanings): (Vec<_>, Vec<_>) = words.into_iter().unzip();
    members.remove("oneOf");
    members.insert("type".to_owned(), "string".into());
    members.insert("enum".to_owned(), words.into());
    members.insert("markdownEnumDescriptions".to_owned(), meanings.into());
}

/// An enum whose variants hold something becomes a mapping with exactly one of their names: so
/// editors propose them, and tell which name is wrong and not that no variant fits.
fn choice_of_keys(members: &mut Members) {
    let Some(Value::Array(choices)) = members.get("oneOf") else { return };
    let mut properties = Members::new();
    for choice in choices {
        let Some(Value::Object(inner)) = choice.get("properties") else { return };
        for (name, value) in inner {
            let mut value = value.clone();
            if let (Value::Object(it), true) = (&mut value, choice.get("description").is_some()) {
                it.insert("description".to_owned(), text(choice, "description").into());
            }
            properties.insert(name.clone(), value);
        }
    }
    members.remove("oneOf");
    let shape = json!({
        "type": "object", "properties": properties, "additionalProperties": false,
        "minProperties": 1, "maxProperties": 1,
    });
    if let Value::Object(shape) = shape {
        members.extend(shape);
    }
}

fn text(of: &Value, key: &str) -> String {
    of.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
}

/// Comments are broken to the width of the source; editors break lines themselves.
fn flowing_text(members: &mut Members) {
    let Some(Value::String(text)) = members.get_mut("description") else { return };
    let mut flowing = String::new();
    let mut in_code = false;
    for line in text.lines() {
        let fence = line.starts_with("```");
        let joins = !in_code && !fence && !line.is_empty();
        if !flowing.is_empty() {
            flowing.push(if joins && !flowing.ends_with('\n') { ' ' } else { '\n' });
        }
        flowing.push_str(line);
        in_code ^= fence;
    }
    text.clone_from(&flowing);
    // Editors show a `description` letter by letter, and this one as it is meant.
    members.insert("markdownDescription".to_owned(), flowing.into());
}

/// A text may be written as a plain number: `password: 12345` is the text `12345`.
fn plain_values(members: &mut Members) {
    let is_text = members.get("type").is_some_and(|it| it == "string");
    if is_text && !members.contains_key("enum") && !members.contains_key("pattern") {
        members.insert("type".to_owned(), json!(["string", "number"]));
    }
}

/// What is no text can come from outside too.
fn placeholders(members: &mut Members) {
    if let Some(Value::String(pattern)) = members.get_mut("pattern") {
        *pattern = format!("{pattern}|{PLACEHOLDER}");
        return;
    }
    let kind = members.get("type").and_then(Value::as_str).unwrap_or_default();
    let is_word = members.contains_key("enum");
    if !is_word && !matches!(kind, "integer" | "number" | "boolean") {
        return;
    }
    let mut bare = Members::new();
    for key in ["type", "enum", "markdownEnumDescriptions", "minimum", "maximum", "format"] {
        bare.extend(members.remove(key).map(|it| (key.to_owned(), it)));
    }
    let given = json!({ "type": "string", "pattern": PLACEHOLDER });
    members.insert("anyOf".to_owned(), json!([bare, given]));
}
