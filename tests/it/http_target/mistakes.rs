//! What the author of a system file is told; and that no message shows a secret.

use super::bench::compile;

fn told(yaml: &str) -> String {
    compile(yaml).1
}

#[test]
fn every_mistake_of_a_system_is_shown_where_it_stands() {
    insta::assert_snapshot!(told(
        "
url: http://absensi.kpu.example
timeout: 10m
headers: { Host: a, x y: b, x-a: \"${$.\" }
targets:
  Catat: { post: /x }
  tanpa: { schema: a.json }
  dua: { post: /a, put: /b }
  jalan: { get: \"/a/${$.b/c\" }
  relatif: { get: api }
  naik: { get: /a/../b }
  isi: { get: /a, body: json }
  jawab: { post: /a, answers: { 200: refused, 404: delivered } }
  lama: { post: /a, timeout: 0s }
"
    ));
}

#[test]
fn addresses_that_hold_too_much_are_refused_without_being_shown() {
    for url in [
        "nonsense-rahasia",
        "ftp://rahasia.example",
        "https://user:rahasia@host.example/",
        "https://host.example/?token=rahasia",
        "https://host.example/#rahasia",
        "http://169.254.169.254/latest/rahasia",
        "http://[::ffff:169.254.169.254]/rahasia",
        "http://2852039166/rahasia",
        "http://0xa9.254.0xa9fe/rahasia",
    ] {
        let told = compile(&format!("url: {url}\ntargets: {{ x: {{ post: / }} }}"));
        assert!(told.0.is_empty(), "{url}");
        // The renderer shows the line as it stands in the file; there, a secret is `${env:…}`.
        let messages = told.1.lines().filter(|it| !it.contains('|')).collect::<String>();
        assert!(messages.contains("error[S005]"), "{url}: {messages}");
        assert!(!messages.contains("rahasia"), "{url}: {messages}");
    }
}

#[test]
fn secrets_are_never_part_of_debug_output() {
    let yaml = "
url: https://host.example/rahasia-1
auth: { basic: { user: rahasia-2, password: rahasia-3 } }
sources: { s: { api_keys: { k: rahasia-4 } } }
";
    let mut report = simpul::diagnostic::Report::default();
    let spec: simpul::connector::http::HttpSpec =
        simpul::diagnostic::read(yaml, &mut report).unwrap();
    assert!(!format!("{spec:?}").contains("rahasia"), "{spec:?}");
}

#[test]
fn credentials_over_an_open_line_are_warned_of() {
    let yaml = |host: &str| {
        told(&format!("url: http://{host}\nauth: {{ bearer: x }}\ntargets: {{ x: {{ post: / }} }}"))
    };
    assert!(yaml("absensi.kpu.example").contains("the credentials travel unencrypted"));
    assert_eq!(yaml("127.0.0.1:8080"), "");
    assert_eq!(yaml("localhost"), "");
}

#[test]
fn a_secret_that_no_header_can_hold_is_refused() {
    for auth in [
        "{ bearer: \"a\\nb\" }",
        "{ basic: { user: \"a:b\", password: c } }",
        "{ header: { name: X-Key, value: \"a\\r\\nb\" } }",
        "{ header: { name: Host, value: a } }",
    ] {
        let yaml = format!("url: https://h.example\nauth: {auth}\ntargets: {{ x: {{ post: / }} }}");
        assert!(told(&yaml).contains("error[S"), "{auth}");
    }
}

#[test]
fn sources_need_keys_that_are_hashes() {
    insta::assert_snapshot!(told(
        "
sources:
  tanpa: {}
  salah: { api_keys: { satu: \"sha256:123\", dua: rahasia } }
  ganda:
    api_keys:
      satu: sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
      dua: sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855
"
    ));
}
