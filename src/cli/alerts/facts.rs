//! What the files say that alerts are about: what is expected, and who answers for it.

use std::{collections::BTreeMap, time::Duration};

use crate::{
    message::Endpoint,
    route::{Outline, Plan},
};

/// How old a message may get where no file says: what nobody expects sooner, somebody should have
/// seen by then.
const PROMISE: Duration = Duration::from_hours(1);

/// What the files say.
pub(super) struct Facts {
    pub(super) targets: Vec<End>,
    pub(super) sources: Vec<End>,
    pub(super) deliveries: Vec<Delivery>,
    /// Each route, and the shortest of its promises.
    pub(super) routes: Vec<(String, Duration)>,
}

/// A source that is read, or a target that is sent to.
pub(super) struct End {
    /// `system.name`.
    pub(super) name: String,
    pub(super) system: String,
    /// What people call the system; may be empty.
    pub(super) title: String,
    /// Who answers for it; may be empty.
    pub(super) owner: Owner,
    /// The routes that read it, or send to it.
    pub(super) routes: Vec<String>,
    /// The longest that a source is quiet while all is well.
    pub(super) expect_every: Option<Duration>,
    /// Whether simpul fetches its messages.
    pub(super) is_fetched: bool,
}

/// Who answers for a system.
#[derive(Clone, Default)]
pub(super) struct Owner {
    pub(super) unit: String,
    pub(super) contact: String,
}

/// What goes from a route to a target.
pub(super) struct Delivery {
    pub(super) route: String,
    pub(super) target: String,
    /// How old a message may get.
    pub(super) promise: Duration,
    /// Whether a file says so.
    pub(super) is_declared: bool,
    pub(super) owner: Owner,
    /// What is not delivered by then is not delivered at all.
    pub(super) ttl: Option<Duration>,
}

impl Facts {
    pub(super) fn of(plan: &Plan, outline: &Outline) -> Self {
        let mut targets: BTreeMap<&Endpoint, End> = BTreeMap::new();
        let mut sources: BTreeMap<&Endpoint, End> = BTreeMap::new();
        let (mut deliveries, mut routes) = (Vec::new(), Vec::new());
        for route in plan.routes.values() {
            let name = route.name.to_string();
            let source = sources.entry(&route.from).or_insert_with(|| end(&route.from, outline));
            source.routes.push(name.clone());
            if let Some(open) = plan.sources.get(&route.from) {
                source.expect_every = open.source.expect_every;
                source.is_fetched = open.source.pull.is_some();
            }
            let mut least = None;
            for to in &route.to {
                let target = targets.entry(&to.target).or_insert_with(|| end(&to.target, outline));
                target.routes.push(name.clone());
                let usual = to.ttl.map_or(PROMISE, |ttl| PROMISE.min(ttl / 2));
                let promise = to.deliver_within.unwrap_or(usual);
                least = Some(least.map_or(promise, |it: Duration| it.min(promise)));
                deliveries.push(Delivery {
                    route: name.clone(),
                    target: to.target.to_string(),
                    promise,
                    is_declared: to.deliver_within.is_some(),
                    owner: target.owner.clone(),
                    ttl: to.ttl,
                });
            }
            routes.push((name, least.unwrap_or(PROMISE)));
        }
        let all = |ends: BTreeMap<&Endpoint, End>| ends.into_values().collect();
        Self { targets: all(targets), sources: all(sources), deliveries, routes }
    }
}

fn end(endpoint: &Endpoint, outline: &Outline) -> End {
    let system = endpoint.system.to_string();
    let told = outline.systems.get(&system).cloned().unwrap_or_default();
    End {
        name: endpoint.to_string(),
        system,
        title: told.title,
        owner: Owner { unit: told.unit, contact: told.contact },
        routes: Vec::new(),
        expect_every: None,
        is_fetched: false,
    }
}

impl End {
    /// Its name, with what people call its system.
    pub(super) fn titled(&self) -> String {
        match self.title.as_str() {
            "" => self.name.clone(),
            title => format!("{} ({})", self.name, super::rules::literal(title)),
        }
    }
}

impl Owner {
    /// Whom to ask, as the end of a description.
    pub(super) fn sentence(&self) -> String {
        let parts = [self.unit.as_str(), self.contact.as_str()];
        let told: Vec<_> = parts.into_iter().filter(|it| !it.is_empty()).collect();
        match told.is_empty() {
            true => String::new(),
            false => format!(" Answers for it: {}.", super::rules::literal(&told.join(", "))),
        }
    }
}
