//! Order per key, where a route asks for it.

use std::{collections::BTreeMap, sync::Arc};

use serde_json::json;

use crate::support::{
    bus::{Bus, Project},
    scripted::{Reply, Scripted, unavailable},
};

const ROUTE: &str = r"
order_by: $.kunci
to:
  - target: arsip.terima
    retry: { first: 10ms, max: 20ms, give_up: 10s }
";

#[tokio::test(flavor = "multi_thread")]
async fn messages_of_one_key_arrive_in_the_order_in_which_they_were_accepted() {
    // Every third attempt fails, so that retries would overtake if they could.
    let script = (0..2_000).map(|n| if n % 3 == 0 { unavailable() } else { Reply::Taken });
    let arsip = Scripted::new(script);
    let bus = Bus::start(ROUTE, &[("arsip", arsip.clone())]).await;
    for n in 0..120 {
        bus.publish(json!({ "kunci": n % 5, "n": n })).await;
    }
    bus.settled().await;
    assert_in_order(&arsip);
}

#[tokio::test(flavor = "multi_thread")]
async fn order_is_kept_through_a_crash() {
    let arsip =
        Scripted::new((0..500).map(|n| if n % 4 == 0 { unavailable() } else { Reply::Taken }));
    let mut project = Project::of(ROUTE, &[("arsip", arsip.clone())]);
    for round in 0..5 {
        let bus = project.start().await;
        for n in 0..20 {
            bus.publish(json!({ "kunci": n % 3, "n": round * 20 + n })).await;
        }
        project = bus.crash().await;
    }
    project.start().await.settled().await;
    assert_in_order(&arsip);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_key_that_waits_holds_no_other_up() {
    let arsip = Scripted::new([Reply::RetryAfter(std::time::Duration::from_secs(2))]);
    let bus = Bus::start(ROUTE, &[("arsip", arsip.clone())]).await;
    bus.publish(json!({ "kunci": "a", "n": 0 })).await;
    bus.until("the first failure", |it| it.targets[0].retrying == 1).await;
    bus.publish(json!({ "kunci": "a", "n": 1 })).await;
    for n in 2..12 {
        bus.publish(json!({ "kunci": n, "n": n })).await;
    }
    bus.until("the other keys", |_| arsip.calls().len() == 11).await;
    assert!(!arsip.bodies().contains(&json!({ "kunci": "a", "n": 1 })), "it overtook");
    bus.settled().await;
    assert_in_order(&arsip);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_does_not_overtake_those_that_wait_before_its_route() {
    let arsip = Scripted::new([]);
    let bus = Bus::start(ROUTE, &[("arsip", arsip.clone())]).await;
    for round in 0..10 {
        // More at once than are routed where they arrive, so that they wait in the route's queue.
        let first = round * 110;
        let many = (first..first + 100).map(|n| json!({ "kunci": n % 2, "n": n }));
        bus.offer_many(many).await;
        for n in first + 100..first + 110 {
            bus.publish(json!({ "kunci": n % 2, "n": n })).await;
        }
    }
    bus.settled().await;
    assert_eq!(arsip.bodies().len(), 1_100);
    assert_in_order(&arsip);
}

#[tokio::test(flavor = "multi_thread")]
async fn of_messages_that_come_at_once_each_has_the_number_of_its_place() {
    let arsip = Scripted::new([]);
    let bus = Arc::new(Bus::start(ROUTE, &[("arsip", arsip.clone())]).await);
    let mut senders = tokio::task::JoinSet::new();
    for sender in 0..16 {
        let bus = Arc::clone(&bus);
        senders.spawn(async move {
            for n in 0..40 {
                bus.publish(json!({ "kunci": n % 2, "n": n, "dari": sender })).await;
            }
        });
    }
    senders.join_all().await;
    bus.settled().await;
    for key in 0..2 {
        let all = arsip.bodies().into_iter().zip(arsip.header("simpul-key-seq"));
        let of_key = all.filter(|(body, _)| body["kunci"] == key);
        let numbers: Vec<i64> = of_key.map(|(_, number)| number.parse().unwrap()).collect();
        assert_eq!(numbers, (1..=320).collect::<Vec<_>>());
    }
}

/// First deliveries of each key rise.
#[track_caller]
fn assert_in_order(target: &Scripted) {
    let mut last: BTreeMap<String, i64> = BTreeMap::new();
    for body in target.bodies() {
        let (key, n) = (body["kunci"].to_string(), body["n"].as_i64().unwrap());
        let before = last.entry(key.clone()).or_insert(-1);
        assert!(*before <= n, "{n} of key {key} came after {before}");
        *before = n;
    }
}
