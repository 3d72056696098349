//! Two gateways on one RabbitMQ, with one PostgreSQL: they share the work, and either may die.

use std::{collections::BTreeSet, time::Duration};

use futures_util::{StreamExt, stream};
use tokio::time::sleep;

use super::{
    PATIENCE, Setting, Stage,
    proxy::Proxy,
    random::{Random, seed},
    senders::Traffic,
    shared_rabbit, until,
    verdict::Door,
};
use crate::support::postgres::database_url;

const BOTH: [&str; 2] = ["satu", "dua"];

/// Which gateways have sent something to a target, of the calls from number `from` on.
fn workers(stage: &Stage, target: &str, from: usize) -> BTreeSet<String> {
    let arrivals = stage.receiver.arrivals();
    let here = arrivals.iter().skip(from).filter(|it| it.target == target);
    here.map(|it| it.gateway.clone()).collect()
}

async fn both_work(stage: &Stage) {
    let from = stage.receiver.calls();
    until("both gateways to work", stage, async || {
        workers(stage, "arsip.simpan", from).len() == BOTH.len()
    })
    .await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_share_the_work_and_one_that_is_killed_loses_nothing() {
    let seed = seed(4_001);
    let Some(rabbit) = shared_rabbit().await else { return };
    let Some(database) = database_url().await else { return };
    let share = |it: &mut Setting, _: &str| it.database = Some(database.clone());
    let mut stage = Stage::set(&BOTH, &rabbit.vhost(), share).await;
    let queue = stage.queue_sender().await;
    let traffic = Traffic::start(&stage.sender, Some(queue), 6, seed);
    both_work(&stage).await;

    let mut random = Random::new(seed);
    // The first one started is the one that works on everything that has an order.
    for killed in [0, 1] {
        stage.accepted_more(usize::try_from(60 + random.below(60)).unwrap()).await;
        stage.gateways[killed].kill();
        stage.accepted_more(60).await;
        stage.gateways[killed].start().await;
        both_work(&stage).await;
    }
    stage.finish(traffic).await;
    stage.judge(&format!("each of two gateways killed, seed {seed}")).await;
    assert_eq!(workers(&stage, "tabulasi.hitung", 0).len(), BOTH.len(), "order moved over");
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_whose_connections_break_while_one_is_killed_lose_nothing() {
    let seed = seed(4_002);
    const CUTS: u64 = 6;
    let Some(rabbit) = shared_rabbit().await else { return };
    let Some(database) = database_url().await else { return };
    let direct = rabbit.vhost();
    let proxies = [Proxy::start(rabbit.port()).await, Proxy::start(rabbit.port()).await];
    let mut stage = Stage::set(&BOTH, &direct, |it, name| {
        it.database = Some(database.clone());
        it.rabbitmq = Some(proxies[usize::from(name != BOTH[0])].through(&direct));
    })
    .await;
    stage.cut = true;
    let queue = stage.queue_sender().await;
    let traffic = Traffic::start(&stage.sender, Some(queue), 6, seed);
    both_work(&stage).await;

    let mut random = Random::new(seed);
    for cut in 0..CUTS {
        stage.accepted_more(usize::try_from(20 + random.below(40)).unwrap()).await;
        proxies[usize::try_from(random.below(2)).unwrap()].cut();
        if cut == CUTS / 2 {
            // In the middle of the other one's attempts to come back.
            sleep(Duration::from_millis(random.below(300))).await;
            stage.gateways[0].kill();
            stage.accepted_more(40).await;
            stage.gateways[0].start().await;
        }
    }
    both_work(&stage).await;
    stage.finish(traffic).await;
    stage.judge(&format!("connections cut and a gateway killed, seed {seed}")).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_sent_to_two_gateways_at_the_same_moment_makes_one_message() {
    const DOCUMENTS: u64 = 150;
    const AT_ONCE: usize = 8;
    let Some(rabbit) = shared_rabbit().await else { return };
    let Some(database) = database_url().await else { return };
    let share = |it: &mut Setting, _: &str| it.database = Some(database.clone());
    let stage = Stage::set(&BOTH, &rabbit.vhost(), share).await;
    let (sender, log) = (&stage.sender, &stage.log);
    let twice = async |index: u64| {
        let (number, body) = log.document(Door::Http, format!("{}", index % 5), true);
        let key = format!("dok-{number}");
        let (one, other) =
            tokio::join!(sender.insist(0, &body, &key), sender.insist(1, &body, &key));
        assert_eq!(one, other, "document {number} is two messages");
        log.is_accepted(number, one);
    };
    let all = stream::iter(0..DOCUMENTS).map(twice).buffer_unordered(AT_ONCE).collect::<Vec<_>>();
    tokio::time::timeout(PATIENCE, all).await.unwrap();
    let routes = stage.drained().await;
    // Several of one key were under way at once, so no order was asked for.
    let mut verdict = stage.verdict();
    verdict.disorder.clear();
    verdict.holds("one key at two gateways");
    for route in routes.iter().filter(|it| it.route != "koreksi") {
        assert_eq!((route.received, route.repeats), (DOCUMENTS, 0), "{route:#?}");
    }
}
