//! `simpul new`: drafts that pass `check` as they are, are in the form of `fmt`, and overwrite nothing.

use std::{fs, path::Path};

use serde_json::{Value, json};
use tempfile::TempDir;

use crate::command_line::{Said, simpul_on};

/// An empty project.
fn project() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    assert_eq!(simpul_on(folder.path(), &["new", "project"]).code, 0);
    folder
}

#[track_caller]
fn made(folder: &TempDir, arguments: &[&str]) -> Said {
    let said = simpul_on(folder.path(), &[&["new"], arguments].concat());
    assert_eq!(said.code, 0, "{}\n{}", said.out, said.err);
    said
}

fn text(folder: &TempDir, path: &str) -> String {
    fs::read_to_string(folder.path().join(path)).unwrap()
}

/// That the whole project has no mistake and is in the form.
#[track_caller]
fn is_sound(folder: &TempDir) {
    let said = simpul_on(folder.path(), &["check"]);
    assert_eq!(said.code, 0, "{}", said.out);
    let said = simpul_on(folder.path(), &["fmt", "--check"]);
    assert_eq!(said.code, 0, "{}", said.out);
}

#[test]
fn a_new_project_passes_check_and_has_an_editors_settings() {
    let folder = project();
    is_sound(&folder);
    for path in
        [".gitignore", "connectors", ".vscode/settings.json", ".simpul/schemas/route.schema.json"]
    {
        assert!(folder.path().join(path).exists(), "{path}");
    }
    let said = simpul_on(folder.path(), &["new", "project", "kantor"]);
    assert_eq!(said.code, 0, "{}", said.err);
    assert!(folder.path().join("kantor/simpul.yaml").exists());
}

#[test]
fn systems_and_a_route_from_flags_pass_check() {
    let folder = project();
    let about = [
        "--title",
        "Loket: surat masuk",
        "--unit",
        "Umum",
        "--contact",
        "umum@kpu.example",
        "--classification",
        "biasa",
    ];
    let said = made(&folder, &[&["system", "loket", "--source", "surat"], &about[..]].concat());
    assert!(said.out.contains("simpul_"), "the key is not told: {}", said.out);
    made(&folder, &["system", "agenda", "--files", "agenda", "--target", "catat=surat.ndjson"]);
    made(
        &folder,
        &["system", "papan", "--http", "http://127.0.0.1:1", "--target", "umumkan=post /a/${$.b}"],
    );
    made(
        &folder,
        &["system", "mq", "--amqp", "amqp://127.0.0.1", "--source", "a=b.c", "--target", "d=e"],
    );
    let to = ["--to", "agenda.catat", "--to", "papan.umumkan"];
    let route = [
        "route",
        "surat-masuk",
        "--from",
        "loket.surat",
        "--identity",
        "$.nomor",
        "--summary",
        "Surat: masuk",
    ];
    made(&folder, &[&route[..], &to].concat());
    is_sound(&folder);
    insta::assert_snapshot!(text(&folder, "routes/surat-masuk.yaml"), @r#"
    route: surat-masuk
    summary: "Surat: masuk"
    from: loket.surat
    identity: $.nomor
    to:
      - target: agenda.catat
      - target: papan.umumkan
    "#);
}

#[test]
fn nothing_is_written_over_and_what_is_missing_is_named() {
    let folder = project();
    let cases: [(&[&str], &str); 9] = [
        (&["new", "system"], "`NAME` is missing"),
        (
            &["new", "system", "loket"],
            "--source, --target, --amqp, --files or --openapi` is missing",
        ),
        (&["new", "system", "Loket", "--source", "a"], "`Loket` is no name"),
        (&["new", "system", "a", "--target", "b=post /x"], "`--http` is missing"),
        (&["new", "system", "a", "--http", "http://a", "--target", "b=/x"], "write `b=post /path`"),
        (&["new", "route", "a"], "`--from` is missing"),
        (&["new", "route", "a", "--from", "b.c"], "no system file has it"),
        (&["new", "project"], "`simpul.yaml` is there already, and is not written over"),
        (&["new", "schema", "a", "--sample", "tidak-ada.json"], "`tidak-ada.json`"),
    ];
    for (arguments, told) in cases {
        let said = simpul_on(folder.path(), arguments);
        assert_eq!(said.code, 2, "{arguments:?}");
        assert!(said.err.contains(told), "{arguments:?}: {}", said.err);
    }
    made(&folder, &["system", "loket", "--source", "surat"]);
    let before = text(&folder, "connectors/loket.yaml");
    assert_eq!(simpul_on(folder.path(), &["new", "system", "loket", "--source", "x"]).code, 2);
    assert_eq!(text(&folder, "connectors/loket.yaml"), before);
    let said = simpul_on(folder.path(), &["new", "route", "a", "--from", "loket.surta"]);
    assert!(said.err.contains("did you mean `loket.surat`?"), "{}", said.err);
}

/// An interface as agencies describe theirs: references, null, parameters, forms, patterns.
fn description() -> Value {
    json!({
        "openapi": "3.0.3",
        "info": { "title": "Absensi: elektronik", "version": "1.10" },
        "servers": [{ "url": "https://{host}/api/v1/", "variables": { "host": { "default": "absensi.example" } } }],
        "components": {
            "securitySchemes": { "kunci": { "type": "apiKey", "in": "header", "name": "X-Kunci" } },
            "schemas": {
                "DinasLuar": {
                    "type": "object",
                    "required": ["nip", "mulai"],
                    "properties": {
                        "nip": { "type": "string", "pattern": "^(?=1)[0-9]{18}$", "example": "19" },
                        "mulai": { "type": "string", "format": "date" },
                        "catatan": { "type": "string", "nullable": true },
                        "hari": { "type": "integer", "minimum": 0, "exclusiveMinimum": true },
                        "example": { "type": "string" },
                        "atasan": { "$ref": "#/components/schemas/Pegawai" },
                    },
                },
                "Pegawai": {
                    "type": "object",
                    "properties": { "nama": { "type": "string" }, "atasan": { "$ref": "#/components/schemas/Pegawai" } },
                },
            },
        },
        "paths": {
            "/pegawai/{nip}/dinas-luar": {
                "parameters": [{ "name": "nip", "in": "path", "required": true }],
                "get": {},
                "post": {
                    "operationId": "catatDinasLuar",
                    "summary": "Records a trip",
                    "parameters": [{ "name": "tahun-anggaran", "in": "query", "required": true }],
                    "requestBody": { "content": { "application/json": { "schema": { "$ref": "#/components/schemas/DinasLuar" } } } },
                },
                "delete": {},
            },
            "/masuk": {
                "post": { "operationId": "catat dinas luar", "requestBody": { "content": { "application/x-www-form-urlencoded": {} } } },
                "put": {},
            },
        },
    })
}

#[test]
fn an_openapi_document_becomes_a_system_with_its_targets_and_schemas() {
    let folder = project();
    fs::write(folder.path().join("absensi.json"), description().to_string()).unwrap();
    let file = folder.path().join("absensi.json");
    let said = made(&folder, &["system", "e-absensi", "--openapi", file.to_str().unwrap()]);
    is_sound(&folder);
    assert!(said.out.contains("1 call with `get` was left out"), "{}", said.out);
    assert!(said.out.contains("patterns that simpul does not know"), "{}", said.out);
    insta::assert_snapshot!(text(&folder, "connectors/e-absensi.yaml"), @r#"
    system: e-absensi
    name: "Absensi: elektronik"

    http:
      url: https://absensi.example/api/v1
      auth: { header: { name: X-Kunci, value: "${file:secrets/e-absensi-token}" } }
      targets:
        catat-dinas-luar:
          post: /masuk
          body: form
        put-masuk:
          put: /masuk
          body: none
        # Records a trip
        catat-dinas-luar-2:
          post: /pegawai/${$.nip}/dinas-luar?tahun-anggaran=${$['tahun-anggaran']}
          schema: schemas/e-absensi-catat-dinas-luar-2.schema.json
        delete-pegawai-nip-dinas-luar:
          delete: /pegawai/${$.nip}/dinas-luar
    "#);
    let schema = text(&folder, "schemas/e-absensi-catat-dinas-luar-2.schema.json");
    let schema: Value = serde_json::from_str(&schema).unwrap();
    let validator = jsonschema::validator_for(&schema).unwrap();
    let fits = |document: Value| validator.is_valid(&document);
    assert!(fits(json!({ "nip": "2", "mulai": "2026-01-01", "catatan": null, "hari": 1 })));
    assert!(fits(json!({ "nip": "2", "mulai": "x", "atasan": { "atasan": { "nama": "A" } } })));
    assert!(!fits(json!({ "nip": "2" })));
    assert!(!fits(json!({ "nip": "2", "mulai": "2026-01-01", "hari": 0 })));
    assert!(!fits(
        json!({ "nip": "2", "mulai": "2026-01-01", "atasan": { "atasan": { "nama": 5 } } })
    ));
}

#[test]
fn what_is_no_openapi_3_is_told() {
    let folder = project();
    let path = folder.path().join("lama.json");
    fs::write(&path, r#"{"swagger": "2.0"}"#).unwrap();
    let said =
        simpul_on(folder.path(), &["new", "system", "a", "--openapi", path.to_str().unwrap()]);
    assert_eq!(said.code, 2);
    assert!(said.err.contains("not OpenAPI 3"), "{}", said.err);
    assert!(!folder.path().join("connectors/a.yaml").exists());
}

/// Writes the schema of these sample messages, one on each line.
fn sampled(folder: &TempDir, name: &str, samples: &[Value]) -> Value {
    let lines: Vec<_> = samples.iter().map(Value::to_string).collect();
    let path = folder.path().join(format!("{name}.ndjson"));
    fs::write(&path, lines.join("\n")).unwrap();
    made(folder, &["schema", name, "--sample", path.to_str().unwrap()]);
    serde_json::from_str(&text(folder, &format!("schemas/{name}.schema.json"))).unwrap()
}

#[test]
fn samples_become_a_schema_that_they_fit() {
    let folder = project();
    let samples = [
        json!({ "nomor": "1", "tgl": "2026-01-02", "total": 5, "baris": [{ "a": 1 }, { "a": 1.5, "b": null }], "x": null }),
        json!({ "nomor": "2", "tgl": "2026-01-03", "total": null, "baris": [], "ket": "y" }),
    ];
    let schema = sampled(&folder, "surat", &samples);
    let validator = jsonschema::validator_for(&schema).unwrap();
    assert!(samples.iter().all(|it| validator.is_valid(it)), "{schema}");
    assert_eq!(schema["required"], json!(["baris", "nomor", "tgl", "total"]));
    let properties = &schema["properties"];
    assert_eq!(properties["tgl"], json!({ "type": "string", "format": "date" }));
    assert_eq!(properties["total"]["type"], json!(["integer", "null"]));
    assert_eq!(properties["baris"]["items"]["properties"]["a"]["type"], "number");
    assert_eq!(properties["baris"]["items"]["required"], json!(["a"]));
    assert!(!validator.is_valid(&json!({ "nomor": "1" })));
    is_sound(&folder);
}

#[test]
fn a_first_map_is_guessed_by_names_in_both_languages_and_by_types() {
    let folder = project();
    sampled(
        &folder,
        "sppd",
        &[json!({
            "nomor_spd": "12", "tanggal": "2026-01-01", "total": 5, "tujuan": { "nama": "Painan", "kode": "13" },
            "pelaksana": [{ "nip": "1", "nama": "A" }], "dibuat": "2026-01-01T00:00:00Z",
        })],
    );
    let target = json!({
        "type": "object",
        "required": ["number", "date", "participants"],
        "properties": {
            "number": { "type": "string" }, "date": { "type": "string", "format": "date" },
            "created": { "type": "string", "format": "date" }, "amount": { "type": "string" },
            "kind": { "const": "SPPD" },
            "destination": { "type": "object", "properties": { "name": { "type": "string" }, "colour": { "type": "string" } } },
            "participants": { "type": "array", "items": { "type": "object", "properties": { "name": { "type": "string" }, "nip": { "type": "string" } } } },
            "weather": { "type": "string" },
        },
    });
    let write = |path: &str, text: &str| fs::write(folder.path().join(path), text).unwrap();
    // In its order: `json!` would sort it.
    write("schemas/trip.schema.json", &target.to_string());
    made(&folder, &["system", "e-sppd", "--source", "status"]);
    made(&folder, &["system", "agenda", "--files", "agenda", "--target", "catat=a.ndjson"]);
    let name = |name: &str| {
        folder.path().join(format!("schemas/{name}.schema.json")).display().to_string()
    };
    let (from, to) = (name("sppd"), name("trip"));
    let said = made(
        &folder,
        &[
            "route",
            "trip",
            "--from",
            "e-sppd.status",
            "--to",
            "agenda.catat",
            "--from-schema",
            &from,
            "--to-schema",
            &to,
        ],
    );
    is_sound(&folder);
    assert!(said.out.contains("fields of agenda.catat were guessed"), "{}", said.out);
    insta::assert_snapshot!(text(&folder, "routes/trip.yaml"), @r#"
    route: trip
    from: e-sppd.status
    to:
      - target: agenda.catat
        map:
          amount: $.total | text               # guess: check (same meaning, as text)
          created: =[$.dibuat | date] | first  # guess: check (same meaning, as a day, null left out)
          date: $.tanggal                      # guess: check (same meaning)
          destination:
            # no guess: colour: string
            name: $.tujuan.nama  # guess: check (same meaning)
          kind: SPPD             # guess: check (the schema allows this alone)
          number: $.nomor_spd    # guess: check (alike)
          participants:
            $each: $.pelaksana[*]  # guess: check
            $map:
              name: "@.nama"  # guess: check (same meaning)
              nip: "@.nip"    # guess: check (same name)
          # no guess: weather: string
    "#);
}

#[test]
fn the_schemas_of_both_ends_are_found_in_their_system_files() {
    let folder = project();
    sampled(&folder, "surat", &[json!({ "nomor": "1", "perihal": "x" })]);
    sampled(&folder, "agenda", &[json!({ "number": "1", "subject": "x", "colour": 1 })]);
    let system = |name: &str, rest: &str| {
        let text = format!("system: {name}\n{rest}\n");
        fs::write(folder.path().join(format!("connectors/{name}.yaml")), text).unwrap();
    };
    system(
        "loket",
        "amqp:\n  url: amqp://127.0.0.1\n  sources:\n    surat: { queue: a, schema: schemas/surat.schema.json }",
    );
    system(
        "buku",
        "files:\n  path: a\n  targets:\n    catat: { file: a, schema: schemas/agenda.schema.json }",
    );
    let said = simpul_on(
        folder.path(),
        &["new", "route", "a", "--from", "loket.surat", "--to", "buku.catat"],
    );
    assert!(said.out.contains("to do: buku.catat requires colour"), "{}\n{}", said.out, said.err);
    let route = text(&folder, "routes/a.yaml");
    assert!(route.contains("number: $.nomor     # guess: check (same meaning)"), "{route}");
    assert!(Path::new(&folder.path().join("routes/a.yaml")).exists());
}
