//! `simpul impact`: a change is laid at the routes that it concerns, and what it breaks is told.

use std::{fs, path::Path, process::Command};

use serde_json::Value;
use tempfile::TempDir;

use super::command_line::simpul_on;

fn put(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}

const ROUTE: &str = "route: surat\nsummary: x\nowner: x\nfrom: loket.surat\nsteps:\n  - lookup: { table: wilayah, key: $.kode, into: $.wilayah, columns: [nama] }\nto:\n  - target: agenda.catat\n";

fn project() -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    let meta = "owner: { unit: a, contact: b }\nclassification: biasa\n";
    let key = "1".repeat(64);
    put(
        folder.path(),
        "connectors/loket.yaml",
        &format!(
            "system: loket\nname: L\n{meta}http:\n  sources:\n    surat: {{ api_keys: {{ a: \"sha256:{key}\" }} }}\n"
        ),
    );
    put(
        folder.path(),
        "connectors/agenda.yaml",
        &format!(
            "system: agenda\nname: A\n{meta}files:\n  path: a\n  targets:\n    catat: {{ file: a.ndjson, schema: schemas/a.schema.json }}\n"
        ),
    );
    put(folder.path(), "schemas/a.schema.json", "{ \"type\": \"object\" }\n");
    put(folder.path(), "tables/wilayah.csv", "kode,nama\n13.01,Pesisir Selatan\n13.02,Solok\n");
    put(folder.path(), "routes/surat.yaml", ROUTE);
    folder
}

#[test]
fn a_column_that_is_renamed_is_laid_at_the_route_that_breaks() {
    let (before, after) = (project(), project());
    put(after.path(), "tables/wilayah.csv", "kode,sebutan\n13.01,Pesisir Selatan\n");
    put(after.path(), "schemas/a.schema.json", "{ \"type\": [\"object\"] }\n");
    let against = before.path().to_str().unwrap();
    let said = simpul_on(after.path(), &["impact", "--against", against]);
    assert_eq!(said.code, 1, "{}", said.out);
    insta::assert_snapshot!(said.out, @r"
    changed  schemas/a.schema.json
             concerns route `surat`, which sends to `agenda.catat`, which it describes
    changed  tables/wilayah.csv
             key gone: `13.02`
             row changed: `kode`
             concerns route `surat`, which looks into `wilayah`

    error[S003]: `wilayah` has no column `nama`
     --> routes/surat.yaml:6:71
      |
    6 |   - lookup: { table: wilayah, key: $.kode, into: $.wilayah, columns: [nama] }
      |                                                                       ^^^^
      = help: its columns are `kode`, `sebutan`

    2 files differ: 1 new mistake, 0 new warnings
    ");
}

fn git(folder: &Path, arguments: &[&str]) -> bool {
    let done = Command::new("git").arg("-C").arg(folder).args(arguments).output();
    done.is_ok_and(|it| it.status.success())
}

#[test]
#[allow(clippy::print_stdout, reason = "what is skipped has to be said")]
fn a_branch_is_compared_with_a_revision_also_deep_in_its_repository() {
    let folder = project();
    let root = tempfile::tempdir().unwrap();
    let deep = root.path().join("bus/kpu");
    fs::create_dir_all(deep.parent().unwrap()).unwrap();
    fs::rename(folder.path(), &deep).unwrap();
    if !git(root.path(), &["init", "-q"]) {
        println!("skipped: there is no git");
        return;
    }
    let who = ["-c", "user.name=a", "-c", "user.email=a@b.example", "-c", "commit.gpgsign=false"];
    assert!(git(root.path(), &["add", "."]));
    assert!(git(root.path(), &[&who[..], &["commit", "-q", "-m", "x"]].concat()));
    let same = simpul_on(&deep, &["impact", "--git", "HEAD"]);
    assert_eq!((same.code, same.out.as_str()), (0, "no file differs\n"), "{}", same.err);

    put(
        &deep,
        "connectors/agenda.yaml",
        "system: agenda\nname: A\nowner: { unit: a, contact: b }\nclassification: biasa\nfiles:\n  path: a\n  targets:\n    tulis: { file: a.ndjson }\n",
    );
    let said = simpul_on(&deep, &["impact", "--git", "HEAD", "--format", "json"]);
    let view: Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &view["breaks"]), (1, &1.into()), "{}", said.out);
    let notes = view["changed"][0]["notes"].as_array().unwrap();
    assert_eq!(notes, &["target gone: `catat`", "target new: `tulis`"]);

    let none = simpul_on(&deep, &["impact", "--git", "tiada"]);
    assert_eq!((none.code, none.err.trim()), (2, "error: git knows no revision `tiada` here"));
}
