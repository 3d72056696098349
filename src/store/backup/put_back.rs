//! Puts a copy in the place of a store: looked at first, and there whole or not at all.

use std::{
    fs::{self, File},
    io::{self, ErrorKind},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use super::{failed, give_to_owner, mark, sync_directory, with_suffix};
use crate::store::{
    FILE_NAME, Inspection, StoreError,
    lock::{self, DirectoryLock},
    log, migrate,
    sqlite::{self, Role},
};

/// A copy in the store's directory that is not its store yet. Dropped, it is taken away.
pub struct Restore {
    directory: PathBuf,
    /// Where it stands until it becomes the store.
    copy: PathBuf,
    taken_at_ms: Option<i64>,
    // Last: nobody may start on the directory before.
    _lock: DirectoryLock,
}

/// What was restored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Restored {
    /// When the copy was taken, if it says so.
    pub taken_at_ms: Option<i64>,
    /// Where the store went that was there before.
    pub moved_to: Option<PathBuf>,
}

/// What the copy is called while it is being made.
const COPY: &str = "simpul.db.restoring";

/// What it is called while the store that was there makes room.
const READY: &str = "simpul.db.restored";

/// What stands beside a database and belongs to it alone.
const BESIDE: [&str; 3] = ["-wal", "-shm", "-journal"];

/// Refuses a store that a restore was about to become when it was cut short.
pub(in crate::store) fn refuse_half_restored(directory: &Path) -> Result<(), StoreError> {
    match fs::symlink_metadata(directory.join(READY)) {
        Ok(_) => Err(StoreError::new(format!(
            "a restore into `{0}` was cut short before its end; run `simpul store restore` once \
             more, or delete `{0}/{READY}` to go on without it",
            directory.display()
        ))),
        Err(_) => Ok(()),
    }
}

impl Restore {
    /// Copies `file` into `directory`, brings it to the newest format, and marks it. A log beside
    /// the file is taken along.
    ///
    /// # Errors
    ///
    /// When a bus runs on the directory, a store is there and it is not to be replaced, or `file` is
    /// no store that this program knows. The store that is there stays as it is.
    pub fn begin(file: &Path, directory: &Path, replace: bool) -> Result<Self, StoreError> {
        if !file.is_file() {
            return Err(StoreError::new(format!("there is no backup `{}`", file.display())));
        }
        let lock = DirectoryLock::take(directory)?;
        if !replace && directory.join(FILE_NAME).exists() {
            return Err(StoreError::new(format!(
                "there is a store in `{}` already; with `--replace` it is moved aside",
                directory.display()
            )));
        }
        let copy = directory.join(COPY);
        let (directory, taken_at_ms) = (directory.to_owned(), None);
        let mut restore = Self { directory, copy, taken_at_ms, _lock: lock };
        restore.clear().map_err(|error| failed("take away", &restore.copy, &error))?;
        copy_file(file, &restore.copy)?;
        let log = with_suffix(file, "-wal");
        if log.is_file() {
            copy_file(&log, &with_suffix(&restore.copy, "-wal"))?;
        }
        restore.give_to_owner()?;
        restore.taken_at_ms = prepare(&restore.copy).map_err(|error| {
            let reason = format!("`{}` cannot be restored: {}", file.display(), error.reason);
            StoreError::new(reason)
        })?;
        Ok(restore)
    }

    /// The copy, to be looked at as [`Inspection`] does.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when nothing can be read of it.
    pub fn inspect(&self) -> Result<Inspection, StoreError> {
        Inspection::of_file(&self.copy)
    }

    /// Makes it the store. What was there is moved aside, under names that end with `aside`.
    ///
    /// # Errors
    ///
    /// When the disk refuses; a bus does not start then until this was done once more.
    pub fn complete(self, aside: &str) -> Result<Restored, StoreError> {
        let ready = self.directory.join(READY);
        let swap = || -> io::Result<Option<PathBuf>> {
            File::open(&self.copy)?.sync_all()?;
            fs::rename(&self.copy, &ready)?;
            sync_directory(&self.directory)?;
            let database = self.directory.join(FILE_NAME);
            let moved_to = move_aside(&database, aside)?;
            sync_directory(&self.directory)?;
            fs::rename(&ready, &database)?;
            sync_directory(&self.directory)?;
            Ok(moved_to)
        };
        let moved_to = swap().map_err(|error| failed("restore into", &self.directory, &error))?;
        Ok(Restored { taken_at_ms: self.taken_at_ms, moved_to })
    }

    /// So that the bus can open it, whoever restores.
    fn give_to_owner(&self) -> Result<(), StoreError> {
        let lock = self.directory.join(lock::FILE_NAME);
        for file in [&lock, &self.copy] {
            give_to_owner(&self.directory, file).map_err(|error| {
                let reason = "it belongs to another account; use the one that runs the bus";
                StoreError::new(format!("`{}`: {error}: {reason}", self.directory.display()))
            })?;
        }
        Ok(())
    }

    /// Takes away what an earlier attempt left.
    fn clear(&self) -> io::Result<()> {
        for suffix in [""].into_iter().chain(BESIDE) {
            match fs::remove_file(with_suffix(&self.copy, suffix)) {
                Err(error) if error.kind() != ErrorKind::NotFound => return Err(error),
                _ => {}
            }
        }
        Ok(())
    }
}

impl Drop for Restore {
    fn drop(&mut self) {
        let _ = self.clear();
    }
}

fn copy_file(from: &Path, to: &Path) -> Result<(), StoreError> {
    let copied = || -> io::Result<u64> {
        let mut target = File::options().write(true).create_new(true).mode(0o600).open(to)?;
        io::copy(&mut File::open(from)?, &mut target)
    };
    copied().map(drop).map_err(|error| failed("copy the backup to", to, &error))
}

/// Has it whole in one file, of the newest format, and marked; returns when it was taken.
fn prepare(copy: &Path) -> Result<Option<i64>, StoreError> {
    let failed = |error: &rusqlite::Error| sqlite::error("the backup cannot be used", error);
    let mut connection = sqlite::connect(copy, Role::Writer { cache_mib: 16 })?;
    migrate::must_be_ours(&connection)?;
    if let Some(damage) = log::look(&connection, copy)? {
        return Err(StoreError::new(damage.told()));
    }
    migrate::to_newest(&mut connection)?;
    let taken_at_ms = mark::taken_at_ms(&connection).map_err(|error| failed(&error))?;
    mark::mark(&connection, None).map_err(|error| failed(&error))?;
    one_file(connection).map_err(|error| failed(&error))?;
    Ok(taken_at_ms)
}

fn one_file(connection: Connection) -> rusqlite::Result<()> {
    connection.query_row("PRAGMA journal_mode = DELETE", [], |_| Ok(()))?;
    connection.close().map_err(|(_, error)| error)
}

/// Gives a database and what belongs to it other names.
fn move_aside(database: &Path, aside: &str) -> io::Result<Option<PathBuf>> {
    let moved_to = with_suffix(database, aside);
    let mut moved = None;
    // The log first: a database without it is an older store, a log without its database is nothing.
    for suffix in ["-wal", ""] {
        match fs::rename(with_suffix(database, suffix), with_suffix(&moved_to, suffix)) {
            Ok(()) => moved = Some(moved_to.clone()),
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error),
        }
    }
    for suffix in ["-shm", "-journal"] {
        let _ = fs::remove_file(with_suffix(database, suffix));
    }
    Ok(moved)
}
