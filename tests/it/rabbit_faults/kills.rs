//! `kill -9` of simpul, again and again, under traffic from all doors.

use std::time::Duration;

use tokio::time::sleep;

use super::{
    Stage,
    random::{Random, seed},
    senders::Traffic,
    shared_rabbit,
};

const KILLS: usize = 10;

/// A kill follows its moment by at most so many milliseconds, so that it hits deliveries as often
/// as acceptances.
const DELAY_MS_MAX: u64 = 40;

#[tokio::test(flavor = "multi_thread")]
async fn a_simpul_that_is_killed_again_and_again_loses_nothing_on_rabbitmq() {
    let seed = seed(1_001);
    let Some(rabbit) = shared_rabbit().await else { return };
    let mut stage = Stage::set(&["satu"], &rabbit.vhost(), |_, _| {}).await;
    let queue = stage.queue_sender().await;
    let traffic = Traffic::start(&stage.sender, Some(queue), 6, seed);
    let mut random = Random::new(seed);
    for _ in 0..KILLS {
        stage.accepted_more(usize::try_from(5 + random.below(40)).unwrap()).await;
        // A seeded moment, not a wait for anything.
        sleep(Duration::from_millis(random.below(DELAY_MS_MAX))).await;
        stage.gateways[0].kill();
        stage.gateways[0].start().await;
    }
    stage.finish(traffic).await;
    let verdict = stage.judge(&format!("{KILLS} kills of simpul, seed {seed}")).await;
    assert!(0 < verdict.repeated, "no delivery was interrupted: this proves nothing");
}
