//! Which files differ, and what has to do with them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::route::{Outline, RouteOutline};

/// Names that a note lists.
const NAMED_MAX: usize = 5;

/// A file that is another one now.
#[derive(Debug, Serialize)]
pub(super) struct ChangedFile {
    /// `added`, `changed` or `removed`.
    pub(super) what: &'static str,
    pub(super) file: String,
    /// What in it is another thing: endpoints, keys of a table.
    pub(super) notes: Vec<String>,
    /// What has to do with it, in words.
    pub(super) concerns: Vec<String>,
}

pub(super) fn changes(before: &Outline, after: &Outline) -> Vec<ChangedFile> {
    let paths: BTreeSet<&String> = before.texts.keys().chain(after.texts.keys()).collect();
    let mut all = Vec::new();
    for path in paths {
        let (old, new) = (before.texts.get(path), after.texts.get(path));
        let what = match (old, new) {
            (None, Some(_)) => "added",
            (Some(_), None) => "removed",
            (Some(old), Some(new)) if old != new => "changed",
            _ => continue,
        };
        // What is gone concerns those who used it then, what is there those who use it now.
        let outline = if new.is_some() { after } else { before };
        let mut concerns = concerned(path, outline);
        if old.is_some() && new.is_some() {
            concerns.extend(concerned(path, before));
        }
        concerns.sort();
        concerns.dedup();
        let notes = notes(path, before, after);
        all.push(ChangedFile { what, file: path.clone(), notes, concerns });
    }
    all
}

/// What has to do with a file.
fn concerned(path: &str, outline: &Outline) -> Vec<String> {
    let routes = outline.routes.iter();
    let named = |wanted: &dyn Fn(&RouteOutline) -> Option<String>| {
        let found = routes.clone().filter_map(|(name, it)| Some((name, wanted(it)?)));
        found.map(|(name, how)| format!("route `{name}`, which {how}")).collect()
    };
    if let Some(system) = path.strip_prefix("connectors/").and_then(|it| it.strip_suffix(".yaml")) {
        let of = |it: &str| it.split('.').next() == Some(system);
        return named(&|route| {
            let to = route.to.iter().filter(|it| of(&it.target)).map(|it| it.target.as_str());
            let to: Vec<&str> = to.collect();
            match (of(&route.from), to.as_slice()) {
                (false, []) => None,
                (true, []) => Some(format!("reads `{}`", route.from)),
                (false, to) => Some(format!("sends to `{}`", to.join("`, `"))),
                (true, to) => {
                    Some(format!("reads `{}` and sends to `{}`", route.from, to.join("`, `")))
                }
            }
        });
    }
    if let Some(table) = path.strip_prefix("tables/").and_then(|it| it.strip_suffix(".csv")) {
        return named(&|it| it.tables.contains(table).then(|| format!("looks into `{table}`")));
    }
    if path.starts_with("schemas/") {
        return named(&|route| {
            let to = route.to.iter().find(|it| outline.schema_of_target(&it.target) == Some(path));
            match to {
                _ if route.schemas.contains(path) => Some("validates against it".to_owned()),
                _ if outline.schema_of_source(&route.from) == Some(path) => {
                    Some(format!("reads `{}`, which it describes", route.from))
                }
                Some(to) => Some(format!("sends to `{}`, which it describes", to.target)),
                None => None,
            }
        });
    }
    Vec::new()
}

/// What in a file is another thing.
fn notes(path: &str, before: &Outline, after: &Outline) -> Vec<String> {
    if let Some(name) = path.strip_prefix("connectors/").and_then(|it| it.strip_suffix(".yaml")) {
        let of = |outline: &Outline, sources: bool| -> BTreeSet<String> {
            let system = outline.systems.get(name);
            let names = system.map(|it| if sources { &it.sources } else { &it.targets });
            names.into_iter().flat_map(|it| it.keys().cloned()).collect()
        };
        let mut notes = Vec::new();
        for (sources, word) in [(true, "source"), (false, "target")] {
            let (old, new) = (of(before, sources), of(after, sources));
            notes.extend(listed(&format!("{word} gone"), old.difference(&new)));
            notes.extend(listed(&format!("{word} new"), new.difference(&old)));
        }
        return notes;
    }
    if !path.starts_with("tables/") {
        return Vec::new();
    }
    let rows = |outline: &Outline| -> BTreeMap<String, String> {
        let text = outline.texts.get(path).map_or("", String::as_str);
        let row = |line: &str| {
            let (key, rest) = line.split_once(',').unwrap_or((line, ""));
            (key.to_owned(), rest.to_owned())
        };
        // The header is a row like others here: a column that is renamed is a row that changed.
        text.lines().map(row).collect()
    };
    let (old, new) = (rows(before), rows(after));
    let gone = old.keys().filter(|it| !new.contains_key(*it));
    let other = old.iter().filter(|(key, row)| new.get(*key).is_some_and(|it| it != *row));
    let added = new.keys().filter(|it| !old.contains_key(*it));
    let notes = [
        listed("key gone", gone),
        listed("row changed", other.map(|(key, _)| key)),
        listed("key new", added),
    ];
    notes.into_iter().flatten().collect()
}

/// `word: a, b, c and 4 more`.
fn listed<'a>(word: &str, names: impl Iterator<Item = &'a String>) -> Option<String> {
    let names: Vec<&String> = names.collect();
    let some: Vec<String> = names.iter().take(NAMED_MAX).map(|it| format!("`{it}`")).collect();
    match names.len() {
        0 => None,
        count if NAMED_MAX < count => {
            Some(format!("{word}: {} and {} more", some.join(", "), count - NAMED_MAX))
        }
        _ => Some(format!("{word}: {}", some.join(", "))),
    }
}
