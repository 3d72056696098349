//! One process per directory: a lock that the kernel drops with the process, however it ends.

use std::{
    fs::{self, File, TryLockError},
    io::{self, Read as _, Write as _},
    path::Path,
};

use super::StoreError;

/// Holds a directory until it is dropped.
pub(super) struct DirectoryLock {
    file: File,
}

impl Drop for DirectoryLock {
    fn drop(&mut self) {
        // Closing alone would not do: a child process that was forked a moment ago and has not
        // started its program yet still has the file open, and with it the lock.
        let _ = self.file.unlock();
    }
}

/// The file in the directory.
pub(super) const FILE_NAME: &str = "simpul.lock";

impl DirectoryLock {
    /// Creates `directory` if need be, readable for nobody else, and locks it.
    pub(super) fn take(directory: &Path) -> Result<Self, StoreError> {
        let failed = |what: &str, error: io::Error| {
            let directory = directory.display();
            StoreError::new(format!(
                "cannot {what} in the directory `{directory}`: {error}; it must exist or be \
                 creatable, and be writable for the user that simpul runs as"
            ))
        };
        create(directory).map_err(|error| failed("create the store", error))?;
        let path = directory.join(FILE_NAME);
        let mut file = File::options()
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .open(path)
            .map_err(|error| failed("open the lock file", error))?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(in_use(directory, &mut file)),
            Err(TryLockError::Error(error)) => return Err(failed("take the lock", error)),
        }
        // Only for the sentence that the next one reads: the lock holds without it.
        let _ = file.set_len(0).and_then(|()| write!(file, "{}", std::process::id()));
        Ok(Self { file })
    }
}

fn in_use(directory: &Path, file: &mut File) -> StoreError {
    const PID_LENGTH_MAX: u64 = 20;
    let mut process = String::new();
    let _ = file.take(PID_LENGTH_MAX).read_to_string(&mut process);
    let process = match process.parse::<u32>() {
        Ok(id) => format!("process {id}"),
        Err(_) => "another process".to_owned(),
    };
    StoreError::new(format!(
        "{process} has the store in `{}` open, and a store belongs to one process at a time; stop \
         that one first, or give this one a directory of its own (`store:` in simpul.yaml)",
        directory.display()
    ))
}

/// The directory is synced with its parent, or a power cut could take it away with all in it.
fn create(directory: &Path) -> io::Result<()> {
    if directory.is_dir() {
        return Ok(());
    }
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(directory)?;
    #[cfg(unix)]
    if let Some(parent) = directory.canonicalize()?.parent() {
        File::open(parent)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_is_locked_until_its_lock_is_dropped() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("data");
        let first = DirectoryLock::take(&path).unwrap();
        let refusal = DirectoryLock::take(&path).map(drop).unwrap_err().reason;
        let expected = format!(
            "process {} has the store in `{}` open, and a store belongs to one process at a time; \
             stop that one first, or give this one a directory of its own (`store:` in simpul.yaml)",
            std::process::id(),
            path.display()
        );
        assert_eq!(refusal, expected);
        drop(first);
        DirectoryLock::take(&path).unwrap();
    }
}
