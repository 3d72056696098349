//! Everything that a sender can do wrong, as the bytes that he sends and the answer that he gets.

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    time::timeout,
};

use crate::support::process::PATIENCE;

/// The largest body that the bus of these tests takes.
pub(super) const BODY_MAX: usize = 1 << 20;

/// What a refused message is numbered: none of these may ever be delivered.
const REFUSED: &str = "{\"nomor\": 900001}";

/// One thing done wrong.
pub(super) struct Case {
    pub(super) what: &'static str,
    pub(super) bytes: Vec<u8>,
    pub(super) status: u16,
    /// The code of the problem; empty where the answer has no body.
    pub(super) code: &'static str,
}

/// A call of the source with these further header lines.
pub(super) fn post(lines: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let length = body.as_ref().len();
    let authorised = format!("authorization: Bearer kunci\r\n{lines}content-length: {length}\r\n");
    call("POST /v1/asal/data", &authorised, body)
}

/// A call with these header lines.
pub(super) fn call(what: &str, lines: &str, body: impl AsRef<[u8]>) -> Vec<u8> {
    let mut bytes = format!("{what} HTTP/1.1\r\nhost: simpul\r\n{lines}\r\n").into_bytes();
    bytes.extend_from_slice(body.as_ref());
    bytes
}

pub(super) const JSON: &str = "content-type: application/json\r\n";
pub(super) const LINES: &str = "content-type: application/x-ndjson\r\n";

/// What is wrong with a body, and what is said of it.
fn bodies() -> Vec<(&'static str, Vec<u8>, u16, &'static str)> {
    let deep = |it: &str| it.repeat(100_000).into_bytes();
    let cases: [(&str, &[u8], u16, &str); 12] = [
        ("nothing", b"", 400, "json_syntax"),
        ("not JSON", b"nomor=1", 400, "json_syntax"),
        ("cut off", br#"{"nomor": 900001"#, 400, "json_syntax"),
        ("two documents", b"{\"nomor\": 900001}{}", 400, "json_syntax"),
        ("a key twice", br#"{"nomor": 900001, "nomor": 900002}"#, 400, "json_duplicate_key"),
        ("a hidden key twice", br#"{"nomor": 900001, "\u006eomor": 1}"#, 400, "json_duplicate_key"),
        ("no UTF-8", b"{\"nomor\": 900001, \"isi\": \"\xff\xfe\"}", 400, "json_encoding"),
        ("Latin-1", b"{\"nomor\": 900001, \"isi\": \"caf\xe9\"}", 400, "json_encoding"),
        ("half of a pair", br#"{"nomor": 900001, "isi": "\ud800"}"#, 400, "json_syntax"),
        ("a control character", b"{\"nomor\": 900001, \"isi\": \"\0\"}", 400, "json_syntax"),
        ("a byte order mark", "\u{feff}{\"nomor\": 900001}".as_bytes(), 400, "json_syntax"),
        ("a huge exponent", b"{\"nomor\": 9e99999}", 400, "json_number_too_large"),
    ];
    let mut cases: Vec<_> = cases
        .into_iter()
        .map(|(what, body, status, code)| (what, body.into(), status, code))
        .collect();
    let digits = "9".repeat(200_000).into_bytes();
    cases.push(("a number without end", digits, 400, "json_number_too_large"));
    cases.push(("arrays without end", deep("["), 400, "json_too_deep"));
    cases.push(("objects without end", deep("{\"a\":"), 400, "json_too_deep"));
    let large = format!("\"{}\"", "a".repeat(BODY_MAX)).into_bytes();
    cases.push(("a body too large", large, 413, "body_too_large"));
    cases
}

/// Everything that the systems' door refuses.
pub(super) fn of_senders() -> Vec<Case> {
    let mut cases: Vec<Case> = bodies()
        .into_iter()
        .map(|(what, body, status, code)| Case { what, bytes: post(JSON, body), status, code })
        .collect();
    let mut add = |what, bytes, status, code| cases.push(Case { what, bytes, status, code });
    let wrong_key = format!("authorization: Bearer salah\r\n{JSON}content-length: 17\r\n");
    let call_with = |lines: &str| call("POST /v1/asal/data", lines, REFUSED);
    add("a wrong key", call_with(&wrong_key), 401, "unauthorised");
    add("no key", call_with("content-length: 17\r\n"), 401, "unauthorised");
    let elsewhere = wrong_key.replace("salah", "kunci");
    let elsewhere = call("POST /v1/asal/lain", &elsewhere, REFUSED);
    add("a source that is not", elsewhere, 404, "unknown_source");
    add("a path that is not", call("GET /etc/passwd", "", ""), 404, "not_found");
    add("another method", call("DELETE /v1/asal/data", "", ""), 405, "method_not_allowed");
    let text = post("content-type: text/plain\r\n", REFUSED);
    add("another kind", text, 415, "unsupported_media_type");
    let gzip = post(&format!("{JSON}content-encoding: gzip\r\n"), b"\x1f\x8b\x08\0\0\0\0\0\0\xff");
    add("compressed", gzip, 415, "unsupported_encoding");
    let bad_line = format!("{REFUSED}\n{{\"nomor\": 900002,}}\n{REFUSED}\n");
    add("a bad line among good ones", post(LINES, bad_line), 400, "json_syntax");
    add("lines without messages", post(LINES, "\n\n"), 400, "no_messages");
    add("too many lines", post(LINES, "900001\n".repeat(10_001)), 413, "too_many_messages");
    let long_key = format!("{JSON}idempotency-key: {}\r\n", "k".repeat(300));
    add("a long key", post(&long_key, REFUSED), 400, "idempotency_key_invalid");
    let event = format!("{JSON}ce-id: 1\r\nce-specversion: 1.0\r\n");
    add("half an event", post(&event, REFUSED), 400, "cloudevent_invalid");
    let chunks = format!("authorization: Bearer kunci\r\n{JSON}transfer-encoding: chunked\r\n");
    let chunks = call("POST /v1/asal/data", &chunks, "zz\r\n7\r\n0\r\n\r\n");
    add("garbled chunks", chunks, 400, "body_incomplete");
    let two = call_with("content-length: 1\r\ncontent-length: 2\r\n");
    add("two lengths", two, 400, "");
    add("no HTTP", b"\x16\x03\x01\x02\x00\x01\x00\r\n\r\n".to_vec(), 400, "");
    let many: String = (0..200).map(|it| format!("x-{it}: 1\r\n")).collect();
    add("too many headers", call_with(&many), 431, "");
    let large = format!("x-besar: {}\r\n", "a".repeat(20_000));
    add("too large a header", call_with(&large), 431, "");
    cases
}

/// Everything that the operators' door refuses, by one who has the token.
pub(super) fn of_operators(token: &str) -> Vec<Case> {
    let with = |lines: &str, body: &str| {
        let length = body.len();
        let lines = format!(
            "authorization: Bearer {token}\r\ncontent-type: application/json\r\n{lines}content-length: {length}\r\n"
        );
        call("POST /api/v1/dead/discard", &lines, body)
    };
    let all = r#"{"selection": {"all": true}, "by": "x", "reason": "x"}"#;
    let foreign = call("POST /api/v1/dead/discard", "content-length: 54\r\n", all);
    let wrong = String::from_utf8(with("", all)).unwrap().replace(token, "salah").into_bytes();
    let case = |what, bytes, status| Case { what, bytes, status, code: "" };
    let deep = format!(r#"{{"selection": {}"#, "[".repeat(10_000));
    let huge = "x".repeat(1 << 20);
    vec![
        case("no token", foreign, 401),
        case("a wrong token", wrong, 401),
        case("no JSON", with("", "selection=all"), 400),
        case("a body too deep", with("", &deep), 400),
        case("a key twice", with("", r#"{"by": "x", "by": "y", "selection": {}}"#), 400),
        case("a body too large", with("", &huge), 413),
        case("a path that is not", call("GET /../../etc/passwd", "", ""), 404),
        case("no HTTP", b"\x00\xff\x00\xff\r\n\r\n".to_vec(), 400),
        case("two lengths", with("content-length: 1\r\n", all), 400),
        case("too large a header", with(&format!("x: {}\r\n", "a".repeat(40_000)), all), 431),
    ]
}

/// Sends bytes over a connection of their own; the status of the answer, and the answer.
pub(super) async fn send(address: &str, bytes: &[u8]) -> (u16, String) {
    let mut stream = TcpStream::connect(address).await.unwrap();
    // One who refuses may close before all has come; what he said is read all the same.
    let _ = stream.write_all(bytes).await;
    let mut answer = Vec::new();
    while !is_whole(&answer) {
        let read = timeout(PATIENCE, stream.read_buf(&mut answer)).await.expect("an answer");
        if !matches!(read, Ok(1..)) {
            break;
        }
    }
    let answer = String::from_utf8_lossy(&answer).into_owned();
    let status = answer.split(' ').nth(1).and_then(|it| it.parse().ok()).unwrap_or_default();
    (status, answer)
}

/// Whether an answer has come whole, by the length that it declares.
fn is_whole(answer: &[u8]) -> bool {
    let text = String::from_utf8_lossy(answer).to_lowercase();
    let Some((head, body)) = text.split_once("\r\n\r\n") else { return false };
    let length = head.lines().find_map(|it| it.strip_prefix("content-length: "));
    length.is_some_and(|it| it.parse() == Ok(body.len()))
}
