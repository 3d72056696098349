//! The one database: a writer thread that commits whatever has gathered, readers beside it.
//!
//! Other rooms write their own SQL and see neither the library nor a transaction: they hand over
//! [`Writes`], which are committed whole or not at all, together with whatever else was waiting.
//!
//! ```text
//! lock      one process per directory         migrate   formats, from the first one on
//! sqlite    a connection, its settings, what its errors mean
//! writer    the thread that commits           reader    the threads that answer
//! ```
//!
//! Durability: WAL with `synchronous=FULL`, so a commit that was answered is on disk. After an
//! error from the disk nothing that was written can be believed (a failed fsync marks the pages
//! clean), so the store then refuses every commit until the process is started anew.

mod lock;
mod migrate;
mod reader;
mod sqlite;
#[cfg(test)]
mod tests;
mod writer;

use std::{
    fmt,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use bytes::Bytes;
use tokio::sync::oneshot;

use self::{lock::DirectoryLock, reader::Readers, writer::Writer};

/// A value in a statement or in a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Param {
    /// SQL NULL.
    Null,
    /// An integer.
    Int(i64),
    /// A text.
    Text(String),
    /// Bytes.
    Blob(Bytes),
}

impl Param {
    /// About how much memory it takes, in bytes.
    fn size(&self) -> usize {
        match self {
            Self::Null | Self::Int(_) => 8,
            Self::Text(text) => text.len(),
            Self::Blob(bytes) => bytes.len(),
        }
    }
}

impl From<i64> for Param {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Param {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Param {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Bytes> for Param {
    fn from(value: Bytes) -> Self {
        Self::Blob(value)
    }
}

impl From<&[u8]> for Param {
    fn from(value: &[u8]) -> Self {
        Self::Blob(Bytes::copy_from_slice(value))
    }
}

impl<T: Into<Param>> From<Option<T>> for Param {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Statements that are committed together or not at all, in their order.
#[derive(Debug, Default)]
pub struct Writes(Vec<Write>);

/// One statement: SQL with `?1`, `?2`, … and their values.
#[derive(Debug)]
pub struct Write {
    /// The statement. Static, so that each is prepared once.
    pub sql: &'static str,
    /// The values, from `?1` on.
    pub params: Vec<Param>,
    /// What must have happened, or nothing of the [`Writes`] is kept.
    pub expect: Option<Expect>,
}

/// How many rows a statement must change, and what it means if it does not.
#[derive(Debug, Clone, Copy)]
pub struct Expect {
    /// How many.
    pub rows: u64,
    /// The reason for the error, as in "the dead letter is no longer there".
    pub otherwise: &'static str,
}

impl Writes {
    /// Adds a statement.
    pub fn push(&mut self, sql: &'static str, params: Vec<Param>) {
        self.0.push(Write { sql, params, expect: None });
    }

    /// Adds a statement that must change exactly `expect.rows` rows: otherwise nothing is written.
    pub fn push_expecting(&mut self, sql: &'static str, params: Vec<Param>, expect: Expect) {
        self.0.push(Write { sql, params, expect: Some(expect) });
    }

    /// Adds all of `other`, after what is here.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn size(&self) -> usize {
        self.0.iter().flat_map(|write| &write.params).map(Param::size).sum()
    }
}

/// A row of an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row(Vec<Param>);

impl Row {
    /// An integer column; 0 where there is none.
    pub fn int(&self, column: usize) -> i64 {
        if let Some(Param::Int(value)) = self.0.get(column) { *value } else { 0 }
    }

    /// A text column; empty where there is none.
    pub fn text(&self, column: usize) -> &str {
        if let Some(Param::Text(value)) = self.0.get(column) { value } else { "" }
    }

    /// A blob column; empty where there is none.
    pub fn blob(&self, column: usize) -> Bytes {
        if let Some(Param::Blob(value)) = self.0.get(column) { value.clone() } else { Bytes::new() }
    }

    /// Whether a column is NULL or not there.
    pub fn is_null(&self, column: usize) -> bool {
        matches!(self.0.get(column), None | Some(Param::Null))
    }
}

/// A question to the database: SQL with `?1`, `?2`, … and their values.
pub type Query = (&'static str, Vec<Param>);

/// The database in one directory. Cheap to clone; the last one dropped closes it, and waits for
/// what was handed over to be committed.
///
/// # In tests
///
/// Its threads are unknown to tokio: under a paused clock a task that waits for them looks idle,
/// and tokio jumps to the next timer. A test with a paused clock opens the store with
/// [`Options::hold_paused_clock`].
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    // In the order in which they are dropped: the readers first, so that closing the writer's
    // connection, the last one, folds the log into the database.
    readers: Readers,
    writer: Writer,
    failure: Arc<Failure>,
    hold_paused_clock: bool,
    // Last: nobody else may open the directory before the files are closed.
    _lock: DirectoryLock,
}

/// Why nothing can be written any more; empty while all is well.
#[derive(Default)]
struct Failure(OnceLock<String>);

impl Failure {
    fn check(&self) -> Result<(), StoreError> {
        match self.0.get() {
            None => Ok(()),
            Some(reason) => Err(StoreError::new(format!(
                "failed at an earlier write and takes no more until it is started anew: {reason}"
            ))),
        }
    }
}

/// How to open a store.
#[derive(Clone, Default)]
pub struct Options {
    /// Told of each commit, on the writer's thread: it should be quick, and must not hold the
    /// [`Store`].
    pub observe: Option<Arc<dyn Fn(CommitSeen) + Send + Sync>>,
    /// For tests with a paused clock: waiting for the store keeps tokio from moving the clock.
    /// Costs a blocking thread for each call that waits.
    pub hold_paused_clock: bool,
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Options")
            .field("hold_paused_clock", &self.hold_paused_clock)
            .finish_non_exhaustive()
    }
}

/// What one commit looked like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CommitSeen {
    /// How many calls of [`Store::commit`] it answered.
    pub jobs: usize,
    /// From the first statement until it was on disk.
    pub duration: Duration,
}

/// The database cannot be opened, read or written.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("store: {reason}")]
pub struct StoreError {
    /// What happened and what to do, in one line.
    pub reason: String,
}

impl StoreError {
    fn new(reason: impl Into<String>) -> Self {
        Self { reason: reason.into() }
    }
}

impl Store {
    /// Opens the database in `directory`, creating or migrating it.
    ///
    /// # Errors
    ///
    /// When another process has it open, its format is newer than this program, or the disk
    /// refuses. The reason is a sentence for the operator.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        Self::open_with(directory, Options::default())
    }

    /// As [`open`](Self::open), with options.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_with(directory: &Path, options: Options) -> Result<Self, StoreError> {
        let lock = DirectoryLock::take(directory)?;
        let file = directory.join(FILE_NAME);
        let mut connection = sqlite::connect(&file, sqlite::Role::Writer)?;
        migrate::to_newest(&mut connection)?;
        let failure = Arc::new(Failure::default());
        let writer = Writer::start(connection, &file, options.observe, Arc::clone(&failure))?;
        let readers = Readers::start(&file)?;
        let hold_paused_clock = options.hold_paused_clock;
        Ok(Self(Arc::new(Inner { readers, writer, failure, hold_paused_clock, _lock: lock })))
    }

    /// Commits `writes`; returns once they are on disk. With nothing to write it only says whether
    /// something could be.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when nothing of them was written; after an error from the disk, which fails
    /// the store for good, when that is uncertain. If the future is dropped they may be written
    /// all the same.
    pub async fn commit(&self, writes: Writes) -> Result<(), StoreError> {
        self.commit_counting(writes).await.map(drop)
    }

    /// As [`commit`](Self::commit), and says how many rows each statement changed.
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit).
    pub async fn commit_counting(&self, writes: Writes) -> Result<Vec<u64>, StoreError> {
        self.0.failure.check()?;
        if writes.is_empty() {
            return Ok(Vec::new());
        }
        let answer = self.0.writer.hand_over(writes).await?;
        self.wait(answer).await
    }

    /// Answers questions, all from one snapshot; at most 10,000 rows each. Stopped after 1 s.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read, or not within that time.
    pub async fn query(&self, questions: Vec<Query>) -> Result<Vec<Vec<Row>>, StoreError> {
        let answer = self.0.readers.hand_over(questions).await?;
        self.wait(answer).await
    }

    async fn wait<T: Send + 'static>(&self, answer: Answer<T>) -> Result<T, StoreError> {
        let gone = |_| StoreError::new("bug: a thread of the store ended before it answered");
        if !self.0.hold_paused_clock {
            return answer.await.map_err(gone)?;
        }
        // tokio does not move a paused clock while a blocking task runs.
        let waiting = tokio::task::spawn_blocking(move || answer.blocking_recv());
        match waiting.await {
            Ok(answer) => answer.map_err(gone)?,
            Err(_) => Err(StoreError::new("the runtime is stopping")),
        }
    }
}

/// What a thread of the store answers with.
type Answer<T> = oneshot::Receiver<Result<T, StoreError>>;

/// The database's file in its directory; beside it SQLite's `-wal` and `-shm`.
const FILE_NAME: &str = "simpul.db";
