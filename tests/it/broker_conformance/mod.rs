//! One list of checks over every `Broker`, and what only the embedded one promises.
//!
//! A broker takes part with a [`House`] and one test that runs [`run_all`] over it.

mod checks;
mod embedded;
mod model;
mod order;
mod rabbitmq;
mod rabbitmq_faults;

use std::{future::Future, pin::Pin, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;
use simpul::{
    broker::{Broker, Consumer, Delivery, Depth, Entry, Output, QueueName, Settled, Taking},
    message::{Clock, Digest, Headers, IdSource, Timestamp},
    store::Writes,
};

/// Where a broker lives: what it keeps outlives it.
#[async_trait]
pub(crate) trait House: Send {
    /// Opens the broker; the one before must be stopped or crashed, and dropped.
    async fn open(&mut self) -> Arc<dyn Broker>;

    /// Stops it cleanly.
    async fn stop(&mut self);

    /// Lets go of it as a process does that dies.
    fn crash(&mut self);

    /// The broker's clock.
    fn clock(&self) -> Clock;

    /// How long to wait before saying that nothing came.
    fn patience(&self) -> Duration;

    /// Why this kind of broker cannot keep a promise of the list, if by its nature it cannot.
    fn lacks(&self, _promise: &str) -> Option<&'static str> {
        None
    }

    /// Whether it knows of each queue how many entries wait for a moment.
    fn counts_what_is_delayed(&self) -> bool {
        true
    }

    /// Whether outputs, writes and removals of one settlement are one transaction.
    fn is_transactional(&self) -> bool;
}

type Check = for<'a> fn(&'a mut dyn House) -> Pin<Box<dyn Future<Output = ()> + 'a>>;

/// Runs every check, each over a house of its own.
pub(crate) async fn run_all<H: House>(make: impl Fn() -> H) {
    for (promise, check) in checks::ALL.iter().chain(order::ALL) {
        // Captured by the test harness: shown for the check that fails.
        #[expect(clippy::print_stderr, reason = "names the promise that is being checked")]
        {
            eprintln!("{promise}");
        }
        let mut house = make();
        if house.lacks(promise).is_none() {
            check(&mut house).await;
        }
    }
}

/// The name of a queue.
fn queue(name: &str) -> QueueName {
    format!("simpul.route.{name}").into()
}

/// Something for `queue` that says `body`.
fn output(house: &dyn House, queue: &QueueName, body: &str) -> Output {
    let now = house.clock().now();
    let entry = Entry {
        id: IdSource::default().next(now),
        received_at: now,
        headers: Headers::from_iter([("unit", "Bagian SDM")]),
        body: Bytes::copy_from_slice(body.as_bytes()),
    };
    Output { queue: Arc::clone(queue), entry, due: None, order_key: None, copy: false }
}

/// As [`output`], with an order key.
fn keyed(house: &dyn House, queue: &QueueName, key: &str, body: &str) -> Output {
    Output { order_key: Some(Digest::of(&[key.as_bytes()])), ..output(house, queue, body) }
}

/// As [`output`], not before `due`.
fn delayed(house: &dyn House, queue: &QueueName, due: Timestamp, body: &str) -> Output {
    Output { due: Some(due), ..output(house, queue, body) }
}

/// Puts them in, in one batch.
async fn publish(broker: &Arc<dyn Broker>, outputs: Vec<Output>) {
    for outcome in broker.publish(outputs, Writes::default()).await {
        outcome.unwrap();
    }
}

/// Puts one entry for each word of `bodies` in.
async fn publish_words(house: &dyn House, broker: &Arc<dyn Broker>, to: &QueueName, bodies: &str) {
    publish(broker, bodies.split(' ').map(|body| output(house, to, body)).collect()).await;
}

/// Takes until `count` came; fails if they do not come.
async fn take(house: &dyn House, from: &mut dyn Consumer, count: usize) -> Vec<Delivery> {
    let mut taken = Vec::new();
    while taken.len() < count {
        let next = from.next(count - taken.len());
        let more = tokio::time::timeout(house.patience(), next).await;
        taken.extend(more.unwrap_or_else(|_| panic!("{count} expected, got {}", bodies(&taken))));
    }
    taken
}

/// Nothing is ready.
async fn nothing_comes(house: &dyn House, from: &mut dyn Consumer) {
    let next = tokio::time::timeout(house.patience(), from.next(1)).await;
    assert!(next.is_err(), "{} came", bodies(&next.unwrap()));
}

/// What they say, as one text.
fn bodies<'a>(deliveries: impl IntoIterator<Item = &'a Delivery>) -> String {
    let body = |it: &Delivery| String::from_utf8(it.entry.body.to_vec()).unwrap();
    deliveries.into_iter().map(body).collect::<Vec<_>>().join(" ")
}

fn done(deliveries: impl IntoIterator<Item = Delivery>) -> Vec<Settled> {
    deliveries.into_iter().map(Settled::Done).collect()
}

fn again(delivery: Delivery, due: Timestamp) -> Settled {
    Settled::Again { delivery, headers: Headers::from_iter([("simpul-attempt", "2")]), due }
}

/// Settles, with nothing else.
async fn settle(broker: &Arc<dyn Broker>, settled: Vec<Settled>) {
    broker.settle(settled, vec![], Writes::default()).await.unwrap();
}
