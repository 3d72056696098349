//! `cargo bench --bench dead`: what the pages of dead letters ask of the store, with a million of them.
//!
//! No floor: what is asked is whether the page is there before whoever opened it has looked up.

#![allow(clippy::print_stdout, reason = "a bench prints")]

mod common {
    pub(crate) mod figures;
}

use std::time::Instant;

use common::figures::{Figures, scaled};
use simpul::{
    ledger::{DeadFilter, Ledger},
    store::{Store, Writes},
};

/// Groups of those that failed alike.
const GROUPS: i64 = 300;

/// How often each question is asked.
const ASKED: usize = 200;

/// Of five routes and three targets, with what was sent.
const FILL: &str = "
    INSERT INTO dead (at, route, message, target, ordinal, class, place, reason, attempts,
                      generation, cause, sent)
    WITH RECURSIVE n (i) AS (SELECT ?1 UNION ALL SELECT i + 1 FROM n WHERE i < ?2)
    SELECT 1768617000000 + i, 'rute-' || (i % 5), CAST(printf('%016d', i) AS BLOB),
           'sistem-' || (i % 3) || '.terima', 0, 'refused', '', '422 Unprocessable Entity', 1, 1,
           printf('%016x', i % ?3), zeroblob(600)
    FROM n";

/// What the program counts as it buries each letter.
const COUNT: &str = "
    INSERT INTO dead_group
    SELECT cause, route, target, class, count(*) FROM dead GROUP BY 1, 2, 3, 4";

#[tokio::main]
async fn main() {
    let count: i64 = scaled(1_000_000, 20_000);
    let folder = tempfile::tempdir_in(".").unwrap();
    let start = Instant::now();
    let store = Store::open(folder.path()).unwrap();
    let step = 20_000;
    for first in (1..=count).step_by(20_000) {
        let mut writes = Writes::default();
        writes.push(FILL, vec![first.into(), (first + step - 1).into(), GROUPS.into()]);
        store.commit(writes).await.unwrap();
    }
    let mut writes = Writes::default();
    writes.push(COUNT, vec![]);
    store.commit(writes).await.unwrap();
    println!("{count} dead letters in {GROUPS} groups: {:.0} s", start.elapsed().as_secs_f64());
    drop(store);
    // Opened anew, so that the database's own memory is empty.
    let ledger = Ledger::new(Store::open(folder.path()).unwrap());
    println!("\n{:<52}{:>8}{:>8}{:>8}", "ms", "first", "p50", "max");
    let all = DeadFilter::default;
    let group = || Some(format!("{:016x}", GROUPS / 2));
    let later = DeadFilter { group: group(), after: count / 2, ..all() };
    ask("the 50 largest groups", async || ledger.dead_groups(&all(), 51).await.unwrap().len())
        .await;
    let of_route = DeadFilter { route: Some("rute-3".to_owned()), ..all() };
    ask("the 50 largest groups of a route", async || {
        ledger.dead_groups(&of_route, 51).await.unwrap().len()
    })
    .await;
    let one = DeadFilter { group: group(), ..all() };
    ask("one group", async || ledger.dead_groups(&one, 1).await.unwrap().len()).await;
    ask("50 letters of a group", async || ledger.dead_letters(&one, 51).await.unwrap().len()).await;
    ask("the 50 behind half a million", async || {
        ledger.dead_letters(&later, 51).await.unwrap().len()
    })
    .await;
    ask("one letter with what was sent", async || {
        usize::from(ledger.dead_letter(count / 2).await.unwrap().is_some())
    })
    .await;
    ask("how many of each class", async || ledger.dead_by_class().await.unwrap().len()).await;
    let looked = DeadFilter { after: -1, ..all() };
    ask("for comparison: groups, counted when asked", async || {
        ledger.dead_groups(&looked, 51).await.unwrap().len()
    })
    .await;
}

async fn ask(what: &str, question: impl AsyncFn() -> usize) {
    let (mut figures, mut first) = (Figures::default(), f64::NAN);
    for round in 0..ASKED {
        let start = Instant::now();
        assert!(0 < question().await, "{what}");
        let took = start.elapsed().as_secs_f64() * 1e3;
        if round == 0 {
            first = took;
        }
        figures.push(took);
        if round > 10 && 100.0 < took {
            break;
        }
    }
    println!("{what:<52}{first:>8.2}{:>8.2}{:>8.2}", figures.median(), figures.most());
}
