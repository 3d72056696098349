//! Who sends to whom in the files that run, for drawings and for judging how things are.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use super::Engine;
use crate::{
    message::Endpoint,
    route::{Destination, Plan, Route},
};

/// How old a message may get where no file says: what nobody expects sooner, somebody should have
/// seen by then.
pub const PROMISE: Duration = Duration::from_hours(1);

/// Who sends to whom.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Wiring {
    /// The number of the generation of files.
    pub generation: i64,
    /// Its routes, by name.
    pub routes: BTreeMap<Arc<str>, RouteWiring>,
    /// The longest that a source is quiet while all is well, where a file says so.
    pub rhythms: BTreeMap<Endpoint, Duration>,
}

/// One route.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RouteWiring {
    /// What it is for, in a sentence; may be empty.
    pub summary: String,
    /// The source that it reads.
    pub from: Endpoint,
    /// Its targets, in the order of the file.
    pub to: Vec<Wire>,
}

/// From a route to a target.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wire {
    /// The target.
    pub target: Endpoint,
    /// Whether not every message is sent there.
    pub conditional: bool,
    /// Within which time a message is to be delivered there.
    pub promise: Duration,
}

impl Wiring {
    fn of(generation: i64, plan: &Plan) -> Self {
        let routes = plan.routes.iter();
        let routes = routes.map(|(name, it)| (Arc::clone(name), RouteWiring::of(it))).collect();
        let sources = plan.sources.iter();
        let rhythms = sources
            .filter_map(|(name, it)| Some((name.clone(), it.source.expect_every?)))
            .collect();
        Self { generation, routes, rhythms }
    }
}

impl RouteWiring {
    fn of(route: &Route) -> Self {
        let to = route.to.iter().map(|it| Wire {
            target: it.target.clone(),
            conditional: it.when.is_some(),
            promise: promise(it),
        });
        Self { summary: route.summary.clone(), from: route.from.clone(), to: to.collect() }
    }
}

/// Within which time a message is to be delivered.
fn promise(to: &Destination) -> Duration {
    let usual = to.ttl.map_or(PROMISE, |ttl| PROMISE.min(ttl / 2));
    to.deliver_within.unwrap_or(usual)
}

impl Engine {
    /// Who sends to whom in the files that run.
    pub fn wiring(&self) -> Wiring {
        let live = self.shared.live();
        Wiring::of(live.generation, &live.plan)
    }
}
