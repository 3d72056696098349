//! The compliance test suite of RFC 9535 decides: every valid selector gives its nodes, every
//! invalid one is refused.

use std::{env, fs, path::PathBuf};

use simpul::{
    expr::{Budget, Expr, Meta, Query, Scope},
    message::{Arena, Headers, JsonWriter, Limits, Timestamp, Value, parse},
};

/// A case of the suite, its documents kept as they are written.
#[derive(serde::Deserialize)]
struct Case {
    name: String,
    selector: String,
    #[serde(default)]
    document: serde_json::Value,
    result: Option<serde_json::Value>,
    /// Where the order is free: each of the allowed ones.
    results: Option<Vec<serde_json::Value>>,
    #[serde(default)]
    invalid_selector: bool,
}

#[expect(clippy::print_stdout, reason = "a skipped test must say so")]
fn cases() -> Option<Vec<Case>> {
    #[derive(serde::Deserialize)]
    struct Suite {
        tests: Vec<Case>,
    }
    let shared = env::var_os("SIMPUL_SHARED").map_or_else(|| "../shared".into(), PathBuf::from);
    let path = shared.join("corpora/jsonpath-compliance-test-suite/cts.json");
    let Ok(text) = fs::read_to_string(&path) else {
        println!("skipped: no {}", path.display());
        return None;
    };
    let suite: Suite = serde_json::from_str(&text).unwrap();
    Some(suite.tests)
}

/// What `evaluate` yields for `document`, as JSON.
fn evaluated(
    document: &serde_json::Value,
    evaluate: impl for<'a> FnOnce(&Scope<'a>) -> Option<Value<'a>>,
) -> serde_json::Value {
    let text = document.to_string();
    let arena = Arena::with_limit(1 << 24);
    let body = parse(&arena, text.as_bytes(), &Limits::default()).unwrap();
    let headers = Headers::default();
    let meta = Meta {
        id: "01890000-0000-7000-8000-000000000001".parse().unwrap(),
        received_at: Timestamp::from_millis(0),
        headers: &headers,
        hash_key: None,
    };
    let budget = Budget::new(Budget::STEPS_MAX);
    let scope = Scope { arena: &arena, body, item: None, meta: &meta, budget: &budget };
    let value = evaluate(&scope);
    value.map_or_else(
        || serde_json::json!([]),
        |value| serde_json::from_slice(&JsonWriter::to_vec(value)).unwrap(),
    )
}

fn allowed(case: &Case) -> Vec<&serde_json::Value> {
    case.result.iter().chain(case.results.iter().flatten()).collect()
}

#[test]
fn the_suite_is_the_one_that_was_counted() {
    let Some(cases) = cases() else { return };
    assert_eq!(cases.len(), 703);
    assert_eq!(cases.iter().filter(|it| it.invalid_selector).count(), 247);
}

#[test]
fn a_valid_query_gives_its_nodes() {
    let Some(cases) = cases() else { return };
    let mut broken = Vec::new();
    for case in cases.iter().filter(|it| !it.invalid_selector) {
        let query = match Query::parse(&case.selector) {
            Ok(query) => query,
            Err(error) => {
                broken.push(format!("{}: `{}` refused: {error}", case.name, case.selector));
                continue;
            }
        };
        let nodes = evaluated(&case.document, |scope| {
            let nodes = query.nodes(scope).unwrap();
            Some(Value::Array(scope.arena.slice(&nodes).unwrap()))
        });
        if !allowed(case).contains(&&nodes) {
            broken.push(format!("{}: `{}` gives {nodes}", case.name, case.selector));
        }
    }
    assert!(broken.is_empty(), "{} broken:\n{}", broken.len(), broken.join("\n"));
}

#[test]
fn an_invalid_query_is_refused() {
    let Some(cases) = cases() else { return };
    let invalid = cases.iter().filter(|it| it.invalid_selector);
    let accepted: Vec<_> =
        invalid.filter(|it| Query::parse(&it.selector).is_ok()).map(|it| &it.selector).collect();
    assert!(accepted.is_empty(), "accepted: {accepted:#?}");
}

#[test]
fn what_jsonpath_rust_alone_would_accept_is_refused_all_the_same() {
    let Some(cases) = cases() else { return };
    let accepted_there = |case: &&Case| {
        case.invalid_selector && jsonpath_rust::parser::parse_json_path(&case.selector).is_ok()
    };
    let accepted_there: Vec<_> = cases.iter().filter(accepted_there).collect();
    // Should a later version refuse them too, the code that does so here may go.
    assert!(!accepted_there.is_empty());
    for case in accepted_there {
        assert!(Query::parse(&case.selector).is_err(), "{}", case.selector);
    }
}

#[test]
fn in_an_expression_a_query_gives_the_same() {
    let Some(cases) = cases() else { return };
    let mut broken = Vec::new();
    for case in cases.iter().filter(|it| !it.invalid_selector) {
        let expression = Expr::parse(&case.selector).unwrap();
        let value = evaluated(&case.document, |scope| expression.eval(scope).unwrap());
        // A query that names one place gives the value itself, and nothing for no node.
        let same =
            allowed(case).into_iter().any(|nodes| match nodes.as_array().unwrap().as_slice() {
                [one] if expression.names_one_place() => *one == value,
                _ => *nodes == value,
            });
        if !same {
            broken.push(format!("{}: `{}` gives {value}", case.name, case.selector));
        }
    }
    assert!(broken.is_empty(), "{} broken:\n{}", broken.len(), broken.join("\n"));
}
