//! Deliberate mistakes in the shipped files, of the kind that one makes on a long day: each is found by
//! `check`, and what is said about it names the mistake and the cure.

use std::{collections::BTreeSet, fs, path::Path};

use simpul::{
    cli::settings::load,
    diagnostic::{Diagnostic, Language},
    route::{Texts, Variables},
};
use tempfile::TempDir;

/// A mistake: what it is, in which file, what stands there, and what is written instead.
type Mistake = (&'static str, &'static str, &'static str, &'static str);

const MISTAKES: &[Mistake] = &[
    (
        "a path wrong by one letter",
        SPPD,
        "mulai: $.berangkat\n      selesai: $.kembali\n      ref",
        "mulai: $.berangat\n      selesai: $.kembali\n      ref",
    ),
    ("a path wrong inside of another", SPPD, "tempat: $.tujuan.tempat", "tempat: $.tujuan.tempt"),
    ("a path of the item wrong by one letter", SPPD, "'e-absensi:', @.nip", "'e-absensi:', @.nipp"),
    (
        "a path of a wrong step before",
        SPPD,
        "${$.tujuan.wilayah.nama} (",
        "${$.tujuan.wilayah.name} (",
    ),
    ("the message in the place of the item", SPPD, "'e-absensi:', @.nip", "'e-absensi:', $.nip"),
    ("a status that there is not", SPPD, "$.status == 'TERBIT'", "$.status == 'TERBIIT'"),
    ("a status in small letters", SPPD, "$.status == 'TERBIT'", "$.status == 'terbit'"),
    ("a required field left out", SPPD, "      kode: DL\n", ""),
    (
        "a required field left out deep inside",
        SPPD,
        "aktif_tahun: 2, inaktif_tahun: 3, nasib_akhir: musnah",
        "aktif_tahun: 2, inaktif_tahun: 3",
    ),
    (
        "a field of the target misspelt",
        SPPD,
        "      selesai: $.kembali\n      ref",
        "      selesei: $.kembali\n      ref",
    ),
    ("a constant of the target misspelt", SPPD, "kode: DL", "kode: DI"),
    ("an enum of the target misspelt", SPPD, "jenis_naskah: ST", "jenis_naskah: STT"),
    ("an enum of the target in capitals", SK, "sifat: terbatas", "sifat: Terbatas"),
    (
        "a value that may be absent where one is required",
        SPPD,
        "$.tanggal_terbit | required",
        "$.tanggal_terbit",
    ),
    ("a number where text is asked for", SPPD, "rujukan: $.nomor_spd", "rujukan: $.total"),
    (
        "an array where text is asked for",
        SK,
        "catatan: $.gagal\n      berkas: { sha256: \"$.dokumen[0].sha256\"",
        "catatan: $.gagal\n      berkas: { sha256: \"$.dokumen[*].sha256\"",
    ),
    ("a text where a number is asked for", SK, "aktif_tahun: 2", "aktif_tahun: dua"),
    ("a text where an array is asked for", SPPD, "catatan: $.gagal", "catatan: tidak ada"),
    ("a code of another form", SPPD, "klasifikasi: HR.01.2", "klasifikasi: HR-01"),
    ("a date of another form", SK, "tanggal: $.tanggal_sk", "tanggal: 15/01/2026"),
    (
        "a name where a date is asked for",
        SPPD,
        "mulai: $.berangkat\n      selesai: $.kembali\n      ref",
        "mulai: $.nomor_st\n      selesai: $.kembali\n      ref",
    ),
    ("a pseudonym cut too short", SPPD, "truncate(32)", "truncate(16)"),
    (
        "a personnel number sent as it is",
        SPPD,
        "pegawai: =concat('e-absensi:', @.nip) | hash | truncate(32)",
        "pegawai: \"@.nip\"",
    ),
    (
        "a field that was to stay at home",
        SPPD,
        "      tempat: $.tujuan.tempat\n",
        "      tempat: $.akun\n",
    ),
    ("a table misspelt", SPPD, "table: wilayah", "table: wilaya"),
    (
        "a column that the table has not",
        SPPD,
        "key: $.tujuan.kode_wilayah, into",
        "key: $.tujuan.kode_wilayah, columns: [nama, propinsi], into",
    ),
    ("a key of a table that is an object", SPPD, "key: $.tujuan.kode_wilayah", "key: $.tujuan"),
    (
        "a count compared with a text",
        SPPD,
        "when: ($.gagal | count) == 0\n    each",
        "when: ($.gagal | count) == '0'\n    each",
    ),
    (
        "a comparison without count",
        SPPD,
        "when: ($.gagal | count) == 0\n    each",
        "when: $.gagal == 0\n    each",
    ),
    ("each of something that is no array", SPPD, "each: $.pelaksana[*]", "each: $.tujuan"),
    ("order by what may be missing", SPPD, "order_by: $.nomor_spd", "order_by: $.akun"),
    ("a schema that is another's", SK, "schemas/sk-mutasi.schema.json", "schemas/sppd.schema.json"),
    (
        "a boolean field misspelt",
        HASIL,
        "lengkap: $.body.status_suara",
        "lengkap: $.body.status_suwara",
    ),
    ("a target that there is not", HASIL, "target: tabulasi.hitung", "target: tabulasi.hitungg"),
    (
        "a field of the source's schema renamed",
        "schemas/sk-mutasi.schema.json",
        "\"tmt_mutasi\"",
        "\"tmt\"",
    ),
    (
        "a type of the target's schema changed",
        "schemas/naskah.schema.json",
        "\"rujukan\": { \"type\": \"string\" }",
        "\"rujukan\": { \"type\": \"integer\" }",
    ),
];

const SPPD: &str = "routes/sppd-terbit.yaml";
const SK: &str = "routes/sk-mutasi.yaml";
const HASIL: &str = "routes/hasil-tps.yaml";

/// The folders of the project that ships, and its settings.
const SHIPPED: [&str; 5] = ["simpul.yaml", "connectors", "routes", "schemas", "tables"];

#[test]
fn every_deliberate_mistake_in_the_shipped_files_is_found() {
    let (before, _) = check(shipped().path());
    let known: BTreeSet<String> = before.iter().map(key).collect();
    let (mut said, mut missed) = (String::new(), Vec::new());
    for (what, file, from, to) in MISTAKES {
        let folder = shipped();
        let path = folder.path().join(file);
        let text = fs::read_to_string(&path).unwrap();
        assert!(text.contains(from), "{file} has no {from:?}");
        fs::write(&path, text.replace(from, to)).unwrap();
        let (mut found, texts) = check(folder.path());
        found.retain(|it| !known.contains(&key(it)));
        let untranslated =
            found.iter().flat_map(|it| it.message.untranslated(Language::Indonesian));
        assert_eq!(untranslated.collect::<Vec<_>>(), [] as [&str; 0]);
        if found.is_empty() || found.iter().any(|it| it.help.is_none()) {
            missed.push(*what);
        }
        said.push_str(&format!("# {what}\n\n{}\n", texts.render(&found, Language::English)));
    }
    assert_eq!(missed, [] as [&str; 0], "not found, or told without a cure");
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    settings.bind(|| insta::assert_snapshot!("shipped", said));
}

/// By what a finding is known, whichever line it is on.
fn key(found: &Diagnostic) -> String {
    format!("{} {} {}", found.code.as_str(), found.file, found.message.english())
}

fn check(project: &Path) -> (Vec<Diagnostic>, Texts) {
    match load(project, &Variables::stand_ins()) {
        Ok((_, loaded)) => (loaded.found, loaded.texts),
        Err(broken) => (broken.found, broken.texts),
    }
}

fn shipped() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for part in SHIPPED {
        let (from, to) = (Path::new(part), folder.path().join(part));
        if from.is_file() {
            fs::copy(from, to).unwrap();
            continue;
        }
        fs::create_dir(&to).unwrap();
        for file in fs::read_dir(from).unwrap() {
            let file = file.unwrap();
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
    folder
}
