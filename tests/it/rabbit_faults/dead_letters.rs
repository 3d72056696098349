//! A dead letter that is replayed is sent, or still there: whenever simpul is killed.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::sleep;

use super::{
    Stage,
    gateway::{imbalance, is_settled, route},
    random::{Random, seed},
    shared_rabbit, until,
    verdict::{Door, Owed},
};

const DOCUMENTS: usize = 20;

/// Letters that are replayed at once.
const PAGE: usize = 4;

/// How far into a replay the kill comes at most, in milliseconds: beyond its end.
const KILL_WITHIN_MS: u64 = 60;

/// A route that finds every document bad, until its filter is put right.
const WRONG: &str = "steps:\n  - filter: $.nomer > 0\nto:\n  - target: risalah.muat\n";
const RIGHT: &str = "steps:\n  - filter: $.nomor > 0\nto:\n  - target: risalah.muat\n";

const MINUTES: Owed =
    Owed { door: Door::Http, route: "risalah", target: "risalah.muat", ordered: false };

/// Documents of which the archive wants none, and of which a route can make nothing.
async fn with_dead_letters(rabbitmq: &str) -> Stage {
    let mut stage = Stage::set(&[], rabbitmq, |_, _| {}).await;
    stage.owed.push(MINUTES);
    let system = stage.system("risalah", "muat");
    let gateway = stage.add("satu");
    gateway.write("connectors/risalah.yaml", &system);
    gateway.write("routes/risalah.yaml", &route("risalah", "asal.data", WRONG));
    gateway.start().await;
    stage.receiver.answer(|it| if it.target == "arsip.simpan" { 422 } else { 200 });
    for number in 0..DOCUMENTS {
        stage.sender.send_keyed(0, format!("{}", number % 3)).await;
    }
    until("all to be dead", &stage, async || stage.gateways[0].dead().await.len() == 2 * DOCUMENTS)
        .await;
    stage.gateways[0].write("routes/risalah.yaml", &route("risalah", "asal.data", RIGHT));
    stage.gateways[0].stop().await;
    stage.gateways[0].start().await;
    stage.receiver.answer(|_| 200);
    stage
}

async fn settled(stage: &Stage) {
    until("nothing is on its way", stage, async || {
        let status = stage.gateways[0].status().await;
        status.is_some_and(|it| it.iter().all(|it| is_settled(it) && imbalance(it).is_none()))
    })
    .await;
}

/// Every document that was dead has been taken by its target, or is dead still: never neither.
async fn none_is_lost(stage: &Stage, context: &str) {
    settled(stage).await;
    let dead = stage.gateways[0].dead().await.len();
    let taken = ["arsip.simpan", "risalah.muat"].map(|it| stage.receiver.taken(it).len());
    assert_eq!(
        dead + taken[0] + taken[1],
        2 * DOCUMENTS,
        "{dead} dead, taken {taken:?}; {context}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_dead_letter_outlives_a_kill_at_any_moment() {
    let seed = seed(6_001);
    let Some(rabbit) = shared_rabbit().await else { return };
    let mut stage = with_dead_letters(&rabbit.vhost()).await;
    let mut random = Random::new(seed);
    let letters = stage.gateways[0].dead().await;
    let mut answered = BTreeSet::new();
    for (round, page) in letters.chunks(PAGE).enumerate() {
        let call = stage.gateways[0].replaying(page);
        if round % 2 == 0 {
            // Right after the answer, which is a promise.
            let (status, told) = call.await.unwrap();
            assert_eq!(
                (status, told["replayed"].as_u64()),
                (200, Some(page.len() as u64)),
                "{told}"
            );
            answered.extend(page.iter().copied());
        } else {
            let moment = Duration::from_millis(random.below(KILL_WITHIN_MS));
            tokio::select! {
                told = call => {
                    assert_eq!(told.unwrap().0, 200);
                    answered.extend(page.iter().copied());
                }
                () = sleep(moment) => {}
            }
        }
        stage.gateways[0].kill();
        stage.gateways[0].start().await;
        none_is_lost(&stage, &format!("round {round}, seed {seed}")).await;
    }
    let dead = stage.gateways[0].dead().await;
    let back: Vec<_> = dead.iter().filter(|it| answered.contains(it)).collect();
    assert!(back.is_empty(), "replayed, and dead all the same: {back:?}");
    if !dead.is_empty() {
        assert_eq!(stage.gateways[0].replaying(&dead).await.unwrap().0, 200);
    }
    stage.judge(&format!("replays and kills, seed {seed}")).await;
    assert_eq!(stage.gateways[0].dead().await, [] as [i64; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_over_dead_letters_goes_on_after_each_kill_and_loses_none() {
    const KILLS: usize = 4;
    let seed = seed(6_002);
    let Some(rabbit) = shared_rabbit().await else { return };
    let mut stage = with_dead_letters(&rabbit.vhost()).await;
    let mut random = Random::new(seed);
    let job = stage.gateways[0].order_replay().await;
    for _ in 0..KILLS {
        sleep(Duration::from_millis(random.below(KILL_WITHIN_MS))).await;
        stage.gateways[0].kill();
        stage.gateways[0].start().await;
    }
    until("the job to be done", &stage, async || {
        stage.gateways[0].job(job).await == Some(("done".to_owned(), 2 * DOCUMENTS as u64))
    })
    .await;
    settled(&stage).await;
    stage.judge(&format!("a job and kills, seed {seed}")).await;
    assert_eq!(stage.gateways[0].dead().await, [] as [i64; 0]);
}
