//! `simpul reload`: the running bus takes the files as they are now.

use std::path::Path;

use serde::Serialize;

use super::{
    CouldNot, Exit, Format, Outcome,
    client::Failure,
    language::Lang,
    pause::running,
    screen::{complain, escaped, say, say_json},
};
use crate::{
    diagnostic::{Language, Text, text},
    ops::wire::ReloadView,
};

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

    #[command(flatten)]
    lang: Lang,
}

/// Files that cannot be used, for programs.
#[derive(Serialize)]
struct Broken {
    error: String,
    diagnostics: String,
}

pub(super) async fn run(project: &Path, args: Args) -> Outcome {
    let language = args.lang.language()?;
    let client = running(project)?.speaking(language);
    let reloaded: Result<ReloadView, Failure> = client.post("reload", &()).await;
    answered(reloaded, args.format, language, tell)
}

/// Says what the running bus answered that was asked to read its files.
pub(super) fn answered<V: Serialize>(
    answer: Result<V, Failure>,
    format: Format,
    language: Language,
    tell: fn(&V, Language),
) -> Outcome {
    match answer {
        Ok(view) => {
            match format {
                Format::Json => say_json(&view),
                Format::Text => tell(&view, language),
            }
            Ok(Exit::Done)
        }
        Err(Failure::Refused(problem)) if problem.code == "bad_files" => {
            let diagnostics = problem.detail.unwrap_or_default();
            match format {
                Format::Json => say_json(&Broken { error: problem.title, diagnostics }),
                Format::Text => {
                    complain(&escaped(diagnostics.trim_end()));
                    let title = text!("the files have mistakes; nothing was changed");
                    complain(&format!("\n{}", title.told(language)));
                }
            }
            Ok(Exit::FoundWrong)
        }
        Err(other) => Err(CouldNot::from(other)),
    }
}

fn tell(view: &ReloadView, language: Language) {
    if !view.warnings.is_empty() {
        complain(&escaped(view.warnings.trim_end()));
    }
    say(&text!("generation {} runs", &view.generation).told(language));
    let lists = [
        (text!("added"), What::Route, &view.added),
        (text!("changed"), What::Route, &view.changed),
        (text!("removed"), What::Route, &view.removed),
        (text!("freed"), What::Target, &view.freed),
    ];
    for (word, what, names) in lists.into_iter().filter(|(.., names)| !names.is_empty()) {
        let (word, count) = (word.told(language), what.counted(names.len()).told(language));
        say(&format!("  {word:<8} {count}: {}", names.join(", ")));
    }
}

/// What a reload changes.
#[derive(Debug, Clone, Copy)]
pub(super) enum What {
    Route,
    Source,
    Target,
    Paused,
}

impl What {
    /// So many of them.
    pub(super) fn counted(self, count: usize) -> Text {
        match (self, count) {
            (Self::Route, 1) => text!("1 route"),
            (Self::Route, many) => text!("{} routes", &many),
            (Self::Source, 1) => text!("1 source"),
            (Self::Source, many) => text!("{} sources", &many),
            (Self::Target, 1) => text!("1 target"),
            (Self::Target, many) => text!("{} targets", &many),
            (Self::Paused, 1) => text!("1 paused target"),
            (Self::Paused, many) => text!("{} paused targets", &many),
        }
    }
}
