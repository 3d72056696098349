//! `simpul plan`: the difference between what runs and what the files say.

use std::path::Path;

use super::{
    Format, Outcome,
    client::Failure,
    language::Lang,
    pause::running,
    reload::{What, answered},
    screen::{complain, escaped, say},
};
use crate::{
    diagnostic::{Language, Text, text},
    ops::wire::{DifferenceView, PlanView},
};

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

    #[command(flatten)]
    lang: Lang,
}

pub(super) async fn run(project: &Path, args: Args) -> Outcome {
    let language = args.lang.language()?;
    let client = running(project)?.speaking(language);
    let planned: Result<PlanView, Failure> = client.get("plan").await;
    answered(planned, args.format, language, tell)
}

fn tell(view: &PlanView, language: Language) {
    if !view.warnings.is_empty() {
        complain(&escaped(view.warnings.trim_end()));
    }
    let tell = |line: &Text| say(&escaped(&line.told(language)));
    tell(&text!("generation {} runs; a reload would change:", &view.generation));
    let mut same = true;
    for (what, difference) in
        [(What::Route, &view.routes), (What::Source, &view.sources), (What::Target, &view.targets)]
    {
        let DifferenceView { added, changed, removed } = difference;
        let words = [(text!("add"), added), (text!("change"), changed), (text!("remove"), removed)];
        for (word, names) in words {
            if !names.is_empty() {
                same = false;
                tell(&line(word, what, names, language));
            }
        }
    }
    if !view.routes.removed.is_empty() {
        tell(&text!(
            "  what waits in the queues of a removed route stays, and is shown as orphaned"
        ));
    }
    if !view.frees.is_empty() {
        tell(&line(text!("free"), What::Paused, &view.frees, language));
    }
    if same {
        tell(&text!("  nothing: the files are what runs"));
    }
}

/// `  add     2 routes: a, b`.
fn line(word: Text, what: What, names: &[String], language: Language) -> Text {
    let word = word.told(language);
    text!("  {} {}: {}", &format!("{word:<7}"), what.counted(names.len()), &names.join(", "))
}
