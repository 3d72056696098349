//! The file of users while the bus runs: read again when it changes, and the first user put into it.

use std::{
    fs, io,
    io::Write as _,
    os::unix::fs::{MetadataExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Arc, PoisonError, RwLock},
};

use tokio::{sync::Mutex, task::spawn_blocking};
use tracing::{error, info};

use super::users::{User, Users};
use crate::{
    message::{Clock, Timestamp},
    route::Broken,
};

/// How often it is looked whether the file has changed, in milliseconds: whose rights were taken is out
/// by then.
const LOOK_EVERY_MS: i64 = 1_000;

/// What a file looks like from outside: inode, length, and when it changed.
type Shape = Option<(u64, u64, i64, i64)>;

/// The users of a running bus.
pub(super) struct Roster {
    path: PathBuf,
    clock: Clock,
    users: RwLock<Arc<Users>>,
    looked: Mutex<Looked>,
}

struct Looked {
    at: Timestamp,
    shape: Shape,
}

impl Roster {
    /// The users of a file.
    ///
    /// # Errors
    ///
    /// Everything that is wrong with it.
    pub(super) fn open(path: PathBuf, clock: Clock) -> Result<Self, Broken> {
        let shape = shape(&path);
        let users = RwLock::new(Arc::new(Users::read(&path)?));
        let looked = Mutex::new(Looked { at: clock.now(), shape });
        Ok(Self { path, clock, users, looked })
    }

    /// The users as the file has them now. One with mistakes is not taken: those before stay.
    pub(super) async fn users(&self) -> Arc<Users> {
        let now = self.clock.now();
        // One looks, and the others go on with what was seen last.
        if let Ok(mut looked) = self.looked.try_lock()
            && LOOK_EVERY_MS <= now.as_millis().saturating_sub(looked.at.as_millis())
        {
            looked.at = now;
            self.look(&mut looked).await;
        }
        self.now()
    }

    /// The user with a name.
    pub(super) async fn user(&self, login: &str) -> Option<Arc<User>> {
        self.users().await.get(login).cloned()
    }

    async fn look(&self, looked: &mut Looked) {
        let (path, before) = (self.path.clone(), looked.shape);
        // Off the runtime's threads: a disk may hang.
        let read = spawn_blocking(move || {
            let now = shape(&path);
            (now != before).then(|| (now, Users::read(&path)))
        });
        let Ok(Some((shape, read))) = read.await else { return };
        looked.shape = shape;
        match read {
            Ok(users) => {
                info!(users = users.0.len(), "the file of users was read again");
                *self.users.write().unwrap_or_else(PoisonError::into_inner) = Arc::new(users);
            }
            // Its lines are not logged: hashes of passwords stand in them.
            Err(broken) => error!(
                mistakes = broken.found.len(),
                "the file of users has mistakes, and those before stay; `simpul user list` tells them"
            ),
        }
    }

    fn now(&self) -> Arc<Users> {
        Arc::clone(&self.users.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Writes the first user into a file that has none, and reads it.
    ///
    /// # Errors
    ///
    /// When it cannot be written, or somebody else was first.
    pub(super) async fn first(&self, text: String) -> io::Result<()> {
        let mut looked = self.looked.lock().await;
        if !self.now().0.is_empty() {
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, "there are users already"));
        }
        let path = self.path.clone();
        let written = spawn_blocking(move || replace(&path, &text));
        written.await.map_err(io::Error::other)??;
        looked.shape = None;
        self.look(&mut looked).await;
        Ok(())
    }
}

fn shape(path: &Path) -> Shape {
    let found = fs::metadata(path).ok()?;
    let changed = found.mtime().saturating_mul(1_000_000_000).saturating_add(found.mtime_nsec());
    Some((found.ino(), found.len(), changed, found.ctime_nsec()))
}

/// Puts a text in the place of a file that only this account may read, whole or not at all.
///
/// # Errors
///
/// When it cannot be written; what was there stays.
pub fn replace(path: &Path, text: &str) -> io::Result<()> {
    let fresh = path.with_extension(format!("yaml.{}", std::process::id()));
    let _ = fs::remove_file(&fresh);
    let mut file = fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, path)
}
