//! `simpul demo`: the bus at work, with systems that play an agency's.
//!
//! The bus is this very program once more, as a process of its own in a temporary folder, with the
//! files that ship with the project. What it must do with the documents is computed here a second
//! time, in plain Rust, and held against what the receivers got.

mod bus;
mod decrees;
mod desk;
mod display;
mod expected;
mod figures;
mod kills;
mod orders;
mod project;
mod rabbitmq;
mod random;
mod results;
mod senders;
mod stage;
mod stand_in;
mod table;
mod troubles;
mod work;

use std::{cell::Cell, path::PathBuf};

use tokio::signal::unix::{SignalKind, signal};

use self::{
    display::Display,
    figures::{CrashFigures, Expectation, Figures},
    rabbitmq::RabbitMq,
    random::Random,
    stage::Stage,
    troubles::TroubleWork,
    work::{DECREES_QUEUE, Post},
};
use super::{CouldNot, Exit, Format, Outcome};

/// Results of polling stations that one demonstration makes up at most: all of them stay in the
/// memory of the systems that play the agency's.
const COUNT_MAX: u64 = 100_000;

/// With fewer, hardly any would be complete, and a system that is down would not be noticed.
const COUNT_MIN: u64 = 50;

/// Kills that a test may ask for.
const KILLS_MAX: u64 = 1_000;

/// Watch the bus at work, with systems that play an agency's
///
/// Election results, travel orders and staff decrees go through the routes that ship with the
/// project to six systems, some of which fail for a while, for the reasons for which systems fail.
/// At the end every document is accounted for.
#[derive(Debug, clap::Args)]
#[command(after_help = EXAMPLES)]
pub struct Args {
    /// Take the election results from the files in this folder instead of making them up
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Let messages wait at this RabbitMQ, and the decrees come over a queue of it:
    /// amqp://user:password@host:5672/vhost
    #[arg(long, value_name = "URL")]
    broker: Option<String>,

    /// How to print the reconciliation: as text, or as one JSON object on standard output
    #[arg(long, value_enum, default_value_t)]
    format: Format,

    /// Leave everything running at the end, until Ctrl-C
    #[arg(long)]
    keep: bool,

    /// Leave the troubles out
    #[arg(long)]
    fast: bool,

    /// Make up other documents
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,

    /// How many results of polling stations to make up
    #[arg(long, value_name = "N", default_value_t = 1_000,
          value_parser = clap::value_parser!(u64).range(COUNT_MIN..=COUNT_MAX))]
    count: u64,

    /// Kill the bus this often while it works
    #[arg(long, value_name = "N", hide = true, default_value_t = 0,
          value_parser = clap::value_parser!(u64).range(..=KILLS_MAX))]
    kills: u64,
}

const EXAMPLES: &str = "\
Examples:
  simpul demo                       watch it work, and the troubles being put right
  simpul demo --fast --format json  the figures alone, for a program
  simpul demo --keep                leave it running, to try `simpul dead list` and the like
  simpul demo --broker amqp://guest:guest@127.0.0.1/demo
                                    the same on a RabbitMQ, in a vhost that no bus works in

Exits with 1 when a single figure is not what it must be.";

/// Runs it.
///
/// # Errors
///
/// When it cannot be run at all, or the bus ends in the middle of it.
pub fn run(args: &Args) -> Outcome {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    let runtime = runtime.map_err(|error| CouldNot(format!("no runtime: {error}")))?;
    let display = Display::new(args.format == Format::Json);
    runtime.block_on(async {
        let rabbitmq = match &args.broker {
            Some(url) => Some(RabbitMq::connect(url).await?),
            None => None,
        };
        let reported = Cell::new(None);
        // Given up, it takes the bus and the folder with it.
        let (outcome, is_wrong) = tokio::select! {
            outcome = Box::pin(play(args, &display, rabbitmq.as_ref(), &reported)) => {
                let is_wrong = !matches!(outcome, Ok(Exit::Done));
                (outcome, is_wrong)
            }
            stopped = stopped() => (stopped.and_then(|()| {
                reported.get().ok_or_else(|| CouldNot("stopped before its end".to_owned()))
            }), reported.get() == Some(Exit::FoundWrong)),
        };
        if let Some(rabbitmq) = rabbitmq
            && let Some(told) = rabbitmq.clean_up(is_wrong).await
        {
            display.line(&told);
        }
        outcome
    })
}

/// Waits for Ctrl-C, or for whoever ends processes politely.
async fn stopped() -> Result<(), CouldNot> {
    let failed = |error| CouldNot(format!("cannot listen to signals: {error}"));
    let mut terminate = signal(SignalKind::terminate()).map_err(failed)?;
    tokio::select! {
        heard = tokio::signal::ctrl_c() => heard.map_err(failed),
        _ = terminate.recv() => Ok(()),
    }
}

/// `reported` becomes how it ends as soon as that is known.
async fn play(
    args: &Args,
    display: &Display,
    rabbitmq: Option<&RabbitMq>,
    reported: &Cell<Option<Exit>>,
) -> Outcome {
    let mut random = Random::new(args.seed);
    let count = usize::try_from(args.count).unwrap_or(usize::MAX);
    let day = work::day(args.data.as_deref(), count, &mut random)?;
    let mut troubles = (!args.fast).then(|| TroubleWork::new(&mut random));
    let later = troubles.iter().flat_map(TroubleWork::posts);
    let all: Vec<Post> = day.iter().chain(later).cloned().collect();
    let expected = expected::expectation(&all)?;
    drop(all);

    let mut stage = Stage::set(display, rabbitmq).await?;
    introduce(&stage);
    if let Some(rabbitmq) = rabbitmq {
        introduce_rabbitmq(display, rabbitmq);
    }
    let played = perform(args, &mut stage, day, troubles.as_mut(), &mut random).await;
    let crashes = match played {
        Ok(crashes) => crashes,
        Err(error) => return Err(keep_for_a_look(&mut stage, error)),
    };
    let (figures, differences) = reconcile(&mut stage, &expected, crashes).await?;
    report(args, display, &figures, &differences);
    let mut exit = if differences.is_empty() { Exit::Done } else { Exit::FoundWrong };
    if args.keep {
        reported.set(Some(exit));
        stay(&mut stage).await;
    } else if !stage.bus.stop().await {
        display.line("WRONG: the bus did not stop in good order");
        exit = Exit::FoundWrong;
    }
    if exit == Exit::FoundWrong {
        stage.project.keep();
        display.line(&format!("files, store and log: {}", stage.project.folder().display()));
    }
    Ok(exit)
}

/// Leaves the folder for whoever looks into what went wrong.
fn keep_for_a_look(stage: &mut Stage<'_>, CouldNot(why): CouldNot) -> CouldNot {
    stage.project.keep();
    let folder = stage.project.folder().display();
    CouldNot(format!("{why}\nfiles, store and log: {folder}"))
}

fn introduce(stage: &Stage<'_>) {
    let display = stage.display;
    display.line(&format!("The bus runs in {}", stage.project.folder().display()));
    display.line(&format!("  systems post to    {}", stage.door.address));
    display.line(&format!("  operators look at  http://{}/metrics", stage.project.ops));
    for stand_in in stage.stand_ins.all() {
        display.line(&format!("  {:<17}  {}", stand_in.system.name, stand_in.address));
    }
}

fn introduce_rabbitmq(display: &Display, rabbitmq: &RabbitMq) {
    display.line(&format!("  messages wait at   {}, in the vhost that was named", rabbitmq.host));
    display.line(&format!("  simpeg publishes to its queue `{DECREES_QUEUE}` there"));
}

/// Sends everything, with the troubles in the middle of it and after it.
async fn perform(
    args: &Args,
    stage: &mut Stage<'_>,
    day: Vec<Post>,
    troubles: Option<&mut TroubleWork>,
    random: &mut Random,
) -> Result<Option<CrashFigures>, CouldNot> {
    let total = day.len() as u64;
    stage.display.heading(&format!("A day's work: {total} documents"));
    let mut senders = stage.send(day);
    let mut crashes = None;
    if args.kills > 0 {
        let kills = (args.kills, total);
        crashes = Some(kills::kill_often(stage, &mut senders, kills, random).await?);
    }
    let Some(work) = troubles else {
        stage.watch_settled(senders).await?;
        return Ok(crashes);
    };
    troubles::outage(stage, &mut senders).await?;
    stage.watch_settled(senders).await?;
    troubles::lockout(stage, work).await?;
    troubles::malformed(stage, work).await?;
    troubles::wrong_map(stage, work).await?;
    Ok(crashes)
}

/// The figures, and everything that is wrong with them.
async fn reconcile(
    stage: &mut Stage<'_>,
    expected: &Expectation,
    crashes: Option<CrashFigures>,
) -> Result<(Figures, Vec<String>), CouldNot> {
    let (mut figures, counted) = stage.figures(&expected.owed).await?;
    let mut found = figures::differences(expected, &figures, &counted.arrived);
    found.extend(counted.wrongs);
    if counted.unflagged > 0 {
        found.push(format!("{} repeats came without a flag", counted.unflagged));
    }
    figures.crashes = crashes.map(|it| CrashFigures {
        repeated: counted.repeated,
        unflagged: counted.unflagged,
        ..it
    });
    Ok((figures, found))
}

fn report(args: &Args, display: &Display, figures: &Figures, differences: &[String]) {
    display.heading("Reconciliation");
    for line in table::reconciliation(figures) {
        display.line(&line);
    }
    if differences.is_empty() {
        display.line("Every figure is what it must be.");
    }
    for line in differences {
        display.line(&format!("WRONG: {line}"));
    }
    if args.format == Format::Json {
        super::screen::say_json(figures);
    }
}

/// Leaves everything running, until a signal ends the demo or the bus ends.
async fn stay(stage: &mut Stage<'_>) {
    let folder = stage.project.folder().display();
    stage.display.line(&format!("\nEverything goes on; try: simpul --project {folder} dead list"));
    introduce(stage);
    stage.display.line("Ctrl-C ends it.");
    stage.bus.ended().await;
    stage.display.line("The bus has ended.");
}
