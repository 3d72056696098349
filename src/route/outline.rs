//! What the files say about who sends to whom, as written: for drawings, and for the question what a
//! change concerns. Needs no variables and no secrets, and reads past mistakes.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use super::{
    check::stem,
    file::{RouteFile, SystemFile},
    fill::Variables,
    load::{Project, ROUTES, SCHEMAS, SYSTEMS, TABLES},
};
use crate::{
    diagnostic::{Diagnostic, Report, decode, parse},
    step::Reference,
};

/// The systems and routes of a project.
#[derive(Debug, Clone, Default)]
pub struct Outline {
    /// By their names.
    pub systems: BTreeMap<String, SystemOutline>,
    /// By their names.
    pub routes: BTreeMap<String, RouteOutline>,
    /// The text of every file, by its path.
    pub texts: BTreeMap<String, String>,
    /// What is wrong with files that could not be read.
    pub wrong: Vec<Diagnostic>,
}

/// A system.
#[derive(Debug, Clone, Default)]
pub struct SystemOutline {
    /// What people call it.
    pub title: String,
    /// The unit that answers for it.
    pub unit: String,
    /// How to reach that unit.
    pub contact: String,
    /// Its sources, and the schema of each.
    pub sources: BTreeMap<String, Option<String>>,
    /// Its targets, and the schema of each.
    pub targets: BTreeMap<String, Option<String>>,
}

/// A route.
#[derive(Debug, Clone, Default)]
pub struct RouteOutline {
    /// What it is for.
    pub summary: String,
    /// The source that it reads: `system.source`.
    pub from: String,
    /// The targets that it sends to, in the order of the file.
    pub to: Vec<TargetOutline>,
    /// The code tables that it looks into.
    pub tables: BTreeSet<String>,
    /// The schemas that it validates against: paths as written.
    pub schemas: BTreeSet<String>,
}

/// A target of a route.
#[derive(Debug, Clone, Default)]
pub struct TargetOutline {
    /// Its name: `system.target`.
    pub target: String,
    /// Whether not every message is sent there.
    pub conditional: bool,
    /// Whether one message may be sent there many times.
    pub each: bool,
}

impl Outline {
    /// Reads the files of a project.
    pub fn read(directory: &Path) -> Self {
        let variables = Variables::default();
        let mut project = Project::new(directory, &variables);
        let mut outline = Self::default();
        for (folder, suffix, deep) in [
            (SYSTEMS, ".yaml", false),
            (ROUTES, ".yaml", false),
            (SCHEMAS, ".json", true),
            (TABLES, ".csv", false),
        ] {
            for path in project.list(folder, suffix, deep) {
                if path.ends_with(".test.yaml") {
                    continue;
                }
                // A table may be larger than other files, and its text is wanted whole.
                let text = match folder {
                    TABLES => project.table(&path).map(|it| String::from_utf8_lossy(&it).into()),
                    _ => project.text(&path).map(|it| it.to_string()),
                };
                let Some(text) = text else { continue };
                let name = stem(&path, ".yaml").to_owned();
                match folder {
                    SYSTEMS => outline.system(name, &text),
                    ROUTES => outline.route(name, &text),
                    _ => {}
                }
                outline.texts.insert(path, text);
            }
        }
        outline.wrong = project.report.into_sorted();
        outline
    }

    fn system(&mut self, name: String, text: &str) {
        let mut ignored = Report::default();
        let Some(node) = parse(text, &mut ignored) else { return };
        let Some(file) = decode::<SystemFile>(&node, &mut ignored) else { return };
        let title = file.name.as_ref().map(|it| it.value.clone()).unwrap_or_default();
        let owner = file.owner.as_ref();
        let mut system = SystemOutline {
            title,
            unit: owner.map(|it| it.unit.value.clone()).unwrap_or_default(),
            contact: owner.map(|it| it.contact.value.clone()).unwrap_or_default(),
            ..SystemOutline::default()
        };
        let path = |it: Option<&crate::diagnostic::Located<String>>| it.map(|it| it.value.clone());
        if let Some(http) = &file.http {
            let sources = http.sources.iter();
            system
                .sources
                .extend(sources.map(|(n, it)| (n.value.clone(), path(it.schema.as_ref()))));
            let targets = http.targets.iter();
            system
                .targets
                .extend(targets.map(|(n, it)| (n.value.clone(), path(it.schema.as_ref()))));
        }
        if let Some(amqp) = &file.amqp {
            let sources = amqp.sources.iter();
            system
                .sources
                .extend(sources.map(|(n, it)| (n.value.clone(), path(it.schema.as_ref()))));
            let targets = amqp.targets.iter();
            system
                .targets
                .extend(targets.map(|(n, it)| (n.value.clone(), path(it.schema.as_ref()))));
        }
        if let Some(files) = &file.files {
            let targets = files.targets.iter();
            system
                .targets
                .extend(targets.map(|(n, it)| (n.value.clone(), path(it.schema.as_ref()))));
        }
        self.systems.insert(name, system);
    }

    fn route(&mut self, name: String, text: &str) {
        let mut ignored = Report::default();
        let Some(node) = parse(text, &mut ignored) else { return };
        let Some(file) = decode::<RouteFile>(&node, &mut ignored) else { return };
        let mut route = RouteOutline {
            summary: file.summary.as_ref().map(|it| it.value.clone()).unwrap_or_default(),
            from: file.from.value.clone(),
            tables: looked_up(text),
            ..RouteOutline::default()
        };
        for step in &file.steps {
            match step.value.refers_to() {
                Some(Reference::Table(table)) => route.tables.insert(table.value.clone()),
                Some(Reference::Schema(path)) => route.schemas.insert(path.value.clone()),
                None => false,
            };
        }
        let to = file.to.value.iter().map(|it| TargetOutline {
            target: it.target.value.clone(),
            conditional: it.when.is_some(),
            each: it.each.is_some(),
        });
        route.to.extend(to);
        self.routes.insert(name, route);
    }

    /// The schema of a source, by its full name.
    pub fn schema_of_source(&self, endpoint: &str) -> Option<&str> {
        let (system, name) = endpoint.split_once('.')?;
        self.systems.get(system)?.sources.get(name)?.as_deref()
    }

    /// The schema of a target, by its full name.
    pub fn schema_of_target(&self, endpoint: &str) -> Option<&str> {
        let (system, name) = endpoint.split_once('.')?;
        self.systems.get(system)?.targets.get(name)?.as_deref()
    }
}

/// The tables that expressions look into: `lookup('wilayah', …)` names one as a literal text.
fn looked_up(text: &str) -> BTreeSet<String> {
    let calls = text.match_indices("lookup(");
    let names = calls.filter_map(|(at, call)| {
        let rest = text.get(at + call.len()..)?.trim_start();
        let rest = rest.strip_prefix(['\'', '"'])?;
        rest.split(['\'', '"']).next()
    });
    names.map(str::to_owned).collect()
}
