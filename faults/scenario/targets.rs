//! F21 to F27: a destination is slow, fails, hangs, breaks off, or knows another password.

use std::{
    collections::BTreeMap,
    process::Command,
    time::{Duration, Instant},
};

use serde_json::Value;
use tokio::time::sleep;

use crate::{
    oracle::{
        gateway::system_of,
        process::call,
        proxy::{Proxy, Weather},
        receiver::{Arrival, Reply},
    },
    relay::Relay,
    stage::{Context, IN_FLIGHT_MAX, Played, Stage, until},
};

/// A system that is in trouble, and one of an ordered route.
const TARGET: &str = "arsip.simpan";
const ORDERED: &str = "tabulasi.hitung";

/// What others may be slowed by at most: the larger of this and twice what it was.
const SLOWED_MAX: Duration = Duration::from_millis(500);

/// `timeout` of the system in trouble, and how exactly an attempt must keep it.
const TIMEOUT: Duration = Duration::from_secs(3);
const TIMEOUT_OFF_MAX: Duration = Duration::from_secs(1);

async fn under_load(context: &Context) -> Result<Stage, String> {
    let mut stage = Stage::set(context).await?;
    stage.start().await;
    stage.load().await;
    stage.accepted_more(50).await;
    Ok(stage)
}

/// How long documents that were made in `during` took to another target, at the 99th percentile.
fn p99(stage: &Stage, during: std::ops::Range<Instant>) -> Duration {
    let sent = stage.log.sent();
    let mut first: BTreeMap<u64, Instant> = BTreeMap::new();
    for it in stage.receiver.arrivals().iter().filter(|it| it.target == ORDERED) {
        first.entry(it.number()).or_insert(it.at);
    }
    let here = first.iter().filter_map(|(number, at)| {
        let sent = sent.get(number).filter(|it| during.contains(&it.at) && it.accepted)?;
        Some(at.saturating_duration_since(sent.at))
    });
    let mut all: Vec<_> = here.collect();
    all.sort();
    all.get(all.len() * 99 / 100).copied().unwrap_or_default()
}

/// That neighbours of a target in trouble are not slowed by it.
fn neighbours_go_on(stage: &mut Stage, before: Duration, during: std::ops::Range<Instant>) {
    let (now, most) = (p99(stage, during), SLOWED_MAX.max(before * 2));
    stage.wants(now <= most, || format!("others: p99 {now:?}, {before:?} before"));
    stage.wants(!now.is_zero(), || "others got nothing meanwhile".to_owned());
}

/// F21.
pub(crate) async fn slow(context: Context) -> Played {
    const SLOW: Duration = Duration::from_secs(5);
    // What is measured is when calls come, not when they end.
    const JITTER: Duration = Duration::from_millis(200);
    let span = context.length(Duration::from_secs(6), Duration::from_secs(40));
    let calm = Instant::now();
    let mut stage = under_load(&context).await?;
    sleep(Duration::from_secs(1)).await;
    let before = p99(&stage, calm..Instant::now());
    let reply = Reply { after: SLOW, ..200.into() };
    stage.receiver.answer(move |it| if it.target == TARGET { reply } else { 200.into() });
    let begun = Instant::now();
    sleep(span).await;
    stage.receiver.answer(|_| 200);
    let end = Instant::now();
    stage.rest().await;
    stage.drained().await;
    neighbours_go_on(&mut stage, before, begun..end);
    let at: Vec<_> = calls(&stage, TARGET, begun..end).iter().map(|it| it.at).collect();
    let side_by_side = at.iter().map(|now| {
        at.iter().filter(|it| **it <= *now && now.duration_since(**it) < SLOW - JITTER).count()
    });
    let most = side_by_side.max().unwrap_or_default();
    stage.wants(most <= IN_FLIGHT_MAX, || format!("{most} calls side by side"));
    Ok(stage.judge(0).await)
}

fn calls(stage: &Stage, target: &str, during: std::ops::Range<Instant>) -> Vec<Arrival> {
    let here = stage.receiver.arrivals().into_iter();
    here.filter(|it| it.target == target && during.contains(&it.at)).collect()
}

/// F22.
pub(crate) async fn failing(context: Context) -> Played {
    let span = context.length(Duration::from_secs(4), Duration::from_secs(30));
    let mut stage = Stage::set(&context).await?;
    let policy = context.length(
        "{ first: 1s, factor: 3, max: 30s, give_up: 1h }",
        "{ first: 5s, factor: 3, max: 30m, give_up: 3d }",
    );
    retry(&stage, policy);
    stage.start().await;
    stage.load().await;
    stage.accepted_more(50).await;
    let begun = Instant::now();
    stage.receiver.answer(move |it| {
        let fails = begun.elapsed() < span && it.target != "bawaslu.salinan";
        if fails { 500 } else { 200 }
    });
    sleep(span).await;
    stage.accepted_more(50).await;
    stage.rest().await;
    stage.drained().await;
    let attempts = stage.receiver.arrivals().iter().map(|it| it.attempt).max();
    let attempts = attempts.unwrap_or_default();
    stage.wants(1 < attempts && attempts <= 4, || format!("{attempts} attempts at one delivery"));
    Ok(stage.judge(0).await)
}

/// Another `retry` in the settings.
pub(super) fn retry(stage: &Stage, policy: &str) {
    let settings = stage.gateways[0].folder().join("simpul.yaml");
    let text = std::fs::read_to_string(&settings).unwrap();
    let (before, _) = text.split_once("standard: ").unwrap();
    stage.gateways[0].write("simpul.yaml", &format!("{before}standard: {policy}\n"));
}

/// F23.
pub(crate) async fn told_to_wait(context: Context) -> Played {
    const WAIT: u64 = 7;
    let mut stage = under_load(&context).await?;
    let told = Reply { retry_after: Some(WAIT), ..429.into() };
    let begun = Instant::now();
    stage.receiver.answer(move |it| if it.target == TARGET { told } else { 200.into() });
    until("it to be told", &stage, async || {
        !calls(&stage, TARGET, begun..Instant::now()).is_empty()
    })
    .await;
    // What was under way may still arrive, and hear the same.
    sleep(Duration::from_millis(500)).await;
    stage.receiver.answer(|_| 200);
    let told = Instant::now();
    sleep(Duration::from_secs(WAIT) - Duration::from_millis(700)).await;
    let early = calls(&stage, TARGET, told..Instant::now()).len();
    stage.wants(early == 0, || format!("{early} calls before their time"));
    Ok(stage.judge(0).await)
}

/// The system in trouble as it stands in its file, behind this port and with a timeout.
fn impatient(stage: &Stage, port: u16) {
    let text = system_of(([127, 0, 0, 1], port).into(), "arsip", "simpan");
    let timeout = format!("http:\n  timeout: {}s\n", TIMEOUT.as_secs());
    stage.gateways[0].write("connectors/arsip.yaml", &text.replace("http:\n", &timeout));
}

/// F24.
pub(crate) async fn never_answering(context: Context) -> Played {
    let span = context.length(Duration::from_secs(5), Duration::from_secs(60));
    let mut stage = Stage::set(&context).await?;
    impatient(&stage, stage.receiver.address.port());
    stage.start().await;
    stage.load().await;
    stage.accepted_more(50).await;
    let begun = Instant::now();
    stage.receiver.answer(move |it| {
        let hangs = it.target == TARGET && begun.elapsed() < span;
        if hangs { Reply::NEVER } else { 200.into() }
    });
    sleep(span).await;
    stage.rest().await;
    stage.drained().await;
    let mut attempts: BTreeMap<u64, Vec<Arrival>> = BTreeMap::new();
    for it in calls(&stage, TARGET, begun..Instant::now()) {
        attempts.entry(it.number()).or_default().push(it);
    }
    let again = attempts.values().filter(|it| it[0].status == 0).collect::<Vec<_>>();
    stage.wants_in_time(!again.is_empty(), || "no call hung".to_owned());
    for of_one in &again {
        let soon = of_one.get(1).filter(|it| it.at - of_one[0].at < TIMEOUT - TIMEOUT_OFF_MAX);
        let unsaid = of_one.iter().skip(1).filter(|it| it.attempt == 1 && !it.flagged).count();
        stage.wants(soon.is_none(), || format!("a second attempt too soon: {of_one:?}"));
        stage.wants(unsaid == 0, || format!("a repeat that does not say so: {of_one:?}"));
    }
    let hung = calls(&stage, TARGET, begun..Instant::now()).into_iter().filter(|it| it.status == 0);
    for it in hung {
        let off = it.broken_off.map(|took| took.abs_diff(TIMEOUT));
        stage.wants_in_time(off.is_some_and(|off| off <= TIMEOUT_OFF_MAX), || {
            format!("ended after {:?}: {it:?}", it.broken_off)
        });
    }
    Ok(stage.judge(0).await)
}

/// F25: the process behind the socket is stopped, so that the system takes connections for it.
pub(crate) async fn half_open(context: Context) -> Played {
    let span = context.length(Duration::from_secs(5), Duration::from_secs(60));
    let mut stage = Stage::set(&context).await?;
    let relay = Relay::start(stage.receiver.address.port());
    impatient(&stage, relay.port);
    stage.start().await;
    stage.load().await;
    stage.accepted_more(50).await;
    signal("-STOP", relay.id());
    sleep(span).await;
    signal("-CONT", relay.id());
    stage.goes_on("fresh after half-open", Instant::now(), Duration::from_secs(30)).await;
    // What was sent into the stopped process arrives when it goes on: a repeat of each.
    Ok(stage.judge(IN_FLIGHT_MAX * 4).await)
}

fn signal(name: &str, process: u32) {
    let sent = Command::new("kill").args([name, &process.to_string()]).status();
    assert!(sent.unwrap().success());
}

/// F26.
pub(crate) async fn breaking_off(context: Context) -> Played {
    let each = context.length(Duration::from_millis(1_200), Duration::from_secs(10));
    let mut stage = Stage::set(&context).await?;
    let proxy = Proxy::start(stage.receiver.address.port()).await;
    impatient(&stage, proxy.port());
    stage.start().await;
    stage.load().await;
    stage.accepted_more(50).await;
    let drip = Weather::Drip(Duration::from_secs(1));
    for weather in
        [Weather::ResetAsking(900), Weather::Cut(20), Weather::Reset(20), Weather::Refuse, drip]
    {
        proxy.set(weather);
        proxy.cut();
        sleep(each).await;
    }
    proxy.set(Weather::Clear);
    proxy.cut();
    let most = context.length(Duration::from_secs(10), Duration::from_secs(30));
    stage.goes_on("fresh after breaking off", Instant::now(), most).await;
    let dead = stage.dead().await.len();
    stage.wants(dead == 0, || format!("{dead} dead letters"));
    stage.rest().await;
    // Each answer that broke off is a repeat: as many as there were attempts.
    Ok(stage.judge(usize::MAX).await)
}

/// F27.
pub(crate) async fn other_password(context: Context) -> Played {
    let span = context.length(Duration::from_secs(3), Duration::from_secs(60));
    let mut stage = under_load(&context).await?;
    stage.receiver.answer(|it| if it.target == ORDERED { 401 } else { 200 });
    until("the target to be paused", &stage, async || paused(&stage).await == Some(401)).await;
    sleep(span).await;
    let dead = stage.dead().await.len();
    stage.wants(dead == 0, || format!("{dead} dead letters of a wrong password"));
    stage.receiver.answer(|_| 200);
    let folder = stage.gateways[0].folder().to_owned();
    let resume = move || call(&folder, &["resume", ORDERED]);
    let (code, said) = tokio::task::spawn_blocking(resume).await.unwrap();
    stage.wants(code == Some(0), || said);
    let most = context.length(Duration::from_secs(5), Duration::from_secs(30));
    stage.goes_on("fresh after the correction", Instant::now(), most).await;
    Ok(stage.judge(0).await)
}

/// The status for which the target is paused.
async fn paused(stage: &Stage) -> Option<u16> {
    let (_, told) = stage.gateways[0].operating("/pauses", None).await?;
    let pause = told["pauses"].as_array()?.iter().find(|it| it["target"] == ORDERED)?;
    let reason = pause["reason"].as_str().map(Value::from)?.to_string();
    reason.contains("401").then_some(401)
}
