//! A stage: an engine to play cases on, one after the other.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use tokio::{runtime::Runtime, sync::Notify};

use super::{Case, Seen, play, script::Scripted};
use crate::{
    connector::{OpenSource, Pull, Pulled, Pulling, Target},
    engine::{Chance, Options},
    message::{Endpoint, Limits},
    metrics::Metrics,
    route::{BODY_KEY, HASH_KEY, OpenPlanTarget, Plan, PlanSource, Route},
    sealing::{Keyring, SealingKey},
    store::Store,
};

/// A case could not be played; nothing is known of what it expects.
#[derive(Debug, thiserror::Error)]
#[error("{0}")]
pub struct StageError(pub String);

impl StageError {
    pub(super) fn of(error: &dyn std::fmt::Display) -> Self {
        Self(error.to_string())
    }
}

/// What all cases of a thread have: a runtime whose clock jumps, and a store in memory. Both work in
/// the thread that plays, so that the clock never moves while there is work to be done.
pub struct Stage {
    runtime: Runtime,
    pub(super) store: Store,
    pub(super) metrics: Arc<Metrics>,
    limits: Limits,
    body_bytes_max: usize,
}

impl Stage {
    /// Sets up a stage where bodies may be like this.
    ///
    /// # Errors
    ///
    /// [`StageError`] when the system refuses.
    pub fn set(limits: Limits, body_bytes_max: usize) -> Result<Self, StageError> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .map_err(|error| StageError::of(&error))?;
        let store = Store::in_memory(true).map_err(|error| StageError::of(&error))?;
        Ok(Self { runtime, store, metrics: Arc::new(Metrics::new()), limits, body_bytes_max })
    }

    /// Plays a case of a route of `plan`.
    ///
    /// # Errors
    ///
    /// [`StageError`] when it could not be played.
    pub fn play(&self, plan: &Plan, route: &Arc<Route>, case: &Case) -> Result<Seen, StageError> {
        self.store.clear().map_err(|error| StageError::of(&error))?;
        let called = Arc::new(Notify::new());
        let mut cast = Cast::default();
        let alone = cast.of(plan, route, case, &called);
        let playing = play::Playing { stage: self, plan, route, case, cast, called };
        self.runtime.block_on(playing.play(alone))
    }

    pub(super) fn limits(&self) -> Limits {
        self.limits
    }

    pub(super) fn body_bytes_max(&self) -> usize {
        self.body_bytes_max
    }

    pub(super) fn options(&self) -> Options {
        Options {
            hash_key: Some(HASH_KEY.as_bytes().to_vec()),
            keyring: keyring(),
            limits: self.limits,
            body_bytes_max: self.body_bytes_max,
            chance: Chance::None,
            keeps_house: false,
            ..Options::default()
        }
    }
}

/// That of all tests, so that a route that seals its bodies is played as it runs.
fn keyring() -> Option<Arc<Keyring>> {
    Keyring::new(SealingKey::parse("test", BODY_KEY).into_iter().collect()).map(Arc::new)
}

/// Who plays the targets of a case.
#[derive(Default)]
pub(super) struct Cast(pub(super) BTreeMap<Endpoint, Arc<Scripted>>);

impl Cast {
    /// The plan with nothing but what the case is about, its targets played.
    fn of(&mut self, plan: &Plan, route: &Arc<Route>, case: &Case, called: &Arc<Notify>) -> Plan {
        let mut alone = Plan { digest: plan.digest, ..Plan::default() };
        alone.routes.insert(Arc::clone(&route.name), Arc::clone(route));
        if let Some(source) = plan.sources.get(&route.from) {
            alone.sources.insert(route.from.clone(), unfetched(source));
        }
        for destination in &route.to {
            let name = &destination.target;
            let Some(target) = plan.targets.get(name) else { continue };
            let script = case.scripts.get(name).cloned().unwrap_or_default();
            let played = Arc::clone(&target.open.target);
            let scripted = Arc::new(Scripted::new(played, script, Arc::clone(called)));
            self.0.insert(name.clone(), Arc::clone(&scripted));
            let open = target.open.played_by(scripted as Arc<dyn Target>);
            let schema = target.schema.clone();
            alone.targets.insert(name.clone(), Arc::new(OpenPlanTarget { open, schema }));
        }
        alone
    }
}

/// A source from which nothing is fetched: its messages are handed over by the case.
fn unfetched(source: &PlanSource) -> PlanSource {
    let OpenSource { endpoint, schema, api_keys, expect_every, pull } = &*source.source;
    let nobody = |it: &Pulled| Pulled { pull: Arc::new(Nobody), digest: it.digest };
    let open = OpenSource {
        endpoint: endpoint.clone(),
        schema: schema.clone(),
        api_keys: api_keys.clone(),
        expect_every: *expect_every,
        pull: pull.as_ref().map(nobody),
    };
    PlanSource { source: Arc::new(open), schema: source.schema.clone() }
}

/// Fetches nothing.
struct Nobody;

#[async_trait]
impl Pull for Nobody {
    async fn run(&self, pulling: Pulling) {
        pulling.stop.cancelled().await;
    }
}
