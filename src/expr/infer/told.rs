//! What is told of places that cannot be there.

use std::{ops::Range, sync::Arc};

use super::Infer;
use crate::{
    diagnostic::{Code, nearest, text},
    expr::path::Step,
    typing::{Reached, list},
};

impl Infer<'_> {
    /// Adds to `report` what is wrong with going down `steps`, the last of which led to `reached`.
    /// They stand in the query at `at`.
    pub(in crate::expr) fn tell(&mut self, reached: &Reached, steps: &[Step], at: &Range<usize>) {
        if matches!(reached, Reached::Found(_)) {
            return;
        }
        let (parent, here) = self.parent_of(steps, at);
        let span = self.span(&here);
        let last = match steps.last() {
            Some(Step::Name(name)) => format!("`{name}`"),
            Some(Step::Index(index)) => format!("item {index}"),
            None => return,
        };
        let report = &mut *self.report;
        let (found, names) = match reached {
            Reached::Found(_) => return,
            Reached::Undeclared { names, .. } => {
                let message = format!("the schema of {parent} does not name {last}");
                (report.warn(span, Code::NoSuchPlace, message), names.as_slice())
            }
            Reached::NoMember { names } => {
                let message = format!("{parent} never has {last}");
                (report.error(span, Code::NoSuchPlace, message), names.as_slice())
            }
            Reached::NoItem => {
                let message = format!("{parent} never has {last}");
                report.error(span, Code::NoSuchPlace, message).label("it has fewer items");
                return;
            }
            Reached::OtherKind(kinds) => {
                let message = format!("{parent} is {}, in which there is no {last}", kinds.words());
                (report.error(span, Code::NoSuchPlace, message), [].as_slice())
            }
        };
        if !names.is_empty() {
            found.label(text!("it has {}", &list(names)));
        }
        let wrong = last.trim_matches('`');
        match (nearest(wrong, names.iter().map(|it| &**it)), reached) {
            (Some(near), _) => drop(found.help(text!("did you mean `{}`?", &near))),
            (None, Reached::Undeclared { .. }) => drop(found.help(UNDECLARED_HELP)),
            (None, Reached::NoMember { .. }) => {
                found.help("a step before may make it (`set`, `lookup`), or the schema declare it");
            }
            _ => {}
        }
    }

    /// What the last of `steps` goes down from, in words; and where that step stands.
    fn parent_of(&self, steps: &[Step], at: &Range<usize>) -> (String, Range<usize>) {
        let text = self.written(at);
        let mut position = 1;
        let mut here = 0..text.len();
        for step in steps {
            let name: Arc<str> = match step {
                Step::Name(name) => name.as_ref().into(),
                Step::Index(index) => index.to_string().into(),
            };
            let Some(found) = name_in(text, position, &name) else {
                return ("what this leads to".to_owned(), at.clone());
            };
            here = found..found + name.len();
            position = here.end;
        }
        let before = text.get(..here.start).unwrap_or_default();
        let before = before.trim_end_matches(['.', '[', '\'', '"']);
        let parent = match before {
            "$" => "the message".to_owned(),
            "@" => "the item".to_owned(),
            before => format!("`{before}`"),
        };
        (parent, at.start + here.start..at.start + here.end)
    }
}

/// Where `name` stands as a whole in a query, from byte `from` on.
fn name_in(text: &str, from: usize, name: &str) -> Option<usize> {
    let is_letter = |it: char| it.is_alphanumeric() || it == '_';
    let rest = text.get(from..)?;
    let stands = |at: &usize| {
        let (before, behind) = (text.get(..*at), text.get(*at + name.len()..));
        !before.is_some_and(|it| it.ends_with(is_letter))
            && !behind.is_some_and(|it| it.starts_with(is_letter))
    };
    rest.match_indices(name).map(|(at, _)| from + at).find(stands)
}

const UNDECLARED_HELP: &str = "if it is meant, declare it in the schema; with \
     `\"additionalProperties\": true` there, any name is right";
