//! Several gateways on one store. Their queues are their own here, so that each is seen alone.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::json;
use simpul::{
    message::Endpoint,
    store::{Options, Store},
};

use crate::support::{
    bus::{Bus, Project},
    postgres::database,
    scripted::Scripted,
};

const ROUTE: &str = "identity: $.nomor\nto:\n  - target: arsip.terima\n";

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(20);

/// Two gateways, each with a target that remembers; `None` where there is no PostgreSQL.
async fn gateways() -> Option<[(Bus, Arc<Scripted>); 2]> {
    let address = database().await?;
    let start = async || {
        let target = Scripted::new([]);
        let store = Store::connect(&address, Options::default()).await.unwrap();
        let project = Project::of(ROUTE, &[("arsip", Arc::clone(&target))]);
        (project.start_sharing(store).await, target)
    };
    Some([start().await, start().await])
}

async fn until(what: &str, holds: impl AsyncFn() -> bool) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < PATIENCE, "waited for {what}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

#[tokio::test]
async fn one_document_that_reaches_two_gateways_at_once_is_delivered_once() {
    const DOCUMENTS: usize = 60;
    let Some([(one, first), (other, second)]) = gateways().await else { return };
    for number in 0..DOCUMENTS {
        let body = json!({ "nomor": number });
        tokio::join!(one.publish(body.clone()), other.publish(body));
    }
    let drained = async |bus: &Bus| bus.status().await.in_hand == 0;
    until("both to be done", async || drained(&one).await && drained(&other).await).await;
    let all = || [first.bodies(), second.bodies()].concat();
    until("the deliveries", async || DOCUMENTS <= all().len()).await;
    for bus in [one, other] {
        bus.stop().await;
    }
    let mut numbers: Vec<_> = all().iter().map(|it| it["nomor"].as_u64().unwrap()).collect();
    numbers.sort_unstable();
    assert_eq!(numbers, (0..DOCUMENTS as u64).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_target_that_one_gateway_pauses_is_paused_for_all_until_one_frees_it() {
    let Some([(one, _), (other, target)]) = gateways().await else { return };
    let arsip = Endpoint::parse("arsip.terima").unwrap();
    let paused = async |bus: &Bus| bus.status().await.targets[0].pause.is_some();
    one.engine.pause(&arsip, "libur").await.unwrap();
    until("the other to pause", async || paused(&other).await).await;
    other.publish(json!({ "nomor": 1 })).await;
    other.until("it to wait", |it| it.targets[0].paused == 1).await;
    assert_eq!(target.calls().len(), 0);

    other.engine.resume(&arsip).await.unwrap();
    until("the delivery", async || target.calls().len() == 1).await;
    assert_eq!(other.engine.pauses().await.unwrap(), []);
    until("the one to be free", async || !paused(&one).await).await;
}

#[tokio::test]
async fn a_number_means_one_set_of_files_to_all_gateways() {
    let Some([(one, _), (other, _)]) = gateways().await else { return };
    assert!(one.engine.generation() < other.engine.generation());
    one.project().route("lain", "to:\n  - target: arsip.terima\n");
    let mut numbers = vec![one.engine.generation(), other.engine.generation()];
    for _ in 0..3 {
        let (mine, theirs) = tokio::join!(one.reload(), other.reload());
        numbers.extend([mine.generation, theirs.generation]);
    }
    numbers.sort_unstable();
    numbers.dedup();
    assert_eq!(numbers, (1..=8).collect::<Vec<_>>());
}
