//! A database in memory, for whoever needs very many: tests of routes, and of the engine itself. No
//! files and no threads, so that each call is done when it returns, also under a paused clock.
//! Statements are those that a database in a directory executes.

use std::sync::{Mutex, PoisonError};

use rusqlite::Connection;
use tokio::sync::oneshot;

use super::{Job, Work};
use crate::store::{
    Row, StoreError, Writes, migrate, reader, sqlite,
    writes::{Query, Write},
};

/// See the module.
pub(in crate::store) struct Memory {
    work: Mutex<Work>,
    /// Whether lines of the journal are written: nothing but people reads them.
    has_journal: bool,
    /// What a new database has in its table of facts.
    facts: Vec<(String, i64)>,
    /// The tables that work on messages leaves rows in: all others.
    tables: Vec<String>,
}

/// Every table but that of facts, of which a new database has some.
const TABLES: &str = "SELECT name FROM sqlite_master WHERE type = 'table' AND name != 'fact'
     AND (name NOT LIKE 'sqlite_%' OR name = 'sqlite_sequence')";

impl Memory {
    pub(in crate::store) fn open(has_journal: bool) -> Result<Self, StoreError> {
        let refused =
            |error: rusqlite::Error| sqlite::error("cannot open a database in memory", &error);
        let mut connection = Connection::open_in_memory().map_err(refused)?;
        connection.set_prepared_statement_cache_capacity(256);
        migrate::to_newest(&mut connection)?;
        let tables = rows(&connection, TABLES, |row| row.get(0)).map_err(refused)?;
        let facts = "SELECT name, value FROM fact";
        let facts = rows(&connection, facts, |row| Ok((row.get(0)?, row.get(1)?)));
        let facts = facts.map_err(refused)?;
        let (directory, log_pages, watched) = Default::default();
        let (folded_at, measured) = (0, None);
        let work = Work { connection, directory, log_pages, folded_at, watched, measured };
        let work = Mutex::new(work);
        Ok(Self { work, has_journal, facts, tables })
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Work> {
        self.work.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Commits at once.
    pub(in crate::store) fn commit(&self, mut writes: Writes) -> Result<Vec<u64>, StoreError> {
        if !self.has_journal {
            let is_read = |it: &Write| !it.sql.sqlite.starts_with("INSERT INTO journal");
            writes.rest.retain(is_read);
        }
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

    /// Forgets everything: as new.
    pub(in crate::store) fn clear(&self) -> Result<(), StoreError> {
        let work = self.lock();
        let execute = |sql: &str, params: &[&dyn rusqlite::ToSql]| {
            let cleared = work.connection.prepare_cached(sql).and_then(|mut it| it.execute(params));
            cleared.map(drop).map_err(|error| sqlite::error("cannot clear", &error))
        };
        for table in &self.tables {
            execute(&format!("DELETE FROM {table}"), &[])?;
        }
        execute("DELETE FROM fact", &[])?;
        for (name, value) in &self.facts {
            execute("INSERT INTO fact (name, value) VALUES (?1, ?2)", &[name, value])?;
        }
        Ok(())
    }
}

fn rows<T>(
    connection: &Connection,
    sql: &str,
    read: fn(&rusqlite::Row<'_>) -> rusqlite::Result<T>,
) -> rusqlite::Result<Vec<T>> {
    connection.prepare(sql)?.query_map([], read)?.collect()
}
