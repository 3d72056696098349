//! Who is let in at the operators' door, and what is refused there.

use super::{Running, Scripted};

#[tokio::test(flavor = "multi_thread")]
async fn without_the_token_nothing_is_shown_and_nothing_done() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let running = Running::start(Scripted::default()).await;
    let token = running.access.token.clone();
    let calls = [
        ("GET", "/api/v1/status"),
        ("GET", "/api/v1/dead"),
        ("GET", "/api/v1/dead/17"),
        ("GET", "/api/v1/dead/17/preview"),
        ("GET", "/api/v1/dead/groups"),
        ("POST", "/api/v1/dead/replay"),
        ("POST", "/api/v1/dead/discard"),
        ("GET", "/api/v1/dead/jobs"),
        ("POST", "/api/v1/dead/jobs"),
        ("GET", "/api/v1/dead/jobs/7"),
        ("POST", "/api/v1/dead/jobs/7/cancel"),
        ("GET", "/api/v1/pauses"),
        ("POST", "/api/v1/pauses"),
        ("DELETE", "/api/v1/pauses/arsip.simpan"),
        ("GET", "/api/v1/plan"),
        ("POST", "/api/v1/reload"),
        ("GET", "/api/v1/messages/07070707-0707-0707-0707-070707070707/trace"),
    ];
    let order = r#"{"selection":{"all":true},"by":"orang asing","reason":"x"}"#;
    for (method, path) in calls {
        for token in [None, Some("salah"), Some("")] {
            let (status, body) = running.call(method, path, token, order).await;
            assert_eq!(status, 401, "{method} {path}: {body}");
        }
    }
    assert_eq!(running.told(), [] as [&str; 0]);
    assert_eq!(running.call("GET", "/api/v1/dead", Some(&token), "").await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn calls_that_make_no_sense_get_a_problem_and_change_nothing() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let running = Running::start(Scripted::default()).await;
    let token = running.access.token.clone();
    let long = format!(r#"{{"selection":{{"ids":[17]}},"by":"x","reason":"{}"}}"#, "x".repeat(501));
    let huge = "x".repeat(100_000);
    let named = r#"{"selection":{"ids":[17]},"by":"x","reason":""}"#;
    let silent_one = r#"{"selection":{"ids":[17]},"by":"x"}"#;
    let all = r#"{"selection":{"all":true},"by":"x","reason":"x"}"#;
    let job = |rest: &str| format!(r#"{{"kind":"replay","by":"x",{rest}}}"#);
    let [nothing, ids, silent, fast, nowhere, when, other, uncounted, more] = [
        r#""reason":"x","selection":{}"#,
        r#""reason":"x","selection":{"ids":[17]}"#,
        r#""selection":{"all":true}"#,
        r#""reason":"x","selection":{"all":true},"rate":0"#,
        r#""reason":"x","selection":{"all":true},"only_to":"arsip","count":1"#,
        r#""reason":"x","selection":{"from":"kemarin"}"#,
        r#""reason":"x","selection":{"all":true},"kind":"burn""#,
        r#""reason":"x","selection":{"all":true}"#,
        r#""reason":"x","selection":{"all":true},"count":99212"#,
    ]
    .map(job);
    let cases = [
        ("POST", "/api/v1/dead/replay", all, 400, "bad_selection"),
        ("POST", "/api/v1/dead/replay", r#"{"selection":{"rute":"x"},"by":"x"}"#, 400, "bad_body"),
        ("POST", "/api/v1/dead/discard", silent_one, 400, "bad_body"),
        ("POST", "/api/v1/dead/discard", named, 400, "bad_reason"),
        ("POST", "/api/v1/dead/discard", &long, 400, "bad_reason"),
        ("POST", "/api/v1/dead/discard", &huge, 413, ""),
        ("POST", "/api/v1/dead/jobs", &nothing, 400, "bad_selection"),
        ("POST", "/api/v1/dead/jobs", &ids, 400, "bad_selection"),
        ("POST", "/api/v1/dead/jobs", &silent, 400, "bad_reason"),
        ("POST", "/api/v1/dead/jobs", &fast, 400, "bad_rate"),
        ("POST", "/api/v1/dead/jobs", &nowhere, 400, "bad_target"),
        ("POST", "/api/v1/dead/jobs", &when, 400, "bad_body"),
        ("POST", "/api/v1/dead/jobs", &other, 400, "bad_body"),
        ("POST", "/api/v1/dead/jobs", &uncounted, 400, "bad_count"),
        ("POST", "/api/v1/dead/jobs", &more, 409, "99211"),
        ("GET", "/api/v1/dead/jobs/8", "", 404, "not_found"),
        ("GET", "/api/v1/dead/jobs/tujuh", "", 404, "not_found"),
        ("POST", "/api/v1/pauses", r#"{"target":"arsip","reason":"x"}"#, 400, "bad_target"),
        ("GET", "/api/v1/dead?rute=x", "", 400, "unknown_parameter"),
        ("GET", "/api/v1/dead/tujuhbelas", "", 404, "not_found"),
        ("GET", "/api/v1/tidak-ada", "", 404, "not_found"),
        ("PUT", "/api/v1/reload", "", 405, ""),
    ];
    for (method, path, body, status, code) in cases {
        let answer = running.call(method, path, Some(&token), body).await;
        assert_eq!(answer.0, status, "{method} {path}: {}", answer.1);
        assert!(answer.1.contains(code), "{method} {path}: {}", answer.1);
    }
    assert_eq!(running.told(), [] as [&str; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn machines_ask_for_metrics_and_health_without_a_token() {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let running = Running::start(Scripted::default()).await;
    let (status, body) = running.call("GET", "/metrics", None, "").await;
    assert_eq!(status, 200);
    assert!(body.contains("simpul_build_info{version="), "{body}");
    assert_eq!(running.call("GET", "/health/live", None, "").await.0, 200);
    let ready = running.call("GET", "/health/ready", None, "").await;
    assert_eq!(ready, (200, "{\"status\":\"ready\"}".to_owned()));

    let running = Running::start(Scripted { not_ready: true, ..Scripted::default() }).await;
    let ready = running.call("GET", "/health/ready", None, "").await;
    let expected = "{\"reasons\":[\"the disk is full\"],\"status\":\"not ready\"}";
    assert_eq!(ready, (503, expected.to_owned()));
}
