//! `cargo bench --bench pipeline`: what one message costs in the pure part of a route, on one core:
//! parse, steps, maps, write.
//!
//! In each round every subject runs in turn, so that a machine whose speed drifts does not tell
//! lies: read the ratios. The time is that of the thread on the processor.

#![allow(clippy::print_stdout, reason = "a bench prints")]

mod common {
    pub(crate) mod compiled;
    pub(crate) mod cpu;
    pub(crate) mod figures;
}
mod records;

use serde_json::Value as Json;
use simpul::message::Arena;

use common::{
    compiled::Compiled,
    cpu::nanoseconds,
    figures::{Figures, scaled, spread},
};
use records::{result, staff};

/// Different documents, so that nothing is learned by heart.
const DOCUMENTS: usize = 500;

/// Memory for the work on one message, in bytes, as much as the engine gives.
const MEMORY: usize = 64 << 20;

/// The work of one message by hand: the bodies that go out.
type ByHand = fn(&[u8]) -> Option<Vec<Vec<u8>>>;

fn main() {
    let staff_floors: [ByHand; 2] = [
        |it| staff::over_value(it).map(|it| vec![it]),
        |it| staff::over_structs(it).map(|it| vec![it]),
    ];
    let route = Compiled::new(staff::ROUTE, staff::SOURCE, &staff::TARGETS);
    measure("staff record: filter, 12-field map", &route, staff::document, staff_floors);
    let route = Compiled::new(result::ROUTE, result::SOURCE, &result::TARGETS);
    let floors: [ByHand; 2] = [result::over_value, result::over_structs];
    measure("polling-station result: 8 rules, 4 targets", &route, result::document, floors);
}

fn measure(what: &str, route: &Compiled, document: fn(usize) -> Vec<u8>, floors: [ByHand; 2]) {
    let documents: Vec<Vec<u8>> = (0..DOCUMENTS).map(document).collect();
    let mut arena = Arena::with_limit(MEMORY);
    for document in &documents {
        let ours = route.run(&mut arena, document);
        for floor in floors {
            assert_eq!(read(&ours), read(&floor(document).unwrap()), "all make the same of it");
        }
    }
    let (rounds, messages) = (scaled(9, 3), scaled(20_000, 2_000));
    let mut figures = [(); 3].map(|()| Figures::default());
    for _ in 0..rounds {
        let at = |index: usize| documents[index % DOCUMENTS].as_slice();
        figures[0].push(nanoseconds(messages, |it| route.run(&mut arena, at(it))));
        figures[1].push(nanoseconds(messages, |it| floors[0](at(it))));
        figures[2].push(nanoseconds(messages, |it| floors[1](at(it))));
    }
    let bytes = documents.iter().map(Vec::len).sum::<usize>() / DOCUMENTS;
    println!("\n{what} ({bytes} bytes), {rounds} rounds of {messages}");
    println!("{:<30}{:>24}{:>24}", "", "ns per message", "simpul takes of it");
    let names = ["simpul", "by hand, serde_json::Value", "by hand, typed structs"];
    for (name, one) in names.iter().zip(&figures) {
        let ratio = figures[0].over(one);
        let ratio = format!("{:.2} [{:.2}-{:.2}]", ratio.median(), ratio.least(), ratio.most());
        println!("{name:<30}{:>24}{ratio:>24}", spread(one));
    }
}

fn read(bodies: &[Vec<u8>]) -> Vec<Json> {
    bodies.iter().map(|it| serde_json::from_slice(it).unwrap()).collect()
}
