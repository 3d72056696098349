//! `simpul run`: the bus, from its files to its last breath.

mod parts;
mod signals;
mod stack;
pub(super) mod watch;

use std::{path::Path, time::Duration};

use tokio::{runtime::Builder, time::timeout};

use self::{
    parts::{Failed, Running},
    signals::{Asked, Signals},
    watch::Watch,
};
use super::{
    CouldNot, Exit, LogFormat, Outcome,
    language::Lang,
    logging, project,
    screen::{complain, say},
};
use crate::diagnostic::Language;

/// How long a stop may take. systemd waits longer (`TimeoutStopSec=60`), so that it is simpul that
/// gives up, and says so.
const STOP_TIMEOUT: Duration = Duration::from_secs(45);

/// Start the bus
///
/// Reads every file of the project first; one mistake anywhere and nothing starts. Reloads on
/// SIGHUP, stops on SIGTERM and Ctrl-C.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Example:
  simpul --project /etc/simpul run --log-format json

`log` in simpul.yaml says what is logged, `info` if nothing does. Each setting can be given as a
variable: SIMPUL_LOG=simpul=debug,warn")]
pub(super) struct Args {
    /// In which form to log, on standard error
    #[arg(long, value_enum, default_value_t)]
    log_format: LogFormat,

    /// Reload by itself when files of the project change
    #[arg(long)]
    watch: bool,

    #[command(flatten)]
    lang: Lang,
}

pub(super) fn run(project: &Path, args: &Args) -> Outcome {
    stack::make_room();
    project::look(project)?;
    let language = args.lang.language()?;
    // Before they are read: what changes meanwhile is read again.
    let watch = args.watch.then(|| Watch::start(project));
    let files = match project::read(project) {
        Ok(files) => files,
        Err(broken) => {
            complain(broken.told(language).trim_end());
            return Ok(Exit::FoundWrong);
        }
    };
    logging::start(args.log_format, files.settings.log.as_deref())?;
    let warned = Warned { text: files.warned(language), format: args.log_format };
    let runtime = Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| CouldNot(format!("no runtime: {error}")))?;
    let outcome = runtime.block_on(Box::pin(work(project, files, (language, warned), watch)));
    // After a stop that went wrong a thread may still hang in a call to the disk.
    runtime.shutdown_background();
    outcome
}

/// What the authors of the files should know, although they can be used.
struct Warned {
    text: String,
    format: LogFormat,
}

impl Warned {
    fn tell(&self) {
        match (self.format, self.text.trim_end()) {
            (_, "") => {}
            (LogFormat::Human, warned) => complain(warned),
            (LogFormat::Json, warned) => tracing::warn!("{warned}"),
        }
    }
}

async fn work(
    project: &Path,
    files: project::Files,
    (language, warned): (Language, Warned),
    mut watch: Option<Watch>,
) -> Outcome {
    // Before anything starts: a signal during the start must not be lost.
    let mut signals = Signals::listen()?;
    let mut running = Running::start(project, files, language).await?;
    // Only now: who reads why it did not start should not look for the reason here.
    warned.tell();
    say(&running.greeting());
    running.invitation().iter().for_each(|it| say(it));
    loop {
        tokio::select! {
            asked = signals.next() => match asked {
                Asked::Reload => running.reload(),
                Asked::Stop => break,
            },
            () = changed(&mut watch) => {
                tracing::info!("files have changed");
                running.reload();
            }
            failed = running.failed() => match failed {
                Failed::Disk(reason) => {
                    tracing::error!("the store failed: {reason}");
                    complain(&format!(
                        "error: the store failed, and nothing more is accepted or delivered: \
                         {reason}; what was accepted is kept, and is delivered once simpul runs \
                         again"
                    ));
                    // Nothing can be written down any more, so nothing is finished or closed: it is
                    // as if the process had been killed.
                    std::mem::forget(running);
                    return Ok(Exit::DiskFailed);
                }
                Failed::Part(part) => {
                    tracing::error!("bug: {part} ended; stopping");
                    stop(running, signals).await;
                    return Err(CouldNot(format!("bug: {part} ended")));
                }
            }
        }
    }
    tracing::info!("stopping");
    Ok(if stop(running, signals).await { Exit::Done } else { Exit::FoundWrong })
}

/// Waits until files change; for ever where nobody watches.
async fn changed(watch: &mut Option<Watch>) {
    match watch {
        Some(watch) => watch.changed().await,
        None => std::future::pending().await,
    }
}

/// Stops in the order in which messages flow; false where it was cut short, by a second signal or
/// by the time. Nothing is lost then either: it is as if the process had been killed.
async fn stop(running: Running, mut signals: Signals) -> bool {
    tokio::select! {
        stopped = timeout(STOP_TIMEOUT, Box::pin(running.stop())) => match stopped {
            Ok(true) => {
                tracing::info!("stopped");
                true
            }
            Ok(false) => {
                tracing::warn!("stopped before everything in hand was settled; it comes again");
                false
            }
            Err(_) => {
                tracing::warn!("cut short after {} s", STOP_TIMEOUT.as_secs());
                false
            }
        },
        () = signals.stop_again() => {
            tracing::warn!("cut short by a second signal");
            false
        }
    }
}
