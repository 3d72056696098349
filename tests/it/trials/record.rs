//! `simpul test --record`: what came once becomes a case, with what is about people masked.

use std::fs;

use super::{project, simpul_on, test, write};
use crate::support::process::{Process, project as running, until};

#[test]
fn a_message_becomes_a_case_that_passes_with_people_masked() {
    let folder = project("cases:\n  x: { given: { body: {} }, expect: dead }\n");
    let body = r#"{"nomor":"1-A","jenis":"undangan","perihal":"Rapat $.5","sifat":"S","total":1.0,
        "pengirim":{"nama":"Sari Dewi","nip":"198505172010121003"}}"#;
    write(folder.path(), "samples/undangan masuk.json", body);
    let message = folder.path().join("samples/undangan masuk.json");
    let said = test(&folder, &["surat", "--record", message.to_str().unwrap()]);
    assert_eq!(said.code, 0, "{}", said.err);
    insta::assert_snapshot!(said.out.trim_end(), @r"
    case `undangan masuk` is added to routes/surat.test.yaml
    masked: $.pengirim.nama, $.pengirim.nip; look through the rest before you share it
    ");
    let tests = fs::read_to_string(folder.path().join("routes/surat.test.yaml")).unwrap();
    let tests = tests.replace(message.to_str().unwrap(), "FILE");
    insta::assert_snapshot!(tests);
    let said = test(&folder, &[]);
    assert_eq!(said.code, 0, "{}", said.out);
    assert!(said.out.contains("2 cases passed"), "{}", said.out);
    // A second time it would be a key that stands twice.
    assert_eq!(test(&folder, &["surat", "--record", message.to_str().unwrap()]).code, 2);
    assert_eq!(test(&folder, &[]).code, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_letter_becomes_a_case_while_the_bus_runs_and_when_it_does_not() {
    let project = running();
    let process = Process::start(project.path());
    assert_eq!(process.send(r#"{"nomor": "rahasia", "nama": "Sari"}"#).await.0, 202);
    let list = || simpul_on(project.path(), &["dead", "list"]).out;
    until("the dead letter", || async { list().contains("uji") }).await;
    let said = simpul_on(project.path(), &["test", "--record", "1"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    let tests = project.path().join("routes/uji.test.yaml");
    let recorded = fs::read_to_string(&tests).unwrap();
    assert!(recorded.contains("outcome: dead") && !recorded.contains("Sari"), "{recorded}");
    let said = simpul_on(project.path(), &["test"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);

    drop(process);
    fs::remove_file(&tests).unwrap();
    let said = simpul_on(project.path(), &["test", "--record", "1"]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    assert_eq!(fs::read_to_string(&tests).unwrap(), recorded);
    let said = simpul_on(project.path(), &["test", "--record", "99"]);
    assert_eq!((said.code, said.err.trim()), (2, "error: there is no dead letter `99`"));
}
