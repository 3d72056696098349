//! F39: the clock of the system is put forward, back, to where it never was, and leaps.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
    process::Command,
    time::{Duration, Instant},
};

use tokio::time::sleep;

use super::targets::retry;
use crate::{
    oracle::{receiver::Arrival, verdict::Door},
    stage::{Context, IN_FLIGHT_MAX, Played, Stage},
};

/// Stands between a program and the clock.
const SHIM: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/faults/clock.c");

const HOUR: i64 = 3_600;

/// Attempts at one delivery within a second: more is a loop that nothing holds.
const ATTEMPTS_PER_SECOND_MAX: usize = 10;

/// From these years to some day of 1970.
const TO_1970: i64 = -56 * 365 * 24 * HOUR;

/// Of so many documents the deliveries of one are refused so often before they are taken.
const ONE_IN: u64 = 40;
const REFUSALS: u32 = 2;

/// The most that may lie between two attempts, on a busy machine: no pause here is longer than a
/// second, and none waits for a clock that was put back.
const PAUSE_MAX: Duration = Duration::from_secs(10);

/// The clock of one process, which can be put.
struct Put(fs::File);

impl Put {
    /// Builds the shim, for the next start of the gateway.
    fn in_front_of(stage: &mut Stage) -> Result<Self, String> {
        let gateway = &mut stage.gateways[0];
        let (library, clock) = shim(gateway.folder())?;
        fs::write(&clock, 0_i64.to_ne_bytes()).unwrap();
        gateway.set("LD_PRELOAD", &library.display().to_string());
        gateway.set("SHIM_CLOCK", &clock.display().to_string());
        Ok(Self(fs::File::options().write(true).open(clock).unwrap()))
    }

    /// By so many seconds.
    fn by(&self, seconds: i64) {
        self.0.write_all_at(&seconds.to_ne_bytes(), 0).unwrap();
    }
}

/// Where it can be built: the shim, and the clock it goes by.
fn shim(folder: &Path) -> Result<(PathBuf, PathBuf), String> {
    let (library, clock) = (folder.join("clock.so"), folder.join("clock"));
    let mut build = Command::new("cc");
    build.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).args([SHIM, "-ldl"]);
    match build.status() {
        Ok(status) if status.success() => Ok((library, clock)),
        _ => Err("the shim for the clock cannot be compiled".to_owned()),
    }
}

/// F39.
pub(crate) async fn put(context: Context) -> Played {
    let (leaps, pause) = context.length((5, 2), (30, 10));
    let mut stage = Stage::set(&context).await?;
    retry(&stage, "{ first: 100ms, factor: 2, max: 1s, give_up: 3d }");
    let clock = Put::in_front_of(&mut stage)?;
    stage.receiver.answer(|it| {
        let fails = it.number() % ONE_IN == 0 && it.attempt <= REFUSALS;
        if fails { 503 } else { 200 }
    });
    stage.start().await;
    stage.load().await;
    stage.accepted_more(30).await;
    for seconds in [HOUR, 0, -HOUR, 0, TO_1970, 0] {
        let begun = Instant::now();
        clock.by(seconds);
        sleep(Duration::from_secs(pause)).await;
        stage.goes_on("fresh after the clock was put", begun, PAUSE_MAX).await;
    }
    leaping(&clock, leaps).await;
    ids_rise(&mut stage);
    // What fails when the clock is put right by 56 years has failed for that long, and is given up.
    stage.receiver.answer(|_| 200);
    stage.rest().await;
    stage.drained().await;
    wrong_from_the_start(&mut stage, &clock).await;
    attempts_keep_their_pace(&mut stage);
    let dead = stage.dead().await.len();
    stage.wants(dead == 0, || format!("{dead} dead letters"));
    Ok(stage.judge(IN_FLIGHT_MAX).await)
}

/// Two seconds in each.
async fn leaping(clock: &Put, leaps: i64) {
    for leap in 1..=leaps {
        clock.by(2 * leap);
        sleep(Duration::from_secs(1)).await;
    }
}

/// It starts where the clock is wrong, and stays when it is put right.
async fn wrong_from_the_start(stage: &mut Stage, clock: &Put) {
    clock.by(TO_1970);
    stage.kill(0);
    stage.restart(0).await;
    stage.load().await;
    stage.accepted_more(30).await;
    // To it 56 years pass now, and with them the time for which a repeat is known.
    stage.rest().await;
    stage.drained().await;
    clock.by(0);
    stage.load().await;
    stage.accepted_more(30).await;
}

/// A sender asks for one after the other, and the process was one all the time.
fn ids_rise(stage: &mut Stage) {
    let mut lanes: BTreeMap<String, Vec<(Instant, String)>> = BTreeMap::new();
    for it in stage.log.sent().into_values() {
        let lane = it.order.split('-').next().unwrap_or_default().to_owned();
        let ids = it.ids.into_iter().filter(|_| it.door == Door::Http);
        lanes.entry(lane).or_default().extend(ids.map(|id| (it.at, id)));
    }
    for (lane, mut ids) in lanes {
        ids.sort();
        let fallen = ids.windows(2).filter(|it| it[1].1 <= it[0].1).count();
        stage.wants(fallen == 0, || format!("sender {lane}: {fallen} of {} ids fall", ids.len()));
    }
}

fn attempts_keep_their_pace(stage: &mut Stage) {
    let mut attempts: BTreeMap<(String, String), Vec<Arrival>> = BTreeMap::new();
    for it in stage.receiver.arrivals() {
        attempts.entry((it.target.clone(), it.message.clone())).or_default().push(it);
    }
    let again = attempts.values().filter(|it| 1 < it.len()).count();
    stage.wants_in_time(10 < again, || {
        format!("{again} deliveries were tried again: this proves little")
    });
    for of_one in attempts.values() {
        let rate = of_one.iter().map(|now| {
            let within = |it: &&Arrival| it.at <= now.at && now.at - it.at < Duration::from_secs(1);
            of_one.iter().filter(within).count()
        });
        let rate = rate.max().unwrap_or_default();
        stage.wants(rate < ATTEMPTS_PER_SECOND_MAX, || format!("{rate} attempts in a second"));
        let longest =
            of_one.windows(2).map(|it| it[1].at.saturating_duration_since(it[0].at)).max();
        let longest = longest.unwrap_or_default();
        stage.wants_in_time(longest <= PAUSE_MAX, || format!("{longest:?} between two attempts"));
    }
}
