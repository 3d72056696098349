//! What has a time to live is never sent after it, and is accounted for. On each kind of broker.

use std::time::{Duration, Instant};

use serde_json::json;
use simpul::{engine::RouteStatus, journal::Event, ledger::Outcome, message::Endpoint};

use crate::{
    accounting::balanced,
    parking::On,
    support::{
        bus::Bus,
        scripted::{Reply, Scripted, refused, unavailable},
    },
};

const TTL: Duration = Duration::from_secs(1);

const ROUTE: &str = r"
ttl: 1s
to:
  - target: arsip.terima
    retry: { first: 50ms, max: 100ms, give_up: 1h }
";

async fn expired(bus: &Bus, count: u64) {
    let is_so = |it: &RouteStatus| it.targets[0].tally.expired == count;
    bus.until(&format!("{count} to expire"), is_so).await;
    bus.settled().await;
    balanced(&bus.status().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_delivered_in_its_time_expires_and_is_not_sent_any_more() {
    for on in On::each() {
        let target = Scripted::new([Reply::Taken]);
        let bus = on.start(on.project(ROUTE, &target)).await;
        bus.publish(json!({ "n": 1 })).await;
        bus.until("the first", |it| it.targets[0].tally.delivered == 1).await;
        target.always(Some(unavailable()));
        let begun = Instant::now();
        let accepted = bus.publish(json!({ "n": 2 })).await;
        expired(&bus, 1).await;
        assert!(TTL <= begun.elapsed());
        let calls = target.calls().len();
        target.always(None);
        bus.publish(json!({ "n": 3 })).await;
        bus.settled().await;
        assert_eq!(target.calls().len(), calls + 1, "it was sent after its time");

        let trace = bus.engine.trace(accepted.id).await.unwrap().unwrap();
        let last = trace.lines.last().unwrap();
        assert_eq!(last.event, Event::Expired);
        assert_eq!(trace.fares[0].deliveries[0].2, Some(Outcome::Expired));
        assert!(bus.dead().await.is_empty());
        bus.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_expires_before_a_paused_target_is_not_sent_when_it_is_free_again() {
    for on in On::each() {
        let target = Scripted::new([]);
        let bus = on.start(on.project(ROUTE, &target)).await;
        let arsip = Endpoint::parse("arsip.terima").unwrap();
        bus.engine.pause(&arsip, "libur").await.unwrap();
        for n in 0..5 {
            bus.publish(json!({ "n": n })).await;
        }
        let expired_there =
            |it: &RouteStatus| it.targets[0].tally.expired == 5 && it.targets[0].paused == 0;
        bus.until("them to expire while it is paused", expired_there).await;
        bus.engine.resume(&arsip).await.unwrap();
        expired(&bus, 5).await;
        assert_eq!(target.calls().len(), 0);
        bus.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_expired_delivery_holds_nobody_of_its_key_and_what_is_parked_expires_too() {
    // What is to be sent in time must be, on a busy machine too.
    let ttl = 4 * TTL;
    let ordered = format!("order_by: $.kunci{}", ROUTE.replace("ttl: 1s", "ttl: 4s"));
    for on in On::each() {
        let target = Scripted::new([]);
        let bus = on.start(on.project(&ordered, &target)).await;
        target.always(Some(unavailable()));
        bus.publish(json!({ "kunci": "a", "n": 1 })).await;
        expired(&bus, 1).await;
        target.always(None);
        bus.publish(json!({ "kunci": "a", "n": 2 })).await;
        bus.until("the next", |it| it.targets[0].tally.delivered == 1).await;

        target.script([refused()]);
        for n in 3..=4 {
            bus.publish(json!({ "kunci": "a", "n": n })).await;
        }
        // From when the last of them was accepted.
        let begun = Instant::now();
        bus.until("one to be parked", |it| it.targets[0].parked == 1).await;
        bus.until("its time to be over", |_| ttl <= begun.elapsed()).await;
        let arsip = Endpoint::parse("arsip.terima").unwrap();
        bus.engine.resume_key(&arsip, "a", "operator: uji").await.unwrap();
        expired(&bus, 2).await;
        assert_eq!(bus.status().await.targets[0].parked, 0);
        assert_eq!(target.bodies().last().unwrap()["n"], 3);
        bus.stop().await;
    }
}
