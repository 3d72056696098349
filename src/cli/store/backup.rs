//! `simpul store backup`: one file of the store, taken while the bus runs.

use std::{
    io::{self, IsTerminal as _, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use serde::Serialize;

use super::{
    findings::{FindingView, Looked, render as told},
    in_name,
};
use crate::{
    cli::{
        CouldNot, Exit, Format, Outcome,
        screen::{counted, escaped, say, say_json, size},
    },
    message::{Clock, Timestamp},
    store::{BackedUp, Inspection, Progress, back_up},
};

/// How often a terminal is told how far it is.
const TOLD_EVERY: Duration = Duration::from_millis(250);

/// Take a backup of the store, also while the bus runs
///
/// Copies one moment of the store into one file, without keeping the bus from its work, and checks
/// the file as `store check` does. What is accepted later is not in it.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul store backup /backup/                 a file named after the moment, simpul-….db
  simpul store backup /backup/sebelum-naik-versi.db
  simpul store backup /backup/ --format json

Use the account that runs the bus. Where the store is a PostgreSQL, back that up (`pg_dump`).

Exit codes: 0 taken and sound, 1 taken, and something in the store is damaged, 2 not taken.")]
pub(super) struct Args {
    /// The file, which must not be there yet, or a directory for one named after this moment
    #[arg(value_name = "DIR|FILE")]
    to: PathBuf,

    /// The directory of the store; the project's unless said
    #[arg(long, value_name = "DIR")]
    store: Option<PathBuf>,

    /// Do not read the file again to check it
    #[arg(long)]
    no_check: bool,

    /// In which form to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The answer to programs.
#[derive(Debug, Serialize)]
struct View {
    file: String,
    bytes: u64,
    seconds: f64,
    /// The moment that it shows.
    taken_at: String,
    /// Rows with bodies that were read; nothing where it was not checked.
    rows: Option<u64>,
    findings: Vec<FindingView>,
}

pub(super) fn run(project: &Path, args: &Args) -> Outcome {
    let directory = match &args.store {
        Some(directory) => directory.clone(),
        None => super::directory(project, "whose own tools back it up: `pg_dump`")?,
    };
    let now = Clock::system().now();
    let file = file(&args.to, now)?;
    let (started, mut shown) = (Instant::now(), Shown::default());
    let taken = back_up(&directory, &file, now.as_millis(), &mut |it| shown.show(it));
    shown.clear();
    let taken = taken?;
    let looked = match (args.no_check, taken.is_newest) {
        (false, true) => Some(Looked::at(&Inspection::of_file(&file)?)),
        _ => None,
    };
    let seconds = started.elapsed().as_secs_f64();
    let is_sound = looked.as_ref().is_none_or(|it| it.findings.is_empty());
    match args.format {
        Format::Text => say(&render(&file, &taken, seconds, looked.as_ref())),
        Format::Json => {
            let rows = looked.as_ref().map(|it| it.rows);
            let findings = looked.map(|it| it.findings).unwrap_or_default();
            let findings = findings.into_iter().map(FindingView::from).collect();
            let (file, taken_at) = (file.display().to_string(), now.to_string());
            say_json(&View { file, bytes: taken.bytes, seconds, taken_at, rows, findings });
        }
    }
    Ok(if is_sound { Exit::Done } else { Exit::FoundWrong })
}

/// The file that is meant: in a directory one that is named after the moment.
fn file(to: &Path, now: Timestamp) -> Result<PathBuf, CouldNot> {
    if to.is_dir() {
        return Ok(to.join(format!("simpul-{}.db", in_name(now))));
    }
    if to.as_os_str().as_encoded_bytes().ends_with(b"/") {
        return Err(CouldNot(format!("there is no directory `{}`", to.display())));
    }
    Ok(to.to_owned())
}

fn render(file: &Path, taken: &BackedUp, seconds: f64, looked: Option<&Looked>) -> String {
    let head = format!("{}: {} in {seconds:.1} s", file.display(), size(taken.bytes));
    let head = escaped(&head);
    match looked {
        None if taken.is_newest => format!("{head}; not checked"),
        None => format!("{head}; not checked: an older simpul wrote this store"),
        Some(Looked { rows, findings }) => {
            let read = counted(*rows, "row with a body", "rows with bodies");
            match findings.len() {
                0 => format!("{head}; {read} read; nothing is damaged"),
                count => {
                    let count = counted(count as u64, "finding", "findings");
                    format!("{head}; {read} read; {count} in the store itself\n{}", told(findings))
                }
            }
        }
    }
}

/// How far it is, on a terminal.
#[derive(Default)]
struct Shown {
    at: Option<Instant>,
}

impl Shown {
    fn show(&mut self, progress: Progress) {
        if self.at.is_some_and(|it| it.elapsed() < TOLD_EVERY) || !io::stderr().is_terminal() {
            return;
        }
        self.at = Some(Instant::now());
        let Progress { done, all } = progress;
        let _ = write!(io::stderr(), "\r{} of {} ", size(done), size(all));
    }

    fn clear(&self) {
        if self.at.is_some() {
            let _ = write!(io::stderr(), "\r{:40}\r", "");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_in_a_directory_is_named_after_the_moment() {
        let directory = tempfile::tempdir().unwrap();
        let now = Timestamp::parse("2026-01-17T08:30:05Z").unwrap();
        let named = file(directory.path(), now).unwrap();
        assert_eq!(named, directory.path().join("simpul-20260117T083005Z.db"));
        let own = directory.path().join("malam.db");
        assert_eq!(file(&own, now).unwrap(), own);
        let refusal = file(Path::new("/tidak-ada/"), now).unwrap_err().0;
        assert_eq!(refusal, "there is no directory `/tidak-ada/`");
    }
}
