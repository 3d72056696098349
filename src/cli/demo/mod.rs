//! `simpul demo`: the bus at work, with systems that play an agency's.

use super::Outcome;

/// Starts the bus with stand-in systems and sends it a day's work of an agency.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  simpul demo")]
pub struct Args {}

/// Runs it.
///
/// # Errors
///
/// When it cannot be run at all.
pub fn run(_args: &Args) -> Outcome {
    Err(super::CouldNot("not in this build".to_owned()))
}
