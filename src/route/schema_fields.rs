//! The fields that a JSON Schema names, for people to read.

use serde_json::Value as Json;

use crate::typing::PERSONAL_KEYWORD;

/// Fields that are told of one schema: more nobody reads.
const FIELDS_MAX: usize = 300;

/// Objects in each other whose fields are told; also what ends a circle of references.
const DEPTH_MAX: usize = 8;

/// What a schema says.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SchemaEntry {
    /// What it calls itself; may be empty.
    pub title: String,
    /// What it says about itself; may be empty.
    pub description: String,
    /// Its fields, in the order of the file.
    pub fields: Vec<Field>,
}

/// A field.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Field {
    /// Where it stands: `pelaksana[].nip`.
    pub path: String,
    /// What it holds, as the schema has it: `string`, `integer or null`; may be empty.
    pub kind: String,
    /// What the schema says about it; may be empty.
    pub description: String,
    /// Whether a message must have it, where it has what it stands in.
    pub is_required: bool,
    /// Whether it is about a person (`x-data-pribadi`), itself or what it stands in.
    pub is_personal: bool,
}

impl SchemaEntry {
    /// Reads a schema by its text.
    pub(super) fn of(text: &str) -> Option<Self> {
        let root: Json = serde_json::from_str(text).ok()?;
        let told =
            |name: &str| root.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        let mut entry =
            Self { title: told("title"), description: told("description"), fields: Vec::new() };
        let at = Place { root: &root, depth: 0, is_personal: is_personal(&root) };
        entry.walk("", &root, at);
        Some(entry)
    }

    fn walk(&mut self, path: &str, schema: &Json, at: Place<'_>) {
        let schema = at.resolved(schema);
        if DEPTH_MAX < at.depth || FIELDS_MAX <= self.fields.len() {
            return;
        }
        let at = Place { depth: at.depth + 1, ..at };
        let required: Vec<&str> = schema
            .get("required")
            .and_then(Json::as_array)
            .map(|all| all.iter().filter_map(Json::as_str).collect())
            .unwrap_or_default();
        let properties = schema.get("properties").and_then(Json::as_object);
        for (name, property) in properties.into_iter().flatten() {
            if FIELDS_MAX <= self.fields.len() {
                return;
            }
            let property = at.resolved(property);
            let path = if path.is_empty() { name.clone() } else { format!("{path}.{name}") };
            let at = Place { is_personal: at.is_personal || is_personal(property), ..at };
            let described = property.get("description").or_else(|| property.get("title"));
            self.fields.push(Field {
                path: path.clone(),
                kind: kind(property),
                description: described.and_then(Json::as_str).unwrap_or_default().to_owned(),
                is_required: required.contains(&name.as_str()),
                is_personal: at.is_personal,
            });
            self.walk(&path, property, at);
        }
        if let Some(items) = schema.get("items").filter(|it| it.is_object()) {
            let items = at.resolved(items);
            let at = Place { is_personal: at.is_personal || is_personal(items), ..at };
            if let Some(last) = self.fields.last_mut().filter(|it| it.path == path) {
                last.is_personal |= at.is_personal;
            }
            self.walk(&format!("{path}[]"), items, at);
        }
        for part in ["allOf", "anyOf", "oneOf"] {
            for branch in schema.get(part).and_then(Json::as_array).into_iter().flatten() {
                self.walk(path, branch, at);
            }
        }
    }
}

/// Where in a schema somebody is.
#[derive(Clone, Copy)]
struct Place<'s> {
    root: &'s Json,
    depth: usize,
    is_personal: bool,
}

impl<'s> Place<'s> {
    /// What a reference within the file stands for.
    fn resolved(self, schema: &'s Json) -> &'s Json {
        let reference = schema.get("$ref").and_then(Json::as_str);
        let pointer = reference.and_then(|it| it.strip_prefix('#'));
        pointer.and_then(|it| self.root.pointer(it)).unwrap_or(schema)
    }
}

fn is_personal(schema: &Json) -> bool {
    schema.get(PERSONAL_KEYWORD).is_some_and(|it| *it != Json::Bool(false))
}

fn kind(schema: &Json) -> String {
    match schema.get("type") {
        Some(Json::String(one)) => one.clone(),
        Some(Json::Array(several)) => {
            several.iter().filter_map(Json::as_str).collect::<Vec<_>>().join(" / ")
        }
        _ if schema.get("enum").is_some() || schema.get("const").is_some() => "enum".to_owned(),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_told_with_what_is_in_them_and_whose_they_are() {
        let entry = SchemaEntry::of(
            r##"{ "title": "SPD", "required": ["nomor"], "properties": {
                "nomor": { "type": "string", "description": "Nomor SPD" },
                "pelaksana": { "type": "array", "items": { "$ref": "#/$defs/orang" } } },
                "$defs": { "orang": { "x-data-pribadi": "umum", "properties": { "nip": { "type": ["string", "null"] } } } } }"##,
        )
        .unwrap();
        let told: Vec<_> = entry
            .fields
            .iter()
            .map(|it| (it.path.as_str(), it.kind.as_str(), it.is_required, it.is_personal))
            .collect();
        assert_eq!(
            told,
            [
                ("nomor", "string", true, false),
                ("pelaksana", "array", false, true),
                ("pelaksana[].nip", "string / null", false, true),
            ]
        );
    }

    #[test]
    fn a_circle_of_references_has_an_end() {
        let text = r##"{ "properties": { "anak": { "$ref": "#" } } }"##;
        assert!(SchemaEntry::of(text).unwrap().fields.len() <= DEPTH_MAX + 1);
    }
}
