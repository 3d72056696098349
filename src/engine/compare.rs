//! What a reload would change, without changing it.

use std::collections::{BTreeMap, BTreeSet};

use super::Engine;
use crate::{
    message::{Digest, Endpoint},
    route::{Plan, PlanSource},
};

/// What a reload would change.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Comparison {
    /// The number of the generation that runs.
    pub generation: i64,
    /// Routes: those that change finish what they hold and start anew.
    pub routes: Difference,
    /// Sources: who may send, and what.
    pub sources: Difference,
    /// Targets: their addresses and credentials.
    pub targets: Difference,
    /// Paused targets that would be freed, since their system file is another one.
    pub frees: Vec<String>,
}

/// What is there now and was not, is another one, or is no more.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Difference {
    /// Not there before.
    pub added: Vec<String>,
    /// Another one now.
    pub changed: Vec<String>,
    /// No more there.
    pub removed: Vec<String>,
}

impl Engine {
    /// What a reload with `plan` would change.
    pub fn compare(&self, plan: &Plan) -> Comparison {
        let live = self.shared.live();
        let now = &live.plan;
        let routes = |plan: &Plan| -> BTreeMap<String, Digest> {
            plan.routes.values().map(|it| (it.name.to_string(), it.digest)).collect()
        };
        let targets = |plan: &Plan| -> BTreeMap<String, Digest> {
            plan.targets.iter().map(|(name, it)| (name.to_string(), it.open.digest)).collect()
        };
        let sources = |plan: &Plan| -> BTreeMap<String, Digest> {
            plan.sources.iter().map(|(name, it)| (name.to_string(), of_source(it))).collect()
        };
        let frees = plan.targets.keys().filter(|it| self.frees(it, plan));
        Comparison {
            generation: live.generation,
            routes: difference(&routes(now), &routes(plan)),
            sources: difference(&sources(now), &sources(plan)),
            targets: difference(&targets(now), &targets(plan)),
            frees: frees.map(ToString::to_string).collect(),
        }
    }

    /// Whether a target is paused that a reload with `plan` would free.
    fn frees(&self, target: &Endpoint, plan: &Plan) -> bool {
        let then = plan.targets.get(target).map(|it| it.open.digest);
        let pause = self.shared.gate(target).paused();
        pause.is_some_and(|it| {
            !it.by_operator && it.system_digest.is_some() && it.system_digest != then
        })
    }
}

fn difference(before: &BTreeMap<String, Digest>, after: &BTreeMap<String, Digest>) -> Difference {
    let names: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    let mut difference = Difference::default();
    for name in names {
        let list = match (before.get(name), after.get(name)) {
            (None, _) => &mut difference.added,
            (_, None) => &mut difference.removed,
            (Some(before), Some(after)) if before != after => &mut difference.changed,
            _ => continue,
        };
        list.push(name.clone());
    }
    difference
}

/// Changes with who may send, with the schema, and with how messages are fetched.
fn of_source(source: &PlanSource) -> Digest {
    let open = &source.source;
    let mut parts: Vec<&[u8]> = Vec::new();
    for (name, hash) in &open.api_keys {
        parts.extend([name.as_bytes(), hash.as_slice()]);
    }
    if let Some(pull) = &open.pull {
        parts.push(&pull.digest.0);
    }
    if let Some(schema) = &open.schema {
        parts.push(schema.value.as_bytes());
    }
    Digest::of(&parts)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_came_changed_and_went_is_told_apart() {
        let of = |all: &[(&str, &str)]| -> BTreeMap<String, Digest> {
            all.iter()
                .map(|(name, text)| ((*name).to_owned(), Digest::of(&[text.as_bytes()])))
                .collect()
        };
        let found = difference(
            &of(&[("a", "1"), ("b", "1"), ("c", "1")]),
            &of(&[("b", "1"), ("c", "2"), ("d", "1")]),
        );
        let only = |name: &str| vec![name.to_owned()];
        let wanted = Difference { added: only("d"), changed: only("c"), removed: only("a") };
        assert_eq!(found, wanted);
    }
}
