//! A `map` on its own between two schemas: for drafts, which are held against the types before anybody
//! reads them.

use std::collections::BTreeMap;

use crate::{
    diagnostic::{Report, Severity, parse},
    expr::Known,
    step::{Context, Map, Schema},
};

/// Something of a drawn body that the schema of its target may refuse.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refusal {
    /// The field, as names and `[]` for items: `peserta[].nip`; empty for the whole. Nothing where
    /// an expression can never work.
    pub field: Option<String>,
    /// The line of the text, counted from 1, as far as it is known.
    pub line: u32,
}

/// What a target that takes `to` may refuse of what `map` draws from messages that fit `from`; nothing if
/// the text is no `map`.
pub fn refused(map: &str, from: &Schema, to: &Schema) -> Option<Vec<Refusal>> {
    let mut report = Report::default();
    let node = parse(map, &mut report)?;
    let context = Context { tables: &BTreeMap::new(), schemas: &BTreeMap::new() };
    let map = Map::compile(&node, &context, &mut report)?;
    let value = map.infer(Known { body: from.contract().emitted(), item: None }, &mut report);
    let misfits = to.contract().check(&value);
    let misfits = misfits.into_iter().filter(|it| !it.kind.is_open());
    let of_misfits =
        misfits.map(|it| Refusal { line: it.at.map_or(0, |at| at.line), field: Some(it.path) });
    let wrong = report.into_sorted();
    let wrong = wrong.iter().filter(|it| it.severity == Severity::Error);
    let of_wrong = wrong.map(|it| Refusal { line: it.at.line, field: None });
    Some(of_wrong.chain(of_misfits).collect())
}
