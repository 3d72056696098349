//! Whatever stands in a route and whatever a message holds: parsing and evaluating an expression
//! neither panics nor goes beyond its steps and its memory.
//!
//! The input is a text of the language, a line feed, and a document.

#![no_main]

use libfuzzer_sys::fuzz_target;
use simpul::{
    expr::{Budget, Expr, Meta, Query, Scope, Template, ValueText},
    message::{Arena, Headers, JsonWriter, Limits, Timestamp, Value, parse},
};

const ARENA_BYTES: usize = 1 << 20;

fuzz_target!(|input: &[u8]| {
    let Ok(input) = std::str::from_utf8(input) else { return };
    let (text, document) = input.split_once('\n').unwrap_or((input, "null"));
    let arena = Arena::with_limit(ARENA_BYTES);
    let body = parse(&arena, document.as_bytes(), &Limits::default()).unwrap_or(Value::Null);
    let headers = Headers::default();
    let meta = Meta {
        id: "01890000-0000-7000-8000-000000000001".parse().expect("a constant"),
        received_at: Timestamp::from_millis(0),
        headers: &headers,
        hash_key: Some(b"key"),
    };
    let budget = Budget::new(100_000);
    let scope = Scope { arena: &arena, body, item: Some(body), meta: &meta, budget: &budget };

    if let Ok(expression) = Expr::parse(text) {
        let first = expression.eval(&scope);
        if let Ok(Some(value)) = first {
            // What an expression makes can be written, and read again.
            let json = JsonWriter::to_vec(value);
            let again = Arena::with_limit(16 * ARENA_BYTES);
            let limits = Limits { depth: 1_000 };
            parse(&again, &json, &limits).expect("a value is a document");
        }
        let _ = expression.holds(&scope);
    }
    if let Ok(value) = ValueText::parse(text) {
        let _ = value.eval(&scope);
    }
    if let Ok(template) = Template::parse(text) {
        let _ = template.eval(&scope, str::to_owned);
    }
    if let Ok(query) = Query::parse(text) {
        let _ = query.nodes(&scope);
    }
});
