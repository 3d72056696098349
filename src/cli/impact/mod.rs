//! `simpul impact`: what a change in a schema, system or table concerns, and what it breaks.

mod changes;
mod revision;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Serialize;

use self::{
    changes::{ChangedFile, ChangedView, changes},
    revision::Checkout,
};
use super::{
    CouldNot, Exit, Format, Outcome,
    language::Lang,
    project,
    screen::{escaped, say, say_json},
    settings,
};
use crate::{
    diagnostic::{Diagnostic, Language, Severity, Text, text},
    route::{Loaded, Outline, Texts, Variables},
};

/// Show what a change of files concerns and breaks
///
/// Compares the files of the project with others: those of a directory, or of a revision in git. Lists what
/// changed, which routes have to do with it, and every mistake and warning of `check` that was not there before.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul impact --git origin/main               what this branch changes
  simpul impact --against /etc/simpul           what it would change there
  simpul impact --git HEAD --format json

Exit codes: 0 nothing breaks, 1 something does, 2 it could not look.")]
pub(super) struct Args {
    /// The directory of the project to compare with
    #[arg(long, value_name = "DIR", required_unless_present = "git", conflicts_with = "git")]
    against: Option<PathBuf>,

    /// The revision to compare with: a branch, a tag, a commit
    #[arg(long, value_name = "REVISION")]
    git: Option<String>,

    /// In which form to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    #[command(flatten)]
    lang: Lang,
}

/// What was found, for programs.
#[derive(Serialize)]
struct ImpactView {
    breaks: usize,
    changed: Vec<ChangedView>,
    found: Vec<FoundView>,
}

#[derive(Serialize)]
struct FoundView {
    severity: &'static str,
    code: &'static str,
    file: String,
    line: u32,
    message: String,
}

pub(super) fn run(project: &Path, args: &Args) -> Outcome {
    project::look(project)?;
    let language = args.lang.language()?;
    let checkout = match (&args.against, &args.git) {
        (Some(directory), _) => Checkout::of(directory.clone()),
        (None, Some(revision)) => Checkout::revision(project, revision)?,
        (None, None) => {
            return Err(CouldNot("name `--against DIR` or `--git REVISION`".to_owned()));
        }
    };
    project::look(checkout.directory())?;
    let (before, after) = (Outline::read(checkout.directory()), Outline::read(project));
    let changed = changes(&before, &after);
    let (old, _) = found(checkout.directory());
    let (found, texts) = found(project);
    let new = new(&old, found);
    let breaks = new.iter().filter(|it| it.severity == Severity::Error).count();
    match args.format {
        Format::Json => {
            let found = new.iter().map(|it| FoundView {
                severity: if it.severity == Severity::Error { "error" } else { "warning" },
                code: it.code.as_str(),
                file: it.file.to_string(),
                line: it.at.line,
                message: it.message.told(language),
            });
            let changed = changed.iter().map(|it| it.view(language)).collect();
            say_json(&ImpactView { breaks, changed, found: found.collect() });
        }
        Format::Text => {
            tell(&changed, language);
            if !new.is_empty() {
                say(&format!("\n{}", escaped(texts.render(&new, language).trim_end())));
            }
            let told = summary(&changed, breaks, new.len() - breaks);
            say(&told.told(language));
        }
    }
    Ok(if breaks == 0 { Exit::Done } else { Exit::FoundWrong })
}

/// Everything that `check` finds in a directory.
fn found(directory: &Path) -> (Vec<Diagnostic>, Texts) {
    match settings::load(directory, &Variables::of_process()) {
        Ok((_, Loaded { found, texts, .. })) => (found, texts),
        Err(broken) => (broken.found, broken.texts),
    }
}

/// What of `found` is not in `old`. A mistake is known by what it says: its line may have moved.
fn new(old: &[Diagnostic], found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let key = |it: &Diagnostic| (it.code, it.file.to_string(), it.message.english());
    let mut known: BTreeMap<_, usize> = BTreeMap::new();
    for one in old {
        *known.entry(key(one)).or_default() += 1;
    }
    let is_new = |one: &Diagnostic| match known.get_mut(&key(one)) {
        Some(left @ 1..) => {
            *left -= 1;
            false
        }
        _ => true,
    };
    let mut new = found;
    new.retain(is_new);
    new
}

fn tell(changed: &[ChangedFile], language: Language) {
    for file in changed {
        let what = file.what.words().told(language);
        say(&escaped(&format!("{what:<8} {}", file.file)));
        for note in &file.notes {
            say(&escaped(&format!("         {}", note.told(language))));
        }
        for concerned in &file.concerns {
            let line = text!("concerns {}", concerned.clone()).told(language);
            say(&escaped(&format!("         {line}")));
        }
    }
}

fn summary(changed: &[ChangedFile], breaks: usize, warnings: usize) -> Text {
    let files = match changed.len() {
        0 => return text!("no file differs"),
        1 => text!("1 file differs"),
        many => text!("{} files differ", &many),
    };
    let breaks = match breaks {
        0 => text!("nothing breaks"),
        1 => text!("1 new mistake"),
        many => text!("{} new mistakes", &many),
    };
    let warnings = match warnings {
        1 => text!("1 new warning"),
        many => text!("{} new warnings", &many),
    };
    text!("\n{}: {}, {}", files, breaks, warnings)
}
