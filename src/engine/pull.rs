//! The sources whose messages are fetched: which run, and how they start and stop.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, PoisonError},
};

use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::{
    Shared,
    intake::EngineIntake,
    live::{Live, supervise},
};
use crate::{
    connector::{Intake, PullState, Pulled, Pulling},
    message::{Digest, Endpoint},
};

/// The sources that are fetched from now.
#[derive(Default)]
pub(super) struct Pulls(BTreeMap<Endpoint, RunningPull>);

/// The task of one source.
struct RunningPull {
    digest: Digest,
    stop: CancellationToken,
    tasks: JoinSet<()>,
}

/// What a generation of files fetches: the sources that some route reads.
fn wanted(live: &Live) -> BTreeMap<Endpoint, Pulled> {
    let read = live.readers.keys().filter_map(|name| {
        let source = live.plan.sources.get(name)?;
        Some((name.clone(), source.source.pull.clone()?))
    });
    read.collect()
}

impl Pulls {
    /// Stops what the new generation fetches no more, or otherwise; returns when nothing of it is
    /// in hand any more.
    pub(super) async fn leave(&mut self, shared: &Shared, live: &Live) {
        let wanted = wanted(live);
        let stays = |name: &Endpoint, running: &RunningPull| {
            wanted.get(name).is_some_and(|it| it.digest == running.digest)
        };
        let leaving: Vec<_> =
            self.0.extract_if(.., |name, running| !stays(name, running)).collect();
        // All of them are told before any is waited for.
        leaving.iter().for_each(|(_, it)| it.stop.cancel());
        for (name, mut running) in leaving {
            while running.tasks.join_next().await.is_some() {}
            shared.metrics.forget_source(&name.to_string());
        }
    }

    /// Starts what the generation in force fetches and does not run yet; nothing once the bus
    /// stops.
    pub(super) fn start(&mut self, shared: &Arc<Shared>) {
        if shared.stopping.is_cancelled() {
            return;
        }
        for (name, pulled) in wanted(&shared.live()) {
            if !self.0.contains_key(&name) {
                self.0.insert(name.clone(), RunningPull::start(shared, &name, pulled));
            }
        }
    }

    /// Stops everything; returns when nothing is in hand any more.
    pub(super) async fn stop(&mut self) {
        self.0.values().for_each(|it| it.stop.cancel());
        for running in self.0.values_mut() {
            while running.tasks.join_next().await.is_some() {}
        }
        self.0.clear();
    }
}

impl RunningPull {
    fn start(shared: &Arc<Shared>, name: &Endpoint, pulled: Pulled) -> Self {
        let Pulled { pull, digest } = pulled;
        // One intake for all runs of this source: it knows which keys are being stored.
        let intake: Arc<dyn Intake> = Arc::new(EngineIntake::new(Arc::clone(shared)));
        let stop = CancellationToken::new();
        let pulling = Pulling {
            intake,
            body_bytes_max: shared.options.body_bytes_max,
            tell: tell(shared, name),
            stop: stop.clone(),
        };
        shared.metrics.set_source_connected(&name.to_string(), false);
        let mut tasks = JoinSet::new();
        let worker = move || {
            let (pull, pulling) = (Arc::clone(&pull), pulling.clone());
            async move { pull.run(pulling).await }
        };
        tasks.spawn(supervise(Arc::clone(shared), name.to_string(), stop.clone(), worker));
        Self { digest, stop, tasks }
    }
}

/// Shows the state of a source, and logs it where it is another than before.
fn tell(shared: &Arc<Shared>, name: &Endpoint) -> Arc<dyn Fn(PullState) + Send + Sync> {
    let (shared, source) = (Arc::clone(shared), name.to_string());
    // std, not tokio: held to compare two states, never across an await.
    let before: Mutex<Option<PullState>> = Mutex::default();
    Arc::new(move |state| {
        let mut before = before.lock().unwrap_or_else(PoisonError::into_inner);
        if before.as_ref() == Some(&state) {
            return;
        }
        shared.metrics.set_source_connected(&source, state == PullState::Connected);
        match &state {
            PullState::Connected => info!(source, "messages can be fetched"),
            PullState::Trouble(reason) => warn!(source, reason, "no messages can be fetched"),
        }
        *before = Some(state);
    })
}
