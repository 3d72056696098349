//! Tells the writer of a running bus that a copy is being taken.
//!
//! A copy is one snapshot, for as long as it takes. Meanwhile the log cannot be begun anew, and
//! whoever waits for that would keep everything waiting. So who takes a copy holds a lock that the
//! kernel drops with the process, and the writer looks at it before it waits.

use std::{
    fs::{File, TryLockError},
    path::{Path, PathBuf},
    thread,
    time::Duration,
};

use super::{failed, give_to_owner};
use crate::store::StoreError;

const FILE_NAME: &str = "simpul.backup";

/// The writer holds the lock for as long as it looks at it, which is no other backup.
const TRIES: usize = 10;

/// Between two tries.
const PAUSE: Duration = Duration::from_millis(20);

/// Held while a copy is being taken.
pub(super) struct Shield {
    file: File,
}

impl Shield {
    /// Raises it over the store in `directory`.
    pub(super) fn raise(directory: &Path) -> Result<Self, StoreError> {
        let path = path(directory);
        let opened =
            File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let file = opened.map_err(|error| failed("open", &path, &error))?;
        give_to_owner(directory, &path).map_err(|error| failed("give away", &path, &error))?;
        for _ in 0..TRIES {
            match file.try_lock() {
                Ok(()) => return Ok(Self { file }),
                Err(TryLockError::WouldBlock) => thread::sleep(PAUSE),
                Err(TryLockError::Error(error)) => return Err(failed("lock", &path, &error)),
            }
        }
        Err(StoreError::new("another backup of this store is being taken; wait until it is done"))
    }
}

impl Drop for Shield {
    fn drop(&mut self) {
        // As for the lock of the directory: closing alone would not do.
        let _ = self.file.unlock();
    }
}

/// Whether a copy of the store in `directory` is being taken.
pub(in crate::store) fn is_being_taken(directory: &Path) -> bool {
    // Nobody ever took one where there is no file; and who cannot look need not wait either way.
    File::open(path(directory))
        .is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}

fn path(directory: &Path) -> PathBuf {
    directory.join(FILE_NAME)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_copy_is_being_taken_until_the_shield_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        assert!(!is_being_taken(directory.path()));
        let shield = Shield::raise(directory.path()).unwrap();
        assert!(is_being_taken(directory.path()));
        let refusal = Shield::raise(directory.path()).map(drop).unwrap_err().reason;
        assert!(refusal.starts_with("another backup of this store is being taken"), "{refusal}");
        drop(shield);
        assert!(!is_being_taken(directory.path()));
        Shield::raise(directory.path()).unwrap();
    }
}
