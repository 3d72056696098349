//! The broker on RabbitMQ: the list, and what only it promises.

use std::time::Instant;

use simpul::{
    amqp::{Admin, Argument, Link, QueueSpec},
    broker::rabbitmq::{Address, Options, RabbitMq, Tls},
    store::Store,
};
use tempfile::TempDir;

use super::*;
use crate::support::rabbit::Rabbit;

/// A virtual host, and the store beside it.
pub(super) struct RabbitHouse {
    directory: TempDir,
    pub(super) address: String,
    pub(super) held_max: Duration,
    check_every: Duration,
    open: Option<RabbitMq>,
}

impl RabbitHouse {
    pub(super) fn new(rabbit: &Rabbit) -> Self {
        Self::at(rabbit.vhost())
    }

    pub(super) fn at(address: String) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let Options { held_max, check_every, .. } = Options::default();
        Self { directory, address, held_max, check_every, open: None }
    }
}

impl RabbitHouse {
    /// The store, once the tasks of a broker that was dropped have let go of it.
    async fn store(&self) -> Store {
        let end = Instant::now() + Duration::from_secs(10);
        loop {
            match Store::open(self.directory.path()) {
                Ok(store) => return store,
                Err(error) => assert!(Instant::now() < end, "{error}"),
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }

    /// Why it cannot work, if it cannot.
    pub(super) fn obstacle(&self) -> Option<String> {
        self.open.as_ref().unwrap().obstacle().map(|it| it.reason)
    }
}

#[async_trait]
impl House for RabbitHouse {
    async fn open(&mut self) -> Arc<dyn Broker> {
        let store = self.store().await;
        let rungs = vec![Duration::from_secs(1), Duration::from_secs(3)];
        let (held_max, check_every) = (self.held_max, self.check_every);
        let options = Options { rungs, held_max, check_every, ..Options::default() };
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
    let store = house.store().await;
    let options = Options::default();
    let away = RabbitMq::open(nowhere, Tls::default(), store, house.clock(), options).await;
    let away = away.unwrap();
    let outputs = vec![output(&house, &name, "ulang")];
    away.publish_atomically(outputs, Writes::default()).await.unwrap();
    away.close().await;
    drop(away);

    let broker = house.open().await;
    let mut consumer = broker.consume(&name, Taking::free(2));
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
    let take = |name| broker.consume(name, Taking::free(5));
    let mut consumers: Vec<_> = names.iter().map(take).collect();
    let queues: Vec<_> = names.iter().map(ToString::to_string).collect();
    until_declared(&admin(&house.address).await, &queues).await;
    for some in names.chunks(100) {
        publish(&broker, some.iter().map(|name| output(&house, name, name)).collect()).await;
    }
    for (name, consumer) in names.iter().zip(&mut consumers) {
        let next = tokio::time::timeout(Duration::from_secs(60), consumer.next(1)).await.unwrap();
        assert_eq!(bodies(&next), **name);
    }
    let took = started.elapsed();
    assert!(took < Duration::from_secs(60), "{took:?}");
}

/// What sets things up at a broker beside simpul.
pub(super) async fn admin(address: &str) -> Admin {
    let link = Link::open(Address::parse(address).unwrap(), "test", Tls::default());
    link.connected().await;
    Admin::new(&link)
}

/// Waits until all of `queues` are there.
pub(super) async fn until_declared(admin: &Admin, queues: &[String]) {
    let end = Instant::now() + Duration::from_secs(60);
    for queue in queues {
        while admin.counts(queue).await.unwrap().is_none() {
            assert!(Instant::now() < end, "{queue} is not declared");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn queues_are_declared_when_somebody_takes_from_them_and_not_with_the_first_message() {
    let Some(rabbit) = Rabbit::shared() else { return };
    let mut house = RabbitHouse::new(rabbit);
    let broker = house.open().await;
    let admin = admin(&house.address).await;
    let ladder = ["simpul.delay.1s", "simpul.delay.3s", "simpul.dead"].map(str::to_owned);
    until_declared(&admin, &ladder).await;
    let name = queue("sppd");
    let _free = broker.consume(&name, Taking::free(10));
    let ordered: QueueName = "simpul.deliver.sppd.arsip.simpan".into();
    let _by_key = broker.consume(&ordered, Taking::by_key(10, 100));
    let shards: Vec<_> = (0..4).map(|it| format!("{ordered}.s{it:02}")).collect();
    until_declared(&admin, &[name.to_string()]).await;
    until_declared(&admin, &shards).await;
    assert_eq!(admin.counts(&ordered).await.unwrap(), None, "no entry without a key comes");
}

#[tokio::test(flavor = "multi_thread")]
async fn other_keys_go_on_behind_one_that_is_tried_again() {
    let Some(rabbit) = Rabbit::shared() else { return };
    let mut house = RabbitHouse::new(rabbit);
    let broker = house.open().await;
    let name: QueueName = "simpul.deliver.sppd.arsip.simpan".into();
    // More entries of the one key than the target is sent at once.
    let stuck = (0..20).map(|it| keyed(&house, &name, "a", &format!("a:{it:02}")));
    let others = (0..20).map(|it| keyed(&house, &name, &format!("k{it}"), "x"));
    publish(&broker, stuck.chain(others).collect()).await;
    let mut consumer = broker.consume(&name, Taking::by_key(4, 200));
    let mut others = 0;
    while others < 20 {
        let taken = take(&house, &mut *consumer, 1).await;
        let due = house.clock().now().after(Duration::from_secs(60));
        for delivery in taken {
            let settled = if bodies([&delivery]).starts_with("a:") {
                again(delivery, due)
            } else {
                others += 1;
                Settled::Done(delivery)
            };
            settle(&broker, vec![settled]).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn two_stores_on_one_rabbitmq_do_not_mix() {
    let Some(rabbit) = Rabbit::shared() else { return };
    let mut one = RabbitHouse::new(rabbit);
    let mut two = RabbitHouse::at(one.address.clone());
    let (name, first) = (queue("sppd"), one.open().await);
    publish_words(&one, &first, &name, "1").await;

    let second = two.open().await;
    let refusal = second.publish(vec![output(&two, &name, "2")], Writes::default()).await.remove(0);
    let reason = refusal.unwrap_err().reason;
    assert!(reason.starts_with("the queues of this RabbitMQ belong to another store:"), "{reason}");
    assert_eq!(two.obstacle(), Some(reason));
    nothing_comes(&two, &mut *second.consume(&name, Taking::free(10))).await;
    assert_eq!(bodies(&take(&one, &mut *first.consume(&name, Taking::free(10)), 1).await), "1");

    // The same store again is the same.
    drop(first);
    one.crash();
    let first = one.open().await;
    publish_words(&one, &first, &name, "3").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_with_other_arguments_is_named_and_the_others_work() {
    let Some(rabbit) = Rabbit::shared() else { return };
    let mut house = RabbitHouse::new(rabbit);
    let arguments = vec![("x-queue-type", Argument::Text("classic".to_owned()))];
    let (theirs, name) = (queue("lama"), queue("sppd"));
    let foreign = QueueSpec { name: theirs.to_string(), arguments };
    admin(&house.address).await.declare(&foreign).await.unwrap();

    let broker = house.open().await;
    let _stuck = broker.consume(&theirs, Taking::free(10));
    let mut consumer = broker.consume(&name, Taking::free(10));
    publish_words(&house, &broker, &name, "1").await;
    assert_eq!(bodies(&take(&house, &mut *consumer, 1).await), "1");
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let trouble = house.open.as_ref().unwrap().trouble().unwrap_or_default();
        if trouble.starts_with("queue `simpul.route.lama` exists with other properties") {
            break;
        }
        assert!(Instant::now() < end, "{trouble}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// How long dead-lettering of a new quorum queue takes to start, at most. Deleted before that, it makes
/// 3.10.8 end its supervisor of dead-lettering, and confirm nothing to any such queue any more until
/// it is started anew. It says nothing of it, so there is nothing to wait for but time.
const DEAD_LETTERING_STARTS: Duration = Duration::from_secs(10);

/// On a server of its own, for what it would do to the tests beside it.
#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_somebody_deletes_is_declared_anew() {
    let Some(rabbit) = Rabbit::start() else { return };
    let mut house = RabbitHouse::new(&rabbit);
    house.check_every = Duration::from_secs(1);
    let (name, broker) = (queue("sppd"), house.open().await);
    let mut consumer = broker.consume(&name, Taking::free(10));
    let admin = admin(&house.address).await;
    let queues = [&*name, "simpul.delay.1s", "simpul.dead"].map(str::to_owned);
    until_declared(&admin, &queues).await;
    // In use, not only declared.
    let due = house.clock().now().after(Duration::from_secs(2));
    publish(&broker, vec![delayed(&house, &name, due, "dulu")]).await;
    let before = take(&house, &mut *consumer, 1).await;
    assert_eq!(bodies(&before), "dulu");
    settle(&broker, done(before)).await;
    tokio::time::sleep(DEAD_LETTERING_STARTS).await;

    let properties = lapin::ConnectionProperties::default();
    let by_hand = lapin::Connection::connect(&house.address, properties).await.unwrap();
    let channel = by_hand.create_channel().await.unwrap();
    for queue in &queues {
        channel.queue_delete(queue.as_str().into(), Default::default()).await.unwrap();
    }
    until_declared(&admin, &queues).await;
    // Through the ladder, too, once it is bound again.
    let end = Instant::now() + Duration::from_secs(20);
    loop {
        let due = house.clock().now().after(Duration::from_secs(2));
        let outputs = vec![delayed(&house, &name, due, "nanti")];
        match broker.publish(outputs, Writes::default()).await.remove(0) {
            Ok(()) => break,
            Err(error) => assert!(Instant::now() < end, "{error}"),
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    let next = tokio::time::timeout(Duration::from_secs(30), consumer.next(1)).await;
    assert_eq!(bodies(&next.expect("it comes")), "nanti");
}
