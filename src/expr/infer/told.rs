//! What is told of places that cannot be there.

use std::{ops::Range, sync::Arc};

use super::Infer;
use crate::{
    diagnostic::{Code, Text, nearest, text},
    expr::path::Step,
    typing::{Kinds, Reached, list},
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
        let (wrong, last) = match steps.last() {
            Some(Step::Name(name)) => (&**name, text!("`{}`", name)),
            Some(Step::Index(index)) => ("", text!("item {}", index)),
            None => return,
        };
        let report = &mut *self.report;
        let (found, names) = match reached {
            Reached::Found(_) => return,
            Reached::Undeclared { names, .. } => {
                let message = text!("the schema of {} does not name {}", parent, last);
                (report.warn(span, Code::NoSuchPlace, message), names.as_slice())
            }
            Reached::NoMember { names } => {
                let message = text!("{} never has {}", parent, last);
                (report.error(span, Code::NoSuchPlace, message), names.as_slice())
            }
            Reached::NoItem => {
                let message = text!("{} never has {}", parent, last);
                let found = report.error(span, Code::NoSuchPlace, message);
                found.label("it has fewer items");
                found.help(
                    "`| first` and `| last` take what there is; or let the schema allow more",
                );
                return;
            }
            Reached::OtherKind(kinds) => {
                let message =
                    text!("{} is {}, in which there is no {}", parent, kinds.words(), last);
                let found = report.error(span, Code::NoSuchPlace, message);
                found.help(instead(*kinds, steps.last()));
                return;
            }
        };
        if !names.is_empty() {
            found.label(text!("it has {}", list(names)));
        }
        match (nearest(wrong, names.iter().map(|it| &**it)), reached) {
            (Some(near), _) => found.help(text!("did you mean `{}`?", near)),
            (None, Reached::Undeclared { .. }) => found.help(
                "if it is meant, declare it in the schema; with \
                 `\"additionalProperties\": true` there, any name is right",
            ),
            (None, _) => {
                found.help("a step before may make it (`set`, `lookup`), or the schema declare it")
            }
        };
    }

    /// What the last of `steps` goes down from, in words; and where that step stands.
    fn parent_of(&self, steps: &[Step], at: &Range<usize>) -> (Text, Range<usize>) {
        let text = self.written(at);
        let mut position = 1;
        let mut here = 0..text.len();
        for step in steps {
            let name: Arc<str> = match step {
                Step::Name(name) => name.as_ref().into(),
                Step::Index(index) => index.to_string().into(),
            };
            let Some(found) = name_in(text, position, &name) else {
                return (text!("what this leads to"), at.clone());
            };
            here = found..found + name.len();
            position = here.end;
        }
        let before = text.get(..here.start).unwrap_or_default();
        let before = before.trim_end_matches(['.', '[', '\'', '"']);
        // Of a condition in brackets what it asks about, and not the query around it.
        let before = match before.rsplit_once("[?") {
            Some((_, inner)) => inner.rfind('@').and_then(|it| inner.get(it..)).unwrap_or(inner),
            None => before,
        };
        let parent = match before {
            "$" => text!("the message"),
            "@" => text!("the item"),
            before => text!("`{}`", before),
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

/// What to write where something else stands than what is gone into.
fn instead(has: Kinds, last: Option<&Step>) -> Text {
    match last {
        Some(Step::Name(name)) if has == Kinds::ARRAY => {
            text!("`[*].{}` takes it of every item, `[0].{}` of the first", name, name)
        }
        Some(Step::Index(_)) if has == Kinds::OBJECT => {
            text!("an object has members: `.name`; `[*]` takes all of them")
        }
        Some(Step::Index(_)) => text!("only an array has items; leave the brackets out"),
        _ => text!("only an object has members; end the path before"),
    }
}
