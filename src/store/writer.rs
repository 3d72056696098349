//! The thread that writes: it commits whatever has gathered, in one transaction.
//!
//! A lone job never waits for company: the thread takes what is there and begins. While it waits
//! for the disk the next jobs gather, so that the disk's pace sets the size of a transaction.

use std::{
    collections::{HashMap, hash_map::Entry},
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, AtomicUsize, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use rusqlite::{CachedStatement, Connection};
use tokio::sync::{mpsc, oneshot};

use super::{
    Answer, CommitSeen, Failure, Full, Param, StoreError, Writes, backup,
    sqlite::{self, Trouble},
    writes::{Sum, Write},
};
use crate::crash;

#[path = "memory.rs"]
pub(super) mod memory;

/// Told of each commit.
pub(super) type Observe = Arc<dyn Fn(CommitSeen) + Send + Sync>;

/// Jobs that may wait for the thread; beyond that, who hands one over waits.
pub(super) const JOBS_WAITING_MAX: usize = 1_024;

/// Jobs in one transaction: what one wait for the disk can serve without keeping the first of
/// them waiting noticeably longer.
pub(super) const JOBS_PER_COMMIT_MAX: usize = 1_024;

/// Bytes of values in one transaction (a single larger job still passes).
pub(super) const BYTES_PER_COMMIT_MAX: usize = 16 * 1024 * 1024;

/// Pages of 4 KiB in the log from which on it is folded into the database: 8 MiB.
const LOG_PAGES_FOLDED: usize = 2_000;

/// Pages in the log from which on folding waits for the readers, who keep it from starting over
/// otherwise: 64 MiB. They take 1 s at most.
const LOG_PAGES_MAX: usize = 16_384;

/// Of the database, as SQLite makes them.
const PAGE_BYTES: u64 = 4_096;

/// How often the unused part of the database is measured, while something is written.
const MEASURED_EVERY: Duration = Duration::from_millis(100);

/// What the thread tells of.
#[derive(Default)]
pub(super) struct Watched {
    pub(super) observe: Option<Observe>,
    pub(super) failure: Arc<Failure>,
    /// Whether the last transaction found the disk full.
    pub(super) full: Arc<Full>,
    /// Bytes of the database that nothing stands in any more.
    pub(super) unused: Arc<AtomicU64>,
}

/// The thread and the way to it. Dropped, it finishes what was handed over.
pub(super) struct Writer {
    jobs: Option<mpsc::Sender<Job>>,
    thread: Option<JoinHandle<()>>,
}

/// What is committed whole or not at all.
pub(super) struct Job {
    pub(super) writes: Writes,
    pub(super) answer: oneshot::Sender<Result<Vec<u64>, StoreError>>,
}

impl Job {
    /// It is written.
    pub(super) fn done(self, counts: Vec<u64>) {
        self.writes.done();
        // If nobody waits any more, it is written all the same.
        let _ = self.answer.send(Ok(counts));
    }
}

impl Writer {
    pub(super) fn start(
        connection: Connection,
        file: &Path,
        watched: Watched,
    ) -> Result<Self, StoreError> {
        let cannot = |error: &dyn std::fmt::Display| {
            StoreError::new(format!("cannot start writing to `{}`: {error}", file.display()))
        };
        let log_pages = Arc::default();
        let (folded_at, measured) = (0, None);
        let directory = file.parent().map(Path::to_owned).unwrap_or_default();
        let mut work = Work { connection, directory, log_pages, folded_at, watched, measured };
        work.watch_log().map_err(|error| cannot(&error))?;
        let (jobs, waiting) = mpsc::channel(JOBS_WAITING_MAX);
        let thread = thread::Builder::new()
            .name("store-writer".to_owned())
            .spawn(move || work.run(waiting))
            .map_err(|error| cannot(&error))?;
        Ok(Self { jobs: Some(jobs), thread: Some(thread) })
    }

    /// Gives `writes` to the thread, waiting while too many wait already.
    pub(super) async fn hand_over(&self, writes: Writes) -> Result<Answer<Vec<u64>>, StoreError> {
        let (answer, answered) = oneshot::channel();
        let gone = || StoreError::new("bug: the writing thread is gone");
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.send(Job { writes, answer }).await.map_err(|_| gone())?;
        Ok(answered)
    }
}

impl Drop for Writer {
    fn drop(&mut self) {
        drop(self.jobs.take());
        if let Some(thread) = self.thread.take() {
            // A panic there was a bug, and its jobs have learned of it already.
            let _ = thread.join();
        }
    }
}

/// What the thread owns.
struct Work {
    connection: Connection,
    directory: PathBuf,
    /// Pages in the log, told by SQLite after each commit.
    log_pages: Arc<AtomicUsize>,
    /// How many there were when they were last folded; readers may have held some of them back,
    /// which is no reason to try again with each commit.
    folded_at: usize,
    watched: Watched,
    /// When the unused part was last measured.
    measured: Option<Instant>,
}

/// Why a transaction did not take place.
struct Failed {
    /// The job whose statement failed.
    job: Option<usize>,
    trouble: Trouble,
    error: StoreError,
}

impl Work {
    fn watch_log(&mut self) -> rusqlite::Result<()> {
        let log_pages = Arc::clone(&self.log_pages);
        self.connection.wal_hook(Some(move |_: &mut _, pages: i32| {
            log_pages.store(usize::try_from(pages).unwrap_or_default(), Ordering::Relaxed);
            Ok(())
        }))
    }

    fn run(mut self, mut waiting: mpsc::Receiver<Job>) {
        while let Some(first) = waiting.blocking_recv() {
            let mut bytes = first.writes.size();
            let mut jobs = vec![first];
            while jobs.len() < JOBS_PER_COMMIT_MAX && bytes < BYTES_PER_COMMIT_MAX {
                let Ok(next) = waiting.try_recv() else { break };
                bytes += next.writes.size();
                jobs.push(next);
            }
            self.commit(jobs);
            self.fold_log();
            self.measure_unused();
        }
        if self.watched.failure.check().is_ok() {
            let _ = self.connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)");
        } else {
            self.keep_log();
        }
    }

    /// Commits jobs together and answers them; one whose statement fails does not take the others
    /// along.
    fn commit(&mut self, mut jobs: Vec<Job>) {
        while !jobs.is_empty() {
            if let Err(error) = self.watched.failure.check() {
                return answer_all(jobs, &error);
            }
            let started = Instant::now();
            match self.attempt(&jobs) {
                Ok(counts) => {
                    self.watched.full.set(false);
                    self.saw(jobs.len(), started);
                    jobs.into_iter().zip(counts).for_each(|(job, counts)| job.done(counts));
                    return;
                }
                Err(Failed { job: Some(culprit), trouble: Trouble::Statement, error }) => {
                    let _ = jobs.remove(culprit).answer.send(Err(error));
                }
                // What is large must not keep what is small from the last of the room.
                Err(Failed { trouble: Trouble::Full, .. }) if 1 < jobs.len() => {
                    return jobs.into_iter().for_each(|job| self.commit(vec![job]));
                }
                Err(Failed { trouble, error, .. }) => {
                    self.watched.full.set(trouble == Trouble::Full);
                    if trouble == Trouble::Store {
                        self.fail(&error);
                    }
                    return answer_all(jobs, &error);
                }
            }
        }
    }

    /// One transaction over all jobs; rolled back unless it is on disk when this returns.
    fn attempt(&self, jobs: &[Job]) -> Result<Vec<Vec<u64>>, Failed> {
        let done = self.execute(jobs);
        if done.is_err() && !self.connection.is_autocommit() {
            // An error that SQLite rolled back for already leaves nothing to roll back.
            let _ = self.connection.execute_batch("ROLLBACK");
        }
        done
    }

    fn execute(&self, jobs: &[Job]) -> Result<Vec<Vec<u64>>, Failed> {
        let whole = |error: rusqlite::Error| Failed {
            job: None,
            trouble: sqlite::trouble(&error),
            error: sqlite::error("cannot commit", &error),
        };
        let statement = |sql| self.connection.prepare_cached(sql);
        statement("BEGIN IMMEDIATE").and_then(|mut it| it.execute([])).map_err(whole)?;
        let (prepared, sums) = (HashMap::new(), HashMap::new());
        let mut statements = Statements { connection: &self.connection, prepared, sums };
        let mut counts = Vec::with_capacity(jobs.len());
        for (index, job) in jobs.iter().enumerate() {
            let done: Result<Vec<u64>, Failed> =
                job.writes.iter().map(|write| statements.write(write, index)).collect();
            counts.push(done?);
            job.writes.sums.iter().for_each(|(sum, amount)| statements.add(sum, *amount));
        }
        statements.write_sums().map_err(whole)?;
        statement("COMMIT").and_then(|mut it| it.execute([])).map_err(whole)?;
        Ok(counts)
    }

    fn saw(&self, jobs: usize, started: Instant) {
        if let Some(observe) = &self.watched.observe {
            observe(CommitSeen { jobs, duration: started.elapsed() });
        }
    }

    /// Folds the log into the database where it has grown, after its jobs were answered.
    fn fold_log(&mut self) {
        let pages = self.log_pages.load(Ordering::Relaxed);
        if pages < self.folded_at {
            // It was folded whole, and has started over.
            self.folded_at = 0;
        }
        if pages < self.folded_at + LOG_PAGES_FOLDED || self.watched.failure.check().is_err() {
            return;
        }
        // Who takes a copy reads for longer than anybody may be kept waiting.
        let waits = LOG_PAGES_MAX <= pages && !backup::is_being_taken(&self.directory);
        let mode = if waits { "TRUNCATE" } else { "PASSIVE" };
        let folded = self.connection.execute_batch(&format!("PRAGMA wal_checkpoint({mode})"));
        match folded {
            // A full disk leaves the log as it is, and the next commit says so.
            Err(error) if sqlite::trouble(&error) == Trouble::Store => {
                self.fail(&sqlite::error("cannot fold the log into the database", &error));
            }
            _ => self.folded_at = pages,
        }
    }

    /// Measures what of the database nothing stands in: room that the disk knows nothing of.
    fn measure_unused(&mut self) {
        if self.measured.is_some_and(|it| it.elapsed() < MEASURED_EVERY) {
            return;
        }
        self.measured = Some(Instant::now());
        let asked = self.connection.prepare_cached("PRAGMA freelist_count");
        let pages = asked.and_then(|mut it| it.query_row([], |row| row.get::<_, i64>(0)));
        if let Ok(pages) = pages {
            let bytes = u64::try_from(pages).unwrap_or_default().saturating_mul(PAGE_BYTES);
            self.watched.unused.store(bytes, Ordering::Relaxed);
        }
    }

    /// From now on nothing that is on disk can be believed, and nothing is written any more.
    fn fail(&mut self, error: &StoreError) {
        self.watched.failure.set(error);
        self.keep_log();
    }

    /// Closing the connection leaves the log alone.
    fn keep_log(&mut self) {
        let keep_log = rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        let _ = self.connection.set_db_config(keep_log, true);
    }
}

/// The statements of one transaction. A transaction has a few of them many times over, so that each
/// is looked up by its text once, and by the address of its text from then on.
struct Statements<'c> {
    connection: &'c Connection,
    prepared: HashMap<*const str, CachedStatement<'c>>,
    /// What is added to each sum.
    sums: HashMap<&'c Sum, i64>,
}

impl<'c> Statements<'c> {
    /// Executes one; returns how many rows it changed.
    fn write(&mut self, write: &'c Write, job: usize) -> Result<u64, Failed> {
        let sql = write.sql.sqlite;
        if sql.is_empty() {
            return Ok(0);
        }
        let changed = self.execute(sql, &write.params).map_err(|error| Failed {
            job: Some(job),
            trouble: sqlite::trouble(&error),
            error: sqlite::error(&format!("cannot {}", gist(sql)), &error),
        })?;
        crash::point("in_the_transaction");
        match write.expect {
            Some(expect) if changed != expect.rows => Err(Failed {
                job: Some(job),
                trouble: Trouble::Statement,
                error: StoreError::new(expect.otherwise),
            }),
            _ => {
                let times = i64::try_from(changed).unwrap_or(i64::MAX);
                for (sum, amount) in &write.sums {
                    self.add(sum, amount.saturating_mul(times));
                }
                Ok(changed)
            }
        }
    }

    fn add(&mut self, sum: &'c Sum, amount: i64) {
        let total = self.sums.entry(sum).or_default();
        *total = total.saturating_add(amount);
    }

    fn write_sums(&mut self) -> rusqlite::Result<()> {
        for (sum, total) in std::mem::take(&mut self.sums) {
            if total != 0 {
                let params = [sum.key.as_slice(), &[Param::Int(total)]].concat();
                self.execute(sum.sql, &params)?;
            }
        }
        Ok(())
    }

    fn execute(&mut self, sql: &'static str, params: &[Param]) -> rusqlite::Result<u64> {
        let statement = match self.prepared.entry(std::ptr::from_ref(sql)) {
            Entry::Occupied(known) => known.into_mut(),
            Entry::Vacant(vacant) => vacant.insert(self.connection.prepare_cached(sql)?),
        };
        sqlite::bind(statement, params)?;
        Ok(statement.raw_execute()? as u64)
    }
}

pub(super) fn answer_all(jobs: Vec<Job>, error: &StoreError) {
    for job in jobs {
        let _ = job.answer.send(Err(error.clone()));
    }
}

/// What a statement does, for a reason: its first three words.
pub(super) fn gist(sql: &str) -> String {
    sql.split_whitespace().take(3).collect::<Vec<_>>().join(" ")
}
