//! The log of the database (SQLite's `-wal`), as a process left it.
//!
//! SQLite reads it up to the first frame whose checksum does not fit, and takes that for the tail
//! that a power cut tore. It is that where one transaction stands behind it at most: the next one is
//! begun only when the one before is on the disk. Where more stand behind it, what was on the disk
//! was damaged there, and all of them would be lost without a word.

use std::{
    ffi::OsString,
    fs::File,
    io::{self, BufReader, ErrorKind, Read},
    path::{Path, PathBuf},
};

use super::StoreError;

/// What a log holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Log {
    /// Transactions that can be read.
    pub(super) commits: u64,
    /// Where the first frame stands that cannot be read, if there is one.
    pub(super) cut_at: Option<u64>,
    /// Transactions that end behind it.
    pub(super) commits_behind: u64,
}

impl Log {
    /// How many transactions are lost for certain; the last one may never have been on the disk.
    pub(super) fn lost(&self) -> u64 {
        self.commits_behind.saturating_sub(1)
    }
}

const HEADER: usize = 32;
const FRAME_HEADER: usize = 24;
const MAGIC: u32 = 0x377f_0682;
/// SQLite's pages are no larger.
const PAGE_MAX: usize = 65_536;

/// The log beside a database.
pub(super) fn beside(database: &Path) -> PathBuf {
    let mut name = OsString::from(database);
    name.push("-wal");
    name.into()
}

/// Keeps a database from being opened whose log is damaged where it cannot have been torn.
///
/// # Errors
///
/// When it is; the reason says how to go on.
pub(super) fn refuse_damaged(database: &Path) -> Result<(), StoreError> {
    let path = beside(database);
    let log = read(&path).map_err(|error| {
        StoreError::new(format!("`{}` cannot be read: {error}", path.display()))
    })?;
    match log.cut_at.filter(|_| 0 < log.lost()) {
        None => Ok(()),
        Some(cut_at) => Err(StoreError::new(damaged(&path, &log, cut_at))),
    }
}

/// What is wrong with a damaged log, and what to do.
pub(super) fn damaged(path: &Path, log: &Log, cut_at: u64) -> String {
    let path = path.display();
    format!(
        "its log is damaged at byte {cut_at}, and {} transactions that were on the disk stand behind \
         that; copy the directory of the store, and look for the cause (`dmesg`); to go on without \
         them: `truncate -s {cut_at} {path}`",
        log.lost()
    )
}

/// Reads a log; one that is not there holds nothing.
pub(super) fn read(path: &Path) -> io::Result<Log> {
    match File::open(path) {
        Ok(file) => frames(BufReader::with_capacity(1 << 20, file)),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(Log::default()),
        Err(error) => Err(error),
    }
}

fn frames(mut file: impl Read) -> io::Result<Log> {
    let mut log = Log::default();
    let mut header = [0; HEADER];
    if !fill(&mut file, &mut header)? {
        return Ok(log);
    }
    let Some((words, mut sum)) = header_of(&header) else {
        // Nothing can be said about what follows; SQLite reads nothing of it either.
        return Ok(log);
    };
    let (salt, page) = ([word(&header, 4), word(&header, 5)], word(&header, 2) as usize);
    if !(512..=PAGE_MAX).contains(&page) {
        return Ok(log);
    }
    let mut frame = vec![0; FRAME_HEADER + page];
    let mut at = HEADER as u64;
    while fill(&mut file, &mut frame)? {
        let is_of_this_log = [word(&frame, 2), word(&frame, 3)] == salt;
        let ends = u64::from(word(&frame, 1) != 0);
        if log.cut_at.is_none() {
            sum = words.sum(sum, &frame[..8]);
            sum = words.sum(sum, &frame[FRAME_HEADER..]);
            let fits = is_of_this_log && sum == [word(&frame, 4), word(&frame, 5)];
            log.cut_at = (!fits).then_some(at);
        }
        match log.cut_at {
            None => log.commits += ends,
            Some(_) if is_of_this_log => log.commits_behind += ends,
            Some(_) => {}
        }
        at += frame.len() as u64;
    }
    Ok(log)
}

/// How the log's sums read its words, and the sum of the header; `None` where it is none.
fn header_of(header: &[u8; HEADER]) -> Option<(Words, [u32; 2])> {
    let words = match word(header, 0).checked_sub(MAGIC)? {
        0 => Words::Little,
        1 => Words::Big,
        _ => return None,
    };
    let sum = words.sum([0, 0], &header[..24]);
    (sum == [word(header, 6), word(header, 7)]).then_some((words, sum))
}

/// In which order the bytes of a word stand where they are summed up.
#[derive(Clone, Copy)]
enum Words {
    Little,
    Big,
}

impl Words {
    fn sum(self, sum: [u32; 2], bytes: &[u8]) -> [u32; 2] {
        let [mut first, mut second] = sum;
        for pair in bytes.chunks_exact(8) {
            let (mut one, mut other) = ([0; 4], [0; 4]);
            one.copy_from_slice(&pair[..4]);
            other.copy_from_slice(&pair[4..]);
            let (one, other) = match self {
                Self::Little => (u32::from_le_bytes(one), u32::from_le_bytes(other)),
                Self::Big => (u32::from_be_bytes(one), u32::from_be_bytes(other)),
            };
            first = first.wrapping_add(one).wrapping_add(second);
            second = second.wrapping_add(other).wrapping_add(first);
        }
        [first, second]
    }
}

/// A word of a header, of which there are enough.
fn word(bytes: &[u8], index: usize) -> u32 {
    let word = bytes.get(index * 4..index * 4 + 4).and_then(|it| it.try_into().ok());
    word.map_or(0, u32::from_be_bytes)
}

/// Whether there was as much as was wanted.
fn fill(file: &mut impl Read, buffer: &mut [u8]) -> io::Result<bool> {
    match file.read_exact(buffer) {
        Ok(()) => Ok(true),
        Err(error) if error.kind() == ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::store::{Store, Writes};

    /// A store of five transactions as a kill leaves it, in a folder of its own.
    async fn killed() -> tempfile::TempDir {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        for number in 0..5 {
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
        bytes[HEADER + frame * (FRAME_HEADER + 4_096) + 1_000] ^= 1;
        fs::write(&path, bytes).unwrap();
        path
    }

    #[tokio::test]
    async fn a_whole_log_is_read_to_its_end() {
        let left = killed().await;
        let log = read(&beside(&left.path().join("simpul.db"))).unwrap();
        assert_eq!((log.cut_at, log.commits_behind), (None, 0));
        assert!(5 <= log.commits, "{log:?}");
        assert_eq!(facts(left.path()).await, 5);
    }

    #[tokio::test]
    async fn damage_before_the_last_transaction_keeps_the_store_from_being_opened() {
        let left = killed().await;
        let path = damage(left.path(), 0);
        let log = read(&path).unwrap();
        let cut_at = log.cut_at.unwrap();
        let refusal = Store::open(left.path()).map(drop).unwrap_err().reason;
        assert_eq!(refusal, damaged(&path, &log, cut_at));

        // What it says to do helps.
        File::options().write(true).open(&path).unwrap().set_len(cut_at).unwrap();
        assert_eq!(facts(left.path()).await, 0);
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
