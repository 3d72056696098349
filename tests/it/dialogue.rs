//! `simpul new` at a terminal: what no flag says is asked for, and what cannot be is asked for again.

use std::{
    io::Write,
    path::Path,
    process::{Command, Stdio},
};

use crate::command_line::simpul_on;

/// Types answers at a terminal, which `script` of util-linux makes; what stood there at the end. Nothing
/// where there is no such program.
#[expect(clippy::print_stderr, reason = "says why a test did nothing")]
fn at_terminal(folder: &Path, arguments: &str, answers: &[&str]) -> Option<String> {
    let program = env!("CARGO_BIN_EXE_simpul");
    let mut command = Command::new("script");
    command.args(["--quiet", "--return", "--command", &format!("'{program}' {arguments}")]);
    command.arg("/dev/null").current_dir(folder).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = match command.spawn() {
        Ok(child) => child,
        Err(_) => {
            eprintln!("skipped: there is no `script` to make a terminal");
            return None;
        }
    };
    let typed: String = answers.iter().map(|it| format!("{it}\n")).collect();
    child.stdin.take().unwrap().write_all(typed.as_bytes()).unwrap();
    let output = child.wait_with_output().unwrap();
    let told = String::from_utf8(output.stdout).unwrap().replace('\r', "");
    assert!(output.status.success(), "{told}");
    Some(told)
}

#[test]
fn a_project_is_made_by_answering() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let Some(_) = at_terminal(folder, "new project", &[]) else { return };
    std::fs::write(folder.join("surat.json"), r#"{ "nomor": "1/A", "perihal": "Rapat" }"#).unwrap();

    let told = at_terminal(folder, "new schema", &["Surat", "surat", "tidak.json", "surat.json"]);
    let told = told.unwrap();
    assert!(told.contains("`Surat` is no name"), "{told}");
    assert!(told.contains("`tidak.json`: No such file"), "{told}");

    let who = ["Loket surat", "Subbagian Umum", "umum@kpu.example"];
    let what = ["rahsia", "biasa", "send", "sends", "surat", "schemas/surat.schema.json"];
    let told = at_terminal(folder, "new system", &[&["loket"][..], &who, &what].concat()).unwrap();
    assert!(told.contains("`rahsia`: write one of `biasa`, `terbatas`"), "{told}");
    assert!(told.contains("  simpul_"), "{told}");

    let what = ["biasa", "http", "www", "https://papan.example", "umumkan", "/x", "post /x", ""];
    let told = at_terminal(folder, "new system papan", &[&who[..], &what].concat()).unwrap();
    assert!(told.contains("`www`: write `https://…`"), "{told}");

    let what = ["biasa", "files", "agenda", "catat", "surat.ndjson", "schemas/surat.schema.json"];
    at_terminal(folder, "new system buku-agenda", &[&who[..], &what].concat()).unwrap();

    let what = ["biasa", "amqp", "amqp://127.0.0.1", "", "kirim", "surat.keluar", ""];
    at_terminal(folder, "new system kurir", &[&who[..], &what].concat()).unwrap();

    let ends =
        ["surat-masuk", "loket.surt", "loket.surat", "buku-agenda.catat", "papan.umumkan", ""];
    let about = ["Letters are entered.", "Subbagian Umum", "nomor ==", "$.nomor"];
    let told = at_terminal(folder, "new route", &[&ends[..], &about].concat()).unwrap();
    assert!(told.contains("did you mean `loket.surat`?"), "{told}");
    assert!(told.contains("`nomor ==`: "), "{told}");

    let said = simpul_on(folder, &["check"]);
    assert!(
        said.out.ends_with("1 route, 1 source, 3 targets: no mistakes, 1 warning\n"),
        "{}",
        said.out
    );
    assert!(said.out.contains("no route sends to `kurir.kirim`"), "{}", said.out);
}

#[test]
fn who_gave_flags_is_asked_for_nothing_that_they_say() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path();
    let Some(_) = at_terminal(folder, "new project", &[]) else { return };
    std::fs::write(folder.join("schemas/x.json"), "{}").unwrap();
    let about = "--title T --unit U --contact C --classification biasa";
    let flags = format!("new system papan --http https://a --target 'b=post /c' {about}");
    let told = at_terminal(folder, &flags, &[]).unwrap();
    assert_eq!(told, "wrote connectors/papan.yaml\nnext: another system, or `simpul new route`\n");
}
