//! The project's directory: its files, and where its settings say that things are.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use super::{
    CouldNot,
    settings::{self, Settings},
};
use crate::{
    connector::http::source::IngestLimits,
    diagnostic::{Diagnostic, Language, Severity},
    route::{self, Broken, Loaded, Plan, Project, Texts, Variables},
    store::Address,
    trial::{self, Suite},
};

/// The files of a project, compiled.
pub(super) struct Files {
    pub(super) settings: Settings,
    pub(super) plan: Plan,
    /// Warnings and notes, in the order of files and places.
    pub(super) found: Vec<Diagnostic>,
    pub(super) texts: Texts,
}

impl Files {
    /// The warnings as text for a terminal; empty if there are none.
    pub(super) fn warned(&self, language: Language) -> String {
        let is_warning = |it: &&Diagnostic| it.severity != Severity::Note;
        let warnings: Vec<_> = self.found.iter().filter(is_warning).cloned().collect();
        self.texts.render(&warnings, language)
    }
}

/// Reads everything that a bus runs by.
///
/// # Errors
///
/// Everything that is wrong in any file.
pub(super) fn read(directory: &Path) -> Result<Files, Broken> {
    let (settings, loaded) = settings::load(directory, &Variables::of_process())?;
    let Loaded { plan, found, texts } = loaded;
    Ok(Files { settings, plan, found, texts })
}

/// Contents in the place of files, by path.
pub(super) type Instead = BTreeMap<String, Vec<u8>>;

/// Reads everything as [`read`] does, and the tests of routes, but asks for nothing that stands
/// outside of the files: what a variable or a secret would be is stood in for.
///
/// # Errors
///
/// Everything that is wrong in any file.
pub(super) fn read_with_tests(
    directory: &Path,
    instead: &Instead,
) -> Result<(Files, Vec<Suite>), Broken> {
    let variables = Variables::stand_ins();
    let project = || Project::new(directory, &variables).with(instead.clone());
    let mut files = project();
    let settings = Settings::read(directory, &mut files);
    let given = settings.given();
    let Loaded { plan, found, mut texts } = route::load(files, &given)?;
    let mut tests = project();
    let suites = trial::read(&mut tests, &plan);
    let (suites, _, of_tests) = tests.finish(Some(suites))?;
    texts.join(of_tests);
    Ok((Files { settings, plan, found, texts }, suites))
}

/// As [`read`], and looks whether the tests of routes can be played.
///
/// # Errors
///
/// Everything that is wrong in any file, those of tests too.
pub(super) fn read_and_check_tests(directory: &Path) -> Result<Files, Broken> {
    let files = read(directory)?;
    let variables = Variables::stand_ins();
    let mut tests = Project::new(directory, &variables);
    let suites = trial::read(&mut tests, &files.plan);
    match tests.finish(Some(suites)) {
        Ok(_) => Ok(files),
        Err(Broken { mut found, mut texts }) => {
            found.extend(files.found);
            texts.join(files.texts);
            Err(Broken { found, texts })
        }
    }
}

/// That there is such a directory at all; without one there is nothing to find mistakes in.
pub(super) fn look(directory: &Path) -> Result<(), CouldNot> {
    if directory.is_dir() {
        return Ok(());
    }
    let directory = directory.display();
    Err(CouldNot(format!(
        "there is no directory `{directory}`; name the project's with `--project DIR`"
    )))
}

/// What senders may do at most, as the settings say.
pub(super) fn ingest_limits(settings: &Settings) -> IngestLimits {
    let usual = IngestLimits::default();
    IngestLimits {
        body_bytes_max: settings.body_bytes_max,
        batch_bytes_max: usual.batch_bytes_max.max(settings.body_bytes_max),
        depth_max: settings.depth_max,
        rate_per_second: settings.rate_per_second,
        burst: settings.rate_per_second.saturating_mul(2),
        memory_bytes_max: usual.memory_bytes_max.max(settings.body_bytes_max.saturating_mul(2)),
        ..usual
    }
}

/// The directory of the project's store. The shell of an operator need not have the secrets that
/// the settings ask for, so other mistakes in them do not matter here.
pub(super) fn store_directory(directory: &Path) -> Result<PathBuf, CouldNot> {
    let variables = Variables::of_process();
    let mut project = Project::new(directory, &variables);
    let store = Settings::read(directory, &mut project).store;
    if project.report.has_errors() && !store.is_dir() {
        let reason = "`simpul.yaml` has mistakes and tells no store; see `simpul check`";
        return Err(CouldNot(reason.to_owned()));
    }
    Ok(store)
}

/// The file of those who may log in as operators, as the settings say; other mistakes in them do not
/// matter here.
pub(super) fn users_file(directory: &Path) -> PathBuf {
    let variables = Variables::of_process();
    let mut project = Project::new(directory, &variables);
    Settings::read(directory, &mut project).users_file()
}

/// A path without the `.` in its middle that a relative one brings along.
pub(super) fn tidy(path: &Path) -> PathBuf {
    path.components().collect()
}

/// The PostgreSQL that keeps the project's store, if one does.
pub(super) fn database(directory: &Path) -> Option<Address> {
    let variables = Variables::of_process();
    let mut project = Project::new(directory, &variables);
    Settings::read(directory, &mut project).database
}

/// The settings of a project, as far as they can be read.
pub(super) fn settings(directory: &Path) -> Settings {
    let variables = Variables::of_process();
    let mut project = Project::new(directory, &variables);
    Settings::read(directory, &mut project)
}

/// Who works at this terminal, for the journal.
pub(super) fn operator() -> String {
    let variables = ["SUDO_USER", "USER", "LOGNAME"];
    let name = variables.into_iter().find_map(|it| std::env::var(it).ok());
    let name = name.filter(|it| !it.is_empty() && !it.contains(char::is_control));
    name.unwrap_or_else(|| "operator".to_owned())
}
