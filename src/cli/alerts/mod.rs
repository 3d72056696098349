//! `simpul alerts`: rules for Prometheus from the files of a project, and the tests that prove them.
//!
//! An alert stands for a state that somebody has to end, not for an event: it begins once, stays, and
//! is over when the state is. What is expected (how old a message may get, how long a source may be
//! quiet) and who answers for it comes from the files.

mod bus;
mod dead;
mod deliveries;
mod endpoints;
mod facts;
mod records;
mod rules;
mod trial;

use std::path::Path;

use self::{
    facts::Facts,
    rules::{Group, Times},
};
use super::{
    Exit, Outcome,
    project::{self, Instead},
    screen::{complain, escaped, say},
};
use crate::{diagnostic::Language, route::Outline};

/// Print rules for Prometheus: what an operator is to be woken for
///
/// Makes recording and alerting rules of what the files say: a target that is down, a message older
/// than `deliver_within`, a source quiet for longer than `expect_every`, dead letters by their cause, a
/// reload that was refused, a disk that fills, and so on. Each alert says what to do first and whom to
/// ask; docs/alerts.md has a section for each. No variable and no secret is needed. Print them anew
/// whenever routes, sources or targets come or go: an alert tells if that was forgotten.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul alerts > /etc/prometheus/simpul.rules.yml
  promtool check rules /etc/prometheus/simpul.rules.yml
  simpul alerts --tests simpul.rules.yml > simpul.rules.test.yml
  promtool test rules simpul.rules.test.yml     each alert fires once, and is over

Exit codes: 0 printed, 1 the files have mistakes or no routes, 2 it could not look.")]
pub(super) struct Args {
    /// Print tests for `promtool test rules` instead, of rules that stand in this file
    #[arg(long, value_name = "FILE", conflicts_with = "faster")]
    tests: Option<String>,

    /// The name of the job under which Prometheus scrapes simpul
    #[arg(long, value_name = "NAME", default_value = "simpul")]
    job: String,

    /// Where the page is that says what to do about each alert
    #[arg(long, value_name = "ADDRESS", default_value = "docs/alerts.md")]
    runbook: String,

    /// Divide every time in the rules by this, to see an alert without waiting for an hour
    #[arg(long, value_name = "N", default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    faster: u32,
}

pub(super) fn run(project: &Path, args: &Args) -> Outcome {
    project::look(project)?;
    let read = project::read_with_tests(project, &Instead::new());
    let (files, _) = match read {
        Ok(read) => read,
        Err(broken) => {
            let rendered = broken.texts.render(&broken.found, Language::English);
            complain(&escaped(rendered.trim_end()));
            return Ok(Exit::FoundWrong);
        }
    };
    if files.plan.routes.is_empty() {
        // Rules of the wrong directory, in the place of the right ones, would be silent.
        let directory = project.display().to_string();
        let directory = escaped(&directory);
        complain(&format!("`{directory}` has no routes; name the project's with `--project DIR`"));
        return Ok(Exit::FoundWrong);
    }
    let facts = Facts::of(&files.plan, &Outline::read(project));
    let times = Times { faster: args.faster };
    let groups = groups(&facts, &args.job, times);
    match &args.tests {
        Some(file) => say(trial::file(file, &groups, &args.job).trim_end()),
        None => say(rules::file(&groups, &args.runbook, times).trim_end()),
    }
    Ok(Exit::Done)
}

/// All rules of a project. Recording rules stand first: alerts ask for some of them.
fn groups(facts: &Facts, job: &str, times: Times) -> Vec<Group> {
    let job = rules::quoted(job);
    vec![
        Group { name: "simpul-records", records: records::all(facts, &job, times), alerts: vec![] },
        Group { name: "simpul-bus", records: vec![], alerts: bus::alerts(&job, times) },
        Group {
            name: "simpul-targets",
            records: vec![],
            alerts: facts
                .targets
                .iter()
                .flat_map(|it| endpoints::target(it, &job, times))
                .collect(),
        },
        Group {
            name: "simpul-sources",
            records: vec![],
            alerts: facts
                .sources
                .iter()
                .flat_map(|it| endpoints::source(it, &job, times))
                .collect(),
        },
        Group {
            name: "simpul-deliveries",
            records: vec![],
            alerts: deliveries::alerts(facts, &job, times),
        },
        Group { name: "simpul-dead-letters", records: vec![], alerts: dead::alerts(&job, times) },
    ]
}
