//! A message reaches every target that its route chose, in the shape that the route says.

use serde_json::json;

use crate::support::{
    bus::Bus,
    scripted::{Reply, Scripted, refused},
};

#[tokio::test(flavor = "multi_thread")]
async fn a_message_reaches_each_target_in_its_own_shape() {
    let (arsip, agenda) = (Scripted::new([]), Scripted::new([]));
    let route = r#"
steps:
  - set: { $.tahun: =2026 }
to:
  - target: arsip.terima
  - target: agenda.terima
    map: { judul: "Perjalanan ${$.nomor}", tahun: $.tahun }
"#;
    let bus = Bus::start(route, &[("arsip", arsip.clone()), ("agenda", agenda.clone())]).await;

    bus.publish(json!({ "nomor": "7/SPD" })).await;
    bus.settled().await;

    assert_eq!(arsip.bodies(), [json!({ "nomor": "7/SPD", "tahun": 2026 })]);
    assert_eq!(agenda.bodies(), [json!({ "judul": "Perjalanan 7/SPD", "tahun": 2026 })]);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_item_is_a_delivery_of_its_own() {
    let absensi = Scripted::new([]);
    let route = r#"
to:
  - target: absensi.terima
    each: $.pelaksana[*]
    map: { nip: "@.nip", dasar: $.nomor }
"#;
    let bus = Bus::start(route, &[("absensi", absensi.clone())]).await;

    bus.publish(json!({ "nomor": "7", "pelaksana": [{ "nip": "a" }, { "nip": "b" }] })).await;
    bus.settled().await;

    let mut bodies = absensi.bodies();
    bodies.sort_by_key(|it| it["nip"].to_string());
    let expected = ["a", "b"].map(|nip| json!({ "nip": nip, "dasar": "7" }));
    assert_eq!(bodies, expected);
    assert_eq!(bus.status().await.targets[0].tally.created, 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_equal_bodies_of_one_message_have_two_keys() {
    let absensi = Scripted::new([]);
    let route = "to:\n  - { target: absensi.terima, each: '$.x[*]' }\n";
    let bus = Bus::start(route, &[("absensi", absensi.clone())]).await;

    bus.publish(json!({ "x": [1, 1] })).await;
    bus.settled().await;

    let mut keys = absensi.header("idempotency-key");
    keys.dedup();
    assert_eq!(keys.len(), 2);
    assert!(keys.iter().all(|it| it.len() == 64));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_slow_target_delays_nobody_else() {
    let (slow, quick) = (Scripted::new([]), Scripted::new([]));
    slow.hold();
    let route = "to:\n  - target: lambat.terima\n  - target: cepat.terima\n";
    let bus = Bus::start(route, &[("lambat", slow.clone()), ("cepat", quick.clone())]).await;

    for n in 0..200 {
        bus.publish(json!({ "n": n })).await;
    }
    bus.until("the quick one to have all", |_| quick.calls().len() == 200).await;

    assert!(slow.calls().len() <= 32, "more attempts at once than allowed");
    slow.release();
    bus.settled().await;
    assert_eq!(slow.calls().len(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failing_map_kills_that_delivery_and_not_its_neighbours() {
    let (first, second) = (Scripted::new([]), Scripted::new([]));
    let route = r#"
to:
  - target: satu.terima
    each: $.n[*]
    map: { hasil: "=10 / @" }
  - target: dua.terima
"#;
    let bus = Bus::start(route, &[("satu", first.clone()), ("dua", second.clone())]).await;

    bus.publish(json!({ "n": [5, 0, 2] })).await;
    bus.settled().await;

    assert_eq!(first.calls().len(), 2);
    assert_eq!(second.calls().len(), 1);
    let dead = bus.dead().await;
    assert_eq!(dead.len(), 1);
    assert_eq!(&*dead[0].cause.class, "bad message");
    assert_eq!(dead[0].cause.place, "to satu.terima: map");
    assert!(dead[0].cause.reason.contains("hasil"), "{}", dead[0].cause.reason);
    assert_eq!(dead[0].delivery.as_ref().unwrap().1, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_every_target_skipped_is_dead_unless_the_route_says_otherwise() {
    let arsip = Scripted::new([]);
    let route = "to:\n  - { target: arsip.terima, when: $.total > 0 }\n";
    let bus = Bus::start(route, &[("arsip", arsip.clone())]).await;
    bus.publish(json!({ "total": 0 })).await;
    bus.settled().await;
    assert_eq!(&*bus.dead().await[0].cause.class, "no target");

    let route = "unmatched: filter\nto:\n  - { target: arsip.terima, when: $.total > 0 }\n";
    let bus = Bus::start(route, &[("arsip", arsip.clone())]).await;
    bus.publish(json!({ "total": 0 })).await;
    bus.settled().await;
    assert_eq!(bus.status().await.tally.filtered, 1);
    assert_eq!(arsip.calls().len(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refusal_is_dead_at_once_and_answers_may_say_otherwise() {
    let (strict, lenient) = (Scripted::new([refused()]), Scripted::new([refused()]));
    let route = "to:\n  - target: ketat.terima\n  - { target: longgar.terima, answers: { 422: delivered } }\n";
    let bus = Bus::start(route, &[("ketat", strict), ("longgar", lenient)]).await;

    bus.publish(json!({})).await;
    bus.settled().await;

    let status = bus.status().await;
    let tally = |name: &str| {
        let target = status.targets.iter().find(|it| it.target.to_string() == name);
        let tally = &target.unwrap().tally;
        (tally.delivered, tally.dead)
    };
    assert_eq!(tally("ketat.terima"), (0, 1));
    assert_eq!(tally("longgar.terima"), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_attempt_that_panics_three_times_is_out_of_the_way_and_its_neighbours_arrive() {
    let target = Scripted::new([Reply::Panics]);
    let bus = Bus::start("to:\n  - target: arsip.terima\n", &[("arsip", target.clone())]).await;

    bus.publish(json!({ "n": 1 })).await;
    bus.until("the panic to be noted", |it| it.targets[0].retrying == 1).await;
    bus.publish(json!({ "n": 2 })).await;
    bus.settled().await;

    assert_eq!(bus.status().await.targets[0].tally.delivered, 2);
    assert_eq!(target.header("simpul-attempt"), ["1", "1", "2"]);
}
