//! `cargo bench --bench search`: a letter is looked for by its number among ten million, as `simpul
//! trace` does it: what is found, how it fares and every line of the journal about it.
//!
//! No floor: what is asked is whether it is there before whoever asks has lifted his finger.

#![allow(clippy::print_stdout, reason = "a bench prints")]

mod common {
    pub(crate) mod figures;
}

use std::{sync::Arc, time::Instant};

use common::figures::{Figures, scaled};
use simpul::{
    engine::Found,
    journal::{self, Event, Journal, Line, Term, Wanted},
    ledger::Ledger,
    message::{IdSource, Timestamp},
    store::{Store, Writes},
};

/// Messages in one commit while the store is filled.
const COMMIT: usize = 10_000;

/// Every so many messages have one number in common: a letter that was sent again and again.
const COMMON_EVERY: usize = 100;

const COMMON: &str = "000/TU.01/13/2026";

/// How often each question is asked.
const ASKED: usize = 500;

#[tokio::main]
async fn main() {
    let count = scaled(10_000_000, 50_000);
    let folder = tempfile::tempdir_in(".").unwrap();
    let start = Instant::now();
    fill(&Store::open(folder.path()).unwrap(), count).await;
    let filled = start.elapsed().as_secs_f64();
    println!("{count} messages, each with a number and a line of the journal: {filled:.0} s");
    let bytes: u64 = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|it| it.unwrap().metadata().unwrap().len())
        .sum();
    println!("{} MiB\n\n{:<44}{:>8}{:>8}{:>8}", bytes >> 20, "ms", "first", "p50", "max");
    // Opened anew, so that the database's own memory is empty.
    let store = Store::open(folder.path()).unwrap();
    let asking = Asking { journal: Journal::new(store.clone()), ledger: Ledger::new(store), count };
    asking.ask("a number, anywhere", false, nomor).await;
    asking.ask("one that is not there", false, |number| format!("{}x", nomor(number))).await;
    asking.ask("the newest 50 of very many", false, |_| COMMON.to_owned()).await;
    asking.ask("the first 50 that begin so", true, |number| nomor(number)[..4].to_owned()).await;
}

/// The number of a letter; as in agencies, in an order of their own.
fn nomor(number: usize) -> String {
    let mixed = number.wrapping_mul(7_919) % 100_000_000;
    format!("{mixed:08}/TU.01/13/2026")
}

async fn fill(store: &Store, count: usize) {
    let (ids, name): (_, Arc<str>) = (IdSource::default(), "nomor".into());
    for begin in (0..count).step_by(COMMIT) {
        let mut writes = Writes::default();
        for number in begin..count.min(begin + COMMIT) {
            let at = Timestamp::from_millis(1_768_617_000_000 + i64::try_from(number).unwrap());
            let id = ids.next(at);
            let text = if number % COMMON_EVERY == 1 { COMMON.to_owned() } else { nomor(number) };
            let term = Term::plain(Arc::clone(&name), &text);
            journal::found_by(&mut writes, (at, "surat-masuk", id), term.as_slice());
            let by = "persuratan.terbit/kunci-2026".to_owned();
            let event = Event::Accepted { by, bytes: 900, trace: None };
            let (route, delivery) = ("surat-masuk".into(), None);
            let line = Line { at, route, message: Some(id), delivery, generation: 1, event };
            journal::append(&mut writes, &line);
        }
        store.commit(writes).await.unwrap();
    }
}

struct Asking {
    journal: Journal,
    ledger: Ledger,
    count: usize,
}

impl Asking {
    async fn ask(&self, what: &str, begins: bool, text: impl Fn(usize) -> String) {
        let (mut figures, mut first) = (Figures::default(), f64::NAN);
        for round in 0..ASKED {
            let wanted = Wanted { text: text(round * self.count / ASKED), begins, below: None };
            let start = Instant::now();
            let found = Found::look((&self.journal, &self.ledger), &wanted, None).await.unwrap();
            for message in found.messages.iter().take(1) {
                self.journal.of_message(message.id).await.unwrap();
            }
            let took = start.elapsed().as_secs_f64() * 1e3;
            if round == 0 {
                first = took;
            }
            figures.push(took);
        }
        println!("{what:<52}{first:>8.2}{:>8.2}{:>8.2}", figures.median(), figures.most());
    }
}
