//! The project's directory: where its settings say that things are.

use std::path::{Path, PathBuf};

use super::CouldNot;

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
