//! The names that stand in files: each is that of its file, and stands in no other.

use std::collections::BTreeMap;

use super::check;
use crate::{
    diagnostic::{Code, Located, Report, text},
    message::is_name,
};

/// Of what the names are.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Named {
    System,
    Route,
}

/// The names that stand in the files of one folder.
#[derive(Debug)]
pub(super) struct Names {
    of: Named,
    /// The path of each file, and the name in it.
    all: Vec<(String, Located<String>)>,
}

impl Names {
    pub(super) fn of(of: Named) -> Self {
        Self { of, all: Vec::new() }
    }

    /// Notes the name in a file, unless nothing can have it: that is told with the file.
    pub(super) fn add(&mut self, path: &str, name: &Located<String>) {
        if is_name(&name.value) {
            self.all.push((path.to_owned(), name.clone()));
        }
    }

    pub(super) fn join(&mut self, other: Self) {
        self.all.extend(other.all);
    }

    /// Adds to `report` each name that is not that of its file, or is that of another one.
    pub(super) fn tell(&self, report: &mut Report) {
        // Whose a name is: the file that is called so, or else the first in which it stands.
        let mut owners: BTreeMap<&str, &(String, Located<String>)> = BTreeMap::new();
        for entry in &self.all {
            let (path, name) = entry;
            if is_of_file(path, name) || !owners.contains_key(name.value.as_str()) {
                owners.insert(&name.value, entry);
            }
        }
        for (path, name) in self.all.iter().filter(|(path, name)| !is_of_file(path, name)) {
            report.enter(path);
            match owners.get(name.value.as_str()) {
                Some((owner, place)) if owner != path => {
                    self.twice(path, name, (owner, place.at.line), report);
                }
                _ => self.other_than_file(path, name, report),
            }
        }
    }

    fn twice(
        &self,
        path: &str,
        name: &Located<String>,
        (owner, line): (&str, u32),
        report: &mut Report,
    ) {
        let message = match self.of {
            Named::System => text!("two systems are called `{}`", &name.value),
            Named::Route => text!("two routes are called `{}`", &name.value),
        };
        let found = report.error(name.at, Code::NameTwice, message);
        found.label(text!("the other is in `{}`, line {}", owner, &line));
        let stem = check::stem(path, ".yaml");
        match is_name(stem) {
            true => found.help(text!(
                "write `{}: {}`, which is the name of this file; if it is the same one, remove a file",
                self.key(),
                stem
            )),
            false => found.help("give this file and what is in it a name of its own, or remove it"),
        };
    }

    fn other_than_file(&self, path: &str, name: &Located<String>, report: &mut Report) {
        let stem = check::stem(path, ".yaml");
        let message = match self.of {
            Named::System => text!("the system is called `{}`, its file `{}`", &name.value, stem),
            Named::Route => text!("the route is called `{}`, its file `{}`", &name.value, stem),
        };
        report.error(name.at, Code::BadName, message).help(text!(
            "rename the file to `{}.yaml`, or write `{}: {}`",
            &name.value,
            self.key(),
            stem
        ));
    }

    /// The key under which the name stands.
    fn key(&self) -> &'static str {
        match self.of {
            Named::System => "system",
            Named::Route => "route",
        }
    }
}

fn is_of_file(path: &str, name: &Located<String>) -> bool {
    name.value == check::stem(path, ".yaml")
}
