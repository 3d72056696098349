//! `simpul store`: the database itself.

mod backup;
mod check;
mod findings;
mod restore;

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::{CouldNot, Outcome, project};
use crate::message::Timestamp;

/// Look after the store
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul store backup /backup/            one file of it, also while the bus runs
  simpul store check                      look for damage, while no bus runs on it
  simpul store restore /backup/simpul-20260117T083000Z.db")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Backup(backup::Args),
    Check(check::Args),
    Restore(restore::Args),
}

pub(super) fn run(project: &Path, args: &Args) -> Outcome {
    match &args.command {
        Command::Backup(args) => backup::run(project, args),
        Command::Check(args) => check::run(project, args),
        Command::Restore(args) => restore::run(project, args),
    }
}

/// The directory of the project's store, where it is in one.
fn directory(project: &Path, in_postgres: &str) -> Result<PathBuf, CouldNot> {
    match project::database(project) {
        Some(_) => {
            Err(CouldNot(format!("the store of this project is a PostgreSQL, {in_postgres}")))
        }
        None => Ok(project::tidy(&project::store_directory(project)?)),
    }
}

/// A moment as a part of a file's name: `20260117T083000Z`.
fn in_name(moment: Timestamp) -> String {
    let text = moment.to_string();
    let seconds = text.split('.').next().unwrap_or(&text);
    seconds.chars().filter(|it| !matches!(it, '-' | ':' | 'Z')).chain(['Z']).collect()
}
