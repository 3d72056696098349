//! Room on the disk: how much there is, and whether that is too little to accept more.
//!
//! Below a limit nothing more is accepted while deliveries go on, for these need room too: what came
//! of them must be written down, or they would be made again and again.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::{Duration, Instant},
};

use super::StoreError;

/// How much room must be left on the disk for more to be accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum DiskLow {
    /// 1 GiB; on a larger disk 5 % of it, up to 16 GiB; on a small one a quarter of it.
    #[default]
    Usual,
    /// So many bytes.
    Bytes(u64),
}

impl DiskLow {
    fn of(self, disk_bytes: u64) -> u64 {
        const LEAST: u64 = 1 << 30;
        /// More than a gateway writes in the hours that somebody needs to come.
        const MOST: u64 = 16 << 30;
        match self {
            Self::Bytes(bytes) => bytes,
            Self::Usual => (disk_bytes / 20).clamp(LEAST, MOST).min(disk_bytes / 4),
        }
    }
}

/// The disk below a store.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Disk {
    /// Bytes that can still be written: those that are free on the disk, and those of the database
    /// that nothing stands in any more.
    pub free: u64,
    /// With fewer than these nothing more is accepted.
    pub low: u64,
    /// Nothing more is accepted.
    pub is_low: bool,
}

/// How long what was seen of the disk is believed.
const BELIEVED: Duration = Duration::from_millis(100);

/// Bytes that may be accepted between two looks.
const BETWEEN_LOOKS: u64 = 1 << 20;

/// What the log and folding it may take on the disk itself, however much of the database is unused:
/// 64 MiB, and a transaction of 16 MiB twice.
const LOG_ROOM: u64 = 96 << 20;

/// Watches the disk of one directory.
pub(super) struct Room {
    directory: PathBuf,
    low: DiskLow,
    /// Bytes of the database that nothing stands in.
    unused: Arc<AtomicU64>,
    seen: Mutex<Seen>,
}

#[derive(Default)]
struct Seen {
    at: Option<Instant>,
    /// Bytes that were accepted since.
    accepted: u64,
    disk: Option<Disk>,
}

/// A disk as the system tells of it, in bytes.
#[derive(Clone, Copy)]
struct Space {
    all: u64,
    /// What is free for others than root.
    free: u64,
}

impl Room {
    pub(super) fn new(directory: &Path, low: DiskLow, unused: Arc<AtomicU64>) -> Self {
        Self { directory: directory.to_owned(), low, unused, seen: Mutex::default() }
    }

    /// What is known of the disk; `None` where the system does not tell.
    pub(super) fn disk(&self) -> Option<Disk> {
        self.look(0)
    }

    /// Whether so many bytes more may be accepted.
    pub(super) fn accept(&self, bytes: u64) -> Result<(), StoreError> {
        match self.look(bytes) {
            Some(Disk { free, low, is_low: true }) => Err(StoreError::new(format!(
                "the disk of `{}` is nearly full: {} MiB are left, and nothing is accepted below \
                 {} MiB (`limits: disk_low`); deliveries go on; make room",
                self.directory.display(),
                free >> 20,
                low >> 20,
            ))),
            _ => Ok(()),
        }
    }

    fn look(&self, bytes: u64) -> Option<Disk> {
        // std: held for one call to the system every tenth of a second, never across an await.
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        let is_old = seen.at.is_none_or(|at| BELIEVED <= at.elapsed());
        if is_old || BETWEEN_LOOKS <= seen.accepted {
            let before = seen.disk;
            let unused = self.unused.load(Ordering::Relaxed);
            // A system that does not tell any more leaves it at what it told before.
            let disk = space(&self.directory).map(|space| judge(space, unused, self.low, before));
            *seen = Seen { at: Some(Instant::now()), accepted: 0, disk: disk.ok().or(before) };
        }
        seen.accepted = seen.accepted.saturating_add(bytes);
        seen.disk
    }
}

/// The disk of a directory, where no store is open there.
///
/// # Errors
///
/// When the system does not tell.
pub fn disk_of(directory: &Path, low: DiskLow) -> io::Result<Disk> {
    Ok(judge(space(directory)?, 0, low, None))
}

/// What can still be written to the disk of a directory, in bytes.
pub(super) fn free_bytes(directory: &Path) -> io::Result<u64> {
    space(directory).map(|it| it.free)
}

fn space(directory: &Path) -> io::Result<Space> {
    let told = rustix::fs::statvfs(directory)?;
    let bytes = |blocks: u64| blocks.saturating_mul(told.f_frsize);
    Ok(Space { all: bytes(told.f_blocks), free: bytes(told.f_bavail) })
}

/// Once there is too little, a sixteenth more is wanted before there is enough: senders that are
/// let in and refused in turns would learn nothing.
fn judge(space: Space, unused: u64, low: DiskLow, before: Option<Disk>) -> Disk {
    let low = low.of(space.all);
    let free = space.free.saturating_add(unused);
    let margin = if before.is_some_and(|it| it.is_low) { low / 16 } else { 0 };
    let is_low = free < low.saturating_add(margin) || space.free < LOG_ROOM.min(low / 2);
    Disk { free, low, is_low }
}

/// Whether the last thing that was to be written found no room.
#[derive(Default)]
pub(super) struct Full(AtomicBool);

impl Full {
    pub(super) fn set(&self, is_full: bool) {
        self.0.store(is_full, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const GIB: u64 = 1 << 30;
    const MIB: u64 = 1 << 20;

    #[test]
    fn what_is_usual_fits_the_disk() {
        let lows = [24 * MIB, 2 * GIB, 8 * GIB, 100 * GIB, 10_000 * GIB];
        let lows = lows.map(|it| DiskLow::Usual.of(it));
        assert_eq!(lows, [6 * MIB, GIB / 2, GIB, 5 * GIB, 16 * GIB]);
    }

    fn is_low(free: u64, unused: u64, before: Option<Disk>) -> bool {
        judge(Space { all: 100 * GIB, free }, unused, DiskLow::Bytes(GIB), before).is_low
    }

    #[test]
    fn what_the_database_has_left_over_is_room_and_the_log_needs_some_of_its_own() {
        assert!(!is_low(GIB, 0, None));
        assert!(is_low(GIB - 1, 0, None));
        assert!(!is_low(GIB / 4, GIB, None));
        assert!(is_low(LOG_ROOM - 1, 4 * GIB, None));
    }

    #[test]
    fn a_disk_that_was_low_is_so_until_there_is_a_little_more() {
        let low = Some(Disk { free: 0, low: GIB, is_low: true });
        assert!(is_low(GIB, 0, low));
        assert!(!is_low(GIB + GIB / 16, 0, low));
    }

    #[test]
    fn a_refusal_says_how_much_is_left_and_what_to_do() {
        let directory = tempfile::tempdir().unwrap();
        let room = Room::new(directory.path(), DiskLow::Bytes(u64::MAX / 2), Arc::default());
        let refusal = room.accept(1).unwrap_err().reason;
        assert!(refusal.contains("is nearly full: ") && refusal.contains("make room"), "{refusal}");
        let room = Room::new(directory.path(), DiskLow::Bytes(1), Arc::default());
        room.accept(1).unwrap();
    }
}
