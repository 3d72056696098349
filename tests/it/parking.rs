//! What becomes of the order of a key when one of its deliveries is given up: it is parked, durably,
//! until somebody decides about the one that is dead. On each kind of broker.

use std::{collections::BTreeSet, sync::Arc};

use serde_json::json;
use simpul::{
    engine::RouteStatus,
    ledger::DeadFilter,
    message::Endpoint,
    store::{Options, Store},
};

use crate::{
    accounting::balanced,
    support::{
        bus::{Bus, Project},
        postgres::database,
        rabbit::Rabbit,
        scripted::{Reply, Scripted, refused, unavailable},
    },
};

const ROUTE: &str = r"
order_by: $.kunci
to:
  - target: arsip.terima
    retry: { first: 10ms, max: 20ms, give_up: 200ms }
";

/// Where messages wait.
#[derive(Clone)]
pub(crate) enum On {
    Embedded,
    RabbitMq(String),
}

impl On {
    /// Each kind of broker that there is here.
    pub(crate) fn each() -> Vec<Self> {
        let rabbitmq = Rabbit::shared().map(|it| Self::RabbitMq(it.vhost()));
        std::iter::once(Self::Embedded).chain(rabbitmq).collect()
    }

    pub(crate) async fn start(&self, project: Project) -> Bus {
        match self {
            Self::Embedded => project.start().await,
            Self::RabbitMq(address) => project.start_on_rabbitmq(address, None).await,
        }
    }

    pub(crate) fn project(&self, route: &str, arsip: &Arc<Scripted>) -> Project {
        Project::of(route, &[("arsip", Arc::clone(arsip))])
    }
}

fn arsip() -> Endpoint {
    Endpoint::parse("arsip.terima").unwrap()
}

async fn publish(bus: &Bus, key: &str, numbers: impl IntoIterator<Item = i64>) {
    for n in numbers {
        bus.publish(json!({ "kunci": key, "n": n })).await;
    }
}

/// The numbers of a key, in the order in which they were sent.
fn sent(target: &Scripted, key: &str) -> Vec<i64> {
    let bodies = target.bodies().into_iter().filter(|it| it["kunci"] == key);
    bodies.map(|it| it["n"].as_i64().unwrap()).collect()
}

/// `simpul-key-seq` of what was sent of a key.
fn numbers(target: &Scripted, key: &str) -> Vec<String> {
    let all = target.bodies().into_iter().zip(target.header("simpul-key-seq"));
    all.filter(|(body, _)| body["kunci"] == key).map(|(_, number)| number).collect()
}

fn moving(it: &RouteStatus) -> u64 {
    let to = &it.targets[0];
    it.in_hand + to.waiting + to.retrying + to.paused
}

/// Waits until so many are parked, and nothing else is on its way.
async fn parked(bus: &Bus, count: u64) {
    let is_so = |it: &RouteStatus| it.targets[0].parked == count && moving(it) == 0;
    bus.until(&format!("{count} to be parked"), is_so).await;
    balanced(&bus.status().await);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_delivery_of_a_key_has_a_number_that_rises_and_stays_on_every_attempt() {
    for on in On::each() {
        let script = [Reply::Taken, unavailable(), unavailable(), Reply::Taken];
        let target = Scripted::new(script);
        let bus = on.start(on.project(ROUTE, &target)).await;
        publish(&bus, "a", 1..=3).await;
        bus.settled().await;
        publish(&bus, "b", 1..=2).await;
        bus.settled().await;
        assert_eq!(numbers(&target, "a"), ["1", "2", "2", "2", "3"]);
        assert_eq!(numbers(&target, "b"), ["1", "2"]);
        bus.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_comes_behind_a_dead_delivery_of_its_key_is_parked_and_other_keys_go_on() {
    for on in On::each() {
        let target = Scripted::new([Reply::Taken, refused()]);
        let bus = on.start(on.project(ROUTE, &target)).await;
        publish(&bus, "a", 1..=2).await;
        bus.until("the dead one", |it| it.targets[0].tally.dead == 1).await;
        publish(&bus, "a", 3..=5).await;
        publish(&bus, "b", 1..=3).await;
        parked(&bus, 3).await;
        assert_eq!((sent(&target, "a"), sent(&target, "b")), (vec![1, 2], vec![1, 2, 3]));
        bus.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_parked_outlives_a_stop_and_a_crash_and_goes_on_behind_the_replayed_one() {
    for on in On::each() {
        let target = Scripted::new([Reply::Taken, refused()]);
        let bus = on.start(on.project(ROUTE, &target)).await;
        publish(&bus, "a", 1..=4).await;
        parked(&bus, 2).await;
        let (project, _) = bus.stop().await;
        let bus = on.start(project).await;
        publish(&bus, "a", 5..=6).await;
        parked(&bus, 4).await;
        let bus = on.start(bus.crash().await).await;
        parked(&bus, 4).await;

        // The replayed one fails a few times before it is taken: the others wait all the same.
        target.script([unavailable(), unavailable()]);
        let replayed = bus.engine.replay(&DeadFilter::default(), "uji").await.unwrap();
        assert_eq!(replayed.count, 1);
        publish(&bus, "a", 7..=8).await;
        parked(&bus, 0).await;
        assert_eq!(sent(&target, "a"), [1, 2, 2, 2, 2, 3, 4, 5, 6, 7, 8]);
        let expected = ["1", "2", "2", "2", "2", "3", "4", "5", "6", "7", "8"];
        assert_eq!(numbers(&target, "a"), expected);
        assert_eq!(bus.status().await.targets[0].tally.delivered, 8);
        bus.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replayed_one_that_is_dead_again_holds_its_key_again() {
    for on in On::each() {
        let target = Scripted::new([refused()]);
        let bus = on.start(on.project(ROUTE, &target)).await;
        publish(&bus, "a", 1..=3).await;
        parked(&bus, 2).await;
        target.script([refused()]);
        bus.engine.replay(&DeadFilter::default(), "uji").await.unwrap();
        bus.until("it to be dead again", |it| it.targets[0].tally.dead == 1).await;
        parked(&bus, 2).await;
        bus.engine.replay(&DeadFilter::default(), "uji").await.unwrap();
        parked(&bus, 0).await;
        assert_eq!(sent(&target, "a"), [1, 1, 1, 2, 3]);
        bus.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_goes_on_without_the_dead_one_when_it_is_discarded_or_somebody_says_so() {
    for on in On::each() {
        let target = Scripted::new([refused(), refused()]);
        let bus = on.start(on.project(ROUTE, &target)).await;
        publish(&bus, "a", 1..=1).await;
        bus.until("the first dead one", |it| it.targets[0].tally.dead == 1).await;
        publish(&bus, "b", 1..=1).await;
        bus.until("the second dead one", |it| it.targets[0].tally.dead == 2).await;
        publish(&bus, "a", 2..=3).await;
        publish(&bus, "b", 2..=3).await;
        parked(&bus, 4).await;

        let none = bus.engine.resume_key(&arsip(), "c", "operator: uji").await.unwrap();
        assert_eq!(none.keys, 0);
        let resumed = bus.engine.resume_key(&arsip(), "a", "operator: uji").await.unwrap();
        assert_eq!((resumed.keys, resumed.dead, resumed.parked), (1, 1, 2));
        parked(&bus, 2).await;
        assert_eq!((sent(&target, "a"), sent(&target, "b")), (vec![1, 2, 3], vec![1]));

        let of_b = bus.dead().await[1].id;
        let filter = DeadFilter { ids: vec![of_b], ..DeadFilter::default() };
        assert_eq!(bus.engine.discard(&filter, "uji").await.unwrap(), 1);
        parked(&bus, 0).await;
        assert_eq!(sent(&target, "b"), [1, 2, 3]);
        bus.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_delivery_that_could_not_be_made_holds_its_key_and_those_before_it_go_on() {
    const DIVIDES: &str = r#"
order_by: $.kunci
to:
  - target: arsip.terima
    map: { kunci: $.kunci, n: $.n, hasil: "=12 / ($.n - 3)" }
    retry: { first: 10ms, max: 20ms, give_up: 1h }
"#;
    for on in On::each() {
        let target = Scripted::new([]);
        target.always(Some(unavailable()));
        let bus = on.start(on.project(DIVIDES, &target)).await;
        publish(&bus, "a", 1..=5).await;
        // Dead before those in front of it were ever taken.
        bus.until("the dead one", |it| it.targets[0].tally.dead == 1).await;
        target.always(None);
        parked(&bus, 2).await;
        let mut taken = sent(&target, "a");
        taken.dedup();
        assert_eq!(taken, [1, 2]);
        bus.engine.resume_key(&arsip(), "a", "operator: uji").await.unwrap();
        parked(&bus, 0).await;
        // The number of the one that was never made is missing.
        assert_eq!(numbers(&target, "a").last().unwrap(), "5");
        assert_eq!(sent(&target, "a")[taken.len()..].last(), Some(&5));
        bus.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_route_may_let_a_key_go_on_or_never_give_up() {
    for on in On::each() {
        let target = Scripted::new([refused()]);
        let route = format!("{ROUTE}    on_exhausted: dead_letter\n");
        let bus = on.start(on.project(&route, &target)).await;
        publish(&bus, "a", 1..=3).await;
        parked(&bus, 0).await;
        assert_eq!(sent(&target, "a"), [1, 2, 3]);
        assert_eq!(bus.dead().await.len(), 1);
        bus.stop().await;
    }
    let target = Scripted::new([refused()]);
    target.always(Some(unavailable()));
    let route = format!("on_exhausted: block\n{}", ROUTE.replace("200ms", "20ms"));
    let bus = On::Embedded.start(On::Embedded.project(&route, &target)).await;
    publish(&bus, "a", 1..=2).await;
    // Far beyond `give_up`.
    bus.until("many attempts", |_| 10 < target.calls().len()).await;
    target.always(None);
    bus.settled().await;
    let mut taken = sent(&target, "a");
    taken.dedup();
    assert_eq!((taken, bus.dead().await.len()), (vec![1, 2], 0));
    bus.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_parked_goes_on_in_order_through_crashes_and_says_where_it_repeats() {
    const PARKED: i64 = 30;
    for on in On::each() {
        let target = Scripted::new([refused()]);
        let mut bus = on.start(on.project(ROUTE, &target)).await;
        publish(&bus, "a", 1..=PARKED).await;
        parked(&bus, PARKED as u64 - 1).await;
        // Some fail on the way, none is given up.
        target.script((0..60).map(|n| if n % 4 == 1 { unavailable() } else { Reply::Taken }));
        bus.engine.replay(&DeadFilter::default(), "uji").await.unwrap();
        for round in 1..=4 {
            let gone_on = |it: &RouteStatus| round * 5 <= it.targets[0].tally.delivered;
            bus.until("some to go on", gone_on).await;
            bus = on.start(bus.crash().await).await;
            publish(&bus, "a", [PARKED + round as i64]).await;
        }
        parked(&bus, 0).await;
        let (sent, flags) = (sent(&target, "a"), target.header("simpul-possible-duplicate"));
        assert!(sent.is_sorted(), "{sent:?}");
        let (attempts, mut seen) = (target.header("simpul-attempt"), BTreeSet::new());
        for (place, n) in sent.iter().enumerate() {
            let is_flagged = attempts[place] != "1" || flags[place] == "true";
            assert!(seen.insert(*n) || is_flagged, "{n} came again and did not say so");
        }
        assert_eq!(seen.len() as i64, PARKED + 4);
        bus.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_paused_target_keeps_what_has_an_order_and_says_why() {
    for on in On::each() {
        let target = Scripted::new([]);
        let bus = on.start(on.project(ROUTE, &target)).await;
        bus.engine.pause(&arsip(), "libur").await.unwrap();
        publish(&bus, "a", 1..=3).await;
        publish(&bus, "b", 1..=3).await;
        bus.until("all to wait", |it| it.in_hand == 0 && it.targets[0].paused == 6).await;
        let status = bus.status().await;
        balanced(&status);
        assert_eq!(status.targets[0].pause.as_ref().unwrap().reason, "libur");
        let bus = on.start(bus.stop().await.0).await;
        bus.until("all to wait still", |it| it.targets[0].paused == 6).await;
        assert_eq!(target.calls().len(), 0);
        bus.engine.resume(&arsip()).await.unwrap();
        parked(&bus, 0).await;
        assert_eq!((sent(&target, "a"), sent(&target, "b")), (vec![1, 2, 3], vec![1, 2, 3]));
        bus.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_breaker_lets_another_gateway_have_what_has_an_order() {
    let (Some(rabbit), Some(database)) = (Rabbit::shared(), database().await) else { return };
    let address = rabbit.vhost();
    let (cut_off, reached) = (Scripted::new([]), Scripted::new([]));
    cut_off.always(Some(unavailable()));
    let gateway = async |target: &Arc<Scripted>| {
        let store = Store::connect(&database, Options::default()).await.unwrap();
        let route = ROUTE.replace("200ms", "1h");
        let project = Project::of(&route, &[("arsip", Arc::clone(target))]);
        project.start_on_rabbitmq(&address, Some(store)).await
    };
    // The first is the one that works on all that has an order.
    let one = gateway(&cut_off).await;
    publish(&one, "a", 1..=3).await;
    one.until("the first to fail", |_| !cut_off.calls().is_empty()).await;
    let other = gateway(&reached).await;
    publish(&other, "a", 4..=6).await;
    publish(&one, "b", 1..=3).await;
    parked(&other, 0).await;
    assert_eq!((sent(&reached, "a"), sent(&reached, "b")), (vec![1, 2, 3, 4, 5, 6], vec![1, 2, 3]));
    for bus in [one, other] {
        bus.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_on_one_rabbitmq_park_and_go_on_together_whichever_dies() {
    let (Some(rabbit), Some(database)) = (Rabbit::shared(), database().await) else { return };
    let address = rabbit.vhost();
    let target = Scripted::new([refused()]);
    let gateway = async |project: Project| {
        let store = Store::connect(&database, Options::default()).await.unwrap();
        project.start_on_rabbitmq(&address, Some(store)).await
    };
    let project = || Project::of(ROUTE, &[("arsip", Arc::clone(&target))]);
    let (one, other) = (gateway(project()).await, gateway(project()).await);
    publish(&one, "a", 1..=3).await;
    parked(&one, 2).await;
    publish(&other, "a", 4..=5).await;
    parked(&other, 4).await;

    // Whichever of them is at work on the key, the other takes over.
    one.stop().await;
    publish(&other, "a", 6..=7).await;
    parked(&other, 6).await;
    let one = gateway(project()).await;
    target.script([unavailable()]);
    one.engine.replay(&DeadFilter::default(), "uji").await.unwrap();
    parked(&one, 0).await;
    publish(&other, "a", 8..=9).await;
    parked(&other, 0).await;
    assert_eq!(sent(&target, "a"), [1, 1, 1, 2, 3, 4, 5, 6, 7, 8, 9]);
    for bus in [one, other] {
        bus.stop().await;
    }
}
