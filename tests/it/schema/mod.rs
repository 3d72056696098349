//! The JSON Schemas of the files: they take what the reader takes, and refuse what it refuses.

mod editor;
mod samples;

use std::{fs, path::Path};

use jsonschema::Validator;
use serde_json::{Map, Value, json};
use simpul::{
    cli::settings::load,
    diagnostic::{Diagnostic, Node, NodeKind, PlainValue, Report, Severity, parse, read},
    route::{RouteFile, SystemFile, check_route, check_system},
    trial::TestFile,
};

use self::samples::{ROUTE, SETTINGS, SYSTEM, TESTS};
use crate::command_line::simpul;

fn schema(kind: &str) -> Value {
    let said = simpul(&["schema", kind]);
    assert_eq!(said.code, 0, "{}", said.err);
    serde_json::from_str(&said.out).unwrap()
}

fn validator(kind: &str) -> Validator {
    jsonschema::validator_for(&schema(kind)).unwrap()
}

/// The document as an editor sees it.
fn document(text: &str) -> Value {
    let mut report = Report::default();
    let node = parse(text, &mut report).unwrap();
    assert!(!report.has_errors(), "{report:?}");
    value(&node)
}

fn value(node: &Node) -> Value {
    match &node.kind {
        NodeKind::List(items) => items.iter().map(value).collect(),
        NodeKind::Map(entries) => {
            let entries = entries.iter().map(|(key, it)| (key.value.clone(), value(it)));
            Value::Object(entries.collect())
        }
        NodeKind::Scalar(scalar) => match scalar.plain_value() {
            Ok(PlainValue::Null) => Value::Null,
            Ok(PlainValue::Bool(it)) => it.into(),
            Ok(PlainValue::Number(it)) => serde_json::from_str(it).unwrap(),
            Ok(PlainValue::Text(it)) => it.into(),
            Err(_) => scalar.text.clone().into(),
        },
    }
}

#[track_caller]
fn fits(validator: &Validator, document: &Value, what: &str) {
    let wrong: Vec<_> =
        validator.iter_errors(document).map(|it| format!("{}: {it}", it.instance_path())).collect();
    assert!(wrong.is_empty(), "{what}: {wrong:#?}");
}

#[test]
fn every_shipped_file_fits_its_schema() {
    let mut files = 0;
    for (kind, folder) in [("route", "routes"), ("test", "routes"), ("system", "connectors")] {
        let validator = validator(kind);
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.to_str().unwrap();
            if name.ends_with(".yaml") && (kind == "test") == name.ends_with(".test.yaml") {
                fits(&validator, &document(&fs::read_to_string(&path).unwrap()), name);
                files += 1;
            }
        }
    }
    fits(
        &validator("settings"),
        &document(&fs::read_to_string("simpul.yaml").unwrap()),
        "simpul.yaml",
    );
    assert!(10 < files, "{files}");
}

#[test]
fn files_that_say_everything_fit_and_name_every_key_there_is() {
    let files = [("route", ROUTE), ("test", TESTS), ("system", SYSTEM), ("settings", SETTINGS)];
    for (kind, text) in files {
        let document = document(text);
        fits(&validator(kind), &document, kind);
        let schema = schema(kind);
        let mut unused = Vec::new();
        unused_keys(&schema, &[&document], kind, &mut unused);
        // The other ways to prove who one is, and to draw a body: one of each stands there.
        unused.retain(|it| !it.contains(".auth.") && !it.contains(".$"));
        assert_eq!(unused, [] as [String; 0]);
    }
    let mut report = Report::default();
    assert!(read::<RouteFile>(ROUTE, &mut report).is_some(), "{report:?}");
    assert!(read::<SystemFile>(SYSTEM, &mut report).is_some(), "{report:?}");
}

/// The keys that the schema knows and none of the `values` has.
fn unused_keys(schema: &Value, values: &[&Value], path: &str, unused: &mut Vec<String>) {
    for key in ["anyOf", "oneOf"] {
        for choice in schema[key].as_array().into_iter().flatten() {
            unused_keys(choice, values, path, unused);
        }
    }
    if schema["items"].is_object() {
        let items: Vec<_> = values.iter().filter_map(|it| it.as_array()).flatten().collect();
        unused_keys(&schema["items"], &items, path, unused);
    }
    if schema["additionalProperties"].is_object() {
        let inner: Vec<_> =
            values.iter().filter_map(|it| it.as_object()).flat_map(Map::values).collect();
        unused_keys(&schema["additionalProperties"], &inner, path, unused);
    }
    for (key, inner) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{key}");
        let found: Vec<_> = values.iter().filter_map(|it| it.get(key)).collect();
        // The long form of what may also be a word or a list is told apart by its values.
        if found.is_empty() && values.iter().any(|it| it.is_object()) {
            unused.push(path);
        } else {
            unused_keys(inner, &found, &path, unused);
        }
    }
}

/// Every way in which one place of a document can be wrong.
fn mutants(document: &Value) -> Vec<(String, Value)> {
    let mut places = vec![String::new()];
    collect_places(document, "", &mut places);
    let mut mutants = Vec::new();
    for place in places {
        let at = document.pointer(&place).unwrap();
        let mut instead = vec![json!([at]), json!({ "zz": at }), Value::Null, json!("")];
        // Where a text stands, `true` is one too: but no editor should propose it for each.
        if !at.is_string() {
            instead.extend([json!(7), json!("teks"), json!([]), json!({})]);
        }
        for new in instead {
            let mut mutant = document.clone();
            *mutant.pointer_mut(&place).unwrap() = new.clone();
            mutants.push((format!("{place} becomes {new}"), mutant));
        }
        for key in at.as_object().into_iter().flat_map(Map::keys) {
            let change = |what: &str, change: &dyn Fn(&mut Map<String, Value>)| {
                let mut mutant = document.clone();
                change(mutant.pointer_mut(&place).unwrap().as_object_mut().unwrap());
                (format!("{place}/{key} {what}"), mutant)
            };
            mutants.push(change("is left out", &|it| drop(it.remove(key))));
            mutants.push(change("is misspelt", &|it| {
                let value = it.remove(key).unwrap();
                it.insert(format!("{key}x"), value);
            }));
        }
    }
    mutants
}

fn collect_places(at: &Value, path: &str, places: &mut Vec<String>) {
    let mut visit = |key: String, inner: &Value| {
        let path = format!("{path}/{}", key.replace('~', "~0").replace('/', "~1"));
        places.push(path.clone());
        collect_places(inner, &path, places);
    };
    match at {
        Value::Array(items) => {
            items.iter().enumerate().for_each(|(n, it)| visit(n.to_string(), it));
        }
        Value::Object(members) => members.iter().for_each(|(key, it)| visit(key.clone(), it)),
        _ => {}
    }
}

/// The mistakes that are told of a text.
type Mistakes = fn(&str) -> Vec<String>;

fn errors(found: &[Diagnostic]) -> Vec<String> {
    let errors = found.iter().filter(|it| it.severity == Severity::Error);
    errors.map(|it| it.message.english()).collect()
}

fn mistakes_of_route(text: &str) -> Vec<String> {
    errors(&check_route(text))
}

fn mistakes_of_system(text: &str) -> Vec<String> {
    errors(&check_system(text))
}

fn mistakes_of_settings(text: &str) -> Vec<String> {
    let folder = tempfile::tempdir().unwrap();
    fs::write(folder.path().join("simpul.yaml"), text).unwrap();
    fs::write(folder.path().join("ca.pem"), "").unwrap();
    let variables = [("HASH_KEY".to_owned(), "0123456789abcdef".to_owned())];
    match load(folder.path(), &variables.into_iter().collect()) {
        Ok(_) => Vec::new(),
        Err(broken) => errors(&broken.found),
    }
}

#[test]
fn what_the_schema_refuses_is_refused_by_check() {
    let kinds: [(&str, &str, Mistakes); 3] = [
        ("route", ROUTE, mistakes_of_route),
        ("system", SYSTEM, mistakes_of_system),
        ("settings", SETTINGS, mistakes_of_settings),
    ];
    for (kind, text, mistakes) in kinds {
        let validator = validator(kind);
        let mut whole = document(text);
        // What is not filled in here is wrong already, and nothing below it is looked at.
        for (protocol, key) in [("http", "ca"), ("amqp", "ca")] {
            whole.get_mut(protocol).and_then(Value::as_object_mut).map(|it| it.remove(key));
        }
        // A file alone refers to systems, tables and schemas that are not there.
        let alone = mistakes(&whole.to_string());
        let mut refused = 0;
        for (what, mutant) in mutants(&whole) {
            // `null` is an expression, of nothing that one would go through.
            if validator.is_valid(&mutant) || what.ends_with("$each becomes null") {
                continue;
            }
            refused += 1;
            let text = serde_json::to_string_pretty(&mutant).unwrap();
            let is_told = mistakes(&text).iter().any(|it| !alone.contains(it));
            assert!(is_told, "{kind}: {what}: refused by the schema alone");
        }
        assert!(50 < refused, "{kind}: {refused}");
    }
}

#[test]
fn what_the_reader_refuses_is_refused_by_the_schema() {
    for (kind, text) in [("route", ROUTE), ("test", TESTS), ("system", SYSTEM)] {
        let validator = validator(kind);
        let mut refused = 0;
        for (what, mutant) in mutants(&document(text)) {
            if is_structure(kind, &serde_json::to_string_pretty(&mutant).unwrap()) {
                refused += 1;
                assert!(!validator.is_valid(&mutant), "{kind}: {what}: fits the schema");
            }
        }
        assert!(50 < refused, "{kind}: {refused}");
    }
}

/// Whether the text is not even decoded.
fn is_structure(kind: &str, text: &str) -> bool {
    let mut report = Report::default();
    match kind {
        "route" => read::<RouteFile>(text, &mut report).is_none(),
        "test" => read::<TestFile>(text, &mut report).is_none(),
        _ => read::<SystemFile>(text, &mut report).is_none(),
    }
}

#[test]
fn what_the_schema_calls_usual_is_what_holds_where_nothing_is_said() {
    let said = |text: &str| {
        let folder = tempfile::tempdir().unwrap();
        fs::write(folder.path().join("simpul.yaml"), text).unwrap();
        let loaded = load(folder.path(), &[].into_iter().collect());
        let (settings, _) = loaded.map_err(|it| it.to_string()).unwrap();
        let path = folder.path().to_str().unwrap().to_owned();
        format!("{settings:?}").replace(&path, "").replace("/./", "/")
    };
    let usual = said("");
    let schema = schema("settings");
    let mut told = 0;
    let mut compare = |line: String| {
        told += 1;
        assert_eq!(said(&line), usual, "{line}");
    };
    for (key, inner) in schema["properties"].as_object().unwrap() {
        // The log has no level of its own where none is named.
        if let Some(default) = inner.get("default").filter(|_| key != "log") {
            compare(format!("{key}: {default}"));
        }
    }
    for (key, inner) in schema["properties"]["limits"]["properties"].as_object().unwrap() {
        if let Some(default) = inner.get("default") {
            compare(format!("limits: {{ {key}: {default} }}"));
        }
    }
    let policy = &schema["properties"]["retry"]["additionalProperties"]["properties"];
    for (key, inner) in policy.as_object().unwrap() {
        compare(format!("retry: {{ standard: {{ {key}: {} }} }}", inner["default"]));
    }
    assert_eq!(told, 13);
}

#[test]
fn the_editors_settings_of_somebody_are_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let write = || {
        let project = folder.path().to_str().unwrap();
        simpul(&["--project", project, "schema", "--write"])
    };
    let settings = folder.path().join(".vscode/settings.json");
    assert!(write().out.contains("wrote .vscode/settings.json"));
    assert!(write().out.contains("left .vscode/settings.json, which has it all"));
    fs::write(&settings, "// mine\n{}\n").unwrap();
    let said = write();
    assert!(said.out.contains("left .vscode/settings.json as it is; add to it:"), "{}", said.out);
    assert_eq!(fs::read_to_string(&settings).unwrap(), "// mine\n{}\n");
    assert!(Path::new(&folder.path().join(".simpul/schemas/route.schema.json")).exists());
}
