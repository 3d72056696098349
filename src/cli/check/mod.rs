//! `simpul check`: every mistake in every file, before anything runs.

mod github;
mod json;
mod sarif;

use std::path::Path;

use clap::ValueEnum;

use super::{
    Exit, Outcome,
    language::Lang,
    project,
    rabbitmq::Needs,
    screen::{escaped, say},
};
use crate::{
    diagnostic::{Code, Diagnostic, Language, Severity, text},
    route::{Plan, Texts},
};

/// Find every mistake in the files of a project
///
/// Reads simpul.yaml, connectors/, routes/, schemas/ and tables/ exactly as `run` and `reload` do,
/// with the environment of this shell; starts nothing and calls nobody. Where messages wait at a
/// RabbitMQ, it also tells how many queues they need there, and which store goes with it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul check
  simpul check --lang id                        in Indonesian
  simpul --project /etc/simpul check --format json
  simpul check --format sarif > simpul.sarif    for code scanning
  simpul check --format github                  marks the lines of a pull request

Exit codes: 0 the files can be used, 1 they cannot, 2 it could not look.")]
pub(super) struct Args {
    /// In which form to answer
    #[arg(long, value_enum, default_value_t)]
    format: CheckFormat,

    #[command(flatten)]
    lang: Lang,
}

/// In which form the mistakes are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum CheckFormat {
    /// For people
    #[default]
    Text,
    /// For programs: one JSON value
    Json,
    /// For code scanning: SARIF 2.1.0
    Sarif,
    /// For GitHub Actions: annotations of the lines
    Github,
}

/// What a check has come to.
struct Found<'a> {
    plan: Option<&'a Plan>,
    diagnostics: &'a [Diagnostic],
    texts: &'a Texts,
    needs: Option<Needs>,
    language: Language,
}

impl Found<'_> {
    fn count(&self, severity: Severity) -> usize {
        self.diagnostics.iter().filter(|it| it.severity == severity).count()
    }

    /// The last line that people read.
    fn summary(&self) -> String {
        let warnings = match self.count(Severity::Warning) {
            1 => text!("1 warning"),
            count => text!("{} warnings", &count),
        };
        let counted = |count: usize, one, many: fn(usize) -> _| match count {
            1 => one,
            count => many(count),
        };
        let whole = match self.plan {
            Some(plan) => text!(
                "{}, {}, {}: no mistakes, {}",
                counted(plan.routes.len(), text!("1 route"), |it| text!("{} routes", &it)),
                counted(plan.sources.len(), text!("1 source"), |it| text!("{} sources", &it)),
                counted(plan.targets.len(), text!("1 target"), |it| text!("{} targets", &it)),
                warnings,
            ),
            None => text!(
                "{}, {}: the files cannot be used",
                counted(self.count(Severity::Error), text!("1 mistake"), |it| text!(
                    "{} mistakes",
                    &it
                )),
                warnings,
            ),
        };
        whole.told(self.language)
    }
}

pub(super) fn run(project: &Path, args: &Args) -> Outcome {
    project::look(project)?;
    let language = args.lang.language()?;
    let read = project::read_and_check_tests(project);
    let (plan, diagnostics, texts) = match &read {
        Ok(files) => (Some(&files.plan), &files.warnings, &files.texts),
        Err(broken) => (None, &broken.found, &broken.texts),
    };
    let needs = read.as_ref().ok().and_then(Needs::of);
    let found = Found { plan, diagnostics, texts, needs, language };
    match args.format {
        CheckFormat::Json => json::say(&found),
        CheckFormat::Sarif => sarif::say(&found),
        CheckFormat::Github => github::say(&found),
        CheckFormat::Text => tell(&found),
    }
    let exit = if plan.is_some() { Exit::Done } else { Exit::FoundWrong };
    // The process ends, and its memory with it: to give it back piece by piece takes a tenth of
    // the time of a project with thousands of routes.
    std::mem::forget(read);
    Ok(exit)
}

fn tell(found: &Found<'_>) {
    if !found.diagnostics.is_empty() {
        let rendered = found.texts.render(found.diagnostics, found.language);
        say(&format!("{}\n", escaped(rendered.trim_end())));
    }
    say(&found.summary());
    found.needs.iter().flat_map(Needs::lines).for_each(|it| say(&it));
}

/// Where the page about a code stands in the project's sources.
fn page(code: Code) -> String {
    format!("docs/errors/{}.md", code.as_str())
}

/// The path of a file as an address has it: only what the standards call unreserved stays.
fn path_in_address(file: &str) -> String {
    let mut out = String::with_capacity(file.len());
    for byte in file.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                out.push(char::from(byte));
            }
            other => out.push_str(&format!("%{other:02X}")),
        }
    }
    out
}
