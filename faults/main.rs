//! `faults`: tries to lose a message. Real processes on this machine, killed, cut off, starved and
//! restarted under traffic, and a verdict over what was sent and what arrived.
//!
//! Called as `simpul` it is simpul: the same program as the bus, with the crash points compiled in,
//! so that what is killed is what was built.

mod oracle;
#[path = "../tests/it/support/postgres.rs"]
#[allow(dead_code, reason = "the tests use more of it")]
mod postgres;
mod relay;
mod report;
mod scenario;
mod stage;

use std::{
    env,
    ffi::OsStr,
    io::{self, Write as _},
    path::Path,
    process::ExitCode,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use clap::{Parser, ValueEnum};
use tokio::{
    task::{JoinSet, LocalSet},
    time::timeout,
};

use self::{
    oracle::rules::{Breach, Rule},
    report::{Ended, Line},
    scenario::{ALL, Scenario},
    stage::{Broker, Context, Findings},
};

/// The seed where none is given.
const SEED: u64 = 7;

/// Scenarios at the same time, with `--side-by-side`.
const LANES: usize = 3;

/// How long one scenario may take in all: more is a hang.
const SCENARIO_MAX: Duration = Duration::from_secs(300);
const SCENARIO_MAX_FULL: Duration = Duration::from_secs(1_200);

/// Try to lose a message
///
/// Plays the scenarios of the fault matrix against real processes and judges what came of it. Ends
/// with 1 where a rule was broken, and says which, of what, and how to see it again.
#[derive(Debug, Parser)]
#[command(name = "faults", max_term_width = 100, after_help = EXAMPLES)]
struct Args {
    /// Scenarios by name; all of the core set without one
    #[arg(value_name = "SCENARIO")]
    names: Vec<String>,

    /// The core set, each scenario as short as it makes sense (the default)
    #[arg(long, conflicts_with = "full")]
    core: bool,

    /// Every scenario, as long as the matrix says
    #[arg(long)]
    full: bool,

    /// On one broker only
    #[arg(long, value_enum)]
    broker: Option<On>,

    /// Play three at the same time: sooner done, and what took too long beside the others is played
    /// once more alone
    #[arg(long)]
    side_by_side: bool,

    /// What every choice follows from
    #[arg(long, default_value_t = SEED)]
    seed: u64,

    /// Switch a deliberate bug on, which must be found: acknowledge_early, ignore_confirm,
    /// skip_sync, drop_flag
    #[arg(long, value_name = "BUG")]
    sabotage: Option<String>,

    /// List the scenarios
    #[arg(long)]
    list: bool,

    /// How to report
    #[arg(long, value_enum, default_value_t)]
    format: Format,
}

const EXAMPLES: &str = "\
Examples:
  cargo run --features faults --bin faults                    the core set
  cargo run --features faults --bin faults -- F09 --seed 7    one scenario
  cargo run --features faults --bin faults -- --full          everything, for hours

Exit codes: 0 no rule was broken, 1 one was, 2 could not run.";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum On {
    Embedded,
    Rabbitmq,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
enum Format {
    #[default]
    Text,
    Json,
}

fn main() -> ExitCode {
    let called = env::args_os().next().unwrap_or_default();
    match Path::new(&called).file_name().and_then(OsStr::to_str) {
        Some("simpul") => return simpul::cli::main(),
        Some(relay::NAME) => return relay::main(),
        _ => {}
    }
    let args = Args::parse();
    let unknown = |name: &&String| !ALL.iter().any(|it| it.name.eq_ignore_ascii_case(name));
    if let Some(unknown) = args.names.iter().find(unknown) {
        complain(&format!("error: there is no scenario `{unknown}`; `--list` names them"));
        return ExitCode::from(2);
    }
    if args.list {
        ALL.iter().for_each(|it| say(&format!("{}  {}", it.name, it.fault)));
        return ExitCode::SUCCESS;
    }
    // What a scenario panics with stands in its report.
    std::panic::set_hook(Box::new(|_| {}));
    let _ = rustls::crypto::ring::default_provider().install_default();
    match play_all(&args) {
        Ok(code) => code,
        Err(error) => {
            complain(&format!("error: no runtime: {error}"));
            ExitCode::from(2)
        }
    }
}

/// A scenario on a broker.
type Turn = (&'static Scenario, Broker);

fn play_all(args: &Args) -> io::Result<ExitCode> {
    let is_meant = |it: &&Scenario| match &args.names[..] {
        [] => args.full || it.core,
        names => names.iter().any(|name| it.name.eq_ignore_ascii_case(name)),
    };
    let begun = Instant::now();
    let meant =
        ALL.iter().filter(is_meant).flat_map(|it| it.brokers.iter().map(move |on| (it, *on)));
    let turns: Vec<Turn> =
        meant.filter(|(_, broker)| args.broker.is_none_or(|on| on.is(*broker))).collect();
    let mut lines = if args.side_by_side {
        play_side_by_side(&turns, args)?
    } else {
        play_in_turn(turns.iter().copied(), args)?
    };
    lines.sort_by_key(|it| {
        turns.iter().position(|(turn, on)| turn.name == it.name && *on == it.broker)
    });
    match args.format {
        Format::Text => say(&report::text(&lines, args.seed, begun.elapsed())),
        Format::Json => say(&report::json(&lines, args.seed, begun.elapsed())),
    }
    let is_broken = lines.iter().any(Line::is_broken);
    Ok(if is_broken { ExitCode::FAILURE } else { ExitCode::SUCCESS })
}

/// Several at once, for most of the time of each passes in waiting. A rule about time may be broken
/// because another scenario had the machine: such a one is played once more, alone.
fn play_side_by_side(turns: &[Turn], args: &Args) -> io::Result<Vec<Line>> {
    let next = AtomicUsize::new(0);
    let take = || turns.get(next.fetch_add(1, Ordering::Relaxed)).copied();
    let lines = thread::scope(|scope| {
        let lane = || play_in_turn(std::iter::from_fn(take), args);
        let lanes: Vec<_> = (0..LANES).map(|_| scope.spawn(lane)).collect();
        let ended = lanes
            .into_iter()
            .map(|it| it.join().unwrap_or_else(|_| Err(io::Error::other("a lane ended"))));
        ended.collect::<io::Result<Vec<_>>>()
    })?;
    let lines = lines.concat();
    let (late, mut lines): (Vec<_>, Vec<_>) = lines.into_iter().partition(Line::is_only_late);
    let late = |turn: &&Turn| late.iter().any(|it| it.name == turn.0.name && it.broker == turn.1);
    let again: Vec<Turn> = turns.iter().filter(late).copied().collect();
    lines.extend(play_in_turn(again.into_iter(), args)?);
    Ok(lines)
}

fn play_in_turn(turns: impl Iterator<Item = Turn>, args: &Args) -> io::Result<Vec<Line>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    Ok(runtime.block_on(async {
        let mut lines = Vec::new();
        for (scenario, broker) in turns {
            let line = play(scenario, broker, args).await;
            if args.format == Format::Text {
                complain(&line.progress());
            }
            lines.push(line);
        }
        lines
    }))
}

async fn play(scenario: &'static Scenario, broker: Broker, args: &Args) -> Line {
    let number: u64 = scenario.name[1..].parse().unwrap_or_default();
    let context = Context {
        broker,
        seed: args.seed,
        full: args.full,
        sabotage: args.sabotage.clone(),
        // Both ways through a route are walked, each by half of the scenarios.
        identity: (args.seed + number).is_multiple_of(2),
    };
    let begun = Instant::now();
    let longest = if args.full { SCENARIO_MAX_FULL } else { SCENARIO_MAX };
    let (local, mut task) = (LocalSet::new(), JoinSet::new());
    task.spawn_local_on((scenario.play)(context), &local);
    let ended = match local.run_until(timeout(longest, task.join_next())).await {
        Ok(Some(Ok(Ok(findings)))) => Ended::Played(findings),
        Ok(Some(Ok(Err(reason)))) => Ended::Skipped(reason),
        Ok(Some(Err(error))) => Ended::Played(failed(panic_message(error))),
        Ok(None) => Ended::Played(failed("bug: nothing was played".to_owned())),
        Err(_) => {
            local.run_until(task.shutdown()).await;
            Ended::Played(failed(format!("it does not end within {longest:?}")))
        }
    };
    Line { name: scenario.name, fault: scenario.fault, broker, ended, took: begun.elapsed() }
}

fn failed(what: String) -> Findings {
    let breaches = vec![Breach { rule: Rule::Pass, what }];
    Findings { breaches, ..Findings::default() }
}

fn panic_message(error: tokio::task::JoinError) -> String {
    let Ok(panic) = error.try_into_panic() else { return "cancelled".to_owned() };
    let text = panic.downcast_ref::<String>().cloned();
    let text = text.or_else(|| panic.downcast_ref::<&str>().map(|it| (*it).to_owned()));
    text.unwrap_or_else(|| "a panic".to_owned())
}

impl On {
    fn is(self, broker: Broker) -> bool {
        match self {
            Self::Embedded => broker == Broker::Embedded,
            Self::Rabbitmq => broker == Broker::RabbitMq,
        }
    }
}

fn say(text: &str) {
    let _ = writeln!(std::io::stdout().lock(), "{text}");
}

fn complain(text: &str) {
    let _ = writeln!(std::io::stderr().lock(), "{text}");
}
