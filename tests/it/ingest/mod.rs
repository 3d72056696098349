//! Systems send messages over HTTP: what is taken, what is refused, and how it is said.

mod bench;
mod events;
mod framing;
mod json;
mod limits;

use std::time::Duration;

use serde_json::json;
use simpul::{
    connector::{Accepted, IntakeError, http::source::ProblemCode},
    message::MessageId,
};

use self::bench::{Bench, KEY, KNOWN_MESSAGE, OTHER_KEY, refused, request};

#[tokio::test]
async fn a_message_is_answered_with_its_id_once_it_is_taken() {
    let bench = Bench::new().await;
    let body = "{\"nomor\": \"SPD-1\", \"total\": 1.50}\n";
    let answer = bench.post("content-type: application/json\ntraceparent: 00-ab-cd-01", body).await;

    assert_eq!(answer.status, 202);
    assert_eq!(answer.headers["content-type"], "application/json");
    let told = answer.json();
    assert_eq!(told["duplicate"], false);
    assert!(told["id"].as_str().unwrap().parse::<MessageId>().is_ok());
    let handover = bench.intake.taken().remove(0);
    assert_eq!(handover.source.to_string(), "e-sppd.status");
    assert_eq!(handover.client, "e-sppd.status/utama");
    assert_eq!(handover.messages[0].body, body, "the text exactly as it came");
    assert_eq!(handover.messages[0].key, None);
    let headers: Vec<_> = handover.messages[0].headers.iter().collect();
    assert_eq!(headers, [("content-type", "application/json"), ("traceparent", "00-ab-cd-01")]);
    assert!(bench.refusals().is_empty());
}

#[tokio::test]
async fn a_repeat_is_answered_with_the_first_id() {
    let bench = Bench::new().await;
    let id: MessageId = KNOWN_MESSAGE.parse().unwrap();
    bench.intake.script.lock().unwrap().push_back(Ok(vec![Accepted { id, duplicate: true }]));
    let answer = bench.post("content-type: application/json\nidempotency-key: SPD-1", "1").await;

    assert_eq!(answer.status, 202);
    assert_eq!(answer.json(), json!({ "id": KNOWN_MESSAGE, "duplicate": true }));
    assert_eq!(bench.intake.taken()[0].messages[0].key.as_deref(), Some("SPD-1"));
}

#[tokio::test]
async fn without_a_valid_key_every_answer_is_the_same() {
    let bench = Bench::new().await;
    let mut answers = Vec::new();
    for path in ["/v1/e-sppd/status", "/v1/no/such", "/v1/e-sppd/UPPER", "/v1/a%2fb/%ff"] {
        for authorization in [
            "",
            "authorization: Bearer wrong\r\n",
            "authorization: Basic c2ltcHVs\r\n",
            "authorization: Bearer\r\n",
            &format!("authorization: Bearer {KEY}\r\nauthorization: Bearer {KEY}\r\n"),
            &format!("authorization: Bearer {}\r\n", "x".repeat(4_000)),
        ] {
            let raw = format!(
                "POST {path} HTTP/1.1\r\nhost: simpul\r\n{authorization}content-length: 0\r\n\r\n"
            );
            let answer = bench.raw(raw).await;
            assert_eq!(answer.problem(), refused(401, "unauthorised"), "{path} {authorization}");
            assert_eq!(answer.headers["www-authenticate"], "Bearer");
            answers.push(answer.body);
        }
    }
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    assert!(bench.intake.taken().is_empty());
}

#[tokio::test]
async fn a_key_opens_its_own_sources_and_does_not_tell_which_others_exist() {
    let bench = Bench::new().await;
    let post = |path: &str, key: &str| {
        format!(
            "POST {path} HTTP/1.1\r\nhost: simpul\r\nauthorization: Bearer {key}\r\n\
             content-type: application/json\r\ncontent-length: 1\r\n\r\n1"
        )
    };
    assert_eq!(bench.raw(post("/v1/e-sppd/lain", KEY)).await.status, 202);
    assert_eq!(bench.raw(post("/v1/simpeg/pegawai", OTHER_KEY)).await.status, 202);
    let closed = bench.raw(post("/v1/simpeg/pegawai", KEY)).await;
    let absent = bench.raw(post("/v1/simpeg/tidak-ada", KEY)).await;
    assert_eq!(closed.problem(), refused(404, "unknown_source"));
    assert_eq!(closed.body, absent.body);
    assert_eq!(bench.intake.taken().len(), 2);
}

#[tokio::test]
async fn other_paths_and_methods_are_refused_as_problems_too() {
    let bench = Bench::new().await;
    for path in ["/", "/v1", "/v1/e-sppd", "/v1/e-sppd/status/x", "/metrics", "/v2/a/b"] {
        let answer = bench.raw(format!("GET {path} HTTP/1.1\r\nhost: simpul\r\n\r\n")).await;
        assert_eq!(answer.problem(), refused(404, "not_found"), "{path}");
    }
    for method in ["GET", "PUT", "DELETE", "PATCH", "FOO"] {
        let raw = format!("{method} /v1/e-sppd/status HTTP/1.1\r\nhost: simpul\r\n\r\n");
        let answer = bench.raw(raw).await;
        assert_eq!(answer.problem(), refused(405, "method_not_allowed"), "{method}");
        assert_eq!(answer.headers["allow"], "POST");
    }
}

#[tokio::test]
async fn a_sender_learns_how_his_own_message_fares_and_nothing_of_others() {
    let bench = Bench::new().await;
    let ask = |id: &str, key: &str| {
        format!(
            "GET /v1/messages/{id} HTTP/1.1\r\nhost: simpul\r\nauthorization: Bearer {key}\r\n\r\n"
        )
    };
    let own = bench.raw(ask(KNOWN_MESSAGE, KEY)).await;
    assert_eq!((own.status, own.json()["state"].as_str()), (200, Some("routed")));
    let unknown = refused(404, "unknown_message");
    let other = "019bc9a1-7d40-7000-8000-000000000002";
    assert_eq!(bench.raw(ask(KNOWN_MESSAGE, OTHER_KEY)).await.problem(), unknown);
    assert_eq!(bench.raw(ask(other, KEY)).await.problem(), unknown);
    assert_eq!(bench.raw(ask("not-an-id", KEY)).await.problem(), unknown);
    let nobody = bench.raw(ask(KNOWN_MESSAGE, "wrong")).await;
    assert_eq!(nobody.problem(), refused(401, "unauthorised"));
}

#[tokio::test]
async fn what_the_intake_says_is_passed_on_without_its_reasons() {
    let bench = Bench::new().await;
    let reason = "disk /dev/sda1 is full".to_owned();
    let retry_after = Duration::from_millis(4_200);
    let violations = vec![("/pelaksana/0/nip".to_owned(), "18 digits".to_owned())];
    for (error, status, code, retry) in [
        (IntakeError::Unavailable { reason, retry_after }, 503, "unavailable", Some("5")),
        (IntakeError::Invalid { index: 0, violations }, 422, "schema_violation", None),
        (IntakeError::KeyReused { index: 0 }, 422, "idempotency_key_reused", None),
        (IntakeError::KeyInFlight { index: 0 }, 409, "idempotency_key_in_flight", Some("1")),
        (IntakeError::NoRoute, 503, "no_route", Some("60")),
    ] {
        bench.intake.script.lock().unwrap().push_back(Err(error));
        let answer = bench.json("{}").await;
        assert_eq!(answer.problem(), refused(status, code));
        assert_eq!(answer.headers.get("retry-after").map(String::as_str), retry, "{code}");
        assert!(!answer.body.contains("sda1"), "{answer:?}");
        if code == "schema_violation" {
            let errors = json!([{ "pointer": "/pelaksana/0/nip", "detail": "18 digits" }]);
            assert_eq!(answer.json()["errors"], errors);
        }
    }
    let counted = bench.refusals();
    assert_eq!(counted[..2], ["unavailable", "schema_violation"]);
    assert_eq!(counted.len(), 5);
}

#[tokio::test]
async fn lines_are_taken_all_or_none_and_a_mistake_names_its_line() {
    let bench = Bench::new().await;
    let lines = "content-type: application/x-ndjson\nidempotency-key: ekspor-7";
    let answer = bench.post(lines, "{\"n\":1}\r\n\n {\"n\":2} \n{\"n\":3}").await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.json().as_array().unwrap().len(), 3);
    assert_eq!(bench.intake.bodies(), ["{\"n\":1}", " {\"n\":2}", "{\"n\":3}"]);
    let taken = bench.intake.taken().remove(0);
    let keys: Vec<_> = taken.messages.iter().map(|it| it.key.clone().unwrap()).collect();
    assert_eq!(keys, ["ekspor-7 0", "ekspor-7 1", "ekspor-7 2"]);
    assert_eq!(taken.messages[0].headers.get("content-type"), Some("application/json"));

    let answer = bench.post(lines, "{\"n\":1}\n\n{\"n\":\"rahasia\",}\n{\"n\":3}\n").await;
    assert_eq!(answer.problem(), refused(400, "json_syntax"));
    let told = answer.json();
    assert_eq!((&told["line"], &told["index"]), (&json!(3), &json!(1)));
    assert_eq!(told["column"], 16);
    assert!(!answer.body.contains("rahasia"));

    let error = IntakeError::KeyReused { index: 1 };
    bench.intake.script.lock().unwrap().push_back(Err(error));
    let told = bench.post(lines, "1\n\n\n2\n").await.json();
    assert_eq!((&told["line"], &told["index"]), (&json!(4), &json!(1)));

    assert_eq!(bench.post(lines, "\n \n").await.problem(), refused(400, "no_messages"));
}

#[tokio::test]
async fn a_stop_finishes_the_calls_in_hand_and_takes_no_more() {
    let mut bench = Bench::new().await;
    bench.intake.gate.forget_permits(tokio::sync::Semaphore::MAX_PERMITS);
    let mut idle = bench.connect().await;
    idle.send(request("content-type: application/json", "0")).await;
    let mut client = bench.connect().await;
    client.send(request("content-type: application/json", "1")).await;
    bench.intake.entered.acquire_many(2).await.unwrap().forget();

    bench.stop.cancel();
    bench.intake.gate.add_permits(2);
    assert_eq!(client.answer().await.status, 202);
    assert_eq!(idle.answer().await.status, 202);
    assert!(client.is_closed().await);
    assert!(bench.server.join_next().await.unwrap().is_ok());
    assert!(tokio::net::TcpStream::connect(bench.address).await.is_err());
}

#[test]
fn the_manual_names_every_code_with_its_status() {
    let manual = include_str!("../../../docs/sources.md");
    for code in ProblemCode::ALL {
        let row = format!("| `{}` | {} |", code.as_str(), code.status());
        assert!(manual.contains(&row), "docs/sources.md has no row `{row}`");
    }
}
