//! `simpul test`: the cases beside the routes, played by the real engine without any network.

mod coverage;
mod json;
mod junit;
mod record;
mod runner;
mod text;

use std::{
    path::Path,
    time::{Duration, Instant},
};

use clap::ValueEnum;

use self::runner::{Played, Wanted};
use super::{
    CouldNot, Exit, Outcome, complain,
    language::Lang,
    project::{self, Instead},
    run::watch::Watch,
    screen::{escaped, say},
};
use crate::diagnostic::{Language, text};

/// Between two looks at the files, while it waits for a change.
const LOOK_EVERY: Duration = Duration::from_millis(250);

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
  simpul test --coverage --watch
  simpul test --record 17
  simpul test --min-coverage 100 --format junit > test-results.xml

docs/testing.md says how cases are written.

Exit codes: 0 all cases passed, 1 one failed or a file is wrong, 2 it could not play.")]
pub(super) struct Args {
    /// Only the tests of these routes
    routes: Vec<String>,

    /// Only cases whose name has this in it
    #[arg(long, value_name = "TEXT")]
    case: Option<String>,

    /// Name every step, branch, target and failure that no case reaches
    #[arg(long)]
    coverage: bool,

    /// Fail where cases reach less than this share of a route, in percent
    #[arg(long, value_name = "PERCENT", value_parser = clap::value_parser!(u8).range(0..=100))]
    min_coverage: Option<u8>,

    /// Make a case of a dead letter, by its number, or of a message in a file, of the one route
    /// that is named; what looks personal in it is masked
    #[arg(long, value_name = "NUMBER|FILE", conflicts_with_all = ["watch", "coverage"])]
    record: Option<String>,

    /// Play them again whenever a file changes
    #[arg(long)]
    watch: bool,

    /// In which form to answer
    #[arg(long, value_enum, default_value_t)]
    format: TestFormat,

    #[command(flatten)]
    lang: Lang,
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
    let language = args.lang.language()?;
    if let Some(what) = &args.record {
        return record::record(project, what, &args.routes, language);
    }
    if !args.watch {
        return once(project, args, language);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build();
    let runtime = runtime.map_err(|error| CouldNot(format!("no runtime: {error}")))?;
    let mut watch = Watch::over(project, &["samples"], LOOK_EVERY);
    loop {
        if let Err(CouldNot(reason)) = once(project, args, language) {
            say(&escaped(&reason));
        }
        let waiting = text!("waiting for a file to change; Ctrl-C ends it").told(language);
        say(&format!("\n{waiting}\n"));
        runtime.block_on(watch.changed());
    }
}

/// Plays everything that is wanted.
fn once(project: &Path, args: &Args, language: Language) -> Outcome {
    let began = Instant::now();
    let (files, suites) = match project::read_with_tests(project, &Instead::new()) {
        Ok(read) => read,
        Err(broken) => {
            say(&escaped(broken.told(language).trim_end()));
            return Ok(Exit::FoundWrong);
        }
    };
    let wanted = Wanted { routes: &args.routes, case: args.case.as_deref(), language };
    wanted.check(&files.plan)?;
    let played = runner::play(project, (&files, &suites), &wanted)?;
    if played.is_empty() {
        let reason = "there is no such case; cases stand in `routes/<route>.test.yaml`";
        return Err(CouldNot(reason.to_owned()));
    }
    let took = began.elapsed();
    // Of some of the cases it would say nothing.
    let is_whole = args.case.is_none();
    let (coverage, wrong) = match is_whole {
        true => coverage::of(project, &files, &suites, &played),
        false => (Vec::new(), None),
    };
    match args.format {
        TestFormat::Text => {
            let mut out = text::render(&played, took, language);
            out.push_str(&coverage::render(&coverage, args.coverage, language));
            out.push_str(&coverage::without(&files, &suites, language));
            say(&escaped(out.trim_end()));
        }
        TestFormat::Json => json::tell(&played, &coverage, language),
        TestFormat::Junit => say(&junit::render(&played, language)),
    }
    if let Some(wrong) = &wrong {
        complain(&escaped(wrong.told(language).trim_end()));
    }
    let too_little = args.min_coverage.is_some_and(|it| coverage::is_below(&coverage, it));
    if too_little {
        let line = text!("the cases reach too little: `--coverage` names what is missing");
        complain(&line.told(language));
    }
    let all_passed = played.iter().all(Played::has_passed);
    let is_well = all_passed && !too_little && wrong.is_none();
    Ok(if is_well { Exit::Done } else { Exit::FoundWrong })
}
