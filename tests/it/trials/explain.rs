//! `simpul explain`: one message through a route, step by step, without sending anything.

use super::{project, simpul_on, write};

/// What is told of a message to the route of [`project`].
fn explain(body: &str, arguments: &[&str]) -> (String, i32) {
    let folder = project("cases:\n  x: { given: { body: {} }, expect: dead }\n");
    write(folder.path(), "samples/surat.json", body);
    let message = folder.path().join("samples/surat.json");
    let message = ["explain", "surat", "--message", message.to_str().unwrap()];
    let said = simpul_on(folder.path(), &[&message[..], arguments].concat());
    (said.out + &said.err, said.code)
}

#[test]
fn a_message_is_shown_on_its_way_and_byte_for_byte_as_it_would_be_sent() {
    let (told, code) =
        explain(r#"{"nomor":"1-A","jenis":"undangan","perihal":"Rapat","sifat":"S"}"#, &[]);
    assert_eq!(code, 0, "{told}");
    insta::assert_snapshot!(told);
}

#[test]
fn what_stays_behind_is_told_with_the_reason() {
    let (told, code) = explain(r#"{"nomor":"1-A","jenis":"iklan"}"#, &[]);
    assert_eq!(code, 0, "{told}");
    insta::assert_snapshot!(told.trim_end(), @r#"
    route surat, from loket.surat

    identity: $.nomor = "1-A"

    steps[0] filter: filtered
      $.jenis != 'iklan' = false

    filtered by steps[0] filter: nothing is sent
    "#);
    let (told, code) = explain(r#"{"nomor":"1/A","jenis":"undangan","sifat":"X"}"#, &[]);
    assert_eq!(code, 1, "{told}");
    insta::assert_snapshot!(told);
}

#[test]
fn programs_read_it_as_json() {
    let (told, _) = explain(r#"{"nomor":"1-A","jenis":"surat"}"#, &["--format", "json"]);
    let told: serde_json::Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told["outcome"], "routed");
    assert_eq!(told["to"][0]["skipped"], true);
    assert_eq!(told["to"][0]["chosen"][0]["value"], "false");
    assert_eq!(told["to"][2]["sent"][0]["body"], r#"{"nomor":"1-A"}"#);
}

#[test]
fn what_its_source_would_refuse_is_told_first() {
    let said = simpul_on(".".as_ref(), &["explain", "sppd-terbit", "--message", "/dev/null"]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("REFUSED at the door"), "{}", said.out);
    let said = simpul_on(".".as_ref(), &["explain", "sppd", "--message", "/dev/null"]);
    assert_eq!(said.code, 2);
}
