//! The one database: a writer thread that commits whatever has gathered, readers beside it.
//!
//! Other rooms write their own SQL and see neither the library nor a transaction: they hand over
//! [`Writes`], which are committed whole or not at all, together with whatever else was waiting.
//!
//! ```text
//! value     values and rows                   writes    statements that belong together
//! lock      one process per directory         migrate   formats, from the first one on
//! sqlite    a connection, its settings, what its errors mean
//! checksum  whether a row is as it was written
//! inspect   a database that nobody works on, looked at      log   what its log holds
//! backup    copies, taken while somebody works on it, and put back
//! room      whether the disk has room for more
//! writer    the thread that commits           reader    the threads that answer
//! postgres  the same over a PostgreSQL that several gateways share
//! ```
//!
//! Durability in a directory: WAL with `synchronous=FULL`, so a commit that was answered is on disk. After an
//! error from the disk nothing that was written can be believed (a failed fsync marks the pages
//! clean), so the store then refuses every commit until the process is started anew, and says so
//! ([`Options::on_failure`]). Opening folds the log that a process left into the database, so that
//! nothing rests on pages which the disk may never have got.

mod backup;
mod checksum;
mod inspect;
mod lock;
mod log;
mod migrate;
mod postgres;
mod reader;
mod room;
mod sqlite;
#[cfg(test)]
mod tests;
mod value;
mod writer;
mod writes;

use std::{
    fmt,
    path::Path,
    sync::{Arc, OnceLock},
    time::Duration,
};

use tokio::sync::oneshot;

pub use self::{
    backup::{BackedUp, Progress, Restore, Restored, back_up},
    checksum::{checksum, may_be_old},
    inspect::{Finding, Inspection},
    postgres::{Address, AddressError},
    room::{Disk, DiskLow, disk_of},
    value::{Param, Row},
    writes::{Expect, Query, Sql, Sum, Writes},
};
use self::{
    lock::DirectoryLock,
    postgres::Postgres,
    reader::Readers,
    room::{Full, Room},
    writer::{Watched, Writer},
};

/// The database: in one directory, or on a PostgreSQL. Cheap to clone; the last one dropped closes
/// it, and waits for what was handed over to be committed.
///
/// # In tests
///
/// Its threads are unknown to tokio: under a paused clock a task that waits for them looks idle,
/// and tokio jumps to the next timer. A test with a paused clock opens the store with
/// [`Options::hold_paused_clock`].
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    database: Database,
    hold_paused_clock: bool,
}

enum Database {
    Directory(Directory),
    Postgres(Postgres),
    Memory(writer::memory::Memory),
}

struct Directory {
    // In the order in which they are dropped: the readers first, so that closing the writer's
    // connection, the last one, folds the log into the database.
    readers: Readers,
    writer: Writer,
    failure: Arc<Failure>,
    full: Arc<Full>,
    /// Where the disk is watched.
    room: Option<Room>,
    // Last: nobody else may open the directory before the files are closed.
    _lock: DirectoryLock,
}

/// Why nothing can be written any more; empty while all is well.
#[derive(Default)]
struct Failure {
    reason: OnceLock<String>,
    tell: Option<OnFailure>,
}

/// Told that the disk failed the store, with the reason.
pub type OnFailure = Arc<dyn Fn(&str) + Send + Sync>;

impl Failure {
    /// From now on nothing that is on disk can be believed.
    fn set(&self, error: &StoreError) {
        if self.reason.set(error.reason.clone()).is_ok()
            && let Some(tell) = &self.tell
        {
            tell(&error.reason);
        }
    }

    fn check(&self) -> Result<(), StoreError> {
        match self.reason.get() {
            None => Ok(()),
            Some(reason) => Err(StoreError::new(format!(
                "failed at an earlier write and takes no more until it is started anew: {reason}"
            ))),
        }
    }
}

/// How to open a store.
#[derive(Clone)]
pub struct Options {
    /// Mebibytes of a database in a directory that the writer keeps in memory, beside what the
    /// system keeps of its files.
    pub cache_mib: u32,
    /// Told of each commit, on the writer's thread: it should be quick, and must not hold the
    /// [`Store`].
    pub observe: Option<Arc<dyn Fn(CommitSeen) + Send + Sync>>,
    /// Told, once, that the disk failed a database in a directory, with the reason: nothing can be
    /// written any more, and the process should end. On a thread of the store.
    pub on_failure: Option<OnFailure>,
    /// How much room a database in a directory leaves on its disk; `None`: nobody looks.
    pub disk_low: Option<DiskLow>,
    /// For tests with a paused clock: waiting for the store keeps tokio from moving the clock.
    /// Costs a blocking thread for each call that waits.
    pub hold_paused_clock: bool,
}

impl Default for Options {
    fn default() -> Self {
        let (observe, on_failure, disk_low) = (None, None, None);
        Self { cache_mib: 16, observe, on_failure, disk_low, hold_paused_clock: false }
    }
}

impl fmt::Debug for Options {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter
            .debug_struct("Options")
            .field("hold_paused_clock", &self.hold_paused_clock)
            .finish_non_exhaustive()
    }
}

/// A PostgreSQL that was looked at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerSeen {
    /// As it calls itself: `15.6`.
    pub version: String,
    /// What time it is there, in milliseconds since 1970.
    pub now_ms: i64,
    /// Whether the tables of a store are there.
    pub has_store: bool,
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
        let Options { cache_mib, observe, on_failure, disk_low, hold_paused_clock } = options;
        let lock = DirectoryLock::take(directory)?;
        backup::refuse_half_restored(directory)?;
        let file = directory.join(FILE_NAME);
        let mut connection = sqlite::connect(&file, sqlite::Role::Writer { cache_mib })?;
        if let Some(damage) = log::look(&connection, &file)? {
            return Err(StoreError::new(damage.told()));
        }
        log::write_again(&file)?;
        sqlite::fold_what_was_left(&connection)?;
        migrate::to_newest(&mut connection)?;
        let failure = Arc::new(Failure { reason: OnceLock::new(), tell: on_failure });
        let (full, unused) = (Arc::default(), Arc::default());
        let room = disk_low.map(|low| Room::new(directory, low, Arc::clone(&unused)));
        let watched =
            Watched { observe, failure: Arc::clone(&failure), full: Arc::clone(&full), unused };
        let writer = Writer::start(connection, &file, watched)?;
        let readers = Readers::start(&file, &failure)?;
        let directory = Directory { readers, writer, failure, full, room, _lock: lock };
        Ok(Self::of(Database::Directory(directory), hold_paused_clock))
    }

    /// Opens the database on a PostgreSQL, creating or migrating its tables. Other gateways may
    /// have it open. When the connection breaks later, it is made anew until it holds; meanwhile
    /// commits and questions fail at once.
    ///
    /// # Errors
    ///
    /// When it cannot be reached, does not keep what simpul promises, or its format is newer than
    /// this program. The reason is a sentence for the operator, without the password.
    pub async fn connect(address: &Address, options: Options) -> Result<Self, StoreError> {
        let postgres = Postgres::start(address, options.observe).await?;
        Ok(Self::of(Database::Postgres(postgres), options.hold_paused_clock))
    }

    /// Looks at the PostgreSQL of a store without changing anything there.
    ///
    /// # Errors
    ///
    /// Why it cannot be used, in a sentence for the operator, without the password.
    pub async fn look(address: &Address) -> Result<ServerSeen, StoreError> {
        postgres::look(address).await
    }

    /// One in memory, for tests of routes and of the engine. It has no threads, so that it needs no
    /// [`Options::hold_paused_clock`]; with or without a journal, which is half of the work.
    pub(crate) fn in_memory(has_journal: bool) -> Result<Self, StoreError> {
        Ok(Self::of(Database::Memory(writer::memory::Memory::open(has_journal)?), false))
    }

    /// Forgets everything in one in memory.
    pub(crate) fn clear(&self) -> Result<(), StoreError> {
        match &self.0.database {
            Database::Memory(it) => it.clear(),
            _ => Err(StoreError::new("only one in memory is cleared")),
        }
    }

    fn of(database: Database, hold_paused_clock: bool) -> Self {
        Self(Arc::new(Inner { database, hold_paused_clock }))
    }

    /// Whether other gateways may work on it at the same time.
    pub fn is_shared(&self) -> bool {
        matches!(self.0.database, Database::Postgres(_))
    }

    /// The disk below it; `None` where nobody looks ([`Options::disk_low`]), or the system does not
    /// tell.
    pub fn disk(&self) -> Option<Disk> {
        match &self.0.database {
            Database::Directory(it) => it.room.as_ref()?.disk(),
            _ => None,
        }
    }

    /// Whether the disk has room for so many bytes more, beside what must be written about what is
    /// there already.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when it has not: nothing more should be accepted for the time being.
    pub fn has_room(&self, bytes: usize) -> Result<(), StoreError> {
        match &self.0.database {
            Database::Directory(Directory { room: Some(room), .. }) => room.accept(bytes as u64),
            _ => Ok(()),
        }
    }

    /// Whether what was last to be written found the disk full.
    pub fn is_full(&self) -> bool {
        match &self.0.database {
            Database::Directory(it) => it.full.get(),
            _ => false,
        }
    }

    /// Commits `writes`; returns once they are on disk. With nothing to write it only says whether
    /// something could be.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when nothing of them was written; after an error from the disk, which fails
    /// the store for good, or when the connection to a PostgreSQL broke, also when that is
    /// uncertain. If the future is dropped they may be written all the same.
    pub async fn commit(&self, writes: Writes) -> Result<(), StoreError> {
        self.commit_counting(writes).await.map(drop)
    }

    /// As [`commit`](Self::commit), and says how many rows each statement changed, beginning with
    /// those that come first ([`Writes::push_first`]).
    ///
    /// # Errors
    ///
    /// As [`commit`](Self::commit).
    pub async fn commit_counting(&self, writes: Writes) -> Result<Vec<u64>, StoreError> {
        let answer = match &self.0.database {
            Database::Directory(it) => {
                it.failure.check()?;
                if writes.is_empty() {
                    writes.done();
                    return Ok(Vec::new());
                }
                it.writer.hand_over(writes).await?
            }
            Database::Postgres(it) => it.commit(writes).await?,
            Database::Memory(it) => return it.commit(writes),
        };
        self.wait(answer).await
    }

    /// Answers questions, all from one snapshot; at most 10,000 rows each. Stopped after 1 s.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read, or not within that time.
    pub async fn query<S: Into<Sql>>(
        &self,
        questions: Vec<(S, Vec<Param>)>,
    ) -> Result<Vec<Vec<Row>>, StoreError> {
        let questions: Vec<Query> =
            questions.into_iter().map(|(sql, params)| (sql.into(), params)).collect();
        let answer = match &self.0.database {
            Database::Directory(it) => it.readers.hand_over(questions).await?,
            Database::Postgres(it) => it.ask(questions).await?,
            Database::Memory(it) => return it.query(&questions),
        };
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
