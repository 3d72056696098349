//! What is wrong in a database, found and told the same way by all commands that look.

use serde::Serialize;

use crate::{
    broker::embedded,
    cli::screen::escaped,
    ledger,
    store::{Finding, Inspection},
};

/// What was looked at.
pub(super) struct Looked {
    /// Rows with bodies that were read.
    pub(super) rows: u64,
    /// What is wrong.
    pub(super) findings: Vec<Finding>,
}

impl Looked {
    /// Reads all of a database.
    pub(super) fn at(store: &Inspection) -> Self {
        let mut findings = store.files();
        let rows = embedded::check(store, &mut findings) + ledger::check(store, &mut findings);
        Self { rows, findings }
    }
}

#[derive(Debug, Serialize)]
pub(super) struct FindingView {
    /// `log`, `page`, `row` or `account`.
    kind: &'static str,
    what: String,
    lost: String,
    todo: String,
}

impl From<Finding> for FindingView {
    fn from(Finding { kind, what, lost, todo }: Finding) -> Self {
        Self { kind, what, lost, todo }
    }
}

/// A block for each thing that is wrong; those with the same advice say it once.
pub(super) fn render(found: &[Finding]) -> String {
    let mut out = String::new();
    for (index, one) in found.iter().enumerate() {
        let Finding { kind, what, lost, todo } = one;
        out.push_str(&format!("\n{kind}: {what}\n"));
        let next = found.get(index + 1);
        if next.is_none_or(|it| (&it.lost, &it.todo) != (lost, todo)) {
            out.push_str(&format!("  lost: {lost}\n  do:   {todo}\n"));
        }
    }
    escaped(out.trim_end())
}
