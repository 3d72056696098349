//! `cargo bench --bench language`: what expressions of the language cost beside Rust written by
//! hand over a parsed `serde_json::Value`. Both work on a body that is parsed already.
//!
//! The floor does what a programmer would write for this message, with `i64` and `f64` where the
//! language calculates in decimals and keeps numbers as written: it promises less.

#![allow(clippy::print_stdout, reason = "a bench prints")]

mod common {
    pub(crate) mod cpu;
    pub(crate) mod figures;
}

use std::hint::black_box;

use serde_json::{Value as Json, json};
use simpul::{
    expr::{Budget, Expr, Meta, Scope},
    message::{Arena, Headers, IdSource, JsonWriter, Limits, MessageId, Timestamp, Value, parse},
};

use common::{
    cpu::nanoseconds,
    figures::{Figures, scaled},
};

/// The message.
const BODY: &str = r#"{
    "nomor": "094/SPD/2026", "status": "TERBIT", "total": 4800000.25, "jumlah": 48, "hari": 3,
    "berangkat": "2026-02-03", "kembali": "05-02-2026", "catatan": null, "kode-satker": "13",
    "setuju": true, "batal": false, "angka": [5, 3, 9, 1, 7, 3, 5, 2],
    "tujuan": { "kode": "13.01", "tempat": "  Painan ", "wilayah": { "nama": "Pesisir Selatan" } },
    "pelaksana": [
        { "nip": "190001011920011001", "nama": "Sari", "uang_harian": 430000 },
        { "nip": "190002021920021002", "nama": "Budi", "uang_harian": 380000 },
        { "nip": "190003031920031003", "nama": "Tati", "uang_harian": 380000 }
    ]
}"#;

/// An expression, and the same by hand; `None` is nothing.
type Pair = (&'static str, fn(&Json) -> Option<Json>);

fn text(value: &Json) -> Option<&str> {
    value.as_str()
}

fn staff(body: &Json) -> Option<&Vec<Json>> {
    body["pelaksana"].as_array()
}

fn numbers(body: &Json) -> Option<Vec<i64>> {
    Some(body["angka"].as_array()?.iter().filter_map(Json::as_i64).collect())
}

const PAIRS: [Pair; 40] = [
    ("$.nomor", |it| it.get("nomor").cloned()),
    ("$.tujuan.wilayah.nama", |it| it.get("tujuan")?.get("wilayah")?.get("nama").cloned()),
    ("$['kode-satker']", |it| it.get("kode-satker").cloned()),
    ("$.pelaksana[0].nama", |it| it.get("pelaksana")?.get(0)?.get("nama").cloned()),
    ("$.pelaksana[-1].nama", |it| staff(it)?.last()?.get("nama").cloned()),
    ("$.tidak_ada", |it| it.get("tidak_ada").cloned()),
    ("$.pelaksana[*].nama", |it| {
        Some(staff(it)?.iter().filter_map(|it| it.get("nama").cloned()).collect())
    }),
    ("$.pelaksana[?@.nama == 'Budi'].nip", |it| {
        let found = staff(it)?.iter().filter(|it| it["nama"] == "Budi");
        Some(found.filter_map(|it| it.get("nip").cloned()).collect())
    }),
    ("$.pelaksana[?@.uang_harian > 400000].nama", |it| {
        let found =
            staff(it)?.iter().filter(|it| 400_000 < it["uang_harian"].as_i64().unwrap_or(0));
        Some(found.filter_map(|it| it.get("nama").cloned()).collect())
    }),
    ("$..nip", |it| {
        let mut found = Vec::new();
        below(it, "nip", &mut found);
        Some(found.into())
    }),
    ("$.pelaksana[0:2].nama", |it| {
        Some(staff(it)?.get(0..2)?.iter().filter_map(|it| it.get("nama").cloned()).collect())
    }),
    ("$.tidak_ada | default('-')", |it| Some(it.get("tidak_ada").cloned().unwrap_or("-".into()))),
    ("[$.catatan, $.tidak_ada, $.status] | first", |it| {
        ["catatan", "tidak_ada", "status"]
            .iter()
            .filter_map(|name| it.get(*name))
            .find(|it| !it.is_null())
            .cloned()
    }),
    ("$.catatan | exists", |it| Some(it.get("catatan").is_some().into())),
    ("$.status == 'TERBIT'", |it| Some((it["status"] == "TERBIT").into())),
    ("$.jumlah == 48.0", |it| Some((it["jumlah"].as_f64()? == 48.0).into())),
    ("$.total > 1000000", |it| Some((1_000_000.0 < it["total"].as_f64()?).into())),
    ("$.berangkat < '2026-02-05'", |it| Some((text(&it["berangkat"])? < "2026-02-05").into())),
    ("$.status == 'TERBIT' && $.jumlah > 0 && !$.batal", |it| {
        let holds = it["status"] == "TERBIT" && 0 < it["jumlah"].as_i64()? && it["batal"] == false;
        Some(holds.into())
    }),
    ("$.batal || $.setuju", |it| Some((it["batal"] == true || it["setuju"] == true).into())),
    ("$.status in ['DRAF', 'TERBIT', 'SELESAI']", |it| {
        Some(["DRAF", "TERBIT", "SELESAI"].contains(&text(&it["status"])?).into())
    }),
    ("$.nomor =~ '^[0-9]+/SPD/'", |it| {
        let rest = text(&it["nomor"])?.trim_start_matches(|it: char| it.is_ascii_digit());
        Some(rest.starts_with("/SPD/").into())
    }),
    ("$.jumlah + 1", |it| Some((it["jumlah"].as_i64()? + 1).into())),
    ("$.jumlah * $.hari - 7", |it| {
        Some((it["jumlah"].as_i64()? * it["hari"].as_i64()? - 7).into())
    }),
    ("$.total * 2", |it| Some((it["total"].as_f64()? * 2.0).into())),
    ("$.jumlah / 5", |it| Some((it["jumlah"].as_f64()? / 5.0).into())),
    ("$.total | round(1)", |it| {
        Some(((it["total"].as_f64()? * 10.0).round_ties_even() / 10.0).into())
    }),
    ("$.tujuan.tempat | trim | upper", |it| {
        Some(text(&it["tujuan"]["tempat"])?.trim().to_uppercase().into())
    }),
    ("$.nomor | replace('/', '-')", |it| Some(text(&it["nomor"])?.replace('/', "-").into())),
    ("$.nomor | split('/')", |it| Some(text(&it["nomor"])?.split('/').collect())),
    ("$.pelaksana[*].nama | join(', ')", |it| {
        let names: Vec<&str> = staff(it)?.iter().filter_map(|it| it["nama"].as_str()).collect();
        Some(names.join(", ").into())
    }),
    ("$.hari | pad(4, '0')", |it| Some(format!("{:0>4}", it["hari"].to_string()).into())),
    ("$.nomor | concat(' / ', $.status)", |it| {
        Some(format!("{} / {}", text(&it["nomor"])?, text(&it["status"])?).into())
    }),
    ("$.pelaksana[*].uang_harian | sum", |it| {
        Some(staff(it)?.iter().filter_map(|it| it["uang_harian"].as_i64()).sum::<i64>().into())
    }),
    ("$.angka | max", |it| Some((*numbers(it)?.iter().max()?).into())),
    ("$.angka | sort", |it| {
        let mut sorted = numbers(it)?;
        sorted.sort_unstable();
        Some(json!(sorted))
    }),
    ("$.angka | unique | count", |it| {
        let mut sorted = numbers(it)?;
        sorted.sort_unstable();
        sorted.dedup();
        Some(sorted.len().into())
    }),
    ("$.kembali | date", |it| Some(day(text(&it["kembali"])?)?.to_string().into())),
    ("$.berangkat | add_days(30)", |it| {
        let day: jiff::civil::Date = text(&it["berangkat"])?.parse().ok()?;
        Some(day.saturating_add(jiff::Span::new().days(30)).to_string().into())
    }),
    ("$.pelaksana[0].nip | mask(4, 2)", |it| {
        let nip = text(&it["pelaksana"][0]["nip"])?;
        Some(
            format!("{}{}{}", nip.get(..4)?, "*".repeat(nip.len() - 6), nip.get(nip.len() - 2..)?)
                .into(),
        )
    }),
];

fn below(value: &Json, name: &str, found: &mut Vec<Json>) {
    found.extend(value.get(name).cloned());
    match value {
        Json::Array(items) => items.iter().for_each(|it| below(it, name, found)),
        Json::Object(members) => members.values().for_each(|it| below(it, name, found)),
        _ => {}
    }
}

/// The day in `DD-MM-YYYY`.
fn day(text: &str) -> Option<jiff::civil::Date> {
    let mut parts = text.split('-');
    let [day, month] = [parts.next()?.parse().ok()?, parts.next()?.parse().ok()?];
    jiff::civil::Date::new(parts.next()?.parse().ok()?, month, day).ok()
}

struct Row {
    text: &'static str,
    ours: Figures,
    floor: Figures,
}

fn main() {
    let (rounds, times) = (scaled(9, 3), scaled(20_000, 1_000));
    let mut rows: Vec<Row> = PAIRS.iter().map(|pair| row(pair, rounds, times)).collect();
    rows.sort_by(|one, other| ratio(other).total_cmp(&ratio(one)));
    println!(
        "{:<52}{:>10}{:>10}{:>8}",
        "worst first; ns per evaluation", "simpul", "by hand", "ratio"
    );
    for row in &rows {
        let (ours, floor) = (row.ours.median(), row.floor.median());
        println!("{:<52}{ours:>10.0}{floor:>10.0}{:>8.2}", row.text, ratio(row));
    }
    let middle = rows.get(rows.len() / 2).map(ratio).unwrap_or_default();
    let sum = |of: fn(&Row) -> f64| rows.iter().map(of).sum::<f64>();
    let all = sum(|it| it.ours.median()) / sum(|it| it.floor.median());
    println!(
        "worst: `{}`; the one in the middle: {middle:.2}; all 40 together: {all:.2}",
        rows[0].text
    );
}

fn ratio(row: &Row) -> f64 {
    row.ours.over(&row.floor).median()
}

fn row((text, by_hand): &Pair, rounds: usize, times: usize) -> Row {
    let mut arena = Arena::with_limit(1 << 20);
    let bodies = Arena::with_limit(1 << 20);
    let body = parse(&bodies, BODY.as_bytes(), &Limits::default()).unwrap();
    let json: Json = serde_json::from_str(BODY).unwrap();
    let expression = Expr::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
    let mut row = Row { text, ours: Figures::default(), floor: Figures::default() };
    let headers = Headers::default();
    let id = IdSource::default().next(Timestamp::from_millis(0));
    evaluate(&expression, body, &arena, (&headers, id), |it| compare(text, it, by_hand(&json)));
    for _ in 0..rounds {
        row.ours.push(nanoseconds(times, |index| {
            // As between two messages, which share one arena, with 12 expressions each.
            if index % 12 == 0 {
                arena.reset();
            }
            evaluate(&expression, black_box(body), &arena, (&headers, id), |it| {
                black_box(it).is_some()
            })
        }));
        row.floor.push(nanoseconds(times, |_| by_hand(black_box(&json))));
    }
    row
}

/// Hands `act` the value of an expression.
fn evaluate<T>(
    expression: &Expr,
    body: Value<'_>,
    arena: &Arena,
    (headers, id): (&Headers, MessageId),
    act: impl FnOnce(Option<Value<'_>>) -> T,
) -> T {
    let meta = Meta { id, received_at: Timestamp::from_millis(0), headers, hash_key: None };
    let budget = Budget::new(Budget::STEPS_MAX);
    let scope = Scope { arena, body, item: None, meta: &meta, budget: &budget };
    act(expression.eval(&scope).unwrap_or_else(|error| panic!("{error}")))
}

/// Both give the same, or the comparison would say nothing.
fn compare(text: &str, ours: Option<Value<'_>>, by_hand: Option<Json>) {
    let read = |it| serde_json::from_slice(&JsonWriter::to_vec(it)).unwrap();
    let ours: Option<Json> = ours.map(read);
    let same = match (&ours, &by_hand) {
        (Some(Json::Number(one)), Some(Json::Number(other))) => one.as_f64() == other.as_f64(),
        (one, other) => one == other,
    };
    assert!(same, "{text}: {ours:?}, by hand {by_hand:?}");
}
