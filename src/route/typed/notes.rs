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

/// What cannot be told of routes.
#[derive(Default)]
pub(in crate::route) struct Notes {
    /// Of each target's schema the keywords that are not reasoned about.
    keywords: BTreeMap<String, BTreeMap<&'static str, Option<Span>>>,
    /// Of each source the fields of targets that are made of what is not known.
    unknown: BTreeMap<Endpoint, BTreeSet<String>>,
}

impl Notes {
    /// Notes what cannot be told of one target of a route.
    pub(super) fn add(&mut self, misfit: &Misfit, schema: &Located<String>, to: &Outgoing<'_>) {
        match &misfit.kind {
            MisfitKind::NotChecked { keyword, place } => {
                let known = self.keywords.entry(schema.value.clone()).or_default();
                let first = known.entry(keyword).or_insert(*place);
                *first = first.or(*place);
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
        for (schema, keywords) in other.keywords {
            let known = self.keywords.entry(schema).or_default();
            for (keyword, place) in keywords {
                let first = known.entry(keyword).or_insert(place);
                *first = first.or(place);
            }
        }
        for (source, fields) in other.unknown {
            self.unknown.entry(source).or_default().extend(fields);
        }
    }

    /// Adds the notes to `report`, each in the file that it is about.
    pub(in crate::route) fn tell(self, systems: &Systems, report: &mut Report) {
        for (schema, keywords) in self.keywords {
            report.enter(&schema);
            let first = keywords.values().flatten().min().copied();
            let names: Vec<_> = keywords.keys().copied().collect();
            let message = text!("not checked: {}", list(&names));
            let found = report.note(first.unwrap_or(Span::START), Code::NotChecked, message);
            found.label("what breaks it is found when it is sent, and not by `check`");
            found
                .help("test it with a case beside the route; docs/checking.md has what is checked");
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
