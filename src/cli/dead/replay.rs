//! `simpul dead replay` and `simpul dead discard`.

use std::{
    io::{self, BufRead as _, IsTerminal as _},
    path::Path,
};

use super::{Chosen, jobs, list::page, preview, reason_of};
use crate::{
    cli::{
        CouldNot, Exit, Format, Outcome,
        client::{Client, query},
        pause::running,
        screen::{complain, counted, escaped, say, say_json},
    },
    diagnostic::units::RateText,
    ops::wire::{
        CountView, DeadList, DeadOrder, DiscardView, JobRequest, PreviewView, ReplayView, Selection,
    },
};

/// Dead letters up to which a preview shows each as it would be sent.
const PREVIEWS_MAX: u16 = 20;

/// Failed replays that are listed.
const FAILED_SHOWN_MAX: usize = 20;

/// Send dead letters on again, mapped anew by the running files
///
/// What fails again stays where it is. With `--preview` nothing is sent. Letters that are chosen
/// otherwise than by their numbers are a job: it goes on by itself, also if this command is stopped,
/// and the bus with it, and puts nothing into a queue in which much waits.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul dead replay 17 18 --reason 'address corrected'
  simpul dead replay --group 5d1f0c6be2a94873 --preview
  simpul dead replay --group 5d1f0c6be2a94873 --count 1200 --rate 50/s --reason 'map corrected'
  simpul dead replay --route sk-mutasi --class 'bad message' --only-to arsip.daftarkan-naskah \\
    --count 12 --reason 'the others have them on paper'")]
pub(super) struct ReplayArgs {
    #[command(flatten)]
    chosen: Chosen,

    /// Show what would be sent, and how it differs from what failed; of many, how many would pass
    /// and how the others would fail
    #[arg(long)]
    preview: bool,

    /// Of messages that could not be routed, send only what goes to this target; their other
    /// deliveries are kept back, as dead letters
    #[arg(long, value_name = "SYSTEM.TARGET")]
    only_to: Option<String>,

    /// How many a second at most, as 50/s
    #[arg(long, value_name = "RATE", value_parser = rate)]
    rate: Option<u32>,

    /// How many dead letters it is about; else you are asked. With more or fewer nothing is done
    #[arg(long, value_name = "COUNT")]
    count: Option<u64>,

    /// Why, for the journal; needed but for a preview
    #[arg(long, value_name = "TEXT")]
    reason: Option<String>,

    /// Do not wait until it is done
    #[arg(long)]
    no_wait: bool,

    /// In which form to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// Give dead letters up for good
///
/// The journal keeps that they were discarded, by whom and why; the bodies are gone.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul dead discard 17 --reason 'dibatalkan oleh Bagian SDM'
  simpul dead discard --route sk-mutasi --to 2025-12-31 --count 3 --reason 'tahun anggaran lalu'")]
pub(super) struct DiscardArgs {
    #[command(flatten)]
    chosen: Chosen,

    /// How many dead letters it is about; else you are asked. With more or fewer nothing is done
    #[arg(long, value_name = "COUNT")]
    count: Option<u64>,

    /// Why, for the journal
    #[arg(long, value_name = "TEXT")]
    reason: String,

    /// Do not wait until it is done
    #[arg(long)]
    no_wait: bool,

    /// In which form to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

fn rate(text: &str) -> Result<u32, String> {
    let rate = text.parse::<RateText>().map(|it| it.per_second);
    rate.map_err(|error| error.help.to_owned())
}

pub(super) async fn replay(project: &Path, args: ReplayArgs) -> Outcome {
    let ReplayArgs { chosen, preview, only_to, rate, count, reason, no_wait, format } = args;
    let selection = chosen.selection()?;
    let named = !selection.ids.is_empty();
    if named && (only_to.is_some() || rate.is_some()) {
        let reason = "`--only-to` and `--rate` are for letters that are not named by numbers";
        return Err(CouldNot(reason.to_owned()));
    }
    let reason = if preview { reason } else { Some(reason_of(reason)?) };
    let client = running(project)?;
    if preview && only_to.is_none() {
        let list = page(&client, &selection, 0, PREVIEWS_MAX).await?;
        if named || !list.more {
            return show(&client, &list, format).await;
        }
    }
    if named {
        return replay_named(&client, selection, reason.unwrap_or_default(), format).await;
    }
    let kind = if preview { "preview" } else { "replay" }.to_owned();
    let count = if preview { count } else { Some(how_many(&client, &selection, count).await?) };
    let request = JobRequest { kind, selection, only_to, rate, count, by: None, reason };
    jobs::order(&client, &request, !no_wait, format).await
}

/// How many dead letters a job is about: as it was said, or as is answered now. Who does not know how
/// many it is should not do anything with them.
async fn how_many(
    client: &Client,
    selection: &Selection,
    said: Option<u64>,
) -> Result<u64, CouldNot> {
    if let Some(said) = said {
        return Ok(said);
    }
    let chosen = query(selection);
    let path = format!("dead/count?{}", chosen.trim_start_matches('&'));
    let CountView { count } = client.get(&path).await?;
    if !(io::stdin().is_terminal() && io::stderr().is_terminal()) {
        let reason = format!("say how many dead letters this is about: `--count {count}` by now");
        return Err(CouldNot(reason));
    }
    let letters = counted(count, "dead letter", "dead letters");
    complain(&format!("this is about {letters}; write that number to go on"));
    let mut line = String::new();
    let read = io::stdin().lock().read_line(&mut line);
    read.map_err(|error| CouldNot(format!("the terminal: {error}")))?;
    match line.trim().parse() {
        Ok(said) if said == count => Ok(said),
        _ => Err(CouldNot("that is another number; nothing was done".to_owned())),
    }
}

async fn replay_named(
    client: &Client,
    selection: Selection,
    reason: String,
    format: Format,
) -> Outcome {
    let ids = selection.ids.clone();
    let order = DeadOrder { selection, by: None, reason };
    let done: ReplayView = client.post("dead/replay", &order).await?;
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
async fn show(client: &Client, list: &DeadList, format: Format) -> Outcome {
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
    let DiscardArgs { chosen, count, reason, no_wait, format } = args;
    let reason = reason_of(Some(reason))?;
    let selection = chosen.selection()?;
    let client = running(project)?;
    if selection.ids.is_empty() {
        let count = Some(how_many(&client, &selection, count).await?);
        let (kind, only_to, rate, reason) = ("discard".to_owned(), None, None, Some(reason));
        let request = JobRequest { kind, selection, only_to, rate, count, by: None, reason };
        return jobs::order(&client, &request, !no_wait, format).await;
    }
    let ids = selection.ids.clone();
    let order = DeadOrder { selection, by: None, reason };
    let done: DiscardView = client.post("dead/discard", &order).await?;
    match format {
        Format::Json => say_json(&done),
        Format::Text => {
            say(&format!("{} discarded", counted(done.discarded, "dead letter", "dead letters")));
        }
    }
    Ok(if found(ids, done.discarded) { Exit::Done } else { Exit::FoundWrong })
}
