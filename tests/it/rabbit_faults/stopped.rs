//! A RabbitMQ that is away for a while, or there and silent: senders are told at once.

use std::{
    ops::Range,
    time::{Duration, Instant},
};

use tokio::time::{sleep, sleep_until};

use super::{Stage, own_rabbit, random::seed, senders::Traffic, until, with_rabbit};

/// How long a sender waits at most to be told that RabbitMQ is away.
const ANSWER_MAX: Duration = Duration::from_secs(1);

/// As long, and the time in which silence is noticed.
const ANSWER_MAX_FROZEN: Duration = Duration::from_secs(2);

/// How long the stop lasts: the promise is about a minute of wall time.
const STOP: Duration = Duration::from_secs(60);

/// Longer than anything is waited for, shorter than a heartbeat's silence.
const FREEZE: Duration = Duration::from_secs(8);

/// Every answer to a call that began in `during`: not now, come again; and quickly.
#[track_caller]
fn all_refused_quickly(stage: &Stage, during: Range<Instant>, longest: Duration) {
    let answers = stage.log.answers(during.clone());
    assert!(50 < answers.len(), "{} answers: the senders were not at work", answers.len());
    let is_good = |status: Option<u16>, retry_after: bool, took: Duration| {
        status == Some(503) && retry_after && took <= longest
    };
    let wrong = answers.iter().filter(|it| !is_good(it.status, it.retry_after, it.took));
    let wrong: Vec<_> =
        wrong.map(|it| (it.at - during.start, it.status, it.retry_after, it.took)).collect();
    let count = answers.len();
    assert!(wrong.is_empty(), "{} of {count}: {wrong:?}\n{}", wrong.len(), stage.logs());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rabbitmq_that_is_stopped_for_a_minute_makes_senders_wait_and_loses_nothing() {
    let seed = seed(3_001);
    let Some(rabbit) = own_rabbit().await else { return };
    let stage = Stage::set(&["satu"], &rabbit.vhost(), |_, _| {}).await;
    let queue = stage.queue_sender().await;
    let traffic = Traffic::start(&stage.sender, Some(queue), 5, seed);
    stage.accepted_more(100).await;

    with_rabbit(&rabbit, |it| it.stop()).await;
    let down = Instant::now();
    until("an operator is told", &stage, async || stage.tells_of_trouble().await).await;
    sleep_until((down + STOP).into()).await;
    let up = Instant::now();
    with_rabbit(&rabbit, |it| {
        it.begin();
        it.wait_until_up();
    })
    .await;

    stage.accepted_more(60).await;
    until("the trouble is over", &stage, async || !stage.tells_of_trouble().await).await;
    stage.finish(traffic).await;
    stage.judge(&format!("RabbitMQ stopped for a minute, seed {seed}")).await;
    all_refused_quickly(&stage, down..up, ANSWER_MAX);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rabbitmq_that_is_silent_makes_no_sender_hang_and_loses_nothing() {
    let seed = seed(3_002);
    let Some(rabbit) = own_rabbit().await else { return };
    let stage = Stage::set(&["satu"], &rabbit.vhost(), |_, _| {}).await;
    let queue = stage.queue_sender().await;
    let traffic = Traffic::start(&stage.sender, Some(queue), 5, seed);
    stage.accepted_more(100).await;

    let frozen = Instant::now();
    with_rabbit(&rabbit, |it| it.freeze()).await;
    let silent = Instant::now();
    // The silence is the fault; it must last.
    sleep(FREEZE).await;
    let before_thaw = Instant::now();
    with_rabbit(&rabbit, |it| it.thaw()).await;

    stage.accepted_more(60).await;
    stage.finish(traffic).await;
    stage.judge(&format!("RabbitMQ frozen, seed {seed}")).await;
    let slowest = stage.log.answers(frozen..before_thaw).into_iter().map(|it| it.took).max();
    assert!(slowest.unwrap() <= ANSWER_MAX_FROZEN, "{slowest:?}");
    all_refused_quickly(&stage, silent..before_thaw - ANSWER_MAX_FROZEN, ANSWER_MAX_FROZEN);
}
