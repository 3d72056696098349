//! `simpul store`: the database itself.

mod check;

use std::path::Path;

use clap::Subcommand;

use super::Outcome;

/// Look after the store
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  simpul store check                      look for damage, while no bus runs on it")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Check(check::Args),
}

pub(super) fn run(project: &Path, args: &Args) -> Outcome {
    match &args.command {
        Command::Check(args) => check::run(project, args),
    }
}
