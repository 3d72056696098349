//! What became of messages, for the metrics to know once it is durable.

use std::sync::Arc;

use super::Shared;
use crate::{message::Endpoint, route::Route};

/// What the metrics are to know once it is durable.
pub(super) enum Ended {
    Repeat,
    Filtered,
    Dead(Arc<str>),
    Routed {
        created: Vec<Endpoint>,
        skipped: Vec<Endpoint>,
    },
    /// A delivery that was confirmed before anything was written about it.
    Sent(Endpoint),
    /// So much of a body is kept beside the journal.
    Kept {
        bytes: u64,
    },
    /// A delivery that was never sent.
    DeadOnTheWay(Endpoint, Arc<str>),
}

/// Counts what is durable now.
pub(super) fn count(shared: &Shared, route: &Route, ended: &[Ended]) {
    let metrics = shared.metrics.route(&route.name);
    let of = |target: &Endpoint| shared.metrics.target(&route.name, &target.to_string());
    for one in ended {
        match one {
            Ended::Repeat => metrics.repeat.inc(),
            Ended::Filtered => metrics.filtered.inc(),
            Ended::Dead(class) => metrics.died(class),
            Ended::Routed { created, skipped } => {
                metrics.routed.inc();
                created.iter().for_each(|target| of(target).created.inc());
                skipped.iter().for_each(|target| of(target).skipped.inc());
            }
            Ended::Kept { bytes } => metrics.bodies_bytes.inc_by(*bytes),
            Ended::Sent(target) => of(target).delivered.inc(),
            Ended::DeadOnTheWay(target, class) => of(target).died(class),
        }
    }
}
