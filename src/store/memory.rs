//! A database in memory for tests that need very many: no files and no threads, so that each call
//! is done when it returns. Statements are those that a database in a directory executes.

use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{Job, Watched, Work};
use crate::store::{
    Row, StoreError, Writes, migrate, reader, sqlite,
    writes::{Query, Write},
};

/// See the module.
pub(in crate::store) struct Memory(Mutex<Work>);

/// Every table that a history of messages leaves rows in.
const TABLES: [&str; 11] = [
    "message",
    "kept",
    "delivery",
    "dead",
    "claim",
    "pause",
    "key_use",
    "tally",
    "outbox",
    "parked",
    "ordered_key",
];

impl Memory {
    pub(in crate::store) fn open() -> Result<Self, StoreError> {
        let refused = |error| sqlite::error("cannot open a database in memory", &error);
        let mut connection = Connection::open_in_memory().map_err(refused)?;
        connection.set_prepared_statement_cache_capacity(256);
        migrate::to_newest(&mut connection)?;
        let watched = Watched::default();
        let (folded_at, measured) = (0, None);
        Ok(Self(Mutex::new(Work {
            connection,
            log_pages: Default::default(),
            folded_at,
            watched,
            measured,
        })))
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Work> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits at once. What only people read is left out: it would be half of the work.
    pub(in crate::store) fn commit(&self, mut writes: Writes) -> Result<Vec<u64>, StoreError> {
        let is_read = |it: &Write| !it.sql.sqlite.starts_with("INSERT INTO journal");
        writes.rest.retain(is_read);
        let (answer, _) = oneshot::channel();
        let job = [Job { writes, answer }];
        let counts = self.lock().attempt(&job).map_err(|failed| failed.error)?.pop();
        job.into_iter().for_each(|job| job.done(Vec::new()));
        Ok(counts.unwrap_or_default())
    }

    pub(in crate::store) fn query(&self, asked: &[Query]) -> Result<Vec<Vec<Row>>, StoreError> {
        let work = self.lock();
        let rows: rusqlite::Result<_> =
            asked.iter().map(|it| reader::one(&work.connection, it)).collect();
        rows.map_err(|error| sqlite::error("cannot read", &error))
    }

    /// Forgets every message.
    pub(in crate::store) fn clear(&self) -> Result<(), StoreError> {
        let work = self.lock();
        for table in TABLES {
            let sql = format!("DELETE FROM {table}");
            let cleared = work.connection.prepare_cached(&sql).and_then(|mut it| it.execute([]));
            cleared.map_err(|error| sqlite::error("cannot clear", &error))?;
        }
        Ok(())
    }
}
