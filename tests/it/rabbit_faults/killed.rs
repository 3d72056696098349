//! `kill -9` of RabbitMQ.

use tokio::time::sleep;

use super::{
    REGISTERED_AFTER, Stage, own_rabbit,
    random::{Random, seed},
    senders::Traffic,
    until, with_rabbit,
};

/// One document in so many is not taken at its first attempt, from shortly before the kill.
const NOT_YET: u64 = 5;

#[tokio::test(flavor = "multi_thread")]
async fn a_rabbitmq_that_is_killed_in_the_middle_loses_nothing_that_was_accepted() {
    let seed = seed(2_001);
    let Some(rabbit) = own_rabbit().await else { return };
    // A first pause that RabbitMQ keeps: on the rung of five seconds.
    let slow = "{ first: 12s, factor: 1, max: 12s, give_up: 1h }";
    let stage = Stage::set(&["satu"], &rabbit.vhost(), |it, _| it.retry = slow).await;
    let queue = stage.queue_sender().await;
    let traffic = Traffic::start(&stage.sender, Some(queue), 5, seed);
    // The server's property: nothing makes this time pass faster.
    sleep(REGISTERED_AFTER).await;

    let mut random = Random::new(seed);
    stage.receiver.answer(|it| {
        let refused = it.target == "arsip.simpan" && it.attempt == 1;
        if refused && it.number().is_multiple_of(NOT_YET) { 503 } else { 200 }
    });
    let refused = || stage.receiver.arrivals().iter().filter(|it| it.status == 503).count();
    until("some are refused", &stage, async || 4 <= refused()).await;
    stage.accepted_more(usize::try_from(20 + random.below(60)).unwrap()).await;
    with_rabbit(&rabbit, |it| {
        it.kill();
        it.begin();
        it.wait_until_up();
    })
    .await;

    stage.accepted_more(60).await;
    stage.finish(traffic).await;
    stage.judge(&format!("RabbitMQ killed, seed {seed}")).await;
}
