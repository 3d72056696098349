//! What is wrong with files of tests is told as what is wrong with all others, also by `check`.

use super::{project, test, write};
use crate::command_line::simpul_on;

#[test]
fn every_mistake_in_a_file_of_tests_has_its_place() {
    let folder = project(
        "now: kemarin
messages:
  undangan: { nomor: 007, jenis: undangan }
cases:
  what comes is not said:
    given: {}
    expect: routed
  what comes is said twice:
    given: { message: undangn, body: {} }
    expect: routed
  no such message and no such file:
    given: [{ message: undangn }, { file: samples/a.json }, { file: ../a.json }]
    expect: routed
  too often:
    given: { body: {}, times: 0, after: 3 }
    expect: routed
  no such target:
    given: { body: {} }
    targets: { papan.umumkn: 503, arsip.simpan: 200, agenda.catat: 503, papan.umumkan: [99, sometimes, {}] }
    expect: { to: { agenda.ctat: delivered } }
  what can never hold:
    given: [{ body: {} }, { body: {} }]
    expect:
      outcome: [routed]
      to:
        papan.umumkan: { body: {}, has: {} }
        agenda.catat: [skipped]
        agenda.siarkan: { outcome: delivered, reason: x }
  no such word:
    given: { body: {} }
    expect: routd
  an expression that does not parse:
    given: { body: { a: $.b | uper } }
    expect: { to: { agenda.catat: { body: { nip: \"@.nip\" } } } }
  a change that cannot be made:
    given: { body: { a: text }, set: { $.a.b: 1 } }
    expect: routed
",
    );
    write(folder.path(), "routes/surt.test.yaml", "cases: {}\n");
    let said = test(&folder, &[]);
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(said.out);
}

#[test]
fn check_tells_them_too() {
    let one =
        |expect: &str| format!("cases:\n  one: {{ given: {{ body: {{}} }}, expect: {expect} }}\n");
    let folder = project(&one("routd"));
    // Without what `check` would ask the environment for.
    let before_amqp = |text: &str| text.split("amqp:").next().unwrap().to_owned();
    let key = format!("sha256:{}", "0".repeat(64));
    let loket = before_amqp(super::SYSTEMS[0].1).replace("${env:LOKET_KEY_HASH}", &key);
    write(folder.path(), "connectors/loket.yaml", &loket);
    write(folder.path(), "connectors/agenda.yaml", &before_amqp(super::SYSTEMS[2].1));
    std::fs::remove_file(folder.path().join("connectors/papan.yaml")).unwrap();
    let route = "route: surat\nsummary: Uji.\nowner: Uji\nfrom: loket.surat\nto:\n  - target: agenda.catat\n";
    write(folder.path(), "routes/surat.yaml", route);

    let said = simpul_on(folder.path(), &["check"]);
    assert_eq!(said.code, 1);
    assert!(said.out.contains("--> routes/surat.test.yaml:2:39"), "{}", said.out);
    write(folder.path(), "routes/surat.test.yaml", &one("routed"));
    let said = simpul_on(folder.path(), &["check"]);
    assert_eq!(said.code, 0, "{}", said.out);
}
