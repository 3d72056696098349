//! What files may say of bodies.

use crate::{
    command_line::simpul_on,
    support::{bus::Project, scripted::Scripted},
};

use super::route;

/// What `check` says of a route that says this, without the warnings.
fn checked(said: &str, settings: &str) -> String {
    let project = Project::of(&route(said), &[("arsip", Scripted::new([]))]);
    project.write("simpul.yaml", settings);
    let said = simpul_on(project.path(), &["check"]).out;
    let start = said.find("error[").unwrap_or(said.len());
    said[start..].to_owned()
}

const KEYS: &str =
    "body_keys: { k2: \"${file:kunci}\", k1: \"${file:kunci}\" }\nretention: { bodies: 30d }\n";

#[test]
fn bodies_are_sealed_only_with_a_key() {
    insta::assert_snapshot!(checked("bodies: full\n", ""), @r#"
    error[S013]: `bodies: full`, and there is no key to seal them with
     --> routes/uji.yaml:5:9
      |
    5 | bodies: full
      |         ^^^^ they would stand on the disk for everybody to read
      = help: write `body_keys: { k1: "${file:/run/secrets/simpul-bodies}" }` into simpul.yaml; `openssl rand -hex 32` makes a key

    1 mistake, 4 warnings: the files cannot be used
    "#);
    let project =
        Project::of(&route("bodies: full\nretention: 90d\n"), &[("arsip", Scripted::new([]))]);
    project.write("simpul.yaml", KEYS);
    project.write("kunci", &"0f".repeat(32));
    assert_eq!(simpul_on(project.path(), &["check"]).code, 0);
}

#[test]
fn a_key_that_is_none_is_found_and_not_shown() {
    let project = Project::of(&route("bodies: full\n"), &[("arsip", Scripted::new([]))]);
    project.write("simpul.yaml", KEYS);
    project.write("kunci", "rahasia-yang-pendek");
    let said = simpul_on(project.path(), &["check"]).out;
    assert!(said.contains("not a key of 32 bytes") && !said.contains("rahasia-yang"), "{said}");
    project.write("simpul.yaml", &format!("body_keys: {{ k1: \"{}\" }}\n", "0f".repeat(32)));
    let said = simpul_on(project.path(), &["check"]).out;
    assert!(said.contains("S017") && !said.contains("0f0f0f0f"), "{said}");
}

#[test]
fn a_retention_has_something_to_be_kept_and_an_end() {
    let alone = checked("retention: 30d\n", "");
    assert!(
        alone.starts_with("error[S013]: `retention` in a route that keeps no bodies"),
        "{alone}"
    );
    let long = checked("bodies: digest\nretention: 9999d\n", "");
    assert!(long.starts_with("error[S005]: a retention out of range"), "{long}");
    let journal = checked("", "retention: { journal: 1d }\n");
    assert!(journal.contains("write at least `7d` and at most `3650d`"), "{journal}");
}
