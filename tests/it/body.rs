//! Promises on bodies: what simpul takes for JSON, and that it passes on what it took.

use proptest::prelude::*;
use serde_json::Value as Reference;
use simpul::message::{Arena, JsonWriter, Limits, ParseErrorKind, parse};

const MEMORY: usize = 16 << 20;

/// What `parse` and then `JsonWriter` make of a text.
fn rewritten(text: &[u8], depth: usize) -> Result<Vec<u8>, ParseErrorKind> {
    let arena = Arena::with_limit(MEMORY);
    let value = parse(&arena, text, &Limits { depth }).map_err(|error| error.kind)?;
    Ok(JsonWriter::to_vec(value))
}

/// Texts that every JSON parser must take.
const TAKEN: &[&str] = &[
    "[]",
    "{}",
    "[[]   ]",
    "[\"\"]",
    "\"\"",
    "null",
    " true ",
    "false",
    "42",
    "-0",
    "-1",
    "0.1",
    "[-0.0]",
    "[1e10]",
    "[0e1]",
    "[0E+1]",
    "[1E-2]",
    "[123.456e78]",
    "[1E+22]",
    "[-1.5e-9]",
    "[123456789012345678901234567890]",
    "[0.000000000000000000000000000000000000000000000000000000000000001]",
    "[1,null,\"a\",{}]",
    "[1\n]",
    " [1]",
    "[2] ",
    "\t[\r\n1\t]\r\n",
    "[null, null]",
    r#"{"asd":"sdf"}"#,
    r#"{"a":"b","b":"c"}"#,
    r#"{"":0}"#,
    r#"{"foo\u0000bar":42}"#,
    r#"{"min":-1.0e+28,"max":1.0e+28}"#,
    r#"{"a":[]}"#,
    "{\n\"a\": \"b\"\n}",
    r#"{"chart":{"null":null,"100025":53}}"#,
    r#"["\u0060\u012a\u12AB"]"#,
    r#"["\uD801\udc37"]"#,
    r#"["\ud83d\ude39\ud83d\udc8d"]"#,
    r#"["\"\\\/\b\f\n\r\t"]"#,
    r#"["\\u0000"]"#,
    r#"["\u0000"]"#,
    r#"["\u000A"]"#,
    r#"["\uFFFF"]"#,
    r#"["\uDBFF\uDFFF"]"#,
    r#"["\uFDD0"]"#,
    r#"["a/*b*/c/*d//e"]"#,
    "[\"\u{7f}\"]",
    "[\"é€😀\u{2028}\u{2029}\"]",
    "[\"\u{feff}\"]",
];

/// Texts that every JSON parser must refuse.
const REFUSED: &[&str] = &[
    "",
    " ",
    "[",
    "]",
    "{",
    "}",
    "[}",
    "{]",
    "[1",
    "[1,",
    "[1,]",
    "[,1]",
    "[1,,2]",
    "[,]",
    "[1 true]",
    "[1:2]",
    "[\"a\",\n4\n,1,",
    "[1]]",
    "[1]x",
    "[][]",
    "1 2",
    "{} {}",
    "{}#",
    "{}/**/",
    "// x\n1",
    "/* x */ 1",
    "[*]",
    "[a]",
    "[nul]",
    "[truE]",
    "[fals]",
    "nulll",
    "NaN",
    "[Infinity]",
    "[-Infinity]",
    "[-]",
    "[--1]",
    "[+1]",
    "[01]",
    "[-01]",
    "[00]",
    "[1.]",
    "[.1]",
    "[-.1]",
    "[1.e1]",
    "[1e]",
    "[1e+]",
    "[1eE2]",
    "[1.2.3]",
    "[0x1]",
    "[1_000]",
    "[1 000]",
    "[\u{ff11}]",
    "[1a]",
    "[0e]",
    "['a']",
    "[\"a]",
    "\"",
    "\"\\",
    r#"["\"#,
    r#"["\""#,
    r#"["\x41"]"#,
    r#"["\a"]"#,
    r#"["\'"]"#,
    r#"["\0"]"#,
    r#"["\U0041"]"#,
    r#"["\u"]"#,
    r#"["\u00"]"#,
    r#"["\u00A"]"#,
    r#"["\u00G0"]"#,
    r#"["\u+123"]"#,
    r#"["\ud800"]"#,
    r#"["\ud800abc"]"#,
    r#"["\ud800\n"]"#,
    r#"["\ud800\u0041"]"#,
    r#"["\ud800\ud800"]"#,
    r#"["\udc00"]"#,
    r#"["\udc00\ud800"]"#,
    r#"["\ud800\"#,
    r#"["\ud800\u"#,
    "[\"\u{0}\"]",
    "[\"\n\"]",
    "[\"\t\"]",
    "[\"12345678\u{1f}\"]",
    "\u{feff}{}",
    "\u{feff}",
    "[\u{a0}1]",
    "[\u{c}1]",
    "[\u{b}1]",
    "\u{0}",
    "[1]\u{0}",
    "{a:1}",
    "{'a':1}",
    "{1:1}",
    "{null:1}",
    "{[]:1}",
    r#"{"a"}"#,
    r#"{"a" "b"}"#,
    r#"{"a":}"#,
    r#"{:1}"#,
    r#"{"a"::1}"#,
    r#"{"a":1,}"#,
    r#"{,"a":1}"#,
    r#"{"a":1,,"b":2}"#,
    r#"{"a":1 "b":2}"#,
    r#"{"a":1"#,
    r#"{"a":1,"#,
    r#"{"a""#,
    r#"{"a":"b"}#"#,
    r#"{"a":"b"}}"#,
    r#"{"a":truefalse}"#,
    "<null>",
    "\\u0041",
    "abc",
    "é",
];

#[test]
fn every_json_text_is_taken_and_passed_on_with_the_same_meaning() {
    for text in TAKEN {
        let written = rewritten(text.as_bytes(), 64).unwrap_or_else(|it| panic!("{text}: {it}"));
        let before: Reference = serde_json::from_str(text).unwrap();
        assert_eq!(serde_json::from_slice::<Reference>(&written).unwrap(), before, "{text}");
    }
}

#[test]
fn whatever_is_not_json_is_refused() {
    let taken: Vec<&&str> =
        REFUSED.iter().filter(|text| rewritten(text.as_bytes(), 64).is_ok()).collect();
    assert_eq!(taken, [] as [&&str; 0]);
}

#[test]
fn text_in_another_encoding_is_refused() {
    let utf16 = |text: &str| text.encode_utf16().flat_map(u16::to_le_bytes).collect::<Vec<u8>>();
    let cases: &[&[u8]] = &[
        b"[\"\xff\"]",
        b"[\"\xc0\xaf\"]",
        b"[\"\xe9\"]",
        b"[\"\xed\xa0\x80\"]",
        b"[\"\xf4\xbf\xbf\xbf\"]",
        b"[\"\xe2\x82\"]",
        b"\xff\xfe",
        b"{\"\x80\":1}",
    ];
    for case in cases {
        assert_eq!(rewritten(case, 64), Err(ParseErrorKind::Encoding), "{case:x?}");
    }
    assert!(rewritten(&utf16("[\"a\"]"), 64).is_err());
}

#[test]
fn a_body_may_be_as_deep_as_the_limit_and_no_deeper() {
    for (limit, holds) in [(1, 1), (64, 64), (512, 512), (100_000, 512)] {
        let nested = |depth| format!("{}{}", "[".repeat(depth), "]".repeat(depth));
        assert!(rewritten(nested(holds).as_bytes(), limit).is_ok(), "{limit}");
        let deeper = rewritten(nested(holds + 1).as_bytes(), limit);
        assert_eq!(deeper, Err(ParseErrorKind::TooDeep { limit: holds }));
        let objects = "{\"a\":".repeat(holds + 1);
        let deeper = rewritten(objects.as_bytes(), limit);
        assert_eq!(deeper, Err(ParseErrorKind::TooDeep { limit: holds }));
    }
    let endless = "[".repeat(100_000);
    assert_eq!(rewritten(endless.as_bytes(), 64), Err(ParseErrorKind::TooDeep { limit: 64 }));
}

#[test]
fn numbers_pass_as_written_up_to_the_limits() {
    let digits = "9".repeat(10_000);
    let exact = [
        "1.0",
        "100",
        "1e2",
        "1E+02",
        "-0",
        "-0.0",
        "1e400",
        "1e6144",
        "1e-6144",
        "13.10",
        "3.14159265358979323846264338327950288419716939937510",
        "18446744073709551616",
        &digits,
    ];
    for number in exact {
        assert_eq!(rewritten(number.as_bytes(), 64), Ok(number.as_bytes().to_vec()), "{number}");
    }
    let many_digits = format!("{digits}.9");
    let beyond = ["1e6145", "-1e-6145", "1e99999999999999999999", &many_digits];
    for number in beyond {
        let refused = rewritten(number.as_bytes(), 64);
        assert_eq!(refused, Err(ParseErrorKind::NumberTooLarge), "{number}");
    }
}

/// A document as its text, with white space here and there; keys may stand twice.
fn documents() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        Just("null".to_owned()),
        any::<bool>().prop_map(|it| it.to_string()),
        any::<i64>().prop_map(|it| it.to_string()),
        any::<f64>().prop_filter("finite", |it| it.is_finite()).prop_map(|it| format!("{it:e}")),
        any::<String>().prop_map(|it| serde_json::to_string(&it).unwrap()),
        "[a-z\"\\\\\u{0}-\u{1f}]{0,20}".prop_map(|it| serde_json::to_string(&it).unwrap()),
    ];
    leaf.prop_recursive(6, 64, 20, |inner| {
        let key = prop_oneof!["[a-e]{1,3}", any::<String>()];
        let member = (key, inner.clone())
            .prop_map(|(key, value)| format!("{} : {value}", serde_json::to_string(&key).unwrap()));
        prop_oneof![
            prop::collection::vec(inner, 0..8).prop_map(|it| format!("[{}]", it.join(" ,"))),
            prop::collection::vec(member, 0..20).prop_map(|it| format!("{{{}\n}}", it.join(","))),
        ]
    })
}

/// Whether some object holds a key twice, told by a parser that keeps the last.
fn members_written(text: &str) -> (usize, usize) {
    fn members(value: &Reference) -> usize {
        match value {
            Reference::Array(items) => items.iter().map(members).sum(),
            Reference::Object(all) => all.len() + all.values().map(members).sum::<usize>(),
            _ => 0,
        }
    }
    // Outside strings a colon stands only between a key and its value.
    let mut colons = 0;
    let mut letters = text.chars();
    let mut inside = false;
    while let Some(letter) = letters.next() {
        match letter {
            '"' => inside = !inside,
            '\\' if inside => drop(letters.next()),
            ':' if !inside => colons += 1,
            _ => {}
        }
    }
    (members(&serde_json::from_str(text).unwrap()), colons)
}

proptest! {
    #[test]
    fn a_document_keeps_its_meaning_or_has_a_key_twice(text in documents()) {
        match rewritten(text.as_bytes(), 64) {
            Ok(written) => {
                let before: Reference = serde_json::from_str(&text).unwrap();
                prop_assert_eq!(serde_json::from_slice::<Reference>(&written).unwrap(), before);
                prop_assert_eq!(rewritten(&written, 64), Ok(written));
            }
            Err(ParseErrorKind::DuplicateKey) => {
                let (kept, written) = members_written(&text);
                prop_assert!(kept < written, "no key twice in {}", text);
            }
            Err(other) => prop_assert!(false, "{}: {}", other, text),
        }
    }

    #[test]
    fn a_damaged_document_is_taken_only_where_others_take_it(
        text in documents(),
        place in any::<prop::sample::Index>(),
        byte in prop_oneof![any::<u8>(), prop::sample::select(b"[]{}\",:\\u0e-+. 1".to_vec())],
        insert in any::<bool>(),
    ) {
        let mut text = text.into_bytes();
        let place = place.index(text.len());
        if insert { text.insert(place, byte) } else { text[place] = byte }
        let reference = serde_json::from_slice::<Reference>(&text);
        match rewritten(&text, 64) {
            // The reference refuses numbers beyond a binary float, we do not.
            Ok(_) => if let Err(error) = reference {
                prop_assert!(error.to_string().contains("number out of range"), "{}", error);
            },
            Err(ParseErrorKind::Syntax(why)) => prop_assert!(reference.is_err(), "{}", why),
            Err(ParseErrorKind::Encoding) => prop_assert!(reference.is_err()),
            Err(_) => {}
        }
    }
}
