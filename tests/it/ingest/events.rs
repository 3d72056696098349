//! CloudEvents 1.0: binary, structured, and in batches.

use serde_json::{Value, json};

use super::bench::{Bench, refused};

const BINARY: &str = "content-type: application/json\nce-specversion: 1.0\nce-id: 7\n\
                      ce-source: /e-sppd\nce-type: id.go.kpu.sppd.terbit";
const STRUCTURED: &str = "content-type: application/cloudevents+json; charset=utf-8";
const BATCH: &str = "content-type: application/cloudevents-batch+json";

fn event() -> Value {
    json!({
        "specversion": "1.0", "id": "7", "source": "/e-sppd", "type": "id.go.kpu.sppd.terbit",
        "subject": "SPD-1", "urutan": 42, "penting": true, "kosong": null,
        "datacontenttype": "application/json", "data": { "nomor": "SPD-1" },
    })
}

#[tokio::test]
async fn a_binary_and_a_structured_event_become_the_same_message() {
    let bench = Bench::new().await;
    let binary = format!("{BINARY}\nce-subject: SPD%2D1\nce-urutan: 42\nce-penting: true");
    assert_eq!(bench.post(&binary, "{\"nomor\":\"SPD-1\"}").await.status, 202);
    let answer = bench.post(STRUCTURED, event().to_string()).await;
    assert_eq!(answer.status, 202);
    assert!(answer.json()["id"].is_string());

    let taken = bench.intake.taken();
    let (left, right) = (&taken[0].messages[0], &taken[1].messages[0]);
    assert_eq!(left.body, right.body);
    assert_eq!(left.headers, right.headers);
    assert_eq!(left.key, right.key);
    assert_eq!(left.key.as_deref(), Some("ce /e-sppd 7"));
    assert_eq!(left.headers.get("ce-subject"), Some("SPD-1"));
    assert_eq!(left.headers.get("ce-kosong"), None);
}

#[tokio::test]
async fn data_keeps_its_digits_and_its_order() {
    let bench = Bench::new().await;
    let body = r#"{"specversion":"1.0","type":"t","source":"s","id":"1",
                   "data": {"z": 1.50, "a": 12345678901234567890123 } }"#;
    assert_eq!(bench.post(STRUCTURED, body).await.status, 202);
    assert_eq!(bench.intake.bodies(), [r#"{"z":1.50,"a":12345678901234567890123}"#]);
}

#[tokio::test]
async fn an_event_without_data_has_the_body_null() {
    let bench = Bench::new().await;
    let mut bare = event();
    bare.as_object_mut().unwrap().remove("data");
    assert_eq!(bench.post(STRUCTURED, bare.to_string()).await.status, 202);
    let no_type = BINARY.replace("content-type: application/json\n", "");
    assert_eq!(bench.post(&no_type, "").await.status, 202);
    assert_eq!(bench.intake.bodies(), ["null", "null"]);
    // With a type, or with content, it must be what it says.
    assert_eq!(bench.post(BINARY, "").await.problem(), refused(400, "json_syntax"));
    assert_eq!(bench.post(&no_type, "1").await.problem(), refused(415, "unsupported_media_type"));
}

#[tokio::test]
async fn a_batch_is_taken_all_or_none() {
    let bench = Bench::new().await;
    let second = json!({ "specversion": "1.0", "id": "8", "source": "/e-sppd", "type": "t" });
    let answer = bench.post(BATCH, json!([event(), second]).to_string()).await;
    assert_eq!(answer.status, 202);
    assert_eq!(answer.json().as_array().unwrap().len(), 2);
    let keys = |index: usize| {
        let messages = &bench.intake.taken()[index].messages;
        messages.iter().map(|it| it.key.clone().unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(keys(0), ["ce /e-sppd 7", "ce /e-sppd 8"]);

    let answer = bench.post(BATCH, json!([event(), { "id": "9" }]).to_string()).await;
    assert_eq!(answer.problem(), refused(400, "cloudevent_invalid"));
    assert_eq!(answer.json()["index"], 1);
    assert_eq!(bench.post(BATCH, "[]").await.problem(), refused(400, "no_messages"));
    let single = bench.post(BATCH, event().to_string()).await;
    assert_eq!(single.problem(), refused(400, "cloudevent_invalid"));
    assert_eq!(bench.intake.taken().len(), 1);

    let named = format!("{BATCH}\nidempotency-key: kiriman-1");
    assert_eq!(bench.post(&named, json!([event(), second]).to_string()).await.status, 202);
    assert_eq!(keys(1), ["kiriman-1 0", "kiriman-1 1"], "a key of the call goes before");
}

#[tokio::test]
async fn a_binary_event_that_lacks_something_is_told_what() {
    let bench = Bench::new().await;
    for attribute in ["id", "source", "type", "specversion"] {
        let lines = BINARY.lines().filter(|it| !it.starts_with(&format!("ce-{attribute}:")));
        let answer = bench.post(&lines.collect::<Vec<_>>().join("\n"), "1").await;
        assert_eq!(answer.problem(), refused(400, "cloudevent_invalid"), "{attribute}");
        assert_eq!(answer.json()["attribute"], attribute);
    }
    let old = bench.post(&BINARY.replace("1.0", "0.3"), "1").await;
    assert_eq!(old.json()["attribute"], "specversion");
    let long = BINARY.replace("ce-id: 7", &format!("ce-id: {}", "7".repeat(201)));
    assert_eq!(bench.post(&long, "1").await.json()["attribute"], "id");
    let space = BINARY.replace("/e-sppd", "/e%20sppd");
    assert_eq!(bench.post(&space, "1").await.json()["attribute"], "source");
    let control = format!("{BINARY}\nce-subject: a%0d%0ab");
    assert_eq!(bench.post(&control, "1").await.json()["attribute"], "subject");
    let garbled = format!("{BINARY}\nce-subject: %ff");
    assert_eq!(bench.post(&garbled, "1").await.problem(), refused(400, "header_invalid"));
    let twice = format!("{BINARY}\nce-id: 8");
    assert_eq!(bench.post(&twice, "1").await.problem(), refused(400, "header_invalid"));
    assert!(bench.intake.taken().is_empty());
}

#[tokio::test]
async fn a_structured_event_that_is_wrong_is_told_where() {
    let bench = Bench::new().await;
    for (attribute, value) in [
        ("id", json!("")),
        ("id", json!(null)),
        ("source", json!({ "a": 1 })),
        ("type", json!(["a"])),
        ("urutan", json!(1.5)),
        ("subject", json!("a\nb")),
        ("subject", json!("a".repeat(2_049))),
    ] {
        let mut wrong = event();
        wrong[attribute] = value;
        let answer = bench.post(STRUCTURED, wrong.to_string()).await;
        assert_eq!(answer.problem(), refused(400, "cloudevent_invalid"), "{wrong}");
        assert_eq!(answer.json()["attribute"], attribute);
    }
    let mut upper = event();
    upper["Nama-Rahasia"] = json!("x");
    let answer = bench.post(STRUCTURED, upper.to_string()).await;
    assert_eq!(answer.problem(), refused(400, "cloudevent_invalid"));
    assert!(!answer.body.contains("Rahasia"), "names are the sender's text too");
    for body in ["[]", "1", "\"x\"", "null"] {
        let answer = bench.post(STRUCTURED, body).await;
        assert_eq!(answer.problem(), refused(400, "cloudevent_invalid"), "{body}");
    }
    assert!(bench.intake.taken().is_empty());
}

#[tokio::test]
async fn data_that_is_no_json_is_refused() {
    let bench = Bench::new().await;
    let mut binary = event();
    binary["data_base64"] = json!("AAEC");
    let mut xml = event();
    xml["datacontenttype"] = json!("application/xml");
    for body in [binary, xml] {
        let answer = bench.post(STRUCTURED, body.to_string()).await;
        assert_eq!(answer.problem(), refused(415, "unsupported_media_type"));
    }
}

#[tokio::test]
async fn an_event_is_binary_or_structured_and_never_both() {
    let bench = Bench::new().await;
    for kind in [STRUCTURED, BATCH, "content-type: application/x-ndjson"] {
        let answer = bench.post(&format!("{kind}\nce-id: 7"), event().to_string()).await;
        assert_eq!(answer.problem(), refused(400, "cloudevent_mixed"), "{kind}");
    }
}

#[tokio::test]
async fn the_envelope_of_an_event_takes_no_depth_from_its_data() {
    let bench = Bench::new().await;
    let nested = |depth: usize| {
        let data = "[".repeat(depth) + &"]".repeat(depth);
        format!(r#"{{"specversion":"1.0","id":"1","source":"s","type":"t","data":{data}}}"#)
    };
    assert_eq!(bench.post(STRUCTURED, nested(64)).await.status, 202);
    let deep = bench.post(STRUCTURED, nested(65)).await;
    assert_eq!(deep.problem(), refused(400, "json_too_deep"));
    assert_eq!(bench.post(BATCH, format!("[{}]", nested(64))).await.status, 202);
    let deep = bench.post(BATCH, format!("[{}]", nested(65))).await;
    assert_eq!(deep.problem(), refused(400, "json_too_deep"));
}
