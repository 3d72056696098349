//! The broker on RabbitMQ: for more than one machine.
//!
//! Everything stands in quorum queues, which confirm what a majority has on disk. What is settled
//! is made durable in this order: writes committed, outputs confirmed, deliveries acknowledged. So
//! whoever takes an output finds its row in the ledger, and a crash in between makes copies, never
//! holes: what was not acknowledged comes again, marked, so that the ledger is asked.
//!
//! ```text
//! topology  which queues there are, declared as soon as somebody wants to take from them
//! spec      their names and arguments
//! identity  whose queues they are
//! keeper    declares, and looks from time to time whether everything stands
//! envelope  an entry as a message of AMQP
//! queue     what this gateway holds of one queue: order, loans, short delays
//! consumer  takes from all queues of RabbitMQ that make up one of ours
//! settle    publishes, delays and acknowledges
//! outbox    what must be published because the store says so
//! ```
//!
//! What RabbitMQ cannot tell cheaply is told as far as it is known here: the age of the first in
//! line and the number of delayed ones are those of what this gateway holds; what waits on the
//! ladder of delays stands in `simpul.delay.…`, for all queues together.

mod consumer;
mod envelope;
mod identity;
mod keeper;
mod links;
mod outbox;
mod queue;
mod settle;
mod spec;
mod topology;

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    future::Future,
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;
use tokio::{sync::watch, task::JoinSet};

use self::{
    consumer::RabbitConsumer, envelope::Envelope, identity::Standing, links::Links,
    outbox::Leftovers, queue::Queue, topology::Topology,
};
pub use self::{identity::MARK, spec::RUNG};
use super::{Broker, BrokerError, Browsed, Consumer, Depth, Output, QueueName, Settled, Taking};
pub use crate::amqp::{Address, AddressError, Tls, UNLOGGED};
use crate::{
    amqp::{Admin, Link, Patience, Publisher},
    message::{Clock, IdSource},
    store::{Store, Writes},
};

/// How long a queue's channels stay open after its consumer is gone: a reload needs them again.
const IDLE_MAX: Duration = Duration::from_secs(5);

/// How often it is looked for channels that nobody needs.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Settings of the broker.
#[derive(Debug, Clone)]
pub struct Options {
    /// Into how many queues the entries with an order key of one queue are divided.
    pub shards: usize,
    /// The delays that RabbitMQ keeps; shorter ones wait here.
    pub rungs: Vec<Duration>,
    /// How long an entry is held here without being acknowledged, while it waits for its next try
    /// or for its key. RabbitMQ waits 30 minutes, looks once a minute, and closes the channel.
    pub held_max: Duration,
    /// How often it is looked whether the queues are still there, as they should be.
    pub check_every: Duration,
}

impl Default for Options {
    fn default() -> Self {
        let rungs = [5, 30, 300, 1_800, 7_200, 21_600].map(Duration::from_secs).to_vec();
        let (held_max, check_every) = (Duration::from_mins(20), Duration::from_mins(1));
        Self { shards: 4, rungs, held_max, check_every }
    }
}

/// Every queue of RabbitMQ that `queues` of ours come to, each with whether its entries have an
/// order, and those that all gateways need: what a [`RabbitMq`] declares.
pub fn queues_needed<'a>(
    queues: impl IntoIterator<Item = (&'a str, bool)>,
    options: &Options,
) -> BTreeSet<String> {
    spec::needed(queues, options.shards, &options.rungs)
}

/// Queues on a RabbitMQ. Cheap to clone.
#[derive(Clone)]
pub struct RabbitMq(Arc<Shared>);

struct Shared {
    /// Host and port.
    host: String,
    store: Store,
    clock: Clock,
    /// For what is in the outbox.
    ids: IdSource,
    topology: Topology,
    publishing: Link,
    publisher: Publisher,
    admin: Admin,
    consuming: Links,
    /// Whether the queues may be used.
    standing: watch::Sender<Standing>,
    /// What is wrong with the queues.
    trouble: Mutex<Option<String>>,
    // std, not tokio: held for a few instructions, never across an await.
    queues: Mutex<HashMap<QueueName, Arc<Queue>>>,
    tasks: Mutex<JoinSet<()>>,
    closed: AtomicBool,
    damaged: AtomicU64,
}

impl RabbitMq {
    /// Starts to connect to the RabbitMQ at `address`, and never gives up; `store` takes the
    /// writes and keeps the names of the queues. Needs a runtime.
    ///
    /// # Errors
    ///
    /// When the store cannot be read.
    pub async fn open(
        address: Address,
        tls: Tls,
        store: Store,
        clock: Clock,
        options: Options,
    ) -> Result<Self, BrokerError> {
        let topology = Topology::open(store.clone(), options.shards, options.rungs).await;
        let topology = topology.map_err(|reason| BrokerError { reason })?;
        let publishing = Link::open(address.clone(), "publishing", tls.clone());
        let shared = Arc::new(Shared {
            host: address.host(),
            store,
            clock,
            ids: IdSource::default(),
            topology,
            publisher: Publisher::open(&publishing),
            admin: Admin::new(&publishing),
            publishing,
            consuming: Links::new(address, tls),
            standing: watch::Sender::new(Standing::Unasked),
            trouble: Mutex::default(),
            queues: Mutex::default(),
            tasks: Mutex::new(JoinSet::new()),
            closed: AtomicBool::new(false),
            damaged: AtomicU64::new(0),
        });
        let (weak, opened) = (Arc::downgrade(&shared), shared.clock.now());
        shared.spawn(async move {
            let mut outbox = Leftovers::new(opened);
            loop {
                tokio::time::sleep(LOOK_EVERY).await;
                let Some(shared) = weak.upgrade() else { return };
                shared.close_idle();
                outbox.look(&shared).await;
            }
        });
        shared.spawn(keeper::keep(Arc::downgrade(&shared), options.check_every));
        shared.spawn(keeper::renew(Arc::downgrade(&shared), options.held_max));
        Ok(Self(shared))
    }

    /// Waits until it is connected and knows whether the queues may be used.
    pub async fn connected(&self) {
        if self.0.publishing.connected().await {
            let _ = self.0.standing.subscribe().wait_for(|it| *it != Standing::Unasked).await;
        }
    }

    /// What is wrong with a queue, so that nothing can be put into it, if something is.
    pub fn trouble(&self) -> Option<String> {
        self.0.trouble.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Stops: what is held and not acknowledged goes back to its queue.
    pub async fn close(&self) {
        self.0.closed.store(true, Ordering::Release);
        let queues: Vec<_> = self.0.queues().values().cloned().collect();
        for queue in queues {
            let consumers = std::mem::take(&mut queue.idle().consumers);
            for (_, consumer) in consumers {
                consumer.close().await;
            }
        }
        self.0.consuming.close().await;
        self.0.publishing.close().await;
        self.0.tasks.lock().unwrap_or_else(PoisonError::into_inner).abort_all();
    }
}

impl Shared {
    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    fn queues(&self) -> std::sync::MutexGuard<'_, HashMap<QueueName, Arc<Queue>>> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn queue(&self, name: &QueueName) -> Arc<Queue> {
        let mut queues = self.queues();
        let queue = queues
            .entry(Arc::clone(name))
            .or_insert_with(|| Arc::new(Queue::new(Arc::clone(name))));
        Arc::clone(queue)
    }

    /// The queue that a queue of RabbitMQ is a part of.
    fn queue_of(&self, place: &str) -> Arc<Queue> {
        self.queue(&spec::logical(place).into())
    }

    fn spawn(&self, task: impl Future<Output = ()> + Send + 'static) {
        let mut tasks = self.tasks.lock().unwrap_or_else(PoisonError::into_inner);
        while tasks.try_join_next().is_some() {}
        tasks.spawn(task);
    }

    fn count_damaged(&self) {
        self.damaged.fetch_add(1, Ordering::Relaxed);
    }

    /// Lets go of channels that nobody has taken over.
    fn close_idle(&self) {
        for queue in self.queues().values() {
            let mut idle = queue.idle();
            let is_old = idle.since.is_some_and(|it| IDLE_MAX < it.elapsed());
            if is_old && queue.is_settled() {
                idle.consumers.clear();
                idle.since = None;
            }
        }
    }
}

#[async_trait]
impl Broker for RabbitMq {
    fn is_transactional(&self) -> bool {
        false
    }

    fn rabbitmq(&self) -> Option<String> {
        Some(self.0.host.clone())
    }

    async fn publish(&self, outputs: Vec<Output>, writes: Writes) -> Vec<Result<(), BrokerError>> {
        let count = outputs.len();
        let stored = async {
            // Somebody waits for the answer, and can come again.
            self.0.put(outputs, Patience::Short).await?;
            Ok(self.0.store.commit(writes).await?)
        };
        match stored.await {
            Ok(()) => vec![Ok(()); count],
            Err(error) => vec![Err::<(), BrokerError>(error); count.max(1)],
        }
    }

    async fn publish_atomically(
        &self,
        outputs: Vec<Output>,
        writes: Writes,
    ) -> Result<(), BrokerError> {
        self.0.publish_atomically(outputs, writes).await
    }

    fn consume(&self, queue: &QueueName, taking: Taking) -> Box<dyn Consumer> {
        Box::new(RabbitConsumer::new(Arc::clone(&self.0), self.0.queue(queue), taking))
    }

    async fn settle(
        &self,
        settled: Vec<Settled>,
        outputs: Vec<Output>,
        writes: Writes,
    ) -> Result<(), BrokerError> {
        self.0.settle(settled, outputs, writes).await
    }

    async fn depth(&self, queue: &QueueName) -> Result<Depth, BrokerError> {
        let mut ready = 0;
        for place in self.0.topology.places(queue) {
            ready += self.0.admin.counts(&place).await?.map_or(0, |it| it.ready);
        }
        let now = self.0.clock.now();
        let (here, delayed, first) = self.0.queue(queue).here(now);
        let oldest = first.map(|it| now.since(it)).unwrap_or_default();
        Ok(Depth { entries: ready + here, delayed, oldest })
    }

    async fn depths(&self) -> Result<BTreeMap<QueueName, Depth>, BrokerError> {
        let mut depths = BTreeMap::new();
        for name in self.0.topology.names() {
            let name: QueueName = name.into();
            let depth = self.depth(&name).await?;
            if 0 < depth.entries {
                depths.insert(name, depth);
            }
        }
        Ok(depths)
    }

    /// Marks what it looked at as redelivered, and sees neither what a gateway holds nor what is
    /// delayed; positions count from the front. A queue with a single active consumer cannot be
    /// looked into at all.
    async fn browse(
        &self,
        queue: &QueueName,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Browsed>, BrokerError> {
        let skipped = usize::try_from(after).unwrap_or_default();
        let mut seen = Vec::new();
        for place in self.0.topology.places(queue) {
            let room = (skipped + limit).saturating_sub(seen.len());
            if 0 < room {
                seen.extend(self.0.admin.peek(&place, room).await?);
            }
        }
        let browsed = seen.iter().zip(1_i64..).skip(skipped).filter_map(|(taken, position)| {
            let Envelope { entry, due, .. } = Envelope::of(taken)?;
            Some(Browsed { position, due, entry })
        });
        Ok(browsed.collect())
    }

    /// Reaches what this gateway holds. What stands on the ladder comes down in its time.
    async fn hasten(&self, queue: &QueueName) -> Result<(), BrokerError> {
        self.0.queue(queue).hasten();
        Ok(())
    }

    async fn purge(&self, queue: &QueueName) -> Result<u64, BrokerError> {
        let mut gone = 0;
        for place in self.0.topology.places(queue) {
            gone += self.0.admin.purge(&place).await?;
        }
        let mut receipts = BTreeMap::new();
        settle::gather(&mut receipts, queue, self.0.queue(queue).empty());
        Ok(gone + settle::acknowledge(receipts).await)
    }

    fn obstacle(&self) -> Option<BrokerError> {
        self.0.obstacle().map(|reason| BrokerError { reason })
    }

    fn damaged(&self) -> u64 {
        self.damaged_so_far()
    }
}

impl RabbitMq {
    fn damaged_so_far(&self) -> u64 {
        self.0.damaged.load(Ordering::Relaxed)
    }
}
