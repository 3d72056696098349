//! Whatever stands in a code table: reading it never panics, a table that is not taken has a
//! reason, and every row of one that is taken is found by its key.

#![no_main]

use libfuzzer_sys::fuzz_target;
use simpul::{diagnostic::Report, table::Table};

fuzz_target!(|input: &[u8]| {
    let mut report = Report::default();
    let table = Table::read(input, &mut report);
    assert_eq!(table.is_none(), report.has_errors());
    let Some(table) = table else { return };
    assert!(table.row("").is_none());
    for line in input.split(|it| *it == b'\n') {
        let key = line.split(|it| *it == b',').next().unwrap_or_default();
        if let Some(row) = std::str::from_utf8(key).ok().and_then(|it| table.row(it)) {
            assert_eq!(row.iter().count(), table.columns().len());
        }
    }
});
