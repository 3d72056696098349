//! F34: two gateways on one RabbitMQ are restarted one after the other.

use std::time::{Duration, Instant};

use tokio::time::sleep;

use crate::{
    postgres::database_url,
    stage::{Context, Played, Stage, shared_rabbit, until},
};

/// The longest time in which an ordered target may get nothing.
const GAP_MAX: Duration = Duration::from_secs(5);

const ORDERED: &str = "tabulasi.hitung";

/// F34.
pub(crate) async fn rolling(context: Context) -> Played {
    let rounds = context.length(1, 5);
    let mut stage = pair(&context).await?;
    stage.start().await;
    stage.load().await;
    let begun = Instant::now();
    for index in [0, 1].repeat(rounds) {
        stage.accepted_more(100).await;
        stage.gateways[index].stop().await;
        stage.accepted_more(50).await;
        stage.restart(index).await;
        until("both to be at work", &stage, async || is_at_work(&stage, "dua")).await;
        sleep(Duration::from_millis(500)).await;
    }
    let end = Instant::now();
    stage.rest().await;
    stage.drained().await;
    let longest = longest_gap(&stage, begun..end);
    stage
        .wants_in_time(longest <= GAP_MAX, || format!("nothing came to {ORDERED} for {longest:?}"));
    Ok(stage.judge(0).await)
}

fn is_at_work(stage: &Stage, gateway: &str) -> bool {
    stage.receiver.arrivals().iter().rev().take(200).any(|it| it.gateway == gateway)
}

/// Two gateways with one store, not yet started.
async fn pair(context: &Context) -> Result<Stage, String> {
    let database = database_url().await.ok_or("PostgreSQL is not installed")?;
    let rabbitmq = shared_rabbit().await?.vhost();
    let mut stage = Stage::empty(context, Some(rabbitmq)).await;
    for name in ["satu", "dua"] {
        let database = database.clone();
        stage.add(name, |it| it.database = Some(database));
    }
    Ok(stage)
}

/// The longest time in which the ordered target got nothing.
fn longest_gap(stage: &Stage, during: std::ops::Range<Instant>) -> Duration {
    let arrivals = stage.receiver.arrivals();
    let here = arrivals.iter().filter(|it| it.target == ORDERED && during.contains(&it.at));
    let mut all: Vec<_> = std::iter::once(during.start).chain(here.map(|it| it.at)).collect();
    all.sort();
    all.windows(2).map(|it| it[1] - it[0]).max().unwrap_or_default()
}
