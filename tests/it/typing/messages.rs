//! What is said of each kind of mistake that shows only with both schemas in hand.

use super::{Ends, snapshot};

const SPPD: &str = r#"{
  "type": "object",
  "required": ["nomor", "status", "total", "tujuan", "pelaksana"],
  "properties": {
    "nomor": { "type": "string", "minLength": 1 },
    "status": { "enum": ["DRAF", "TERBIT", "SELESAI"] },
    "total": { "type": "integer", "minimum": 0 },
    "uang_harian": { "type": "number" },
    "terbit": { "type": "string", "format": "date" },
    "catatan": { "type": ["string", "null"] },
    "tujuan": {
      "type": "object", "required": ["kode"], "additionalProperties": false,
      "properties": { "kode": { "type": "string" }, "tempat": { "type": "string" } }
    },
    "pelaksana": {
      "type": "array", "minItems": 1,
      "items": { "type": "object", "required": ["nip"],
                 "properties": { "nip": { "type": "string" }, "nama": { "type": "string" } } }
    }
  }
}"#;

const NASKAH: &str = r#"{
  "type": "object",
  "required": ["nomor", "sifat", "tanggal"],
  "additionalProperties": false,
  "properties": {
    "nomor": { "type": "string", "minLength": 1, "maxLength": 60 },
    "sifat": { "enum": ["biasa", "terbatas"] },
    "tanggal": { "type": "string", "format": "date" },
    "jumlah": { "type": "integer", "minimum": 1 },
    "catatan": { "type": "string" },
    "peserta": { "type": "array", "items": { "type": "string" } }
  }
}"#;

const BOTH: Ends<'_> = Ends { source: SPPD, target: NASKAH };

/// What is said of a `map` of the three required fields, right but for `lines`.
fn said_of_map(lines: &str) -> String {
    let right = ["nomor: $.nomor | truncate(60)", "sifat: biasa", "tanggal: $.terbit | required"];
    let mut map = String::new();
    for line in right {
        let key = line.split(':').next().unwrap();
        let replaced = lines.lines().any(|it| it.trim().starts_with(&format!("{key}:")));
        if !replaced && !lines.contains(&format!("without {key}")) {
            map.push_str(&format!("      {line}\n"));
        }
    }
    for line in lines.lines().filter(|it| !it.contains("without")) {
        map.push_str(&format!("      {line}\n"));
    }
    BOTH.said(&format!("to:\n  - target: tujuan.terima\n    map:\n{map}"))
}

fn said_of_steps(steps: &str) -> String {
    BOTH.said(&format!(
        "steps:\n{steps}to:\n  - target: tujuan.terima\n    map:\n      nomor: $.nomor | truncate(60)\n      sifat: biasa\n      tanggal: $.terbit | required\n"
    ))
}

#[test]
fn a_route_that_fits_is_told_nothing() {
    let map = "catatan: $.tujuan.tempat\njumlah: $.pelaksana | count\n\
               peserta: $.pelaksana[*].nip";
    assert_eq!(said_of_map(map), "");
    let steps = "  - filter: $.status == 'TERBIT' && $.total > 0\n";
    assert_eq!(said_of_steps(steps), "");
}

#[test]
fn each_mistake_in_a_map_is_told_at_its_place_with_its_cure() {
    let cases = [
        ("never_set", "without sifat"),
        ("may_be_missing", "tanggal: $.terbit"),
        ("unwanted_field", "catatn: $.nomor"),
        ("wrong_kind", "jumlah: $.nomor"),
        ("number_for_a_text", "catatan: $.total"),
        ("may_be_null", "catatan: $.catatan"),
        ("fraction_for_a_whole_number", "jumlah: $.uang_harian"),
        ("out_of_range", "jumlah: $.total"),
        ("never_in_range", "jumlah: 0"),
        ("no_value_of_the_enum", "sifat: terbats"),
        ("perhaps_no_value_of_the_enum", "sifat: $.status"),
        ("no_format", "tanggal: $.nomor"),
        ("literal_breaks_format", "tanggal: 3 Februari"),
        ("too_long", "nomor: $.nomor"),
        ("item_of_another_kind", "peserta: { $each: $.pelaksana, $map: { nip: \"@.nip\" } }"),
    ];
    for (name, lines) in cases {
        snapshot(name, &said_of_map(lines));
    }
}

#[test]
fn a_place_that_cannot_be_is_told_with_what_there_is() {
    let cases = [
        ("place_closed", "catatan: $.tujuan.tmpat"),
        ("place_undeclared", "catatan: ${$.nomer}"),
        ("place_in_a_text", "catatan: $.nomor.depan"),
        ("place_in_items", "peserta: $.pelaksana[*].nipp"),
        ("place_of_item", "peserta: { $each: $.pelaksana, $map: \"@.nama_lengkap\" }"),
    ];
    for (name, lines) in cases {
        snapshot(name, &said_of_map(lines));
    }
}

#[test]
fn what_never_works_in_an_expression_is_told() {
    let cases = [
        ("function_of_another_kind", "  - set: { $.x: $.total | upper }\n"),
        ("arithmetic_with_a_text", "  - set: { $.x: $.nomor + 1 }\n"),
        ("order_across_kinds", "  - filter: $.total > '0'\n"),
        ("never_equal", "  - filter: $.status == 'TERBT'\n"),
        ("never_equal_in_a_list", "  - filter: $.status in ['TERBIT', 'SELESAY']\n"),
        ("never_null", "  - filter: $.terbit != null\n"),
        ("condition_of_another_kind", "  - filter: $.nomor\n"),
        ("filter_on_what_may_be_missing", "  - filter: $.uang_harian > 0\n"),
        ("never_again", "  - filter: $.status == 'TERBIT'\n  - filter: $.status == 'DRAF'\n"),
        ("set_inside_a_text", "  - set: { $.nomor.x: 1 }\n"),
        (
            "lookup_column",
            "  - lookup: { table: wilayah, key: $.tujuan.kode, into: $.w }\n  - set: { $.x: $.w.nam }\n",
        ),
        ("lookup_never_found", "  - lookup: { table: wilayah, key: $.status, into: $.w }\n"),
        ("validate_never", "  - validate: schemas/tujuan.json\n"),
        ("split_of_no_array", "  - split: $.nomor\n"),
    ];
    for (name, steps) in cases {
        snapshot(name, &said_of_steps(steps));
    }
}

#[test]
fn steps_change_what_is_known() {
    // Each passes only because of its step.
    let passes = [
        ("  - filter: $.catatan | exists && $.catatan != null\n", "catatan: $.catatan"),
        ("  - filter: $.total >= 1\n", "jumlah: $.total"),
        (
            "  - filter: $.status in ['TERBIT']\n  - lookup: { table: wilayah, key: $.tujuan.kode, into: $.w }\n",
            "catatan: $.w.nama",
        ),
        ("  - set: { $.sifat: terbatas }\n", "sifat: $.sifat"),
        ("  - check: { into: $.gagal, rules: { a: $.total > 0 } }\n", "peserta: $.gagal"),
        ("  - remove: [$.catatan]\n", "jumlah: 1"),
    ];
    for (steps, line) in passes {
        let map = if line.starts_with("sifat") { "" } else { "      sifat: biasa\n" };
        let said = BOTH.said(&format!(
            "steps:\n{steps}to:\n  - target: tujuan.terima\n    map:\n      nomor: $.nomor | truncate(60)\n{map}      tanggal: $.terbit | required\n      {line}\n"
        ));
        assert_eq!(said, "", "{steps}");
    }
    snapshot("removed_before", &BOTH.said(
        "steps:\n  - remove: [$.tujuan]\nto:\n  - target: tujuan.terima\n    map: { nomor: \"$.tujuan.kode\", sifat: biasa, tanggal: $.terbit | required }\n",
    ));
}

#[test]
fn a_validate_step_says_what_a_source_without_schema_does_not() {
    let ends = Ends { source: "", target: NASKAH };
    let to = "to:\n  - target: tujuan.terima\n    map: { nomor: \"$.nomor\", sifat: $.sifat, tanggal: $.tanggal }\n";
    snapshot("no_schema_at_the_source", &ends.said(to));
    let validated = format!("steps:\n  - validate: schemas/tujuan.json\n{to}");
    assert_eq!(ends.said(&validated), "");
}

#[test]
fn without_a_schema_at_the_target_nothing_is_held_against_it() {
    let ends = Ends { source: SPPD, target: "" };
    assert_eq!(ends.said("to:\n  - target: tujuan.terima\n    map: { apa: $.catatan }\n"), "");
}

#[test]
fn keywords_that_are_not_reasoned_about_are_one_note_for_each_schema() {
    let target = r#"{
  "type": "object",
  "properties": {
    "nomor": { "type": "string", "pattern": "^[0-9]+$" },
    "total": { "type": "integer", "multipleOf": 1000 },
    "apa": { "oneOf": [{ "type": "string" }, { "type": "null" }] }
  }
}"#;
    let ends = Ends { source: SPPD, target };
    let said = ends.said(
        "to:\n  - target: tujuan.terima\n    map: { nomor: $.nomor, total: $.total, apa: $.nomor }\n",
    );
    snapshot("not_checked", &said);
}

#[test]
fn a_schema_inside_itself_is_followed_as_far_as_it_goes() {
    let tree = r##"{ "$ref": "#/$defs/unit", "$defs": { "unit": { "type": "object", "required": ["nama"],
        "properties": { "nama": { "type": "string" },
                        "bawahan": { "type": "array", "items": { "$ref": "#/$defs/unit" } } } } } }"##;
    let ends = Ends { source: tree, target: tree };
    let said = ends.said("to:\n  - target: tujuan.terima\n");
    assert!(!said.contains("error"), "{said}");
    let said =
        ends.said("to:\n  - target: tujuan.terima\n    map: { nama: 1, bawahan: [{ nama: x }] }\n");
    snapshot("schema_inside_itself", &said);
}
