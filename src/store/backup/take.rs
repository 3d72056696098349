//! Takes a copy: one snapshot of the database, in small steps, into a file that is there whole or
//! not at all.

use std::{
    fs::{self, File},
    io,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use rusqlite::{
    Connection, OpenFlags,
    backup::{Backup, StepResult},
};

use super::{directory_of, failed, mark, shield::Shield, sync_directory, with_suffix};
use crate::store::{
    FILE_NAME, StoreError,
    lock::DirectoryLock,
    log, migrate,
    room::free_bytes,
    sqlite::{self, Role},
};

/// Pages that are copied at once: 1 MiB.
const PAGES_AT_ONCE: i32 = 256;

const PAGE_BYTES: u64 = 4_096;

/// What the log may grow to while a copy is taken, for it cannot be begun anew meanwhile. Beyond
/// that the copy is given up: a disk that is full would harm the bus.
const LOG_BYTES_MAX: u64 = 1 << 30;

/// Room that is left on the disk of the copy.
const ROOM_LEFT: u64 = 64 << 20;

/// The longest rest after a step, which lasts as long as the step did: half of the disk's time is
/// left to the bus.
const REST_MAX: Duration = Duration::from_millis(50);

/// How far a copy is, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Progress {
    /// What is copied.
    pub done: u64,
    /// What is to be copied.
    pub all: u64,
}

/// A copy that was taken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackedUp {
    /// Its length in bytes.
    pub bytes: u64,
    /// Whether it is of this program's format, so that its rows can be checked.
    pub is_newest: bool,
}

/// Copies the database in `directory`, on which a bus may work, into the file `to`, which must not
/// be there yet. It holds what was accepted until `at_ms`, the moment at which it is called.
///
/// Blocks; the file bears its name once all of it is on the disk.
///
/// # Errors
///
/// When there is no store, another copy of it is being taken, its log is damaged, or there is no
/// room. Nothing is left then but what cannot be taken away.
pub fn back_up(
    directory: &Path,
    to: &Path,
    at_ms: i64,
    tell: &mut dyn FnMut(Progress),
) -> Result<BackedUp, StoreError> {
    let database = directory.join(FILE_NAME);
    if !database.is_file() {
        return Err(StoreError::new(format!("there is no store in `{}`", directory.display())));
    }
    if fs::symlink_metadata(to).is_ok() {
        return Err(StoreError::new(format!(
            "`{}` is there already; give the backup another name",
            to.display()
        )));
    }
    let _shield = Shield::raise(directory)?;
    let source = open(directory, &database)?;
    let is_newest = migrate::must_be_newest(&source).is_ok();
    let partial = Partial::create(to)?;
    copy(&source, &database, &partial.path, tell)?;
    drop(source);
    partial.complete(to, is_newest.then_some(at_ms))?;
    let bytes = fs::metadata(to).map_err(|error| failed("look at", to, &error))?.len();
    Ok(BackedUp { bytes, is_newest })
}

/// Opens the database so that nothing of it is changed, also where nobody else has it open.
fn open(directory: &Path, database: &Path) -> Result<Connection, StoreError> {
    let connection = sqlite::connect(database, Role::Reader)?;
    migrate::must_be_ours(&connection)?;
    // Where a bus runs it has looked. The lock is given back at once: a bus may start meanwhile.
    if let Ok(alone) = DirectoryLock::take(directory) {
        if let Some(damage) = log::look(&connection, database)? {
            return Err(StoreError::new(damage.told()));
        }
        drop(alone);
    }
    let keep_log = rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
    connection
        .set_db_config(keep_log, true)
        .map_err(|error| sqlite::error("it cannot be left as it is", &error))?;
    Ok(connection)
}

/// Copies one snapshot. As long as it is held, no step begins anew because something was committed.
fn copy(
    source: &Connection,
    database: &Path,
    to: &Path,
    tell: &mut dyn FnMut(Progress),
) -> Result<(), StoreError> {
    let failed = |error: &rusqlite::Error| sqlite::error("the copy cannot be taken", error);
    source.execute_batch("BEGIN").map_err(|error| failed(&error))?;
    let pages = source.query_row("PRAGMA page_count", [], |row| row.get::<_, i64>(0));
    let pages = u64::try_from(pages.map_err(|error| failed(&error))?).unwrap_or_default();
    // A statement that reads begins the snapshot.
    source
        .query_row("SELECT count(*) FROM sqlite_schema", [], |_| Ok(()))
        .map_err(|error| failed(&error))?;
    must_have_room(to, pages * PAGE_BYTES)?;
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let mut target = Connection::open_with_flags(to, flags).map_err(|error| failed(&error))?;
    // It is synced at the end, and is no backup before.
    target
        .execute_batch("PRAGMA synchronous = OFF; PRAGMA journal_mode = OFF;")
        .map_err(|error| failed(&error))?;
    let log = with_suffix(database, "-wal");
    let backup = Backup::new(source, &mut target).map_err(|error| failed(&error))?;
    loop {
        let started = Instant::now();
        let step = backup.step(PAGES_AT_ONCE).map_err(|error| failed(&error))?;
        let left = u64::try_from(backup.progress().remaining).unwrap_or_default();
        tell(Progress { done: pages.saturating_sub(left) * PAGE_BYTES, all: pages * PAGE_BYTES });
        match step {
            StepResult::Done => break,
            StepResult::More => must_be_short(&log)?,
            // Nobody else knows of the file, and of the store only a snapshot is read.
            _ => {
                return Err(StoreError::new("the copy cannot be taken: somebody else has it open"));
            }
        }
        thread::sleep(started.elapsed().min(REST_MAX));
    }
    drop(backup);
    source.execute_batch("COMMIT").map_err(|error| failed(&error))
}

fn must_have_room(to: &Path, bytes: u64) -> Result<(), StoreError> {
    let wanted = bytes.saturating_add(ROOM_LEFT);
    match free_bytes(directory_of(to)) {
        Ok(free) if free < wanted => Err(StoreError::new(format!(
            "the backup needs {} MiB, and the disk of `{}` has {}; make room, or take it elsewhere",
            wanted >> 20,
            to.display(),
            free >> 20
        ))),
        _ => Ok(()),
    }
}

fn must_be_short(log: &Path) -> Result<(), StoreError> {
    if fs::metadata(log).is_ok_and(|it| LOG_BYTES_MAX < it.len()) {
        return Err(StoreError::new(format!(
            "given up: so much is written to the store meanwhile that its log has grown to {} GiB; \
             take the backup at a quieter hour, or to a faster disk",
            LOG_BYTES_MAX >> 30
        )));
    }
    Ok(())
}

/// A file that is not complete; taken away unless it becomes so.
struct Partial {
    path: PathBuf,
}

impl Partial {
    /// Beside where it will stand, readable for nobody else.
    fn create(to: &Path) -> Result<Self, StoreError> {
        let path = with_suffix(to, ".partial");
        // What an attempt left that was killed.
        let _ = fs::remove_file(&path);
        let created = File::options().write(true).create_new(true).mode(0o600).open(&path);
        created.map_err(|error| failed("create", &path, &error))?;
        Ok(Self { path })
    }

    /// Marks it, has it written to the disk, and gives it its name.
    fn complete(self, to: &Path, mark_at_ms: Option<i64>) -> Result<(), StoreError> {
        settle(&self.path, mark_at_ms)?;
        let named = || -> io::Result<()> {
            File::open(&self.path)?.sync_all()?;
            // A link refuses where a file has come to be there meanwhile, a new name would not.
            fs::hard_link(&self.path, to).or_else(|error| match error.kind() {
                io::ErrorKind::AlreadyExists => Err(error),
                _ => fs::rename(&self.path, to),
            })?;
            let _ = fs::remove_file(&self.path);
            sync_directory(directory_of(to))
        };
        named().map_err(|error| failed("write", to, &error))
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

/// Makes one file of it that needs no log beside it.
fn settle(path: &Path, mark_at_ms: Option<i64>) -> Result<(), StoreError> {
    let failed = |error: &rusqlite::Error| sqlite::error("the copy cannot be completed", error);
    let flags = OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let copy = Connection::open_with_flags(path, flags).map_err(|error| failed(&error))?;
    copy.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA synchronous = FULL;")
        .map_err(|error| failed(&error))?;
    if let Some(at_ms) = mark_at_ms {
        mark::mark(&copy, Some(at_ms)).map_err(|error| failed(&error))?;
    }
    copy.close().map_err(|(_, error)| failed(&error))
}
