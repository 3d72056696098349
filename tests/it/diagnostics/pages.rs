//! The pages that diagnostics lead to, and the reference of all files.

use std::{collections::BTreeSet, fs};

use simpul::{
    diagnostic::Code,
    route::{check_route, check_system},
};

use super::{ROUTE, said, system};

#[test]
fn every_code_has_its_page_and_every_page_its_code() {
    let codes: BTreeSet<_> = Code::ALL.iter().map(|it| format!("{}.md", it.as_str())).collect();
    assert_eq!(codes.len(), Code::ALL.len(), "two codes are written alike");
    let pages: BTreeSet<_> = fs::read_dir("docs/errors")
        .unwrap()
        .map(|it| it.unwrap().file_name().into_string().unwrap())
        .collect();
    assert_eq!(codes, pages);
    for code in Code::ALL {
        let page = fs::read_to_string(format!("docs/errors/{}.md", code.as_str())).unwrap();
        assert!(page.starts_with(&format!("# {}: ", code.as_str())), "{page}");
    }
}

/// The keys that may stand in a place of a file, as the diagnostic of a wrong one lists them.
fn keys(path: &str, text: &str) -> Vec<String> {
    let said = said(path, text);
    let line = said.lines().find_map(|it| it.split_once("= help: use one of `"));
    let (_, keys) = line.unwrap_or_else(|| panic!("no list of keys in:\n{said}"));
    keys.trim_end_matches('`').split("`, `").map(str::to_owned).collect()
}

#[test]
fn the_reference_of_files_names_every_key() {
    let reference = fs::read_to_string("docs/files.md").unwrap();
    let http = "http:\n  url: http://127.0.0.1:9\n";
    let amqp = "amqp:\n  url: amqp://127.0.0.1\n";
    let of_system = |rest: &str| system("e-absensi", rest);
    let systems = [
        of_system("qqq: x\n"),
        of_system(&format!("{http}  qqq: x\n")),
        of_system(&format!("{http}  auth: {{ qqq: x }}\n")),
        of_system(&format!("{http}  auth: {{ basic: {{ qqq: x }} }}\n")),
        of_system(&format!("{http}  auth: {{ header: {{ qqq: x }} }}\n")),
        of_system(&format!("{http}  targets: {{ a: {{ qqq: x }} }}\n")),
        of_system(&format!("{http}  targets: {{ a: {{ post: /a, body: qqq }} }}\n")),
        of_system(&format!("{http}  sources: {{ a: {{ qqq: x }} }}\n")),
        of_system(&format!("{amqp}  qqq: x\n")),
        of_system(&format!("{amqp}  targets: {{ a: {{ qqq: x }} }}\n")),
        of_system(&format!("{amqp}  sources: {{ a: {{ queue: x, qqq: x }} }}\n")),
        of_system(&format!("{amqp}  sources: {{ a: {{ queue: x, declare: qqq }} }}\n")),
        of_system(&format!("{amqp}  sources: {{ a: {{ queue: x, trust: [qqq] }} }}\n")),
        of_system(&format!("{amqp}  sources: {{ a: {{ queue: x, bind: [{{ qqq: x }}] }} }}\n")),
        of_system("files:\n  qqq: x\n"),
        of_system("files:\n  path: x\n  targets: { a: { qqq: x } }\n"),
        of_system("files:\n  path: x\n  targets: { a: { file: x, lines: qqq } }\n"),
        of_system(&format!("{http}retry: {{ qqq: x }}\n")),
        of_system(http).replace("classification: biasa", "classification: qqq"),
        of_system(http).replace("unit:", "qqq: x, unit:"),
    ];
    let routes = [
        format!("{ROUTE}qqq: x\n"),
        format!("{ROUTE}    qqq: x\n"),
        format!("{ROUTE}    answers: {{ 404: qqq }}\n"),
        format!("{ROUTE}identity: {{ qqq: x }}\n"),
        format!("{ROUTE}identity: {{ key: $.a, body: qqq }}\n"),
        format!("{ROUTE}unmatched: qqq\n"),
        format!("{ROUTE}steps: [{{ qqq: x }}]\n"),
    ];
    let mut places = vec![
        ("simpul.yaml", "qqq: x\n".to_owned()),
        ("simpul.yaml", "limits: { qqq: x }\n".to_owned()),
    ];
    places.extend(systems.map(|it| ("connectors/e-absensi.yaml", it)));
    places.extend(routes.map(|it| ("routes/sppd-terbit.yaml", it)));
    for (path, text) in places {
        for key in keys(path, &text) {
            assert!(
                reference.contains(&format!("`{key}`")),
                "docs/files.md lacks `{key}` of {path}"
            );
        }
    }
}

#[test]
fn the_examples_in_the_reference_are_right_but_for_files_that_are_not_there() {
    let reference = fs::read_to_string("docs/files.md").unwrap();
    let examples: Vec<_> = reference.split("```yaml\n").skip(1).collect();
    let mut checked = 0;
    for example in examples {
        let text = example.split("```").next().unwrap();
        let found = match text.split(':').next() {
            Some("route") => check_route(text),
            Some("system") => check_system(
                &text
                    .replace("${env:E_ABSENSI_URL}", "https://a")
                    .replace("${env:E_ABSENSI_KEY_HASH}", super::KEY),
            ),
            _ => continue,
        };
        checked += 1;
        let wrong: Vec<_> = found.iter().filter(|it| it.code != Code::UnknownName).collect();
        assert!(wrong.is_empty(), "{wrong:#?}");
    }
    assert_eq!(checked, 2);
}
