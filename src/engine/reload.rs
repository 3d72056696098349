//! A new generation of files while messages flow.
//!
//! Routes that did not change keep running; changed ones finish what they hold, then start anew.
//! Every message is routed by one generation. Addresses and credentials are always the newest.

use std::{collections::BTreeSet, sync::Arc};

use tracing::info;

use super::{
    Engine, EngineError, Shared,
    bodies::may_run,
    gateways,
    live::{Live, Running},
};
use crate::{
    message::Endpoint,
    route::{Plan, Route},
    store::Writes,
};

/// What a reload changed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Reloaded {
    /// The number of the generation that runs now.
    pub generation: i64,
    /// Routes that are new.
    pub added: Vec<String>,
    /// Routes that started anew.
    pub changed: Vec<String>,
    /// Routes that are gone. What still waits in their queues stays, and is shown as orphaned.
    pub removed: Vec<String>,
    /// Paused targets that were freed, since their system file changed.
    pub freed: Vec<String>,
}

impl Reloaded {
    fn log(&self) {
        info!(
            generation = self.generation,
            changed = self.changed.len(),
            added = self.added.len(),
            removed = self.removed.len(),
            freed = self.freed.len(),
            "reloaded"
        );
    }
}

impl Engine {
    /// Puts a new plan, compiled whole, in the place of the one that runs.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store refuses or the engine is stopping; the old plan runs on.
    pub async fn reload(&self, mut plan: Plan) -> Result<Reloaded, EngineError> {
        let shared = &self.shared;
        let mut running = self.running.lock().await;
        shared.may_take(&plan)?;
        let (before, now) = (shared.live().generation, shared.clock.now());
        let generation = gateways::next_generation(&shared.store, before, plan.digest, now).await?;
        let mut reloaded = Reloaded { generation, ..Reloaded::default() };
        let leaving = running.leaving(&mut plan);

        // Written first: if the store refuses, nothing has changed.
        let mut writes = Writes::default();
        let files = std::mem::take(&mut plan.files);
        let live = Live::new(generation, plan, shared.broker.rabbitmq().as_deref());
        shared.record_generation(&mut writes, &live, "reloaded");
        shared.keep_files(&mut writes, (generation, now), &files).await?;
        shared.store.commit(writes).await?;

        // Before the routes: a source whose last reader goes must not hand over to nobody.
        let mut pulls = self.pulls.lock().await;
        pulls.leave(shared, &live).await;
        for route in leaving {
            if let Some(old) = running.routes.remove(&route.name) {
                old.finish().await;
            }
            let stays = live.plan.routes.contains_key(&route.name);
            let list = if stays { &mut reloaded.changed } else { &mut reloaded.removed };
            list.push(route.name.to_string());
            shared.forget_metrics(&route, live.plan.routes.get(&route.name));
        }
        let before = shared.live();
        shared.swap(live);
        let live = shared.live();
        shared.forget_targets(&before, &live);
        shared.listen(&live);
        for route in live.plan.routes.values() {
            if !running.routes.contains_key(&route.name) {
                if !reloaded.changed.iter().any(|it| **it == *route.name) {
                    reloaded.added.push(route.name.to_string());
                }
                running.start(shared, route);
            }
        }
        pulls.start(shared);
        drop(pulls);
        reloaded.freed = shared.free_changed(&live).await?;
        shared.metrics.reload_succeeded(generation, shared.clock.now().as_millis());
        reloaded.log();
        Ok(reloaded)
    }
}

impl Running {
    /// The routes that do not run on under `plan`. Those that do take the place of their like in
    /// it, or each of them would be there twice.
    fn leaving(&self, plan: &mut Plan) -> Vec<Arc<Route>> {
        let mut leaving = Vec::new();
        for running in self.routes.values() {
            match plan.routes.get_mut(&running.route.name) {
                Some(same) if same.digest == running.route.digest => {
                    *same = Arc::clone(&running.route);
                }
                _ => leaving.push(Arc::clone(&running.route)),
            }
        }
        leaving
    }
}

impl Shared {
    /// Whether a plan can be taken into use.
    fn may_take(&self, plan: &Plan) -> Result<(), EngineError> {
        if self.stopping.is_cancelled() {
            return Err(EngineError::Stopping);
        }
        may_run(plan, &self.options)
    }

    fn swap(&self, live: Live) {
        let mut slot = self.live.write().unwrap_or_else(std::sync::PoisonError::into_inner);
        *slot = Arc::new(live);
    }

    /// Frees the paused targets whose system file is another one now.
    async fn free_changed(&self, live: &Live) -> Result<Vec<String>, EngineError> {
        let mut freed = Vec::new();
        for target in live.plan.targets.keys() {
            let gate = self.gate(target);
            if gate.paused().is_some_and(|pause| self.freed_by_files(&pause)) {
                self.free(target, "reload").await?;
                gate.resume();
                freed.push(target.to_string());
            }
        }
        Ok(freed)
    }

    /// Shows the metrics which sources are read.
    pub(super) fn listen(&self, live: &Live) {
        let sources = live.readers.keys().map(ToString::to_string);
        self.metrics.listen_to(sources, self.clock.now().as_millis());
    }

    fn forget_targets(&self, before: &Live, now: &Live) {
        for gone in before.plan.targets.keys().filter(|it| !now.plan.targets.contains_key(*it)) {
            self.metrics.forget_target(&gone.to_string());
        }
    }

    fn forget_metrics(&self, old: &Route, new: Option<&Arc<Route>>) {
        let stays: BTreeSet<&Endpoint> =
            new.map(|it| it.to.iter().map(|to| &to.target).collect()).unwrap_or_default();
        for gone in old.to.iter().filter(|it| !stays.contains(&it.target)) {
            self.metrics.forget_destination(&old.name, &gone.target.to_string());
        }
        if new.is_none() {
            self.metrics.forget_route(&old.name);
        }
    }
}
