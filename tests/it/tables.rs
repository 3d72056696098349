//! Promises on code tables: what is read from CSV, held against a corpus and real lists.

use simpul::{diagnostic::Report, table::Table};

use crate::support::shared::shared;

/// The files of the corpus csv-spectrum, each beside a JSON file that says what it holds. Without
/// `location_coordinates`, whose two files do not hold the same.
const SPECTRUM: &[&str] = &[
    "comma_in_quotes",
    "empty",
    "empty_crlf",
    "escaped_quotes",
    "json",
    "newlines",
    "newlines_crlf",
    "quotes_and_newlines",
    "simple",
    "simple_crlf",
    "utf8",
];

fn table(name: &str, text: &str) -> Table {
    let mut report = Report::default();
    let table = Table::read(text.as_bytes(), &mut report);
    table.unwrap_or_else(|| panic!("{name}: {:?}", report.into_sorted()))
}

#[test]
fn every_file_of_csv_spectrum_is_read_as_it_is_meant() {
    for name in SPECTRUM {
        let Some(text) = shared(&format!("corpora/csv-spectrum/csvs/{name}.csv")) else { return };
        let expected = shared(&format!("corpora/csv-spectrum/json/{name}.json")).unwrap();
        // A checkout may have changed the line ends that the file is about.
        let text = match name.ends_with("_crlf") {
            true => text.replace("\r\n", "\n").replace('\n', "\r\n"),
            false => text,
        };
        // A file of one row is written without the list around it.
        let expected =
            if expected.trim_start().starts_with('{') { format!("[{expected}]") } else { expected };
        let expected: Vec<serde_json::Map<String, serde_json::Value>> =
            serde_json::from_str(&expected).unwrap();
        let table = table(name, &text);
        assert_eq!(table.len(), expected.len(), "{name}");
        for row in expected {
            let field = |column: &String| row.get(column).and_then(|it| it.as_str()).unwrap();
            let key = field(&table.columns()[0]);
            let fields: Vec<&str> =
                table.row(key).unwrap_or_else(|| panic!("{name}: {key}")).iter().collect();
            let meant: Vec<&str> = table.columns().iter().map(field).collect();
            assert_eq!(fields, meant, "{name}");
        }
    }
}

#[test]
fn every_village_of_the_country_is_found_by_its_code() {
    let Some(text) = shared("data/wilayah-kemendagri-2025/wilayah.csv") else { return };
    let table = table("wilayah", &text);
    assert_eq!(table.len(), 91_599);
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    for row in reader.records() {
        let row = row.unwrap();
        let found: Vec<&str> = table.row(&row[0]).unwrap().iter().collect();
        assert_eq!(found, row.iter().collect::<Vec<_>>());
    }
    assert!(table.row("13.0").is_none());
}
