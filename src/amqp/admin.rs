//! What is set up at a broker: queues, exchanges and bindings. Nothing is ever deleted by the bus.

use std::{
    fmt,
    sync::{Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use lapin::{
    Channel, ExchangeKind,
    options::{
        BasicGetOptions, ExchangeDeclareOptions, ExchangeDeleteOptions, QueueBindOptions,
        QueueDeclareOptions, QueueDeleteOptions, QueuePurgeOptions,
    },
    types::{AMQPValue, FieldTable, ShortString},
};
use tokio::{sync::Semaphore, time::timeout};

use super::{Link, Properties, Tag, Taken, code, fields::short, why};

/// How long a broker may take to answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// Calls at once, each over a channel of its own: declaring a quorum queue waits for the disk.
const CALLS_MAX: usize = 8;

/// The codes that mean something of their own.
const NOT_FOUND: u16 = 404;
const PRECONDITION_FAILED: u16 = 406;

/// The value of an argument.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Argument {
    /// A text.
    Text(String),
    /// A number.
    Number(i64),
    /// A truth.
    Flag(bool),
}

/// A durable queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSpec {
    /// Its name.
    pub name: String,
    /// Its arguments: `x-queue-type`, …
    pub arguments: Vec<(&'static str, Argument)>,
}

/// A durable exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExchangeSpec {
    /// Its name.
    pub name: String,
    /// `direct`, `fanout`, `topic`, `headers`.
    pub kind: &'static str,
}

/// A queue bound to an exchange.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    /// The queue.
    pub queue: String,
    /// The exchange.
    pub exchange: String,
    /// The routing key.
    pub routing_key: String,
}

/// What a queue holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Counts {
    /// Messages that nobody holds.
    pub ready: u64,
    /// Consumers.
    pub consumers: u64,
}

/// A broker did not do what it was asked.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AdminError {
    /// It exists, and is another than it should be. It is never deleted: somebody may need it.
    #[error(
        "{what} exists with other properties: {detail}; delete it at the broker if nobody needs \
         what is in it, or give the other one another name"
    )]
    Mismatch {
        /// What: "queue `simpul.route.x`".
        what: String,
        /// The broker's words.
        detail: String,
    },
    /// It does not exist.
    #[error("{what} does not exist")]
    Missing {
        /// What.
        what: String,
    },
    /// Anything else.
    #[error("{what}: {reason}")]
    Failed {
        /// What.
        what: String,
        /// What happened.
        reason: String,
    },
}

impl AdminError {
    fn of(what: String, error: &lapin::Error) -> Self {
        match code(error) {
            Some(PRECONDITION_FAILED) => Self::Mismatch { what, detail: why(error) },
            Some(NOT_FOUND) => Self::Missing { what },
            _ => Self::Failed { what, reason: why(error) },
        }
    }
}

/// Sets things up over a link. Fails at once while there is no connection.
pub struct Admin {
    link: Link,
    room: Semaphore,
    /// The channels of calls that went well, with the number of their connection: a refusal closes
    /// the channel.
    // std, not tokio: held for a few instructions, never across an await.
    idle: Mutex<Vec<(u64, Channel)>>,
}

impl fmt::Debug for Admin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Admin({:?})", self.link)
    }
}

impl Admin {
    /// Sets things up over `link`.
    pub fn new(link: &Link) -> Self {
        let (room, idle) = (Semaphore::new(CALLS_MAX), Mutex::default());
        Self { link: link.clone(), room, idle }
    }

    /// Declares a queue: creates it, or makes sure that it is as it should be.
    ///
    /// # Errors
    ///
    /// [`AdminError::Mismatch`] if it exists with other arguments.
    pub async fn declare(&self, queue: &QueueSpec) -> Result<Counts, AdminError> {
        let what = format!("queue `{}`", queue.name);
        let queue = queue.clone();
        self.call(what, async move |channel| declare(channel, &queue).await).await
    }

    /// Declares an exchange.
    ///
    /// # Errors
    ///
    /// [`AdminError::Mismatch`] if it exists as another kind.
    pub async fn declare_exchange(&self, exchange: &ExchangeSpec) -> Result<(), AdminError> {
        let what = format!("exchange `{}`", exchange.name);
        let ExchangeSpec { name, kind } = exchange.clone();
        let call = async move |channel: &Channel| {
            let options = ExchangeDeclareOptions { durable: true, ..Default::default() };
            let kind = ExchangeKind::Custom(kind.to_owned());
            let name = short("the name of the exchange", &name).map_err(unsayable)?;
            channel.exchange_declare(name, kind, options, FieldTable::default()).await
        };
        self.call(what, call).await
    }

    /// Binds a queue to an exchange, both of which must exist.
    ///
    /// # Errors
    ///
    /// [`AdminError::Missing`] if one of them does not.
    pub async fn bind(&self, binding: &Binding) -> Result<(), AdminError> {
        let what = format!("queue `{}` or exchange `{}`", binding.queue, binding.exchange);
        let binding = binding.clone();
        self.call(what, async move |channel| bind(channel, &binding).await).await
    }

    /// What a queue holds; nothing if it does not exist.
    ///
    /// # Errors
    ///
    /// [`AdminError`] if the broker cannot be asked.
    pub async fn counts(&self, queue: &str) -> Result<Option<Counts>, AdminError> {
        let name = queue.to_owned();
        let call = async move |channel: &Channel| {
            let options = QueueDeclareOptions { passive: true, ..Default::default() };
            let name = short("the name of the queue", &name).map_err(unsayable)?;
            let found = channel.queue_declare(name, options, FieldTable::default()).await?;
            Ok(counts(&found))
        };
        match self.call(format!("queue `{queue}`"), call).await {
            Ok(counts) => Ok(Some(counts)),
            Err(AdminError::Missing { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Whether an exchange is there.
    ///
    /// # Errors
    ///
    /// [`AdminError`] if the broker cannot be asked.
    pub async fn has_exchange(&self, exchange: &str) -> Result<bool, AdminError> {
        let name = exchange.to_owned();
        let call = async move |channel: &Channel| {
            let options = ExchangeDeclareOptions { passive: true, ..Default::default() };
            let name = short("the name of the exchange", &name).map_err(unsayable)?;
            let kind = ExchangeKind::Custom("direct".to_owned());
            channel.exchange_declare(name, kind, options, FieldTable::default()).await
        };
        match self.call(format!("exchange `{exchange}`"), call).await {
            Ok(()) => Ok(true),
            Err(AdminError::Missing { .. }) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Empties a queue of what nobody holds; returns how many messages went.
    ///
    /// # Errors
    ///
    /// [`AdminError`] if that is not certain.
    pub async fn purge(&self, queue: &str) -> Result<u64, AdminError> {
        let name = queue.to_owned();
        let call = async move |channel: &Channel| {
            let name = short("the name of the queue", &name).map_err(unsayable)?;
            Ok(u64::from(channel.queue_purge(name, QueuePurgeOptions::default()).await?))
        };
        self.call(format!("queue `{queue}`"), call).await
    }

    /// Deletes a queue with everything in it, which only whoever made it may do; returns how many
    /// messages went with it. One that does not exist is deleted already.
    ///
    /// # Errors
    ///
    /// [`AdminError`] if that is not certain.
    pub async fn delete(&self, queue: &str) -> Result<u64, AdminError> {
        let name = queue.to_owned();
        let call = async move |channel: &Channel| {
            // Quorum queues know neither `if-unused` nor `if-empty`.
            let name = short("the name of the queue", &name).map_err(unsayable)?;
            Ok(u64::from(channel.queue_delete(name, QueueDeleteOptions::default()).await?))
        };
        self.call(format!("queue `{queue}`"), call).await
    }

    /// Deletes an exchange, which only whoever made it may do. One that does not exist is deleted
    /// already.
    ///
    /// # Errors
    ///
    /// [`AdminError`] if that is not certain.
    pub async fn delete_exchange(&self, exchange: &str) -> Result<(), AdminError> {
        let name = exchange.to_owned();
        let call = async move |channel: &Channel| {
            let name = short("the name of the exchange", &name).map_err(unsayable)?;
            channel.exchange_delete(name, ExchangeDeleteOptions::default()).await
        };
        self.call(format!("exchange `{exchange}`"), call).await
    }

    /// Looks at up to `max` messages, which nobody else gets meanwhile and which are marked as
    /// redelivered afterwards: AMQP knows no other way to look.
    ///
    /// # Errors
    ///
    /// [`AdminError`] if the broker cannot be asked.
    pub async fn peek(&self, queue: &str, max: usize) -> Result<Vec<Taken>, AdminError> {
        let name = queue.to_owned();
        let call = async move |channel: &Channel| {
            let name = short("the name of the queue", &name).map_err(unsayable)?;
            let mut seen = Vec::new();
            while seen.len() < max {
                let options = BasicGetOptions { no_ack: false };
                let Some(next) = channel.basic_get(name.clone(), options).await? else { break };
                seen.push(taken(next.delivery, 0));
            }
            // What was looked at goes back.
            channel.close(200, ShortString::default()).await?;
            Ok(seen)
        };
        self.call(format!("queue `{queue}`"), call).await
    }

    async fn call<T>(
        &self,
        what: String,
        call: impl AsyncFnOnce(&Channel) -> lapin::Result<T>,
    ) -> Result<T, AdminError> {
        let failed = |reason: String| AdminError::Failed { what: what.clone(), reason };
        let work = async {
            let room = self.room.acquire().await;
            let _room = room.map_err(|_| failed("the connection is closed".to_owned()))?;
            let session = self.link.session_now();
            // A broker that takes nothing does not hear this either.
            let reason = || self.link.obstacle().unwrap_or_else(|| "not connected".to_owned());
            let session = session.filter(|_| self.link.obstacle().is_none());
            let session = session.ok_or_else(|| failed(reason()))?;
            let told = |error: lapin::Error| AdminError::of(what.clone(), &error);
            let channel = match self.idle(session.epoch) {
                Some(channel) => channel,
                None => session.channel().await.map_err(told)?,
            };
            let done = call(&channel).await;
            if done.is_ok() && channel.status().connected() {
                self.channels().push((session.epoch, channel));
            }
            done.map_err(told)
        };
        match timeout(ANSWER_TIMEOUT, Box::pin(work)).await {
            Ok(done) => done,
            Err(_) => Err(failed(format!(
                "no answer from the broker within {} s",
                ANSWER_TIMEOUT.as_secs()
            ))),
        }
    }
}

impl Admin {
    fn channels(&self) -> std::sync::MutexGuard<'_, Vec<(u64, Channel)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A channel of an earlier call over the same connection.
    fn idle(&self, epoch: u64) -> Option<Channel> {
        let mut idle = self.channels();
        idle.retain(|(it, channel)| *it == epoch && channel.status().connected());
        idle.pop().map(|(_, channel)| channel)
    }
}

/// An error of the library for what cannot be said in AMQP.
fn unsayable(reason: String) -> lapin::Error {
    std::io::Error::other(reason).into()
}

pub(super) async fn declare(channel: &Channel, queue: &QueueSpec) -> lapin::Result<Counts> {
    let mut arguments = FieldTable::default();
    for (name, value) in &queue.arguments {
        let value = match value {
            Argument::Text(it) => AMQPValue::LongString(it.as_str().into()),
            Argument::Number(it) => AMQPValue::LongLongInt(*it),
            Argument::Flag(it) => AMQPValue::Boolean(*it),
        };
        arguments.insert(short("the name of an argument", *name).map_err(unsayable)?, value);
    }
    let name = short("the name of the queue", &queue.name).map_err(unsayable)?;
    let found = channel.queue_declare(name, QueueDeclareOptions::durable(), arguments).await?;
    Ok(counts(&found))
}

pub(super) async fn bind(channel: &Channel, binding: &Binding) -> lapin::Result<()> {
    let Binding { queue, exchange, routing_key } = binding;
    let queue = short("the name of the queue", queue).map_err(unsayable)?;
    let exchange = short("the name of the exchange", exchange).map_err(unsayable)?;
    let key = short("the routing key", routing_key).map_err(unsayable)?;
    let options = QueueBindOptions::default();
    channel.queue_bind(queue, exchange, key, options, FieldTable::default()).await
}

fn counts(queue: &lapin::Queue) -> Counts {
    Counts { ready: u64::from(queue.message_count()), consumers: u64::from(queue.consumer_count()) }
}

/// A message as it came over the connection number `epoch`.
pub(super) fn taken(delivery: lapin::message::Delivery, epoch: u64) -> Taken {
    Taken {
        tag: Tag { epoch, number: delivery.delivery_tag },
        redelivered: delivery.redelivered,
        exchange: delivery.exchange.to_string(),
        routing_key: delivery.routing_key.to_string(),
        properties: Properties::from_amqp(&delivery.properties),
        body: Bytes::from(delivery.data),
    }
}
