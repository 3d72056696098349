//! F08 and F09: `kill -9` from outside, at any moment, again and again.

use std::time::{Duration, Instant};

use tokio::time::{sleep, sleep_until};

use crate::{
    oracle::{random::Random, receiver::Reply},
    stage::{Context, IN_FLIGHT_MAX, Played, Stage, until},
};

/// How long it stays dead.
const DEAD_FOR: Duration = Duration::from_millis(500);

/// F08.
pub(crate) async fn random(context: Context) -> Played {
    let (kills, span) = context.length((6, 48), (30, 300));
    let mut stage = Stage::set(&context).await?;
    let mut random = Random::new(context.seed);
    stage.start().await;
    stage.load().await;
    let begun = Instant::now();
    for kill in 0..kills {
        // One in each part of the time, anywhere in it.
        let part = Duration::from_secs(span) / kills;
        let at = begun + part * kill + part.mul_f64(0.5 * random.share());
        sleep_until(at.into()).await;
        stage.kill(0);
        sleep(DEAD_FOR).await;
        stage.restart(0).await;
    }
    sleep_until((begun + Duration::from_secs(span)).into()).await;
    stage.rest().await;
    let repeated = stage.verdict(&[].into()).repeated;
    let unproved = repeated == 0;
    stage
        .wants_in_time(!unproved, || "no delivery was interrupted: this proves nothing".to_owned());
    // Nothing is refused, so nothing may be dead, whoever gave it up.
    let dead = stage.dead().await.len();
    stage.wants(dead == 0, || format!("{dead} dead letters"));
    Ok(stage.judge(IN_FLIGHT_MAX * kills as usize).await)
}

/// F09.
pub(crate) async fn crash_loop(context: Context) -> Played {
    let (kills, waiting) = context.length((8, 500), (60, 500));
    let mut stage = Stage::set(&context).await?;
    stage.receiver.answer(|_| Reply::NEVER);
    stage.start().await;
    stage.load().await;
    stage.accepted_more(waiting).await;
    stage.rest().await;
    for _ in 0..kills {
        let calls = stage.receiver.calls();
        stage.kill(0);
        stage.gateways[0].start().await;
        let begun = Instant::now();
        until("it to work again", &stage, async || calls < stage.receiver.calls()).await;
        sleep(Duration::from_secs(1).saturating_sub(begun.elapsed()) / 2).await;
    }
    stage.receiver.answer(|_| 200);
    // What hangs ends with its connections.
    stage.kill(0);
    stage.restart(0).await;
    stage.drained().await;
    let dead = stage.dead().await.len();
    stage.wants(dead == 0, || format!("{dead} dead letters"));
    Ok(stage.judge(IN_FLIGHT_MAX * (kills + 1)).await)
}
