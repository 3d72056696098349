//! `/api/v1/needs`, `/systems`, `/files`, `/counts`: the bus as it runs, as the pages of the console show it.

use axum::{
    extract::{Path, State},
    http::{HeaderMap, StatusCode, Uri},
    response::Response,
};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::{
    Desk, Ops,
    api::language,
    console::needs,
    query,
    wire::{self, Problem},
};
use crate::{
    ledger::FileSet,
    metrics::Stretch,
    route::{Directory, EndEntry, SystemEntry},
};

/// What needs somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NeedsView {
    /// What needs somebody most comes first.
    pub needs: Vec<NeedView>,
}

/// Something that needs somebody, in the language of `Accept-Language`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct NeedView {
    /// `bad`, `warn`, `note`.
    pub level: String,
    /// What is wrong.
    pub what: String,
    /// What it means, and what to do first.
    pub todo: String,
    /// The page of the console, or a call, on which to go on.
    pub link: String,
}

/// `GET /needs`
pub(super) async fn show_needs(
    State(ops): State<Ops>,
    desk: Desk,
    headers: HeaderMap,
) -> Result<Response, Problem> {
    let needs = needs(&desk, ops.clock.now(), language(&headers)).await?;
    Ok(wire::ok(&NeedsView { needs }))
}

/// The directory of systems.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SystemsView {
    /// By name.
    pub systems: Vec<SystemView>,
}

/// A system.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct SystemView {
    /// Its name in files.
    pub system: String,
    /// What people call it; may be empty.
    pub title: String,
    /// The unit that answers for it; may be empty.
    pub unit: String,
    /// How to reach that unit; may be empty.
    pub contact: String,
    /// The highest class of data that it may hold, where a file says so.
    pub classification: Option<String>,
    /// What it sends.
    pub sources: Vec<EndView>,
    /// What it takes.
    pub targets: Vec<EndView>,
}

/// A source or a target.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct EndView {
    /// `system.name`.
    pub name: String,
    /// The path of its schema, where it has one.
    pub schema: Option<String>,
    /// The highest class of data that goes through it.
    pub classification: Option<String>,
    /// The routes that read it, or send to it.
    pub routes: Vec<String>,
    /// The fields that are about people (`x-data-pribadi`).
    pub personal: Vec<String>,
}

/// `GET /systems`
pub(super) async fn show_systems(desk: Desk) -> Result<Response, Problem> {
    let directory = desk.directory().await?;
    let systems = directory.systems.iter().filter(|(name, _)| desk.sees_any_of(&directory, name));
    let systems = systems.map(|(name, it)| system(&desk, &directory, name, it)).collect();
    Ok(wire::ok(&SystemsView { systems }))
}

fn system(desk: &Desk, directory: &Directory, name: &str, it: &SystemEntry) -> SystemView {
    let end = |short: &str, end: &EndEntry, sends: bool| {
        let name = format!("{name}.{short}");
        let routes = directory.routes.iter().filter(|(route, it)| {
            let joined = match sends {
                true => it.from == name,
                false => it.to.iter().any(|to| to.target == name),
            };
            joined && desk.sees_route(route)
        });
        let routes = routes.map(|(route, _)| route.clone()).collect();
        let fields = directory.fields(end).into_iter().flat_map(|it| &it.fields);
        let personal = fields.filter(|it| it.is_personal).map(|it| it.path.clone()).collect();
        let classification = end.classification.map(|it| it.to_string());
        EndView { name, schema: end.schema.clone(), classification, routes, personal }
    };
    SystemView {
        system: name.to_owned(),
        title: it.title.clone(),
        unit: it.unit.clone(),
        contact: it.contact.clone(),
        classification: it.classification.map(|it| it.to_string()),
        sources: it.sources.iter().map(|(name, it)| end(name, it, true)).collect(),
        targets: it.targets.iter().map(|(name, it)| end(name, it, false)).collect(),
    }
}

/// The sets of files that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileSetsView {
    /// The newest first.
    pub sets: Vec<FileSetView>,
}

/// A set of files that ran.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileSetView {
    /// The first generation that had these files: by it the set is asked for.
    pub first: i64,
    /// The last one.
    pub last: i64,
    /// When the first of them was started.
    pub at: String,
}

impl FileSetView {
    fn of(set: &FileSet) -> Self {
        Self { first: set.number, last: set.last, at: set.at.to_string() }
    }
}

/// `GET /files`
pub(super) async fn show_sets(desk: Desk) -> Result<Response, Problem> {
    let sets = desk.file_sets().await?.iter().map(FileSetView::of).collect();
    Ok(wire::ok(&FileSetsView { sets }))
}

/// The files of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FilesView {
    /// By path.
    pub files: Vec<FileView>,
}

/// A file of a set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct FileView {
    /// Its path, as from the project.
    pub path: String,
    /// Changes when its text does.
    pub digest: String,
    /// How large it is.
    pub bytes: u64,
    /// Its text, where it was asked for with `path`, and is kept.
    pub text: Option<String>,
}

/// `GET /files/{set}?path=…`
pub(super) async fn show_files(
    desk: Desk,
    Path(set): Path<String>,
    uri: Uri,
) -> Result<Response, Problem> {
    let mut wanted = None;
    for (name, value) in query::pairs(&uri)? {
        match name.as_str() {
            "path" => wanted = Some(value),
            _ => return Err(query::unknown(&name, "path")),
        }
    }
    let set = set.parse().map_err(|_| query::wrong("set"))?;
    let mut files = Vec::new();
    for file in desk.files_of(set).await? {
        let text = match &wanted {
            Some(path) if *path == file.path => desk.file_text(file.digest).await?,
            Some(_) => continue,
            None => None,
        };
        let (digest, text) = (file.digest.to_string(), text.map(|it| it.to_string()));
        files.push(FileView { path: file.path, digest, bytes: file.bytes, text });
    }
    if files.is_empty() {
        let title = "there is no such set, or no such file in it";
        return Err(Problem::new(StatusCode::NOT_FOUND, "not_found", title));
    }
    Ok(wire::ok(&FilesView { files }))
}

/// What was counted in each piece of a stretch, the oldest first; the last one is under way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct CountsView {
    /// How long a piece is.
    pub piece_seconds: u64,
    /// When the last reading was taken; nothing before the first.
    pub until: Option<String>,
    /// Messages accepted.
    pub received: Vec<u64>,
    /// Deliveries that targets took.
    pub delivered: Vec<u64>,
    /// Attempts that failed.
    pub failed: Vec<u64>,
    /// Messages and deliveries given up.
    pub dead: Vec<u64>,
    /// Entries that stood in queues at most.
    pub waiting: Vec<u64>,
}

/// `GET /counts?stretch=hour&route=…`
pub(super) async fn show_counts(desk: Desk, uri: Uri) -> Result<Response, Problem> {
    let (mut stretch, mut wanted) = (Stretch::Hour, None);
    for (name, value) in query::pairs(&uri)? {
        match (name.as_str(), value.as_str()) {
            ("stretch", "hour") => stretch = Stretch::Hour,
            ("stretch", "day") => stretch = Stretch::Day,
            ("stretch", _) => return Err(query::wrong("stretch")),
            ("route", _) => wanted = Some(value),
            _ => return Err(query::unknown(&name, "stretch, route")),
        }
    }
    let history = desk.history().unwrap_or_default();
    let shows =
        |route: &str| wanted.as_deref().is_none_or(|it| it == route) && desk.sees_route(route);
    let chart = history.chart(stretch, shows);
    Ok(wire::ok(&CountsView {
        piece_seconds: stretch.piece().as_secs(),
        until: history.until().map(|it| crate::message::Timestamp::from_millis(it).to_string()),
        received: chart.received,
        delivered: chart.delivered,
        failed: chart.failed,
        dead: chart.dead,
        waiting: chart.waiting,
    }))
}
