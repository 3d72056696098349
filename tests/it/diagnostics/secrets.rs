//! What `${env:…}` and `${file:…}` are filled in with is shown nowhere.

use std::fs;

use simpul::route::Variables;

use super::{KEY, broken, load, snapshot, sound, system, write};

const CANARY: &str = "kenari-rahasia-7c1f";

/// Places in a system file where a value may come from the environment, each of them wrong
/// because of that value.
const SYSTEMS: &[&str] = &[
    "http:\n  url: \"${env:C}\"\n  targets:\n    catat: { post: /a }\n",
    "http:\n  url: \"https://${env:C}:x/\"\n  targets:\n    catat: { post: /a }\n",
    "http:\n  url: \"https://u:${env:C}@h/\"\n  targets:\n    catat: { post: /a }\n",
    "http:\n  url: http://h\n  auth: { bearer: \"${env:C}\\n\" }\n  targets:\n    catat: { post: /a }\n",
    "http:\n  url: http://h\n  auth: { basic: { user: \"${env:C}:\", password: \"${env:C}\" } }\n  targets:\n    catat: { post: /a }\n",
    "http:\n  url: http://h\n  auth: { header: { name: \"${env:C} x\", value: x } }\n  targets:\n    catat: { post: /a }\n",
    "http:\n  url: http://h\n  auth: { \"${env:C}\": x }\n  targets:\n    catat: { post: \"${env:C}\" }\n",
    "http:\n  url: https://h\n  ca: \"${env:C}\"\n  targets:\n    catat: { post: /a }\n",
    "http:\n  url: http://h\n  timeout: \"${env:C}\"\n  targets:\n    catat: { post: /a }\n",
    "http:\n  url: http://h\n  allow_private_networks: ${env:C}\n  targets:\n    catat: { post: /a }\n",
    "http:\n  url: http://h\n  headers: { x: \"${env:C}\\0\" }\n  targets:\n    catat: { post: /a }\n",
    "http:\n  url: http://h\n  headers: { x: \"${env:C}${\" }\n  targets:\n    catat: { post: /a }\n",
    "http:\n  url: http://h\n  targets:\n    catat: { post: \"/${$.a + ${env:C}}\", body: \"${env:C}\" }\n",
    "http:\n  url: http://h\n  targets:\n    catat: { post: /a, schema: \"${env:C}\" }\n",
    "http:\n  sources:\n    data: { api_keys: { a: \"${env:C}\" } }\n",
    "http:\n  sources:\n    data: { api_keys: { a: \"${file:secret}\" } }\n",
    "http: \"${env:C}\"\n",
    "retry: \"${env:C}\"\nhttp:\n  url: http://h\n  targets:\n    catat: { post: /a }\n",
    "retry: { first: \"${env:C}\" }\nhttp:\n  url: http://h\n  targets:\n    catat: { post: /a }\n",
    "files:\n  path: x\n  targets:\n    catat: { file: \"${env:C}/../x\", lines: \"${env:C}\" }\n",
];

/// Places where somebody may write a secret as it is; the canary stands for it.
const LITERALS: &[&str] = &[
    "http:\n  sources:\n    data: { api_keys: { a: CANARY } }\n",
    "http:\n  url: http://h\n  auth: { baerer: CANARY }\n  targets:\n    catat: { post: /a }\n",
    "http:\n  url: http://h\n  auth: CANARY\n  targets:\n    catat: { post: /a }\n",
    "http:\n  url: http://h\n  auth: { basic: { user: a, pasword: CANARY } }\n  targets:\n    catat: { post: /a }\n",
    "http:\n  url: http://h\n  headers: { X-Api-Key: CANARY }\n  targets:\n    catat: { psot: /a }\n",
    "http:\n  url: http://h\n  targets:\n    catat: { psot: /a, headers: { Authorization: CANARY } }\n",
];

#[test]
fn a_secret_that_stands_where_secrets_stand_is_masked_even_under_a_wrong_key() {
    for rest in LITERALS {
        let folder = sound();
        let text = system("e-absensi", &rest.replace("CANARY", CANARY));
        write(&folder, "connectors/e-absensi.yaml", &text);
        is_hidden(&folder, rest);
        let told = broken(&folder, &[]).to_string();
        assert!(told.contains("a secret that stands in a file for all to read"), "{rest}\n{told}");
    }
}

#[test]
fn a_short_value_from_the_environment_is_not_quoted_either() {
    let folder = sound();
    let rest =
        "http:\n  url: http://h\n  auth: \"${env:C}\"\n  targets:\n    catat: { post: /a }\n";
    write(&folder, "connectors/e-absensi.yaml", &system("e-absensi", rest));
    let told = broken(&folder, &[("C", "abc")]).to_string();
    assert!(!told.contains("abc"), "{told}");
}

#[test]
fn no_value_from_the_environment_or_a_file_is_ever_shown() {
    for rest in SYSTEMS {
        let folder = sound();
        write(&folder, "secret", CANARY);
        write(&folder, "connectors/e-absensi.yaml", &system("e-absensi", rest));
        is_hidden(&folder, rest);
    }
}

#[test]
fn no_secret_of_the_settings_is_ever_shown() {
    let settings = [
        "broker: \"amqp://u:${env:C}@h:port/\"",
        "broker: \"${env:C}\"",
        "broker: \"amqp:${env:C}\"",
        "store: \"postgres://u:${env:C}@h/\"",
        "hash_key: \"${env:C}\"\nlisten: x",
        "listen: ${env:C}",
        "limits: { body: \"${env:C}\", depth: \"${env:C}\" }",
        "retry: { cepat: \"${env:C}\" }",
    ];
    for text in settings {
        let folder = sound();
        write(&folder, "simpul.yaml", text);
        is_hidden(&folder, text);
    }
    for variable in ["SIMPUL_BROKER", "SIMPUL_STORE", "SIMPUL_LISTEN", "SIMPUL_LIMITS_BODY"] {
        let folder = sound();
        let Err(broken) = load(folder.path(), &[(variable, &format!("amqp://x:{CANARY}"))]) else {
            panic!("{variable}: nothing is said")
        };
        assert!(!format!("{broken} {broken:?}").contains(CANARY), "{variable}: {broken}");
        assert!(broken.to_string().contains(variable), "{broken}");
    }
}

fn is_hidden(folder: &tempfile::TempDir, case: &str) {
    match load(folder.path(), &[("C", CANARY), ("OK", KEY)]) {
        Ok(_) => panic!("nothing is said about:\n{case}"),
        Err(broken) => {
            let shown = format!("{broken} {broken:?}");
            assert!(!shown.contains(CANARY), "\n{case}\n{shown}");
        }
    }
}

#[test]
fn a_secret_that_stands_in_a_file_is_masked_and_told() {
    let folder = sound();
    let http = format!("http:\n  url: https://u:{CANARY}@h/\n  auth: {{ bearer: \"{CANARY}\" }}\n");
    let targets = "  targets:\n    catat: { post: /a }\n";
    write(&folder, "connectors/e-absensi.yaml", &system("e-absensi", &format!("{http}{targets}")));
    write(&folder, "simpul.yaml", &format!("hash_key: {CANARY}\nbroker: amqp://u:{CANARY}@h\n"));
    is_hidden(&folder, "literal secrets");
    snapshot("secrets_in_files", &broken(&folder, &[]).to_string());
}

#[test]
fn the_environment_does_not_show_its_values() {
    let variables: Variables = [("C".to_owned(), CANARY.to_owned())].into_iter().collect();
    assert_eq!(format!("{variables:?}"), "{\"C\"}");
}

#[test]
fn a_file_that_is_filled_in_loses_its_last_line_break_and_nothing_else() {
    let folder = sound();
    fs::write(folder.path().join("hash"), format!("{KEY}\r\n")).unwrap();
    let source = "http:\n  sources:\n    data: { api_keys: { a: \"${file:hash}\" } }\n";
    write(&folder, "connectors/lain.yaml", &system("lain", source));
    load(folder.path(), &[]).map_err(|it| it.to_string()).unwrap();
}
