//! A stop finishes what is in hand; what it cannot finish is there at the next start.

use serde_json::json;
use simpul::engine::Stopped;

use crate::support::{bus::Project, scripted::Scripted};

const ROUTE: &str = "to:\n  - target: arsip.terima\n";

#[tokio::test(flavor = "multi_thread")]
async fn a_stop_drains_and_nothing_is_sent_twice() {
    let arsip = Scripted::new([]);
    let bus = Project::of(ROUTE, &[("arsip", arsip.clone())]).start().await;
    for n in 0..300 {
        bus.publish(json!({ "n": n })).await;
    }
    let (project, stopped) = bus.stop().await;
    assert_eq!(stopped, Stopped::Drained);
    let before = arsip.calls().len();

    let bus = project.start().await;
    bus.settled().await;
    assert!(before <= 300);
    assert_eq!(arsip.calls().len(), 300);
    assert!(arsip.header("simpul-possible-duplicate").iter().all(|it| it == "-"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_cut_off_comes_again_flagged() {
    let arsip = Scripted::new([]);
    arsip.hold();
    let bus = Project::of(ROUTE, &[("arsip", arsip.clone())]).start().await;
    bus.publish(json!({ "n": 1 })).await;
    bus.until("the attempt", |_| arsip.calls().len() == 1).await;

    let project = bus.crash().await;
    arsip.release();
    let bus = project.start().await;
    bus.settled().await;

    assert_eq!(arsip.header("simpul-possible-duplicate"), ["-", "true"]);
    let keys = arsip.header("idempotency-key");
    assert_eq!(keys[0], keys[1]);
    assert_eq!(bus.status().await.targets[0].tally.delivered, 1);
}
