//! The one database: a writer thread that commits whatever has gathered, readers beside it.
//!
//! Other rooms write their own SQL and see neither the library nor a transaction: they hand over
//! [`Writes`], which are committed whole or not at all, together with whatever else was waiting.

use std::path::Path;

use bytes::Bytes;

/// A value in a statement or in a row.
#[derive(Debug, Clone, PartialEq)]
pub enum Param {
    /// SQL NULL.
    Null,
    /// An integer.
    Int(i64),
    /// A text.
    Text(String),
    /// Bytes.
    Blob(Bytes),
}

impl From<i64> for Param {
    fn from(value: i64) -> Self {
        Self::Int(value)
    }
}

impl From<&str> for Param {
    fn from(value: &str) -> Self {
        Self::Text(value.to_owned())
    }
}

impl From<String> for Param {
    fn from(value: String) -> Self {
        Self::Text(value)
    }
}

impl From<Bytes> for Param {
    fn from(value: Bytes) -> Self {
        Self::Blob(value)
    }
}

impl From<&[u8]> for Param {
    fn from(value: &[u8]) -> Self {
        Self::Blob(Bytes::copy_from_slice(value))
    }
}

impl<T: Into<Param>> From<Option<T>> for Param {
    fn from(value: Option<T>) -> Self {
        value.map_or(Self::Null, Into::into)
    }
}

/// Statements that are committed together or not at all, in their order.
#[derive(Debug, Default)]
pub struct Writes(Vec<Write>);

/// One statement: SQL with `?1`, `?2`, … and their values.
#[derive(Debug)]
pub struct Write {
    /// The statement. Static, so that each is prepared once.
    pub sql: &'static str,
    /// The values, from `?1` on.
    pub params: Vec<Param>,
}

impl Writes {
    /// Adds a statement.
    pub fn push(&mut self, sql: &'static str, params: Vec<Param>) {
        self.0.push(Write { sql, params });
    }

    /// Adds all of `other`, after what is here.
    pub fn append(&mut self, mut other: Self) {
        self.0.append(&mut other.0);
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// A row of an answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Row(Vec<Param>);

impl Row {
    /// An integer column; 0 where there is none.
    pub fn int(&self, column: usize) -> i64 {
        if let Some(Param::Int(value)) = self.0.get(column) { *value } else { 0 }
    }

    /// A text column; empty where there is none.
    pub fn text(&self, column: usize) -> &str {
        if let Some(Param::Text(value)) = self.0.get(column) { value } else { "" }
    }

    /// A blob column; empty where there is none.
    pub fn blob(&self, column: usize) -> Bytes {
        if let Some(Param::Blob(value)) = self.0.get(column) { value.clone() } else { Bytes::new() }
    }

    /// Whether a column is NULL or not there.
    pub fn is_null(&self, column: usize) -> bool {
        matches!(self.0.get(column), None | Some(Param::Null))
    }
}

/// A question to the database: SQL with `?1`, `?2`, … and their values.
pub type Query = (&'static str, Vec<Param>);

/// The database in one directory. Cheap to clone; the last one dropped closes it.
#[derive(Clone)]
pub struct Store {}

/// The database cannot be opened, read or written.
#[derive(Debug, Clone, thiserror::Error)]
#[error("store: {reason}")]
pub struct StoreError {
    /// What happened and what to do, in one line.
    pub reason: String,
}

impl Store {
    /// Opens the database in `directory`, creating or migrating it.
    ///
    /// # Errors
    ///
    /// When another process has it open, its format is newer than this program, or the disk
    /// refuses. The reason is a sentence for the operator.
    pub fn open(_directory: &Path) -> Result<Self, StoreError> {
        todo!("store helper")
    }

    /// Commits `writes`; returns once they are on disk.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when nothing of them was written. If the future is dropped they may be
    /// written all the same.
    pub async fn commit(&self, _writes: Writes) -> Result<(), StoreError> {
        todo!("store helper")
    }

    /// Answers questions, all from one snapshot; at most 10,000 rows each.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the database cannot be read.
    pub async fn query(&self, _questions: Vec<Query>) -> Result<Vec<Vec<Row>>, StoreError> {
        todo!("store helper")
    }
}
