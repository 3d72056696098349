//! What cannot be told of routes: one note for each schema and each source, however many routes
//! there are.

use std::collections::{BTreeMap, BTreeSet};

use super::outgoing::Outgoing;
use crate::{
    diagnostic::{Code, Located, Report, Span, text},
    message::Endpoint,
    route::systems::Systems,
    typing::{Misfit, MisfitKind, list},
};

/// What is not checked of one schema.
#[derive(Default)]
struct Unchecked {
    /// The keywords, and where the first of each stands.
    keywords: BTreeMap<&'static str, Option<Span>>,
    /// The fields, by route, that may break them.
    fields: BTreeSet<String>,
}

impl Unchecked {
    fn add(&mut self, keyword: &'static str, place: Option<Span>) {
        let first = self.keywords.entry(keyword).or_insert(place);
        *first = first.or(place);
    }
}

/// What cannot be told of routes.
#[derive(Default)]
pub(in crate::route) struct Notes {
    /// Of each target's schema the keywords that are not reasoned about.
    keywords: BTreeMap<String, Unchecked>,
    /// Of each source the fields of targets that are made of what is not known.
    unknown: BTreeMap<Endpoint, BTreeSet<String>>,
}

impl Notes {
    /// Notes what cannot be told of one target of a route.
    pub(super) fn add(&mut self, misfit: &Misfit, schema: &Located<String>, to: &Outgoing<'_>) {
        match &misfit.kind {
            MisfitKind::NotChecked { keyword, place } => {
                let unchecked = self.keywords.entry(schema.value.clone()).or_default();
                unchecked.add(keyword, *place);
                unchecked.fields.insert(match misfit.path.as_str() {
                    "" => to.route.name.to_string(),
                    path => format!("{}: {path}", to.route.name),
                });
            }
            _ => {
                let target = &to.destination.target;
                let field = match misfit.path.as_str() {
                    "" => target.to_string(),
                    path => format!("{target}: {path}"),
                };
                self.unknown.entry(to.route.from.clone()).or_default().insert(field);
            }
        }
    }

    pub(in crate::route) fn join(&mut self, other: Self) {
        for (schema, Unchecked { keywords, fields }) in other.keywords {
            let known = self.keywords.entry(schema).or_default();
            keywords.into_iter().for_each(|(keyword, place)| known.add(keyword, place));
            known.fields.extend(fields);
        }
        for (source, fields) in other.unknown {
            self.unknown.entry(source).or_default().extend(fields);
        }
    }

    /// Adds the notes to `report`, each in the file that it is about.
    pub(in crate::route) fn tell(self, systems: &Systems, report: &mut Report) {
        for (schema, Unchecked { keywords, fields }) in self.keywords {
            let fields: Vec<_> = fields.into_iter().collect();
            report.enter(&schema);
            let first = keywords.values().flatten().min().copied();
            let names: Vec<_> = keywords.keys().copied().collect();
            let message = text!("not checked: {}", list(&names));
            let found = report.note(first.unwrap_or(Span::START), Code::NotChecked, message);
            found.label("what breaks it is found when it is sent, and not by `check`");
            found
                .help(text!("test it with a case beside the route: it is about {}", list(&fields)));
        }
        for (source, fields) in self.unknown {
            report.enter(&format!("connectors/{}.yaml", source.system));
            let at = systems.declared.places.get(&source).copied().unwrap_or(Span::START);
            let has_schema = systems.sources.get(&source).is_some_and(|it| it.schema.is_some());
            let fields: Vec<_> = fields.into_iter().collect();
            let (message, help) = match has_schema {
                false => (
                    text!("not checked: `{}` has no schema", &source),
                    text!("write `schema:` here, or `validate` in the route"),
                ),
                true => (
                    text!("not checked: `{}` has a schema that says too little", &source),
                    text!("declare more in its schema"),
                ),
            };
            let found = report.note(at, Code::NotChecked, message);
            found.label(text!("what it sends may not fit {}", list(&fields))).help(help);
        }
    }
}
