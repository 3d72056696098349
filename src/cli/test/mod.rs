//! `simpul test`: the cases beside the routes, played by the real engine without any network.

mod json;
mod junit;
mod runner;
mod text;

use std::{path::Path, time::Instant};

use clap::ValueEnum;

use self::runner::{Played, Wanted};
use super::{
    CouldNot, Exit, Outcome,
    project::{self, Instead},
    screen::{escaped, say},
};

/// Play the test cases beside the routes
///
/// Reads `routes/<route>.test.yaml` and plays each case with the real engine: messages come, targets
/// answer from a script, and the clock jumps. Nothing is sent anywhere; no variable and no secret is
/// read, so that a case gives the same on each machine.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  simpul test
  simpul test sppd-terbit --case 'tanggal terbalik'
  simpul test --format junit > test-results.xml

docs/testing.md says how cases are written.

Exit codes: 0 all cases passed, 1 one failed or a file is wrong, 2 it could not play.")]
pub(super) struct Args {
    /// Only the tests of these routes
    routes: Vec<String>,

    /// Only cases whose name has this in it
    #[arg(long, value_name = "TEXT")]
    case: Option<String>,

    /// In which form to answer
    #[arg(long, value_enum, default_value_t)]
    format: TestFormat,
}

/// In which form the results of tests are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum TestFormat {
    /// For people.
    #[default]
    Text,
    /// For programs: one JSON object.
    Json,
    /// For the machine that builds: JUnit XML.
    Junit,
}

pub(super) fn run(project: &Path, args: &Args) -> Outcome {
    project::look(project)?;
    let began = Instant::now();
    let (files, suites) = match project::read_with_tests(project, &Instead::new()) {
        Ok(read) => read,
        Err(broken) => {
            say(&escaped(broken.to_string().trim_end()));
            return Ok(Exit::FoundWrong);
        }
    };
    let wanted = Wanted { routes: &args.routes, case: args.case.as_deref() };
    wanted.check(&files.plan)?;
    let played = runner::play(project, (&files, &suites), &wanted)?;
    if played.is_empty() {
        let reason = "there is no such case; cases stand in `routes/<route>.test.yaml`";
        return Err(CouldNot(reason.to_owned()));
    }
    match args.format {
        TestFormat::Text => say(&text::render(&files, &suites, &played, began.elapsed())),
        TestFormat::Json => json::tell(&played),
        TestFormat::Junit => say(&junit::render(&played)),
    }
    let all_passed = played.iter().all(Played::has_passed);
    Ok(if all_passed { Exit::Done } else { Exit::FoundWrong })
}
