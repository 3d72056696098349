//! `simpul store check`: what is damaged in a store, what is lost by it, and what to do.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::{
    broker::embedded,
    cli::{
        CouldNot, Exit, Format, Outcome, project,
        screen::{counted, escaped, say, say_json},
    },
    ledger,
    store::{Finding, Inspection},
};

/// Look for damage in a store that no bus runs on
///
/// Reads all of it: the structure of the pages, the checksum of every row with a body, and whether
/// queues, ledger and accounts fit each other. Changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul store check                      the store of this project
  simpul store check /var/lib/simpul      another directory
  simpul store check --format json

While the bus runs, check a copy:
  mkdir /tmp/copy && sqlite3 data/simpul.db \".backup /tmp/copy/simpul.db\"
  simpul store check /tmp/copy

Exit codes: 0 all is well, 1 something is damaged, 2 it could not be looked at.")]
pub(super) struct Args {
    /// The directory of the store; the project's unless said
    directory: Option<PathBuf>,

    /// In which form to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The answer to programs.
#[derive(Debug, Serialize)]
struct View {
    directory: String,
    /// Rows with bodies that were read.
    rows: u64,
    findings: Vec<FindingView>,
}

#[derive(Debug, Serialize)]
struct FindingView {
    /// `log`, `page`, `row` or `account`.
    kind: &'static str,
    what: String,
    lost: String,
    todo: String,
}

pub(super) fn run(project: &Path, args: &Args) -> Outcome {
    let directory = match &args.directory {
        Some(directory) => directory.clone(),
        None if project::database(project).is_some() => {
            return Err(CouldNot(
                "the store of this project is a PostgreSQL, which checks its own pages (`SHOW \
                 data_checksums`, `pg_amcheck`); simpul checks each body there as it reads it"
                    .to_owned(),
            ));
        }
        None => project::store_directory(project)?,
    };
    let store = Inspection::open(&directory)?;
    let mut found = store.files();
    let rows = embedded::check(&store, &mut found) + ledger::check(&store, &mut found);
    drop(store);
    let exit = if found.is_empty() { Exit::Done } else { Exit::FoundWrong };
    match args.format {
        Format::Text => say(&render(&directory, rows, &found)),
        Format::Json => say_json(&view(&directory, rows, found)),
    }
    Ok(exit)
}

fn view(directory: &Path, rows: u64, found: Vec<Finding>) -> View {
    let findings = found.into_iter().map(|it| {
        let Finding { kind, what, lost, todo } = it;
        FindingView { kind, what, lost, todo }
    });
    View { directory: directory.display().to_string(), rows, findings: findings.collect() }
}

/// A block for each thing that is wrong; those with the same advice say it once.
fn render(directory: &Path, rows: u64, found: &[Finding]) -> String {
    let read = counted(rows, "row with a body", "rows with bodies");
    let head = format!("{}: {read} read", directory.display());
    if found.is_empty() {
        return format!("{head}; nothing is damaged");
    }
    let mut out = format!("{head}; {}\n", counted(found.len() as u64, "finding", "findings"));
    for (index, one) in found.iter().enumerate() {
        let Finding { kind, what, lost, todo } = one;
        out.push_str(&format!("\n{kind}: {what}\n"));
        let next = found.get(index + 1);
        if next.is_none_or(|it| (&it.lost, &it.todo) != (lost, todo)) {
            out.push_str(&format!("  lost: {lost}\n  do:   {todo}\n"));
        }
    }
    escaped(out.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_is_told_with_what_is_lost_and_what_to_do() {
        let finding = |what: &str, lost: &str| Finding {
            kind: "row",
            what: what.to_owned(),
            lost: lost.to_owned(),
            todo: "have it sent again".to_owned(),
        };
        let found = [
            finding("entry 1: damaged", "a delivery"),
            finding("entry 2: damaged", "a delivery"),
            finding("message 7 \u{1b}[31m", "the message"),
        ];
        insta::assert_snapshot!(render(Path::new("./data"), 1, &found), @r"
        ./data: 1 row with a body read; 3 findings

        row: entry 1: damaged

        row: entry 2: damaged
          lost: a delivery
          do:   have it sent again

        row: message 7 \u{1b}[31m
          lost: the message
          do:   have it sent again
        ");
        assert_eq!(
            render(Path::new("./data"), 7, &[]),
            "./data: 7 rows with bodies read; nothing is damaged"
        );
    }
}
