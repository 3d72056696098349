//! The files of generations: what ran when, as it was written.
//!
//! A set of files is stored once, however often it is started; a text once, in however many sets
//! it stands. The last [`SETS_MAX`] sets are kept.

use std::collections::BTreeSet;

use super::query::{self, Ledger};
use crate::{
    message::{Digest, Timestamp},
    store::{StoreError, Writes},
};

/// Sets of files that are kept: a month of changes on working days, and some room.
pub const SETS_MAX: i64 = 20;

/// Files of a set that are told with one question: below the store's rows in one answer.
const PAGE: i64 = 5_000;

/// Texts that are told with one question.
const TEXTS: i64 = 500;

/// Texts of one set that are kept, in bytes; of files beyond only their digests are.
const TEXTS_BYTES_MAX: usize = 64 << 20;

/// A set of files that ran.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileSet {
    /// The first generation that had these files.
    pub number: i64,
    /// The last one.
    pub last: i64,
    /// Of all its files.
    pub digest: Digest,
    /// When the first of these generations was started.
    pub at: Timestamp,
}

/// A file of a set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptFile {
    /// Its path, as from the project.
    pub path: String,
    /// Of its text.
    pub digest: Digest,
    /// How large it is.
    pub bytes: u64,
}

/// A file of a generation that starts.
#[derive(Debug, Clone)]
pub struct NewFile<'a> {
    /// Its path, as from the project.
    pub path: &'a str,
    /// Of its text.
    pub digest: Digest,
    /// How large it is.
    pub bytes: usize,
    /// Its text; nothing where it is too large to be shown.
    pub text: Option<&'a str>,
}

/// The files of a generation that is started: `latest` is what ran last, with the digests of its
/// files, of which the texts are there.
pub fn keep_files(
    writes: &mut Writes,
    (generation, at): (i64, Timestamp),
    (digest, files): (Digest, &[NewFile<'_>]),
    latest: Option<(&FileSet, &BTreeSet<[u8; 32]>)>,
) {
    if let Some((set, _)) = latest.filter(|(set, _)| set.digest == digest) {
        let sql = "UPDATE file_set SET last = ?1, seen = ?2 WHERE number = ?3 AND last < ?1";
        writes.push(sql, vec![generation.into(), at.as_millis().into(), set.number.into()]);
        return;
    }
    writes.push(
        "INSERT INTO file_set (number, digest, last, at, seen) VALUES (?1, ?2, ?1, ?3, ?3)
         ON CONFLICT (number) DO NOTHING",
        vec![generation.into(), digest.0.as_slice().into(), at.as_millis().into()],
    );
    let mut bytes = 0_usize;
    for file in files {
        let size = i64::try_from(file.bytes).unwrap_or(i64::MAX);
        writes.push(
            "INSERT INTO file_in_set (number, path, digest, bytes) VALUES (?1, ?2, ?3, ?4)
             ON CONFLICT (number, path) DO NOTHING",
            vec![generation.into(), file.path.into(), file.digest.0.as_slice().into(), size.into()],
        );
        bytes = bytes.saturating_add(file.bytes);
        let is_there = latest.is_some_and(|(_, known)| known.contains(&file.digest.0));
        let Some(text) = file.text.filter(|_| !is_there && bytes <= TEXTS_BYTES_MAX) else {
            continue;
        };
        writes.push(
            "INSERT INTO file_text (digest, text) VALUES (?1, ?2) ON CONFLICT (digest) DO NOTHING",
            // PostgreSQL has no text with a NUL in it.
            vec![file.digest.0.as_slice().into(), text.replace('\0', "\u{fffd}").into()],
        );
    }
    writes.push(
        "DELETE FROM file_set WHERE number NOT IN
             (SELECT number FROM file_set ORDER BY last DESC LIMIT ?1)",
        vec![SETS_MAX.into()],
    );
    writes
        .push("DELETE FROM file_in_set WHERE number NOT IN (SELECT number FROM file_set)", vec![]);
    writes
        .push("DELETE FROM file_text WHERE digest NOT IN (SELECT digest FROM file_in_set)", vec![]);
}

impl Ledger {
    /// The sets of files that ran, the newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn file_sets(&self) -> Result<Vec<FileSet>, StoreError> {
        let sql = "SELECT number, last, digest, at FROM file_set ORDER BY last DESC LIMIT ?1";
        let rows = self.rows((sql, vec![SETS_MAX.into()])).await?;
        let set = |row: &crate::store::Row| FileSet {
            number: row.int(0),
            last: row.int(1),
            digest: query::digest(row, 2),
            at: query::time(row, 3),
        };
        Ok(rows.iter().map(set).collect())
    }

    /// The files of a set, by path.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn files_of(&self, set: i64) -> Result<Vec<KeptFile>, StoreError> {
        let sql = "SELECT path, digest, bytes FROM file_in_set
                   WHERE number = ?1 AND path > ?2 ORDER BY path LIMIT ?3";
        let mut files: Vec<KeptFile> = Vec::new();
        loop {
            let after = files.last().map(|it| it.path.clone()).unwrap_or_default();
            let rows = self.rows((sql, vec![set.into(), after.into(), PAGE.into()])).await?;
            let count = rows.len();
            files.extend(rows.iter().map(|row| KeptFile {
                path: row.text(0).to_owned(),
                digest: query::digest(row, 1),
                bytes: query::count(row, 2),
            }));
            if i64::try_from(count).unwrap_or(PAGE) < PAGE {
                return Ok(files);
            }
        }
    }

    /// The texts of a set but for code tables, by path; those that are kept.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn texts_of(&self, set: i64) -> Result<Vec<(String, String)>, StoreError> {
        let sql = "SELECT f.path, t.text FROM file_in_set AS f
                   JOIN file_text AS t ON t.digest = f.digest
                   WHERE f.number = ?1 AND f.path > ?2 AND f.path NOT LIKE 'tables/%'
                   ORDER BY f.path LIMIT ?3";
        let mut texts: Vec<(String, String)> = Vec::new();
        loop {
            let after = texts.last().map(|it| it.0.clone()).unwrap_or_default();
            let rows = self.rows((sql, vec![set.into(), after.into(), TEXTS.into()])).await?;
            let count = rows.len();
            texts.extend(rows.iter().map(|it| (it.text(0).to_owned(), it.text(1).to_owned())));
            if i64::try_from(count).unwrap_or(TEXTS) < TEXTS {
                return Ok(texts);
            }
        }
    }

    /// The text with a digest; nothing where none is kept.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn file_text(&self, digest: Digest) -> Result<Option<String>, StoreError> {
        let sql = "SELECT text FROM file_text WHERE digest = ?1";
        let row = self.row((sql, vec![digest.0.as_slice().into()])).await?;
        Ok(row.map(|it| it.text(0).to_owned()))
    }
}
