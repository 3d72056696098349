//! Files change while messages flow: each message is routed by one generation, nothing is lost.

use serde_json::json;

use crate::support::{
    bus::Bus,
    scripted::{Scripted, unavailable},
};

const ROUTE: &str = "to:\n  - target: arsip.terima\n    map: { versi: =1 }\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_route_starts_anew_and_an_unchanged_one_runs_on() {
    let arsip = Scripted::new([]);
    let bus = Bus::start(ROUTE, &[("arsip", arsip.clone())]).await;
    bus.project().route("lain", "to:\n  - target: arsip.terima\n");
    let reloaded = bus.reload().await;
    assert_eq!(reloaded.added, ["lain"]);
    assert!(reloaded.changed.is_empty());

    bus.project().route("uji", &ROUTE.replace("=1", "=2"));
    let reloaded = bus.reload().await;
    assert_eq!(reloaded.changed, ["uji"]);
    assert_eq!(reloaded.generation, 3);

    bus.publish(json!({ "x": 1 })).await;
    bus.settled().await;
    bus.until("both routes", |_| arsip.calls().len() == 2).await;
    assert!(arsip.bodies().contains(&json!({ "versi": 2 })));
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_flow_through_reloads_and_none_is_lost_or_doubled() {
    let arsip = Scripted::new([]);
    let bus = Bus::start(ROUTE, &[("arsip", arsip.clone())]).await;
    for round in 0..20 {
        for n in 0..10 {
            bus.publish(json!({ "n": round * 10 + n })).await;
        }
        bus.project().route("uji", &ROUTE.replace("=1", &format!("={round}")));
        bus.reload().await;
    }
    bus.settled().await;
    assert_eq!(arsip.calls().len(), 200);
    assert_eq!(bus.status().await.targets[0].tally.delivered, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_a_removed_target_stays_and_is_shown_as_orphaned() {
    let arsip = Scripted::new([]);
    arsip.always(Some(unavailable()));
    let targets = [("arsip", arsip.clone()), ("agenda", Scripted::new([]))];
    let bus = Bus::start(ROUTE, &targets).await;
    bus.publish(json!({})).await;
    bus.until("the first attempt", |it| {
        it.targets.iter().any(|to| to.target.to_string() == "arsip.terima" && to.retrying == 1)
    })
    .await;

    bus.project().route("uji", "to:\n  - target: agenda.terima\n");
    bus.reload().await;
    let status = bus.status().await;
    let orphan = status.targets.iter().find(|it| it.orphaned).unwrap();
    assert_eq!(orphan.target.to_string(), "arsip.terima");
    assert_eq!(orphan.waiting + orphan.retrying, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn credentials_are_always_the_newest() {
    let arsip = Scripted::new([unavailable()]);
    let route =
        "to:\n  - target: arsip.terima\n    retry: { first: 10ms, max: 20ms, give_up: 10s }\n";
    let bus = Bus::start(route, &[("arsip", arsip.clone())]).await;
    bus.publish(json!({ "n": 1 })).await;
    bus.project().write(
        "connectors/arsip.yaml",
        "system: arsip\nname: Arsip\nhttp:\n  url: http://127.0.0.2:9\n  targets:\n    terima: { post: /terima }\n",
    );
    let reloaded = bus.reload().await;
    assert!(reloaded.changed.is_empty(), "a changed address does not stop a route");
    bus.settled().await;
    assert_eq!(bus.status().await.targets[0].tally.delivered, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bus_says_that_it_is_ready_while_a_reload_waits_for_a_slow_target() {
    let arsip = Scripted::new([]);
    arsip.hold();
    let bus = Bus::start(ROUTE, &[("arsip", arsip.clone())]).await;
    bus.publish(json!({})).await;
    bus.until("the attempt", |_| arsip.calls().len() == 1).await;

    bus.project().route("uji", &ROUTE.replace("=1", "=2"));
    let (engine, plan) = (bus.engine.clone(), bus.project().plan());
    let mut reload = tokio::task::JoinSet::new();
    reload.spawn(async move { engine.reload(plan).await.unwrap() });
    tokio::task::yield_now().await;
    bus.engine.ready().await.unwrap();
    assert!(reload.try_join_next().is_none(), "the reload did not wait");

    arsip.release();
    assert_eq!(reload.join_next().await.unwrap().unwrap().changed, ["uji"]);
}
