//! What authors of files read when a file is wrong: the whole text, for each mistake.
//!
//! The expected texts are in `snapshots/`; `INSTA_UPDATE=always cargo test` writes them anew.

mod between;
mod pages;
mod project;
mod secrets;
mod settings;

use std::{fs, path::Path};

use simpul::{
    cli::settings::{Settings, load as load_all},
    route::{Broken, Loaded, Variables},
};
use tempfile::TempDir;

const KEY: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

const ROUTE: &str = "\
route: sppd-terbit
summary: An issued travel order marks its travellers as away.
owner: Subbagian Umum
from: e-sppd.status
to:
  - target: e-absensi.catat
";

fn system(name: &str, rest: &str) -> String {
    format!(
        "system: {name}\nname: {name}\nowner: {{ unit: SDM, contact: sdm@kpu.example }}\n\
         classification: biasa\n{rest}"
    )
}

/// A project in which nothing is wrong.
fn sound() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let source = format!("http:\n  sources:\n    status: {{ api_keys: {{ a: \"{KEY}\" }} }}\n");
    write(&folder, "connectors/e-sppd.yaml", &system("e-sppd", &source));
    let target =
        "http:\n  url: http://127.0.0.1:9\n  targets:\n    catat: { post: /api/dinas-luar }\n";
    write(&folder, "connectors/e-absensi.yaml", &system("e-absensi", target));
    write(&folder, "routes/sppd-terbit.yaml", ROUTE);
    write(&folder, "schemas/sppd.schema.json", "{\"type\": \"object\"}");
    write(&folder, "tables/wilayah.csv", "kode,nama\n13.01,Pesisir Selatan\n");
    folder
}

fn write(folder: &TempDir, path: &str, text: &str) {
    let path = folder.path().join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

fn load(folder: &Path, variables: &[(&str, &str)]) -> Result<(Settings, Loaded), Broken> {
    let variables: Variables =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    load_all(folder, &variables)
}

fn broken(folder: &TempDir, variables: &[(&str, &str)]) -> Broken {
    match load(folder.path(), variables) {
        Ok(_) => panic!("nothing is said"),
        Err(broken) => broken,
    }
}

/// What is said about a sound project in which `path` holds `text`.
fn said(path: &str, text: &str) -> String {
    let folder = sound();
    write(&folder, path, text);
    broken(&folder, &[]).to_string()
}

/// What is said about the sound route with `rest` behind it.
fn said_of_route(rest: &str) -> String {
    said("routes/sppd-terbit.yaml", &format!("{ROUTE}{rest}"))
}

/// The whole of what is said, as `snapshots/diagnostics/<name>.snap` has it.
fn snapshot(name: &str, said: &str) {
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!(name, said));
}

/// What is said about a single line of `map`.
fn said_of_map(line: &str) -> String {
    said_of_route(&format!("    map:\n      {line}\n"))
}

#[test]
fn a_sound_project_is_loaded() {
    let folder = sound();
    let (_, loaded) = load(folder.path(), &[]).map_err(|it| it.to_string()).unwrap();
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.plan.routes.len(), 1);
}

#[test]
fn what_yaml_would_read_otherwise_is_told_with_the_right_spelling() {
    let traps = [
        ("at", "nip: @.nip"),
        ("exclamation_mark", "aktif: !($.nonaktif)"),
        ("asterisk", "nip: *.nip"),
        ("ampersand", "nama: &nama"),
        ("percent", "persen: %d"),
        ("bracket", "jumlah: [$.a, $.b] | count"),
        ("single_quote", "sama: 'TERBIT' == $.status"),
        ("double_quote", "sama: \"TERBIT\" == $.status"),
        ("backquote", "nama: `nama`"),
        ("greater_than", "lebih: > 5"),
        ("bar", "nama: | upper"),
        ("dash", "nama: - 5"),
        ("colon", "perihal: Nomor: 5"),
        ("hash", "perihal: Surat #5 tentang cuti"),
        ("only_hash", "warna: #fff"),
        ("braces", "peserta: { $each: $.pelaksana[*], $map: { nip: \"@.nip\" } }"),
        ("comma", "nama: { a: concat($.b, '-'), c: d }"),
        ("escape", "pola: \"\\d+\""),
    ];
    for (name, line) in traps {
        snapshot(&format!("trap_{name}"), &said_of_map(line));
    }
}

#[test]
fn numbers_that_yaml_would_change_are_told_with_both_spellings() {
    let numbers = ["13.10", "007", "0o14", "1_000", "196001012020121001"];
    let said: Vec<_> = numbers.iter().map(|it| said_of_map(&format!("kode: {it}"))).collect();
    snapshot("ambiguous_numbers", &said.join("\n"));
}

#[test]
fn what_yaml_has_and_our_files_do_not_is_refused() {
    let features = [
        ("anchor_and_alias", format!("{ROUTE}search: &a\n  nomor: $.a\nidentity: *a\n")),
        ("merge_key", format!("{ROUTE}search:\n  <<: {{ nomor: $.a }}\n")),
        ("tag", format!("{ROUTE}order_by: !!str $.a\n")),
        ("second_document", format!("{ROUTE}---\n{ROUTE}")),
        ("directive", format!("%YAML 1.2\n---\n{ROUTE}")),
        ("duplicate_key", format!("{ROUTE}order_by: $.a\norder_by: $.b\n")),
        ("list_as_key", format!("{ROUTE}search:\n  ? [a]\n  : $.a\n")),
        ("tab", format!("{ROUTE}search:\n\tnomor: $.a\n")),
        ("empty", "# nothing yet\n".to_owned()),
        ("too_deep", format!("{ROUTE}search: {}\n", "[".repeat(100))),
        ("open_quote", format!("{ROUTE}order_by: '$.a\n")),
        ("open_bracket", format!("{ROUTE}identity: [$.a\norder_by: $.b\n")),
        ("indented", format!("{ROUTE}order_by: $.a\n  identity: $.b\n")),
        ("no_key", format!("{ROUTE}order_by\n")),
        ("no_dash", format!("{ROUTE}steps:\n  - filter: $.a\n  map:\n    x: $.b\n")),
    ];
    for (name, text) in features {
        snapshot(&format!("yaml_{name}"), &said("routes/sppd-terbit.yaml", &text));
    }
}

#[test]
fn what_a_route_refers_to_must_be_there() {
    let cases = [
        ("source", ROUTE.replace("e-sppd.status", "e-sppd.statsu")),
        ("target", ROUTE.replace("e-absensi.catat", "e-absensi.hapus")),
        ("system", ROUTE.replace("e-absensi.catat", "arsip.simpan")),
        ("target_as_source", ROUTE.replace("e-sppd.status", "e-absensi.catat")),
        ("no_endpoint", ROUTE.replace("e-sppd.status", "e-sppd")),
        ("schema", format!("{ROUTE}steps:\n  - validate: schemas/spd.schema.json\n")),
        ("table", format!("{ROUTE}steps:\n  - lookup: {{ table: wilaya, key: $.a, into: $.b }}\n")),
        ("step", format!("{ROUTE}steps:\n  - fitler: $.a == 1\n")),
        ("policy", format!("{ROUTE}    retry: standart\n")),
        ("key", format!("{ROUTE}ordre_by: $.a\n")),
    ];
    for (name, text) in cases {
        snapshot(&format!("unknown_{name}"), &said("routes/sppd-terbit.yaml", &text));
    }
}

#[test]
fn what_cannot_work_in_a_route_is_told() {
    let cases = [
        ("item_without_each", format!("{ROUTE}    map: {{ nip: \"@.nip\" }}\n")),
        ("item_in_order_by", format!("{ROUTE}order_by: \"@.nomor\"\n")),
        ("hash_without_key", format!("{ROUTE}    map: {{ nip: $.nip | hash }}\n")),
        ("no_target", ROUTE.replace("to:\n  - target: e-absensi.catat\n", "to: []\n")),
        ("target_twice", format!("{ROUTE}  - target: e-absensi.catat\n")),
        ("other_name", ROUTE.replace("route: sppd-terbit", "route: sppd")),
        ("bad_name", ROUTE.replace("route: sppd-terbit", "route: SPPD_Terbit")),
        ("missing_keys", "summary: x\nowner: x\n".to_owned()),
        ("env_in_a_route", format!("{ROUTE}order_by: ${{env:KUNCI}}\n")),
        ("retry", format!("{ROUTE}    retry: {{ first: 5, max: 2s, factor: 0.5 }}\n")),
        (
            "on_exhausted_without_order",
            format!("{ROUTE}    on_exhausted: block\non_exhausted: park_key\n"),
        ),
        ("on_exhausted", format!("{ROUTE}order_by: $.a\non_exhausted: park\n")),
        ("ttl", format!("{ROUTE}    ttl: 366d\nttl: 10ms\n")),
        ("identity", format!("{ROUTE}identity: {{ key: [], bodi: ignore, window: 0s }}\n")),
        ("answers", format!("{ROUTE}    answers: {{ 200: refused, 409: taken, x: refused }}\n")),
        ("two_keys", format!("{ROUTE}steps:\n  - filter: $.a\n    split: $.b[*]\n")),
        ("expression", format!("{ROUTE}steps:\n  - filter: $.status = 'TERBIT'\n")),
        ("expression_in_quotes", format!("{ROUTE}steps:\n  - filter: \"$.status = 'TERBIT'\"\n")),
        (
            "expression_in_a_block",
            format!("{ROUTE}steps:\n  - filter: |\n      $.a == 1\n      && $.status = 'TERBIT'\n"),
        ),
    ];
    for (name, text) in cases {
        snapshot(&format!("route_{name}"), &said("routes/sppd-terbit.yaml", &text));
    }
}

#[test]
fn what_is_wrong_with_a_system_is_told() {
    let http = "http:\n  url: http://127.0.0.1:9\n  targets:\n    catat: { post: /a }\n";
    let cases = [
        ("later_protocol", system("e-absensi", &format!("{http}postgres:\n  url: x\n"))),
        ("no_protocol", system("e-absensi", "")),
        ("classification", system("e-absensi", http).replace("biasa", "umum")),
        ("unset_variable", system("e-absensi", &http.replace("http://127.0.0.1:9", "${env:URL}"))),
        (
            "absent_file",
            system("e-absensi", &format!("{http}  auth: {{ bearer: \"${{file:t}}\" }}\n")),
        ),
        ("schema_outside", system("e-absensi", &http.replace("/a }", "/a, schema: ../x.json }"))),
        ("schema_absolute", system("e-absensi", &http.replace("/a }", "/a, schema: /x.json }"))),
        (
            "twice",
            system(
                "e-absensi",
                &format!("{http}files:\n  path: x\n  targets:\n    catat: {{ file: x }}\n"),
            ),
        ),
        ("name", system("absensi", http)),
        ("not_boolean", system("e-absensi", &format!("{http}  allow_private_networks: no\n"))),
        ("timeout", system("e-absensi", &format!("{http}  timeout: 30\n"))),
        ("no_metadata", format!("system: e-absensi\n{http}  timeout: 0s\n")),
    ];
    for (name, text) in cases {
        snapshot(&format!("system_{name}"), &said("connectors/e-absensi.yaml", &text));
    }
}
