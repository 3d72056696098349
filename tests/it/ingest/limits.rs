//! A limit on everything: size, speed, rate, calls at once, memory.

use std::time::Duration;

use simpul::connector::http::source::IngestLimits;
use tokio::sync::Semaphore;

use super::bench::{Bench, KEY, refused, request};

const JSON: &str = "content-type: application/json";

fn small() -> IngestLimits {
    IngestLimits { body_bytes_max: 100, batch_bytes_max: 400, ..IngestLimits::default() }
}

/// JSON of exactly this many bytes.
fn of_size(bytes: usize) -> String {
    format!("\"{}\"", "a".repeat(bytes - 2))
}

#[tokio::test]
async fn a_body_may_be_as_large_as_the_limit_and_no_larger() {
    let bench = Bench::with(small()).await;
    assert_eq!(bench.json(of_size(100)).await.status, 202);
    let answer = bench.json(of_size(101)).await;
    assert_eq!(answer.problem(), refused(413, "body_too_large"));
    assert_eq!(answer.json()["limit"], 100);
    // The same, without saying before how large it will be.
    let chunked = |size: usize| {
        let head = String::from_utf8(request(&format!("{JSON}\ntransfer-encoding: chunked"), ""));
        let head = head.unwrap().replace("content-length: 0\r\n", "");
        format!("{head}{size:x}\r\n{}\r\n0\r\n\r\n", of_size(size))
    };
    assert_eq!(bench.raw(chunked(100)).await.status, 202);
    assert_eq!(bench.raw(chunked(101)).await.problem(), refused(413, "body_too_large"));
    assert_eq!(bench.intake.taken().len(), 2);
}

#[tokio::test]
async fn a_body_is_refused_by_its_declared_length_before_it_is_sent() {
    let bench = Bench::with(small()).await;
    let mut client = bench.connect().await;
    let head = String::from_utf8(request(&format!("{JSON}\nexpect: 100-continue"), "")).unwrap();
    client.send(head.replace("content-length: 0", "content-length: 104857600")).await;
    assert_eq!(client.answer().await.problem(), refused(413, "body_too_large"));
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_sender_in_the_middle_of_a_refused_body_still_sees_why() {
    let bench = Bench::new().await;
    for _ in 0..20 {
        let answer = bench.json(of_size(1024 * 1024 + 1)).await;
        assert_eq!(answer.problem(), refused(413, "body_too_large"));
    }
}

#[tokio::test]
async fn a_batch_has_limits_for_the_whole_for_each_message_and_for_their_number() {
    let bench = Bench::with(IngestLimits { batch_messages_max: 5, ..small() }).await;
    let lines = "content-type: application/x-ndjson";
    let three = [of_size(100), of_size(100), of_size(99)].join("\n");
    assert_eq!(bench.post(lines, &three).await.status, 202);
    let one_large = bench.post(lines, format!("1\n{}\n", of_size(101))).await;
    assert_eq!(one_large.problem(), refused(413, "body_too_large"));
    assert_eq!(one_large.json()["line"], 2);
    let all_large = bench.post(lines, [of_size(100), three].join("\n")).await;
    assert_eq!(all_large.problem(), refused(413, "body_too_large"));
    assert_eq!(bench.post(lines, "1\n2\n3\n4\n5\n").await.status, 202);
    let many = bench.post(lines, "1\n2\n3\n4\n5\n6\n").await;
    assert_eq!(many.problem(), refused(413, "too_many_messages"));
    assert_eq!(bench.intake.taken().len(), 2);
}

#[tokio::test]
async fn a_body_that_comes_too_slowly_is_given_up() {
    let limits = IngestLimits {
        body_grace: Duration::from_millis(50),
        body_time_max: Duration::from_secs(3_600),
        ..IngestLimits::default()
    };
    let bench = Bench::with(limits).await;
    let mut client = bench.connect().await;
    let whole = request(JSON, "12345");
    client.send(&whole[..whole.len() - 1]).await;
    let answer = client.answer().await;
    assert_eq!(answer.problem(), refused(408, "body_too_slow"));
    assert!(bench.intake.taken().is_empty());
}

#[tokio::test]
async fn headers_that_do_not_come_end_the_connection() {
    let limits =
        IngestLimits { headers_time_max: Duration::from_millis(50), ..IngestLimits::default() };
    let bench = Bench::with(limits).await;
    let mut client = bench.connect().await;
    client.send("POST /v1/e-sppd/status HTTP/1.1\r\nhost: sim").await;
    assert!(client.is_closed().await);
}

#[tokio::test]
async fn a_key_has_a_rate_and_others_do_not_suffer() {
    let limits = IngestLimits { rate_per_second: 1, burst: 3, ..IngestLimits::default() };
    let bench = Bench::with(limits).await;
    let mut taken = 0;
    // On a slow machine a token may come back meanwhile.
    let answer = loop {
        let answer = bench.json("1").await;
        if answer.status != 202 || taken == 50 {
            break answer;
        }
        taken += 1;
    };
    assert!(3 <= taken, "{taken}");
    assert_eq!(answer.problem(), refused(429, "rate_limited"));
    assert_eq!(answer.headers["retry-after"], "1");
    let other = String::from_utf8(request(JSON, "1")).unwrap();
    let other = other.replace(KEY, super::OTHER_KEY).replace("/e-sppd/status", "/simpeg/pegawai");
    assert_eq!(bench.raw(other).await.status, 202);
    assert_eq!(bench.refusals(), ["rate_limited"]);
}

#[tokio::test]
async fn a_key_may_have_so_many_calls_in_hand() {
    let bench = Bench::with(IngestLimits { in_flight_max: 2, ..IngestLimits::default() }).await;
    bench.intake.gate.forget_permits(Semaphore::MAX_PERMITS);
    let (mut first, mut second) = (bench.connect().await, bench.connect().await);
    first.send(request(JSON, "1")).await;
    second.send(request(JSON, "2")).await;
    bench.intake.entered.acquire_many(2).await.unwrap().forget();
    let third = bench.json("3").await;
    assert_eq!(third.problem(), refused(429, "too_many_in_flight"));
    bench.intake.gate.add_permits(Semaphore::MAX_PERMITS);
    assert_eq!(first.answer().await.status, 202);
    assert_eq!(second.answer().await.status, 202);
    assert_eq!(bench.json("3").await.status, 202, "a finished call makes room");
}

#[tokio::test]
async fn all_bodies_in_hand_share_one_memory() {
    let limits = IngestLimits { memory_bytes_max: 8 * 1024, ..IngestLimits::default() };
    let bench = Bench::with(limits).await;
    bench.intake.gate.forget_permits(Semaphore::MAX_PERMITS);
    let mut first = bench.connect().await;
    first.send(request(JSON, of_size(6 * 1024))).await;
    bench.intake.entered.acquire().await.unwrap().forget();
    let answer = bench.json(of_size(6 * 1024)).await;
    assert_eq!(answer.problem(), refused(503, "busy"));
    assert_eq!(answer.headers["retry-after"], "1");
    bench.intake.gate.add_permits(Semaphore::MAX_PERMITS);
    assert_eq!(first.answer().await.status, 202);
    assert_eq!(bench.json(of_size(6 * 1024)).await.status, 202);
}

#[tokio::test]
async fn storing_that_takes_too_long_is_unavailable() {
    let limits =
        IngestLimits { accept_time_max: Duration::from_millis(50), ..IngestLimits::default() };
    let bench = Bench::with(limits).await;
    bench.intake.gate.forget_permits(Semaphore::MAX_PERMITS);
    let answer = bench.json("1").await;
    assert_eq!(answer.problem(), refused(503, "unavailable"));
    assert!(answer.headers.contains_key("retry-after"));
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_for_one_to_end() {
    let limits = IngestLimits {
        connections_max: 1,
        connection_time_max: Duration::from_millis(50),
        ..IngestLimits::default()
    };
    let bench = Bench::with(limits).await;
    let mut first = bench.connect().await;
    first.send(request(JSON, "1")).await;
    assert_eq!(first.answer().await.status, 202);
    assert_eq!(bench.json("2").await.status, 202, "once the first had its time");
    assert!(first.is_closed().await);
}
