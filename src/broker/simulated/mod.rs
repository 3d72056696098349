//! A broker in memory for tests of what is decided over brokers: it keeps what brokers promise and
//! nothing more, and fails, or has the process die, wherever it is told to.
//!
//! It can be transactional, as the embedded one, or do one step after the other, as RabbitMQ with a
//! store beside it: then a failure or a death comes between any two of them.

mod fault;

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use async_trait::async_trait;

pub(crate) use self::fault::{Bug, Fault, Faults};
use super::{
    Broker, BrokerError, Browsed, Consumer, Delivery, Depth, Entry, Lender, Loan, Output,
    QueueName, Settled, Taking,
};
use crate::{
    message::{Clock, Digest, Timestamp},
    store::{Store, Writes},
};

/// See the module.
#[derive(Clone)]
pub(crate) struct Simulated(Arc<Shared>);

struct Shared {
    transactional: bool,
    store: Store,
    clock: Clock,
    bug: Option<Bug>,
    state: Mutex<State>,
}

struct State {
    faults: Faults,
    queues: BTreeMap<QueueName, Vec<Item>>,
    /// What the store says is to be published.
    outbox: Vec<Output>,
    last_position: i64,
    /// Counts starts of the process: what an earlier one had on loan is nothing to this one.
    epoch: u64,
    dead: bool,
}

struct Item {
    position: i64,
    entry: Entry,
    due: Option<Timestamp>,
    order_key: Option<Digest>,
    redelivered: bool,
    lent: bool,
}

/// What one start of the process has on loan.
struct Desk(Arc<Shared>, u64);

impl Lender for Desk {
    fn give_back(&self, position: i64) {
        self.back(position, true);
    }

    fn give_back_unused(&self, position: i64) {
        self.back(position, false);
    }

    fn is_live(&self, position: i64) -> bool {
        let mut state = self.0.lock();
        state.epoch == self.1 && state.item(position).is_some_and(|it| it.lent)
    }
}

impl Desk {
    fn back(&self, position: i64, used: bool) {
        let mut state = self.0.lock();
        if state.epoch != self.1 || state.dead {
            return;
        }
        let forgets = self.0.bug == Some(Bug::ForgetsRedeliveries);
        if let Some(item) = state.item(position) {
            item.lent = false;
            item.redelivered |= used && !forgets;
        }
    }
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A step is about to be done; an error if it is not, or nobody will learn that it was.
    fn step(&self) -> Result<(), BrokerError> {
        let mut state = self.lock();
        if state.dead {
            return Err(gone("the process is dead"));
        }
        match (state.faults)() {
            Fault::None => Ok(()),
            Fault::Fails => Err(gone("refused")),
            Fault::Dies => {
                state.dead = true;
                Err(gone("the process dies"))
            }
        }
    }

    fn put(&self, output: Output) {
        if self.bug == Some(Bug::LosesOutputs) {
            return;
        }
        let Output { queue, entry, due, order_key, copy } = output;
        let mut state = self.lock();
        state.last_position += 1;
        let position = state.last_position;
        let item = Item { position, entry, due, order_key, redelivered: copy, lent: false };
        state.queues.entry(queue).or_default().push(item);
    }

    fn take_out(&self, settled: &[Settled]) {
        let forgets = self.bug == Some(Bug::ForgetsRetries);
        let mut state = self.lock();
        for one in settled {
            match one {
                Settled::Again { delivery, headers, due } if !forgets => {
                    if let Some(item) = state.item(delivery.loan.position) {
                        item.entry.headers = headers.clone();
                        (item.due, item.lent) = (Some(*due), false);
                    }
                }
                Settled::Again { delivery, .. } | Settled::Done(delivery) => {
                    state.remove(delivery.loan.position);
                }
            }
        }
    }

    async fn settle(
        &self,
        settled: &[Settled],
        outputs: Vec<Output>,
        writes: Writes,
    ) -> Result<(), BrokerError> {
        self.step()?;
        let first = self.bug == Some(Bug::AcknowledgesFirst);
        if first {
            self.take_out(settled);
            self.step()?;
        }
        self.store.commit(writes).await?;
        if !self.transactional {
            self.step()?;
        }
        for output in outputs {
            self.put(output);
            if !self.transactional {
                self.step()?;
            }
        }
        if !first {
            self.take_out(settled);
        }
        self.step_after()
    }

    /// All of it is done, and the process may die before it learns that.
    fn step_after(&self) -> Result<(), BrokerError> {
        let mut state = self.lock();
        if (state.faults)() == Fault::Dies {
            state.dead = true;
            return Err(gone("the process dies"));
        }
        Ok(())
    }
}

impl State {
    fn item(&mut self, position: i64) -> Option<&mut Item> {
        self.queues.values_mut().flatten().find(|it| it.position == position)
    }

    fn remove(&mut self, position: i64) {
        self.queues.values_mut().for_each(|it| it.retain(|it| it.position != position));
    }
}

impl Simulated {
    pub(crate) fn new(
        store: Store,
        clock: Clock,
        (transactional, bug): (bool, Option<Bug>),
        faults: Faults,
    ) -> Self {
        let state = Mutex::new(State {
            faults,
            queues: BTreeMap::new(),
            outbox: Vec::new(),
            last_position: 0,
            epoch: 0,
            dead: false,
        });
        Self(Arc::new(Shared { transactional, store, clock, bug, state }))
    }

    /// Whether the process died at a step.
    pub(crate) fn is_dead(&self) -> bool {
        self.0.lock().dead
    }

    /// The process dies here.
    pub(crate) fn die(&self) {
        self.0.lock().dead = true;
    }

    /// No step fails any more.
    pub(crate) fn mend(&self) {
        self.0.lock().faults = Box::new(|| Fault::None);
    }

    /// The process starts anew: what the one before had on loan comes back, and says so.
    pub(crate) fn restart(&self) {
        let mut state = self.0.lock();
        let was_killed = std::mem::take(&mut state.dead);
        state.epoch += 1;
        let suspects = self.0.transactional && was_killed;
        let forgets = self.0.bug == Some(Bug::ForgetsRedeliveries);
        for item in state.queues.values_mut().flatten() {
            item.redelivered |= (item.lent || suspects) && !forgets;
            item.lent = false;
        }
        let left = std::mem::take(&mut state.outbox);
        drop(state);
        left.into_iter().for_each(|it| self.0.put(Output { copy: true, ..it }));
    }

    /// Takes what is ready in a queue, at most `max`.
    pub(crate) fn take(&self, queue: &QueueName, max: usize) -> Vec<Delivery> {
        let now = self.0.clock.now();
        let mut state = self.0.lock();
        let epoch = state.epoch;
        let Some(items) = state.queues.get_mut(queue) else { return Vec::new() };
        let mut keys = Vec::new();
        let mut taken = Vec::new();
        for item in items {
            if max <= taken.len() {
                break;
            }
            if let Some(key) = item.order_key {
                let is_behind = keys.contains(&key);
                keys.push(key);
                if is_behind {
                    continue;
                }
            }
            if item.lent || item.due.is_some_and(|due| now < due) {
                continue;
            }
            item.lent = true;
            let home: Arc<dyn Lender> = Arc::new(Desk(Arc::clone(&self.0), epoch));
            let loan = Loan { position: item.position, home: Some(home) };
            let (entry, redelivered) = (item.entry.clone(), item.redelivered);
            taken.push(Delivery { entry, redelivered, loan });
        }
        taken
    }

    /// Whether nothing stands in any queue.
    pub(crate) fn is_idle(&self) -> bool {
        self.0.lock().queues.values().all(Vec::is_empty)
    }
}

#[async_trait]
impl Broker for Simulated {
    fn is_transactional(&self) -> bool {
        self.0.transactional
    }

    async fn publish(&self, outputs: Vec<Output>, writes: Writes) -> Vec<Result<(), BrokerError>> {
        let count = outputs.len();
        let published = async {
            if self.0.transactional {
                return self.0.settle(&[], outputs, writes).await;
            }
            self.0.step()?;
            for output in outputs {
                self.0.put(output);
                self.0.step()?;
            }
            self.0.store.commit(writes).await?;
            self.0.step_after()
        };
        let outcome = published.await;
        let count = count.max(usize::from(outcome.is_err()));
        vec![outcome; count]
    }

    async fn publish_atomically(
        &self,
        outputs: Vec<Output>,
        writes: Writes,
    ) -> Result<(), BrokerError> {
        if self.0.transactional {
            return self.0.settle(&[], outputs, writes).await;
        }
        self.0.step()?;
        self.0.store.commit(writes).await?;
        // From here on it will happen.
        self.0.lock().outbox.extend(outputs);
        self.0.step_after()?;
        let left = std::mem::take(&mut self.0.lock().outbox);
        left.into_iter().for_each(|it| self.0.put(it));
        Ok(())
    }

    fn consume(&self, _queue: &QueueName, _taking: Taking) -> Box<dyn Consumer> {
        unreachable!("the model takes from the queues itself")
    }

    async fn settle(
        &self,
        settled: Vec<Settled>,
        outputs: Vec<Output>,
        writes: Writes,
    ) -> Result<(), BrokerError> {
        let is_live = |it: &Settled| match it {
            Settled::Done(it) | Settled::Again { delivery: it, .. } => it.is_live(),
        };
        if !settled.iter().all(is_live) {
            return Err(gone("not on loan any more"));
        }
        self.0.settle(&settled, outputs, writes).await?;
        for one in settled {
            let (Settled::Done(mut it) | Settled::Again { delivery: mut it, .. }) = one;
            it.loan.home = None;
        }
        Ok(())
    }

    async fn depth(&self, queue: &QueueName) -> Result<Depth, BrokerError> {
        Ok(self.depths().await?.get(queue).copied().unwrap_or_default())
    }

    async fn depths(&self) -> Result<BTreeMap<QueueName, Depth>, BrokerError> {
        let now = self.0.clock.now();
        let state = self.0.lock();
        let depth = |items: &Vec<Item>| Depth {
            entries: items.len() as u64,
            delayed: items.iter().filter(|it| it.due.is_some_and(|due| now < due)).count() as u64,
            ..Depth::default()
        };
        let filled = state.queues.iter().filter(|(_, items)| !items.is_empty());
        Ok(filled.map(|(name, items)| (Arc::clone(name), depth(items))).collect())
    }

    async fn browse(
        &self,
        _queue: &QueueName,
        _after: i64,
        _limit: usize,
    ) -> Result<Vec<Browsed>, BrokerError> {
        Ok(Vec::new())
    }

    async fn hasten(&self, _queue: &QueueName) -> Result<(), BrokerError> {
        Ok(())
    }

    async fn purge(&self, _queue: &QueueName) -> Result<u64, BrokerError> {
        Ok(0)
    }

    fn damaged(&self) -> u64 {
        0
    }
}

fn gone(reason: &str) -> BrokerError {
    BrokerError { reason: reason.to_owned() }
}
