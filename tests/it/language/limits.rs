//! Nothing that is written in a route or sent in a message makes an expression take more than its
//! share of steps, memory or stack.

use std::time::{Duration, Instant};

use simpul::{
    expr::{Budget, Expr, Meta, Query, Scope, Template, ValueText},
    message::{Arena, Headers, Limits, Timestamp, Value, parse},
};

/// Far more than anything here takes, far less than what is exponential takes.
const SOON: Duration = Duration::from_secs(5);

fn refusal(text: &str) -> String {
    let start = Instant::now();
    let message = match Expr::parse(text) {
        Ok(_) => panic!("accepted: {}…", text.get(..60).unwrap_or(text)),
        Err(error) => error.message,
    };
    assert!(start.elapsed() < SOON, "took {:?}", start.elapsed());
    message.english()
}

/// What `expression` comes to for `document` with these steps and bytes.
fn evaluated(expression: &str, document: &str, steps: u64, bytes: usize) -> Result<bool, String> {
    let bodies = Arena::with_limit(64 << 20);
    let body = parse(&bodies, document.as_bytes(), &Limits::default()).unwrap();
    let arena = Arena::with_limit(bytes);
    let headers = Headers::default();
    let meta = Meta {
        id: "01890000-0000-7000-8000-000000000001".parse().unwrap(),
        received_at: Timestamp::from_millis(0),
        headers: &headers,
        hash_key: None,
    };
    let budget = Budget::new(steps);
    let scope = Scope { arena: &arena, body, item: None, meta: &meta, budget: &budget };
    let start = Instant::now();
    let value = Expr::parse(expression).unwrap().eval(&scope);
    assert!(start.elapsed() < SOON, "took {:?}", start.elapsed());
    value.map(|it| it.is_some()).map_err(|it| it.to_string())
}

#[test]
fn what_is_nested_too_deeply_is_refused_at_load() {
    let deep = [
        "(".repeat(8_000),
        format!("{}1{}", "(".repeat(1_000), ")".repeat(1_000)),
        "[".repeat(8_000),
        "!".repeat(8_000) + "true",
        "- ".repeat(4_000) + "1",
        "upper(".repeat(2_000),
        format!("'a'{}", " | upper".repeat(1_000)),
    ];
    for text in deep {
        assert_eq!(refusal(&text), "this expression is nested too deeply");
    }
    for text in [format!("$[?{}", "(".repeat(5_000)), format!("$[?{}", "@[?".repeat(3_000))] {
        assert_eq!(refusal(&text), "nested deeper than 32 levels");
    }
}

#[test]
fn functions_inside_functions_do_not_take_the_parser_hostage() {
    // Each level would cost the parser behind ours three times the one below it.
    for depth in [5, 20, 200] {
        let text = format!("$[?{}@.a", "length(".repeat(depth));
        assert_eq!(refusal(&text), "more than 4 functions inside each other");
        let text = format!("$[?{}@.a", "count(@[?".repeat(depth.min(15)));
        assert_eq!(refusal(&text), "more than 4 functions inside each other");
    }
}

#[test]
fn what_is_long_is_refused_at_load() {
    let long = format!("'{}'", "a".repeat(16 * 1024));
    assert_eq!(refusal(&long), "longer than 16384 bytes");
    assert!(Query::parse(&format!("$.{long}")).is_err());
    assert!(Template::parse(&format!("${{{long}}}")).is_err());
    assert!(ValueText::parse(&format!("={long}")).is_err());
}

#[test]
fn long_chains_are_not_deep_ones() {
    let chains = ["1 + ", "true && ", "true || ", "1 * "];
    for part in chains {
        let text = part.repeat(2_000) + part.split(' ').next().unwrap();
        assert_eq!(evaluated(&text, "null", 100_000, 1 << 20), Ok(true), "{part}");
    }
}

#[test]
fn a_query_that_multiplies_runs_out_of_steps() {
    let document = format!("[{}]", vec!["[[1],[2],[3]]"; 300].join(","));
    for query in
        ["$[?count($[?count($..*) == 0]) == 1]", "$[?$[?$[?@ == 'x']]]", "$..[?$..[?$..x]]"]
    {
        let error = evaluated(query, &document, Budget::STEPS_MAX, 64 << 20).unwrap_err();
        assert!(error.ends_with("takes more than 1000000 steps"), "{error}");
    }
}

#[test]
fn a_very_wide_object_is_not_looked_through_for_ever() {
    let members: Vec<String> = (0..60_000).map(|it| format!("\"k{it}\":0")).collect();
    let document = format!("{{{}}}", members.join(","));
    for query in ["$[?$.z == 1]", "$[?$.z[*]]", "$ == $"] {
        let error = evaluated(query, &document, Budget::STEPS_MAX, 64 << 20).unwrap_err();
        assert!(error.ends_with("takes more than 1000000 steps"), "{error}");
    }
    assert_eq!(evaluated("$.k59999 == 0", &document, 10_000, 1 << 20), Ok(true));
}

#[test]
fn patterns_in_a_message_cannot_take_all_the_time() {
    let document = format!("[{}]", vec![r#"{"a":"x","b":"(x{50}){50}y"}"#; 5_000].join(","));
    let result = evaluated("$[?match(@.a, @.b)]", &document, Budget::STEPS_MAX, 64 << 20);
    assert!(result.unwrap_err().ends_with("takes more than 1000000 steps"));
}

#[test]
fn what_grows_runs_out_of_memory_first() {
    let document = format!("\"{}\"", "a".repeat(10_000));
    let grows =
        "$ | replace('a', 'bbbbbbbb') | replace('b', 'cccccccc') | replace('c', 'dddddddd')";
    let error = evaluated(grows, &document, Budget::STEPS_MAX, 1 << 20).unwrap_err();
    assert!(error.contains("needs more memory than the 1048576 bytes"), "{error}");
}

#[test]
fn sorting_with_too_few_steps_is_an_error_not_a_wrong_order() {
    let numbers: Vec<String> = (0..2_000).map(|it| ((it * 7_919) % 2_003).to_string()).collect();
    let document = format!("[{}]", numbers.join(","));
    for steps in [10, 100, 1_000, 5_000, 20_000] {
        assert!(evaluated("$ | sort", &document, steps, 1 << 20).is_err(), "{steps}");
        assert!(evaluated("$ | unique", &document, steps, 1 << 20).is_err(), "{steps}");
    }
    assert_eq!(evaluated("$ | sort", &document, 100_000, 1 << 20), Ok(true));
}

#[test]
fn what_weighs_more_than_any_number_holds_is_not_sorted() {
    let nested =
        (0..62).fold("1".to_owned(), |it, _| format!("{{\"a\":{it},\"b\":1,\"c\":1,\"d\":1}}"));
    let error = evaluated("$ | unique", &format!("[{nested}]"), 1_000_000, 1 << 20).unwrap_err();
    assert!(error.ends_with("takes more than 1000000 steps"), "{error}");
}

#[test]
fn a_part_of_the_body_is_handed_out_without_a_copy() {
    let arena = Arena::with_limit(1 << 20);
    let text = br#"{"a":{"b":["x",1.10]}}"#;
    let body = parse(&arena, text, &Limits::default()).unwrap();
    let headers = Headers::default();
    let meta = Meta {
        id: "01890000-0000-7000-8000-000000000001".parse().unwrap(),
        received_at: Timestamp::from_millis(0),
        headers: &headers,
        hash_key: None,
    };
    let budget = Budget::new(100);
    let scope = Scope { arena: &arena, body, item: None, meta: &meta, budget: &budget };
    let value = Expr::parse("$.a.b").unwrap().eval(&scope).unwrap().unwrap();
    let (Value::Array(found), Some(Value::Array(there))) =
        (value, body.get("a").and_then(|it| it.get("b")))
    else {
        panic!("{value:?}");
    };
    assert!(std::ptr::eq(found, there));
}
