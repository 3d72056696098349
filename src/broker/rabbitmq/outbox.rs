//! What must be published because the store says so: kept there until it is confirmed.

use std::time::Duration;

use tokio::time::Instant;

use super::Shared;
use crate::{
    amqp::Patience,
    broker::{BrokerError, Entry, Output},
    message::{Digest, Headers, MessageId, Timestamp},
    store::{Row, Writes, checksum},
};

/// How old something in the outbox is before it is taken for forgotten by whoever put it there:
/// longer than a publication and a commit may take.
const LEFT_AFTER: Duration = Duration::from_secs(30);

/// How often it is looked for what is left.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// What is published again at once.
const PAGE: i64 = 100;

const KEEP: &str = "
    INSERT INTO outbox (id, at, queue, message, received_at, due, order_key, headers, body, crc)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)";

const LEFT: &str = "
    SELECT id, at, queue, message, received_at, due, order_key, headers, body, crc
    FROM outbox
    WHERE at <= ?1 ORDER BY at, id LIMIT ?2";

/// Takes one over, unless another gateway did so at the same moment.
const TAKE_OVER: &str = "UPDATE outbox SET at = ?3 WHERE id = ?1 AND at = ?2";

const FORGET: &str = "DELETE FROM outbox WHERE id = ?1";

impl Shared {
    /// See [`Broker::publish_atomically`](crate::broker::Broker::publish_atomically).
    pub(super) async fn publish_atomically(
        &self,
        outputs: Vec<Output>,
        mut writes: Writes,
    ) -> Result<(), BrokerError> {
        let now = self.clock.now();
        let mut forgotten = Writes::default();
        for output in &outputs {
            let id = self.ids.next(now);
            keep(&mut writes, id, output, now);
            forgotten.push(FORGET, vec![id.as_bytes().as_slice().into()]);
        }
        self.store.commit(writes).await?;
        // From here on it will happen, at the latest when somebody looks for what is left.
        let published = async {
            self.put(outputs, Patience::Long).await?;
            Ok::<_, BrokerError>(self.store.commit(forgotten).await?)
        };
        if let Err(error) = published.await {
            tracing::warn!(%error, "kept in the store; published when that is possible");
        }
        Ok(())
    }

    /// Publishes what is left in the outbox since `before`, as copies: it may be there already.
    async fn publish_left(&self, before: Timestamp) -> Result<(), BrokerError> {
        let question = (LEFT, vec![before.as_millis().into(), PAGE.into()]);
        let rows = self.store.query(vec![question]).await?.pop().unwrap_or_default();
        for row in &rows {
            let (id, at) = (row.blob(0), row.int(1));
            let mut writes = Writes::default();
            let now = self.clock.now().as_millis();
            writes.push(TAKE_OVER, vec![id.as_ref().into(), at.into(), now.into()]);
            if self.store.commit_counting(writes).await? != [1] {
                continue;
            }
            if !is_whole(row) {
                // Nobody knows where to send it, or what: it stays for `simpul store check`.
                tracing::error!(outbox = %shown(&id), "the disk gave this back damaged; not published");
                continue;
            }
            self.put(vec![output(row)], Patience::Long).await?;
            let mut writes = Writes::default();
            writes.push(FORGET, vec![id.as_ref().into()]);
            self.store.commit(writes).await?;
        }
        Ok(())
    }
}

/// Looks for what a process that died has left in the outbox.
pub(super) struct Leftovers {
    /// When this process began.
    opened: Timestamp,
    looked: Option<Instant>,
}

impl Leftovers {
    pub(super) fn new(opened: Timestamp) -> Self {
        Self { opened, looked: None }
    }

    pub(super) async fn look(&mut self, shared: &Shared) {
        if self.looked.is_some_and(|it| it.elapsed() < LOOK_EVERY) {
            return;
        }
        if shared.publishing.obstacle().is_some() {
            return;
        }
        // In a store of its own all that was there before this process is left over.
        let is_first = self.looked.is_none() && !shared.store.is_shared();
        let age = i64::try_from(LEFT_AFTER.as_millis()).unwrap_or(i64::MAX);
        let before = shared.clock.now().as_millis().saturating_sub(age);
        let before = if is_first { self.opened } else { Timestamp::from_millis(before) };
        self.looked = Some(Instant::now());
        if let Err(error) = shared.publish_left(before).await {
            tracing::warn!(%error, "what is left in the outbox is not published yet");
        }
    }
}

fn keep(writes: &mut Writes, id: MessageId, output: &Output, now: Timestamp) {
    let Output { queue, entry, due, order_key, .. } = output;
    let key = order_key.map(|it| it.0.to_vec()).unwrap_or_default();
    let headers = entry.headers.to_json();
    let sum = sum(queue, entry.id.as_bytes(), (&key, &headers, &entry.body));
    writes.push(
        KEEP,
        vec![
            id.as_bytes().as_slice().into(),
            now.as_millis().into(),
            queue.as_ref().into(),
            entry.id.as_bytes().as_slice().into(),
            entry.received_at.as_millis().into(),
            due.map_or(0, Timestamp::as_millis).into(),
            order_key.map(|it| it.0.to_vec()).as_deref().into(),
            headers.into(),
            entry.body.clone().into(),
            sum.into(),
        ],
    );
}

/// What a row was written as: where to, and what.
fn sum(queue: &str, message: &[u8], (key, headers, body): (&[u8], &str, &[u8])) -> i64 {
    checksum(&[queue.as_bytes(), message, key, headers.as_bytes(), body])
}

fn is_whole(row: &Row) -> bool {
    let content = (&*row.blob(6), row.text(7), &*row.blob(8));
    row.is_null(9) || row.int(9) == sum(row.text(2), &row.blob(3), content)
}

fn shown(id: &[u8]) -> MessageId {
    MessageId::from_bytes(id.try_into().unwrap_or_default())
}

fn output(row: &Row) -> Output {
    let entry = Entry {
        id: MessageId::from_bytes(row.blob(3).as_ref().try_into().unwrap_or_default()),
        received_at: Timestamp::from_millis(row.int(4)),
        headers: Headers::from_json(row.text(7)),
        body: row.blob(8),
    };
    let due = Some(row.int(5)).filter(|it| *it != 0).map(Timestamp::from_millis);
    let order_key = (!row.is_null(6)).then(|| row.blob(6));
    let order_key = order_key.map(|it| Digest(it.as_ref().try_into().unwrap_or_default()));
    Output { queue: row.text(2).into(), entry, due, order_key, copy: true }
}
