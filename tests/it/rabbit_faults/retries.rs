//! What a target does not take waits for its next attempt, over a restart of simpul too.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use super::{Stage, receiver::Arrival, shared_rabbit, until};

/// The pause between two attempts is between the half of this and the whole: RabbitMQ keeps the
/// first five seconds of it, for deliveries without an order.
const FIRST: &str = "{ first: 11s, factor: 1, max: 11s, give_up: 1h }";
const PAUSE_MIN: Duration = Duration::from_millis(5_500);

/// A document in so many is not taken at first. The others between them keep the breaker closed,
/// which has its own clock.
const NOT_YET: u64 = 3;

const DOCUMENTS: u64 = 18;

fn is_early(stage: &Stage, target: &str, restarts: &[Instant]) -> Vec<String> {
    let arrivals = stage.receiver.arrivals();
    let mut first_of: BTreeMap<(u64, u32), Instant> = BTreeMap::new();
    for it in arrivals.iter().filter(|it| it.target == target) {
        first_of.entry((it.number(), it.attempt)).or_insert(it.at);
    }
    let next_of = |number: u64, attempt: u32| first_of.get(&(number, attempt + 1)).copied();
    let pairs = first_of.iter().filter_map(|(&(number, attempt), at)| {
        Some((number, attempt, *at, next_of(number, attempt)?))
    });
    let within_one_life =
        |from: Instant, to: Instant| !restarts.iter().any(|it| from < *it && *it < to);
    let early = pairs.filter(|&(.., from, to)| within_one_life(from, to) && to - from < PAUSE_MIN);
    early
        .map(|(number, attempt, from, to)| format!("{number}.{attempt}: {:?}", to - from))
        .collect()
}

fn attempts(stage: &Stage, is_meant: impl Fn(&Arrival) -> bool) -> usize {
    let arrivals = stage.receiver.arrivals();
    let numbers = arrivals.iter().filter(|it| is_meant(it)).map(Arrival::number);
    numbers.collect::<std::collections::BTreeSet<_>>().len()
}

#[tokio::test(flavor = "multi_thread")]
async fn retries_keep_order_and_time_over_a_stop_and_a_kill_of_simpul() {
    let Some(rabbit) = shared_rabbit().await else { return };
    let mut stage = Stage::set(&["satu"], &rabbit.vhost(), |it, _| it.retry = FIRST).await;
    let begun = Instant::now();
    // Two attempts fail: by the clock, for the ordered ones forget how many there were.
    stage.receiver.answer(move |it| {
        let fails = it.number().is_multiple_of(NOT_YET) && begun.elapsed() < PAUSE_MIN * 2;
        if fails && it.target != "bawaslu.salinan" { 503 } else { 200 }
    });
    for number in 0..DOCUMENTS {
        stage.sender.send_keyed(0, format!("{}", number % 4)).await;
    }
    let mut restarts = Vec::new();
    let failing = usize::try_from(DOCUMENTS / NOT_YET).unwrap();
    until("first attempts", &stage, async || {
        failing <= attempts(&stage, |it| it.target == "arsip.simpan" && it.status == 503)
    })
    .await;
    stage.gateways[0].stop().await;
    restarts.push(Instant::now());
    stage.gateways[0].start().await;

    until("second attempts", &stage, async || {
        failing <= attempts(&stage, |it| it.target == "arsip.simpan" && it.attempt == 2)
    })
    .await;
    stage.gateways[0].kill();
    restarts.push(Instant::now());
    stage.gateways[0].start().await;
    stage.judge("retries over a stop and a kill").await;

    // What RabbitMQ keeps comes back in its time, whatever became of simpul.
    assert_eq!(is_early(&stage, "arsip.simpan", &[]), [] as [String; 0]);
    // What has an order waits in simpul, and is tried at once by the next one.
    assert_eq!(is_early(&stage, "tabulasi.hitung", &restarts), [] as [String; 0]);
}
