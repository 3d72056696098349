//! Which files of two sets differ, and how, line by line.

use std::{collections::BTreeMap, sync::Arc};

use maud::{Markup, html};

use super::Visit;
use crate::{
    diagnostic::{diff, text},
    ledger::KeptFile,
    message::Digest,
    ops::Refusal,
    route::PlanFile,
};

/// Files whose lines are shown; of the others the names are.
const SHOWN_MAX: usize = 30;

/// Lines of one file that are shown.
const LINES_MAX: usize = 500;

/// A file on the newer side.
#[derive(Debug, Clone)]
pub(super) enum Side {
    /// As it is kept in the store.
    Kept(Digest),
    /// As it was read from the disk.
    Disk(PlanFile),
}

impl Side {
    fn digest(&self) -> Digest {
        match self {
            Self::Kept(digest) => *digest,
            Self::Disk(file) => file.digest,
        }
    }
}

/// A file that differs.
#[derive(Debug, Clone)]
pub(super) struct Change {
    path: String,
    before: Option<Digest>,
    after: Option<Side>,
}

/// The files that differ, by path.
pub(super) fn between(
    before: &[KeptFile],
    after: impl Iterator<Item = (String, Side)>,
) -> Vec<Change> {
    let mut all: BTreeMap<String, Change> = BTreeMap::new();
    for file in before {
        let change = Change { path: file.path.clone(), before: Some(file.digest), after: None };
        all.insert(file.path.clone(), change);
    }
    for (path, side) in after {
        let new = || Change { path: path.clone(), before: None, after: None };
        all.entry(path.clone()).or_insert_with(new).after = Some(side);
    }
    let differs = |it: &Change| it.before != it.after.as_ref().map(Side::digest);
    all.into_values().filter(differs).collect()
}

/// The files that differ, with their lines.
pub(super) async fn show(visit: &Visit, changes: &[Change]) -> Result<Markup, Refusal> {
    let mut shown = Vec::new();
    for change in changes.iter().take(SHOWN_MAX) {
        let before = match change.before {
            Some(digest) => visit.desk.file_text(digest).await?,
            None => Some("".into()),
        };
        let after: Option<Arc<str>> = match &change.after {
            Some(Side::Kept(digest)) => visit.desk.file_text(*digest).await?,
            Some(Side::Disk(file)) => file.text.clone(),
            None => Some("".into()),
        };
        shown.push((change, before.zip(after)));
    }
    Ok(html! {
        @if changes.is_empty() { p .sheet .soft { (visit.t(&text!("No file differs."))) } }
        @for (change, texts) in &shown { (one(visit, change, texts.as_ref())) }
        @if SHOWN_MAX < changes.len() {
            p { (visit.t(&text!("{} more files differ:", &visit.n((changes.len() - SHOWN_MAX) as u64)))) }
            ul { @for change in changes.iter().skip(SHOWN_MAX) { li { (change.path) } } }
        }
    })
}

fn one(visit: &Visit, change: &Change, texts: Option<&(Arc<str>, Arc<str>)>) -> Markup {
    let how = match (&change.before, &change.after) {
        (None, _) => text!("new"),
        (_, None) => text!("gone"),
        _ => text!("changed"),
    };
    html! {
        details open {
            summary { code { (change.path) } " " (visit.t(&how)) }
            @match texts {
                Some((before, after)) => (lines(visit, &diff(before, after))),
                None => p .sheet .soft { (visit.t(&text!("It is too large to be shown."))) },
            }
        }
    }
}

/// Lines as `diff` tells them: what is gone, what is new, and what stands around it.
fn lines(visit: &Visit, told: &str) -> Markup {
    let count = told.lines().count();
    html! {
        @if told.is_empty() {
            p .sheet .soft { (visit.t(&text!("Only a secret in it differs, or how its lines end."))) }
        } @else {
            pre .diff tabindex="0" {
                @for line in told.lines().take(LINES_MAX) {
                    @match line.as_bytes().first() {
                        Some(b'+') => ins { (line) },
                        Some(b'-') => del { (line) },
                        _ => span { (line) },
                    }
                }
            }
            @if LINES_MAX < count { p .soft { (visit.t(&text!("{} more lines", &visit.n((count - LINES_MAX) as u64)))) } }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_changed_and_went_is_found() {
        let digest = |it: &str| Digest::of(&[it.as_bytes()]);
        let kept = |path: &str, text: &str| KeptFile {
            path: path.to_owned(),
            digest: digest(text),
            bytes: 1,
        };
        let before = [kept("a", "1"), kept("b", "1"), kept("c", "1")];
        let after = [("b", "1"), ("c", "2"), ("d", "1")];
        let after =
            after.into_iter().map(|(path, text)| (path.to_owned(), Side::Kept(digest(text))));
        let found: Vec<_> = between(&before, after)
            .into_iter()
            .map(|it| (it.path, it.before.is_some(), it.after.is_some()))
            .collect();
        let of = |path: &str, before, after| (path.to_owned(), before, after);
        assert_eq!(found, [of("a", true, false), of("c", true, true), of("d", false, true)]);
    }
}
