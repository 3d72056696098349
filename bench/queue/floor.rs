//! The floor, a process of its own: two connections, 500 messages in hand, publications that are
//! not waited for one by one, and one acknowledgement for every run of confirmations that is there.
//! One thread, as two take more of the processor and are no faster.

use std::{
    env,
    future::{Future, pending},
    pin::Pin,
    process::Command,
};

use futures_util::{FutureExt, StreamExt, stream::FuturesOrdered};
use lapin::{
    BasicProperties, Channel, Connection, ConnectionProperties,
    options::{
        BasicAckOptions, BasicConsumeOptions, BasicPublishOptions, BasicQosOptions,
        ConfirmSelectOptions,
    },
    types::{AMQPValue, FieldTable},
};

use super::{FROM, TO};
use crate::records::staff;

/// Messages in hand.
const PREFETCH: u16 = 500;

/// By what this program knows that it is to be the floor.
const NAME: &str = "be-the-floor";

/// What the floor does with a message.
#[derive(Clone, Copy)]
pub(super) enum Work {
    /// The filter and the map of the route, by hand over `serde_json::Value`.
    Map,
    /// The same, and what simpul says beside the body.
    Headers,
    /// Nothing: the body as it came.
    Pass,
}

impl Work {
    fn word(self) -> &'static str {
        match self {
            Self::Map => "map",
            Self::Headers => "headers",
            Self::Pass => "pass",
        }
    }
}

/// A message on its way: yields its tag once it is confirmed.
type OnItsWay = Pin<Box<dyn Future<Output = u64> + Send>>;

/// The program that is the floor; it says a word once it is connected, and takes messages then.
pub(super) fn command(url: &str, work: Work) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([NAME, url, work.word()]);
    command
}

/// Whether this program is to be the floor; does not return then.
pub(super) fn be_asked() {
    let arguments: Vec<String> = env::args().collect();
    let [_, name, url, work] = &arguments[..] else { return };
    if name == NAME {
        let all = [Work::Map, Work::Headers, Work::Pass];
        let work = all.into_iter().find(|it| it.word() == work).unwrap();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(run(url, work));
    }
}

async fn run(url: &str, work: Work) {
    let connect = async || Connection::connect(url, ConnectionProperties::default()).await.unwrap();
    let connections = [connect().await, connect().await];
    let [from, to] = [&connections[0], &connections[1]].map(|it| it.create_channel());
    let (from, to) = (from.await.unwrap(), to.await.unwrap());
    to.confirm_select(ConfirmSelectOptions::default()).await.unwrap();
    from.basic_qos(PREFETCH, BasicQosOptions::default()).await.unwrap();
    println!("connected");
    carry(from, to, work).await;
}

async fn carry(from: Channel, to: Channel, work: Work) {
    let options = BasicConsumeOptions::default();
    let consumer = from.basic_consume(FROM.into(), "".into(), options, FieldTable::default());
    let mut consumer = consumer.await.unwrap();
    let mut under_way: FuturesOrdered<OnItsWay> = FuturesOrdered::new();
    loop {
        tokio::select! {
            taken = consumer.next() => {
                let Some(Ok(taken)) = taken else { return pending().await };
                let properties = match work {
                    Work::Headers => beside(taken.delivery_tag),
                    Work::Map | Work::Pass => BasicProperties::default(),
                };
                let body = match work {
                    Work::Map | Work::Headers => staff::over_value(&taken.data).unwrap(),
                    Work::Pass => taken.data,
                };
                under_way.push_back(publish(to.clone(), taken.delivery_tag, body, properties));
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

/// As much as simpul says, and in the same form.
fn beside(tag: u64) -> BasicProperties {
    let (key, id) = (format!("{tag:064x}"), format!("019bc9a1-7d40-7000-8000-{tag:012x}"));
    let mut headers = FieldTable::default();
    for (name, value) in [
        ("idempotency-key", key.as_str()),
        ("simpul-accepted-at", "2026-01-17T02:30:00.000Z"),
        ("simpul-attempt", "1"),
        ("simpul-message-id", id.as_str()),
    ] {
        headers.insert(name.into(), AMQPValue::LongString(value.into()));
    }
    BasicProperties::default()
        .with_headers(headers)
        .with_content_type("application/json".into())
        .with_message_id(key.into())
        .with_app_id("simpul".into())
}

fn publish(to: Channel, tag: u64, body: Vec<u8>, properties: BasicProperties) -> OnItsWay {
    Box::pin(async move {
        let properties = properties.with_delivery_mode(2);
        let options = BasicPublishOptions { mandatory: true, ..BasicPublishOptions::default() };
        let sent = to.basic_publish("".into(), TO.into(), options, &body, properties).await;
        assert!(sent.unwrap().await.unwrap().is_ack());
        tag
    })
}
