//! What a step does, in words, for whoever looks at a route and did not write it.

use super::StepSpec;
use crate::diagnostic::{Located, Node, NodeKind, Text, text};

/// Names of fields that one sentence lists.
const NAMES_MAX: usize = 12;

impl StepSpec {
    /// What it does, in a sentence.
    pub fn words(&self) -> Text {
        match self {
            Self::Filter(when) => {
                text!("Lets through only messages for which `{}` holds.", &when.value)
            }
            Self::Map(shape) => match names_in(shape) {
                Some(names) => text!("Makes a new body with {}.", &names),
                None => text!("Makes a new body."),
            },
            Self::Set(fields) => {
                let names: Vec<_> = fields.iter().map(|(name, _)| name.value.as_str()).collect();
                text!("Sets {}.", &listed(&names))
            }
            Self::Remove(paths) => text!("Takes out {}.", &of(&paths.value)),
            Self::Validate(path) => text!("Refuses what does not fit `{}`.", &path.value),
            Self::Check(spec) => spec.words(),
            Self::Lookup(spec) => spec.words(),
            Self::Split(items) => text!("Makes one message of each item of `{}`.", &items.value),
        }
    }
}

fn of(all: &[Located<String>]) -> String {
    let names: Vec<_> = all.iter().map(|it| it.value.as_str()).collect();
    listed(&names)
}

/// The fields that a shape draws, if it draws any.
fn names_in(shape: &Node) -> Option<String> {
    let NodeKind::Map(entries) = &shape.kind else { return None };
    let names: Vec<_> = entries.iter().map(|(name, _)| name.value.as_str()).collect();
    (!names.is_empty()).then(|| listed(&names))
}

/// Names in backticks; of many the first.
pub(super) fn listed(names: &[&str]) -> String {
    let mut all: Vec<String> = names.iter().take(NAMES_MAX).map(|it| format!("`{it}`")).collect();
    if NAMES_MAX < names.len() {
        all.push("…".to_owned());
    }
    all.join(", ")
}
