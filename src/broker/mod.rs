//! Brokers: durable queues with acknowledgements, shaped for batches.
//!
//! The trait holds what the engine needs and nothing a particular broker happens to offer.
//! `tests/it/broker_conformance/` runs the same checks over every implementation.

pub mod embedded;
pub mod rabbitmq;
#[cfg(test)]
pub(crate) mod simulated;

use std::{any::Any, collections::BTreeMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use bytes::Bytes;

use crate::{
    message::{Digest, Headers, MessageId, Timestamp},
    store::Writes,
};

/// The name of a queue: `simpul.route.<route>` or `simpul.deliver.<route>.<system>.<target>`.
pub type QueueName = Arc<str>;

/// What stands in a queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The message that this is, or that gave rise to it.
    pub id: MessageId,
    /// When it was first put into a queue; for the age of a queue.
    pub received_at: Timestamp,
    /// Headers.
    pub headers: Headers,
    /// The body.
    pub body: Bytes,
}

/// Something to put into a queue.
#[derive(Debug, Clone)]
pub struct Output {
    /// Where to.
    pub queue: QueueName,
    /// What.
    pub entry: Entry,
    /// Not to be handed out before this moment; `None`: at once.
    pub due: Option<Timestamp>,
    /// Entries of one queue with the same key are handed out one at a time, in the order in which
    /// they were put in: the next only when the one before is settled as done.
    pub order_key: Option<Digest>,
    /// Another one like it may have been put in before: it is handed out as `redelivered`.
    pub copy: bool,
}

/// How a consumer takes from its queue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Taking {
    /// Deliveries that it hands out at most which are not settled.
    pub prefetch: usize,
    /// Whether the entries of the queue have an order.
    pub order: Order,
}

/// Whether the entries of a queue have an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Order {
    /// They have no order keys.
    Free,
    /// They have: while the first of a key is tried again and again, other keys go on.
    ByKey {
        /// Entries, those that wait for their key included, that are looked at for other keys: a
        /// broker that cannot see into its queues must hold as many. The embedded one can.
        reach: usize,
    },
}

impl Taking {
    /// From a queue without order keys.
    pub fn free(prefetch: usize) -> Self {
        Self { prefetch, order: Order::Free }
    }

    /// From a queue with order keys.
    pub fn by_key(prefetch: usize, reach: usize) -> Self {
        Self { prefetch, order: Order::ByKey { reach } }
    }
}

/// Durable queues. A queue exists once something was put into it.
#[async_trait]
pub trait Broker: Send + Sync {
    /// Whether outputs, writes and settlements are one transaction. If not, a crash can come in
    /// between, and copies are what it leaves: never holes.
    fn is_transactional(&self) -> bool;

    /// The RabbitMQ that it stands on, as host and port.
    fn rabbitmq(&self) -> Option<String> {
        None
    }

    /// Puts `outputs` into their queues, and commits `writes` with them; returns when both are
    /// durable, with an outcome for each output. Not transactional: first the outputs, so that the
    /// writes may say of them that they are stored.
    ///
    /// Without outputs there is one outcome if the writes failed, and none otherwise.
    ///
    /// An error says that no confirmation came: the output may be stored all the same, so a
    /// caller that tries again must expect a second one with the same id.
    async fn publish(&self, outputs: Vec<Output>, writes: Writes) -> Vec<Result<(), BrokerError>>;

    /// Commits `writes` and puts `outputs` into their queues: all of it or nothing, even if the
    /// process dies halfway; then the outputs follow later, as copies. Returns once that is certain.
    ///
    /// # Errors
    ///
    /// [`BrokerError`] if nothing of it will happen; where the connection to the store broke in
    /// the middle, that is uncertain.
    async fn publish_atomically(
        &self,
        outputs: Vec<Output>,
        writes: Writes,
    ) -> Result<(), BrokerError>;

    /// Starts taking from `queue`. One consumer per queue and process.
    fn consume(&self, queue: &QueueName, taking: Taking) -> Box<dyn Consumer>;

    /// Settles deliveries: makes `writes` and `outputs` durable, then removes or delays the
    /// deliveries. Not transactional: in this order, so that whoever takes an output finds what was
    /// written about it.
    ///
    /// # Errors
    ///
    /// [`BrokerError`] if that is not certain; then every delivery comes back, marked
    /// `redelivered`, and what was written may stand.
    async fn settle(
        &self,
        settled: Vec<Settled>,
        outputs: Vec<Output>,
        writes: Writes,
    ) -> Result<(), BrokerError>;

    /// What stands in a queue now.
    ///
    /// # Errors
    ///
    /// [`BrokerError`] if the broker cannot be asked.
    async fn depth(&self, queue: &QueueName) -> Result<Depth, BrokerError>;

    /// Every queue that holds something, and what stands in it now.
    ///
    /// # Errors
    ///
    /// [`BrokerError`] if the broker cannot be asked.
    async fn depths(&self) -> Result<BTreeMap<QueueName, Depth>, BrokerError>;

    /// Looks at entries without taking them: those after `after` (a [`Browsed::position`]).
    ///
    /// # Errors
    ///
    /// [`BrokerError`] if the broker cannot be asked.
    async fn browse(
        &self,
        queue: &QueueName,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Browsed>, BrokerError>;

    /// Makes every delayed entry of `queue` due now.
    ///
    /// # Errors
    ///
    /// [`BrokerError`] if that is not certain.
    async fn hasten(&self, queue: &QueueName) -> Result<(), BrokerError>;

    /// Empties a queue of everything that nobody holds; returns how many entries went.
    ///
    /// # Errors
    ///
    /// [`BrokerError`] if that is not certain.
    async fn purge(&self, queue: &QueueName) -> Result<u64, BrokerError>;

    /// Why nothing can be put into queues or taken from them now, if nothing can.
    fn obstacle(&self) -> Option<BrokerError> {
        None
    }

    /// Whether it is known, without asking anybody, that nothing stands in a queue, is on loan from
    /// it, or is about to be put into it.
    fn is_empty(&self, _queue: &QueueName) -> bool {
        false
    }

    /// How many entries were found damaged since the process started, and put aside: they stand in
    /// no queue any more, and only a person can tell what they were.
    fn damaged(&self) -> u64;
}

/// Takes deliveries from one queue. Dropped, it stops; what was taken stays valid.
#[async_trait]
pub trait Consumer: Send {
    /// The next deliveries, at least one and at most `max`: whatever is ready, waiting only while
    /// nothing is. Waits through trouble too. Safe to drop while it waits.
    async fn next(&mut self, max: usize) -> Vec<Delivery>;

    /// Takes nothing until the next call of [`next`](Self::next), and gives back what was not handed
    /// out, so that another process may have it. For a while in which nothing is handed out.
    async fn rest(&mut self) {}
}

/// An entry on loan from the broker.
///
/// It is settled by being handed to [`Broker::settle`]. Dropped, it goes back to its place in the
/// queue, so a panic or a stop loses nothing.
pub struct Delivery {
    /// What was delivered.
    pub entry: Entry,
    /// It may have been delivered before, by a process that died or a settlement that failed.
    pub redelivered: bool,
    /// How the broker knows it again.
    pub(in crate::broker) loan: Loan,
}

/// The broker's own side of a [`Delivery`]; returns it when dropped.
pub(in crate::broker) struct Loan {
    /// Its position in its queue.
    pub(in crate::broker) position: i64,
    /// Where it goes back to.
    pub(in crate::broker) home: Option<Arc<dyn Lender>>,
}

/// Takes back deliveries that were dropped. `Any`, so that a broker knows its own again.
pub(in crate::broker) trait Lender: Any + Send + Sync {
    /// The entry at `position` may be handed out again, marked `redelivered`.
    fn give_back(&self, position: i64);

    /// As [`give_back`](Self::give_back), but nobody did anything with it: it need not be marked.
    fn give_back_unused(&self, position: i64) {
        self.give_back(position);
    }

    /// Whether the entry at `position` can still be settled; if not, it is handed out again.
    fn is_live(&self, position: i64) -> bool;
}

impl Delivery {
    /// Whether it can still be settled: not if its connection broke. Then it comes again, here or
    /// elsewhere, and there is no use in beginning to work on this one.
    pub fn is_live(&self) -> bool {
        self.loan.home.as_ref().is_none_or(|it| it.is_live(self.loan.position))
    }

    /// Puts it back unused: nothing was done with it, so the next one need not suspect that.
    pub fn put_back(mut self) {
        if let Some(home) = self.loan.home.take() {
            home.give_back_unused(self.loan.position);
        }
    }
}

impl Drop for Loan {
    fn drop(&mut self) {
        if let Some(home) = self.home.take() {
            home.give_back(self.position);
        }
    }
}

impl std::fmt::Debug for Delivery {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(formatter, "Delivery({}, redelivered: {})", self.entry.id, self.redelivered)
    }
}

/// What becomes of a delivery.
#[derive(Debug)]
pub enum Settled {
    /// It is done, and leaves its queue.
    Done(Delivery),
    /// It stays in its place, with these headers, and is handed out again at `due`.
    Again {
        /// The delivery.
        delivery: Delivery,
        /// Its headers from now on.
        headers: Headers,
        /// When.
        due: Timestamp,
    },
}

/// What stands in a queue.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Depth {
    /// Entries, those on loan included.
    pub entries: u64,
    /// Those of them that wait for a moment to come.
    pub delayed: u64,
    /// How long the first in line has been in a queue.
    pub oldest: Duration,
}

/// An entry that was looked at.
#[derive(Debug, Clone)]
pub struct Browsed {
    /// Where it stands; rises.
    pub position: i64,
    /// When it is due, if it is delayed.
    pub due: Option<Timestamp>,
    /// The entry.
    pub entry: Entry,
}

/// The broker cannot be reached, or did not confirm.
#[derive(Debug, Clone, thiserror::Error)]
#[error("broker: {reason}")]
pub struct BrokerError {
    /// What happened, for the operator.
    pub reason: String,
}
