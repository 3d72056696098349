//! Whose queues these are: a store is known to the RabbitMQ that keeps its messages.
//!
//! Two gateways with different stores on one virtual host would each take the other's messages and
//! know nothing of them. So the first to come leaves a mark: a queue that nothing is ever put into,
//! with a number of the store as an argument. RabbitMQ compares it at each declaration.

use crate::{
    amqp::{Admin, AdminError, Argument, QueueSpec},
    store::{Store, StoreError, Writes},
};

/// The queue that is the mark.
pub const MARK: &str = "simpul.store";

/// The argument that RabbitMQ compares. As a limit it means nothing: the queue stays empty.
const NUMBER: &str = "x-max-length";

const KEEP: &str = "INSERT INTO fact (name, value) VALUES ('store', ?1) ON CONFLICT DO NOTHING";

const ASK: &str = "SELECT value FROM fact WHERE name = 'store'";

/// Bits of the number: more than chance meets twice, and no negative number.
const BITS: u32 = 60;

/// The number of a store, drawn once.
pub(super) struct Identity(i64);

/// Whether the queues of a RabbitMQ may be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Standing {
    /// Not asked yet.
    Unasked,
    /// They belong to this store; asked over the connection of this number.
    Ours(u64),
    /// They belong to another one.
    Others,
}

/// What is said where they belong to another store.
pub(super) const OTHERS: &str = "the queues of this RabbitMQ belong to another store: give all \
     gateways on it the same `store: postgres://…`, or this one another virtual host; if that store \
     is gone for good, delete the queue `simpul.store` at the broker";

impl Identity {
    /// The number that a store has, or now gets.
    pub(super) async fn of(store: &Store) -> Result<Self, StoreError> {
        let mut random = [0; 8];
        getrandom::fill(&mut random)
            .map_err(|it| StoreError { reason: format!("no random number: {it}") })?;
        let number = i64::try_from(u64::from_be_bytes(random) >> (u64::BITS - BITS));
        let mut writes = Writes::default();
        writes.push(KEEP, vec![number.unwrap_or_default().into()]);
        store.commit(writes).await?;
        let answers = store.query(vec![(ASK, vec![])]).await?;
        Ok(Self(answers.iter().flatten().next().map_or(0, |row| row.int(0))))
    }

    /// The mark of this store.
    pub(super) fn mark(&self) -> QueueSpec {
        let kind = Argument::Text("quorum".to_owned());
        let arguments = vec![("x-queue-type", kind), (NUMBER, Argument::Number(self.0))];
        QueueSpec { name: MARK.to_owned(), arguments }
    }

    /// Leaves the mark, or finds out whose is there.
    pub(super) async fn declare(&self, admin: &Admin, epoch: u64) -> Result<Standing, AdminError> {
        match admin.declare(&self.mark()).await {
            Ok(_) => Ok(Standing::Ours(epoch)),
            Err(AdminError::Mismatch { .. }) => Ok(Standing::Others),
            Err(failure) => Err(failure),
        }
    }
}
