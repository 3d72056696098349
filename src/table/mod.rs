//! Code tables: CSV files with a header line, looked up by a column.

use std::collections::HashMap;

use crate::diagnostic::Report;

/// A code table in memory.
#[derive(Debug)]
pub struct Table {
    columns: Vec<String>,
    rows: Vec<Vec<String>>,
    by_first_column: HashMap<String, usize>,
}

impl Table {
    /// Reads a table from CSV text (RFC 4180), adding what is wrong with it to `report`: no
    /// header, a column name twice, a row of another length, a key twice.
    pub fn read(_text: &[u8], _report: &mut Report) -> Option<Self> {
        todo!("steps helper")
    }

    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// The row whose first column is `key`.
    pub fn row(&self, key: &str) -> Option<&[String]> {
        self.by_first_column.get(key).and_then(|it| self.rows.get(*it)).map(Vec::as_slice)
    }
}
