//! `simpul plan`: the difference between what runs and what the files say.

use std::path::Path;

use super::{
    Format, Outcome,
    client::Failure,
    pause::running,
    reload::answered,
    screen::{complain, counted, escaped, say},
};
use crate::ops::wire::{DifferenceView, PlanView};

/// Show what a reload would change
///
/// Asks the running bus to read its files, with its own environment, and to compare them with what runs.
/// Nothing is changed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul plan
  simpul plan && simpul reload
  simpul plan --format json

Exit codes: 0 told, 1 the files have mistakes, 2 it could not ask.")]
pub(super) struct Args {
    /// In which form to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn run(project: &Path, args: Args) -> Outcome {
    let planned: Result<PlanView, Failure> = running(project)?.get("plan").await;
    answered(planned, args.format, tell)
}

fn tell(view: &PlanView) {
    if !view.warnings.is_empty() {
        complain(&escaped(view.warnings.trim_end()));
    }
    say(&format!("generation {} runs; a reload would change:", view.generation));
    let mut same = true;
    for (one, many, difference) in [
        ("route", "routes", &view.routes),
        ("source", "sources", &view.sources),
        ("target", "targets", &view.targets),
    ] {
        let DifferenceView { added, changed, removed } = difference;
        for (word, names) in [("add", added), ("change", changed), ("remove", removed)] {
            if !names.is_empty() {
                same = false;
                let count = counted(names.len() as u64, one, many);
                say(&escaped(&format!("  {word:<7} {count}: {}", names.join(", "))));
            }
        }
    }
    if !view.routes.removed.is_empty() {
        say("  what waits in the queues of a removed route stays, and is shown as orphaned");
    }
    if !view.frees.is_empty() {
        let count = counted(view.frees.len() as u64, "paused target", "paused targets");
        say(&escaped(&format!("  free    {count}: {}", view.frees.join(", "))));
    }
    if same {
        say("  nothing: the files are what runs");
    }
}
