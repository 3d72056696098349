//! Copies of the database of a directory, taken while a bus works on it, and put back later.
//!
//! ```text
//! take      one snapshot, page by page, into a file      put_back   a file, into a directory
//! mark      what is known of a copy: others may have gone on since
//! shield    tells the writer of the bus that a copy is being taken
//! ```
//!
//! A copy is one file that needs no log beside it, and is marked when it is taken: whoever opens it
//! as a store, by whatever way it came to be one, flags what was accepted before it was taken.

mod mark;
mod put_back;
mod shield;
mod take;

use std::{
    ffi::OsString,
    fs::File,
    io,
    os::unix::fs::{MetadataExt as _, chown},
    path::{Path, PathBuf},
};

pub(super) use self::{put_back::refuse_half_restored, shield::is_being_taken};
pub use self::{
    put_back::{Restore, Restored},
    take::{BackedUp, Progress, back_up},
};
use super::StoreError;

/// Whether a database has a log beside it in which something stands.
pub(super) fn has_log(database: &Path) -> bool {
    with_suffix(database, "-wal").metadata().is_ok_and(|it| it.len() > 0)
}

/// A file's path with something behind its name.
fn with_suffix(path: &Path, suffix: &str) -> PathBuf {
    let mut name = OsString::from(path);
    name.push(suffix);
    name.into()
}

/// What a file's name is the name of, as `fsync` wants it: the directory that it stands in.
fn directory_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    }
}

fn sync_directory(directory: &Path) -> io::Result<()> {
    File::open(directory)?.sync_all()
}

/// Gives a file to the account that the store belongs to: root may take copies and put them back, and
/// the bus must be able to open what comes of it.
fn give_to_owner(directory: &Path, file: &Path) -> io::Result<()> {
    let (wanted, is) = (directory.metadata()?, file.metadata()?);
    if wanted.uid() == is.uid() {
        return Ok(());
    }
    chown(file, Some(wanted.uid()), Some(wanted.gid()))
}

fn failed(what: &str, path: &Path, error: &io::Error) -> StoreError {
    StoreError::new(format!("cannot {what} `{}`: {error}", path.display()))
}
