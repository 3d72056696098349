//! What cases can say, and what is told when they do not hold.

use super::{json, project, test, told, write};

const UNDANGAN: &str =
    "messages:\n  undangan: { nomor: 1-A, jenis: undangan, perihal: Rapat, sifat: S }\n";

#[test]
fn what_is_expected_and_happens_passes() {
    let folder = project(&format!(
        "{UNDANGAN}cases:
  an advertisement goes nowhere:
    given: {{ body: {{ nomor: 2-A, jenis: iklan }} }}
    expect: filtered

  an invitation goes everywhere:
    given: {{ message: undangan }}
    expect:
      to:
        papan.umumkan:
          body: {{ judul: 'Undangan: Rapat', tingkat: Segera }}
          request: POST /pengumuman/1-A
          headers: {{ content-type: application/json, authorization: '***' }}
        agenda.catat:
          body: {{ nomor: 1-A, jenis: undangan, perihal: Rapat, sifat: S, tingkat: {{ kode: S, nama: Segera }} }}
          request: append to surat.ndjson
        agenda.siarkan: {{ body: {{ nomor: $.nomor }}, request: publish to queue agenda.surat }}

  with another table:
    given: {{ message: undangan }}
    tables: {{ sifat: \"kode,nama\\nS,Sangat segera\\n\" }}
    expect:
      to:
        papan.umumkan: {{ has: {{ tingkat: Sangat segera }} }}
        agenda.catat: delivered
        agenda.siarkan: delivered

  the same key is the same call, and the same number the same letter:
    given:
      - {{ message: undangan, key: k-1, times: 2 }}
      - {{ message: undangan, after: 2d }}
      - {{ message: undangan, after: 8d }}
    expect: {{ outcome: [routed, duplicate, repeat, routed] }}

  what is no JSON is refused:
    given:
      body: |
        {{ \"nomor\": 007 }}
    expect: refused

  a board that is down for an hour and more:
    given: {{ message: undangan }}
    targets: {{ papan.umumkan: [503, timeout, 503] }}
    expect:
      to:
        papan.umumkan: expired
        agenda.catat: delivered
        agenda.siarkan: delivered
      journal: [attempt 1, 'attempt 2: unavailable, no answer in time', expired]

  a broker that is down for a while:
    given: {{ message: undangan }}
    targets: {{ agenda.siarkan: [unavailable, delivered], agenda.catat: [{{ is: delivered, after: 3s }}] }}
    expect:
      to:
        papan.umumkan: delivered
        agenda.catat: {{ attempts: 1 }}
        agenda.siarkan: {{ attempts: [0s, 5s] }}
"
    ));
    let said = test(&folder, &[]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
    insta::assert_snapshot!(told(&said), @r"
    routes/surat.test.yaml: 7 cases passed
    7 cases: 7 passed, 0 failed
    coverage of surat: 12 of 27
    `simpul test --coverage` names what is not covered
    ");
}

#[test]
fn what_is_not_as_expected_is_told_field_by_field() {
    let folder = project(&format!(
        "{UNDANGAN}cases:
  everything is otherwise:
    given: {{ message: undangan }}
    targets: {{ agenda.siarkan: refused }}
    expect:
      to:
        papan.umumkan:
          body: {{ judul: 'Undangan: rapat', tingkat: Segera, tempat: Aula }}
          request: POST /pengumuman/2-A
          attempts: 2
        agenda.catat: skipped
        agenda.siarkan: delivered
      journal: [attempt 1, filtered]

  it is not filtered:
    given: {{ message: undangan }}
    expect: filtered

  nothing is said of the others:
    given: {{ message: undangan }}
    expect: {{ to: {{ papan.umumkan: {{ has: {{ judul: 'Undangan: Rapat' }} }} }} }}

  an advertisement:
    given: {{ message: undangan, set: {{ $.jenis: iklan }} }}
    expect: {{ outcome: filtered, step: 'steps[1]' }}
"
    ));
    let said = test(&folder, &[]);
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(told(&said));
}

#[test]
fn what_was_never_reached_is_named_with_its_place() {
    let folder = project(&format!(
        "{UNDANGAN}unreachable:\n  \"to papan.umumkan: map fails\": every letter has a subject\n  \
         \"to agenda.catat: delivered\": it never is\n  \"steps[9] filter: passes\": there is none\ncases:\n  \
         one:\n    given: {{ message: undangan }}\n    expect: routed\n"
    ));
    let said = test(&folder, &["--coverage", "--min-coverage", "50"]);
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(format!("{}\n\n{}", told(&said), said.err));
    assert_eq!(test(&folder, &["--case", "one"]).code, 0);
}

#[test]
fn machines_that_build_read_junit_and_programs_json() {
    let folder = project(&format!(
        "{UNDANGAN}cases:\n  'good & <well>':\n    given: {{ message: undangan }}\n    expect: routed\n  \
         bad:\n    given: {{ message: undangan }}\n    expect: filtered\n"
    ));
    let said = test(&folder, &["--format", "junit"]);
    assert_eq!(said.code, 1);
    let times = regex::Regex::new(r#" time="[0-9.]+""#).unwrap();
    insta::assert_snapshot!(times.replace_all(said.out.trim_end(), ""), @r#"
    <?xml version="1.0" encoding="UTF-8"?>
    <testsuites name="simpul" tests="2" failures="1">
      <testsuite name="surat" file="routes/surat.test.yaml" tests="2" failures="1">
        <testcase classname="surat" name="good &amp; &lt;well&gt;" file="routes/surat.test.yaml" line="4"/>
        <testcase classname="surat" name="bad" file="routes/surat.test.yaml" line="7">
          <failure message="message (line 9): expected filtered, got routed">message (line 9): expected filtered, got routed</failure>
        </testcase>
      </testsuite>
    </testsuites>
    "#);
    let told = json(&test(&folder, &["--format", "json"]));
    assert_eq!((&told["passed"], &told["failed"]), (&1.into(), &1.into()));
    assert_eq!(told["cases"][1]["differences"][0]["about"], "message");
}

#[test]
fn a_message_from_a_queue_is_held_against_its_schema_in_its_route() {
    let folder = project("cases:\n  x: { given: { body: {} }, expect: dead }\n");
    write(
        folder.path(),
        "routes/surat.yaml",
        "route: surat\nsummary: Uji.\nowner: Uji\nfrom: loket.antrean\nto:\n  - target: agenda.catat\n",
    );
    write(
        folder.path(),
        "routes/surat.test.yaml",
        "cases:\n  no number:\n    given: { body: { jenis: x } }\n    \
         expect: { outcome: dead, reason: \"`the body` must have `nomor`\" }\n  \
         a number:\n    given: { body: { nomor: 1-A } }\n    expect: routed\n",
    );
    let said = test(&folder, &[]);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

#[test]
fn what_can_be_played_is_named_where_something_else_is_asked_for() {
    let folder = project(&format!(
        "{UNDANGAN}cases:\n  one:\n    given: {{ message: undangan }}\n    expect: routed\n"
    ));
    let said = test(&folder, &["suratt"]);
    assert_eq!(
        (said.code, said.err.trim()),
        (2, "error: there is no route `suratt`; did you mean `surat`?")
    );
    assert_eq!(test(&folder, &["--case", "two"]).code, 2);
}
