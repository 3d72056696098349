//! Data goes to where less may be held only without what makes it secret.

use std::path::Path;

use super::{KEY, said_of, snapshot, write};

const SCHEMA: &str = r#"{
  "type": "object",
  "required": ["nip", "nomor", "orang"],
  "additionalProperties": false,
  "properties": {
    "nip": { "type": "string" },
    "nomor": { "type": "string" },
    "orang": { "type": "array", "items": { "type": "object", "required": ["nik", "peran"],
      "properties": { "nik": { "type": "string" }, "peran": { "type": "string" } } } }
  }
}"#;

fn project(folder: &Path, source: &str, target: &str) {
    let system = |name: &str, class: &str, rest: &str| {
        format!(
            "system: {name}\nname: {name}\nowner: {{ unit: TI, contact: ti@kpu.example }}\n\
             classification: {class}\nhttp:\n  url: http://127.0.0.1:9\n{rest}"
        )
    };
    let emits = format!(
        "  sources:\n    sk: {{ schema: schemas/sk.json, {source}api_keys: {{ a: \"{KEY}\" }} }}\n"
    );
    write(folder, "connectors/simpeg.yaml", &system("simpeg", "rahasia", &emits));
    let takes = format!("  targets:\n    umumkan: {{ {target}post: \"/sk/${{$.nomor}}\" }}\n");
    write(folder, "connectors/ppid.yaml", &system("ppid", "biasa", &takes));
    write(folder, "schemas/sk.json", SCHEMA);
    write(folder, "simpul.yaml", "hash_key: ${file:kunci}\n");
    write(folder, "kunci", "0123456789abcdef");
}

fn said(to: &str) -> String {
    said_with("", "", to)
}

fn said_with(source: &str, target: &str, to: &str) -> String {
    let folder = tempfile::tempdir().unwrap();
    project(folder.path(), source, target);
    let route = format!(
        "route: sk\nsummary: A test.\nowner: SDM\nfrom: simpeg.sk\nto:\n  - target: ppid.umumkan\n{to}"
    );
    write(folder.path(), "routes/sk.yaml", &route);
    said_of(folder.path())
}

#[test]
fn a_lower_target_needs_a_word_on_what_is_taken_out() {
    snapshot("class_lower", &said("    map: { nomor: $.nomor }\n"));
    assert_eq!(said("    takes_out: [$.nip]\n    map: { nomor: $.nomor }\n"), "");
    // Their own classes stand over those of their systems.
    assert_eq!(said_with("classification: biasa, ", "", ""), "");
    snapshot(
        "class_above_system",
        &said_with(
            "",
            "classification: terbatas, ",
            "    takes_out: [$.nip]\n    map: { nomor: $.nomor }\n",
        ),
    );
}

#[test]
fn what_is_named_as_taken_out_does_not_go_out() {
    let cases = [
        ("taken_as_it_is", "    takes_out: [$.nip]\n"),
        (
            "taken_in_a_map",
            "    takes_out: [$.nip]\n    map: { nomor: $.nomor, pegawai: { id: $.nip } }\n",
        ),
        (
            "taken_in_a_text",
            "    takes_out: [$.nip]\n    map:\n      hal: SK ${$.nomor} untuk ${$.nip | upper}\n",
        ),
        ("taken_in_items", "    takes_out: [\"$.orang[*].nik\"]\n    map: { orang: $.orang }\n"),
        ("taken_in_the_path", "    takes_out: [$.nomor]\n    map: { a: 1 }\n"),
        ("taken_that_is_not_there", "    takes_out: [$.nik]\n    map: { nomor: $.nomor }\n"),
        ("taken_anywhere", "    takes_out: [$..nik]\n    map: { nomor: $.nomor }\n"),
    ];
    for (name, to) in cases {
        snapshot(name, &said(to));
    }
}

#[test]
fn a_pseudonym_a_mask_and_a_count_are_not_the_field() {
    let to = "    takes_out: [$.nip, \"$.orang[*].nik\"]\n    map:\n      siapa: $.nip | hash\n      tampil: $.nip | mask(0, 3)\n      ada: =$.nip != ''\n      jumlah: $.orang | count\n      peran: $.orang[*].peran\n";
    assert_eq!(said(to), "");
}
