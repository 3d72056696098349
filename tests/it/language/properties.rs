//! What holds for every text, every document, every number.

use proptest::prelude::*;

use super::support::{Kind, Message, Outcome, run};

const KINDS: [Kind; 4] = [Kind::Expression, Kind::ValueText, Kind::Template, Kind::Nodes];

/// Pieces of the language, to be put together in ways that hardly ever make sense.
const PIECES: [&str; 46] = [
    "$", "@", ".a", "..", ".*", "[0]", "[*]", "[?", "]", "[1:2]", "['a']", "(", ")", "[", ",", " ",
    "|", "||", "&&", "!", "==", "<", "in", "=~", "+", "-", "*", "/", "%", "1", "0.5", "1e3",
    "1e6144", "'a'", "\"b", "'", "\\u00", "true", "null", "count", "upper", "sum", "default(",
    "date", "${", "}",
];

fn soup() -> impl Strategy<Value = String> {
    prop::collection::vec(prop::sample::select(PIECES.to_vec()), 0..24).prop_map(|it| it.concat())
}

const LEAVES: [&str; 20] = [
    "$",
    "$.a",
    "$.b",
    "$.a[0]",
    "$.a[*]",
    "$..b",
    "$.c",
    "$.d",
    "$.a[?@ > 1]",
    "$.tidak",
    "1",
    "-2",
    "0.5",
    "1e3",
    "'a'",
    "''",
    "true",
    "false",
    "null",
    "[]",
];

const OPERATORS: [&str; 14] =
    ["&&", "||", "==", "!=", "<", "<=", ">", ">=", "in", "+", "-", "*", "/", "%"];

#[rustfmt::skip]
const PIPES: [&str; 33] = [
    "upper", "trim", "text", "number", "round", "floor(2)", "ceil", "sum", "min", "max", "count",
    "length", "first", "last", "unique", "sort", "sort('b')", "flatten", "keys", "values",
    "has('a')", "join(',')", "split('a')", "truncate(3)", "pad(5, '0')", "concat('x')",
    "replace('a', 'bb')", "mask(1, 1)", "hash", "sha256", "date", "add_days(3)",
    "lookup('wilayah')",
];

/// Expressions that parse, but for what is refused behind a query of many places.
fn expression() -> impl Strategy<Value = String> {
    let leaf = prop::sample::select(LEAVES.to_vec()).prop_map(str::to_owned);
    leaf.prop_recursive(5, 40, 3, |inner| {
        let pair = || (inner.clone(), inner.clone());
        let operators = prop::sample::select(OPERATORS.to_vec());
        let pipes = prop::sample::select(PIPES.to_vec());
        prop_oneof![
            (pair(), operators).prop_map(|((l, r), o)| format!("({l}) {o} ({r})")),
            (inner.clone(), pipes).prop_map(|(value, pipe)| format!("({value}) | {pipe}")),
            inner.clone().prop_map(|it| format!("!({it})")),
            inner.clone().prop_map(|it| format!("-({it})")),
            pair().prop_map(|(l, r)| format!("[{l}, {r}]")),
            pair().prop_map(|(l, r)| format!("({l}) | first | default({r})")),
            inner.prop_map(|it| format!("({it}) =~ '^a.*$'")),
        ]
    })
}

fn number() -> impl Strategy<Value = String> {
    let digits = "(0|[1-9][0-9]{0,24})(\\.[0-9]{1,12})?(e-?[0-9]{1,2})?";
    (any::<bool>(), digits)
        .prop_map(|(minus, digits)| if minus { format!("-{digits}") } else { digits })
}

fn document() -> impl Strategy<Value = serde_json::Value> {
    let leaf = prop_oneof![
        Just(serde_json::Value::Null),
        any::<bool>().prop_map(Into::into),
        any::<i32>().prop_map(Into::into),
        "[a-z01 .-]{0,12}".prop_map(Into::into),
    ];
    leaf.prop_recursive(4, 48, 6, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..6).prop_map(Into::into),
            prop::collection::btree_map("[abcd]", inner, 0..5)
                .prop_map(|it| serde_json::Value::Object(it.into_iter().collect())),
        ]
    })
}

fn value(expression: &str, document: &str) -> String {
    match run(Kind::Expression, expression, &Message::of(document)) {
        Outcome::Value(json) => json,
        other => panic!("{expression} for {document}: {other:?}"),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 512, ..ProptestConfig::default() })]

    #[test]
    fn no_text_whatever_makes_a_panic(text in prop_oneof![soup(), ".{0,40}"], kind in 0..4_usize) {
        let outcome = run(KINDS[kind], &text, &Message::of(r#"{"a":[1,{"b":"x"}],"b":null}"#));
        if let Outcome::Refused(error) = outcome {
            // The mark must be a place in the text, or a terminal cannot show it.
            prop_assert!(text.get(error.at.clone()).is_some(), "{text:?}: {:?}", error.at);
        }
    }

    #[test]
    fn an_expression_gives_the_same_every_time(text in expression(), document in document()) {
        let message = Message::of(&document.to_string());
        let outcome = run(Kind::Expression, &text, &message);
        if let Outcome::Refused(error) = &outcome {
            prop_assert!(false, "{text}: {error}");
        }
        prop_assert_eq!(outcome, run(Kind::Expression, &text, &message));
    }

    #[test]
    fn an_error_never_holds_a_value_of_the_message(text in expression()) {
        let secret = "9081726354";
        let document = format!(r#"{{"a":["{secret}",{secret}],"b":"{secret}","c":{secret},"d":{{"{secret}":1}}}}"#);
        if let Outcome::Error(message) = run(Kind::Expression, &text, &Message::of(&document)) {
            prop_assert!(!message.contains(secret), "{message}");
        }
    }

    #[test]
    fn what_only_passes_through_keeps_its_digits(number in number()) {
        let document = format!(r#"{{"a":[{number}]}}"#);
        prop_assert_eq!(value("$.a[0]", &document), number.clone());
        prop_assert_eq!(value("$", &document), document.clone());
        prop_assert_eq!(value("$.a | first", &document), number.clone());
        prop_assert_eq!(value("$.a[0] | text", &document), format!("\"{number}\""));
        prop_assert_eq!(value(&format!("={number}")[1..], "null"), number);
    }

    #[test]
    fn numbers_are_ordered_by_value(left in number(), right in number()) {
        let document = format!("[{left},{right}]");
        let holds = |text: &str| value(text, &document) == "true";
        let (less, equal, greater) = (holds("$[0] < $[1]"), holds("$[0] == $[1]"), holds("$[0] > $[1]"));
        prop_assert_eq!([less, equal, greater].iter().filter(|it| **it).count(), 1);
        prop_assert_eq!(less, holds("$[1] > $[0]"));
        prop_assert_eq!(equal, holds("$[1] == $[0]"));
        // A double is near enough wherever it tells them apart by far.
        let (near_left, near_right): (f64, f64) = (left.parse().unwrap(), right.parse().unwrap());
        if 1e-9 < (near_left - near_right).abs() / near_left.abs().max(near_right.abs()) {
            prop_assert_eq!(less, near_left < near_right);
        }
        // Written otherwise, they are the same.
        let scaled = format!("[{left},{left}]");
        prop_assert_eq!(value("$[0] in [$[1]]", &scaled), "true");
    }

    #[test]
    fn integers_are_calculated_as_integers(left in any::<i64>(), right in any::<i64>()) {
        let document = format!("[{left},{right}]");
        let (left, right) = (i128::from(left), i128::from(right));
        prop_assert_eq!(value("$[0] + $[1]", &document), (left + right).to_string());
        prop_assert_eq!(value("$[0] - $[1]", &document), (left - right).to_string());
        if right != 0 {
            prop_assert_eq!(value("$[0] % $[1]", &document), (left % right).to_string());
        }
        let small = format!("[{},{}]", left % 1_000_000_007, right % 1_000_000_007);
        let product = (left % 1_000_000_007) * (right % 1_000_000_007);
        prop_assert_eq!(value("$[0] * $[1]", &small), product.to_string());
    }

    #[test]
    fn money_adds_up_to_the_last_cent(cents in prop::collection::vec(-10_000_000_i64..10_000_000, 1..40)) {
        let written = |it: &i64| format!("{}{}.{:02}", if *it < 0 { "-" } else { "" }, it.abs() / 100, it.abs() % 100);
        let all: Vec<String> = cents.iter().map(written).collect();
        let total = written(&cents.iter().sum());
        let document = format!("[{}]", all.join(","));
        prop_assert_eq!(value(&format!("($ | sum) == {total}"), &document), "true");
    }

    #[test]
    fn what_is_sorted_is_in_order_and_complete(numbers in prop::collection::vec(number(), 0..30)) {
        let document = format!("[{}]", numbers.join(","));
        let sorted = value("$ | sort", &document);
        prop_assert_eq!(value("$ | sort", &sorted), sorted.clone());
        prop_assert_eq!(value("$ | count", &sorted), numbers.len().to_string());
        prop_assert_eq!(value(&format!("($ | unique | sort) == ({sorted} | unique)"), &document), "true");
    }

    #[test]
    fn every_value_equals_itself_and_its_copy(document in document()) {
        let text = format!("[{document},{document}]");
        prop_assert_eq!(value("$[0] == $[1]", &text), "true");
        prop_assert_eq!(value("$[0] != $[1]", &text), "false");
        prop_assert_eq!(value("($ | unique | count) == 1", &text), "true");
    }
}
