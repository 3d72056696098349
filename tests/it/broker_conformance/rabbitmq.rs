//! The broker on RabbitMQ: the list, and what only it promises.

use std::time::Instant;

use simpul::{
    broker::rabbitmq::{Address, Options, RabbitMq, Tls},
    store::Store,
};
use tempfile::TempDir;

use super::*;
use crate::support::rabbit::Rabbit;

/// A virtual host, and the store beside it.
struct RabbitHouse {
    directory: TempDir,
    address: String,
    open: Option<RabbitMq>,
}

impl RabbitHouse {
    fn new(rabbit: &Rabbit) -> Self {
        Self::at(rabbit.vhost())
    }

    fn at(address: String) -> Self {
        Self { directory: tempfile::tempdir().unwrap(), address, open: None }
    }
}

#[async_trait]
impl House for RabbitHouse {
    async fn open(&mut self) -> Arc<dyn Broker> {
        let store = Store::open(self.directory.path()).unwrap();
        let rungs = vec![Duration::from_secs(1), Duration::from_secs(3)];
        let options = Options { rungs, ..Options::default() };
        let address = Address::parse(&self.address).unwrap();
        let opened = RabbitMq::open(address, Tls::default(), store, self.clock(), options).await;
        let broker = opened.unwrap();
        broker.connected().await;
        self.open = Some(broker.clone());
        Arc::new(broker)
    }

    async fn stop(&mut self) {
        self.open.take().unwrap().close().await;
    }

    fn crash(&mut self) {
        self.open = None;
    }

    fn clock(&self) -> Clock {
        Clock::system()
    }

    fn patience(&self) -> Duration {
        Duration::from_secs(4)
    }

    fn lacks(&self, promise: &str) -> Option<&'static str> {
        Some(match promise {
            "hastened entries are due at once" => "a rung of the ladder lets nothing out early",
            "queues do not mix, by the thousand" => "a quorum queue costs 10 ms; see 500 routes",
            "depth counts what is there" => "the ladder holds the delayed ones of all queues",
            "browsing takes nothing" => "no queue with a single active consumer can be looked into",
            "a long row behind one key holds nobody up" => {
                "entries come in the order of the queue, and no more than `prefetch` at once"
            }
            _ => return None,
        })
    }

    fn counts_what_is_delayed(&self) -> bool {
        false
    }

    fn is_transactional(&self) -> bool {
        false
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rabbitmq_keeps_every_promise_that_it_can() {
    let Some(rabbit) = Rabbit::shared() else { return };
    run_all(|| RabbitHouse::new(rabbit)).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_store_says_is_published_is_published_when_rabbitmq_is_there_again() {
    let Some(rabbit) = Rabbit::shared() else { return };
    let mut house = RabbitHouse::new(rabbit);
    let name = queue("sppd");
    // Port 1 of this machine: nobody listens there.
    let nowhere = Address::parse("amqp://127.0.0.1:1").unwrap();
    let store = Store::open(house.directory.path()).unwrap();
    let options = Options::default();
    let away = RabbitMq::open(nowhere, Tls::default(), store, house.clock(), options).await;
    let away = away.unwrap();
    let outputs = vec![output(&house, &name, "ulang")];
    away.publish_atomically(outputs, Writes::default()).await.unwrap();
    away.close().await;
    drop(away);

    let broker = house.open().await;
    let mut consumer = broker.consume(&name, 2);
    let taken = take(&house, &mut *consumer, 1).await;
    assert_eq!((bodies(&taken), taken[0].redelivered), ("ulang".to_owned(), true));
    settle(&broker, done(taken)).await;
    nothing_comes(&house, &mut *consumer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_queues_of_500_routes_with_two_targets_are_declared_within_a_minute() {
    const ROUTES: usize = 500;
    let Some(rabbit) = Rabbit::start() else { return };
    let mut house = RabbitHouse::at(rabbit.vhost());
    let broker = house.open().await;
    let names = (0..ROUTES).flat_map(|it| {
        ["route.r{}", "deliver.r{}.arsip.simpan", "deliver.r{}.agenda.catat"].map(
            |name| -> QueueName {
                format!("simpul.{}", name.replace("{}", &it.to_string())).into()
            },
        )
    });
    let names: Vec<_> = names.collect();
    let started = Instant::now();
    for some in names.chunks(100) {
        publish(&broker, some.iter().map(|name| output(&house, name, name)).collect()).await;
    }
    let mut consumers: Vec<_> = names.iter().map(|name| broker.consume(name, 5)).collect();
    for (name, consumer) in names.iter().zip(&mut consumers) {
        let next = tokio::time::timeout(Duration::from_secs(60), consumer.next(1)).await.unwrap();
        assert_eq!(bodies(&next), **name);
    }
    let took = started.elapsed();
    assert!(took < Duration::from_secs(60), "{took:?}");
}
