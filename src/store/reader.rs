//! The threads that answer questions, each from a snapshot that it keeps for 1 s at most.

use std::{
    path::Path,
    sync::{Arc, Mutex, PoisonError},
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rusqlite::Connection;
use tokio::sync::{mpsc, oneshot};

use super::{
    Answer, Failure, Query, Row, StoreError,
    sqlite::{self, Trouble},
};

/// Threads that answer. More would only wait for each other on the machines we know (2 cores),
/// fewer would let one long question hold up the queues.
pub(super) const READERS: usize = 3;

/// Questions that may wait for a thread; beyond that, who asks waits.
pub(super) const ASKED_MAX: usize = 256;

/// Rows in one answer.
pub(super) const ROWS_MAX: usize = 10_000;

/// How long one snapshot may be kept: the log cannot start over meanwhile, and grows.
pub(super) const SNAPSHOT_MAX: Duration = Duration::from_secs(1);

/// SQLite's instructions between two looks at the clock: some ten microseconds.
const STEPS_BETWEEN_LOOKS: i32 = 1_000;

/// The threads and the way to them.
pub(super) struct Readers {
    asked: Option<mpsc::Sender<Asked>>,
    threads: Vec<JoinHandle<()>>,
}

pub(super) struct Asked {
    pub(super) questions: Vec<Query>,
    pub(super) answer: oneshot::Sender<Result<Vec<Vec<Row>>, StoreError>>,
}

impl Readers {
    pub(super) fn start(file: &Path, failure: &Arc<Failure>) -> Result<Self, StoreError> {
        let (asked, waiting) = mpsc::channel(ASKED_MAX);
        let waiting = Arc::new(Mutex::new(waiting));
        let mut readers = Self { asked: Some(asked), threads: Vec::with_capacity(READERS) };
        for number in 0..READERS {
            let connection = sqlite::connect(file, sqlite::Role::Reader)?;
            let (waiting, failure) = (Arc::clone(&waiting), Arc::clone(failure));
            let thread = thread::Builder::new()
                .name(format!("store-reader-{number}"))
                .spawn(move || run(connection, &waiting, &failure))
                .map_err(|error| StoreError::new(format!("cannot start a reader: {error}")))?;
            readers.threads.push(thread);
        }
        Ok(readers)
    }

    /// Gives questions to the threads, waiting while too many wait already.
    pub(super) async fn hand_over(
        &self,
        questions: Vec<Query>,
    ) -> Result<Answer<Vec<Vec<Row>>>, StoreError> {
        let (answer, answered) = oneshot::channel();
        let gone = || StoreError::new("bug: the reading threads are gone");
        let asked = self.asked.as_ref().ok_or_else(gone)?;
        asked.send(Asked { questions, answer }).await.map_err(|_| gone())?;
        Ok(answered)
    }
}

impl Drop for Readers {
    fn drop(&mut self) {
        drop(self.asked.take());
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn run(mut connection: Connection, waiting: &Mutex<mpsc::Receiver<Asked>>, failure: &Failure) {
    loop {
        // One thread waits for a question, holding the lock; the others wait for the lock.
        let next = waiting.lock().unwrap_or_else(PoisonError::into_inner).blocking_recv();
        let Some(Asked { questions, answer }) = next else { return };
        if answer.is_closed() {
            continue;
        }
        let result = reply(&mut connection, &questions);
        let result = result.map_err(|error| {
            let told = sqlite::error("cannot read", &error);
            // What cannot be read now would be asked for again and again.
            if sqlite::trouble(&error) == Trouble::Store {
                failure.set(&told);
            }
            told
        });
        let _ = answer.send(result);
    }
}

fn reply(connection: &mut Connection, questions: &[Query]) -> rusqlite::Result<Vec<Vec<Row>>> {
    let started = Instant::now();
    let late = move || SNAPSHOT_MAX < started.elapsed();
    connection.progress_handler(STEPS_BETWEEN_LOOKS, Some(late))?;
    connection.prepare_cached("BEGIN")?.execute([])?;
    let rows = questions.iter().map(|question| one(connection, question)).collect();
    // Also after an error: the next question wants a snapshot of its own.
    connection.progress_handler(0, None::<fn() -> bool>)?;
    connection.prepare_cached("COMMIT")?.execute([])?;
    rows
}

pub(super) fn one(connection: &Connection, (sql, params): &Query) -> rusqlite::Result<Vec<Row>> {
    let mut statement = connection.prepare_cached(sql.sqlite)?;
    let columns = statement.column_count();
    sqlite::bind(&mut statement, params)?;
    let mut found = statement.raw_query();
    let mut rows = Vec::new();
    while rows.len() < ROWS_MAX
        && let Some(row) = found.next()?
    {
        rows.push(sqlite::row(row, columns)?);
    }
    Ok(rows)
}
