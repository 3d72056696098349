//! The document that describes the calls is complete, and the bus answers as it says.

use std::collections::BTreeSet;

use serde_json::{Value, json};
use simpul::ops::{CALLS, Needs, openapi};

use super::{
    Running, Scripted,
    rights::{MAY, PASSWORD, USERS},
};

#[test]
fn every_call_is_described_and_nothing_is_left_open() {
    let document = openapi();
    assert_eq!(document["openapi"], "3.1.0");
    let mut described = BTreeSet::new();
    let mut ids = BTreeSet::new();
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            described.insert((method.to_uppercase(), path.clone()));
            assert!(ids.insert(operation["operationId"].as_str().unwrap().to_owned()), "{path}");
            assert!(operation["responses"]["default"].is_object(), "{method} {path}");
        }
    }
    let calls = CALLS.iter().map(|it| (it.method.to_owned(), it.path.to_owned()));
    assert_eq!(described, calls.collect());
    for call in CALLS {
        let operation = &document["paths"][call.path][call.method.to_ascii_lowercase()];
        let rights = &operation["x-simpul-rights"];
        match call.needs {
            Needs::OneOf(all) => assert_eq!(rights.as_array().unwrap().len(), all.len()),
            Needs::Name | Needs::Nothing => assert!(rights.is_null()),
        }
        let in_path = call.path.matches('{').count();
        let parameters = operation["parameters"].as_array().unwrap();
        assert_eq!(parameters.iter().filter(|it| it["in"] == "path").count(), in_path);
    }
    let mut open = Vec::new();
    references(&document, &mut open);
    assert!(20 < open.len());
    for reference in open {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

fn references(value: &Value, found: &mut Vec<String>) {
    match value {
        Value::Object(entries) => {
            if let Some(Value::String(reference)) = entries.get("$ref") {
                found.push(reference.clone());
            }
            entries.values().for_each(|it| references(it, found));
        }
        Value::Array(items) => items.iter().for_each(|it| references(it, found)),
        _ => {}
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bus_takes_and_answers_what_the_document_says() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let running = Running::with_users(Scripted::default(), &USERS).await;
    let (_, served) = running.call("GET", "/api/v1/openapi.json", None, "").await;
    let document: Value = serde_json::from_str(&served).unwrap();
    assert_eq!(document, openapi());
    let fits = |schema: &Value, text: &str, what: &str| {
        let mut whole = json!({ "components": document["components"] });
        whole.as_object_mut().unwrap().extend(schema.as_object().unwrap().clone());
        let validator = jsonschema::validator_for(&whole).unwrap();
        let value: Value = serde_json::from_str(text).unwrap();
        let wrong: Vec<_> = validator.iter_errors(&value).map(|it| it.to_string()).collect();
        assert!(wrong.is_empty(), "{what}: {wrong:?}\n{text}");
    };
    let token = running.log_in("admin", PASSWORD).await.unwrap();
    let (mut answered, mut taken) = (0, 0);
    for (method, path, as_made, body, _) in MAY {
        let what = format!("{method} {as_made}");
        let operation = &document["paths"][path][method.to_ascii_lowercase()];
        let media = &operation["requestBody"]["content"]["application/json"];
        if *path != "/sessions" && !body.is_empty() {
            fits(&media["schema"], body, &what);
            taken += 1;
        }
        if operation["responses"]["200"]["content"]["text/event-stream"].is_object() {
            continue;
        }
        let as_made = format!("/api/v1{as_made}");
        let (status, text) = running.call(method, &as_made, Some(&token), body).await;
        let answer = match status {
            200 => &operation["responses"]["200"]["content"]["application/json"],
            204 => {
                assert!(operation["responses"]["204"].is_object(), "{what}");
                continue;
            }
            _ => &operation["responses"]["default"]["content"]["application/problem+json"],
        };
        let schema = answer.get("schema").cloned().unwrap_or_else(|| json!({}));
        fits(&schema, &text, &what);
        answered += usize::from(status == 200);
    }
    assert!(15 < answered && 5 < taken, "{answered} {taken}");
}
