//! Calls that are no valid HTTP, or that two readers would read differently.

use super::bench::{Bench, KEY, refused, request};

fn head(lines: &str) -> String {
    format!(
        "POST /v1/e-sppd/status HTTP/1.1\r\nhost: simpul\r\nauthorization: Bearer {KEY}\r\n\
         content-type: application/json\r\n{lines}\r\n"
    )
}

#[tokio::test]
async fn a_call_with_both_lengths_is_one_message_and_the_end_of_its_connection() {
    for lines in [
        "content-length: 5\r\ntransfer-encoding: chunked\r\n",
        "transfer-encoding: chunked\r\ncontent-length: 5\r\n",
    ] {
        let bench = Bench::new().await;
        let mut client = bench.connect().await;
        // To one who believes the length, the message is `1\r\n7\r`, and a second call follows.
        let smuggled = String::from_utf8(request("content-type: application/json", "666")).unwrap();
        client.send(format!("{}1\r\n7\r\n0\r\n\r\n{smuggled}", head(lines))).await;
        let answer = client.answer().await;
        assert_eq!(answer.status, 202);
        assert_eq!(answer.headers["connection"], "close");
        assert!(client.is_closed().await);
        assert_eq!(bench.intake.bodies(), ["7"]);
    }
}

#[tokio::test]
async fn garbled_framing_is_refused_before_anything_is_taken() {
    let bench = Bench::new().await;
    let cases = [
        ("two lengths", head("content-length: 1\r\ncontent-length: 2\r\n") + "12"),
        ("a signed length", head("content-length: +1\r\n") + "1"),
        ("a negative length", head("content-length: -1\r\n") + "1"),
        ("a list of lengths", head("content-length: 1, 2\r\n") + "12"),
        ("a hexadecimal length", head("content-length: 0x1\r\n") + "1"),
        ("a folded header", head("x-lama: a\r\n b\r\ncontent-length: 1\r\n") + "1"),
        ("a space before the colon", head("content-length : 1\r\n") + "1"),
        ("a space in a name", head("x lama: 1\r\ncontent-length: 1\r\n") + "1"),
        ("a line feed in a value", head("x-lama: a\rb\r\ncontent-length: 1\r\n") + "1"),
        ("NUL in a value", head("x-lama: a\0b\r\ncontent-length: 1\r\n") + "1"),
        ("chunked not last", head("transfer-encoding: chunked, gzip\r\n") + "1\r\n7\r\n0\r\n\r\n"),
        ("no HTTP at all", "\u{16}\u{3}\u{1}\r\n\r\n".to_owned()),
        ("an unknown version", "POST /v1/e-sppd/status HTTP/3.7\r\n\r\n".to_owned()),
    ];
    let count = cases.len();
    for (what, raw) in cases {
        let mut client = bench.connect().await;
        client.send(raw).await;
        assert_eq!(client.answer().await.status, 400, "{what}");
        assert!(client.is_closed().await, "{what}");
    }
    assert!(bench.intake.taken().is_empty());
    assert_eq!(bench.refusals(), vec!["request_malformed"; count]);
}

#[tokio::test]
async fn broken_chunks_are_refused() {
    let bench = Bench::new().await;
    for chunks in ["zz\r\n7\r\n0\r\n\r\n", "1\r\n77\r\n0\r\n\r\n", "-1\r\n7\r\n0\r\n\r\n"] {
        let answer = bench.raw(head("transfer-encoding: chunked\r\n") + chunks).await;
        assert_eq!(answer.problem(), refused(400, "body_incomplete"), "{chunks:?}");
        assert_eq!(answer.headers["connection"], "close");
    }
    assert!(bench.intake.taken().is_empty());
}

#[tokio::test]
async fn a_body_that_breaks_off_is_never_taken() {
    let bench = Bench::new().await;
    let mut client = bench.connect().await;
    client.send(head("content-length: 10\r\n") + "12345").await;
    tokio::io::AsyncWriteExt::shutdown(&mut client.0).await.unwrap();
    client.end().await;
    assert!(bench.intake.taken().is_empty());
}

#[tokio::test]
async fn too_many_or_too_large_headers_are_refused_before_they_are_kept() {
    let bench = Bench::new().await;
    let many: String = (0..120).map(|it| format!("x-{it}: 1\r\n")).collect();
    let large = format!("x-besar: {}\r\n", "a".repeat(20 * 1024));
    for lines in [many, large] {
        let answer = bench.raw(head(&(lines + "content-length: 1\r\n")) + "1").await;
        assert_eq!(answer.status, 431);
    }
    let path = "/v1/".to_owned() + &"a".repeat(20 * 1024);
    let answer = bench.raw(format!("POST {path} HTTP/1.1\r\nhost: simpul\r\n\r\n")).await;
    assert!([414, 431].contains(&answer.status), "{answer:?}");
    assert!(bench.intake.taken().is_empty());
    assert_eq!(bench.refusals().len(), 3);
}

#[tokio::test]
async fn calls_one_behind_the_other_are_answered_in_their_order() {
    let bench = Bench::new().await;
    let mut client = bench.connect().await;
    let calls: Vec<_> = ["1", "[", "3"]
        .iter()
        .flat_map(|it| request("content-type: application/json", it))
        .collect();
    client.send(calls).await;
    assert_eq!(client.answer().await.status, 202);
    assert_eq!(client.answer().await.status, 400);
    assert_eq!(client.answer().await.status, 202);
    assert_eq!(bench.intake.bodies(), ["1", "3"]);
}

#[tokio::test]
async fn headers_that_mean_something_stand_once() {
    let bench = Bench::new().await;
    let json = "content-type: application/json";
    let twice = bench.post(&format!("{json}\n{json}"), "1").await;
    assert_eq!(twice.problem(), refused(400, "header_invalid"));
    for key in ["", " ", "a b", "a\u{e9}", &"k".repeat(201)] {
        let answer = bench.post(&format!("{json}\nidempotency-key: {key}"), "1").await;
        assert_eq!(answer.problem(), refused(400, "idempotency_key_invalid"), "{key:?}");
    }
    let two = bench.post(&format!("{json}\nidempotency-key: a\nidempotency-key: a"), "1").await;
    assert_eq!(two.problem(), refused(400, "idempotency_key_invalid"));
    let longest = format!("{json}\nidempotency-key: {}", "k".repeat(200));
    assert_eq!(bench.post(&longest, "1").await.status, 202);
}

#[tokio::test]
async fn only_known_headers_are_kept() {
    let bench = Bench::new().await;
    let headers = "content-type: application/json\nsimpul-attempt: 7\ncookie: a=b\nx-nip: 1990";
    assert_eq!(bench.post(headers, "1").await.status, 202);
    let kept = &bench.intake.taken()[0].messages[0].headers;
    assert_eq!(kept.iter().collect::<Vec<_>>(), [("content-type", "application/json")]);
}
