//! Looks whether files of the project have changed, where that is asked for.
//!
//! It looks from time to time instead of asking the system to be told: that also sees what changes on
//! network drives, behind links, and in volumes that are replaced as a whole.

use std::{
    collections::BTreeMap,
    fs,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
    time::Duration,
};

use tokio::{task::spawn_blocking, time::sleep};

use crate::route::FOLDERS;

/// Between two looks. A change is acted upon once nothing has changed from one look to the next, for
/// who copies ten files does not want ten reloads, nor one of half of them.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Folders in each other that are looked into; also what ends a circle of links.
const FOLDERS_MAX: usize = 8;

/// What a file looks like from outside: inode, length, and when it changed.
type Shape = (u64, u64, i64, i64);

/// The files of a project, as they were at one moment.
#[derive(Debug, Default, PartialEq, Eq)]
struct Look(BTreeMap<PathBuf, Shape>);

/// Watches the files of a project. What `${file:…}` names, and `simpul.yaml`, are not watched.
pub(in crate::cli) struct Watch {
    project: PathBuf,
    folders: Vec<&'static str>,
    every: Duration,
    /// The files as they are in use.
    seen: Look,
}

impl Watch {
    /// Watches from now on.
    pub(super) fn start(project: &Path) -> Self {
        Self::over(project, &[], LOOK_EVERY)
    }

    /// Watches these folders too, and looks more or less often.
    pub(in crate::cli) fn over(project: &Path, also: &[&'static str], every: Duration) -> Self {
        let folders = [&FOLDERS[..], also].concat();
        let seen = Look::at(project, &folders);
        Self { project: project.to_owned(), folders, every, seen }
    }

    /// Waits until files have changed, and have stayed so for a while. Safe to drop while it waits.
    pub(in crate::cli) async fn changed(&mut self) {
        let mut before = None;
        loop {
            sleep(self.every).await;
            let now = self.look().await;
            if now == self.seen {
                before = None;
            } else if before.as_ref() == Some(&now) {
                self.seen = now;
                return;
            } else {
                before = Some(now);
            }
        }
    }

    /// Off the runtime's threads: a network drive may hang.
    async fn look(&self) -> Look {
        let (project, folders) = (self.project.clone(), self.folders.clone());
        spawn_blocking(move || Look::at(&project, &folders)).await.unwrap_or_default()
    }
}

impl Look {
    fn at(project: &Path, folders: &[&str]) -> Self {
        let mut look = Self::default();
        for folder in folders {
            look.add(&project.join(folder), FOLDERS_MAX);
        }
        look
    }

    /// Adds what is in a folder. What cannot be read is as if it were not there: the reload that
    /// follows says why.
    fn add(&mut self, folder: &Path, depth: usize) {
        let Ok(entries) = fs::read_dir(folder) else { return };
        for path in entries.flatten().map(|it| it.path()) {
            // What a link leads to: that is what is read.
            let Ok(found) = fs::metadata(&path) else { continue };
            if found.is_dir() && 0 < depth {
                self.add(&path, depth - 1);
            } else if found.is_file() {
                let shape = (found.ino(), found.len(), found.mtime(), found.mtime_nsec());
                self.0.insert(path, shape);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_change_is_told_once_and_only_when_it_has_come_to_rest() {
        let project = tempfile::tempdir().unwrap();
        let routes = project.path().join("routes");
        fs::create_dir(&routes).unwrap();
        let mut watch = Watch::start(project.path());
        assert!(quiet(&mut watch).await, "nothing has changed");

        fs::write(routes.join("a.yaml"), "route: a").unwrap();
        watch.changed().await;
        assert!(quiet(&mut watch).await, "told once");
        fs::write(routes.join("a.yaml"), "route: a, longer").unwrap();
        watch.changed().await;
        fs::remove_file(routes.join("a.yaml")).unwrap();
        watch.changed().await;

        // What comes and goes between two looks, and what is beside the project, is nothing.
        fs::write(routes.join("b.yaml"), "").unwrap();
        fs::remove_file(routes.join("b.yaml")).unwrap();
        fs::write(project.path().join("catatan.txt"), "").unwrap();
        assert!(quiet(&mut watch).await);
    }

    /// Nothing changes in ten looks.
    async fn quiet(watch: &mut Watch) -> bool {
        tokio::time::timeout(LOOK_EVERY * 10, watch.changed()).await.is_err()
    }
}
