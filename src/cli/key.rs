//! `simpul key`: API keys for the systems that hand messages over.

use clap::Subcommand;
use serde_json::json;

use super::{
    CouldNot, Exit, Format, Outcome,
    screen::{say, say_json},
};
use crate::{connector::http::ApiKey, message::is_name};

/// Make API keys for systems that hand messages over
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  simpul key new e-sppd-2026")]
pub(super) struct Args {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    New(NewArgs),
}

/// Print a new key, for the sender, and its digest, for the system file
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  simpul key new e-sppd-2026

The key is shown this once and stored nowhere. The digest is no secret; a source lists one for each
sender, so that a key can be changed without a gap: add the new one, wait, take the old one out.")]
struct NewArgs {
    /// What the key is called in the system file and in the journal
    #[arg(default_value = "key-1")]
    name: String,

    /// In which form to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

pub(super) fn run(args: Args) -> Outcome {
    let Command::New(NewArgs { name, format }) = args.command;
    if !is_name(&name) {
        let name = name.escape_debug();
        let reason = format!(
            "`{name}` is no name; write a small letter, then small letters, digits and `-`"
        );
        return Err(CouldNot(reason));
    }
    let (key, hash) = ApiKey::generate()
        .map_err(|error| CouldNot(format!("the system gives no randomness: {error}")))?;
    match format {
        Format::Json => say_json(&json!({ "name": name, "key": key, "hash": hash })),
        Format::Text => {
            say("For the sender, over a safe way; it is not shown again:");
            say(&format!("  {key}\n"));
            say("For the source in the system file:");
            say(&format!("  api_keys: {{ {name}: \"{hash}\" }}"));
        }
    }
    Ok(Exit::Done)
}
