//! What could not be delivered is tried again, with pauses, until its time is over.

use std::time::Duration;

use serde_json::json;

use crate::support::{
    bus::{Bus, Project},
    scripted::{Reply, Scripted, unavailable},
};

const QUICK: &str =
    "to:\n  - target: arsip.terima\n    retry: { first: 10ms, max: 40ms, give_up: 10s }\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_message_outlives_two_failures_of_its_target() {
    let arsip = Scripted::new([unavailable(), unavailable()]);
    let bus = Bus::start(QUICK, &[("arsip", arsip.clone())]).await;

    bus.publish(json!({ "nomor": 1 })).await;
    bus.settled().await;

    assert_eq!(arsip.header("simpul-attempt"), ["1", "2", "3"]);
    let keys = arsip.header("idempotency-key");
    assert!(keys.iter().all(|it| *it == keys[0]), "the same body has the same key: {keys:?}");
    assert!(bus.dead().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn what_stays_unavailable_is_dead_when_its_time_is_over() {
    let arsip = Scripted::new([]);
    arsip.always(Some(unavailable()));
    let route =
        "to:\n  - target: arsip.terima\n    retry: { first: 10ms, max: 10ms, give_up: 100ms }\n";
    let bus = Bus::start(route, &[("arsip", arsip.clone())]).await;

    bus.publish(json!({ "nomor": 1 })).await;
    bus.settled().await;

    let dead = bus.dead().await;
    assert_eq!(dead.len(), 1);
    assert_eq!(&*dead[0].cause.class, "unavailable");
    assert_eq!(dead[0].attempts as usize, arsip.calls().len());
    let whole = bus.dead_one(dead[0].id).await;
    assert_eq!(whole.sent.as_deref(), Some(br#"{"nomor":1}"#.as_slice()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_target_may_ask_for_a_longer_pause() {
    let asked = Duration::from_millis(300);
    let arsip = Scripted::new([Reply::RetryAfter(asked)]);
    let bus = Bus::start(QUICK, &[("arsip", arsip.clone())]).await;

    let start = std::time::Instant::now();
    bus.publish(json!({})).await;
    bus.settled().await;

    assert_eq!(arsip.calls().len(), 2);
    assert!(asked <= start.elapsed());
}

#[tokio::test(flavor = "multi_thread")]
async fn five_failures_open_the_breaker_and_attempts_are_not_burnt() {
    let arsip = Scripted::new([]);
    arsip.always(Some(unavailable()));
    let bus = Bus::start(QUICK, &[("arsip", arsip.clone())]).await;
    for n in 0..100 {
        bus.publish(json!({ "n": n })).await;
    }
    bus.until("the breaker to open", |it| it.targets[0].breaker != simpul::engine::Breaker::Closed)
        .await;
    let at_opening = arsip.calls().len();
    bus.until("some probes", |_| at_opening + 3 <= arsip.calls().len()).await;
    assert!(arsip.calls().len() <= 60, "{} attempts", arsip.calls().len());

    arsip.always(None);
    bus.settled().await;
    assert_eq!(bus.status().await.targets[0].tally.delivered, 100);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_waiting_retry_survives_a_restart() {
    let arsip = Scripted::new([unavailable()]);
    let route =
        "to:\n  - target: arsip.terima\n    retry: { first: 200ms, max: 1s, give_up: 10s }\n";
    let bus = Project::of(route, &[("arsip", arsip.clone())]).start().await;
    bus.publish(json!({ "nomor": 1 })).await;
    bus.until("the first attempt", |it| it.targets[0].retrying == 1).await;

    let bus = bus.stop().await.0.start().await;
    bus.settled().await;

    assert_eq!(arsip.header("simpul-attempt"), ["1", "2"]);
    assert_eq!(bus.status().await.targets[0].tally.delivered, 1);
}
