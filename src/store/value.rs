//! Values as statements take them and rows give them.

use bytes::Bytes;

/// A value in a statement or in a row.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
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

impl Param {
    /// About how much memory it takes, in bytes.
    pub(super) fn size(&self) -> usize {
        match self {
            Self::Null | Self::Int(_) => 8,
            Self::Text(text) => text.len(),
            Self::Blob(bytes) => bytes.len(),
        }
    }
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

/// A row of an answer.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Row(pub(super) Vec<Param>);

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
