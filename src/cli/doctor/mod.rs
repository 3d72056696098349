//! `simpul doctor`: whether everything is there that a bus needs, before it starts and while it runs.
//!
//! ```text
//! line    what was found out about one thing      files    the project, its secrets, its doors
//! place   disk, store, the bus itself             broker   RabbitMQ and PostgreSQL
//! reach   the systems, their certificates, what time it is there
//! ```
//!
//! It sends no message and changes nothing: what it writes (a file to measure the disk with) it takes
//! away again.

mod broker;
mod files;
mod line;
mod place;
mod reach;

use std::path::Path;

use serde::Serialize;

use self::line::{Line, render};
use super::{
    Exit, Format, Outcome, project,
    screen::{say, say_json},
    settings::Settings,
};
use crate::route::{Project, Variables};

/// Find out what is wrong around the bus
///
/// Looks at the files, the store and its disk, the broker, the bus if it runs, and whether every
/// system can be reached: connection, certificate, and what time it is there. Sends no message and
/// changes nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul doctor
  simpul --project /etc/simpul doctor --format json

One line for each thing: `ok`, `warn` (it works, but will not for long, or not safely) or `fail`,
what is the case, and what to do. Use the account and the environment that run the bus.

A system over HTTP is asked with `HEAD` at its own address, without credentials: any answer is
one. At a RabbitMQ it looks whether queues and exchanges are there; it declares none.

Exit codes: 0 nothing fails, 1 something does, 2 it could not look.")]
pub(super) struct Args {
    /// In which form to answer
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

/// The answer to programs.
#[derive(Debug, Serialize)]
struct View {
    healthy: bool,
    checks: Vec<Line>,
}

pub(super) async fn run(project: &Path, args: Args) -> Outcome {
    project::look(project)?;
    let variables = Variables::of_process();
    let (mut lines, files) = files::look(project);
    let mut settings = match &files {
        Some(files) => files.settings.clone(),
        // What is wrong with it is told; the rest of it counts.
        None => Settings::read(project, &mut Project::new(project, &variables)),
    };
    settings.store = project::tidy(&settings.store);
    lines.extend(files::secrets(project));
    let is_running = place::bus(&settings, &mut lines).await;
    files::doors(&settings, is_running, &mut lines);
    place::disk(&settings, &mut lines);
    place::store(&settings, is_running, &mut lines);
    let mut clocks = reach::Clocks::default();
    broker::look(&settings, files.as_ref(), &mut lines, &mut clocks).await;
    if let Some(files) = &files {
        lines.extend(reach::all(&files.plan, &mut clocks).await);
    }
    lines.push(clocks.line());
    let healthy = !lines.iter().any(Line::is_failure);
    match args.format {
        Format::Text => say(&render(&lines)),
        Format::Json => say_json(&View { healthy, checks: lines }),
    }
    Ok(if healthy { Exit::Done } else { Exit::FoundWrong })
}
