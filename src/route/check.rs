//! What can be wrong between files: names, and what they refer to.

use std::{
    collections::{BTreeMap, HashSet},
    sync::Arc,
};

use crate::{
    diagnostic::{Code, Located, Report, Span, Text, nearest, text},
    message::{Endpoint, is_name},
    step::Schema,
};

/// The name that a file has in a folder: `routes/x.yaml` is `x`.
pub(super) fn stem<'a>(path: &'a str, suffix: &str) -> &'a str {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.strip_suffix(suffix).unwrap_or(name)
}

/// Adds to `report` that something cannot have the name that stands in its file. `what` is the word
/// for it.
pub(super) fn name(inside: &Located<String>, what: Text, report: &mut Report) {
    if !is_name(&inside.value) {
        report
            .error(inside.at, Code::BadName, text!("`{}` cannot name a {}", &inside.value, what))
            .help("begin with a letter a-z; go on with a-z, 0-9 and `-`, up to 63 in all");
    }
}

/// Whether a code table may be called what its file is called.
pub(super) fn table_name(stem: &str, report: &mut Report) -> bool {
    let valid = is_name(stem);
    if !valid {
        let message = text!("`{}` cannot name a code table", stem);
        let help = text!("rename the file: begin with a letter a-z; go on with a-z, 0-9 and `-`");
        report.error(Span::default(), Code::BadName, message).help(help);
    }
    valid
}

/// The schemas of a project, by their paths as files write them.
pub(super) struct Schemas {
    /// Those that are right.
    pub(super) compiled: BTreeMap<String, Arc<Schema>>,
    /// Those that are there and wrong; what refers to them is not at fault.
    pub(super) broken: Vec<String>,
}

impl Schemas {
    /// The schema that a file refers to; adds to `report` what is wrong with the reference.
    pub(super) fn get(&self, path: &Located<String>, report: &mut Report) -> Option<Arc<Schema>> {
        if let Some(schema) = self.compiled.get(&path.value) {
            return Some(Arc::clone(schema));
        }
        if self.broken.contains(&path.value) || leads_out(path, report) {
            return None;
        }
        let found = report.error(path.at, Code::UnknownName, text!("no schema `{}`", &path.value));
        found.label("no such file under `schemas/`");
        match nearest(&path.value, self.compiled.keys().map(String::as_str)) {
            Some(near) => found.help(text!("did you mean `{}`?", near)),
            None => found.help("write the path as from the project: `schemas/x.schema.json`"),
        };
        None
    }
}

/// Whether a path leads out of the project; adds to `report` that it does.
fn leads_out(path: &Located<String>, report: &mut Report) -> bool {
    let out = path.value.starts_with(['/', '\\'])
        || path.value.split(['/', '\\']).any(|it| it == "..")
        || path.value.contains("://");
    if out {
        let message = text!("a path that leads out of the project");
        let found = report.error(path.at, Code::File, message);
        found.help("copy the schema into `schemas/`, and write `schemas/x.schema.json`");
    }
    out
}

/// The sources or targets that system files declare, also in files that are wrong otherwise.
#[derive(Default)]
pub(super) struct Declared {
    pub(super) sources: Endpoints,
    pub(super) targets: Endpoints,
    /// Where each stands in its file.
    pub(super) places: BTreeMap<Endpoint, Span>,
    /// Systems whose files could not be read whole: what they have is not known.
    pub(super) unread: Vec<String>,
}

/// Endpoints in the order in which they are declared, found at once among thousands.
#[derive(Default)]
pub(super) struct Endpoints {
    ordered: Vec<Endpoint>,
    known: HashSet<Endpoint>,
}

impl Endpoints {
    /// Adds one; false if it was there before.
    pub(super) fn push(&mut self, endpoint: Endpoint) -> bool {
        self.ordered.push(endpoint.clone());
        self.known.insert(endpoint)
    }
}

/// Which of both an endpoint is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    Source,
    Target,
}

/// Names that a help lists.
const NAMED_MAX: usize = 5;

impl Declared {
    fn of(&self, role: Role) -> (Text, &Endpoints, &Endpoints) {
        match role {
            Role::Source => (text!("source"), &self.sources, &self.targets),
            Role::Target => (text!("target"), &self.targets, &self.sources),
        }
    }

    /// The endpoint that a route refers to; adds to `report` what is wrong with the reference.
    pub(super) fn find(
        &self,
        text: &Located<String>,
        role: Role,
        report: &mut Report,
    ) -> Option<Endpoint> {
        let (what, known, others) = self.of(role);
        let wrong = &text.value;
        let Some(endpoint) = Endpoint::parse(wrong) else {
            let found = report.error(
                text.at,
                Code::BadName,
                text!("`{}` is not the name of a {}", wrong, what.clone()),
            );
            found.help(text!("write the system, a dot, and the {}: `e-sppd.status`", what));
            return None;
        };
        if known.known.contains(&endpoint) {
            return Some(endpoint);
        }
        if self.unread.iter().any(|it| **it == *endpoint.system) {
            return None;
        }
        let found =
            report.error(text.at, Code::UnknownName, text!("no {} `{}`", what.clone(), wrong));
        let known = &known.ordered;
        let names: Vec<String> = known.iter().map(ToString::to_string).collect();
        if others.known.contains(&endpoint) {
            let other = match role {
                Role::Source => text!("this is a target"),
                Role::Target => text!("this is a source"),
            };
            let some: Vec<_> = names.iter().take(NAMED_MAX).map(String::as_str).collect();
            found.label(other);
            found.help(text!("write a {}: `{}`", what, &some.join("`, `")));
            return None;
        }
        let siblings: Vec<&str> =
            known.iter().filter(|it| it.system == endpoint.system).map(|it| &*it.name).collect();
        match nearest(wrong, names.iter().map(String::as_str)) {
            Some(near) => found.help(text!("did you mean `{}`?", near)),
            None if siblings.is_empty() => {
                found.help(text!("declare it in `connectors/{}.yaml`", &endpoint.system))
            }
            None => found.help(text!(
                "the names that `{}` has for a {} are `{}`",
                &endpoint.system,
                what,
                &siblings.join("`, `")
            )),
        };
        None
    }
}
