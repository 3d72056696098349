//! Takes ready entries out of one queue, in batches, without a task or a thread of its own.

use std::{
    collections::VecDeque,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use async_trait::async_trait;

use super::{
    Shared, entry, number,
    queue::{Glance, Lent, Queue},
    settle::entries,
    sql, whole,
};
use crate::{
    broker::{BrokerError, Consumer, Delivery, Entry, Lender, Loan},
    message::{Digest, Timestamp},
    store::{Row, Writes},
};

/// Entries that one question fetches at most; with bodies of 1 MiB a quarter of a gigabyte.
const FETCHED_MAX: usize = 256;

/// The pause after a failed question to the store.
const TROUBLE_PAUSE: Duration = Duration::from_secs(1);

/// The longest sleep: the system's clock may be set, which no timer notices.
const SLEEP_MAX: Duration = Duration::from_mins(1);

/// A consumer of one queue.
pub(super) struct EmbeddedConsumer {
    shared: Arc<Shared>,
    queue: Arc<Queue>,
    prefetch: usize,
    /// How many deliveries of this consumer are not settled, those in `fetched` included.
    held: Arc<AtomicUsize>,
    fetched: VecDeque<Delivery>,
    /// Rises with each question, so that an odd place goes to delayed entries every other time.
    asked: usize,
}

/// What to do after looking into the queue.
enum Look {
    /// Look again: there was something, or may be.
    Again,
    /// Nothing will be ready before something changes.
    Wait,
    /// Something may be ready after this time.
    WaitFor(Duration),
}

impl EmbeddedConsumer {
    pub(super) fn new(shared: Arc<Shared>, queue: Arc<Queue>, prefetch: usize) -> Self {
        let prefetch = prefetch.max(1);
        let (held, fetched) = (Arc::default(), VecDeque::new());
        queue.has_consumer(true);
        Self { shared, queue, prefetch, held, fetched, asked: 0 }
    }

    fn hand_out(&mut self, max: usize) -> Vec<Delivery> {
        let count = self.fetched.len().min(max.max(1));
        let deliveries: Vec<_> = self.fetched.drain(..count).collect();
        for delivery in &deliveries {
            self.queue.hand_out(delivery.loan.position);
        }
        deliveries
    }

    async fn look(&mut self) -> Look {
        if self.shared.is_closed() {
            return Look::Wait;
        }
        let now = self.shared.clock.now();
        let room = match self.queue.glance(&self.held, self.prefetch, now) {
            Glance::Nothing(None) => return Look::Wait,
            Glance::Nothing(Some(due)) => return Look::WaitFor(due.since(now).min(SLEEP_MAX)),
            Glance::Fresh(fresh) => {
                let taken = fresh.into_iter().map(|(it, returned)| {
                    let redelivered = returned || it.copy;
                    self.delivery(it.entry, it.position, redelivered)
                });
                let taken: Vec<_> = taken.collect();
                self.fetched.extend(taken);
                return Look::Again;
            }
            Glance::Stored(room) => room.min(FETCHED_MAX),
        };
        if self.shared.store.is_full() && self.probe().await.is_err() {
            return Look::WaitFor(TROUBLE_PAUSE);
        }
        // In a box: else every consumer that waits would hold the room that a question takes.
        match Box::pin(self.fetch(room)).await {
            Ok(()) => Look::Again,
            Err(_) => Look::WaitFor(TROUBLE_PAUSE),
        }
    }

    /// Looks whether something can be written again after the disk was full: what is handed out
    /// while that cannot be settled is sent, comes back, and is sent again.
    async fn probe(&self) -> Result<(), BrokerError> {
        let mut writes = Writes::default();
        writes.push(sql::REDELIVERED, vec![self.shared.redelivered_up_to.into()]);
        Ok(self.shared.store.commit(writes).await?)
    }

    /// Takes up to `room` entries on loan. Dropped while it waits, it has taken none.
    async fn fetch(&mut self, room: usize) -> Result<(), BrokerError> {
        let queue = Arc::clone(&self.queue);
        let _fetching = queue.fetching.lock().await;
        let now = self.shared.clock.now();
        let delayed_max = (room + self.asked % 2) / 2;
        self.asked = self.asked.wrapping_add(1);
        let (id, now_ms) = (queue.id, now.as_millis());
        let params = vec![
            id.into(),
            now_ms.into(),
            queue.lent().into(),
            number(delayed_max).into(),
            number(room).into(),
        ];
        let questions = vec![(sql::FETCH, params), (sql::NEXT_DUE, vec![id.into(), now_ms.into()])];
        queue.begin_reading();
        let mut answers = self.shared.store.query(questions).await?.into_iter();
        let mut rows = answers.next().unwrap_or_default();
        let next_due = answers.next().and_then(|rows| rows.into_iter().next());
        let next_due = next_due.filter(|due| !due.is_null(0));
        let next_due = next_due.map(|due| Timestamp::from_millis(due.int(0)));
        let delayed = rows.iter().filter(|row| row.int(1) != 0).count();
        let to_its_end = rows.len() < room && delayed < delayed_max;

        rows.sort_by_key(|row| (row.int(1) == 0, row.int(1), row.int(0)));
        let damaged: Vec<_> = rows.extract_if(.., |row| !whole::is_whole(row)).collect();
        if !damaged.is_empty() {
            self.put_aside(&damaged, now).await?;
        }
        for row in rows {
            let delivery = self.lend(&row);
            self.fetched.push_back(delivery);
        }
        // After they are on loan, or what was being stored would be taken for new.
        queue.end_reading(to_its_end && damaged.is_empty(), next_due);
        Ok(())
    }

    fn lend(&self, row: &Row) -> Delivery {
        let position = row.int(0);
        let held = Arc::clone(&self.held);
        let lent = Lent { held, order_key: order_key(row), handed_out: false };
        let returned = self.queue.lend(position, lent);
        let redelivered = returned || row.int(2) != 0 || position <= self.shared.redelivered_up_to;
        let entry = entry(row.int(3), &row.blob(5), row.text(7), row.blob(8));
        self.delivery(entry, position, redelivered)
    }

    fn delivery(&self, entry: Entry, position: i64, redelivered: bool) -> Delivery {
        let home: Arc<dyn Lender> = Arc::clone(&self.queue) as _;
        Delivery { entry, redelivered, loan: Loan { position, home: Some(home) } }
    }

    /// Moves damaged entries out of the way: what was written is not what would be handed out.
    async fn put_aside(&self, damaged: &[Row], now: Timestamp) -> Result<(), BrokerError> {
        let id = self.queue.id;
        let mut writes = Writes::default();
        for row in damaged {
            let position = row.int(0);
            writes.push(sql::PUT_ASIDE, vec![position.into(), now.as_millis().into()]);
            writes.push(sql::TAKE_OUT, vec![format!("[{position}]").into()]);
            writes.each_adds(entries(id), -1);
            if let Some(key) = order_key(row) {
                writes.push(sql::UNBLOCK, vec![id.into(), key.0.as_slice().into()]);
            }
        }
        let (queue, count) = (Arc::clone(&self.queue), damaged.len());
        writes.then(move || queue.left(count));
        self.shared.store.commit(writes).await?;
        self.shared.damaged.fetch_add(damaged.len() as u64, Ordering::Relaxed);
        Ok(())
    }
}

impl Drop for EmbeddedConsumer {
    fn drop(&mut self) {
        self.queue.has_consumer(false);
    }
}

#[async_trait]
impl Consumer for EmbeddedConsumer {
    async fn next(&mut self, max: usize) -> Vec<Delivery> {
        let queue = Arc::clone(&self.queue);
        loop {
            if !self.fetched.is_empty() {
                return self.hand_out(max);
            }
            // From before the look: a change while looking must not be slept through.
            let mut changed = std::pin::pin!(queue.changed.notified());
            changed.as_mut().enable();
            match self.look().await {
                Look::Again => {}
                Look::Wait => changed.await,
                Look::WaitFor(time) => tokio::select! {
                    () = changed => {}
                    () = tokio::time::sleep(time) => {}
                },
            }
        }
    }
}

fn order_key(row: &Row) -> Option<Digest> {
    row.blob(6).as_ref().try_into().ok().map(Digest)
}
