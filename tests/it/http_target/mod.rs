//! HTTP targets: what goes over the wire, and how what comes back is sorted.

mod bench;
mod mistakes;
mod tls;

use std::time::Duration;

use simpul::connector::{AnswerClass, Class};
use tokio::net::TcpListener;

use self::bench::{System, call, ok, send, status, target, targets};

const POST: &str = "
url: http://ADDRESS/dasar/
targets:
  catat: { post: /api/dinas-luar }
";

#[tokio::test]
async fn a_delivery_is_one_call_with_what_simpul_says_of_it() {
    let system = System::new([]).await;
    let target = target(POST, system.address);
    let answer = send(&target, "{\"nip\": 1.50}").await.unwrap();

    assert_eq!(answer.summary, "200");
    let received = system.calls().remove(0);
    assert_eq!(received.line, "POST /dasar/api/dinas-luar HTTP/1.1");
    assert_eq!(received.body, "{\"nip\": 1.50}", "the body as it is");
    assert_eq!(received.header("content-type"), ["application/json"]);
    assert_eq!(received.header("idempotency-key"), ["kunci-1"]);
    assert_eq!(received.header("simpul-attempt"), ["2"]);
    assert_eq!(received.header("host"), [system.address.to_string()]);
    assert!(received.header("user-agent")[0].starts_with("simpul/"));
    assert_eq!(received.header("authorization"), [] as [&str; 0]);
}

#[tokio::test]
async fn values_in_a_path_stay_in_their_place() {
    let system = System::new([]).await;
    let target = target(
        "
url: http://ADDRESS
targets:
  cari: { get: \"/pegawai/${$.nip}/cuti?tahun=${$.tahun}&q=${$.q}\" }
",
        system.address,
    );
    let body = r#"{"nip": "19/90?#%é", "tahun": 2026, "q": "a&b=c d"}"#;
    send(&target, body).await.unwrap();
    let received = system.calls().remove(0);
    assert_eq!(
        received.line,
        "GET /pegawai/19%2F90%3F%23%25%C3%A9/cuti?tahun=2026&q=a%26b%3Dc%20d HTTP/1.1"
    );
    assert_eq!(received.body, "", "a call with `get` has no body");
    assert_eq!(received.header("content-type"), [] as [&str; 0]);

    for nip in ["..", ".", ""] {
        let body = format!(r#"{{"nip": "{nip}", "tahun": 1, "q": ""}}"#);
        let error = send(&target, &body).await.unwrap_err();
        assert_eq!(error.class, Class::Refused, "{nip:?}");
        assert!(!error.suspicious);
    }
    assert_eq!(system.calls().len(), 1, "nothing was sent");
}

#[tokio::test]
async fn headers_are_those_of_the_system_and_of_the_target_and_hold_values() {
    let system = System::new([]).await;
    let target = target(
        "
url: http://ADDRESS
auth: { bearer: rahasia-1 }
headers: { X-Unit: umum, X-Asal: simpul }
targets:
  catat:
    put: /x
    headers: { x-unit: \"unit ${$.unit}\", Content-Type: application/vnd.kpu+json }
",
        system.address,
    );
    send(&target, r#"{"unit": "SDM"}"#).await.unwrap();
    let received = system.calls().remove(0);
    assert_eq!(received.header("x-unit"), ["unit SDM"]);
    assert_eq!(received.header("x-asal"), ["simpul"]);
    assert_eq!(received.header("authorization"), ["Bearer rahasia-1"]);
    assert_eq!(received.header("content-type"), ["application/vnd.kpu+json"]);

    let error = send(&target, r#"{"unit": "a\r\nx-jahat: 1"}"#).await.unwrap_err();
    assert_eq!(error.class, Class::Refused);
    assert_eq!(error.reason, "header `x-unit`: its value holds a control character");
    assert_eq!(system.calls().len(), 1);
}

#[tokio::test]
async fn a_user_and_a_password_and_a_header_of_its_own_prove_who_calls() {
    for (auth, name, value) in [
        (
            "{ basic: { user: simpul, password: \"a:b c\" } }",
            "authorization",
            "Basic c2ltcHVsOmE6YiBj",
        ),
        ("{ header: { name: X-API-Key, value: \"$${a\" } }", "x-api-key", "$${a"),
    ] {
        let system = System::new([]).await;
        let yaml = format!("url: http://ADDRESS\nauth: {auth}\ntargets: {{ x: {{ post: / }} }}");
        send(&target(&yaml, system.address), "1").await.unwrap();
        assert_eq!(system.calls()[0].header(name), [value]);
    }
}

#[tokio::test]
async fn a_form_is_sent_as_a_browser_does() {
    let system = System::new([]).await;
    let form = "url: http://ADDRESS\ntargets: { x: { post: /, body: form } }";
    let target = target(form, system.address);
    let body = r#"{"nama": "Siti & Budi", "total": 1.50, "sah": true, "kosong": null, "é": ""}"#;
    send(&target, body).await.unwrap();
    let received = system.calls().remove(0);
    assert_eq!(received.body, "nama=Siti%20%26%20Budi&total=1.50&sah=true&%C3%A9=");
    assert_eq!(received.header("content-type"), ["application/x-www-form-urlencoded"]);
    for body in [r#"{"a": [1]}"#, "[1]"] {
        assert_eq!(send(&target, body).await.unwrap_err().class, Class::Refused, "{body}");
    }
}

#[tokio::test]
async fn each_answer_has_its_class_and_no_reason_repeats_it() {
    let system = System::new([]).await;
    let target = target(POST, system.address);
    for (line, class, suspicious) in [
        ("204 No Content", None, false),
        ("302 Found", Some(Class::Misconfigured), false),
        ("401 Unauthorized", Some(Class::Misconfigured), false),
        ("404 Not Found", Some(Class::Refused), true),
        ("403 Forbidden", Some(Class::Refused), true),
        ("409 Conflict", Some(Class::Refused), false),
        ("422 Unprocessable Entity", Some(Class::Refused), false),
        ("429 Too Many Requests", Some(Class::Unavailable), false),
        ("503 Service Unavailable", Some(Class::Unavailable), false),
    ] {
        system.then(&status(line, "isi rahasia"));
        let sent = send(&target, "{}").await;
        assert_eq!(sent.as_ref().err().map(|it| it.class), class, "{line}");
        let Err(error) = sent else { continue };
        assert_eq!(error.status, line[..3].parse().ok());
        assert_eq!(error.suspicious, suspicious, "{line}");
        assert!(error.reason.starts_with(&line[..3]), "{error}");
        assert!(
            !error.reason.contains("rahasia") && !error.reason.contains("127.0.0.1"),
            "{error}"
        );
    }
}

#[tokio::test]
async fn a_status_about_one_path_of_many_says_nothing_of_the_target() {
    let system = System::new([&status("404 Not Found", "")]).await;
    let yaml = "url: http://ADDRESS\ntargets: { x: { get: \"/a/${$.b}\" } }";
    let error = send(&target(yaml, system.address), r#"{"b": 1}"#).await.unwrap_err();
    assert_eq!((error.class, error.suspicious), (Class::Refused, false));
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let other = System::new([]).await;
    let moved = format!(
        "HTTP/1.1 307 Temporary Redirect\r\nlocation: http://{}/\r\ncontent-length: 0\r\n\r\n",
        other.address
    );
    let system = System::new([&moved]).await;
    let error = send(&target(POST, system.address), "{}").await.unwrap_err();
    assert_eq!(error.class, Class::Misconfigured);
    assert_eq!(error.reason, "307 Temporary Redirect: moved, update the url");
    assert!(other.calls().is_empty());
}

#[tokio::test]
async fn the_pause_that_it_asks_for_is_passed_on() {
    let busy = "HTTP/1.1 429 Too Many Requests\r\nretry-after: 7\r\ncontent-length: 0\r\n\r\n";
    let system = System::new([busy]).await;
    let error = send(&target(POST, system.address), "{}").await.unwrap_err();
    assert_eq!(error.retry_after, Some(Duration::from_secs(7)));
}

#[tokio::test]
async fn who_does_not_answer_or_breaks_off_is_unavailable() {
    let yaml = "url: http://ADDRESS\ntimeout: 100ms\ntargets: { x: { post: / } }";
    for answer in [
        "broken",
        "HTTP/1.1 broken\r\n\r\n",
        "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\nbroken",
        "HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz broken",
    ] {
        let system = System::new([answer]).await;
        let error = send(&target(POST, system.address), "{}").await.unwrap_err();
        assert_eq!(error.class, Class::Unavailable, "{answer:?}: {error}");
        assert!(!error.reason.contains("127.0.0.1"), "{error}");
        assert_eq!(system.calls().len(), 1, "the client does not try again on its own");
    }

    let silent = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let error = send(&target(yaml, silent.local_addr().unwrap()), "{}").await.unwrap_err();
    assert_eq!((error.class, error.reason.as_str()), (Class::Unavailable, "no answer in time"));

    let closed = silent.local_addr().unwrap();
    drop(silent);
    let error = send(&target(yaml, closed), "{}").await.unwrap_err();
    assert_eq!(error.class, Class::Unavailable);
    assert!(error.reason.contains("refused"), "{error}");
}

#[tokio::test]
async fn an_answer_that_goes_on_and_on_is_cut_by_time() {
    let endless = "HTTP/1.1 200 OK\r\ncontent-length: 10\r\n\r\n1";
    let yaml = "url: http://ADDRESS\ntargets: { x: { post: /, timeout: 100ms } }";
    let system = System::new([endless]).await;
    let error = send(&target(yaml, system.address), "{}").await.unwrap_err();
    assert_eq!(error.class, Class::Unavailable);
}

#[tokio::test]
async fn a_huge_answer_is_not_read_to_its_end() {
    let system = System::new([&ok(&"a".repeat(50 << 20)), &ok(&"a".repeat(60_000))]).await;
    let target = target(POST, system.address);
    assert_eq!(send(&target, "{}").await.unwrap().summary, "200");
    send(&target, "{}").await.unwrap();
    send(&target, "{}").await.unwrap();
    let connections: Vec<_> = system.calls().iter().map(|it| it.connection).collect();
    assert_eq!(connections, [0, 1, 1], "a modest answer leaves its connection usable");
}

#[tokio::test]
async fn a_name_that_leads_to_nowhere_is_unavailable() {
    let yaml = "url: http://tidak-ada.invalid\ntargets: { x: { post: / } }";
    let target = target(yaml, "127.0.0.1:1".parse().unwrap());
    assert_eq!(send(&target, "{}").await.unwrap_err().class, Class::Unavailable);
}

#[tokio::test]
async fn a_name_that_leads_to_a_forbidden_address_is_misconfigured_and_not_called() {
    let system = System::new([]).await;
    let yaml = format!(
        "url: http://localhost:{}\nallow_private_networks: false\ntargets: {{ x: {{ post: / }} }}",
        system.address.port()
    );
    let error = send(&target(&yaml, system.address), "{}").await.unwrap_err();
    assert_eq!(error.class, Class::Misconfigured, "{error}");
    assert!(system.calls().is_empty());
}

#[tokio::test]
async fn answers_may_be_sorted_otherwise() {
    let yaml = "url: http://ADDRESS\ntargets: { x: { post: /, answers: { 409: delivered, 404: refused } } }";
    let target = target(yaml, "127.0.0.1:1".parse().unwrap());
    let answers: Vec<_> = target.answers.into_iter().collect();
    assert_eq!(answers, [(404, AnswerClass::Refused), (409, AnswerClass::Delivered)]);
}

#[test]
fn a_digest_changes_with_everything_that_a_call_depends_on() {
    let digest = |yaml: &str| targets(yaml, "127.0.0.1:1".parse().unwrap())[0].digest;
    let base = "url: http://ADDRESS\nauth: { bearer: a }\ntargets: { x: { post: /a } }";
    assert_eq!(digest(base), digest(&format!("\n\n{base}")), "places do not count");
    for (from, to) in [
        ("bearer: a", "bearer: b"),
        ("http://ADDRESS", "http://ADDRESS/x"),
        ("/a", "/b"),
        ("post", "put"),
        ("/a }", "/a, timeout: 3s }"),
        ("/a }", "/a, headers: { x: y } }"),
        ("/a }", "/a, answers: { 404: delivered } }"),
        ("auth:", "headers: { x: y }\nauth:"),
    ] {
        assert_ne!(digest(base), digest(&base.replace(from, to)), "{from} -> {to}");
    }
    let further = base.replace("} }", "}, y: { post: /z } }");
    assert_eq!(digest(base), digest(&further), "another target does not count");
}

#[test]
fn parameters_say_where_they_stand() {
    let yaml = "
url: http://ADDRESS
targets:
  x: { post: \"/a/${$.b}?c=${$.d}\", headers: { X-E: \"${$.f}\" } }
";
    let target = target(yaml, "127.0.0.1:1".parse().unwrap());
    let places: Vec<_> = target.parameters.iter().map(|it| it.place.as_str()).collect();
    assert_eq!(places, ["path", "query", "header x-e"]);
    let call = call(&target, r#"{"b": "1/2", "d": "3&4", "f": "5 6"}"#);
    assert_eq!(call.parameters, ["/a/1%2F2", "c=3%264", "5 6"]);
}
