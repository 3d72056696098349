//! Order keys: one at a time, in the order in which they were put in; other keys go on.

use super::*;

pub(super) const ALL: &[(&str, Check)] = &[
    ("entries of one key come one at a time", |it| Box::pin(one_at_a_time(it))),
    ("what comes later stands behind", |it| Box::pin(what_comes_later_stands_behind(it))),
    ("a key waits while its first is delayed", |it| Box::pin(a_delayed_first_holds_its_key(it))),
    ("a dropped first stays the first of its key", |it| Box::pin(a_dropped_first_stays_first(it))),
    ("a rest changes no order", |it| Box::pin(a_rest_changes_no_order(it))),
    ("order outlives a crash", |it| Box::pin(order_outlives_a_crash(it))),
    ("keys of different queues are different", |it| Box::pin(queues_do_not_share_keys(it))),
    ("a long row behind one key holds nobody up", |it| Box::pin(a_long_row_costs_nothing(it))),
    ("a purge leaves no key stuck", |it| Box::pin(a_purge_leaves_no_key_stuck(it))),
];

/// Puts `key:body` words in, in one batch; a word without a key has none.
async fn publish_keyed(house: &dyn House, broker: &Arc<dyn Broker>, to: &QueueName, words: &str) {
    let one = |word: &str| match word.split_once(':') {
        Some((key, _)) => keyed(house, to, key, word),
        None => output(house, to, word),
    };
    publish(broker, words.split(' ').map(one).collect()).await;
}

/// By what they say: different keys have no order among them.
fn sorted(mut deliveries: Vec<Delivery>) -> Vec<Delivery> {
    deliveries.sort_by(|a, b| a.entry.body.cmp(&b.entry.body));
    deliveries
}

async fn one_at_a_time(house: &mut dyn House) {
    let (name, broker) = (queue("sppd"), house.open().await);
    publish_keyed(house, &broker, &name, "a:1 a:2 b:1 x a:3 b:2 y").await;
    let mut consumer = broker.consume(&name, Taking::by_key(10, 10));
    let mut held = sorted(take(house, &mut *consumer, 4).await);
    assert_eq!(bodies(&held), "a:1 b:1 x y");
    nothing_comes(house, &mut *consumer).await;

    settle(&broker, done([held.remove(0)])).await;
    let second = take(house, &mut *consumer, 1).await;
    assert_eq!(bodies(&second), "a:2");
    nothing_comes(house, &mut *consumer).await;
}

async fn what_comes_later_stands_behind(house: &mut dyn House) {
    let (name, broker) = (queue("sppd"), house.open().await);
    publish_keyed(house, &broker, &name, "a:1").await;
    let mut consumer = broker.consume(&name, Taking::by_key(10, 10));
    let first = take(house, &mut *consumer, 1).await;
    publish_keyed(house, &broker, &name, "a:2 b:1").await;
    let new = take(house, &mut *consumer, 1).await;
    assert_eq!(bodies(&new), "b:1");
    settle(&broker, done(first)).await;
    assert_eq!(bodies(&take(house, &mut *consumer, 1).await), "a:2");
}

async fn a_delayed_first_holds_its_key(house: &mut dyn House) {
    let (name, broker) = (queue("sppd"), house.open().await);
    publish_keyed(house, &broker, &name, "a:1 a:2 b:1").await;
    let mut consumer = broker.consume(&name, Taking::by_key(10, 10));
    let mut held = sorted(take(house, &mut *consumer, 2).await);
    let due = house.clock().now().after(Duration::from_secs(7));
    let postponed = again(held.remove(0), due);
    settle(&broker, vec![postponed, Settled::Done(held.remove(0))]).await;
    nothing_comes(house, &mut *consumer).await;
    let back = consumer.next(10).await;
    assert_eq!(bodies(&back), "a:1");
    assert!(due <= house.clock().now());
    settle(&broker, done(back)).await;
    assert_eq!(bodies(&take(house, &mut *consumer, 1).await), "a:2");
}

async fn a_dropped_first_stays_first(house: &mut dyn House) {
    let (name, broker) = (queue("sppd"), house.open().await);
    publish_keyed(house, &broker, &name, "a:1 a:2").await;
    let mut consumer = broker.consume(&name, Taking::by_key(10, 10));
    drop(take(house, &mut *consumer, 1).await);
    let back = take(house, &mut *consumer, 1).await;
    assert_eq!(bodies(&back), "a:1");
    nothing_comes(house, &mut *consumer).await;
}

async fn a_rest_changes_no_order(house: &mut dyn House) {
    let (name, broker) = (queue("sppd"), house.open().await);
    publish_keyed(house, &broker, &name, "a:1 a:2 b:1 b:2").await;
    let mut consumer = broker.consume(&name, Taking::by_key(10, 10));
    let mut held = sorted(take(house, &mut *consumer, 2).await);
    held.remove(1).put_back();
    settle(&broker, done(held)).await;
    consumer.rest().await;
    publish_keyed(house, &broker, &name, "a:3").await;
    let next = sorted(take(house, &mut *consumer, 2).await);
    assert_eq!(bodies(&next), "a:2 b:1");
    settle(&broker, done(next)).await;
    assert_eq!(bodies(&sorted(take(house, &mut *consumer, 2).await)), "a:3 b:2");
}

async fn order_outlives_a_crash(house: &mut dyn House) {
    let (name, broker) = (queue("sppd"), house.open().await);
    publish_keyed(house, &broker, &name, "a:1 a:2 a:3").await;
    let mut consumer = broker.consume(&name, Taking::by_key(10, 10));
    let first = take(house, &mut *consumer, 1).await;
    settle(&broker, done(first)).await;
    let second = take(house, &mut *consumer, 1).await;
    drop((second, consumer, broker));
    house.crash();

    let broker = house.open().await;
    let mut consumer = broker.consume(&name, Taking::by_key(10, 10));
    for body in ["a:2", "a:3"] {
        let next = take(house, &mut *consumer, 1).await;
        assert_eq!(bodies(&next), body);
        nothing_comes(house, &mut *consumer).await;
        settle(&broker, done(next)).await;
    }
    assert_eq!(broker.depth(&name).await.unwrap().entries, 0);
}

async fn queues_do_not_share_keys(house: &mut dyn House) {
    let (one, two, broker) = (queue("satu"), queue("dua"), house.open().await);
    publish(&broker, vec![keyed(house, &one, "a", "1"), keyed(house, &two, "a", "2")]).await;
    let (mut from_one, mut from_two) =
        (broker.consume(&one, Taking::by_key(9, 9)), broker.consume(&two, Taking::by_key(9, 9)));
    let _held = take(house, &mut *from_one, 1).await;
    assert_eq!(bodies(&take(house, &mut *from_two, 1).await), "2");
}

async fn a_long_row_costs_nothing(house: &mut dyn House) {
    const ROW: usize = 20_000;
    let (name, broker) = (queue("sppd"), house.open().await);
    for _ in 0..ROW / 2_000 {
        publish(&broker, vec![keyed(house, &name, "a", "x"); 2_000]).await;
    }
    publish_keyed(house, &broker, &name, "b:1 b:2").await;
    let mut consumer = broker.consume(&name, Taking::by_key(10, 10));
    let mut held = take(house, &mut *consumer, 2).await;
    assert_eq!(bodies(&held), "x b:1");
    settle(&broker, done([held.remove(1)])).await;
    assert_eq!(bodies(&take(house, &mut *consumer, 1).await), "b:2");
    assert_eq!(broker.depth(&name).await.unwrap().entries, ROW as u64 + 1);
}

/// Also not one whose entries come while it is being purged.
async fn a_purge_leaves_no_key_stuck(house: &mut dyn House) {
    let (name, broker) = (queue("sppd"), house.open().await);
    publish(&broker, vec![keyed(house, &name, "a", "lama"); 2_500]).await;
    let publishing = async {
        for number in 0..20 {
            let body = format!("baru-{number}");
            publish(&broker, vec![keyed(house, &name, "a", &body)]).await;
        }
    };
    let (purged, ()) = tokio::join!(broker.purge(&name), publishing);
    assert!(2_500 <= purged.unwrap());
    let mut consumer = broker.consume(&name, Taking::by_key(10, 10));
    while 0 < broker.depth(&name).await.unwrap().entries {
        let next = take(house, &mut *consumer, 1).await;
        assert!(bodies(&next).starts_with("baru-"));
        settle(&broker, done(next)).await;
    }
}
