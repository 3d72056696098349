//! F01 to F07: `kill -9` in each window in which a crash can come, by the program's own hand.

use std::collections::BTreeSet;

use crate::{
    oracle::{gateway::DYING, random::Random, receiver::Reply, verdict::Door},
    stage::{Broker, Context, IN_FLIGHT_MAX, Played, Stage, until},
};

/// Passes under load after which a point kills, at most.
const PASSES_MAX: u64 = 30;

/// One document on a quiet bus, and a death at `point` because of it; with the key it is handed
/// over again until it is accepted. Returns how often it was taken again by a target.
async fn quiet(stage: &mut Stage, point: &str) -> usize {
    if stage.gateways[0].process().is_some() {
        stage.gateways[0].stop().await;
    }
    let before = stage.verdict(&BTreeSet::new()).repeated;
    let sender = stage.sender.clone();
    let sending = tokio::task::JoinSet::from_iter([async move {
        sender.send_keyed(0, "tenang".to_owned()).await
    }]);
    stage.dies_at(point).await;
    stage.restart(0).await;
    sending.join_all().await;
    stage.drained().await;
    stage.verdict(&BTreeSet::new()).repeated - before
}

/// Deaths at `point` under load: a first pass, and a pass by the seed.
async fn loaded(stage: &mut Stage, points: &[&str], seed: u64) {
    let mut random = Random::new(seed);
    stage.gateways[0].start().await;
    stage.load().await;
    stage.accepted_more(20).await;
    for point in points {
        stage.gateways[0].kill();
        let pass = 1 + random.below(PASSES_MAX);
        stage.dies_at(&format!("{point}:{pass}")).await;
        stage.restart(0).await;
        stage.accepted_more(20).await;
    }
    stage.rest().await;
}

/// A quiet death at each point, which must repeat nothing, then deaths under load.
async fn nothing_repeated(context: Context, points: &[&str]) -> Played {
    let mut stage = Stage::set(&context).await?;
    for point in points {
        // Nothing is taken from who dies, or a delivery in flight would be repeated by right. By its
        // name: what it sent may be read after its death.
        stage.receiver.answer(|it| match it.gateway.as_str() {
            DYING => Reply::NEVER,
            _ => 200.into(),
        });
        let repeated = quiet(&mut stage, point).await;
        stage.wants(repeated == 0, || format!("`{point}`: {repeated} repeats on a quiet bus"));
    }
    stage.gateways[0].stop().await;
    stage.receiver.answer(|_| 200);
    loaded(&mut stage, points, context.seed).await;
    let most = IN_FLIGHT_MAX * stage.findings.kills;
    Ok(stage.judge(most).await)
}

/// F01.
pub(crate) async fn before_append(context: Context) -> Played {
    let points: &[&str] = match context.broker {
        Broker::Embedded => &["before_append"],
        Broker::RabbitMq => &["before_append", "after_key_before_publish"],
    };
    nothing_repeated(context, points).await
}

/// F02: and the sender is told that it was accepted before, under the id that it has.
pub(crate) async fn before_reply(context: Context) -> Played {
    nothing_repeated(context, &["after_fsync_before_reply"]).await
}

/// F03.
pub(crate) async fn before_confirm(context: Context) -> Played {
    nothing_repeated(context, &["after_publish_before_confirm"]).await
}

/// F04: for k from none of the destinations to all of them.
pub(crate) async fn between_destinations(context: Context) -> Played {
    let points: &[&str] = match context.broker {
        // Every statement of the transaction that accepts and routes a document.
        Broker::Embedded => &[
            "in_the_transaction:1",
            "in_the_transaction:2",
            "in_the_transaction:3",
            "in_the_transaction:5",
            "in_the_transaction:8",
            "in_the_transaction:13",
        ],
        Broker::RabbitMq => &[
            "after_fate_before_destinations",
            "after_k_of_n_destinations:1",
            "after_k_of_n_destinations:2",
            "after_k_of_n_destinations:3",
            "after_destinations_before_ack",
        ],
    };
    let mut stage = Stage::set(&context).await?;
    stage.only(&["urut", "bebas"]);
    for point in points {
        quiet(&mut stage, point).await;
    }
    stage.gateways[0].stop().await;
    let names: Vec<&str> = points.iter().filter_map(|it| it.split(':').next()).collect();
    loaded(&mut stage, &names, context.seed).await;
    let most = IN_FLIGHT_MAX * stage.findings.kills;
    Ok(stage.judge(most).await)
}

/// F05: at most what was in flight is repeated, and all of it says so.
pub(crate) async fn around_send(context: Context) -> Played {
    let mut stage = Stage::set(&context).await?;
    let points = ["before_send", "after_send_before_outcome"];
    for point in points {
        quiet(&mut stage, point).await;
    }
    stage.gateways[0].stop().await;
    loaded(&mut stage, &points, context.seed).await;
    let most = IN_FLIGHT_MAX * stage.findings.kills;
    Ok(stage.judge(most).await)
}

/// F06: on a bus with one target, so that nothing else is in flight.
pub(crate) async fn before_ack(context: Context) -> Played {
    let mut stage = Stage::set(&context).await?;
    stage.only(&["bebas"]);
    let point = "after_outcome_before_ack";
    let repeated = quiet(&mut stage, point).await;
    stage.wants(repeated == 0, || format!("`{point}`: {repeated} repeats on a quiet bus"));
    stage.gateways[0].stop().await;
    loaded(&mut stage, &[point], context.seed).await;
    let most = IN_FLIGHT_MAX * stage.findings.kills;
    Ok(stage.judge(most).await)
}

/// F07: a delivery that climbs onto a rung, and one that is given up.
pub(crate) async fn retry_and_dead(context: Context) -> Played {
    let mut stage = Stage::set(&context).await?;
    stage.only(&["bebas"]);
    // Long enough for RabbitMQ to keep it.
    let pause = match context.broker {
        Broker::Embedded => 1,
        Broker::RabbitMq => 6,
    };
    stage.receiver.answer(move |it| match it.attempt {
        1 => Reply { retry_after: Some(pause), ..503.into() },
        _ => 200.into(),
    });
    quiet(&mut stage, "after_rung_confirm").await;
    stage.receiver.answer(|it| if it.number().is_multiple_of(3) { 200 } else { 422 });
    stage.gateways[0].stop().await;
    loaded(&mut stage, &["after_dead_confirm"], context.seed).await;
    until("every refusal to be a dead letter", &stage, async || {
        let sent = stage.log.sent();
        let refused = sent.iter().filter(|(number, it)| {
            it.door == Door::Http && it.accepted && !number.is_multiple_of(3)
        });
        stage.dead().await.len() + 1 >= refused.count()
    })
    .await;
    let listed = stage.gateways[0].dead().await.len();
    let distinct = stage.dead().await.len();
    stage.wants(listed == distinct, || {
        format!("{listed} dead letters are listed, of {distinct} deliveries")
    });
    let most = IN_FLIGHT_MAX * stage.findings.kills;
    Ok(stage.judge(most).await)
}
