//! Somebody looks at bodies that are kept: what became of each field, with what is about people hidden
//! unless he asks for it, and the look is written down.

use std::fs;

use serde_json::Value;

use crate::{
    command_line::simpul_on,
    support::process::{Process, project, until},
};

const ROUTE: &str = "\
route: uji
summary: Uji.
owner: Uji
from: asal.data
bodies: full
to:
  - target: arsip.simpan
    map: { no: $.nomor, pegawai: $.nip, sapaan: \"Yth. ${$.nip}\", jenis: surat }
";

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_each_field_is_told_and_what_is_about_people_is_hidden() {
    let project = project();
    let path = project.path();
    let settings = fs::read_to_string(path.join("simpul.yaml")).unwrap();
    let settings = format!("{settings}body_keys: {{ k1: \"${{file:kunci}}\" }}\n");
    fs::write(path.join("simpul.yaml"), settings).unwrap();
    fs::write(path.join("kunci"), "0f".repeat(32)).unwrap();
    fs::write(path.join("routes/uji.yaml"), ROUTE).unwrap();
    let process = Process::start(path);
    let body = r#"{"nomor":17.50,"nip":"199001012015031001","catatan":"lama"}"#;
    let (status, answer) = process.send(body).await;
    let log = || fs::read_to_string(path.join("simpul.log")).unwrap_or_default();
    assert_eq!(status, 202, "{answer}\n{}", log());
    let id = answer["id"].as_str().unwrap();
    let said = |arguments: &[&str]| simpul_on(path, arguments);
    let traced = || async { said(&["trace", id]).out };
    until("the delivery", || async { traced().await.contains("routed; 1 delivered") }).await;

    let told = said(&["trace", id, "--changes"]);
    assert_eq!(told.code, 0, "{}", told.err);
    insta::assert_snapshot!(told.out.replace(id, "ID"), @r#"
    message ID

    uji, as it was accepted
      {
        "nomor": 17.50,
        "nip": "•••",
        "catatan": "lama"
      }

    uji, sent to arsip.simpan
      > $.no: 17.50 (was $.nomor)
      > $.pegawai: ••• (was $.nip)
      + $.sapaan: •••
      + $.jenis: "surat"
      - $.catatan: "lama"
      0 fields as they were
    "#);
    let whole = said(&["trace", id, "--changes", "--personal", "--format", "json"]).out;
    let whole: Value = serde_json::from_str(&whole).unwrap();
    assert_eq!(whole["changes"][0]["fields"][2]["after"], "\"Yth. 199001012015031001\"");
    let shown = whole["bodies"][1]["body"].as_str().unwrap();
    assert!(shown.contains("\"pegawai\": \"199001012015031001\""), "{shown}");

    // Each look stands in the history of the message.
    let looks = traced().await.matches("looked at the bodies that are kept of message").count();
    assert_eq!(looks, 2);
}
