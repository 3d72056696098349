//! Systems that speak AMQP: what they publish to their queues is delivered, and what is sent to
//! them is published. Against a RabbitMQ of the run's own.

mod clients;
mod cut;
mod express;
mod kills;
mod mistakes;
mod nested;
mod source;
mod target;
mod tls;

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use bytes::Bytes;
use simpul::amqp::{
    Address, Admin, Argument, Link, Properties, Publication, Publisher, QueueSpec, Tls,
};

use crate::support::{
    bus::{Bus, Project},
    rabbit::Rabbit,
    scripted::Scripted,
};

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// The queue that the tests' system publishes to.
const QUEUE: &str = "absensi.koreksi";

/// A system beside the bus: it declares its queues and publishes, as such programs do.
struct Foreign {
    url: String,
    link: Link,
    publisher: Publisher,
    admin: Admin,
}

impl Foreign {
    /// On a virtual host of its own; `None` where there is no RabbitMQ.
    async fn new() -> Option<Self> {
        let rabbit = tokio::task::spawn_blocking(Rabbit::shared).await.unwrap()?;
        Some(Self::at(rabbit.vhost()).await)
    }

    async fn at(url: String) -> Self {
        let link = Link::open(Address::parse(&url).unwrap(), "sistem", Tls::default());
        assert!(link.connected().await);
        let (publisher, admin) = (Publisher::open(&link), Admin::new(&link));
        Self { url, link, publisher, admin }
    }

    /// Declares a durable queue with arguments that simpul knows nothing of.
    async fn declare(&self, name: &str) {
        let arguments = vec![
            ("x-queue-type", Argument::Text("classic".to_owned())),
            ("x-max-length", Argument::Number(100_000)),
        ];
        self.admin.declare(&QueueSpec { name: name.to_owned(), arguments }).await.unwrap();
    }

    async fn publish(&self, body: impl Into<Bytes>) {
        self.publish_with(Properties::default(), body).await;
    }

    async fn publish_with(&self, properties: Properties, body: impl Into<Bytes>) {
        let one = publication(properties, body);
        assert_eq!(self.publisher.publish_all(vec![one]).await, [Ok(())]);
    }

    /// As [`publish`](Self::publish), again and again until it is confirmed: perhaps twice.
    async fn publish_until_confirmed(&self, body: &str) {
        let confirmed = async || {
            let one = publication(Properties::default(), body.to_owned());
            self.publisher.publish_all(vec![one]).await == [Ok(())]
        };
        until("a confirmation", confirmed).await;
    }

    /// Messages of a queue that nobody holds.
    async fn ready(&self, queue: &str) -> Option<u64> {
        self.admin.counts(queue).await.unwrap().map(|it| it.ready)
    }
}

fn publication(properties: Properties, body: impl Into<Bytes>) -> Publication {
    Publication {
        exchange: String::new(),
        routing_key: QUEUE.to_owned(),
        properties: Properties { persistent: true, ..properties },
        body: body.into(),
    }
}

/// A text with the id that the tests' senders give it.
fn id(text: &str) -> Properties {
    Properties { message_id: Some(text.to_owned()), ..Properties::default() }
}

/// The system file of a source that reads [`QUEUE`]; `more` are further keys of the source.
fn system(url: &str, more: &str) -> String {
    format!(
        "system: absensi\nname: Absensi\namqp:\n  url: {url}\n  sources:\n    \
         koreksi: {{ queue: {QUEUE}{more} }}\n"
    )
}

/// A project whose route `uji` reads the queue and sends to `arsip`.
fn project(url: &str, more: &str, arsip: &Arc<Scripted>) -> Project {
    let project = Project::of("to:\n  - target: arsip.terima\n", &[("arsip", Arc::clone(arsip))]);
    project.write("connectors/absensi.yaml", &system(url, more));
    project.write("routes/uji.yaml", &route("uji", "absensi.koreksi"));
    project
}

/// A route from a source to `arsip`.
fn route(name: &str, from: &str) -> String {
    format!(
        "route: {name}\nsummary: Uji.\nowner: Uji\nfrom: {from}\nto:\n  - target: arsip.terima\n"
    )
}

/// Waits until `holds`, asking again and again.
async fn until<F: Future<Output = bool>>(what: &str, mut holds: impl FnMut() -> F) {
    let start = Instant::now();
    while !holds().await {
        assert!(start.elapsed() < PATIENCE, "never happened: {what}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// Waits until so many messages of the route `uji` were received.
async fn received(bus: &Bus, count: u64) {
    bus.until("the messages", |it| count <= it.tally.received).await;
    bus.settled().await;
}
