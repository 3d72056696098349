//! The command line: one file per subcommand.
//!
//! Exit codes: 0 done, 1 it found something wrong, 2 it could not run. `run` also: 74 the disk of the
//! store failed.

mod alerts;
mod check;
mod client;
mod dead;
pub mod demo;
mod doctor;
mod editor;
mod eval;
mod explain;
mod fmt;
mod graph;
mod impact;
mod key;
mod language;
mod logging;
mod new;
mod offline;
mod pause;
mod plan;
mod pretty;
mod project;
mod rabbitmq;
mod reload;
mod run;
mod schema;
mod screen;
pub mod settings;
mod store;
mod test;
mod trace;
mod user;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand, ValueEnum};

use self::screen::{complain, escaped};

/// What the program ends with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// It did what was asked, and all is well.
    Done,
    /// It found something wrong.
    FoundWrong,
    /// The disk of the store failed while the bus ran: `EX_IOERR`.
    DiskFailed,
}

/// Why a command could not do what was asked; it ends with 2.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct CouldNot(pub String);

/// How a command ends.
pub type Outcome = Result<Exit, CouldNot>;

/// In which form a command answers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON value.
    Json,
}

/// In which form the log is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum LogFormat {
    /// For people.
    #[default]
    Human,
    /// For programs: one JSON object a line.
    Json,
}

/// An interoperability bus for the systems of an agency.
///
/// Systems hand messages over; route files say where each goes and in what shape; simpul delivers
/// every one of them durably, or tells an operator why it could not.
#[derive(Debug, Parser)]
#[command(name = "simpul", version, max_term_width = 100, after_help = EXAMPLES)]
struct Cli {
    /// The directory with simpul.yaml, connectors/, routes/, schemas/ and tables/
    #[arg(long, global = true, value_name = "DIR", default_value = ".")]
    project: PathBuf,

    #[command(subcommand)]
    command: Command,
}

const EXAMPLES: &str = "\
Examples:
  simpul demo                                   watch it work, with systems that play an agency's
  simpul check                                  find every mistake in the files of this directory
  simpul test                                   play the test cases beside the routes
  simpul --project /etc/simpul run              start the bus
  simpul dead list --route sk-mutasi            what could not be delivered, and why

Exit codes: 0 done, 1 found something wrong, 2 could not run.";

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Args),
    Check(check::Args),
    New(new::Args),
    Test(test::Args),
    Explain(explain::Args),
    Impact(impact::Args),
    Plan(plan::Args),
    Graph(graph::Args),
    Alerts(alerts::Args),
    Eval(eval::Args),
    Fmt(fmt::Args),
    Schema(schema::Args),
    Dead(dead::Args),
    Pause(pause::PauseArgs),
    Resume(pause::ResumeArgs),
    Reload(reload::Args),
    Trace(trace::Args),
    Store(store::Args),
    Doctor(doctor::Args),
    Key(key::Args),
    User(user::Args),
    Demo(demo::Args),
}

/// Runs the program; returns its exit code.
pub fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => {
            // `--help` and `--version` come this way too; they go to standard output.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    logging::catch_panics();
    // An error here says that another provider was installed first, and then that one serves.
    let _ = rustls::crypto::ring::default_provider().install_default();
    match dispatch(cli) {
        Ok(Exit::Done) => ExitCode::SUCCESS,
        Ok(Exit::FoundWrong) => ExitCode::from(1),
        Ok(Exit::DiskFailed) => ExitCode::from(74),
        Err(CouldNot(reason)) => {
            complain(&format!("error: {}", escaped(&reason)));
            ExitCode::from(2)
        }
    }
}

fn dispatch(cli: Cli) -> Outcome {
    let Cli { project, command } = cli;
    match command {
        Command::Run(args) => run::run(&project, &args),
        Command::Check(args) => check::run(&project, &args),
        Command::New(args) => new::run(&project, args),
        Command::Test(args) => test::run(&project, &args),
        Command::Explain(args) => explain::run(&project, &args),
        Command::Impact(args) => impact::run(&project, &args),
        Command::Plan(args) => wait(plan::run(&project, args)),
        Command::Graph(args) => graph::run(&project, &args),
        Command::Alerts(args) => alerts::run(&project, &args),
        Command::Eval(args) => eval::run(&project, &args),
        Command::Fmt(args) => fmt::run(&project, &args),
        Command::Schema(args) => schema::run(&project, &args),
        Command::Dead(args) => wait(dead::run(&project, args)),
        Command::Pause(args) => wait(pause::pause(&project, args)),
        Command::Resume(args) => wait(pause::resume(&project, args)),
        Command::Reload(args) => wait(reload::run(&project, args)),
        Command::Trace(args) => wait(trace::run(&project, args)),
        Command::Store(args) => store::run(&project, &args),
        Command::Doctor(args) => wait(doctor::run(&project, args)),
        Command::Key(args) => key::run(args),
        Command::User(args) => user::run(&project, args),
        Command::Demo(args) => demo::run(&args),
    }
}

/// Runs a command that makes one call after the other.
fn wait(command: impl Future<Output = Outcome>) -> Outcome {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.map_err(|error| CouldNot(format!("no runtime: {error}")))?.block_on(command)
}
