//! `simpul reload`: the running bus takes the files as they are now.

use std::path::Path;

use serde::Serialize;

use super::{
    CouldNot, Exit, Format, Outcome,
    client::Failure,
    pause::running,
    screen::{complain, counted, escaped, say, say_json},
};
use crate::ops::wire::ReloadView;

/// Have the running bus read its files again
///
/// All of them are compiled first; one mistake anywhere and nothing is changed. Routes that did
/// not change keep running. The same happens on SIGHUP.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  simpul check && simpul reload")]
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
    let reloaded: Result<ReloadView, Failure> = running(project)?.post("reload", &()).await;
    answered(reloaded, args.format, tell)
}

/// Says what the running bus answered that was asked to read its files.
pub(super) fn answered<V: Serialize>(
    answer: Result<V, Failure>,
    format: Format,
    tell: fn(&V),
) -> Outcome {
    match answer {
        Ok(view) => {
            match format {
                Format::Json => say_json(&view),
                Format::Text => tell(&view),
            }
            Ok(Exit::Done)
        }
        Err(Failure::Refused(problem)) if problem.code == "bad_files" => {
            let diagnostics = problem.detail.unwrap_or_default();
            match format {
                Format::Json => say_json(&Broken { error: problem.title, diagnostics }),
                Format::Text => {
                    complain(&escaped(diagnostics.trim_end()));
                    complain(&format!("\n{}", problem.title));
                }
            }
            Ok(Exit::FoundWrong)
        }
        Err(other) => Err(CouldNot::from(other)),
    }
}

fn tell(view: &ReloadView) {
    if !view.warnings.is_empty() {
        complain(&escaped(view.warnings.trim_end()));
    }
    say(&format!("generation {} runs", view.generation));
    let lists = [
        ("added", &view.added),
        ("changed", &view.changed),
        ("removed", &view.removed),
        ("freed", &view.freed),
    ];
    for (word, names) in lists.into_iter().filter(|(_, names)| !names.is_empty()) {
        let (one, many) = if word == "freed" { ("target", "targets") } else { ("route", "routes") };
        let count = counted(names.len() as u64, one, many);
        say(&format!("  {word:<8} {count}: {}", names.join(", ")));
    }
}
