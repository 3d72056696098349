//! Appends lines to files, many with one sync.
//!
//! Whoever comes while a batch is being written leaves his line for the next one, so that under
//! load one `fdatasync` serves many deliveries and a lone one waits for nobody.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs::{self, File, OpenOptions},
    io::{self, ErrorKind, Read as _, Seek as _, SeekFrom, Write as _},
    mem,
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use tokio::sync::{Mutex as AsyncMutex, OwnedMutexGuard, oneshot};

use super::{
    super::{CallError, Class},
    failure,
};

/// Names whose directory entry is known to be on disk; beyond that they are synced again.
const NAMES_KEPT_MAX: usize = 1024;

/// Read and written by the owner, read by his group: what agencies exchange is personal data.
const MODE: u32 = 0o640;

/// The files of one directory.
pub(super) struct Appender {
    // std, not tokio: held for a few instructions, never across an await.
    waiting: Mutex<Vec<Waiting>>,
    directory: Arc<AsyncMutex<Directory>>,
}

/// A line that waits to be written. As many as there are calls at once, which the caller bounds.
struct Waiting {
    name: String,
    line: Vec<u8>,
    tell: oneshot::Sender<Result<(), CallError>>,
}

impl Appender {
    pub(super) fn new(path: PathBuf) -> Self {
        let directory = Directory { path, synced: BTreeSet::new() };
        Self { waiting: Mutex::default(), directory: Arc::new(AsyncMutex::new(directory)) }
    }

    /// Appends a line, which ends with a line break, to the file `name`; returns once it is on
    /// disk. A call that is given up before its line is taken leaves nothing behind.
    pub(super) async fn append(&self, name: String, line: Vec<u8>) -> Result<(), CallError> {
        let (tell, told) = oneshot::channel();
        self.lock().push(Waiting { name, line, tell });
        let directory = Arc::clone(&self.directory).lock_owned().await;
        let batch: Vec<_> =
            mem::take(&mut *self.lock()).into_iter().filter(|it| !it.tell.is_closed()).collect();
        if batch.is_empty() {
            // Somebody before us wrote our line.
            drop(directory);
        } else {
            // Goes on to its end if we are given up: others wait for it too.
            let written = tokio::task::spawn_blocking(move || write(directory, batch)).await;
            written.map_err(|_| failure(Class::Unavailable, "bug: writing failed".to_owned()))?;
        }
        let lost = |_| Err(failure(Class::Unavailable, "bug: nobody wrote the line".to_owned()));
        told.await.unwrap_or_else(lost)
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Vec<Waiting>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Writes all lines, each file's with one sync, and tells each caller.
fn write(mut directory: OwnedMutexGuard<Directory>, batch: Vec<Waiting>) {
    let mut files: BTreeMap<String, Vec<Waiting>> = BTreeMap::new();
    for waiting in batch {
        files.entry(waiting.name.clone()).or_default().push(waiting);
    }
    for (name, lines) in files {
        let text: Vec<u8> = lines.iter().flat_map(|it| it.line.iter().copied()).collect();
        let result = directory.append(&name, &text).map_err(|error| sort(&error));
        for waiting in lines {
            // Who gave up meanwhile hears nothing.
            let _ = waiting.tell.send(result.clone());
        }
    }
}

struct Directory {
    path: PathBuf,
    /// Files whose entry in the directory is known to be on disk.
    synced: BTreeSet<String>,
}

impl Directory {
    fn append(&mut self, name: &str, text: &[u8]) -> io::Result<()> {
        let path = self.path.join(name);
        let mut file = match open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {
                self.make()?;
                open(&path)?
            }
            opened => opened?,
        };
        // Another generation of files, or another process, may append too.
        file.lock()?;
        let start = file.seek(SeekFrom::End(0))?;
        let appended = append(&mut file, start, text);
        if appended.is_err() {
            // The caller tries again; half a line must not stay in front of the whole one. If
            // this fails too, the next one begins on a new line.
            let _ = file.set_len(start);
            return appended;
        }
        if !self.synced.contains(name) {
            File::open(&self.path)?.sync_all()?;
            if NAMES_KEPT_MAX <= self.synced.len() {
                self.synced.clear();
            }
            self.synced.insert(name.to_owned());
        }
        Ok(())
    }

    /// Makes the directory if only its last part is missing.
    fn make(&self) -> io::Result<()> {
        match fs::create_dir(&self.path) {
            Ok(()) => match self.path.parent() {
                Some(parent) if parent != Path::new("") => File::open(parent)?.sync_all(),
                _ => File::open(".")?.sync_all(),
            },
            Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
            Err(error) => Err(error),
        }
    }
}

fn append(file: &mut File, start: u64, text: &[u8]) -> io::Result<()> {
    if 0 < start && last_byte(file, start)? != b'\n' {
        // A crash left half a line. It was never said to be delivered; it gets a line of its own.
        file.write_all(b"\n")?;
    }
    file.write_all(text)?;
    file.sync_data()
}

fn last_byte(file: &mut File, length: u64) -> io::Result<u8> {
    let mut last = [0];
    file.seek(SeekFrom::Start(length - 1))?;
    file.read_exact(&mut last)?;
    Ok(last[0])
}

/// Opens a regular file for appending, making it if it is not there. A link is not followed, and
/// opening a pipe or device does not wait.
fn open(path: &Path) -> io::Result<File> {
    let file = OpenOptions::new()
        .read(true)
        .append(true)
        .create(true)
        .mode(MODE)
        .custom_flags(libc::O_NOFOLLOW | libc::O_NONBLOCK)
        .open(path)?;
    match file.metadata()?.is_file() {
        true => Ok(file),
        false => Err(io::Error::new(ErrorKind::InvalidInput, "it is no regular file")),
    }
}

/// What only people can put right pauses the target; everything else may pass.
fn sort(error: &io::Error) -> CallError {
    use ErrorKind as Kind;
    let link = error.raw_os_error() == Some(libc::ELOOP);
    let class = match error.kind() {
        Kind::NotFound
        | Kind::PermissionDenied
        | Kind::NotADirectory
        | Kind::IsADirectory
        | Kind::ReadOnlyFilesystem
        | Kind::InvalidInput
        | Kind::InvalidFilename => Class::Misconfigured,
        _ if link => Class::Misconfigured,
        _ => Class::Unavailable,
    };
    let reason = match error.kind() {
        Kind::NotFound => "the directory does not exist: make it, or mount it".to_owned(),
        _ if link => "the file is a link, which is not followed".to_owned(),
        _ => error.to_string(),
    };
    failure(class, reason)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_may_pass_and_what_people_must_put_right_does_not() {
        let class = |number: i32| sort(&io::Error::from_raw_os_error(number)).class;
        for number in [libc::ENOSPC, libc::EDQUOT, libc::EIO, libc::EMFILE, libc::EINTR] {
            assert_eq!(class(number), Class::Unavailable, "{number}");
        }
        let people = [libc::ENOENT, libc::EACCES, libc::EROFS, libc::ELOOP, libc::ENOTDIR];
        for number in people.into_iter().chain([libc::EISDIR, libc::ENAMETOOLONG, libc::EPERM]) {
            assert_eq!(class(number), Class::Misconfigured, "{number}");
        }
    }

    #[tokio::test]
    async fn a_line_whose_caller_gave_up_before_it_was_taken_is_not_written() {
        let directory = tempfile::tempdir().unwrap();
        let appender = Appender::new(directory.path().to_owned());
        let busy = Arc::clone(&appender.directory).lock_owned().await;
        {
            let mut given_up = std::pin::pin!(appender.append("a".to_owned(), b"1\n".to_vec()));
            let polled = std::future::poll_fn(|context| {
                std::task::Poll::Ready(given_up.as_mut().poll(context).is_pending())
            });
            assert!(polled.await, "it waits for its turn");
        }
        drop(busy);
        appender.append("a".to_owned(), b"2\n".to_vec()).await.unwrap();
        assert_eq!(fs::read_to_string(directory.path().join("a")).unwrap(), "2\n");
    }
}
