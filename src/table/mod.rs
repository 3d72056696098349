//! Code tables: CSV files with a header line, looked up by their first column.
//!
//! The whole table is two blocks of memory, the fields one after another and where each ends: a
//! list of all 91,000 villages takes little more than its file.

mod read;

/// A code table in memory.
#[derive(Debug)]
pub struct Table {
    columns: Vec<String>,
    /// All fields of all rows, one after another.
    text: String,
    /// Where each field ends in `text`, row by row.
    ends: Vec<u32>,
    /// The numbers of the rows, in the order of their first columns.
    by_key: Vec<u32>,
}

/// The largest file that is read, in bytes: ten times the list of all villages.
pub const BYTES_MAX: usize = 64 << 20;

/// The most rows that a table may have: what one number of 32 bits and a glance can hold.
pub const ROWS_MAX: usize = 1_000_000;

/// One row of a table.
#[derive(Debug, Clone, Copy)]
pub struct Row<'a> {
    table: &'a Table,
    number: usize,
}

impl Table {
    /// The names of the columns.
    pub fn columns(&self) -> &[String] {
        &self.columns
    }

    /// How many rows there are.
    pub fn len(&self) -> usize {
        self.by_key.len()
    }

    /// Whether there is no row.
    pub fn is_empty(&self) -> bool {
        self.by_key.is_empty()
    }

    /// The row whose first column is `key`.
    pub fn row(&self, key: &str) -> Option<Row<'_>> {
        let found = self.by_key.binary_search_by(|it| self.key(*it).cmp(key)).ok()?;
        let number = usize::try_from(*self.by_key.get(found)?).ok()?;
        Some(Row { table: self, number })
    }

    fn key(&self, row: u32) -> &str {
        let row = usize::try_from(row).unwrap_or(usize::MAX);
        Row { table: self, number: row }.get(0).unwrap_or_default()
    }

    fn field(&self, number: usize) -> Option<&str> {
        let start = match number.checked_sub(1) {
            Some(before) => *self.ends.get(before)?,
            None => 0,
        };
        let end = *self.ends.get(number)?;
        self.text.get(usize::try_from(start).ok()?..usize::try_from(end).ok()?)
    }
}

impl<'a> Row<'a> {
    /// The field in the column with this number, from 0.
    pub fn get(self, column: usize) -> Option<&'a str> {
        let width = self.table.columns.len();
        let first = self.number.checked_mul(width)?;
        (column < width).then(|| self.table.field(first + column))?
    }

    /// The fields, in the order of the columns.
    pub fn iter(self) -> impl Iterator<Item = &'a str> {
        (0..self.table.columns.len()).filter_map(move |column| self.get(column))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Report;

    fn table(text: &str) -> Table {
        let mut report = Report::default();
        let table = Table::read(text.as_bytes(), &mut report);
        table.unwrap_or_else(|| panic!("{:?}", report.into_sorted()))
    }

    fn fields<'a>(table: &'a Table, key: &str) -> Vec<&'a str> {
        table.row(key).map(|it| it.iter().collect()).unwrap_or_default()
    }

    #[test]
    fn a_row_is_found_by_its_first_column() {
        let table =
            table("kode,nama,ibu kota\n13.02,Solok,Arosuka\n13.01,Pesisir Selatan,Painan\n");
        assert_eq!(table.columns(), ["kode", "nama", "ibu kota"]);
        assert_eq!(table.len(), 2);
        assert_eq!(fields(&table, "13.01"), ["13.01", "Pesisir Selatan", "Painan"]);
        assert_eq!(fields(&table, "13.02"), ["13.02", "Solok", "Arosuka"]);
        assert_eq!(table.row("13.01").and_then(|it| it.get(2)), Some("Painan"));
        assert!(table.row("13.01").and_then(|it| it.get(3)).is_none());
        for other in ["", "13", "13.010", "Solok", "99"] {
            assert!(table.row(other).is_none(), "{other}");
        }
    }

    #[test]
    fn a_table_may_be_a_header_and_nothing_else() {
        let table = table("kode,nama");
        assert!(table.is_empty());
        assert!(table.row("").is_none());
    }

    #[test]
    fn fields_in_quotes_may_hold_commas_quotes_and_line_ends() {
        let table = table("\u{feff}kode,nama\r\na,\"x, \"\"y\"\"\r\nz\"\r\nb,\r\nc,5\" 3'\r\n");
        assert_eq!(fields(&table, "a"), ["a", "x, \"y\"\r\nz"]);
        assert_eq!(fields(&table, "b"), ["b", ""]);
        assert_eq!(fields(&table, "c"), ["c", "5\" 3'"]);
    }
}
