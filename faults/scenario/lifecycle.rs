//! F33, F35, F42: stops, reloads and a second process, while everything is in use.

use std::time::{Duration, Instant};

use serde_json::json;
use tokio::time::{sleep, sleep_until};

use crate::{
    oracle::{
        gateway::{route, system_of},
        process::command,
    },
    stage::{Context, IN_FLIGHT_MAX, PATIENCE, Played, Stage, until},
};

/// How long a stop may take.
const STOP_MAX: Duration = Duration::from_secs(45);

/// F33: in good order, which repeats nothing; then cut short by a second signal, which may.
pub(crate) async fn terminated(context: Context) -> Played {
    let stops = context.length(2, 10);
    let mut stage = Stage::set(&context).await?;
    stage.start().await;
    stage.load().await;
    let begun = Instant::now();
    for _ in 0..stops {
        stage.accepted_more(100).await;
        let asked = Instant::now();
        // Panics unless it ends with 0.
        stage.gateways[0].stop().await;
        let took = asked.elapsed();
        stage.wants_in_time(took <= STOP_MAX, || format!("a stop took {took:?}"));
        stage.restart(0).await;
    }
    let answers = stage.log.answers(begun..Instant::now());
    let torn = answers.iter().filter(|it| it.status.is_none()).count();
    stage.wants(torn == 0, || format!("{torn} calls broke off, of {}", answers.len()));
    let repeated = stage.verdict(&[].into()).repeated;
    stage.wants(repeated == 0, || format!("{repeated} repeats after stops in good order"));
    stage.accepted_more(100).await;
    let ended = cut_short(&mut stage).await;
    // Nothing may have been under way, so that the first signal was enough.
    stage.wants(matches!(ended, Some(0 | 1)), || format!("it ended with {ended:?}"));
    stage.restart(0).await;
    stage.accepted_more(50).await;
    Ok(stage.judge(IN_FLIGHT_MAX).await)
}

/// Two signals, one right after the other.
async fn cut_short(stage: &mut Stage) -> Option<i32> {
    let begun = Instant::now();
    *stage.gateways[0].place().lock().unwrap() = None;
    loop {
        let process = stage.gateways[0].process()?;
        if let Some(code) = process.ended_with() {
            return code;
        }
        process.signal("-TERM");
        assert!(begun.elapsed() < PATIENCE, "it does not end");
        sleep(Duration::from_millis(20)).await;
    }
}

/// F35: once a second a file is added, changed, broken, or taken away.
pub(crate) async fn reloaded(context: Context) -> Played {
    let rounds = context.length(8, 60);
    let mut stage = Stage::set(&context).await?;
    stage.start().await;
    stage.load().await;
    let begun = Instant::now();
    let more = system_of(stage.receiver.address, "tambahan", "terima");
    for round in 0..rounds {
        let gateway = &stage.gateways[0];
        let is_good = match round % 4 {
            0 => {
                gateway.write("connectors/tambahan.yaml", &more);
                gateway.write("routes/tambahan.yaml", &route("tambahan", "asal.data", EXTRA));
                true
            }
            1 => {
                let changed = route("bebas", "asal.data", &free(round, &stage));
                gateway.write("routes/bebas.yaml", &changed);
                true
            }
            2 => {
                gateway.write("routes/rusak.yaml", "route: rusak\nfrom: tidak.ada\nto: []\n");
                false
            }
            _ => {
                gateway.remove("routes/rusak.yaml");
                gateway.remove("routes/tambahan.yaml");
                gateway.remove("connectors/tambahan.yaml");
                true
            }
        };
        reload(&mut stage, is_good).await;
        sleep_until((begun + Duration::from_secs(round + 1)).into()).await;
    }
    if !rounds.is_multiple_of(4) {
        stage.breaks("bug: the rounds end in the middle");
    }
    // What waits for a route that is gone waits until it is back.
    stage.gateways[0].write("connectors/tambahan.yaml", &more);
    stage.gateways[0].write("routes/tambahan.yaml", &route("tambahan", "asal.data", EXTRA));
    reload(&mut stage, true).await;
    stage.rest().await;
    stage.drained().await;
    one_generation_each(&mut stage).await;
    orphaned(&mut stage).await;
    Ok(stage.judge(0).await)
}

/// Gets what is filtered for all but nobody: it must not be owed anything.
const EXTRA: &str = "steps:\n  - filter: $.nomor < 0\nto:\n  - target: tambahan.terima\n";

fn free(round: u64, stage: &Stage) -> String {
    let identity = if stage.setting.identity { "identity: $.nomor\n" } else { "" };
    format!(
        "{identity}steps:\n  - filter: $.nomor > -{}\nto:\n  - target: arsip.simpan\n",
        round + 1
    )
}

async fn reload(stage: &mut Stage, is_good: bool) {
    let before = generation(stage).await;
    let told = stage.gateways[0].operating("/reload", Some(json!({}))).await;
    let status = told.as_ref().map(|it| it.0);
    let expected = if is_good { 200 } else { 422 };
    stage.wants(status == Some(expected), || format!("a reload: {told:?}"));
    let after = generation(stage).await;
    stage.wants(is_good == (before != after), || format!("generation {before:?}, then {after:?}"));
}

async fn generation(stage: &Stage) -> Option<String> {
    let (_, metrics) = stage.gateways[0].ops("/metrics").await;
    metrics.lines().find_map(|it| it.strip_prefix("simpul_generation ").map(str::to_owned))
}

/// The journal says of each message once on each route by which files it was routed.
async fn one_generation_each(stage: &mut Stage) {
    let sent = stage.log.sent();
    let ids = sent.values().filter(|it| it.accepted).filter_map(|it| it.ids.first());
    for id in ids.step_by(sent.len().div_ceil(100).max(1)) {
        let call = format!("/messages/{id}/trace");
        let Some((200, told)) = stage.gateways[0].operating(&call, None).await else {
            stage.breaks(format!("{id} cannot be traced"));
            return;
        };
        for route in told["routes"].as_array().into_iter().flatten() {
            let events = route["events"].as_array().into_iter().flatten();
            let routed = events.filter(|it| it["event"] == "routed" || it["event"] == "filtered");
            let count = routed.count();
            stage.wants(count == 1, || format!("{id} was routed {count} times: {route}"));
        }
    }
}

/// A target that is taken out of its route while deliveries wait for it: they are kept, and shown.
async fn orphaned(stage: &mut Stage) {
    const WAITING: usize = 5;
    stage.receiver.answer(|it| if it.target == "arsip.simpan" { 503 } else { 200 });
    for number in 0..WAITING {
        stage.sender.send_keyed(0, format!("yatim-{number}")).await;
    }
    until("they wait", stage, async || orphans(stage, false).await >= WAITING as u64).await;
    let text = std::fs::read_to_string(stage.gateways[0].folder().join("routes/bebas.yaml"));
    stage.gateways[0].remove("routes/bebas.yaml");
    reload(stage, true).await;
    until("they are shown as orphaned", stage, async || {
        orphans(stage, true).await >= WAITING as u64
    })
    .await;
    stage.gateways[0].write("routes/bebas.yaml", &text.unwrap());
    reload(stage, true).await;
    stage.receiver.answer(|_| 200);
}

/// Deliveries of `arsip.simpan` that wait, and whether they are shown as orphaned.
async fn orphans(stage: &Stage, orphaned: bool) -> u64 {
    let status = stage.gateways[0].status().await.unwrap_or_default();
    let targets = status.iter().filter(|it| it.route == "bebas").flat_map(|it| &it.targets);
    let here = targets.filter(|it| it.target == "arsip.simpan" && it.orphaned == orphaned);
    here.map(|it| it.waiting + it.retrying).sum()
}

/// F42.
pub(crate) async fn second_process(context: Context) -> Played {
    let mut stage = Stage::set(&context).await?;
    stage.start().await;
    stage.load().await;
    stage.accepted_more(50).await;
    let mut second = command(stage.gateways[0].folder());
    second.envs([("RABBITMQ", "embedded"), ("STORE", "./data"), ("GERBANG", "dua")]);
    let ended = tokio::task::spawn_blocking(move || second.output().unwrap()).await.unwrap();
    let said = String::from_utf8_lossy(&ended.stderr).into_owned();
    let code = ended.status.code();
    stage.wants(matches!(code, Some(1 | 2)), || format!("it ended with {code:?}: {said}"));
    let plain = said.contains("a store belongs to one process at a time");
    stage.wants(plain, || format!("no plain sentence: {said}"));
    // What `check` says of the files comes before.
    let error = said.lines().skip_while(|it| !it.starts_with("error:"));
    stage.wants(error.count() <= 2, || format!("more than a sentence: {said}"));
    stage.accepted_more(50).await;
    Ok(stage.judge(0).await)
}
