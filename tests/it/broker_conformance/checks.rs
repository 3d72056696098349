//! What every broker promises: nothing lost, nothing twice, nothing early.

use std::collections::BTreeMap;

use super::*;

pub(super) const ALL: &[(&str, Check)] = &[
    ("a published entry survives reopening", |it| Box::pin(survives_reopening(it))),
    ("batches keep their order", |it| Box::pin(batches_keep_their_order(it))),
    ("two equal entries are two", |it| Box::pin(two_equal_entries_are_two(it))),
    ("prefetch is respected", |it| Box::pin(prefetch_is_respected(it))),
    ("a waiting consumer is woken by a publish", |it| Box::pin(a_publish_wakes(it))),
    ("a dropped delivery comes back to its place", |it| Box::pin(a_dropped_one_comes_back(it))),
    ("a settled delivery never comes back", |it| Box::pin(a_settled_one_stays_away(it))),
    ("a delayed entry is not handed out early", |it| Box::pin(a_delayed_one_is_not_early(it))),
    ("a delay survives reopening", |it| Box::pin(a_delay_survives_reopening(it))),
    ("again brings it back with its new headers", |it| Box::pin(again_brings_it_back(it))),
    ("hastened entries are due at once", |it| Box::pin(hastened_ones_are_due(it))),
    ("settlement passes its outputs on", |it| Box::pin(settlement_passes_outputs_on(it))),
    ("a settlement that fails changes nothing", |it| Box::pin(a_failed_settlement(it))),
    ("a copy is handed out as redelivered", |it| Box::pin(a_copy_is_marked(it))),
    ("writes and outputs that belong together happen together", |it| Box::pin(together(it))),
    ("a consumer that was dropped lost nothing", |it| Box::pin(a_dropped_consumer(it))),
    ("queues do not mix, by the thousand", |it| Box::pin(thousands_of_queues(it))),
    ("purge spares loans", |it| Box::pin(purge_spares_loans(it))),
    ("depth counts what is there", |it| Box::pin(depth_counts(it))),
    ("depths are those of every queue", |it| Box::pin(depths_are_those_of_the_queues(it))),
    ("browsing takes nothing", |it| Box::pin(browsing_takes_nothing(it))),
];

async fn survives_reopening(house: &mut dyn House) {
    let name = queue("sppd");
    let broker = house.open().await;
    let wanted = output(house, &name, "surat");
    publish(&broker, vec![wanted.clone()]).await;
    drop(broker);
    house.crash();

    let broker = house.open().await;
    assert_eq!(filled(&broker).await, [Arc::clone(&name)]);
    let found = take(house, &mut *broker.consume(&name, Taking::free(10)), 1).await;
    assert_eq!(found[0].entry, wanted.entry);
}

async fn batches_keep_their_order(house: &mut dyn House) {
    let (name, broker) = (queue("sppd"), house.open().await);
    publish_words(house, &broker, &name, "1 2 3").await;
    publish_words(house, &broker, &name, "4 5").await;
    let mut consumer = broker.consume(&name, Taking::free(10));
    assert_eq!(bodies(&take(house, &mut *consumer, 5).await), "1 2 3 4 5");
}

async fn two_equal_entries_are_two(house: &mut dyn House) {
    let (name, broker) = (queue("sppd"), house.open().await);
    let one = output(house, &name, "sama");
    publish(&broker, vec![one.clone(), one]).await;
    let mut consumer = broker.consume(&name, Taking::free(10));
    let both = take(house, &mut *consumer, 2).await;
    settle(&broker, done(both)).await;
    nothing_comes(house, &mut *consumer).await;
}

async fn prefetch_is_respected(house: &mut dyn House) {
    let (name, broker) = (queue("sppd"), house.open().await);
    publish_words(house, &broker, &name, "1 2 3 4 5").await;
    let mut consumer = broker.consume(&name, Taking::free(2));
    let mut held = take(house, &mut *consumer, 2).await;
    nothing_comes(house, &mut *consumer).await;
    settle(&broker, done([held.remove(0)])).await;
    let third = take(house, &mut *consumer, 1).await;
    assert_eq!(bodies(&third), "3");
    nothing_comes(house, &mut *consumer).await;
    // What goes back makes room, too.
    drop(held);
    assert_eq!(bodies(&take(house, &mut *consumer, 1).await), "2");
}

async fn a_publish_wakes(house: &mut dyn House) {
    let (name, broker) = (queue("sppd"), house.open().await);
    let mut consumer = broker.consume(&name, Taking::free(2));
    let (taken, ()) = tokio::join!(consumer.next(1), async {
        tokio::task::yield_now().await;
        publish_words(house, &broker, &name, "surat").await;
    });
    assert_eq!(bodies(&taken), "surat");
}

async fn a_dropped_one_comes_back(house: &mut dyn House) {
    let (name, broker) = (queue("sppd"), house.open().await);
    publish_words(house, &broker, &name, "1 2 3").await;
    let mut consumer = broker.consume(&name, Taking::free(2));
    let mut first = take(house, &mut *consumer, 2).await;
    assert!(first.iter().all(|it| !it.redelivered));
    drop(first.remove(0));
    let mut back = take(house, &mut *consumer, 1).await;
    assert_eq!((bodies(&back), back[0].redelivered), ("1".to_owned(), true));
    settle(&broker, done([back.remove(0), first.remove(0)])).await;
    let third = take(house, &mut *consumer, 1).await;
    assert_eq!((bodies(&third), third[0].redelivered), ("3".to_owned(), false));
}

async fn a_settled_one_stays_away(house: &mut dyn House) {
    let (name, broker) = (queue("sppd"), house.open().await);
    publish_words(house, &broker, &name, "1 2").await;
    let mut consumer = broker.consume(&name, Taking::free(10));
    let mut taken = take(house, &mut *consumer, 2).await;
    settle(&broker, done([taken.remove(0)])).await;
    drop((taken, consumer, broker));
    house.crash();
    let broker = house.open().await;
    let mut consumer = broker.consume(&name, Taking::free(10));
    let left = take(house, &mut *consumer, 1).await;
    assert_eq!((bodies(&left), left[0].redelivered), ("2".to_owned(), true));
    nothing_comes(house, &mut *consumer).await;
}

const DELAY: Duration = Duration::from_secs(7);

async fn a_delayed_one_is_not_early(house: &mut dyn House) {
    let (name, broker) = (queue("sppd"), house.open().await);
    let due = house.clock().now().after(DELAY);
    publish(&broker, vec![delayed(house, &name, due, "nanti"), output(house, &name, "kini")]).await;
    let mut consumer = broker.consume(&name, Taking::free(10));
    let held = take(house, &mut *consumer, 1).await;
    assert_eq!((bodies(&held), bodies(&consumer.next(1).await)), ("kini".into(), "nanti".into()));
    assert!(due <= house.clock().now());
}

async fn a_delay_survives_reopening(house: &mut dyn House) {
    let (name, broker) = (queue("sppd"), house.open().await);
    let due = house.clock().now().after(DELAY);
    publish_words(house, &broker, &name, "nanti").await;
    let mut consumer = broker.consume(&name, Taking::free(10));
    let delivery = take(house, &mut *consumer, 1).await.remove(0);
    settle(&broker, vec![again(delivery, due)]).await;
    drop((consumer, broker));
    house.stop().await;

    let broker = house.open().await;
    let mut consumer = broker.consume(&name, Taking::free(10));
    nothing_comes(house, &mut *consumer).await;
    if house.counts_what_is_delayed() {
        assert_eq!(broker.depth(&name).await.unwrap().delayed, 1);
    }
    assert_eq!(bodies(&consumer.next(1).await), "nanti");
    assert!(due <= house.clock().now());
}

async fn again_brings_it_back(house: &mut dyn House) {
    let (name, broker) = (queue("sppd"), house.open().await);
    publish_words(house, &broker, &name, "surat").await;
    let mut consumer = broker.consume(&name, Taking::free(10));
    let first = take(house, &mut *consumer, 1).await.remove(0);
    let (id, due) = (first.entry.id, house.clock().now().after(DELAY));
    settle(&broker, vec![again(first, due)]).await;
    let back = consumer.next(10).await;
    assert_eq!((bodies(&back), back.len(), back[0].entry.id), ("surat".to_owned(), 1, id));
    assert_eq!(back[0].entry.headers, Headers::from_iter([("simpul-attempt", "2")]));
    assert!(due <= house.clock().now());
}

async fn hastened_ones_are_due(house: &mut dyn House) {
    let (name, broker) = (queue("sppd"), house.open().await);
    let due = house.clock().now().after(Duration::from_hours(6));
    let outputs = (0..1_500).map(|it| delayed(house, &name, due, &it.to_string())).collect();
    publish(&broker, outputs).await;
    let mut consumer = broker.consume(&name, Taking::free(2_000));
    nothing_comes(house, &mut *consumer).await;
    broker.hasten(&name).await.unwrap();
    assert_eq!(broker.depth(&name).await.unwrap().delayed, 0);
    take(house, &mut *consumer, 1_500).await;
}

async fn settlement_passes_outputs_on(house: &mut dyn House) {
    let (from, to, broker) = (queue("masuk"), queue("keluar"), house.open().await);
    publish_words(house, &broker, &from, "1 2").await;
    let mut consumer = broker.consume(&from, Taking::free(10));
    let taken = take(house, &mut *consumer, 2).await;
    let outputs = ["a", "b", "c"].map(|body| output(house, &to, body)).to_vec();
    broker.settle(done(taken), outputs, Writes::default()).await.unwrap();
    let mut next = broker.consume(&to, Taking::free(10));
    assert_eq!(bodies(&take(house, &mut *next, 3).await), "a b c");
    assert_eq!(broker.depth(&from).await.unwrap().entries, 0);
}

async fn a_failed_settlement(house: &mut dyn House) {
    let (from, to, broker) = (queue("masuk"), queue("keluar"), house.open().await);
    publish_words(house, &broker, &from, "1 2").await;
    let mut consumer = broker.consume(&from, Taking::free(10));
    let taken = take(house, &mut *consumer, 2).await;
    let mut writes = Writes::default();
    writes.push("INSERT INTO fact VALUES ('written', 1)", vec![]);
    writes.push("INSERT INTO no_such_table VALUES (1)", vec![]);
    let outputs = vec![output(house, &to, "a")];
    broker.settle(done(taken), outputs, writes).await.unwrap_err();

    let back = take(house, &mut *consumer, 2).await;
    assert_eq!(bodies(&back), "1 2");
    assert!(back.iter().all(|it| it.redelivered));
    if house.is_transactional() {
        assert_eq!(broker.depth(&to).await.unwrap().entries, 0);
    }
    let mut writes = Writes::default();
    // Would fail if the one above had been kept.
    writes.push("INSERT INTO fact VALUES ('written', 2)", vec![]);
    broker.settle(done(back), vec![], writes).await.unwrap();
}

async fn a_copy_is_marked(house: &mut dyn House) {
    let (name, broker) = (queue("sppd"), house.open().await);
    let copy = Output { copy: true, ..output(house, &name, "salinan") };
    publish(&broker, vec![output(house, &name, "asli"), copy]).await;
    let taken = take(house, &mut *broker.consume(&name, Taking::free(2)), 2).await;
    let marks: Vec<_> = taken.iter().map(|it| it.redelivered).collect();
    assert_eq!((bodies(&taken), marks), ("asli salinan".to_owned(), vec![false, true]));
}

async fn together(house: &mut dyn House) {
    let (name, broker) = (queue("sppd"), house.open().await);
    let mut writes = Writes::default();
    writes.push("INSERT INTO no_such_table VALUES (1)", vec![]);
    let outputs = vec![output(house, &name, "tidak")];
    broker.publish_atomically(outputs, writes).await.unwrap_err();
    let mut writes = Writes::default();
    writes.push("INSERT INTO fact VALUES ('together', 1)", vec![]);
    let outputs = vec![output(house, &name, "ya")];
    broker.publish_atomically(outputs, writes).await.unwrap();
    let taken = take(house, &mut *broker.consume(&name, Taking::free(2)), 1).await;
    assert_eq!(bodies(&taken), "ya");
    nothing_comes(house, &mut *broker.consume(&name, Taking::free(2))).await;
}

async fn a_dropped_consumer(house: &mut dyn House) {
    let (name, broker) = (queue("sppd"), house.open().await);
    publish_words(house, &broker, &name, "1 2 3").await;
    let mut consumer = broker.consume(&name, Taking::free(10));
    let first = take(house, &mut *consumer, 1).await;
    // Given up while it waits, too.
    let _ = tokio::time::timeout(
        Duration::ZERO,
        broker.consume(&queue("lain"), Taking::free(1)).next(1),
    )
    .await;
    drop(consumer);
    let mut consumer = broker.consume(&name, Taking::free(10));
    let rest = take(house, &mut *consumer, 2).await;
    assert_eq!(bodies(&rest), "2 3");
    assert!(rest.iter().all(|it| !it.redelivered), "they had not been handed out");
    settle(&broker, done(first.into_iter().chain(rest))).await;
    assert_eq!(broker.depth(&name).await.unwrap().entries, 0);
}

async fn thousands_of_queues(house: &mut dyn House) {
    const QUEUES: usize = 3_000;
    let broker = house.open().await;
    let names: Vec<_> = (0..QUEUES).map(|it| queue(&format!("r{it:05}"))).collect();
    let outputs = names.iter().map(|name| output(house, name, name)).collect();
    publish(&broker, outputs).await;
    assert_eq!(filled(&broker).await, names);
    let mut consumers: Vec<_> =
        names.iter().map(|name| broker.consume(name, Taking::free(5))).collect();
    for (name, consumer) in names.iter().zip(&mut consumers).step_by(50) {
        let taken = take(house, &mut **consumer, 1).await;
        assert_eq!(bodies(&taken), **name);
        settle(&broker, done(taken)).await;
    }
    assert_eq!(filled(&broker).await.len(), QUEUES - QUEUES / 50);
}

async fn filled(broker: &Arc<dyn Broker>) -> Vec<QueueName> {
    broker.depths().await.unwrap().into_keys().collect()
}

async fn purge_spares_loans(house: &mut dyn House) {
    let (name, other, broker) = (queue("sppd"), queue("lain"), house.open().await);
    let outputs = (0..2_500).map(|it| output(house, &name, &it.to_string())).collect();
    publish(&broker, outputs).await;
    publish_words(house, &broker, &other, "x").await;
    let mut consumer = broker.consume(&name, Taking::free(2));
    let held = take(house, &mut *consumer, 2).await;
    assert_eq!(broker.purge(&name).await.unwrap(), 2_498);
    assert_eq!(broker.depth(&name).await.unwrap().entries, 2);
    drop(held);
    assert_eq!(bodies(&take(house, &mut *consumer, 2).await), "0 1");
    assert_eq!(broker.depth(&other).await.unwrap().entries, 1);
}

async fn depth_counts(house: &mut dyn House) {
    let (name, broker) = (queue("sppd"), house.open().await);
    assert_eq!(broker.depth(&name).await.unwrap().entries, 0);
    publish_words(house, &broker, &name, "1 2 3").await;
    tokio::time::sleep(DELAY).await;
    let due = house.clock().now().after(DELAY);
    publish(&broker, vec![delayed(house, &name, due, "4")]).await;
    let mut consumer = broker.consume(&name, Taking::free(10));
    let held = take(house, &mut *consumer, 1).await;
    let depth = broker.depth(&name).await.unwrap();
    assert_eq!((depth.entries, depth.delayed), (4, 1));
    assert!(DELAY <= depth.oldest, "{depth:?}");
    is_the_only_one(&broker, &name, depth).await;
    drop((held, consumer, broker));
    house.crash();
    let broker = house.open().await;
    assert_eq!(broker.depth(&name).await.unwrap().entries, 4);
}

async fn is_the_only_one(broker: &Arc<dyn Broker>, name: &QueueName, depth: Depth) {
    let all = BTreeMap::from([(Arc::clone(name), depth)]);
    assert_eq!(broker.depths().await.unwrap(), all);
}

async fn depths_are_those_of_the_queues(house: &mut dyn House) {
    let broker = house.open().await;
    let names = [queue("sk"), queue("sppd")];
    publish_words(house, &broker, &names[0], "1 2").await;
    publish_words(house, &broker, &names[1], "3").await;
    let all = broker.depths().await.unwrap();
    let counts: Vec<_> = all.values().map(|it| (it.entries, it.delayed)).collect();
    assert_eq!(counts, [(2, 0), (1, 0)]);
    assert!(all.keys().eq(&names));
}

async fn browsing_takes_nothing(house: &mut dyn House) {
    let (name, broker) = (queue("sppd"), house.open().await);
    let due = house.clock().now().after(DELAY);
    publish_words(house, &broker, &name, "1 2").await;
    publish(&broker, vec![delayed(house, &name, due, "3")]).await;
    let first = broker.browse(&name, 0, 2).await.unwrap();
    let rest = broker.browse(&name, first[1].position, 10).await.unwrap();
    let seen: Vec<_> = first.iter().chain(&rest).map(|it| (&it.entry.body[..], it.due)).collect();
    assert_eq!(seen, [(&b"1"[..], None), (b"2", None), (b"3", Some(due))]);
    assert_eq!(bodies(&take(house, &mut *broker.consume(&name, Taking::free(9)), 2).await), "1 2");
}
