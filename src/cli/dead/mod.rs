//! `simpul dead`: what was given up, and how it is put right.

mod list;
mod preview;
mod replay;

use std::path::Path;

use clap::Subcommand;

use super::{CouldNot, Outcome};
use crate::ops::wire::Selection;

/// See, replay or discard what could not be delivered
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example, after a mistake in a route was corrected:
  simpul dead list --route sk-mutasi
  simpul check && simpul reload
  simpul dead replay --route sk-mutasi --preview
  simpul dead replay --route sk-mutasi --reason 'map corrected'")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::ListArgs),
    Show(list::ShowArgs),
    Replay(replay::ReplayArgs),
    Discard(replay::DiscardArgs),
}

/// The classes that a dead letter can have: a mistyped one must not look like an empty list.
const CLASSES: [&str; 5] =
    ["bad message", "refused", "unavailable", "no target", "crashed the bus"];

/// Which dead letters are meant; what is named narrows the choice.
#[derive(Debug, clap::Args)]
struct Chosen {
    /// Numbers of dead letters
    #[arg(value_name = "ID")]
    ids: Vec<i64>,

    /// Only those of this route
    #[arg(long)]
    route: Option<String>,

    /// Only those of this target
    #[arg(long, value_name = "SYSTEM.TARGET")]
    target: Option<String>,

    /// Only those of this class
    #[arg(long, value_parser = CLASSES)]
    class: Option<String>,

    /// All of them
    #[arg(long, conflicts_with_all = ["ids", "route", "target", "class"])]
    all: bool,
}

impl Chosen {
    fn selection(self) -> Result<Selection, CouldNot> {
        let Self { ids, route, target, class, all } = self;
        let selection = Selection { ids, route, target, class, all };
        if selection.says_nothing() {
            let reason = "which dead letters? Name numbers, `--route`, `--target` or `--class`, \
                          or say `--all`";
            return Err(CouldNot(reason.to_owned()));
        }
        Ok(selection)
    }
}

pub(super) async fn run(project: &Path, args: Args) -> Outcome {
    match args.command {
        Command::List(args) => list::list(project, args).await,
        Command::Show(args) => list::show(project, args).await,
        Command::Replay(args) => replay::replay(project, args).await,
        Command::Discard(args) => replay::discard(project, args).await,
    }
}
