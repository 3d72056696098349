//! A dead letter can be put right: the message is mapped anew with today's files and sent on.

use serde_json::json;
use simpul::ledger::DeadFilter;

use crate::support::{
    bus::Bus,
    scripted::{Scripted, refused},
};

const WRONG: &str = "to:\n  - target: arsip.terima\n    map: { nomer: $.nomor }\n";
const RIGHT: &str = "to:\n  - target: arsip.terima\n    map: { nomor: $.nomor }\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_map_is_fixed_previewed_and_replayed() {
    let arsip = Scripted::new([]);
    arsip.always(Some(refused()));
    let bus = Bus::start(WRONG, &[("arsip", arsip.clone())]).await;
    for n in 0..20 {
        bus.publish(json!({ "nomor": n })).await;
    }
    bus.settled().await;
    let letters = bus.dead().await;
    assert_eq!(letters.len(), 20);
    let wrong_keys = arsip.header("idempotency-key");

    bus.project().route("uji", RIGHT);
    bus.reload().await;
    arsip.always(None);
    let preview = bus.engine.preview(letters[0].id).await.unwrap().unwrap();
    // Deliveries of several messages are under way at once: the first to die may be any of them.
    let failed = String::from_utf8(preview.letter.sent.unwrap().to_vec()).unwrap();
    assert!(failed.starts_with(r#"{"nomer":"#), "{failed}");
    assert_eq!(preview.after.unwrap()[0].1, failed.replace("nomer", "nomor"));
    assert_eq!(bus.dead().await.len(), 20, "a preview changes nothing");

    let replayed = bus.engine.replay(&DeadFilter::default(), "operator: peta diperbaiki").await;
    assert_eq!(replayed.unwrap().count, 20);
    bus.settled().await;

    assert!(bus.dead().await.is_empty());
    let mut arrived: Vec<_> = arsip.bodies().iter().filter_map(|it| it["nomor"].as_i64()).collect();
    arrived.sort_unstable();
    assert_eq!(arrived, (0..20).collect::<Vec<_>>());
    let right_keys = &arsip.header("idempotency-key")[20..];
    assert!(
        right_keys.iter().all(|it| !wrong_keys.contains(it)),
        "a corrected replay has a new key"
    );
    let tally = bus.status().await.targets[0].tally.clone();
    assert_eq!((tally.created, tally.delivered, tally.dead), (20, 20, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_letter_that_would_be_dead_again_stays_and_says_why() {
    let route = "steps:\n  - filter: $.total > 0\nto:\n  - target: arsip.terima\n";
    let bus = Bus::start(route, &[("arsip", Scripted::new([]))]).await;
    bus.publish(json!({ "nomor": 1 })).await;
    bus.settled().await;

    let replayed = bus.engine.replay(&DeadFilter::default(), "operator").await.unwrap();
    assert_eq!(replayed.count, 0);
    assert!(replayed.failed[0].1.contains("$.total > 0"), "{replayed:?}");
    assert_eq!(bus.dead().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dead_message_is_routed_anew_to_all_its_targets() {
    let (arsip, agenda) = (Scripted::new([]), Scripted::new([]));
    let wrong = "steps:\n  - filter: $.salah == 1\nto:\n  - target: arsip.terima\n  - target: agenda.terima\n";
    let targets = [("arsip", arsip.clone()), ("agenda", agenda.clone())];
    let bus = Bus::start(wrong, &targets).await;
    bus.publish(json!({ "nomor": 1 })).await;
    bus.settled().await;
    assert_eq!(bus.status().await.tally.dead, 1);

    bus.project().route("uji", &wrong.replace("salah", "nomor"));
    bus.reload().await;
    assert_eq!(bus.engine.replay(&DeadFilter::default(), "operator").await.unwrap().count, 1);
    bus.settled().await;

    let status = bus.status().await;
    assert_eq!((status.tally.received, status.tally.dead, status.tally.routed), (1, 0, 1));
    assert_eq!((arsip.calls().len(), agenda.calls().len()), (1, 1));
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_dead_ones_of_several_deliveries_are_sent_again() {
    let absensi = Scripted::new([]);
    let route =
        "to:\n  - target: absensi.terima\n    each: $.n[*]\n    map: { hasil: '=10 / @' }\n";
    let bus = Bus::start(route, &[("absensi", absensi.clone())]).await;
    bus.publish(json!({ "n": [1, 0, 2] })).await;
    bus.settled().await;

    bus.project().route("uji", &route.replace("10 / @", "10 * @"));
    bus.reload().await;
    assert_eq!(bus.engine.replay(&DeadFilter::default(), "operator").await.unwrap().count, 1);
    bus.settled().await;

    assert_eq!(absensi.bodies()[2], json!({ "hasil": 0 }));
    assert_eq!(absensi.calls().len(), 3);
}
