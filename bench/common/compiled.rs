//! A compiled route and its pure part: what the engine's worker does with a body, without what it
//! writes down.

use std::{fs, path::Path, sync::Arc};

use simpul::{
    expr::{Budget, Meta, Scope},
    message::{Arena, Headers, IdSource, JsonWriter, Limits, MessageId, Timestamp, Value, parse},
    route::{self, Destination, Given, Project, Route, Variables},
    step::Flow,
};

/// A system that hands messages over, and one that takes them at any number of targets.
pub(crate) struct Compiled {
    route: Arc<Route>,
    headers: Headers,
    id: MessageId,
}

impl Compiled {
    /// Compiles a route with its source (`system.name`) and its targets, all of them over HTTP.
    pub(crate) fn new(route: &str, source: &str, targets: &[&str]) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let name = route.lines().find_map(|it| it.strip_prefix("route: ")).unwrap();
        write(folder.path(), &format!("routes/{name}.yaml"), route);
        let key = "0".repeat(64);
        let (system, name) = source.split_once('.').unwrap();
        let text = format!(
            "system: {system}\nhttp:\n  sources:\n    {name}: {{ api_keys: {{ a: \"sha256:{key}\" }} }}\n"
        );
        write(folder.path(), &format!("connectors/{system}.yaml"), &text);
        for target in targets {
            let (system, name) = target.split_once('.').unwrap();
            let text = format!(
                "system: {system}\nhttp:\n  url: http://127.0.0.1:9\n  targets:\n    {name}: {{ post: / }}\n"
            );
            write(folder.path(), &format!("connectors/{system}.yaml"), &text);
        }
        let variables = Variables::from_iter([]);
        let loaded = route::load(Project::new(folder.path(), &variables), &Given::default());
        let plan = loaded.unwrap_or_else(|broken| panic!("{broken}")).plan;
        let route = plan.routes.into_values().next().unwrap();
        let id = IdSource::default().next(Timestamp::from_millis(0));
        Self { route, headers: Headers::default(), id }
    }

    /// The bodies that go out, one for each delivery.
    pub(crate) fn run(&self, arena: &mut Arena, document: &[u8]) -> Vec<Vec<u8>> {
        arena.reset();
        let body = parse(arena, document, &Limits::default()).unwrap();
        let received_at = Timestamp::from_millis(0);
        let meta = Meta { id: self.id, received_at, headers: &self.headers, hash_key: None };
        let budget = Budget::new(Budget::STEPS_MAX);
        let mut scope = Scope { arena, body, item: None, meta: &meta, budget: &budget };
        for named in &self.route.steps {
            match named.step.apply(&scope).unwrap_or_else(|it| panic!("{it}")) {
                Flow::Next(body) => scope.body = body,
                Flow::Split(_) | Flow::Filtered => return Vec::new(),
            }
        }
        let mut out = Vec::new();
        for destination in &self.route.to {
            deliver(destination, &scope, &mut out);
        }
        out
    }
}

fn deliver(destination: &Destination, scope: &Scope<'_>, out: &mut Vec<Vec<u8>>) {
    if let Some(when) = &destination.when
        && when.holds(scope).unwrap() != Some(true)
    {
        return;
    }
    let mut one = |scope: &Scope<'_>| {
        let body = match &destination.map {
            Some(map) => map.apply(scope).unwrap(),
            None => scope.item.or(Some(scope.body)),
        };
        out.push(JsonWriter::to_vec(body.unwrap()));
    };
    match destination.each.as_ref().map(|it| it.eval(scope).unwrap()) {
        None => one(scope),
        Some(Some(Value::Array(items))) => {
            items.iter().for_each(|item| one(&Scope { item: Some(*item), ..*scope }));
        }
        Some(_) => {}
    }
}

fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    fs::create_dir_all(path.parent().unwrap()).unwrap();
    fs::write(path, text).unwrap();
}
