//! `simpul dead replay` and `simpul dead discard`.

use std::path::Path;

use super::{Chosen, list::chosen, preview};
use crate::{
    cli::{
        CouldNot, Exit, Format, Outcome,
        client::Client,
        pause::running,
        project::operator,
        screen::{complain, counted, escaped, say, say_json},
    },
    ops::wire::{DeadOrder, DiscardView, PreviewView, ReplayView, Selection},
};

/// Dead letters that one preview shows.
const PREVIEWS_MAX: u16 = 20;

/// Failed replays that are listed.
const FAILED_SHOWN_MAX: usize = 20;

/// Send dead letters on again, mapped anew by the running files
///
/// What fails again stays where it is. With `--preview` nothing is sent.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul dead replay 17 18 --preview
  simpul dead replay --route sk-mutasi --reason 'map corrected'")]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    chosen: Chosen,

    /// Show what would be sent, and how it differs from what failed
    #[arg(long)]
    preview: bool,

    /// Why, for the journal
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    /// In which form to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Give dead letters up for good
///
/// The journal keeps that they were discarded, by whom and why; the bodies are gone.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  simpul dead discard 17 --reason 'dibatalkan oleh Bagian SDM'")]
pub(super) struct DiscardArgs {
    #[command(flatten)]
    chosen: Chosen,

    /// Why, for the journal
    #[arg(long, value_name = "TEXT")]
    reason: String,

    /// In which form to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) async fn replay(project: &Path, args: ReplayArgs) -> Outcome {
    let ReplayArgs { chosen, preview, reason, format } = args;
    let selection = chosen.selection()?;
    let client = running(project)?;
    if preview {
        return show(&client, &selection, format).await;
    }
    let by = reason.map_or_else(operator, |it| format!("{}: {it}", operator()));
    let ids = selection.ids.clone();
    let done: ReplayView = client.post("dead/replay", &DeadOrder { selection, by }).await?;
    match format {
        Format::Json => say_json(&done),
        Format::Text => tell(&done),
    }
    let all_found = found(ids, done.replayed.saturating_add(done.failed.len() as u64));
    Ok(if all_found && done.failed.is_empty() { Exit::Done } else { Exit::FoundWrong })
}

/// Whether every number that was named is one of a dead letter; says so if not. A number that was
/// mistyped must not look as if it had been dealt with.
fn found(mut ids: Vec<i64>, dealt_with: u64) -> bool {
    ids.sort_unstable();
    ids.dedup();
    let missing = (ids.len() as u64).saturating_sub(dealt_with);
    if 0 < missing {
        let numbers = counted(missing, "number names", "numbers name");
        complain(&format!("{numbers} no dead letter; `simpul dead list` shows which there are"));
    }
    missing == 0
}

fn tell(done: &ReplayView) {
    let again = if done.replayed == 1 { "is on its way again" } else { "are on their way again" };
    say(&format!("{} {again}", counted(done.replayed, "dead letter", "dead letters")));
    if done.failed.is_empty() {
        return;
    }
    let failed = counted(done.failed.len() as u64, "would fail", "would fail");
    complain(&format!("{failed} again and stay:"));
    for it in done.failed.iter().take(FAILED_SHOWN_MAX) {
        complain(&format!("  {}: {}", it.id, escaped(&it.reason)));
    }
    if FAILED_SHOWN_MAX < done.failed.len() {
        complain("  …");
    }
}

/// Shows what a replay would send; ends with 1 where one would fail again.
async fn show(client: &Client, selection: &Selection, format: Format) -> Outcome {
    let list = chosen(client, selection, PREVIEWS_MAX).await?;
    let mut previews: Vec<PreviewView> = vec![];
    for letter in &list.letters {
        previews.push(client.get(&format!("dead/{}/preview", letter.id)).await?);
    }
    match format {
        Format::Json => say_json(&previews),
        Format::Text if previews.is_empty() => say("no dead letters"),
        Format::Text => {
            let shown: Vec<String> = previews.iter().map(preview::render).collect();
            say(&shown.join("\n\n"));
        }
    }
    if list.more {
        complain(&format!("there are more; these are the first {PREVIEWS_MAX}"));
    }
    let fails = previews.iter().any(|it| it.fails.is_some());
    Ok(if fails { Exit::FoundWrong } else { Exit::Done })
}

pub(super) async fn discard(project: &Path, args: DiscardArgs) -> Outcome {
    let DiscardArgs { chosen, reason, format } = args;
    if reason.trim().is_empty() {
        return Err(CouldNot("say why, with `--reason`: the journal keeps it".to_owned()));
    }
    let selection = chosen.selection()?;
    let client = running(project)?;
    let by = format!("{}: {reason}", operator());
    let ids = selection.ids.clone();
    let done: DiscardView = client.post("dead/discard", &DeadOrder { selection, by }).await?;
    match format {
        Format::Json => say_json(&done),
        Format::Text => {
            say(&format!("{} discarded", counted(done.discarded, "dead letter", "dead letters")));
        }
    }
    Ok(if found(ids, done.discarded) { Exit::Done } else { Exit::FoundWrong })
}
