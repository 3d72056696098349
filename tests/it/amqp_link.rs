//! Connections, publishers and consumers against a real broker.

use std::time::{Duration, Instant};

use bytes::Bytes;
use simpul::amqp::{
    Address, Admin, AdminError, Argument, Binding, ConsumeOptions, Consumer, ExchangeSpec, Link,
    Properties, Publication, PublishFailure, Publisher, QueueSpec, Taken, Tls,
};

use crate::support::rabbit::Rabbit;

const PATIENCE: Duration = Duration::from_secs(60);

fn link(address: &str, purpose: &str) -> Link {
    Link::open(Address::parse(address).unwrap(), purpose, Tls::default())
}

fn queue(name: &str) -> QueueSpec {
    let kind = Argument::Text("quorum".to_owned());
    QueueSpec { name: name.to_owned(), arguments: vec![("x-queue-type", kind)] }
}

fn publication(to: &str, id: usize) -> Publication {
    let properties =
        Properties { message_id: Some(id.to_string()), persistent: true, ..Properties::default() };
    let body = Bytes::from(id.to_string());
    Publication { exchange: String::new(), routing_key: to.to_owned(), properties, body }
}

fn consumer(link: &Link, queue: &str, prefetch: u16) -> Consumer {
    let (queue, quiet_max) = (queue.to_owned(), Some(Duration::from_secs(2)));
    Consumer::open(link, ConsumeOptions { queue, prefetch, setup: vec![], quiet_max })
}

async fn take(from: &mut Consumer, count: usize) -> Vec<Taken> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let next = tokio::time::timeout(PATIENCE, from.next(count - taken.len())).await;
        taken.extend(next.unwrap_or_else(|_| panic!("{} of {count} came", taken.len())));
    }
    taken
}

fn bodies(taken: &[Taken]) -> Vec<usize> {
    let number = |it: &Taken| std::str::from_utf8(&it.body).unwrap().parse().unwrap();
    taken.iter().map(number).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_confirmed_is_consumed_in_order_and_acknowledged_once() {
    let Some(rabbit) = Rabbit::shared() else { return };
    let address = rabbit.vhost();
    let (out, incoming) = (link(&address, "publish"), link(&address, "consume"));
    assert!(out.connected().await);
    assert_eq!(out.version().unwrap().product, "RabbitMQ");
    let admin = Admin::new(&out);
    admin.declare(&queue("surat")).await.unwrap();
    let publisher = Publisher::open(&out);
    let outcomes =
        publisher.publish_all((0..2_000).map(|it| publication("surat", it)).collect()).await;
    assert!(outcomes.iter().all(Result::is_ok));

    let mut from = consumer(&incoming, "surat", 300);
    let mut seen = Vec::new();
    while seen.len() < 2_000 {
        let taken = take(&mut from, 1).await;
        let more = from.next(250);
        let more = tokio::time::timeout(Duration::from_millis(50), more).await.unwrap_or_default();
        seen.extend(bodies(&taken).into_iter().chain(bodies(&more)));
        let tags: Vec<_> = taken.iter().chain(&more).map(|it| it.tag).collect();
        assert_eq!(from.acker().ack(tags.clone()).await, tags.len());
    }
    assert_eq!(seen, (0..2_000).collect::<Vec<_>>());
    from.close().await;
    assert_eq!(admin.counts("surat").await.unwrap().unwrap().ready, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_no_queue_takes_comes_back_as_just_that_message() {
    let Some(rabbit) = Rabbit::shared() else { return };
    let out = link(&rabbit.vhost(), "publish");
    out.connected().await;
    Admin::new(&out).declare(&queue("ada")).await.unwrap();
    let to = |it: usize| if it.is_multiple_of(3) { "tidak-ada" } else { "ada" };
    let all = (0..300).map(|it| publication(to(it), it)).collect();
    for (number, outcome) in Publisher::open(&out).publish_all(all).await.into_iter().enumerate() {
        match (number % 3, outcome) {
            (0, Err(PublishFailure::Returned { code: 312, .. })) | (1 | 2, Ok(())) => {}
            // Another one's return came with its confirmation, so that its own may be still to come.
            (1 | 2, Err(PublishFailure::Unknown { .. })) => {}
            (_, other) => panic!("{number}: {other:?}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_with_other_arguments_is_named_and_left_alone() {
    let Some(rabbit) = Rabbit::shared() else { return };
    let out = link(&rabbit.vhost(), "admin");
    out.connected().await;
    let admin = Admin::new(&out);
    admin.declare(&queue("surat")).await.unwrap();
    let other = QueueSpec { name: "surat".to_owned(), arguments: vec![] };
    let refusal = admin.declare(&other).await.unwrap_err();
    assert!(matches!(refusal, AdminError::Mismatch { .. }), "{refusal:?}");
    let text = refusal.to_string();
    assert!(text.starts_with("queue `surat` exists with other properties: PRECONDITION_FAILED"));
    // The refusal closed a channel; the next call has another.
    assert_eq!(admin.counts("surat").await.unwrap().unwrap().consumers, 0);
    assert_eq!(admin.counts("tidak-ada").await.unwrap(), None);
    let exchange = ExchangeSpec { name: "lalu-lintas".to_owned(), kind: "topic" };
    admin.declare_exchange(&exchange).await.unwrap();
    let binding = |exchange: &str| Binding {
        queue: "surat".to_owned(),
        exchange: exchange.to_owned(),
        routing_key: "#".to_owned(),
    };
    admin.bind(&binding("lalu-lintas")).await.unwrap();
    assert!(matches!(admin.bind(&binding("x")).await, Err(AdminError::Missing { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn closing_a_consumer_gives_back_what_it_held_to_its_place() {
    let Some(rabbit) = Rabbit::shared() else { return };
    let address = rabbit.vhost();
    let out = link(&address, "publish");
    out.connected().await;
    let mut spec = queue("surat");
    spec.arguments.push(("x-delivery-limit", Argument::Number(1_000_000)));
    Admin::new(&out).declare(&spec).await.unwrap();
    let all = (0..5).map(|it| publication("surat", it)).collect();
    assert!(Publisher::open(&out).publish_all(all).await.iter().all(Result::is_ok));

    let mut first = consumer(&out, "surat", 3);
    let held = take(&mut first, 3).await;
    let acker = first.acker();
    assert_eq!(acker.ack(vec![held[1].tag]).await, 1);
    assert_eq!(acker.ack(vec![held[1].tag]).await, 0, "twice is once");
    first.close().await;
    assert!(!acker.is_live(held[0].tag));
    assert_eq!(acker.ack(vec![held[0].tag]).await, 0, "a dead tag is no tag");

    let mut second = consumer(&out, "surat", 9);
    let taken = take(&mut second, 4).await;
    assert_eq!(bodies(&taken), [0, 2, 3, 4]);
    assert!(taken[0].redelivered);
}

/// RabbitMQ 3.10.8 may put the consumer on the new queue without telling it, and then holds back
/// as many messages as the old one had handed out.
#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_deleted_and_declared_at_once_is_taken_from_again() {
    let Some(rabbit) = Rabbit::shared() else { return };
    let address = rabbit.vhost();
    let (out, incoming) = (link(&address, "publish"), link(&address, "consume"));
    assert!(out.connected().await);
    let (admin, publisher) = (Admin::new(&out), Publisher::open(&out));
    let properties = lapin::ConnectionProperties::default();
    let by_hand = lapin::Connection::connect(&address, properties).await.unwrap();
    let channel = by_hand.create_channel().await.unwrap();
    admin.declare(&queue("surat")).await.unwrap();
    let mut from = consumer(&incoming, "surat", 10);
    for number in 0..5 {
        let outcomes = publisher.publish_all(vec![publication("surat", number)]).await;
        assert!(outcomes[0].is_ok());
        let taken = take(&mut from, 1).await;
        assert_eq!(bodies(&taken), [number]);
        from.acker().ack(vec![taken[0].tag]).await;
        channel.queue_delete("surat".into(), Default::default()).await.unwrap();
        admin.declare(&queue("surat")).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_outlives_its_broker_and_a_publish_without_one_fails_at_once() {
    let Some(rabbit) = Rabbit::start() else { return };
    let address = rabbit.vhost();
    let (out, incoming) = (link(&address, "publish"), link(&address, "consume"));
    out.connected().await;
    Admin::new(&out).declare(&queue("surat")).await.unwrap();
    let publisher = Publisher::open(&out);
    let mut from = consumer(&incoming, "surat", 10);
    from.consuming().await;
    assert_eq!(publisher.publish_all(vec![publication("surat", 0)]).await, [Ok(())]);
    let first = take(&mut from, 1).await;
    assert_eq!(from.acker().ack(vec![first[0].tag]).await, 1);

    rabbit.kill();
    let started = Instant::now();
    let outcome = publisher.publish_all(vec![publication("surat", 1)]).await.remove(0);
    assert!(matches!(outcome, Err(PublishFailure::Unknown { .. })), "{outcome:?}");
    assert!(started.elapsed() < Duration::from_secs(1), "{:?}", started.elapsed());

    rabbit.begin();
    rabbit.wait_until_up();
    let connected = tokio::time::timeout(PATIENCE, out.connected()).await;
    assert!(connected.is_ok(), "{out:?}");
}
