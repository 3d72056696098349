//! The embedded broker: durable queues on the store, for one process.
//!
//! Entries live in the database; memory holds what is on loan (at most `prefetch` for each
//! consumer), the newest entries of queues that somebody keeps up with ([`tip`], a few MiB in all),
//! and some hundred bytes for each queue. Nothing runs for a queue that nobody waits on.
//!
//! - **Order.** Ready entries are handed out by position. Those that were delayed are handed out
//!   by the moment at which they became due, and get half of the places while fresh ones wait too.
//! - **Order keys.** Only the first entry of a key is not `blocked`, and only what is not blocked
//!   is looked at: what stands behind a key costs nothing.
//! - **Repeats.** `redelivered` errs towards yes: after a stop without [`Embedded::close`] every
//!   entry that is there counts as delivered before, until it leaves its queue.
//! - **Damage.** The CRC-32 of all that decides what is sent where is checked on each reading. An
//!   entry that does not fit is not handed out: it moves to the table `damaged` as it is, is counted ([`Broker::damaged`]), and
//!   the next of its key goes on.

mod check;
mod consumer;
mod queue;
mod settle;
mod sql;
mod tip;
mod whole;

use std::{
    collections::{BTreeMap, HashMap, hash_map},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicI64, AtomicU64, Ordering},
    },
};

use async_trait::async_trait;
use bytes::Bytes;

pub use self::check::{check, waiting};
use self::{
    consumer::EmbeddedConsumer,
    queue::{Queue, positions},
    tip::Kept,
};
use super::{
    Broker, BrokerError, Browsed, Consumer, Depth, Entry, Output, QueueName, Settled, Taking,
};
use crate::{
    crash,
    message::{Clock, Headers, MessageId, Timestamp},
    store::{Param, Row, Store, StoreError, Writes},
};

/// The embedded broker. Clones share the same queues. One per store.
#[derive(Clone)]
pub struct Embedded {
    shared: Arc<Shared>,
}

struct Shared {
    store: Store,
    clock: Clock,
    /// Entries up to this position may have been delivered by a process that died.
    redelivered_up_to: i64,
    damaged: AtomicU64,
    closed: AtomicBool,
    /// The last position that was given to an entry.
    last_position: AtomicI64,
    kept: Kept,
    queues: Mutex<Queues>,
}

struct Queues {
    by_name: HashMap<QueueName, Arc<Queue>>,
    last_id: i64,
}

/// Entries that one look at a queue yields at most.
const BROWSED_MAX: usize = 500;

impl Embedded {
    /// Opens the queues in `store`.
    ///
    /// # Errors
    ///
    /// [`BrokerError`] when the store cannot be read or written.
    pub async fn open(store: Store, clock: Clock) -> Result<Self, BrokerError> {
        let facts = only_row(store.query(vec![(sql::FACTS, vec![])]).await?);
        let (closed, before) = (!facts.is_null(0), facts.int(1));
        let redelivered_up_to = if closed { before } else { before.max(facts.int(2)) };
        let mut writes = Writes::default();
        writes.push(sql::OPEN, vec![]);
        writes.push(sql::REDELIVERED, vec![redelivered_up_to.into()]);
        let kept = Kept::default();
        let queues = Mutex::new(known(&store, &kept).await?);
        store.commit(writes).await?;
        let damaged = AtomicU64::new(u64::try_from(facts.int(3)).unwrap_or_default());
        let closed = AtomicBool::new(false);
        let last_position = AtomicI64::new(redelivered_up_to.max(facts.int(2)).max(facts.int(4)));
        let shared = Shared {
            store,
            clock,
            redelivered_up_to,
            damaged,
            closed,
            last_position,
            kept,
            queues,
        };
        Ok(Self { shared: Arc::new(shared) })
    }

    /// How many entries stand in the queues of `store`, where they may not be opened.
    ///
    /// # Errors
    ///
    /// [`BrokerError`] when the store cannot be read.
    pub async fn left(store: &Store) -> Result<u64, BrokerError> {
        let row = only_row(store.query(vec![(sql::LEFT, vec![])]).await?);
        Ok(u64::try_from(row.int(0)).unwrap_or_default())
    }

    /// Stops cleanly: marks what may have been delivered and is not settled, so that a later
    /// process need not suspect everything. Afterwards nothing is taken or handed out any more.
    ///
    /// # Errors
    ///
    /// [`BrokerError`] if that is not certain; then the next process suspects everything.
    pub async fn close(&self) -> Result<(), BrokerError> {
        if self.shared.closed.swap(true, Ordering::Relaxed) {
            return Ok(());
        }
        let exposed: Vec<i64> =
            self.shared.all().iter().flat_map(|queue| queue.exposed()).collect();
        let mut writes = Writes::default();
        writes.push(sql::MARK, vec![positions(exposed).into()]);
        writes.push(sql::CLOSE, vec![]);
        Ok(self.shared.store.commit(writes).await?)
    }

    async fn ask(&self, sql: &'static str, params: Vec<Param>) -> Result<Row, BrokerError> {
        Ok(only_row(self.shared.store.query(vec![(sql, params)]).await?))
    }

    /// Everything of a `publish` or `settle` in one transaction.
    async fn transact(
        &self,
        settled: &[Settled],
        outputs: Vec<Output>,
        writes: Writes,
    ) -> Result<(), BrokerError> {
        if self.shared.is_closed() {
            return Err(BrokerError { reason: "simpul is stopping".to_owned() });
        }
        let mut all = Writes::default();
        settle::put(&self.shared, &mut all, outputs);
        all.append(writes);
        settle::take(&mut all, settled)?;
        Ok(self.shared.store.commit(all).await?)
    }
}

#[async_trait]
impl Broker for Embedded {
    fn is_transactional(&self) -> bool {
        true
    }

    async fn publish(&self, outputs: Vec<Output>, writes: Writes) -> Vec<Result<(), BrokerError>> {
        let count = outputs.len();
        let outcome = self.transact(&[], outputs, writes).await;
        let count = count.max(usize::from(outcome.is_err()));
        vec![outcome; count]
    }

    async fn publish_atomically(
        &self,
        outputs: Vec<Output>,
        writes: Writes,
    ) -> Result<(), BrokerError> {
        self.transact(&[], outputs, writes).await
    }

    fn consume(&self, queue: &QueueName, taking: Taking) -> Box<dyn Consumer> {
        let queue = self.shared.queue(queue);
        Box::new(EmbeddedConsumer::new(Arc::clone(&self.shared), queue, taking.prefetch))
    }

    async fn settle(
        &self,
        settled: Vec<Settled>,
        outputs: Vec<Output>,
        writes: Writes,
    ) -> Result<(), BrokerError> {
        let routes = !outputs.is_empty();
        let again = settled.iter().any(|it| matches!(it, Settled::Again { .. }));
        self.transact(&settled, outputs, writes).await?;
        crash::point_if(again, "after_rung_confirm");
        crash::point_if(routes, "after_destinations_before_ack");
        crash::point_if(!again && !routes, "after_outcome_before_ack");
        settle::release(settled);
        Ok(())
    }

    async fn depth(&self, queue: &QueueName) -> Result<Depth, BrokerError> {
        let Some(queue) = self.shared.find(queue) else {
            return Ok(Depth::default());
        };
        let now = self.shared.clock.now();
        let row = self.ask(sql::DEPTH, vec![queue.id.into(), now.as_millis().into()]).await?;
        Ok(depth(&row, now))
    }

    async fn depths(&self) -> Result<BTreeMap<QueueName, Depth>, BrokerError> {
        let mut depths: BTreeMap<QueueName, Depth> = BTreeMap::new();
        loop {
            let after = depths.last_key_value().map_or("", |(name, _)| name.as_ref()).into();
            let now = self.shared.clock.now();
            let question = (sql::DEPTHS, vec![after, now.as_millis().into()]);
            let page = self.shared.store.query(vec![question]).await?;
            if page.iter().all(Vec::is_empty) {
                return Ok(depths);
            }
            depths.extend(page.iter().flatten().map(|row| (row.text(0).into(), depth(row, now))));
        }
    }

    async fn browse(
        &self,
        queue: &QueueName,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Browsed>, BrokerError> {
        let Some(queue) = self.shared.find(queue) else {
            return Ok(Vec::new());
        };
        let now = self.shared.clock.now();
        let limit = number(limit.min(BROWSED_MAX));
        let params = vec![queue.id.into(), after.into(), limit.into()];
        let answers = self.shared.store.query(vec![(sql::BROWSE, params)]).await?;
        let browsed = |row: &Row| Browsed {
            position: row.int(0),
            due: Some(Timestamp::from_millis(row.int(1))).filter(|due| now < *due),
            entry: entry(row.int(2), &row.blob(3), row.text(4), row.blob(5)),
        };
        Ok(answers.iter().flatten().map(browsed).collect())
    }

    async fn hasten(&self, queue: &QueueName) -> Result<(), BrokerError> {
        let Some(queue) = self.shared.find(queue) else {
            return Ok(());
        };
        let now_ms = self.shared.clock.now().as_millis();
        for statement in [sql::HASTEN, sql::HASTEN_BLOCKED] {
            let mut changed = sql::CHANGED_MAX;
            while changed == sql::CHANGED_MAX {
                let mut writes = Writes::default();
                writes.push(statement, vec![queue.id.into(), now_ms.into()]);
                let counts = self.shared.store.commit_counting(writes).await?;
                changed = counts.first().copied().unwrap_or_default();
                queue.stir();
            }
        }
        Ok(())
    }

    fn is_empty(&self, queue: &QueueName) -> bool {
        self.shared.find(queue).is_none_or(|it| it.is_empty())
    }

    fn damaged(&self) -> u64 {
        self.shared.damaged.load(Ordering::Relaxed)
    }

    async fn purge(&self, queue: &QueueName) -> Result<u64, BrokerError> {
        let Some(queue) = self.shared.find(queue) else {
            return Ok(0);
        };
        // What comes after this is not meant, or a busy queue would never be empty.
        let last = self.ask(sql::LAST, vec![queue.id.into()]).await?.int(0);
        let mut gone = 0;
        loop {
            // Nobody may take an entry between the list of loans and the commit.
            let _fetching = queue.fetching.lock().await;
            queue.stir();
            let mut writes = Writes::default();
            let params = vec![queue.id.into(), last.into(), queue.lent().into()];
            writes.push(sql::PURGE, params);
            writes.each_adds(settle::entries(queue.id), -1);
            writes.push(sql::UNBLOCK_LATER, vec![queue.id.into(), last.into()]);
            let counts = self.shared.store.commit_counting(writes).await?;
            let changed = counts.first().copied().unwrap_or_default();
            queue.left(usize::try_from(changed).unwrap_or_default());
            queue.stir();
            gone += changed;
            if changed < sql::CHANGED_MAX {
                return Ok(gone);
            }
        }
    }
}

impl Shared {
    fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Relaxed)
    }

    /// A position that no entry ever had.
    fn next_position(&self) -> i64 {
        self.last_position.fetch_add(1, Ordering::Relaxed).saturating_add(1)
    }

    fn queues(&self) -> std::sync::MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn all(&self) -> Vec<Arc<Queue>> {
        self.queues().by_name.values().cloned().collect()
    }

    fn find(&self, name: &QueueName) -> Option<Arc<Queue>> {
        self.queues().by_name.get(name).cloned()
    }

    /// A queue by its name; it is stored with the first entry put into it.
    fn queue(&self, name: &QueueName) -> Arc<Queue> {
        let queues = &mut *self.queues();
        match queues.by_name.entry(Arc::clone(name)) {
            hash_map::Entry::Occupied(known) => Arc::clone(known.get()),
            hash_map::Entry::Vacant(vacant) => {
                queues.last_id += 1;
                let (id, name) = (queues.last_id, Arc::clone(name));
                let queue = Queue::new(id, name, None, self.kept.clone());
                Arc::clone(vacant.insert(Arc::new(queue)))
            }
        }
    }
}

/// Every queue that the store has.
async fn known(store: &Store, kept: &Kept) -> Result<Queues, BrokerError> {
    let mut queues = Queues { by_name: HashMap::new(), last_id: 0 };
    loop {
        let page = store.query(vec![(sql::QUEUES, vec![queues.last_id.into()])]).await?;
        let before = queues.last_id;
        for row in page.iter().flatten() {
            let name: QueueName = row.text(1).into();
            queues.last_id = row.int(0);
            let entries = Some(row.int(2));
            let queue = Queue::new(queues.last_id, Arc::clone(&name), entries, kept.clone());
            queues.by_name.insert(name, Arc::new(queue));
        }
        if queues.last_id == before {
            return Ok(queues);
        }
    }
}

impl From<StoreError> for BrokerError {
    fn from(error: StoreError) -> Self {
        Self { reason: error.reason }
    }
}

fn entry(received_at: i64, id: &[u8], headers: &str, body: Bytes) -> Entry {
    Entry {
        id: MessageId::from_bytes(id.try_into().unwrap_or_default()),
        received_at: Timestamp::from_millis(received_at),
        headers: Headers::from_json(headers),
        body,
    }
}

/// Reads a row: `name, entries, delayed, first`.
fn depth(row: &Row, now: Timestamp) -> Depth {
    let count = |column| u64::try_from(row.int(column)).unwrap_or_default();
    let first = Some(row.int(3)).filter(|_| !row.is_null(3));
    let oldest = first.map(|it| now.since(Timestamp::from_millis(it))).unwrap_or_default();
    Depth { entries: count(1), delayed: count(2), oldest }
}

fn only_row(answers: Vec<Vec<Row>>) -> Row {
    answers.into_iter().flatten().next().unwrap_or_default()
}

fn number(count: usize) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
