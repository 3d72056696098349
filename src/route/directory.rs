//! The directory of systems and routes, for whoever asks which system gets whose data: out of the
//! texts of files that run, so that it needs no variables and no secrets.

use std::collections::BTreeMap;

use super::{
    check::stem,
    file::{DestinationSpec, RouteFile, SystemFile},
    load::{ROUTES, SCHEMAS, SYSTEMS},
    schema_fields::SchemaEntry,
};
use crate::{
    connector::{
        Classification,
        http::{HttpSpec, HttpTargetSpec},
    },
    diagnostic::{Located, Report, Text, decode, parse, text},
};

/// Systems, routes and schemas.
#[derive(Debug, Clone, Default)]
pub struct Directory {
    /// By name.
    pub systems: BTreeMap<String, SystemEntry>,
    /// By name.
    pub routes: BTreeMap<String, RouteEntry>,
    /// By path.
    pub schemas: BTreeMap<String, SchemaEntry>,
}

/// A system.
#[derive(Debug, Clone, Default)]
pub struct SystemEntry {
    /// What people call it; may be empty.
    pub title: String,
    /// The unit that answers for it; may be empty.
    pub unit: String,
    /// How to reach that unit; may be empty.
    pub contact: String,
    /// The highest class of data that it may hold.
    pub classification: Option<Classification>,
    /// What it sends.
    pub sources: BTreeMap<String, EndEntry>,
    /// What it takes.
    pub targets: BTreeMap<String, EndEntry>,
}

/// A source or a target.
#[derive(Debug, Clone)]
pub struct EndEntry {
    /// How messages come from there, or get there.
    pub how: Text,
    /// The path of its schema.
    pub schema: Option<String>,
    /// The highest class of data that goes through it: its own, or its system's.
    pub classification: Option<Classification>,
}

/// A route.
#[derive(Debug, Clone, Default)]
pub struct RouteEntry {
    /// Its file.
    pub path: String,
    /// What it is for; may be empty.
    pub summary: String,
    /// The unit that answers for it; may be empty.
    pub owner: String,
    /// The source that it reads: `system.source`.
    pub from: String,
    /// Whether repeats are recognised.
    pub has_identity: bool,
    /// The key within which order is kept.
    pub order_by: Option<String>,
    /// What messages are found by: what the route calls it, and the expression.
    pub search: Vec<(String, String)>,
    /// What its steps do.
    pub steps: Vec<Text>,
    /// Its targets, in the order of the file.
    pub to: Vec<ToEntry>,
}

/// A target of a route.
#[derive(Debug, Clone, Default)]
pub struct ToEntry {
    /// `system.target`.
    pub target: String,
    /// Only messages for which this holds go there.
    pub when: Option<String>,
    /// Each item of this goes there on its own.
    pub each: Option<String>,
    /// Whether what is sent has a shape of its own.
    pub is_mapped: bool,
    /// Fields that are taken out on the way.
    pub takes_out: Vec<String>,
}

impl Directory {
    /// Reads files by their texts; what cannot be read is left out.
    pub fn of<'t>(texts: impl Iterator<Item = (&'t str, &'t str)>) -> Self {
        let mut directory = Self::default();
        for (path, text) in texts {
            let folder = path.split('/').next().unwrap_or_default();
            match folder {
                SYSTEMS => directory.system(path, text),
                ROUTES => directory.route(path, text),
                SCHEMAS => {
                    let entry = SchemaEntry::of(text);
                    directory.schemas.extend(entry.map(|it| (path.to_owned(), it)));
                }
                _ => {}
            }
        }
        directory
    }

    fn system(&mut self, path: &str, text: &str) {
        let mut ignored = Report::default();
        let Some(node) = parse(text, &mut ignored) else { return };
        let Some(file) = decode::<SystemFile>(&node, &mut ignored) else { return };
        let name = stem(path, ".yaml").to_owned();
        let owner = file.owner.as_ref();
        let mut system = SystemEntry {
            title: value(file.name.as_ref()),
            unit: owner.map(|it| it.unit.value.clone()).unwrap_or_default(),
            contact: owner.map(|it| it.contact.value.clone()).unwrap_or_default(),
            classification: file.classification,
            ..SystemEntry::default()
        };
        if let Some(http) = &file.http {
            system.http(&name, http);
        }
        let most = file.classification;
        for amqp in file.amqp.iter() {
            let sources = amqp.sources.iter().map(|(name, it)| {
                let how = text!("simpul fetches it from the queue `{}`", &it.queue.value);
                (name.value.clone(), end(how, it.schema.as_ref(), it.classification.as_ref(), most))
            });
            system.sources.extend(sources);
            let targets = amqp.targets.iter().map(|(name, it)| {
                let to = it.queue.as_ref().or(it.exchange.as_ref());
                let how = match to {
                    Some(to) => text!("simpul publishes it to `{}`", &to.value),
                    None => text!("simpul publishes it over AMQP"),
                };
                (name.value.clone(), end(how, it.schema.as_ref(), it.classification.as_ref(), most))
            });
            system.targets.extend(targets);
        }
        for files in file.files.iter() {
            let targets = files.targets.iter().map(|(name, it)| {
                let how = text!("simpul appends it to the file `{}`", &it.file.value);
                (name.value.clone(), end(how, it.schema.as_ref(), it.classification.as_ref(), most))
            });
            system.targets.extend(targets);
        }
        self.systems.insert(name, system);
    }

    fn route(&mut self, path: &str, text: &str) {
        let mut ignored = Report::default();
        let Some(node) = parse(text, &mut ignored) else { return };
        let Some(file) = decode::<RouteFile>(&node, &mut ignored) else { return };
        let search = file.search.iter();
        let route = RouteEntry {
            path: path.to_owned(),
            summary: value(file.summary.as_ref()),
            owner: value(file.owner.as_ref()),
            from: file.from.value.clone(),
            has_identity: file.identity.is_some(),
            order_by: file.order_by.as_ref().map(|it| it.value.clone()),
            search: search.map(|(name, it)| (name.value.clone(), it.value.clone())).collect(),
            steps: file.steps.iter().map(|it| it.value.words()).collect(),
            to: file.to.value.iter().map(ToEntry::of).collect(),
        };
        self.routes.insert(stem(path, ".yaml").to_owned(), route);
    }

    /// The fields of a source or target, where a schema tells them.
    pub fn fields(&self, end: &EndEntry) -> Option<&SchemaEntry> {
        self.schemas.get(end.schema.as_deref()?)
    }
}

impl SystemEntry {
    fn http(&mut self, system: &str, http: &HttpSpec) {
        let most = self.classification;
        let sources = http.sources.iter().map(|(name, it)| {
            let path = format!("POST /v1/{system}/{}", name.value);
            let how = text!("it calls `{}` on simpul", &path);
            (name.value.clone(), end(how, it.schema.as_ref(), it.classification.as_ref(), most))
        });
        self.sources.extend(sources);
        let targets = http.targets.iter().map(|(name, it)| {
            let how = text!("simpul calls `{}` on it", &line(it));
            (name.value.clone(), end(how, it.schema.as_ref(), it.classification.as_ref(), most))
        });
        self.targets.extend(targets);
    }
}

impl ToEntry {
    fn of(spec: &DestinationSpec) -> Self {
        let text = |it: &Option<Located<String>>| it.as_ref().map(|it| it.value.clone());
        Self {
            target: spec.target.value.clone(),
            when: text(&spec.when),
            each: text(&spec.each),
            is_mapped: spec.map.is_some(),
            takes_out: spec.takes_out.iter().map(|it| it.value.clone()).collect(),
        }
    }
}

fn end(
    how: Text,
    schema: Option<&Located<String>>,
    own: Option<&Located<Classification>>,
    most: Option<Classification>,
) -> EndEntry {
    let classification = own.map(|it| it.value).or(most);
    EndEntry { how, schema: schema.map(|it| it.value.clone()), classification }
}

/// The method and path that a target is called with.
fn line(target: &HttpTargetSpec) -> String {
    let methods = [
        ("GET", &target.get),
        ("POST", &target.post),
        ("PUT", &target.put),
        ("PATCH", &target.patch),
        ("DELETE", &target.delete),
    ];
    let said = methods.into_iter().find_map(|(method, path)| Some((method, path.as_ref()?)));
    said.map(|(method, path)| format!("{method} {}", path.value)).unwrap_or_default()
}

fn value(text: Option<&Located<String>>) -> String {
    text.map(|it| it.value.clone()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_directory_tells_who_sends_what_to_whom_without_any_secret() {
        let system = "system: e-sppd\nname: Perjalanan dinas\nowner: { unit: Umum, contact: u@kpu.example }\n\
                      classification: terbatas\nhttp:\n  url: ${env:URL}\n  sources:\n    status:\n      \
                      schema: schemas/s.json\n      api_keys: { k: \"${env:HASH}\" }\n  targets:\n    \
                      catat: { post: \"/api/${$.nip}\", classification: biasa }\n";
        let route = "route: terbit\nfrom: e-sppd.status\nidentity: $.n\nsteps:\n  - filter: $.a == 1\nto:\n  \
                     - { target: e-sppd.catat, when: $.b, takes_out: [$.nip] }\n";
        let schema = r#"{ "title": "SPD", "properties": { "nip": { "x-data-pribadi": "umum" } } }"#;
        let texts = [
            ("connectors/e-sppd.yaml", system),
            ("routes/terbit.yaml", route),
            ("schemas/s.json", schema),
        ];
        let directory = Directory::of(texts.into_iter());

        let system = &directory.systems["e-sppd"];
        assert_eq!(system.classification, Some(Classification::Terbatas));
        assert_eq!(
            system.sources["status"].how.english(),
            "it calls `POST /v1/e-sppd/status` on simpul"
        );
        assert_eq!(
            system.targets["catat"].how.english(),
            "simpul calls `POST /api/${$.nip}` on it"
        );
        assert_eq!(system.targets["catat"].classification, Some(Classification::Biasa));
        let fields = directory.fields(&system.sources["status"]).unwrap();
        assert!(fields.fields[0].is_personal);
        let route = &directory.routes["terbit"];
        assert_eq!(
            route.steps[0].english(),
            "Lets through only messages for which `$.a == 1` holds."
        );
        assert_eq!((route.to[0].when.as_deref(), route.to[0].takes_out.len()), (Some("$.b"), 1));
    }
}
