//! A target that is misconfigured is paused with everything kept, and freed when it works.

use serde_json::json;
use simpul::message::Endpoint;

use crate::support::{
    bus::{Bus, Project},
    scripted::{Reply, Scripted, wrong_password},
};

const ROUTE: &str = "to:\n  - target: arsip.terima\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_password_pauses_its_target_and_loses_nothing() {
    let arsip = Scripted::new([]);
    arsip.always(Some(wrong_password()));
    let bus = Bus::start(ROUTE, &[("arsip", arsip.clone())]).await;
    for n in 0..50 {
        bus.publish(json!({ "n": n })).await;
    }
    bus.until("the pause", |it| it.targets[0].paused == 50).await;
    let pauses = bus.engine.pauses().await.unwrap();
    assert_eq!(pauses[0].reason, "401");
    assert!(bus.dead().await.is_empty());

    arsip.always(None);
    bus.settled().await;
    assert_eq!(bus.status().await.targets[0].tally.delivered, 50);
    assert!(bus.engine.pauses().await.unwrap().is_empty(), "a probe that works frees the target");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_pause_outlives_a_restart() {
    let arsip = Scripted::new([]);
    let bus = Project::of(ROUTE, &[("arsip", arsip.clone())]).start().await;
    let target = Endpoint::parse("arsip.terima").unwrap();
    bus.engine.pause(&target, "pemeliharaan").await.unwrap();
    bus.publish(json!({ "n": 1 })).await;

    let bus = bus.stop().await.0.start().await;
    bus.until("the pause", |it| it.in_hand == 0 && it.targets[0].paused == 1).await;
    assert_eq!(arsip.calls().len(), 0);

    assert!(bus.engine.resume(&target).await.unwrap());
    bus.settled().await;
    assert_eq!(arsip.calls().len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_reload_that_changes_its_system_frees_a_paused_target() {
    let arsip = Scripted::new([wrong_password()]);
    let project = Project::of(ROUTE, &[("arsip", arsip.clone())]);
    let bus = project.start().await;
    bus.publish(json!({ "n": 1 })).await;
    bus.until("the pause", |it| it.targets[0].paused == 1).await;

    bus.project().write(
        "connectors/arsip.yaml",
        "system: arsip\nname: Arsip\nhttp:\n  url: http://127.0.0.1:9\n  auth: { bearer: baru }\n  targets:\n    terima: { post: /terima }\n",
    );
    let reloaded = bus.reload().await;
    bus.settled().await;

    assert_eq!(reloaded.freed, ["arsip.terima"]);
    assert_eq!(bus.status().await.targets[0].tally.delivered, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn not_found_for_three_messages_in_a_row_pauses_and_for_one_does_not() {
    let arsip = Scripted::new([]);
    let bus = Bus::start(ROUTE, &[("arsip", arsip.clone())]).await;
    arsip.always(Some(Reply::Suspicious(404)));
    for n in 0..2 {
        bus.publish(json!({ "n": n })).await;
        bus.settled().await;
    }
    assert_eq!(bus.dead().await.len(), 2);
    bus.publish(json!({ "n": 3 })).await;
    bus.until("the pause", |it| it.targets[0].paused == 1).await;
    assert_eq!(bus.dead().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_a_target_of_the_running_files_can_be_paused() {
    let bus = Bus::start(ROUTE, &[("arsip", Scripted::new([]))]).await;
    let unknown = Endpoint::parse("arsip.lain").unwrap();
    let refused = bus.engine.pause(&unknown, "x").await.unwrap_err();
    assert_eq!(refused.to_string(), "no target `arsip.lain` in the running files");
}
