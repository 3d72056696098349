//! `simpul store check`: what is damaged in a store, what is lost by it, and what to do.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::findings::{FindingView, Looked, render as told};
use crate::{
    cli::{
        Exit, Format, Outcome,
        screen::{counted, escaped, say, say_json},
    },
    store::{Finding, Inspection},
};

/// Look for damage in a store that no bus runs on, or in a backup
///
/// Reads all of it: the structure of the pages, the checksum of every row with a body, and whether
/// queues, ledger and accounts fit each other. Changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul store check                      the store of this project
  simpul store check /var/lib/simpul      another directory
  simpul store check /backup/simpul-20260117T083000Z.db
  simpul store check --format json

While the bus runs, take a backup, which is checked: simpul store backup /backup/

Exit codes: 0 all is well, 1 something is damaged, 2 it could not be looked at.")]
pub(super) struct Args {
    /// The directory of the store, or a backup; the project's store unless said
    #[arg(value_name = "DIR|FILE")]
    place: Option<PathBuf>,

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

pub(super) fn run(project: &Path, args: &Args) -> Outcome {
    let place = match &args.place {
        Some(place) => place.clone(),
        None => super::directory(
            project,
            "which checks its own pages (`SHOW data_checksums`, `pg_amcheck`); simpul checks each \
             body there as it reads it",
        )?,
    };
    let store = match place.is_file() {
        true => Inspection::of_file(&place)?,
        false => Inspection::open(&place)?,
    };
    let Looked { rows, findings } = Looked::at(&store);
    drop(store);
    let exit = if findings.is_empty() { Exit::Done } else { Exit::FoundWrong };
    match args.format {
        Format::Text => say(&render(&place, rows, &findings)),
        Format::Json => {
            let findings = findings.into_iter().map(FindingView::from).collect();
            say_json(&View { directory: place.display().to_string(), rows, findings });
        }
    }
    Ok(exit)
}

fn render(place: &Path, rows: u64, found: &[Finding]) -> String {
    let read = counted(rows, "row with a body", "rows with bodies");
    let head = escaped(&format!("{}: {read} read", place.display()));
    match found {
        [] => format!("{head}; nothing is damaged"),
        found => {
            let count = counted(found.len() as u64, "finding", "findings");
            format!("{head}; {count}\n{}", told(found))
        }
    }
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
