//! `simpul new project`: a directory in which everything has its place.

use std::path::{Path, PathBuf};

use super::Draft;
use crate::{
    cli::{CouldNot, Exit, Outcome, editor, screen::say},
    diagnostic::{Language, text},
};

/// Make a project: a directory with a place for everything
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  simpul new project kantor

Exit codes: 0 done, 2 it could not.")]
pub(super) struct Args {
    /// The directory; it is made where it is missing
    directory: Option<PathBuf>,
}

const SETTINGS: &str = "\
# How this gateway is set up. Each setting can also be given as a variable, SIMPUL_….
listen: 127.0.0.1:8080  # systems hand messages over here
ops: 127.0.0.1:9464     # operators look here
broker: embedded
store: ./data           # everything that must survive a crash
";

const IGNORED: &str = "\
# What the bus keeps, and what nobody else may read.
/data/
/secrets/
";

pub(super) fn run(project: &Path, args: &Args, language: Language) -> Outcome {
    let directory = match &args.directory {
        Some(directory) => project.join(directory),
        None => project.to_owned(),
    };
    std::fs::create_dir_all(&directory)
        .map_err(|error| CouldNot(format!("`{}`: {error}", directory.display())))?;
    let mut draft = Draft::new(&directory, language);
    draft.yaml("simpul.yaml", SETTINGS)?;
    draft.plain(".gitignore", IGNORED.to_owned());
    for folder in ["connectors", "routes", "samples", "schemas", "tables"] {
        draft.plain(&format!("{folder}/.gitkeep"), String::new());
    }
    let exit = draft.write()?;
    if exit == Exit::Done {
        editor::write(&directory)?.iter().for_each(|it| say(&it.told(language)));
        let next = text!("next: `simpul new system`, in that directory").told(language);
        say(&format!("\n{next}"));
    }
    Ok(exit)
}
