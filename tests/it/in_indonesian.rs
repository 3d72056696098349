//! `--lang id`: whoever writes files is answered in Indonesian by every command that he uses for it.

use std::{fs, net::TcpListener, path::Path};

use simpul::diagnostic::Language;
use tempfile::TempDir;

use crate::{
    catalogue::copy,
    command_line::{Said, simpul_on},
};

const CASES: &str = "\
cases:
  surat masuk:
    given: { file: surat.json }
    expect: { to: { agenda.catat: { has: { nomor: A-2 } }, papan.umumkan: skipped } }
  surat tanpa perihal:
    given: { file: surat.json }
    expect: { outcome: filtered, journal: [dibaca] }
";

const SURAT: &str = r#"{"nomor": "A-1", "tanggal": "2026-01-15", "sifat": "BIASA", "halaman": 2,
    "nilai": null, "asli": true, "perihal": "Rapat", "tembusan": [], "lampiran": [],
    "pengirim": {"nip": "198703142010011002", "nama": "Budi", "unit": null}, "catatan": {}}"#;

/// A project in which both ends have schemas, and these files too.
fn project(files: &[(&str, &str)]) -> TempDir {
    let folder = copy("typed");
    for (path, text) in files {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    folder
}

fn in_indonesian(folder: &Path, arguments: &[&str]) -> Said {
    simpul_on(folder, &[arguments, &["--lang", "id"]].concat())
}

/// All that was said, without how long it took.
fn told(said: &Said) -> String {
    let text = format!("{}{}", said.out, said.err);
    let line = |it: &str| match it.split_once(", dalam ") {
        Some((before, _)) => before.to_owned(),
        None => it.to_owned(),
    };
    text.lines().map(line).collect::<Vec<_>>().join("\n")
}

#[test]
fn what_came_of_tests_is_told_in_indonesian() {
    let folder = project(&[("routes/dasar.test.yaml", CASES), ("surat.json", SURAT)]);
    let said = in_indonesian(folder.path(), &["test", "--coverage"]);
    assert_eq!(said.code, 1, "{}", told(&said));
    insta::assert_snapshot!(told(&said));
}

#[test]
fn a_message_is_explained_in_indonesian() {
    let folder = project(&[("surat.json", SURAT), ("lain.json", r#"{"nomor": 7}"#)]);
    let path = |name| folder.path().join(name).to_str().unwrap().to_owned();
    let said =
        in_indonesian(folder.path(), &["explain", "dasar", "--message", &path("surat.json")]);
    let refused =
        in_indonesian(folder.path(), &["explain", "dasar", "--message", &path("lain.json")]);
    assert_eq!((said.code, refused.code), (0, 1));
    insta::assert_snapshot!(format!("{}\n\n====\n\n{}", told(&said), told(&refused)));
}

#[test]
fn what_became_of_files_is_told_in_indonesian() {
    let folder =
        project(&[("routes/lebar.yaml", "route:   lebar\n"), ("routes/salah.yaml", "a: [")]);
    let said = in_indonesian(folder.path(), &["fmt", "--check"]);
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(told(&said));
}

#[test]
fn a_draft_is_told_in_indonesian() {
    let folder = project(&[]);
    let route = [
        "new",
        "route",
        "tebak",
        "--from",
        "loket.surat",
        "--to",
        "agenda.catat",
        "--to",
        "arsip.simpan",
    ];
    let said = in_indonesian(folder.path(), &route);
    let system = in_indonesian(folder.path(), &["new", "system", "kas", "--source", "setoran"]);
    let secret = system.out.split_whitespace().find(|it| it.starts_with("simpul_")).unwrap();
    let told = format!("{}\n\n====\n\n{}", told(&said), told(&system));
    insta::assert_snapshot!(told.replace(secret, "simpul_…"));
}

#[test]
fn what_a_change_concerns_is_told_in_indonesian() {
    let before = project(&[]);
    let after = project(&[
        ("tables/wilayah.csv", "kode,nama,provinsi\n13.01,Pesisir Selatan,Sumatera Barat\n"),
        ("schemas/agenda.schema.json", r#"{ "type": "object", "required": ["tahun"] }"#),
    ]);
    let against = before.path().to_str().unwrap();
    let said = in_indonesian(after.path(), &["impact", "--against", against]);
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(told(&said));
}

#[test]
fn a_start_on_wrong_files_is_refused_in_indonesian() {
    let folder = project(&[("routes/salah.yaml", "route: salah\n")]);
    let said = in_indonesian(folder.path(), &["run"]);
    assert_eq!((said.code, said.out.as_str()), (1, ""));
    assert!(said.err.starts_with("galat[S004]: `from` belum ditulis\n"), "{}", said.err);
}

/// Who reads why a bus did not start should not find first what has nothing to do with it.
#[test]
fn a_start_that_fails_says_why_and_nothing_else() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let settings = format!("listen: {}\nops: 127.0.0.1:0\n", taken.local_addr().unwrap());
    let folder = project(&[("simpul.yaml", &settings)]);
    fs::remove_file(folder.path().join("routes/bebas.yaml")).unwrap();
    let checked = simpul_on(folder.path(), &["check"]);
    assert!(checked.out.contains("warning[S032]"), "{}", checked.out);
    let said = simpul_on(folder.path(), &["run"]);
    assert_eq!((said.code, said.out.as_str()), (2, ""));
    assert!(said.err.starts_with("error: `listen: 127.0.0.1:"), "{}", said.err);
    assert_eq!(said.err.lines().count(), 1, "{}", said.err);
}

#[test]
fn the_language_that_is_accepted_first_is_taken() {
    for (header, language) in [
        ("id", Language::Indonesian),
        ("id-ID,id;q=0.9,en;q=0.8", Language::Indonesian),
        ("en-GB, id", Language::English),
        ("nl, id;q=0.3", Language::Indonesian),
        ("*", Language::English),
        ("", Language::English),
    ] {
        assert_eq!(Language::accepted(header), language, "{header}");
    }
}
