//! The floor: two connections, 500 messages in hand, publications that are not waited for one by
//! one, and one acknowledgement for every run of confirmations that is there.

use std::{future::Future, pin::Pin};

use futures_util::{FutureExt, StreamExt, stream::FuturesOrdered};
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
        ConfirmSelectOptions,
    },
    types::FieldTable,
};
use tokio::task::JoinSet;

use super::{FROM, TO};
use crate::records::staff;

/// Messages in hand.
const PREFETCH: u16 = 500;

/// The loop at work; it ends when this is dropped.
pub(super) struct Floor {
    _task: JoinSet<()>,
    _connections: [Connection; 2],
}

/// A message on its way: yields its tag once it is confirmed.
type OnItsWay = Pin<Box<dyn Future<Output = u64> + Send>>;

impl Floor {
    pub(super) async fn start(url: &str) -> Self {
        let connect =
            async || Connection::connect(url, ConnectionProperties::default()).await.unwrap();
        let connections = [connect().await, connect().await];
        let [from, to] = [&connections[0], &connections[1]].map(|it| it.create_channel());
        let (from, to) = (from.await.unwrap(), to.await.unwrap());
        to.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
        from.basic_qos(PREFETCH, BasicQosOptions::default()).await.unwrap();
        let mut task = JoinSet::new();
        task.spawn(run(from, to));
        Self { _task: task, _connections: connections }
    }
}

async fn run(from: Channel, to: Channel) {
    let options = BasicConsumeOptions::default();
    let consumer = from.basic_consume(FROM.into(), "".into(), options, FieldTable::default());
    let mut consumer = consumer.await.unwrap();
    let mut under_way: FuturesOrdered<OnItsWay> = FuturesOrdered::new();
    loop {
        tokio::select! {
            taken = consumer.next() => {
                let Some(Ok(taken)) = taken else { return };
                let body = staff::over_value(&taken.data).unwrap();
                under_way.push_back(publish(to.clone(), taken.delivery_tag, body));
            }
            Some(mut tag) = under_way.next(), if !under_way.is_empty() => {
                while let Some(Some(next)) = under_way.next().now_or_never() {
                    tag = next;
                }
                from.basic_ack(tag, BasicAckOptions { multiple: true }).await.unwrap();
            }
        }
    }
}

fn publish(to: Channel, tag: u64, body: Vec<u8>) -> OnItsWay {
    Box::pin(async move {
        let properties = BasicProperties::default().with_delivery_mode(2);
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let sent = to.basic_publish("".into(), TO.into(), options, &body, properties).await;
        assert!(sent.unwrap().await.unwrap().is_ack());
        tag
    })
}
