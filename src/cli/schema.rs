//! `simpul schema`: the JSON Schemas of the files, for editors and other programs.

use std::path::Path;

use clap::ValueEnum;
use serde_json::Value;

use super::{
    Exit, Outcome, editor,
    screen::{say, say_json},
    settings::SettingsFile,
};
use crate::{
    diagnostic::describe::{FileKind, json_schema},
    route::{RouteFile, SystemFile},
    trial::TestFile,
};

/// Print the JSON Schema of a kind of file
///
/// It comes from what reads the files, so that it knows exactly the keys that `check` knows. With
/// `--write` all of them are put into `.simpul/schemas/`, and `.vscode/settings.json` tells the editor
/// (VS Code with the extension YAML by Red Hat, or any other with yaml-language-server) which file is
/// of which kind: it then completes keys, explains them, and marks wrong ones while one types.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul schema route
  simpul schema --write

In an editor without settings of its own for this, a file can name its schema on its first line:
  # yaml-language-server: $schema=../.simpul/schemas/route.schema.json

Exit codes: 0 done, 2 it could not write.")]
pub(super) struct Args {
    /// Which kind of file
    #[arg(value_enum, required_unless_present = "write")]
    kind: Option<Kind>,

    /// Write all schemas and the editor's settings into the project
    #[arg(long, conflicts_with = "kind")]
    write: bool,
}

/// The kinds of files that have a schema.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// `simpul.yaml`
    Settings,
    /// `connectors/<system>.yaml`
    System,
    /// `routes/<route>.yaml`
    Route,
    /// `routes/<route>.test.yaml`
    Test,
}

impl Kind {
    /// The files of this kind, from the project's directory.
    pub(super) fn files(self) -> &'static [&'static str] {
        match self {
            Self::Settings => &["simpul.yaml"],
            Self::System => &["connectors/*.yaml"],
            Self::Route => &["routes/*.yaml", "!routes/*.test.yaml"],
            Self::Test => &["routes/*.test.yaml"],
        }
    }

    /// The word for it.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Settings => "settings",
            Self::System => "system",
            Self::Route => "route",
            Self::Test => "test",
        }
    }

    /// Its schema.
    pub(super) fn schema(self) -> Value {
        match self {
            Self::Settings => json_schema::<SettingsFile>(FileKind {
                title: "simpul.yaml: how this gateway is set up",
                filled: true,
            }),
            Self::System => {
                json_schema::<SystemFile>(FileKind { title: "a system of simpul", filled: true })
            }
            Self::Route => {
                json_schema::<RouteFile>(FileKind { title: "a route of simpul", filled: false })
            }
            Self::Test => {
                json_schema::<TestFile>(FileKind { title: "tests of a route", filled: false })
            }
        }
    }
}

pub(super) fn run(project: &Path, args: &Args) -> Outcome {
    match args.kind {
        Some(kind) => say_json(&kind.schema()),
        None => editor::write(project)?.iter().for_each(|it| say(&it.english())),
    }
    Ok(Exit::Done)
}
