//! A catalogue of wrong files: each holds one mistake that people make, also out of habit from other
//! tools. What they are told stands beside it, in `snapshots/`, in English and Indonesian, and must
//! name the mistake and the cure.
//!
//! `cases/routes/x.yaml` is put as it is into the project `base/` as `routes/x.yaml`, so too the files
//! of the other folders; a file of `cases/settings/` becomes `simpul.yaml`. What is in
//! `cases/typed-routes/` and `cases/typed-schemas/` goes into the project `typed/`, in which both ends
//! have schemas.
//! `INSTA_UPDATE=always cargo test` writes the answers anew.

mod shipped;

use std::{
    fs,
    path::{Path, PathBuf},
};

use simpul::{
    cli::settings::load,
    diagnostic::{Code, Diagnostic, Language, Severity},
    route::{Texts, Variables},
};
use tempfile::TempDir;

const HERE: &str = "tests/it/catalogue";

/// Fewer would be no catalogue.
const CASES_MIN: usize = 370;

#[test]
fn the_projects_that_the_wrong_files_are_put_into_are_sound() {
    for project in ["base", "typed"] {
        let folder = copy(project);
        let (found, texts) = check(folder.path());
        assert_eq!(texts.render(&found, Language::English), "");
    }
}

#[test]
fn every_wrong_file_is_answered_with_what_is_wrong_and_what_to_write() {
    let cases = cases();
    assert!(CASES_MIN <= cases.len(), "{} cases", cases.len());
    let mut wrong = Vec::new();
    let mut settings = insta::Settings::clone_current();
    settings.set_snapshot_path("snapshots");
    settings.set_prepend_module_to_snapshot(false);
    settings.set_omit_expression(true);
    for case in &cases {
        let (project, path) = place(case);
        let folder = copy(project);
        fs::copy(case, folder.path().join(&path)).unwrap();
        let (found, texts) = check(folder.path());
        wrong.extend(lacks(&path, &found));
        let said = format!(
            "{}\n{:=<80}\n\n{}",
            texts.render(&found, Language::English),
            "",
            texts.render(&found, Language::Indonesian)
        );
        let folder = case.parent().unwrap().file_name().unwrap().to_str().unwrap();
        let name = case.file_stem().unwrap().to_str().unwrap().replace(' ', "_");
        settings.bind(|| insta::assert_snapshot!(format!("{folder}__{name}"), said));
    }
    assert!(wrong.is_empty(), "\n{}", wrong.join("\n"));
}

/// What every answer has, whatever it says.
fn lacks(path: &str, found: &[Diagnostic]) -> Vec<String> {
    let mut wrong = Vec::new();
    // What is not checked is told where a schema is, or should be.
    if !found.iter().any(|it| *it.file == *path || it.severity == Severity::Note) {
        wrong.push(format!("{path}: nothing is said about it"));
    }
    for one in found {
        let message = one.message.english();
        if one.help.as_ref().is_none_or(|it| it.is_empty()) {
            wrong.push(format!("{path}: no help: {message}"));
        }
        let texts = [Some(&one.message), Some(&one.label), one.help.as_ref()];
        for lacking in
            texts.into_iter().flatten().flat_map(|it| it.untranslated(Language::Indonesian))
        {
            wrong.push(format!("{path}: no Indonesian: {lacking:?}"));
        }
    }
    wrong
}

fn check(project: &Path) -> (Vec<Diagnostic>, Texts) {
    match load(project, &Variables::default()) {
        Ok((_, loaded)) => (loaded.found, loaded.texts),
        Err(broken) => (broken.found, broken.texts),
    }
}

fn cases() -> Vec<PathBuf> {
    let mut all = Vec::new();
    for folder in fs::read_dir(Path::new(HERE).join("cases")).unwrap() {
        all.extend(fs::read_dir(folder.unwrap().path()).unwrap().map(|it| it.unwrap().path()));
    }
    all.sort();
    all
}

/// In which project, and where in it, a case belongs.
fn place(case: &Path) -> (&'static str, String) {
    let name = case.file_name().unwrap().to_str().unwrap();
    match case.parent().unwrap().file_name().unwrap().to_str().unwrap() {
        "settings" => ("base", "simpul.yaml".to_owned()),
        folder => match folder.strip_prefix("typed-") {
            Some(folder) => ("typed", format!("{folder}/{name}")),
            None => ("base", format!("{folder}/{name}")),
        },
    }
}

pub(super) fn copy(project: &str) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for part in ["connectors", "routes", "schemas", "tables"] {
        let to = folder.path().join(part);
        fs::create_dir(&to).unwrap();
        let Ok(files) = fs::read_dir(Path::new(HERE).join(project).join(part)) else { continue };
        for file in files {
            let file = file.unwrap();
            fs::copy(file.path(), to.join(file.file_name())).unwrap();
        }
    }
    folder
}

#[test]
fn every_page_of_a_code_has_its_title() {
    for code in Code::ALL {
        let title = format!("# {}: {}", code.as_str(), code.title().english());
        assert_eq!(code.page().lines().next(), Some(title.as_str()));
    }
}
