//! `simpul pause` and `simpul resume`: hold everything for a target back, and let it go again.

use std::path::Path;

use super::{
    CouldNot, Exit, Outcome,
    client::{Client, encoded, not_running},
    project,
    screen::say,
};
use crate::ops::wire::{PauseOrder, ResumeView};

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

/// Let the deliveries of a paused target go
///
/// Frees a target whoever paused it: an operator, or the bus itself after the target refused a
/// password or an address.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  simpul resume e-absensi.catat-dinas-luar")]
pub(super) struct ResumeArgs {
    /// The target, as routes name it
    #[arg(value_name = "SYSTEM.TARGET")]
    target: String,
}

pub(super) async fn pause(project: &Path, args: PauseArgs) -> Outcome {
    let PauseArgs { target, reason } = args;
    let client = running(project)?;
    let reason = format!("{}: {reason}", project::operator());
    client.tell("pauses", &PauseOrder { target: target.clone(), reason }).await?;
    say(&format!("`{target}` is paused; `simpul resume {target}` lets its deliveries go"));
    Ok(Exit::Done)
}

pub(super) async fn resume(project: &Path, args: ResumeArgs) -> Outcome {
    let ResumeArgs { target } = args;
    let client = running(project)?;
    let resumed: ResumeView = client.delete(&format!("pauses/{}", encoded(&target))).await?;
    let was = if resumed.was_paused { "is resumed" } else { "was not paused" };
    say(&format!("`{target}` {was}"));
    Ok(Exit::Done)
}

/// The bus that runs on a project.
pub(super) fn running(project: &Path) -> Result<Client, CouldNot> {
    Client::connect(&project::store_directory(project)?)?.ok_or_else(not_running)
}
