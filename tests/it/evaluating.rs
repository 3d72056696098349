//! `simpul eval`: what each part of an expression comes to, and one line after the other.

use std::fs;

use crate::command_line::{Said, simpul_with};

const SPPD: &str = r#"{
  "nomor": "094/17", "berangkat": "2026-02-03", "kembali": "2026-02-05", "total": 1140000,
  "tujuan": { "kode": "13.01", "nama": "Painan" },
  "pelaksana": [{ "nip": "1" }, { "nip": "2" }]
}"#;

fn explained(expression: &str) -> Said {
    simpul_with(&["eval", "--explain", expression], SPPD)
}

#[test]
fn each_part_is_shown_with_what_it_comes_to() {
    let said =
        explained("($.berangkat | date) <= ($.kembali | date) && $.total * 1.1 | round(0) > 5");
    assert_eq!(said.code, 0, "{}", said.err);
    insta::assert_snapshot!(said.out, @r#"
    ($.berangkat | date) <= ($.kembali | date) && $.total * 1.1 | round(0) > 5
                                                  true
      ($.berangkat | date) <= ($.kembali | date)  true
        ($.berangkat | date)                      "2026-02-03"
          $.berangkat                             "2026-02-03"
        ($.kembali | date)                        "2026-02-05"
          $.kembali                               "2026-02-05"
      $.total * 1.1 | round(0) > 5                true
        $.total * 1.1 | round(0)                  1140000
          $.total                                 1140000
          1.1 | round(0)                          1
    "#);
}

#[test]
fn what_leads_to_nothing_is_told_with_the_name_that_may_be_meant() {
    let said = explained("$.tujuan.naam | default('-')");
    insta::assert_snapshot!(said.out, @r#"
    $.tujuan.naam | default('-')  "-"
      $.tujuan.naam               nothing: `$.tujuan` has no `naam`; did you mean `nama`?
    "#);
    let said = explained("$.pelaksana[2].nip == $.nomor.tahun");
    insta::assert_snapshot!(said.out, @r#"
    $.pelaksana[2].nip == $.nomor.tahun  nothing
      $.pelaksana[2].nip                 nothing: `$.pelaksana` has 2 items
      $.nomor.tahun                      nothing: `$.nomor` is a text, which has no `tahun`
    "#);
}

#[test]
fn the_manual_shows_what_is_shown() {
    let guide = include_str!("../../docs/tools.md");
    let said = explained("($.berangkat | date) <= ($.kembal | date)");
    assert!(guide.contains(&said.out), "{}", said.out);
}

#[test]
fn what_no_longer_matters_is_said_to_and_an_error_is_shown_where_it_is() {
    let said = explained("$.total > 0 || $.nomor > 0");
    assert_eq!(said.code, 0);
    insta::assert_snapshot!(said.out, @r#"
    $.total > 0 || $.nomor > 0  true
      $.total > 0               true
        $.total                 1140000
      $.nomor > 0               (does not matter)
        $.nomor                 (does not matter)
    "#);
    let said = explained("$.total + $.nomor");
    assert_eq!(said.code, 1);
    insta::assert_snapshot!(said.out, @r#"
    $.total + $.nomor  error: `+` takes numbers, not a number and a text
      $.total          1140000
      $.nomor          "094/17"
    "#);
}

#[test]
fn one_line_after_the_other_is_evaluated_and_a_wrong_one_ends_nothing() {
    let folder = tempfile::tempdir().unwrap();
    let [sppd, other] = ["sppd.json", "lain.json"].map(|it| folder.path().join(it));
    fs::write(&sppd, SPPD).unwrap();
    fs::write(&other, r#"{"nomor": "lain"}"#).unwrap();
    let lines = format!(
        "$.nomor\n\n? $.tujuan.nama | upper\n$.total >\n.item {{\"nip\": 5}}\n@.nip + 1\n\
         .message {}\n$.nomor\n.message /tidak/ada\n$.nomor\n.functons\n.quit\n$.never\n",
        other.display()
    );
    let said = simpul_with(&["eval", "-i", "--message", sppd.to_str().unwrap()], &lines);
    assert_eq!(said.code, 1, "{}", said.err);
    let out = "\"094/17\"\n$.tujuan.nama | upper  \"PAINAN\"\n  $.tujuan.nama        \"Painan\"\n6\n\
               \"lain\"\n\"lain\"\n";
    assert_eq!(said.out, out, "{}", said.err);
    for told in ["| $.total >", "`/tidak/ada`", "no `.functons` here; `.help` tells"] {
        assert!(said.err.contains(told), "{told}: {}", said.err);
    }
}

#[test]
fn all_functions_and_commands_are_told() {
    let said = simpul_with(&["eval", "-i"], ".help\n.functions\n1 + 1\n");
    assert_eq!((said.code, said.err.as_str()), (0, ""));
    assert!(said.out.contains("value | default(other)"), "{}", said.out);
    assert!(said.out.contains(".message FILE"), "{}", said.out);
    assert!(said.out.ends_with("\n2\n"), "{}", said.out);
}
