//! The log of the database (SQLite's `-wal`), as a process left it.
//!
//! SQLite reads it up to the first frame whose checksum does not fit, and takes that for the tail
//! that a power cut tore. It is that where one transaction stands behind it at most: the next one is
//! begun only when the one before is on the disk. Where more stand behind it, and are not in the
//! database, what was on the disk was damaged there, and all of them would be lost without a word.

mod sum;

use std::{
    collections::HashMap,
    ffi::OsString,
    fs::File,
    io::{self, ErrorKind, Read as _, Seek as _, SeekFrom},
    os::unix::fs::FileExt as _,
    path::{Path, PathBuf},
};

use rusqlite::Connection;

use self::sum::{Sum, is_whole};
use super::{StoreError, sqlite};

/// Transactions that stand in a log where nobody reads them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Damage {
    path: PathBuf,
    /// Where the first frame stands that cannot be read.
    pub(super) at: u64,
    /// How many are lost for certain. The last one may never have been on the disk.
    pub(super) lost: u64,
}

impl Damage {
    /// What is wrong, and what to do.
    pub(super) fn told(&self) -> String {
        let Self { path, at, lost } = self;
        format!(
            "its log is damaged at byte {at}, and {lost} transactions that were on the disk stand \
             behind that; copy the directory of the store, and look for the cause (`dmesg`); to go \
             on without them: `truncate -s {at} {}`",
            path.display()
        )
    }
}

const HEADER: u64 = 32;
const FRAME_HEADER: u64 = 24;
/// Of our databases; what the header of the log says may be damaged.
const PAGE: u64 = 4_096;

/// What a disk keeps whole or not at all.
const SECTOR: u64 = 512;

/// The log beside a database.
fn beside(database: &Path) -> PathBuf {
    let mut name = OsString::from(database);
    name.push("-wal");
    name.into()
}

/// Looks for damage in the log of a database that `connection` alone has open. The log stays as it
/// is when the connection is closed after an error, or after damage was found.
///
/// # Errors
///
/// When the log cannot be read.
pub(super) fn look(connection: &Connection, database: &Path) -> Result<Option<Damage>, StoreError> {
    let keep = |keep| {
        let on_close = rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        connection.set_db_config(on_close, keep).map(drop)
    };
    let failed = |error: &rusqlite::Error| sqlite::error("its log cannot be read", error);
    keep(true).map_err(|error| failed(&error))?;
    let frames = connection
        .query_row("PRAGMA wal_checkpoint(NOOP)", [], |row| row.get::<_, i64>(1))
        .map_err(|error| failed(&error))?;
    let path = beside(database);
    let damage = read(&path, u64::try_from(frames).unwrap_or_default(), database);
    let damage = damage.map_err(|error| {
        StoreError::new(format!("`{}` cannot be read: {error}", path.display()))
    })?;
    if damage.is_none() {
        keep(false).map_err(|error| failed(&error))?;
    }
    Ok(damage)
}

/// Writes the log of a database to the disk once more, before anything is made of it. When a sync
/// fails, the system takes what it was to write for written, gives it back when it is read, and may
/// never write it: neither the process before nor SQLite can tell that from a log that is there.
///
/// # Errors
///
/// When it cannot be read or written.
pub(super) fn write_again(database: &Path) -> Result<(), StoreError> {
    /// Bytes that are copied at once.
    const PART: usize = 1 << 20;
    let path = beside(database);
    let write = || {
        let log = match File::options().read(true).write(true).open(&path) {
            Ok(log) => log,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(()),
            Err(error) => return Err(error),
        };
        let (mut part, mut at) = (vec![0; PART], 0);
        loop {
            let length = log.read_at(&mut part, at)?;
            let Some(read) = part.get(..length).filter(|it| !it.is_empty()) else { break };
            log.write_all_at(read, at)?;
            at += length as u64;
        }
        if at > 0 { log.sync_all() } else { Ok(()) }
    };
    match write() {
        // Where what stands there is never written over, that takes room. The log is used as it is.
        Err(error) if error.kind() != ErrorKind::StorageFull => {
            let path = path.display();
            Err(StoreError::new(format!("`{path}` cannot be written again: {error}")))
        }
        _ => Ok(()),
    }
}

/// What stands behind the first `readable` frames of a log.
fn read(path: &Path, readable: u64, database: &Path) -> io::Result<Option<Damage>> {
    let mut log = match File::open(path) {
        Ok(log) => log,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let Some(header) = header(&mut log)? else { return Ok(None) };
    let at = HEADER + readable * (FRAME_HEADER + PAGE);
    let salt = [word(&header, 4), word(&header, 5)];
    // Under a whole header, frames with another salt are left of an older log, and may be torn where
    // the new one had begun to be written over it.
    let salt = is_whole(&header).then_some(salt);
    let behind = behind(&mut log, at, salt)?;
    let lost = behind.commits.saturating_sub(1);
    if lost == 0 || behind.is_in(&log, database)? {
        return Ok(None);
    }
    Ok(Some(Damage { path: path.to_owned(), at, lost }))
}

/// Frames behind the first that cannot be read.
#[derive(Default)]
struct Behind {
    /// How many of them end a transaction.
    commits: u64,
    /// Where the last content of each page stands.
    pages: HashMap<u32, u64>,
}

/// Finds those that bear `salt`, or the one of the first of them.
fn behind(log: &mut File, mut at: u64, mut salt: Option<[u32; 2]>) -> io::Result<Behind> {
    let (mut behind, mut open) = (Behind::default(), HashMap::new());
    let mut sum = Sum::before(log, at)?;
    log.seek(SeekFrom::Start(at))?;
    let mut frame = vec![0; (FRAME_HEADER + PAGE) as usize];
    while read_whole(log, &mut frame)? {
        let bears = [word(&frame, 2), word(&frame, 3)];
        let is_intact = sum.goes_on_to(&frame);
        if *salt.get_or_insert(bears) == bears {
            open.insert(word(&frame, 0), at + FRAME_HEADER);
            // Where a sector ends between the mark and the salt, a power cut may have kept one of them.
            let is_split = (at + 8).is_multiple_of(SECTOR);
            if word(&frame, 1) != 0 && (is_intact || !is_split) {
                behind.commits += 1;
                behind.pages.extend(open.drain());
            }
        }
        at += FRAME_HEADER + PAGE;
    }
    Ok(behind)
}

impl Behind {
    /// Whether all of it stands in the database: then the log was begun anew when the power was cut,
    /// and what is left of it is older.
    fn is_in(&self, log: &File, database: &Path) -> io::Result<bool> {
        let database = File::open(database)?;
        let (mut ours, mut theirs) = ([0; PAGE as usize], [0; PAGE as usize]);
        for (number, at) in &self.pages {
            let place = u64::from(number.saturating_sub(1)) * PAGE;
            let there = log
                .read_exact_at(&mut ours, *at)
                .and_then(|()| database.read_exact_at(&mut theirs, place));
            match there {
                Ok(()) if ours == theirs => {}
                Ok(()) => return Ok(false),
                Err(error) if error.kind() == ErrorKind::UnexpectedEof => return Ok(false),
                Err(error) => return Err(error),
            }
        }
        Ok(true)
    }
}

/// The header at the start of a log; `None` where there is less.
fn header(log: &mut File) -> io::Result<Option<[u8; HEADER as usize]>> {
    let mut header = [0; HEADER as usize];
    Ok(read_whole(log, &mut header)?.then_some(header))
}

/// Whether so much was left to be read.
fn read_whole(log: &mut File, bytes: &mut [u8]) -> io::Result<bool> {
    match log.read_exact(bytes) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// A word of a header, of which there are enough.
fn word(bytes: &[u8], index: usize) -> u32 {
    let word = bytes.get(index * 4..index * 4 + 4).and_then(|it| it.try_into().ok());
    word.map_or(0, u32::from_be_bytes)
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::{Store, Writes};

    /// A store of five transactions as a kill leaves it, in a folder of its own.
    async fn killed() -> tempfile::TempDir {
        killed_after(5).await
    }

    async fn killed_after(transactions: i64) -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        for number in 0..transactions {
            let mut writes = Writes::default();
            let value = vec![format!("fakta-{number}").into(), number.into()];
            writes.push("INSERT INTO fact VALUES (?1, ?2)", value);
            store.commit(writes).await.unwrap();
        }
        let left = tempfile::tempdir().unwrap();
        for name in ["simpul.db", "simpul.db-wal"] {
            fs::copy(directory.path().join(name), left.path().join(name)).unwrap();
        }
        left
    }

    async fn facts(directory: &Path) -> i64 {
        let store = Store::open(directory).unwrap();
        let asked = "SELECT count(*) FROM fact WHERE name LIKE 'fakta-%'";
        store.query(vec![(asked, vec![])]).await.unwrap()[0][0].int(0)
    }

    /// Damages a byte in the page of one frame.
    fn damage(directory: &Path, frame: usize) -> PathBuf {
        let path = beside(&directory.join("simpul.db"));
        let mut bytes = fs::read(&path).unwrap();
        bytes[(HEADER + FRAME_HEADER) as usize + frame * (FRAME_HEADER + PAGE) as usize + 1_000] ^=
            1;
        fs::write(&path, bytes).unwrap();
        path
    }

    #[tokio::test]
    async fn a_whole_log_is_read_to_its_end() {
        assert_eq!(facts(killed().await.path()).await, 5);
    }

    #[tokio::test]
    async fn damage_before_the_last_transaction_keeps_the_store_from_being_opened() {
        let left = killed().await;
        let path = damage(left.path(), 0);
        for _ in 0..2 {
            let refusal = Store::open(left.path()).map(drop).unwrap_err().reason;
            assert!(refusal.starts_with("its log is damaged at byte 32, and "), "{refusal}");
            let advice = format!("`truncate -s 32 {}`", path.display());
            assert!(refusal.ends_with(&advice), "{refusal}");
        }
        // What it says to do helps.
        File::options().write(true).open(&path).unwrap().set_len(HEADER).unwrap();
        assert_eq!(facts(left.path()).await, 0);
    }

    #[tokio::test]
    async fn damage_in_the_header_of_the_log_keeps_the_store_from_being_opened() {
        for byte in [5, 9, 17, 28] {
            let left = killed().await;
            let path = beside(&left.path().join("simpul.db"));
            let mut bytes = fs::read(&path).unwrap();
            bytes[byte] ^= 1;
            fs::write(&path, bytes).unwrap();
            let refusal = Store::open(left.path()).map(drop).unwrap_err().reason;
            assert!(refusal.starts_with("its log is damaged at byte 32, and "), "{refusal}");
        }
    }

    #[tokio::test]
    async fn what_is_left_of_an_older_log_is_no_damage() {
        let left = killed().await;
        let path = beside(&left.path().join("simpul.db"));
        let log = fs::read(&path).unwrap();
        // Folded, and begun anew: of the new frames one page got to the disk, the header did not.
        drop(Store::open(left.path()).unwrap());
        fs::write(&path, log).unwrap();
        damage(left.path(), 0);
        assert_eq!(facts(left.path()).await, 5);
    }

    /// Folds the log, and has a new one begun; returns its header.
    async fn begun_anew(directory: &Path) -> [u8; HEADER as usize] {
        let database = directory.join("simpul.db");
        let store = Store::open(directory).unwrap();
        let mut writes = Writes::default();
        writes.push("INSERT INTO fact VALUES ('baru', 1)", vec![]);
        store.commit(writes).await.unwrap();
        let header = fs::read(beside(&database)).unwrap()[..HEADER as usize].try_into().unwrap();
        let folded = fs::read(&database).unwrap();
        drop(store);
        fs::write(&database, folded).unwrap();
        header
    }

    #[tokio::test]
    async fn a_frame_of_which_a_sector_is_older_ends_no_transaction() {
        let left = killed_after(80).await;
        let path = beside(&left.path().join("simpul.db"));
        let mut log = fs::read(&path).unwrap();
        let begun = begun_anew(left.path()).await;
        log[..HEADER as usize].copy_from_slice(&begun);
        let frames = log[HEADER as usize..].chunks_mut((FRAME_HEADER + PAGE) as usize);
        // A sector ends before the salt of one frame of 64; the other ends the new transaction.
        for (index, frame) in frames.enumerate().filter(|(index, _)| [41, 60].contains(index)) {
            frame[4..8].copy_from_slice(&1_u32.to_be_bytes());
            frame[8..16].copy_from_slice(&begun[16..24]);
            frame[1_000] ^= 1;
            assert_eq!(
                (HEADER as usize + index * frame.len() + 8).is_multiple_of(512),
                index == 41
            );
        }
        fs::write(&path, log).unwrap();
        assert_eq!(facts(left.path()).await, 80);
    }

    #[tokio::test]
    async fn what_is_left_of_an_older_log_is_no_damage_under_the_header_of_the_new_one() {
        let left = killed().await;
        let path = beside(&left.path().join("simpul.db"));
        let mut log = fs::read(&path).unwrap();
        // Folded, and begun anew: the header was synced, of the first frames a sector each got there.
        let begun = begun_anew(left.path()).await;
        log[..HEADER as usize].copy_from_slice(&begun);
        for frame in log[HEADER as usize..].chunks_mut((FRAME_HEADER + PAGE) as usize) {
            frame[1_000..1_512].fill(b'x');
        }
        fs::write(&path, log).unwrap();
        assert_eq!(facts(left.path()).await, 5);
    }

    /// Bits all over the log: what is lost without a word is the last transaction at most.
    #[tokio::test]
    async fn damage_in_the_log_loses_the_last_transaction_at_most_without_a_word() {
        let left = killed().await;
        let path = beside(&left.path().join("simpul.db"));
        let (log, database) =
            (fs::read(&path).unwrap(), fs::read(left.path().join("simpul.db")).unwrap());
        let (mut refused, mut short, mut whole) = (0, 0, 0);
        for place in 0..150 {
            let mut bytes = log.clone();
            bytes[place * (log.len() / 150) + place % 7] ^= 1 << (place % 8);
            fs::write(&path, bytes).unwrap();
            fs::write(left.path().join("simpul.db"), &database).unwrap();
            match Store::open(left.path()).map(drop) {
                Err(refusal) if refusal.reason.contains("its log is damaged") => refused += 1,
                Err(refusal) => panic!("{refusal}"),
                Ok(()) => match facts(left.path()).await {
                    5 => whole += 1,
                    4 => short += 1,
                    fewer => panic!("{fewer} of 5 are left, and nobody was told"),
                },
            }
        }
        assert!(100 < refused && short < 30, "{refused} refused, {short} short, {whole} whole");
    }

    #[tokio::test]
    async fn a_torn_tail_is_cut_without_a_word() {
        let left = killed().await;
        let path = beside(&left.path().join("simpul.db"));
        let bytes = fs::read(&path).unwrap();
        fs::write(&path, &bytes[..bytes.len() - 100]).unwrap();
        assert_eq!(facts(left.path()).await, 4);
    }
}
