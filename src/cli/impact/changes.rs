//! Which files differ, and what has to do with them.

use std::collections::{BTreeMap, BTreeSet};

use serde::Serialize;

use crate::{
    diagnostic::{Language, Text, text},
    route::{Outline, RouteOutline},
};

/// Names that a note lists.
const NAMED_MAX: usize = 5;

/// A file that is another one now.
#[derive(Debug)]
pub(super) struct ChangedFile {
    pub(super) what: Change,
    pub(super) file: String,
    /// What in it is another thing: endpoints, keys of a table.
    pub(super) notes: Vec<Text>,
    /// What has to do with it, in words.
    pub(super) concerns: Vec<Text>,
}

/// What became of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Change {
    Added,
    Changed,
    Removed,
}

impl Change {
    pub(super) fn words(self) -> Text {
        match self {
            Self::Added => text!("added"),
            Self::Changed => text!("changed"),
            Self::Removed => text!("removed"),
        }
    }
}

/// A [`ChangedFile`] for programs.
#[derive(Debug, Serialize)]
pub(super) struct ChangedView {
    what: Change,
    file: String,
    notes: Vec<String>,
    concerns: Vec<String>,
}

impl ChangedFile {
    pub(super) fn view(&self, language: Language) -> ChangedView {
        let told = |all: &[Text]| all.iter().map(|it| it.told(language)).collect();
        let (notes, concerns) = (told(&self.notes), told(&self.concerns));
        ChangedView { what: self.what, file: self.file.clone(), notes, concerns }
    }
}

pub(super) fn changes(before: &Outline, after: &Outline) -> Vec<ChangedFile> {
    let paths: BTreeSet<&String> = before.texts.keys().chain(after.texts.keys()).collect();
    let mut all = Vec::new();
    for path in paths {
        let (old, new) = (before.texts.get(path), after.texts.get(path));
        let what = match (old, new) {
            (None, Some(_)) => Change::Added,
            (Some(_), None) => Change::Removed,
            (Some(old), Some(new)) if old != new => Change::Changed,
            _ => continue,
        };
        // What is gone concerns those who used it then, what is there those who use it now.
        let outline = if new.is_some() { after } else { before };
        let mut concerns = concerned(path, outline);
        if old.is_some() && new.is_some() {
            concerns.extend(concerned(path, before));
        }
        concerns.sort_by_key(Text::english);
        concerns.dedup();
        let notes = notes(path, before, after);
        all.push(ChangedFile { what, file: path.clone(), notes, concerns });
    }
    all
}

/// What has to do with a file.
fn concerned(path: &str, outline: &Outline) -> Vec<Text> {
    let routes = outline.routes.iter();
    let named = |wanted: &dyn Fn(&RouteOutline) -> Option<Text>| {
        let found = routes.clone().filter_map(|(name, it)| Some((name, wanted(it)?)));
        found.map(|(name, how)| text!("route `{}`, which {}", name, how)).collect()
    };
    if let Some(system) = path.strip_prefix("connectors/").and_then(|it| it.strip_suffix(".yaml")) {
        let of = |it: &str| it.split('.').next() == Some(system);
        return named(&|route| {
            let to = route.to.iter().filter(|it| of(&it.target)).map(|it| it.target.as_str());
            let to: Vec<&str> = to.collect();
            match (of(&route.from), to.as_slice()) {
                (false, []) => None,
                (true, []) => Some(text!("reads `{}`", &route.from)),
                (false, to) => Some(text!("sends to `{}`", &to.join("`, `"))),
                (true, to) => {
                    Some(text!("reads `{}` and sends to `{}`", &route.from, &to.join("`, `")))
                }
            }
        });
    }
    if let Some(table) = path.strip_prefix("tables/").and_then(|it| it.strip_suffix(".csv")) {
        return named(&|it| it.tables.contains(table).then(|| text!("looks into `{}`", table)));
    }
    if path.starts_with("schemas/") {
        return named(&|route| {
            let to = route.to.iter().find(|it| outline.schema_of_target(&it.target) == Some(path));
            match to {
                _ if route.schemas.contains(path) => Some(text!("validates against it")),
                _ if outline.schema_of_source(&route.from) == Some(path) => {
                    Some(text!("reads `{}`, which it describes", &route.from))
                }
                Some(to) => Some(text!("sends to `{}`, which it describes", &to.target)),
                None => None,
            }
        });
    }
    Vec::new()
}

/// What in a file is another thing.
fn notes(path: &str, before: &Outline, after: &Outline) -> Vec<Text> {
    if let Some(name) = path.strip_prefix("connectors/").and_then(|it| it.strip_suffix(".yaml")) {
        let of = |outline: &Outline, sources: bool| -> BTreeSet<String> {
            let system = outline.systems.get(name);
            let names = system.map(|it| if sources { &it.sources } else { &it.targets });
            names.into_iter().flat_map(|it| it.keys().cloned()).collect()
        };
        let mut notes = Vec::new();
        let words = [
            (true, text!("source gone"), text!("source new")),
            (false, text!("target gone"), text!("target new")),
        ];
        for (sources, gone, added) in words {
            let (old, new) = (of(before, sources), of(after, sources));
            notes.extend(listed(gone, old.difference(&new)));
            notes.extend(listed(added, new.difference(&old)));
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
        listed(text!("key gone"), gone),
        listed(text!("row changed"), other.map(|(key, _)| key)),
        listed(text!("key new"), added),
    ];
    notes.into_iter().flatten().collect()
}

/// `word: a, b, c and 4 more`.
fn listed<'a>(word: Text, names: impl Iterator<Item = &'a String>) -> Option<Text> {
    let names: Vec<&String> = names.collect();
    let some: Vec<String> = names.iter().take(NAMED_MAX).map(|it| format!("`{it}`")).collect();
    match names.len() {
        0 => None,
        count if NAMED_MAX < count => {
            Some(text!("{}: {} and {} more", word, &some.join(", "), &(count - NAMED_MAX)))
        }
        _ => Some(text!("{}: {}", word, &some.join(", "))),
    }
}
