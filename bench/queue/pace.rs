//! Records at a fixed rate, from queue to queue: how long after each was due to be sent it arrived.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use futures_util::StreamExt;
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{BasicConsumeOptions, BasicPublishOptions},
    types::FieldTable,
};
use tokio::task::JoinSet;

use super::{
    FROM, TO,
    common::{load::Documents, wire::Arrivals},
};

/// The load program: publishes and takes what arrives, over two connections.
pub(super) struct Pace {
    publishing: Channel,
    arrivals: Arc<Arrivals>,
    _task: JoinSet<()>,
    _connections: [Connection; 2],
}

impl Pace {
    pub(super) async fn start(url: &str) -> Self {
        let connect =
            async || Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let connections = [connect().await, connect().await];
        let [publishing, taking] = [&connections[0], &connections[1]].map(|it| it.create_channel());
        let (publishing, taking) = (publishing.await.unwrap(), taking.await.unwrap());
        let arrivals = Arrivals::new(Instant::now());
        let mut task = JoinSet::new();
        task.spawn(take(taking, Arc::clone(&arrivals)));
        Self { publishing, arrivals, _task: task, _connections: connections }
    }

    /// `rate` records a second; returns how long each took to arrive, in the order in which they
    /// did, once all have.
    pub(super) async fn run(&self, rate: usize, time: Duration) -> Vec<Duration> {
        let documents = Documents::new();
        let count = (rate as f64 * time.as_secs_f64()) as usize;
        let start = Instant::now();
        let options = BasicPublishOptions::default();
        let properties = BasicProperties::default().with_delivery_mode(2);
        for index in 0..count {
            let due = start + Duration::from_secs_f64(index as f64 / rate as f64);
            tokio::time::sleep_until(due.into()).await;
            let body = documents.at(index, &self.arrivals.stamp(due));
            let sent = self.publishing.basic_publish(
                "".into(),
                FROM.into(),
                options,
                &body,
                properties.clone(),
            );
            // Without confirmations this waits only until it is written.
            sent.await.unwrap().await.unwrap();
        }
        while self.arrivals.count() < count {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        self.arrivals.take()
    }
}

async fn take(channel: Channel, arrivals: Arc<Arrivals>) {
    let options = BasicConsumeOptions { no_ack: true, ..BasicConsumeOptions::default() };
    let consumer = channel.basic_consume(TO.into(), "".into(), options, FieldTable::default());
    let mut consumer = consumer.await.unwrap();
    while let Some(Ok(taken)) = consumer.next().await {
        arrivals.arrived(&taken.data);
    }
}
