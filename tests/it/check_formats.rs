//! `simpul check` for programs: JSON, SARIF and the annotations of GitHub; and for people who read
//! Indonesian.

use std::{fs, path::Path};

use serde_json::Value;
use tempfile::TempDir;

use super::command_line::simpul_on;

/// A project with one mistake and one warning.
fn project() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let put = |path: &str, text: &str| {
        let path = folder.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    };
    put(
        "connectors/loket.yaml",
        "system: loket\nname: Loket\nowner: { unit: a, contact: b }\nclassification: biasa\nfiles:\n  path: agenda\n  targets:\n    catat: { file: surat.ndjson }\n",
    );
    put(
        "routes/surat masuk.yaml",
        "route: surat\nowner: x\nfrom: loket.surat\nto:\n  - target: loket.catat\n    map: { a: 'x', b: $.nama | defalt('-') }\n",
    );
    folder
}

fn said(folder: &Path, arguments: &[&str]) -> (String, i32) {
    let said = simpul_on(folder, &[&["check"], arguments].concat());
    assert_eq!(said.err, "");
    (said.out, said.code)
}

#[test]
fn sarif_has_what_code_scanning_wants() {
    let folder = project();
    let (out, code) = said(folder.path(), &["--format", "sarif"]);
    assert_eq!(code, 1);
    let log: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(log["version"], "2.1.0");
    assert!(log["$schema"].as_str().unwrap().contains("sarif-2.1.0"));
    let run = &log["runs"][0];
    assert_eq!(run["tool"]["driver"]["name"], "simpul");
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    for rule in rules {
        assert!(rule["id"].as_str().unwrap().starts_with('S'));
        for text in ["shortDescription", "fullDescription", "help"] {
            assert!(!rule[text]["text"].as_str().unwrap().is_empty(), "{rule}");
        }
    }
    results_are_placed(run);
}

fn results_are_placed(run: &Value) {
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let results = run["results"].as_array().unwrap();
    assert!(2 <= results.len());
    for result in results {
        let rule = &rules[usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap()];
        assert_eq!(rule["id"], result["ruleId"]);
        assert!(["error", "warning"].contains(&result["level"].as_str().unwrap()));
        assert!(!result["message"]["text"].as_str().unwrap().is_empty());
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().unwrap();
        assert!(!uri.is_empty() && !uri.contains(' ') && !uri.starts_with('/'), "{uri}");
        assert!(1 <= place["region"]["startLine"].as_u64().unwrap());
        assert!(result["partialFingerprints"]["primaryLocationLineHash"].is_string());
    }
}

#[test]
fn a_finding_keeps_its_fingerprint_when_its_line_moves() {
    let folder = project();
    let prints = |out: &str| -> Vec<String> {
        let log: Value = serde_json::from_str(out).unwrap();
        let results = log["runs"][0]["results"].as_array().unwrap();
        results.iter().map(|it| it["partialFingerprints"].to_string()).collect()
    };
    let before = prints(&said(folder.path(), &["--format", "sarif"]).0);
    let path = folder.path().join("routes/surat masuk.yaml");
    let text = fs::read_to_string(&path).unwrap();
    fs::write(&path, format!("# surat\n\n{text}")).unwrap();
    let after = prints(&said(folder.path(), &["--format", "sarif"]).0);
    assert_eq!(before, after);
}

#[test]
fn annotations_mark_the_line_of_a_file() {
    let folder = project();
    let (out, code) = said(folder.path(), &["--format", "github"]);
    assert_eq!(code, 1);
    let wrong: Vec<_> = out.lines().filter(|it| it.contains("defalt")).collect();
    assert_eq!(wrong.len(), 1, "{out}");
    assert!(wrong[0].starts_with("::error file=routes/surat masuk.yaml,line=6,col="), "{out}");
    assert!(wrong[0].ends_with("%0Ahelp: did you mean `default`?"), "{out}");
}

#[test]
fn json_tells_the_place_and_the_page() {
    let folder = project();
    let (out, _) = said(folder.path(), &["--format", "json"]);
    let view: Value = serde_json::from_str(&out).unwrap();
    let all = view["diagnostics"].as_array().unwrap();
    let wrong = all.iter().find(|it| it["code"] == "S002").unwrap();
    assert_eq!(wrong["page"], "docs/errors/S002.md");
    assert_eq!((&wrong["line"], &wrong["length"]), (&6.into(), &6.into()));
}

#[test]
fn mistakes_are_told_in_indonesian_where_that_is_asked() {
    let folder = project();
    let (out, _) = said(folder.path(), &["--lang", "id"]);
    assert!(out.contains("galat[S002]: tidak ada fungsi `defalt`"), "{out}");
    assert!(out.contains("= saran: apakah maksudnya `default`?"), "{out}");
    assert!(out.trim_end().ends_with("berkas tidak dapat dipakai"), "{out}");
}
