//! `simpul store restore`: a backup becomes the store.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::{
    findings::{FindingView, Looked, render as told},
    in_name,
};
use crate::{
    broker::embedded,
    cli::{
        Exit, Format, Outcome,
        screen::{counted, escaped, say, say_json},
    },
    message::{Clock, Timestamp},
    store::{Restore, Restored},
};

/// Put a backup in the place of the store
///
/// Copies the file into the store's directory, checks it as `store check` does, and only then puts
/// it in its place. No bus may run on the directory.
///
/// What was accepted after the backup is not in it: senders must send it again. What was delivered
/// after it is delivered once more, under the same Idempotency-Key; everything that was accepted
/// before the backup is flagged `simpul-possible-duplicate: true` from now on.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul store restore /backup/simpul-20260117T083000Z.db
  simpul store restore /backup/simpul-20260117T083000Z.db --replace
  simpul store restore /backup/simpul-20260117T083000Z.db --to /tmp/latihan

Use the account that runs the bus.

Exit codes: 0 restored, 1 the backup is damaged and was not restored, 2 it could not be done.")]
pub(super) struct Args {
    /// The backup: one file
    file: PathBuf,

    /// The directory to restore into; the project's store unless said
    #[arg(long, value_name = "DIR")]
    to: Option<PathBuf>,

    /// Move a store that is there aside; it is kept beside the new one
    #[arg(long)]
    replace: bool,

    /// Restore also what is damaged
    #[arg(long)]
    damaged: bool,

    /// In which form to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The answer to programs.
#[derive(Debug, Serialize)]
struct View {
    directory: String,
    restored: bool,
    /// When the backup was taken, if it says so.
    taken_at: Option<String>,
    /// Where the store went that was there before.
    moved_to: Option<String>,
    /// Entries that wait in queues.
    waiting: u64,
    rows: u64,
    findings: Vec<FindingView>,
}

pub(super) fn run(project: &Path, args: &Args) -> Outcome {
    let directory = match &args.to {
        Some(directory) => directory.clone(),
        None => super::directory(project, "whose own tools restore it")?,
    };
    let restore = Restore::begin(&args.file, &directory, args.replace)?;
    let inspected = restore.inspect()?;
    let looked = Looked::at(&inspected);
    let waiting = embedded::waiting(&inspected)?;
    drop(inspected);
    let may = args.damaged || looked.findings.is_empty();
    let aside = format!(".before-{}", in_name(Clock::system().now()));
    let restored = match may {
        true => Some(restore.complete(&aside)?),
        false => None,
    };
    let done = Done { directory, file: args.file.clone(), restored, looked, waiting };
    let exit = if may { Exit::Done } else { Exit::FoundWrong };
    match args.format {
        Format::Text => say(&done.render()),
        Format::Json => say_json(&done.view()),
    }
    Ok(exit)
}

/// What came of it.
struct Done {
    directory: PathBuf,
    file: PathBuf,
    restored: Option<Restored>,
    looked: Looked,
    waiting: u64,
}

impl Done {
    fn render(&self) -> String {
        let Looked { rows, findings } = &self.looked;
        let read = counted(*rows, "row with a body", "rows with bodies");
        let file = self.file.display();
        let Some(Restored { taken_at_ms, moved_to }) = &self.restored else {
            let count = counted(findings.len() as u64, "finding", "findings");
            let head = escaped(&format!("{file}: {read} read; {count}; not restored"));
            let advice = "take an earlier backup, or restore this one with `--damaged`";
            return format!("{head}\n{}\n\n{advice}", told(findings));
        };
        let taken = taken_at_ms.map(moment);
        let taken = taken.map_or_else(String::new, |it| format!(", taken {it}"));
        let damage = match findings.as_slice() {
            [] => "nothing is damaged".to_owned(),
            found => counted(found.len() as u64, "finding", "findings"),
        };
        let mut lines = vec![
            format!("{}: restored from {file}{taken}", self.directory.display()),
            format!("{read} read; {damage}; {} wait in queues", self.entries()),
        ];
        if let Some(moved_to) = moved_to {
            lines.push(format!("what was there is now {}", moved_to.display()));
        }
        lines.push(AFTERWARDS.to_owned());
        let mut out = escaped(&lines.join("\n"));
        if !findings.is_empty() {
            out.push_str(&format!("\n{}", told(findings)));
        }
        out
    }

    fn entries(&self) -> String {
        counted(self.waiting, "message or delivery", "messages and deliveries")
    }

    fn view(self) -> View {
        let restored = self.restored.is_some();
        let (taken_at_ms, moved_to) =
            self.restored.map(|it| (it.taken_at_ms, it.moved_to)).unwrap_or_default();
        View {
            directory: self.directory.display().to_string(),
            restored,
            taken_at: taken_at_ms.map(moment),
            moved_to: moved_to.map(|it| it.display().to_string()),
            waiting: self.waiting,
            rows: self.looked.rows,
            findings: self.looked.findings.into_iter().map(FindingView::from).collect(),
        }
    }
}

const AFTERWARDS: &str = "\
what was accepted after the backup is not in it: have it sent again
what was delivered after it is delivered once more, flagged `simpul-possible-duplicate: true`
start the bus when you are ready: simpul run";

fn moment(ms: i64) -> String {
    Timestamp::from_millis(ms).to_string()
}
