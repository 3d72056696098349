//! System files into the sources and targets of a plan.

use std::{collections::BTreeMap, path::Path, sync::Arc};

use super::{
    check::{self, Declared, Endpoints, Schemas},
    file::SystemFile,
    flow::Flow,
    load::{Project, SYSTEMS},
    names::{Named, Names},
    pieces::in_pieces,
    plan::{OpenPlanTarget, PlanSource, RetryPolicy},
    retry,
};
use crate::{
    connector::{Classification, OpenSource, OpenTarget},
    diagnostic::{Code, Located, Node, NodeKind, Report, Text, decode, text},
    message::Endpoint,
};

/// Protocols that the design has and this version has not.
const LATER: [&str; 2] = ["postgres", "schedule"];

/// What all system files make together.
#[derive(Default)]
pub(super) struct Systems {
    pub(super) sources: BTreeMap<Endpoint, PlanSource>,
    pub(super) targets: BTreeMap<Endpoint, Arc<OpenPlanTarget>>,
    /// How deliveries to each system's targets are tried again.
    pub(super) retry: BTreeMap<Arc<str>, RetryPolicy>,
    pub(super) declared: Declared,
    /// Where targets lead and sources read.
    pub(super) flow: Flow,
    /// The class of data of each source and target, where one is said.
    pub(super) classes: BTreeMap<Endpoint, Classification>,
    /// Everything that was filled in, for the digest of the whole.
    pub(super) texts: Vec<String>,
}

/// What stands outside system files and they refer to.
pub(super) struct Outside<'a> {
    pub(super) schemas: &'a Schemas,
    pub(super) retry: &'a BTreeMap<String, RetryPolicy>,
    /// Whether there is a key for `hash`.
    pub(super) hash_key: bool,
    /// Whether there is a key that bodies are sealed under.
    pub(super) body_keys: bool,
    /// The directory of the project.
    pub(super) directory: &'a Path,
}

/// One system file, read on its own.
struct Read {
    file: Option<SystemFile>,
    /// Everything that stands in it.
    texts: Option<String>,
    /// Whether nothing is wrong with it so far.
    is_whole: bool,
}

impl Read {
    fn of(path: &str, project: &mut Project<'_>) -> Self {
        let before = project.report.errors();
        let mut node = project.filled(path);
        if let Some(node) = &mut node {
            not_yet(node, &mut project.report);
        }
        let file = node.as_ref().and_then(|it| decode::<SystemFile>(it, &mut project.report));
        let texts = node.map(|node| {
            let mut all = String::new();
            texts(&node, &mut all);
            all
        });
        Self { file, texts, is_whole: before == project.report.errors() }
    }
}

impl Systems {
    /// Reads all system files of a project.
    pub(super) fn read(project: &mut Project<'_>, outside: &Outside<'_>) -> Self {
        let paths = project.list(SYSTEMS, ".yaml", false);
        let read = in_pieces(&paths, |paths| {
            let mut part = project.part();
            let read: Vec<_> = paths.iter().map(|path| Read::of(path, &mut part)).collect();
            (part, read)
        });
        let mut systems = Self::default();
        let mut names = Names::of(Named::System);
        let mut all = Vec::new();
        for (part, read) in read {
            project.join(part);
            all.extend(read);
        }
        for (path, Read { file, texts, is_whole }) in paths.iter().zip(all) {
            let stem = check::stem(path, ".yaml");
            systems.texts.extend(texts);
            if !is_whole {
                systems.declared.unread.push(stem.to_owned());
            }
            if let Some(file) = file {
                names.add(path, &file.system);
                project.report.enter(path);
                systems.add(&file, stem, outside, &mut project.report);
            }
        }
        names.tell(&mut project.report);
        systems
    }

    pub(super) fn add(
        &mut self,
        file: &SystemFile,
        stem: &str,
        outside: &Outside<'_>,
        report: &mut Report,
    ) {
        check::name(&file.system, text!("system"), report);
        metadata(file, report);
        let policy = retry::policy(
            file.retry.as_ref(),
            outside.retry.get("standard").copied().unwrap_or(RetryPolicy::STANDARD),
            outside.retry,
            report,
        );
        self.retry.insert(stem.into(), policy);
        if file.http.is_none() && file.amqp.is_none() && file.files.is_none() {
            report
                .error(file.system.at, Code::Missing, "a system that speaks no protocol")
                .help("write `http:`, `amqp:` or `files:`");
        }
        self.flow.add(stem, file);
        self.classify(file, stem, report);
        // Under the name of the file: what a wrong name inside breaks was reported.
        let name = Located { value: stem.to_owned(), at: file.system.at };
        if let Some(http) = &file.http {
            let sources = http.sources.iter().map(|(it, _)| it);
            let targets = http.targets.iter().map(|(it, _)| it);
            self.declare(&name.value, sources, targets, report);
            self.open(http.compile(&name.value, report), outside, report);
        }
        if let Some(amqp) = &file.amqp {
            let sources = amqp.sources.iter().map(|(it, _)| it);
            let targets = amqp.targets.iter().map(|(it, _)| it);
            self.declare(&name.value, sources, targets, report);
            self.open(amqp.compile(&name.value, report), outside, report);
        }
        if let Some(files) = &file.files {
            let targets = files.targets.iter().map(|(it, _)| it);
            self.declare(&name.value, [].into_iter(), targets, report);
            self.open(files.compile(&name.value, outside.directory, report), outside, report);
        }
    }

    /// Notes the class of each source and target: its own, or that of the system.
    fn classify(&mut self, file: &SystemFile, system: &str, report: &mut Report) {
        let mut all: Vec<(&Located<String>, Option<&Located<Classification>>)> = Vec::new();
        if let Some(http) = &file.http {
            all.extend(http.sources.iter().map(|(name, it)| (name, it.classification.as_ref())));
            all.extend(http.targets.iter().map(|(name, it)| (name, it.classification.as_ref())));
        }
        if let Some(amqp) = &file.amqp {
            all.extend(amqp.sources.iter().map(|(name, it)| (name, it.classification.as_ref())));
            all.extend(amqp.targets.iter().map(|(name, it)| (name, it.classification.as_ref())));
        }
        if let Some(files) = &file.files {
            all.extend(files.targets.iter().map(|(name, it)| (name, it.classification.as_ref())));
        }
        for (name, own) in all {
            if let (Some(own), Some(most)) = (own, file.classification)
                && most < own.value
            {
                let message = text!("`{}` is above its system's `{}`", &own.value, &most);
                let found = report.error(own.at, Code::Classified, message);
                found.label("a system holds what goes through it");
                found.help(text!("write `classification: {}` for the system", &own.value));
            }
            let class = own.map(|it| it.value).or(file.classification);
            let endpoint = Endpoint::parse(&format!("{system}.{}", name.value));
            self.classes.extend(endpoint.zip(class));
        }
    }

    /// Notes what the file names, also what turns out wrong: references to it are right.
    fn declare<'a>(
        &mut self,
        system: &str,
        sources: impl Iterator<Item = &'a Located<String>>,
        targets: impl Iterator<Item = &'a Located<String>>,
        report: &mut Report,
    ) {
        let Declared { sources: known_sources, targets: known_targets, places, .. } =
            &mut self.declared;
        let mut add = |name: &Located<String>, known: &mut Endpoints| {
            let Some(endpoint) = Endpoint::parse(&format!("{system}.{}", name.value)) else {
                return;
            };
            places.insert(endpoint.clone(), name.at);
            if !known.push(endpoint.clone()) {
                let message = text!("`{}` is declared twice", &endpoint);
                report.error(name.at, Code::Duplicate, message).help("name one of them otherwise");
            }
        };
        sources.for_each(|it| add(it, known_sources));
        targets.for_each(|it| add(it, known_targets));
    }

    fn open(
        &mut self,
        (targets, sources): (Vec<OpenTarget>, Vec<OpenSource>),
        outside: &Outside<'_>,
        report: &mut Report,
    ) {
        for open in targets {
            let schema = open.schema.as_ref().and_then(|it| outside.schemas.get(it, report));
            let endpoint = open.endpoint.clone();
            if !outside.hash_key && open.parameters.iter().any(|it| it.template.uses_hash()) {
                let at = self.declared.places.get(&endpoint).copied().unwrap_or_default();
                let message = text!("`{}` uses `hash`, which has no key", &endpoint);
                report.error(at, Code::OutOfPlace, message).help(hash_help());
            }
            self.targets.insert(endpoint, Arc::new(OpenPlanTarget { open, schema }));
        }
        for source in sources {
            let schema = source.schema.as_ref().and_then(|it| outside.schemas.get(it, report));
            let source = Arc::new(source);
            self.sources.insert(source.endpoint.clone(), PlanSource { source, schema });
        }
    }
}

/// What to do where `hash` is used without a key.
pub(super) fn hash_help() -> Text {
    text!("write `hash_key: ${env:HASH_KEY}` into simpul.yaml; `openssl rand -hex 16` makes one")
}

/// What the files should say although nothing hangs on it.
fn metadata(file: &SystemFile, report: &mut Report) {
    let mut missing = |is: bool, key: &str, why: Text| {
        if is {
            let found = report.warn(file.system.at, Code::Missing, text!("`{}` is missing", key));
            found.label(why).help(text!("write `{}:` and its value into this file", key));
        }
    };
    missing(file.name.is_none(), "name", text!("operators see its short name alone"));
    missing(file.owner.is_none(), "owner", text!("nobody knows whom to ask about this system"));
    missing(
        file.classification.is_none(),
        "classification",
        text!("nobody knows what data the system may hold"),
    );
}

/// Takes the protocols that are not in this version out of a system file, and says so.
fn not_yet(node: &mut Node, report: &mut Report) {
    let NodeKind::Map(entries) = &mut node.kind else { return };
    entries.retain(|(key, _)| {
        let later = LATER.contains(&key.value.as_str());
        if later {
            let message = text!("this version of simpul does not speak `{}`", &key.value);
            let found = report.error(key.at, Code::NotInThisVersion, message);
            found.help("use `http:`, `amqp:` or `files:`, or a version that does");
        }
        !later
    });
}

/// Adds all texts of a tree to `all`, each with an end of its own.
fn texts(node: &Node, all: &mut String) {
    match &node.kind {
        NodeKind::Scalar(scalar) => {
            all.push_str(&scalar.text);
            all.push('\0');
        }
        NodeKind::List(items) => items.iter().for_each(|it| texts(it, all)),
        NodeKind::Map(entries) => {
            for (key, it) in entries {
                all.push_str(&key.value);
                all.push('\0');
                texts(it, all);
            }
        }
    }
}
