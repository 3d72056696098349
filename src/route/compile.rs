//! All files of a project into one [`Plan`].

use std::{collections::BTreeMap, sync::Arc};

use super::{
    check::{self, Schemas},
    file::RouteFile,
    flow::{self, Places},
    kept,
    load::{Broken, Project, ROUTES, SCHEMAS, TABLES, Texts},
    names::{Named, Names},
    pieces::in_pieces,
    plan::{Plan, RetryPolicy, Route},
    routes::{self, World},
    systems::{Outside, Systems},
    typed::{self, Notes},
    unused::unused,
};
use crate::{
    diagnostic::{Code, Diagnostic, Span, decode, text},
    message::{Digest, Endpoint},
    step::{Context, Schema},
    table::Table,
};

/// What `simpul.yaml` says that files depend on.
#[derive(Debug, Clone, Default)]
pub struct Given {
    /// Retry policies by name; `standard` is the one where none is named.
    pub retry: BTreeMap<String, RetryPolicy>,
    /// Whether there is a key for the function `hash`.
    pub hash_key: bool,
    /// Whether there is a key that bodies are sealed under.
    pub body_keys: bool,
}

/// The files of a project, compiled.
pub struct Loaded {
    /// What runs.
    pub plan: Plan,
    /// What the authors should know although the files can be used: warnings and notes.
    pub found: Vec<Diagnostic>,
    /// The files, for showing what was found.
    pub texts: Texts,
}

/// Reads and compiles the files of a project.
///
/// # Errors
///
/// Everything that is wrong in any of them; nothing is half loaded.
pub fn load(mut project: Project<'_>, given: &Given) -> Result<Loaded, Broken> {
    let plan = compile(&mut project, given);
    let (plan, found, texts) = project.finish(plan)?;
    Ok(Loaded { plan, found, texts })
}

fn compile(project: &mut Project<'_>, given: &Given) -> Option<Plan> {
    if !project.exists() {
        project.report.enter("");
        let message = text!("the directory of the project is not there");
        let found = project.report.error(Span::default(), Code::File, message);
        found.help("name it with `--project DIR`");
        return None;
    }
    let mut outside = Files::default();
    outside.read_schemas(project);
    outside.read_tables(project);
    let Files { schemas, tables, broken_tables, digests, kept } = outside;

    let refers = Outside {
        schemas: &schemas,
        retry: &given.retry,
        hash_key: given.hash_key,
        body_keys: given.body_keys,
        directory: project.directory(),
    };
    let systems = Systems::read(project, &refers);
    let context = Context { tables: &tables, schemas: &schemas.compiled };
    let world = World {
        context,
        systems: &systems,
        outside: refers,
        digests: &digests,
        broken_tables: &broken_tables,
    };
    let mut plan = Plan::default();
    let mut paths = project.list(ROUTES, ".yaml", false);
    paths.retain(|it| !it.ends_with(".test.yaml"));
    let read = in_pieces(&paths, |paths| {
        let mut aside = Aside::default();
        let mut part = project.part();
        let routes = paths.iter().filter_map(|path| route(path, &world, &mut part, &mut aside));
        let routes: Vec<_> = routes.collect();
        (part, routes, aside)
    });
    let mut places = Places::new();
    let Aside { mut notes, mut names } = Aside::default();
    for (part, routes, aside) in read {
        project.join(part);
        notes.join(aside.notes);
        names.join(aside.names);
        for (route, targets) in routes {
            places.insert(route.name.to_string(), targets);
            plan.routes.insert(Arc::clone(&route.name), route);
        }
    }
    names.tell(&mut project.report);
    notes.tell(&systems, &mut project.report);
    plan.digest = Some(whole(project, &systems, &digests, given));
    plan.files = kept::all(project, kept);
    plan.sources = systems.sources;
    plan.targets = systems.targets;
    if !project.report.has_errors() {
        unused(&plan, &systems.declared, &mut project.report);
        flow::circles(&plan, &systems.flow, &places, &mut project.report);
    }
    Some(plan)
}

/// A route, and where each of its targets stands in its file.
type Placed = (Arc<Route>, Vec<(Endpoint, Span)>);

/// What is told of route files once all of them are read.
struct Aside {
    notes: Notes,
    names: Names,
}

impl Default for Aside {
    fn default() -> Self {
        Self { notes: Notes::default(), names: Names::of(Named::Route) }
    }
}

/// Reads and compiles one route file.
fn route(
    path: &str,
    world: &World<'_>,
    project: &mut Project<'_>,
    aside: &mut Aside,
) -> Option<Placed> {
    let node = project.unfilled(path)?;
    let file = decode::<RouteFile>(&node, &mut project.report)?;
    aside.names.add(path, &file.route);
    let text = project.text_of(path);
    let stem = check::stem(path, ".yaml");
    let before = project.report.errors();
    let route = routes::compile(&file, (stem, &text), world, &mut project.report)?;
    if before == project.report.errors() {
        typed::check(&file, &route, world, &mut project.report, &mut aside.notes);
    }
    let places = file.to.value.iter().zip(&route.to);
    let places = places.map(|(spec, it)| (it.target.clone(), spec.target.at)).collect();
    Some((Arc::new(route), places))
}

/// Changes when anything does: a file, a table, a secret, a policy.
fn whole(
    project: &Project<'_>,
    systems: &Systems,
    digests: &BTreeMap<String, Digest>,
    given: &Given,
) -> Digest {
    let given = format!("{given:?}");
    let mut parts: Vec<&[u8]> = vec![given.as_bytes()];
    for (path, text) in project.texts() {
        parts.extend([path.as_bytes(), text.as_bytes()]);
    }
    parts.extend(systems.texts.iter().map(String::as_bytes));
    for (path, digest) in digests {
        parts.extend([path.as_bytes(), &digest.0]);
    }
    Digest::of(&parts)
}

/// The files that others refer to.
struct Files {
    schemas: Schemas,
    tables: BTreeMap<String, Arc<Table>>,
    broken_tables: Vec<String>,
    digests: BTreeMap<String, Digest>,
    kept: kept::Tables,
}

impl Default for Files {
    fn default() -> Self {
        Self {
            schemas: Schemas { compiled: BTreeMap::new(), broken: Vec::new() },
            tables: BTreeMap::new(),
            broken_tables: Vec::new(),
            digests: BTreeMap::new(),
            kept: kept::Tables::new(),
        }
    }
}

impl Files {
    fn read_schemas(&mut self, project: &mut Project<'_>) {
        for path in project.list(SCHEMAS, ".json", true) {
            let text = project.text(&path);
            let compiled = text.as_ref().and_then(|it| Schema::compile(it, &mut project.report));
            match (text, compiled) {
                (Some(text), Some(schema)) => {
                    self.digests.insert(path.clone(), Digest::of(&[text.as_bytes()]));
                    self.schemas.compiled.insert(path, Arc::new(schema));
                }
                _ => self.schemas.broken.push(path),
            }
        }
    }

    fn read_tables(&mut self, project: &mut Project<'_>) {
        for path in project.list(TABLES, ".csv", false) {
            let name = check::stem(&path, ".csv").to_owned();
            let Some(bytes) = project.table(&path) else {
                self.broken_tables.push(name);
                continue;
            };
            let before = project.report.errors();
            let table = match check::table_name(&name, &mut project.report) {
                true => Table::read(&bytes, &mut project.report),
                false => None,
            };
            match table {
                Some(table) if project.report.errors() == before => {
                    self.kept.insert(path.clone(), kept::table(&path, &bytes));
                    self.digests.insert(path, Digest::of(&[&bytes]));
                    self.tables.insert(name, Arc::new(table));
                }
                _ => {
                    project.keep(&path, &bytes);
                    self.broken_tables.push(name);
                }
            }
        }
    }
}
