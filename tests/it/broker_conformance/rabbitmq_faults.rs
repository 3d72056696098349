//! The broker on RabbitMQ while RabbitMQ dies, freezes, or loses its patience.

use std::{collections::BTreeSet, time::Instant};

use super::{
    rabbitmq::{RabbitHouse, admin, until_declared},
    *,
};
use crate::support::rabbit::Rabbit;

/// How long RabbitMQ 3.10.8 takes, at most, until a new quorum queue would survive `kill -9`: it
/// writes its register of Raft servers to the disk some seconds later, and says nothing of it. A
/// property of that server, so there is nothing to wait for but time.
const REGISTERED: Duration = Duration::from_secs(8);

/// Publishes, is killed in the middle, and starts again: everything that was confirmed comes.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_that_was_confirmed_is_lost_when_rabbitmq_is_killed() {
    let Some(rabbit) = Rabbit::start() else { return };
    let mut house = RabbitHouse::at(rabbit.vhost());
    let (name, broker) = (queue("sppd"), house.open().await);
    let mut consumer = broker.consume(&name, Taking::free(100));
    until_declared(&admin(&house.address).await, &[name.to_string()]).await;
    tokio::time::sleep(REGISTERED).await;

    let (mut confirmed, mut seen) = (BTreeSet::new(), BTreeSet::new());
    let (mut number, mut refused) = (0, 0);
    while refused == 0 {
        if number == 400 {
            rabbit.kill();
        }
        let words: Vec<_> = (number..number + 20).map(|it| it.to_string()).collect();
        number += 20;
        assert!(number < 10_000, "a dead RabbitMQ refuses nothing");
        let outputs = words.iter().map(|it| output(&house, &name, it)).collect();
        let started = Instant::now();
        let outcomes = broker.publish(outputs, Writes::default()).await;
        let took = started.elapsed();
        assert!(took < Duration::from_secs(1), "a publish took {took:?}");
        for (word, outcome) in words.into_iter().zip(outcomes) {
            match outcome {
                Ok(()) => drop(confirmed.insert(word)),
                Err(_) => refused += 1,
            }
        }
        if let Ok(taken) = tokio::time::timeout(Duration::from_millis(5), consumer.next(10)).await {
            seen.extend(taken.iter().map(|it| bodies([it])));
            let _ = broker.settle(done(taken), vec![], Writes::default()).await;
        }
    }
    rabbit.begin();
    let end = Instant::now() + Duration::from_secs(90);
    while !confirmed.is_subset(&seen) {
        let next = tokio::time::timeout_at(end.into(), consumer.next(50)).await;
        let taken = next.unwrap_or_else(|_| panic!("{} lost", confirmed.difference(&seen).count()));
        seen.extend(taken.iter().map(|it| bodies([it])));
        settle(&broker, done(taken)).await;
    }
    assert!(400 <= confirmed.len() && 0 < refused);
    // And it goes on.
    while broker.publish(vec![output(&house, &name, "baru")], Writes::default()).await[0].is_err() {
        assert!(Instant::now() < end, "{:?}", house.obstacle());
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    assert_eq!(bodies(&take(&house, &mut *consumer, 1).await), "baru");
}

/// What came of one message that somebody waits for, and how long it took.
async fn answer(house: &RabbitHouse, broker: &Arc<dyn Broker>) -> (bool, Duration) {
    let started = Instant::now();
    let outputs = vec![output(house, &queue("sppd"), "surat")];
    let outcome = broker.publish(outputs, Writes::default()).await.remove(0);
    (outcome.is_ok(), started.elapsed())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_rabbitmq_is_answered_for_within_a_second_and_heals() {
    const ANSWER_MAX: Duration = Duration::from_millis(1_200);
    let Some(rabbit) = Rabbit::start() else { return };
    let mut house = RabbitHouse::at(rabbit.vhost());
    let broker = house.open().await;
    assert!(answer(&house, &broker).await.0);
    // Longer than confirmations are waited for, and than two heartbeats: it goes through all states.
    rabbit.freeze();
    let frozen = Instant::now();
    while frozen.elapsed() < Duration::from_secs(25) {
        let (first, second) = tokio::join!(answer(&house, &broker), answer(&house, &broker));
        for (is_ok, took) in [first, second] {
            assert!(!is_ok && took < ANSWER_MAX, "{took:?} after {:?}", frozen.elapsed());
        }
        assert!(house.obstacle().is_some());
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
    rabbit.thaw();
    until_well(&house, &broker).await;

    // A short one heals by the confirmations that come late.
    rabbit.freeze();
    let (is_ok, took) = answer(&house, &broker).await;
    assert!(!is_ok && took < ANSWER_MAX, "{took:?}");
    let (is_ok, took) = answer(&house, &broker).await;
    assert!(!is_ok && took < ANSWER_MAX / 4, "{took:?}");
    rabbit.thaw();
    until_well(&house, &broker).await;
}

async fn until_well(house: &RabbitHouse, broker: &Arc<dyn Broker>) {
    let end = Instant::now() + Duration::from_secs(30);
    while !answer(house, broker).await.0 || house.obstacle().is_some() {
        assert!(Instant::now() < end, "{:?}", house.obstacle());
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_held_for_too_long_is_taken_anew_with_its_attempts_and_its_order() {
    let Some(rabbit) = Rabbit::shared() else { return };
    let mut house = RabbitHouse::new(rabbit);
    house.held_max = Duration::from_secs(1);
    let broker = house.open().await;
    let name: QueueName = "simpul.deliver.sppd.arsip.simpan".into();
    let all = ["a:1", "a:2", "a:3"].map(|it| keyed(&house, &name, "a", it));
    publish(&broker, all.to_vec()).await;
    let mut consumer = broker.consume(&name, Taking::by_key(10, 100));
    let first = take(&house, &mut *consumer, 1).await.remove(0);
    // Long enough to be taken anew several times meanwhile.
    let due = house.clock().now().after(Duration::from_secs(5));
    settle(&broker, vec![again(first, due)]).await;
    for body in ["a:1", "a:2", "a:3"] {
        let next = tokio::time::timeout(Duration::from_secs(20), consumer.next(10)).await.unwrap();
        assert_eq!(bodies(&next), body);
        assert!(due <= house.clock().now(), "{body} came early");
        let attempt = next[0].entry.headers.get("simpul-attempt").map(str::to_owned);
        assert_eq!(attempt.as_deref(), (body == "a:1").then_some("2"));
        if body == "a:1" {
            assert!(next[0].redelivered, "it was never taken anew");
        }
        settle(&broker, done(next)).await;
    }
    nothing_comes(&house, &mut *consumer).await;
    assert_eq!(broker.depth(&name).await.unwrap().entries, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_in_hand_while_its_channel_is_renewed_is_done_once() {
    let Some(rabbit) = Rabbit::start() else { return };
    let mut house = RabbitHouse::at(rabbit.vhost());
    let (name, broker) = (queue("sppd"), house.open().await);
    publish_words(&house, &broker, &name, "1 2").await;
    let mut consumer = broker.consume(&name, Taking::free(1));
    let held = take(&house, &mut *consumer, 1).await;
    tokio::time::sleep(REGISTERED).await;
    rabbit.kill();
    rabbit.begin();
    // Another consumer of nothing new: what is in hand is not handed out a second time.
    let more = tokio::time::timeout(Duration::from_secs(20), consumer.next(1)).await;
    assert!(more.is_err(), "{} came while 1 is in hand", bodies(&more.unwrap()));
    settle(&broker, done(held)).await;
    let next = take(&house, &mut *consumer, 1).await;
    assert_eq!(bodies(&next), "2");
    settle(&broker, done(next)).await;
    nothing_comes(&house, &mut *consumer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_has_lost_its_server_is_named_and_the_others_go_on() {
    let Some(rabbit) = Rabbit::start() else { return };
    let mut house = RabbitHouse::at(rabbit.vhost());
    let broker = house.open().await;
    let (dead, alive) = (queue("mati"), queue("hidup"));
    publish_words(&house, &broker, &dead, "1").await;
    publish_words(&house, &broker, &alive, "1").await;
    let mut consumer = broker.consume(&alive, Taking::free(10));
    rabbit.stop_queue(&dead);

    // Whoever waits for the answer has it soon.
    let started = Instant::now();
    let one = broker.publish(vec![output(&house, &dead, "2")], Writes::default());
    let refusal = one.await.remove(0).unwrap_err().reason;
    assert!(started.elapsed() < Duration::from_millis(1_200), "{:?}", started.elapsed());
    assert!(refusal.contains("`simpul.route.mati`"), "{refusal}");

    // Whoever can wait does, and is told which queue it was.
    let held = take(&house, &mut *consumer, 1).await;
    let outputs = vec![output(&house, &dead, "3")];
    let started = Instant::now();
    let mut settling = std::pin::pin!(broker.settle(done(held), outputs, Writes::default()));
    let reason = loop {
        let one = broker.publish(vec![output(&house, &alive, "lagi")], Writes::default());
        tokio::select! {
            settled = &mut settling => break settled.unwrap_err().reason,
            // RabbitMQ stops the channel for some seconds.
            _ = one => {}
        }
        assert!(started.elapsed() < Duration::from_secs(30), "it waits for ever");
    };
    assert!(reason.starts_with("`simpul.route.mati`: not confirmed: no confirmation"), "{reason}");

    // From then on it is apart, and the other queue works as ever.
    for _ in 0..20 {
        let one = broker.publish(vec![output(&house, &dead, "4")], Writes::default());
        let other = broker.publish(vec![output(&house, &alive, "lagi")], Writes::default());
        let (one, other) = tokio::join!(one, other);
        assert!(one[0].is_err());
        assert_eq!(other[0].as_ref().map_err(|it| it.reason.clone()), Ok(&()));
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}
