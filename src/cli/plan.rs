//! `simpul plan`: the difference between what runs and what the files say.

use std::path::Path;

use serde::Serialize;

use super::{
    CouldNot, Exit, Format, Outcome,
    client::Failure,
    pause::running,
    screen::{complain, counted, escaped, say, say_json},
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

/// Files that cannot be used, for programs.
#[derive(Serialize)]
struct Broken {
    error: String,
    diagnostics: String,
}

pub(super) async fn run(project: &Path, args: Args) -> Outcome {
    let client = running(project)?;
    let planned: Result<PlanView, Failure> = client.get("plan").await;
    match planned {
        Ok(view) => {
            match args.format {
                Format::Json => say_json(&view),
                Format::Text => tell(&view),
            }
            Ok(Exit::Done)
        }
        Err(Failure::Refused(problem)) if problem.code == "bad_files" => {
            let diagnostics = problem.detail.unwrap_or_default();
            match args.format {
                Format::Json => say_json(&Broken { error: problem.title, diagnostics }),
                Format::Text => {
                    complain(&escaped(diagnostics.trim_end()));
                    complain("\nthe files have mistakes; a reload would change nothing");
                }
            }
            Ok(Exit::FoundWrong)
        }
        Err(other) => Err(CouldNot::from(other)),
    }
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
