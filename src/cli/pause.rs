//! `simpul pause` and `simpul resume`: hold everything for a target back, and let it go again.

use std::path::Path;

use super::{
    CouldNot, Exit, Outcome,
    client::{Client, encoded, not_running},
    project,
    screen::{complain, counted, say},
};
use crate::ops::wire::{KeyOrder, KeyResumeView, PauseOrder, ResumeView};

/// Hold back everything for a target until it is resumed
///
/// Nothing is lost and nothing else waits: deliveries to it are kept in their queues.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  simpul pause e-absensi.catat-dinas-luar --reason 'pemeliharaan sampai pukul 14'")]
pub(super) struct PauseArgs {
    /// The target, as routes name it
    #[arg(value_name = "SYSTEM.TARGET")]
    target: String,

    /// Why, for your colleagues and the journal
    #[arg(long, value_name = "TEXT")]
    reason: String,
}

/// Let the deliveries of a paused target go, or those of one parked key
///
/// Frees a target whoever paused it: an operator, or the bus itself after the target refused a
/// password or an address. With --key, lets what is parked of that key go on without the dead letter
/// that holds it, which stays; to send that one first, replay it instead.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul resume e-absensi.catat-dinas-luar
  simpul resume arsip.daftarkan-naskah --key 123/SPD/2026")]
pub(super) struct ResumeArgs {
    /// The target, as routes name it
    #[arg(value_name = "SYSTEM.TARGET")]
    target: String,

    /// What `order_by` yields for the messages that wait
    #[arg(long, value_name = "VALUE")]
    key: Option<String>,
}

pub(super) async fn pause(project: &Path, args: PauseArgs) -> Outcome {
    let PauseArgs { target, reason } = args;
    let client = running(project)?;
    client.tell("pauses", &PauseOrder { target: target.clone(), reason }).await?;
    say(&format!("`{target}` is paused; `simpul resume {target}` lets its deliveries go"));
    Ok(Exit::Done)
}

pub(super) async fn resume(project: &Path, args: ResumeArgs) -> Outcome {
    let ResumeArgs { target, key } = args;
    let client = running(project)?;
    if let Some(key) = key {
        return resume_key(&client, target, key).await;
    }
    let resumed: ResumeView = client.delete(&format!("pauses/{}", encoded(&target))).await?;
    let was = if resumed.was_paused { "is resumed" } else { "was not paused" };
    say(&format!("`{target}` {was}"));
    Ok(Exit::Done)
}

async fn resume_key(client: &Client, target: String, key: String) -> Outcome {
    let order = KeyOrder { target: target.clone(), key, by: None };
    let resumed: KeyResumeView = client.post("keys/resume", &order).await?;
    let KeyResumeView { keys, dead, parked } = resumed;
    if keys == 0 {
        complain(&format!("nothing of this key is parked for `{target}`"));
        return Ok(Exit::FoundWrong);
    }
    let parked = counted(parked, "parked delivery goes", "parked deliveries go");
    let dead = counted(dead, "dead letter", "dead letters");
    say(&format!("{parked} on to `{target}`, without {dead}"));
    Ok(Exit::Done)
}

/// The bus that runs on a project.
pub(super) fn running(project: &Path) -> Result<Client, CouldNot> {
    Client::connect(&project::store_directory(project)?)?.ok_or_else(not_running)
}
