//! `simpul new schema`: the JSON Schema of sample messages.

use super::doc::Doc;
use crate::{diagnostic::Report, message::Value, step::Schema};

/// The schema that all samples fit: what all of them have is required.
pub(super) fn schema(samples: &[Doc]) -> Doc {
    let samples: Vec<_> = samples.iter().collect();
    let mut members = vec![
        ("$schema".to_owned(), Doc::from("https://json-schema.org/draft/2020-12/schema")),
        (
            "description".to_owned(),
            Doc::Text(format!(
                "From {}. To review: what is required, what else may come, which texts are codes.",
                match samples.len() {
                    1 => "one sample".to_owned(),
                    count => format!("{count} samples"),
                }
            )),
        ),
    ];
    members.extend(of(&samples).members().iter().cloned());
    Doc::Map(members)
}

/// What all these values have in common.
fn of(values: &[&Doc]) -> Doc {
    let mut kinds: Vec<&str> = Vec::new();
    for value in values {
        let kind = kind(value);
        if !kinds.contains(&kind) {
            kinds.push(kind);
        }
    }
    if kinds.contains(&"number") {
        kinds.retain(|it| *it != "integer");
    }
    // Last, as one reads it: a text, or null.
    kinds.sort_by_key(|it| *it == "null");
    let mut members = Vec::new();
    let mut add = |key: &str, value: Doc| members.push((key.to_owned(), value));
    match kinds.as_slice() {
        [] => {}
        // It is not null for ever, and nothing else was seen.
        ["null"] => add("description", "null in the samples: to review".into()),
        [kind] => add("type", (*kind).into()),
        kinds => add("type", Doc::List(kinds.iter().map(|it| Doc::from(*it)).collect())),
    }
    let texts: Vec<_> = values.iter().filter_map(|it| it.text()).collect();
    if let Some(format) = format(&texts) {
        add("format", format.into());
    }
    let objects: Vec<_> = values.iter().filter(|it| matches!(it, Doc::Map(_))).collect();
    if !objects.is_empty() {
        let mut names: Vec<&str> = Vec::new();
        for (name, _) in objects.iter().flat_map(|it| it.members()) {
            if !names.contains(&name.as_str()) {
                names.push(name);
            }
        }
        let all = |name: &str| objects.iter().all(|it| it.get(name).is_some());
        let required: Vec<_> = names.iter().filter(|it| all(it)).map(|it| Doc::from(*it)).collect();
        if !required.is_empty() {
            add("required", Doc::List(required));
        }
        let property = |name: &&str| {
            let values: Vec<_> = objects.iter().filter_map(|it| it.get(name)).collect();
            ((*name).to_owned(), of(&values))
        };
        add("properties", Doc::Map(names.iter().map(property).collect()));
    }
    let items: Vec<_> = values.iter().flat_map(|it| it.items()).collect();
    if !items.is_empty() {
        add("items", of(&items));
    }
    Doc::Map(members)
}

fn kind(value: &Doc) -> &'static str {
    match value {
        Doc::Null => "null",
        Doc::Bool(_) => "boolean",
        Doc::Number(text) if text.contains(['.', 'e', 'E']) => "number",
        Doc::Number(_) => "integer",
        Doc::Text(_) => "string",
        Doc::List(_) => "array",
        Doc::Map(_) => "object",
    }
}

/// The format that all of the texts have, as the validator of schemas has it.
fn format(texts: &[&str]) -> Option<&'static str> {
    let formats = ["date", "date-time"];
    let fits = |format: &&str| {
        let schema = serde_json::json!({ "type": "string", "format": format }).to_string();
        let schema = Schema::compile(&schema, &mut Report::default());
        let all_fit = |schema: Schema| {
            texts.iter().all(|it| schema.violations(Value::Text(it), 1).is_empty())
        };
        !texts.is_empty() && schema.is_some_and(all_fit)
    };
    formats.into_iter().find(fits)
}
