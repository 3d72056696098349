//! Repeats at the door: what was accepted before is known again, and nothing else is dropped.

use serde_json::json;
use simpul::{connector::IntakeError, journal::Event, ledger::DeadFilter};

use crate::support::{
    bus::{Bus, Project},
    scripted::Scripted,
};

const ROUTE: &str = "identity: [$.nomor, $.status]\nto:\n  - target: arsip.terima\n";

#[tokio::test(flavor = "multi_thread")]
async fn the_same_identity_with_the_same_body_is_a_repeat() {
    let arsip = Scripted::new([]);
    let bus = Bus::start(ROUTE, &[("arsip", arsip.clone())]).await;
    let body = json!({ "nomor": "7", "status": "TERBIT" });
    let first = bus.publish(body.clone()).await;
    let second = bus.publish(body).await;
    bus.settled().await;

    let tally = bus.status().await.tally;
    assert_eq!((tally.received, tally.repeats, tally.routed), (2, 1, 1));
    assert_eq!(arsip.calls().len(), 1);
    let trace = bus.engine.trace(second.id).await.unwrap().unwrap();
    assert!(trace.lines.iter().any(|it| it.event == Event::Repeat { first: first.id }));
}

#[tokio::test(flavor = "multi_thread")]
async fn repeats_in_one_batch_and_after_a_restart_are_known_too() {
    let arsip = Scripted::new([]);
    let bus = Project::of(ROUTE, &[("arsip", arsip.clone())]).start().await;
    for n in 0..50 {
        bus.publish(json!({ "nomor": n % 10, "status": "TERBIT" })).await;
    }
    let bus = bus.stop().await.0.start().await;
    for n in 0..10 {
        bus.publish(json!({ "nomor": n, "status": "TERBIT" })).await;
    }
    bus.settled().await;
    assert_eq!(bus.status().await.tally.repeats, 50);
    assert_eq!(arsip.calls().len(), 10);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_identity_with_another_body_passes_and_is_journalled_changed() {
    let arsip = Scripted::new([]);
    let bus = Bus::start(ROUTE, &[("arsip", arsip.clone())]).await;
    let version = |total| json!({ "nomor": "7", "status": "TERBIT", "total": total });
    let first = bus.publish(version(1)).await;
    bus.settled().await;
    let second = bus.publish(version(2)).await;
    bus.settled().await;
    let third = bus.publish(version(2)).await;
    bus.settled().await;

    assert_eq!(arsip.calls().len(), 2);
    let lines = bus.engine.trace(second.id).await.unwrap().unwrap().lines;
    assert!(lines.iter().any(|it| it.event == Event::Changed { first: first.id }));
    let lines = bus.engine.trace(third.id).await.unwrap().unwrap().lines;
    assert!(lines.iter().any(|it| it.event == Event::Repeat { first: second.id }));
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_body_is_ignored_the_key_alone_decides() {
    let arsip = Scripted::new([]);
    let route = "identity: { key: $.nomor, body: ignore }\nto:\n  - target: arsip.terima\n";
    let bus = Bus::start(route, &[("arsip", arsip.clone())]).await;
    bus.publish(json!({ "nomor": "7", "total": 1 })).await;
    bus.publish(json!({ "nomor": "7", "total": 2 })).await;
    bus.settled().await;
    assert_eq!(bus.status().await.tally.repeats, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_message_gives_its_claim_up() {
    let arsip = Scripted::new([]);
    let route =
        "identity: $.nomor\nsteps:\n  - filter: $.total > 0\nto:\n  - target: arsip.terima\n";
    let bus = Bus::start(route, &[("arsip", arsip.clone())]).await;
    bus.publish(json!({ "nomor": "7" })).await;
    bus.publish(json!({ "nomor": "7" })).await;
    bus.settled().await;
    assert_eq!(bus.status().await.tally.dead, 2, "the second is no repeat of a dead one");

    bus.project().route("uji", &route.replace("$.total > 0", "$.nomor == '7'"));
    bus.reload().await;
    bus.engine.replay(&DeadFilter::default(), "operator").await.unwrap();
    bus.settled().await;
    let tally = bus.status().await.tally;
    assert_eq!((tally.dead, tally.routed, tally.repeats), (0, 1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn two_equal_messages_without_identity_are_two() {
    let arsip = Scripted::new([]);
    let bus = Bus::start("to:\n  - target: arsip.terima\n", &[("arsip", arsip.clone())]).await;
    bus.publish(json!({ "nomor": "7" })).await;
    bus.publish(json!({ "nomor": "7" })).await;
    bus.settled().await;
    assert_eq!(arsip.calls().len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_used_again_gives_the_first_id_and_for_another_body_is_refused() {
    let arsip = Scripted::new([]);
    let bus = Bus::start("to:\n  - target: arsip.terima\n", &[("arsip", arsip.clone())]).await;
    let first = bus.offer(Some("k1"), json!({ "n": 1 })).await.unwrap();
    let again = bus.offer(Some("k1"), json!({ "n": 1 })).await.unwrap();
    assert_eq!((first.id, false, true), (again.id, first.duplicate, again.duplicate));
    let other = bus.offer(Some("k1"), json!({ "n": 2 })).await;
    assert_eq!(other, Err(IntakeError::KeyReused { index: 0 }));
    bus.settled().await;
    assert_eq!(arsip.calls().len(), 1);
}
