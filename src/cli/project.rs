//! The project's directory: its files, and where its settings say that things are.

use std::path::{Path, PathBuf};

use super::CouldNot;
use crate::{
    diagnostic::Diagnostic,
    route::{self, Broken, Given, Loaded, Plan, Project, Texts, Variables},
};

/// The files of a project, compiled.
pub(super) struct Files {
    pub(super) settings: Settings,
    pub(super) plan: Plan,
    pub(super) warnings: Vec<Diagnostic>,
    pub(super) texts: Texts,
}

impl Files {
    /// The warnings as text for a terminal; empty if there are none.
    pub(super) fn warned(&self) -> String {
        self.texts.render(&self.warnings)
    }
}

/// Reads everything that a bus runs by.
///
/// # Errors
///
/// Everything that is wrong in any file.
pub(super) fn read(directory: &Path) -> Result<Files, Broken> {
    let variables = Variables::of_process();
    let mut project = Project::new(directory, &variables);
    let given = Given::default();
    let Loaded { plan, warnings, texts } = route::load(project, &given)?;
    let settings = stub(directory);
    Ok(Files { settings, plan, warnings, texts })
}

/// The directory of the project's store.
pub(super) fn store_directory(project: &Path) -> Result<PathBuf, CouldNot> {
    Ok(project.join("data"))
}

/// Who works at this terminal, for the journal.
pub(super) fn operator() -> String {
    let variables = ["SUDO_USER", "USER", "LOGNAME"];
    let name = variables.into_iter().find_map(|it| std::env::var(it).ok());
    name.filter(|it| !it.is_empty()).unwrap_or_else(|| "operator".to_owned())
}
fn stub(project: &Path) -> Settings {
    let address: std::net::SocketAddr = ([127, 0, 0, 1], 0).into();
    Settings {
        listen: address,
        ops: address,
        store: project.join("data"),
        hash_key: None,
        prefetch: 500,
    }
}

pub(super) struct Settings {
    pub(super) listen: std::net::SocketAddr,
    pub(super) ops: std::net::SocketAddr,
    pub(super) store: PathBuf,
    pub(super) hash_key: Option<Vec<u8>>,
    pub(super) prefetch: usize,
}

impl Settings {
    pub(super) fn ingest_limits(&self) -> crate::connector::http::source::IngestLimits {
        Default::default()
    }
}
