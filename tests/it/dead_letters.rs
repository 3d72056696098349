//! What cannot be delivered is kept with the reason, until an operator deals with it.

use serde_json::json;
use simpul::{journal::Event, ledger::DeadFilter};

use crate::support::{
    bus::Bus,
    scripted::{Scripted, refused},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_bad_message_dies_with_its_step_field_and_expression() {
    let route =
        "steps:\n  - map: { pegawai: { nip: $.nip | required } }\nto:\n  - target: arsip.terima\n";
    let bus = Bus::start(route, &[("arsip", Scripted::new([]))]).await;

    let accepted = bus.publish(json!({ "nama": "rahasia sekali" })).await;
    bus.settled().await;

    let dead = bus.dead().await;
    assert_eq!(dead[0].cause.place, "steps[0] map");
    assert!(dead[0].cause.reason.contains("pegawai.nip"), "{}", dead[0].cause.reason);
    assert!(dead[0].cause.reason.contains("$.nip"), "{}", dead[0].cause.reason);
    let trace = bus.engine.trace(accepted.id).await.unwrap().unwrap();
    assert!(!format!("{trace:?}").contains("rahasia sekali"), "a body in the journal");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_that_is_no_json_dies_in_its_route() {
    let bus = Bus::start("to:\n  - target: arsip.terima\n", &[("arsip", Scripted::new([]))]).await;
    let accepted = bus.offer_text(b"{ not json").await;
    bus.settled().await;
    let dead = bus.dead().await;
    assert_eq!(dead[0].message, accepted.id);
    assert_eq!(dead[0].cause.place, "body");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_discarded_dead_letter_is_accounted_for() {
    let arsip = Scripted::new([refused(), refused()]);
    let bus = Bus::start("to:\n  - target: arsip.terima\n", &[("arsip", arsip)]).await;
    let first = bus.publish(json!({ "n": 1 })).await;
    bus.publish(json!({ "n": 2 })).await;
    bus.settled().await;
    let letters = bus.dead().await;
    assert_eq!(letters.len(), 2);

    let one = letters.iter().find(|it| it.message == first.id).unwrap();
    let filter = DeadFilter { ids: vec![one.id], ..DeadFilter::default() };
    assert_eq!(bus.engine.discard(&filter, "operator: salah kirim").await.unwrap(), 1);

    let tally = bus.status().await.targets[0].tally.clone();
    assert_eq!((tally.created, tally.dead, tally.discarded), (2, 1, 1));
    let trace = bus.engine.trace(first.id).await.unwrap().unwrap();
    let by = trace.lines.iter().find_map(|it| match &it.event {
        Event::Discarded { by } => Some(by.clone()),
        _ => None,
    });
    assert_eq!(by.as_deref(), Some("operator: salah kirim"));
}
