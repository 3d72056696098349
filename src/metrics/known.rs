//! The routes, targets and sources that are counted for, by name.

use std::{collections::BTreeMap, sync::Arc};

use super::{INGEST_CODES_MAX, OTHER, RouteMetrics, TargetMetrics};

/// What the deliveries to each target of one route count on: few, so looked through.
pub(super) type Deliveries = Vec<(Arc<str>, Arc<TargetMetrics>)>;

/// Everything that has a name. A clone is a look at one moment, on the same handles.
#[derive(Clone, Default)]
pub(super) struct Known {
    pub(super) routes: BTreeMap<Arc<str>, Arc<RouteMetrics>>,
    /// By route.
    pub(super) deliveries: BTreeMap<Arc<str>, Deliveries>,
    /// By target.
    pub(super) breakers: BTreeMap<Arc<str>, u8>,
    /// By target.
    pub(super) paused: BTreeMap<Arc<str>, u8>,
    /// By target.
    pub(super) paused_by_operator: BTreeMap<Arc<str>, u8>,
    /// By target, in seconds since 1970.
    pub(super) failing_since: BTreeMap<Arc<str>, f64>,
    /// By target, in seconds since 1970.
    pub(super) certificates: BTreeMap<Arc<str>, f64>,
    /// By source.
    pub(super) connected: BTreeMap<Arc<str>, u8>,
    /// By source, in seconds since 1970.
    pub(super) last_message: BTreeMap<Arc<str>, f64>,
    /// By code.
    pub(super) refused: BTreeMap<Arc<str>, u64>,
}

impl Known {
    pub(super) fn route(&mut self, route: &str) -> Arc<RouteMetrics> {
        if let Some(known) = self.routes.get(route) {
            return Arc::clone(known);
        }
        Arc::clone(self.routes.entry(route.into()).or_default())
    }

    pub(super) fn target(&mut self, route: &str, target: &str) -> Arc<TargetMetrics> {
        let of_route = self.deliveries.get(route);
        let known = of_route.and_then(|it| it.iter().find(|(it, _)| **it == *target));
        if let Some((_, known)) = known {
            return Arc::clone(known);
        }
        let new = Arc::new(TargetMetrics::new());
        let of_route = self.deliveries.entry(route.into()).or_default();
        of_route.push((target.into(), Arc::clone(&new)));
        new
    }

    pub(super) fn refused(&mut self, code: &str) {
        let full = INGEST_CODES_MAX <= self.refused.len() && !self.refused.contains_key(code);
        let code = if full { OTHER } else { code };
        match self.refused.get_mut(code) {
            Some(count) => *count += 1,
            None => set(&mut self.refused, code, 1),
        }
    }
}

/// Sets what stands under a name; puts it together only where it is new.
pub(super) fn set<T>(map: &mut BTreeMap<Arc<str>, T>, name: &str, value: T) {
    match map.get_mut(name) {
        Some(there) => *there = value,
        None => drop(map.insert(name.into(), value)),
    }
}
