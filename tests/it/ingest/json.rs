//! Bodies that are JSON, nearly JSON, or nothing of the kind.
//!
//! The cases follow JSONTestSuite (`y_`, `n_`, `i_`), which `body.rs` runs whole.

use std::io::Write as _;

use super::bench::{Bench, refused};

/// Bodies that RFC 8259 allows and simpul takes, exactly as they are.
const TAKEN: &[&str] = &[
    "{}",
    "[]",
    "[[] ]",
    "null",
    "true",
    "\"\"",
    "\"a\"",
    " 1 ",
    "\t\r\n{\"a\"\r:\t1}\n",
    "-0",
    "-0.0",
    "0e+1",
    "20e1",
    "1E400",
    "123456789012345678901234567890",
    "-237462374673276894279832749832423479823246327846",
    "1.10",
    "[1,null,\"1\",{}]",
    "{\"a\":{\"a\":1}}",
    "{\"\":0}",
    r#"{"a\u0000b":1}"#,
    r#""\"\\\/\b\f\n\r\t\u0060\u012a\uD834\uDD1e""#,
    "\"\u{7f}\u{2028}\u{2029}\u{feff}\u{10ffff}\"",
    "\"\u{e9} ☃ 𝄞\"",
];

/// Bodies that are no JSON.
const REFUSED: &[(&str, &str)] = &[
    ("", "json_syntax"),
    (" ", "json_syntax"),
    ("[", "json_syntax"),
    ("]", "json_syntax"),
    ("{", "json_syntax"),
    ("[1,]", "json_syntax"),
    ("[,1]", "json_syntax"),
    ("[1 2]", "json_syntax"),
    ("[1}", "json_syntax"),
    ("{\"a\":1,}", "json_syntax"),
    ("{\"a\" 1}", "json_syntax"),
    ("{a:1}", "json_syntax"),
    ("{'a':1}", "json_syntax"),
    ("{1:1}", "json_syntax"),
    ("{\"a\":}", "json_syntax"),
    ("{\"a\"}", "json_syntax"),
    ("1 2", "json_syntax"),
    ("{}{}", "json_syntax"),
    ("[1]x", "json_syntax"),
    ("[1] // komentar", "json_syntax"),
    ("/* x */ 1", "json_syntax"),
    ("True", "json_syntax"),
    ("tru", "json_syntax"),
    ("nul", "json_syntax"),
    ("NaN", "json_syntax"),
    ("Infinity", "json_syntax"),
    ("-", "json_syntax"),
    ("+1", "json_syntax"),
    ("01", "json_syntax"),
    ("-01", "json_syntax"),
    ("1.", "json_syntax"),
    (".5", "json_syntax"),
    ("1e", "json_syntax"),
    ("1e+", "json_syntax"),
    ("0x1F", "json_syntax"),
    ("1_000", "json_syntax"),
    ("\u{ff11}", "json_syntax"),
    ("\"", "json_syntax"),
    ("\"a", "json_syntax"),
    ("\"a\nb\"", "json_syntax"),
    ("\"a\tb\"", "json_syntax"),
    ("\"a\0b\"", "json_syntax"),
    ("\"\\x41\"", "json_syntax"),
    ("\"\\u00g0\"", "json_syntax"),
    ("\"\\u12\"", "json_syntax"),
    ("\"\\", "json_syntax"),
    ("\u{b}1", "json_syntax"),
    ("1\u{c}", "json_syntax"),
    ("\u{a0}1", "json_syntax"),
    ("1\0", "json_syntax"),
    ("{\"a\":1,\"a\":1}", "json_duplicate_key"),
    ("{\"a\":1,\"b\":{\"c\":1,\"c\":2}}", "json_duplicate_key"),
    (r#"{"a":1,"\u0061":2}"#, "json_duplicate_key"),
];

#[tokio::test]
async fn json_of_every_kind_is_taken_as_it_is() {
    let bench = Bench::new().await;
    for body in TAKEN {
        let answer = bench.json(body).await;
        assert_eq!(answer.status, 202, "{body:?}: {answer:?}");
    }
    assert_eq!(bench.intake.bodies(), TAKEN);
}

#[tokio::test]
async fn what_is_no_json_is_refused_with_a_code_and_a_place() {
    let bench = Bench::new().await;
    for (body, code) in REFUSED {
        let answer = bench.json(body).await;
        assert_eq!(answer.problem(), refused(400, code), "{body:?}");
        let told = answer.json();
        assert!(told["line"].as_u64() >= Some(1) && told["column"].as_u64() >= Some(1), "{told}");
    }
    assert!(bench.intake.taken().is_empty());
    assert_eq!(bench.refusals().len(), REFUSED.len(), "every refusal is counted");
}

#[tokio::test]
async fn what_is_no_utf8_is_refused() {
    let bench = Bench::new().await;
    let bodies: &[&[u8]] = &[
        b"\"\xff\"",
        b"\"\xc3\"",
        b"\"\xc0\xaf\"",
        b"\"\xed\xa0\x80\"",
        b"\"\xf4\x90\x80\x80\"",
        b"\"\xe9t\xe9\"",
        b"\xff\xfe{\x00}\x00",
        b"\x00{\x00}",
    ];
    for body in bodies {
        let answer = bench.json(body).await;
        assert_eq!(answer.status, 400, "{body:?}");
        let code = answer.problem().1;
        assert!(["json_encoding", "json_syntax"].contains(&code.as_str()), "{body:?}: {code}");
    }
    for body in ["\u{feff}{}", r#""\uD800""#, r#""\uDC00\uD800""#, r#""\uD834x""#] {
        let answer = bench.json(body).await;
        assert_eq!(answer.status, 400, "{body:?}: {answer:?}");
    }
    assert!(bench.intake.taken().is_empty());
}

#[tokio::test]
async fn depth_is_bounded() {
    let bench = Bench::new().await;
    let nested = |depth: usize| "[".repeat(depth) + &"]".repeat(depth);
    assert_eq!(bench.json(nested(64)).await.status, 202);
    assert_eq!(bench.json(nested(65)).await.problem(), refused(400, "json_too_deep"));
    for body in ["[".repeat(100_000), "{\"a\":".repeat(100_000)] {
        assert_eq!(bench.json(body).await.problem(), refused(400, "json_too_deep"));
    }
}

#[tokio::test]
async fn numbers_beyond_all_measure_are_refused() {
    let bench = Bench::new().await;
    for body in ["1e7000".to_owned(), "1e99999999999999999999".to_owned(), "9".repeat(200_000)] {
        let answer = bench.json(body).await;
        assert_eq!(answer.problem(), refused(400, "json_number_too_large"));
    }
}

#[tokio::test]
async fn the_largest_bodies_of_the_worst_shapes_do_no_harm() {
    let bench = Bench::new().await;
    let size = 1024 * 1024 - 2;
    for item in ["1,", "[],", "{},", "\"\\u0000\",", "null,", "{\"a\":1},"] {
        let count = size / item.len();
        let body = format!("[{}]", item.repeat(count).trim_end_matches(','));
        let answer = bench.json(body).await;
        assert!([202, 413].contains(&answer.status), "{item}: {answer:?}");
    }
    let keys: String = (0..60_000).map(|it| format!("\"k{it}\":1,")).collect();
    let answer = bench.json(format!("{{{}}}", keys.trim_end_matches(','))).await;
    assert_eq!(answer.status, 202);
}

#[tokio::test]
async fn a_refusal_repeats_nothing_of_the_body() {
    let bench = Bench::new().await;
    let secret = "3174012501900001";
    for body in [
        format!("{{\"nik\": {secret}x}}"),
        format!("{{\"{secret}\": 1, \"{secret}\": 2}}"),
        format!("[\"{secret}\", }}"),
        format!("\"{secret}\u{1}\""),
        secret.repeat(1_000),
    ] {
        let answer = bench.json(&body).await;
        assert_eq!(answer.status, 400, "{body}");
        assert!(!answer.body.contains("31740125"), "{answer:?}");
    }
}

#[tokio::test]
async fn content_of_other_kinds_is_refused() {
    let bench = Bench::new().await;
    for kind in [
        "text/plain",
        "application/xml",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "application/json; charset=utf-16",
        "garbage",
    ] {
        let answer = bench.post(&format!("content-type: {kind}"), "{}").await;
        assert_eq!(answer.problem(), refused(415, "unsupported_media_type"), "{kind}");
    }
    let none = bench.post("", "{}").await;
    assert_eq!(none.problem(), refused(415, "unsupported_media_type"));
}

#[tokio::test]
async fn compressed_content_is_refused_unread() {
    let bench = Bench::new().await;
    // Stored, not compressed: the shape of gzip is enough.
    let mut gzip = vec![0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 255, 1, 2, 0, 253, 255];
    gzip.write_all(b"{}").unwrap();
    for encoding in ["gzip", "deflate", "br", "GZIP", "identity, gzip"] {
        let headers = format!("content-type: application/json\ncontent-encoding: {encoding}");
        let answer = bench.post(&headers, &gzip).await;
        assert_eq!(answer.problem(), refused(415, "unsupported_encoding"), "{encoding}");
    }
    let plain = "content-type: application/json\ncontent-encoding: identity";
    assert_eq!(bench.post(plain, "{}").await.status, 202);
}
