//! `simpul check`: every mistake in every file, before anything runs.

use std::path::Path;

use serde::Serialize;

use super::{
    Exit, Format, Outcome, project,
    rabbitmq::Needs,
    screen::{counted, escaped, say, say_json},
};
use crate::diagnostic::{Diagnostic, Severity};

/// Find every mistake in the files of a project
///
/// Reads simpul.yaml, connectors/, routes/, schemas/ and tables/ exactly as `run` and `reload` do,
/// with the environment of this shell; starts nothing and calls nobody. Where messages wait at a
/// RabbitMQ, it also tells how many queues they need there, and which store goes with it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul check
  simpul --project /etc/simpul check --format json

Exit codes: 0 the files can be used, 1 they cannot, 2 it could not look.")]
pub(super) struct Args {
    /// In which form to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// What was found, for programs.
#[derive(Serialize)]
struct CheckView<'a> {
    usable: bool,
    errors: usize,
    warnings: usize,
    routes: Vec<&'a str>,
    diagnostics: Vec<DiagnosticView<'a>>,
    /// Only where the settings choose a RabbitMQ.
    #[serde(skip_serializing_if = "Option::is_none")]
    rabbitmq: Option<Needs>,
}

#[derive(Serialize)]
struct DiagnosticView<'a> {
    severity: &'static str,
    code: &'static str,
    file: &'a str,
    line: u32,
    column: u32,
    message: &'a str,
    label: &'a str,
    help: Option<&'a str>,
}

impl<'a> DiagnosticView<'a> {
    fn of(found: &'a Diagnostic) -> Self {
        let severity = match found.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        Self {
            severity,
            code: found.code.as_str(),
            file: &found.file,
            line: found.at.line,
            column: found.at.column,
            message: &found.message,
            label: &found.label,
            help: found.help.as_deref(),
        }
    }
}

pub(super) fn run(project: &Path, args: &Args) -> Outcome {
    project::look(project)?;
    let read = project::read(project);
    let (plan, found, texts) = match &read {
        Ok(files) => (Some(&files.plan), &files.found, &files.texts),
        Err(broken) => (None, &broken.found, &broken.texts),
    };
    let needs = read.as_ref().ok().and_then(Needs::of);
    let count = |severity| found.iter().filter(|it| it.severity == severity).count();
    let (errors, warnings) = (count(Severity::Error), count(Severity::Warning));
    match args.format {
        Format::Json => {
            let routes = plan.iter().flat_map(|it| it.routes.keys()).map(|it| &**it).collect();
            let diagnostics = found.iter().map(DiagnosticView::of).collect();
            let usable = plan.is_some();
            let rabbitmq = needs;
            say_json(&CheckView { usable, errors, warnings, routes, diagnostics, rabbitmq });
        }
        Format::Text => {
            if !found.is_empty() {
                say(&format!("{}\n", escaped(texts.render(found).trim_end())));
            }
            let errors = counted(errors as u64, "mistake", "mistakes");
            let warnings = counted(warnings as u64, "warning", "warnings");
            match plan {
                Some(plan) => {
                    let routes = counted(plan.routes.len() as u64, "route", "routes");
                    let sources = counted(plan.sources.len() as u64, "source", "sources");
                    let targets = counted(plan.targets.len() as u64, "target", "targets");
                    say(&format!("{routes}, {sources}, {targets}: no mistakes, {warnings}"));
                    needs.iter().flat_map(Needs::lines).for_each(|it| say(&it));
                }
                None => say(&format!("{errors}, {warnings}: the files cannot be used")),
            }
        }
    }
    let exit = if plan.is_some() { Exit::Done } else { Exit::FoundWrong };
    // The process ends, and its memory with it: to give it back piece by piece takes a tenth of
    // the time of a project with thousands of routes.
    std::mem::forget(read);
    Ok(exit)
}
