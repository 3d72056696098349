//! `simpul dead`: what was given up, and how it is put right.

mod groups;
mod jobs;
mod list;
mod preview;
mod replay;

use std::path::Path;

use clap::Subcommand;

use super::{CouldNot, Outcome};
use crate::{
    diagnostic::units::DurationText,
    message::{Clock, Timestamp},
    ops::wire::{Moment, Selection},
};

/// See, replay or discard what could not be delivered
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example, after a mistake in a route was corrected:
  simpul dead groups
  simpul check && simpul reload
  simpul dead replay --group 5d1f0c6be2a94873 --preview
  simpul dead replay --group 5d1f0c6be2a94873 --reason 'map corrected'")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    List(list::ListArgs),
    Groups(groups::Args),
    Show(list::ShowArgs),
    Replay(replay::ReplayArgs),
    Discard(replay::DiscardArgs),
    Jobs(jobs::JobsArgs),
    Cancel(jobs::CancelArgs),
}

/// The classes that a dead letter can have: a mistyped one must not look like an empty list.
const CLASSES: [&str; 6] =
    ["bad message", "refused", "unavailable", "no target", "crashed the bus", "kept back"];

/// Which dead letters are meant, but for their numbers; what is named narrows the choice.
#[derive(Debug, clap::Args)]
struct Filter {
    /// Only those of this route
    #[arg(long)]
    route: Option<String>,

    /// Only those of this target
    #[arg(long, value_name = "SYSTEM.TARGET")]
    target: Option<String>,

    /// Only those of this class
    #[arg(long, value_parser = CLASSES)]
    class: Option<String>,

    /// Only those that failed alike; `simpul dead groups` shows the groups
    #[arg(long)]
    group: Option<String>,

    /// Only those given up since then: a day (UTC), a time with its zone, or how long ago
    ///
    /// As 2026-01-17, 2026-01-17T09:30:00+07:00, 90m, 24h, 7d.
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    from: Option<When>,

    /// Only those given up before then, written in the same ways
    #[arg(long, value_name = "WHEN", value_parser = When::parse)]
    to: Option<When>,
}

/// Which dead letters are meant.
#[derive(Debug, clap::Args)]
struct Chosen {
    /// Numbers of dead letters
    #[arg(value_name = "ID", conflicts_with = "all")]
    ids: Vec<i64>,

    #[command(flatten)]
    filter: Filter,

    /// All of them
    #[arg(long, conflicts_with_all = ["route", "target", "class", "group", "from", "to"])]
    all: bool,
}

/// A moment, as people say it.
#[derive(Debug, Clone, Copy)]
enum When {
    /// Then.
    At(Timestamp),
    /// So long ago.
    Ago(std::time::Duration),
}

impl When {
    fn parse(text: &str) -> Result<Self, String> {
        if let Some(moment) = Timestamp::parse(text) {
            return Ok(Self::At(moment));
        }
        let ago = text.parse::<DurationText>().map(|it| Self::Ago(it.0));
        ago.map_err(|_| "write a day, a time with its zone, or how long ago, as 24h".to_owned())
    }

    fn moment(self, now: Timestamp) -> Moment {
        Moment(match self {
            Self::At(moment) => moment,
            Self::Ago(length) => {
                let length = i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
                Timestamp::from_millis(now.as_millis().saturating_sub(length))
            }
        })
    }
}

impl Filter {
    fn selection(self) -> Selection {
        let Self { route, target, class, group, from, to } = self;
        let now = Clock::system().now();
        let moment = |it: Option<When>| it.map(|it| it.moment(now));
        let (from, to) = (moment(from), moment(to));
        Selection { ids: vec![], route, target, class, group, from, to, all: false }
    }
}

impl Chosen {
    fn selection(self) -> Result<Selection, CouldNot> {
        let Self { ids, filter, all } = self;
        let selection = Selection { ids, all, ..filter.selection() };
        if selection.says_nothing() {
            let reason = "which dead letters? Name numbers, `--group`, `--route`, `--target`, \
                          `--class`, `--from` or `--to`, or say `--all`";
            return Err(CouldNot(reason.to_owned()));
        }
        Ok(selection)
    }
}

/// Why something is done, which the journal keeps.
fn reason_of(reason: Option<String>) -> Result<String, CouldNot> {
    let reason = reason.filter(|it| !it.trim().is_empty());
    let missing = "say why, with `--reason`: the journal keeps it";
    reason.ok_or_else(|| CouldNot(missing.to_owned()))
}

pub(super) async fn run(project: &Path, args: Args) -> Outcome {
    match args.command {
        Command::List(args) => list::list(project, args).await,
        Command::Groups(args) => groups::run(project, args).await,
        Command::Show(args) => list::show(project, args).await,
        Command::Replay(args) => replay::replay(project, args).await,
        Command::Discard(args) => replay::discard(project, args).await,
        Command::Jobs(args) => jobs::show(project, args).await,
        Command::Cancel(args) => jobs::cancel(project, args).await,
    }
}
