//! Which jobs this gateway works on: those that nobody works on, a few at a time.

use std::{collections::BTreeSet, panic::AssertUnwindSafe, sync::Arc, time::Duration};

use futures_util::FutureExt as _;
use tokio::task::JoinSet;
use tracing::{error, warn};

use super::work::Work;
use crate::{
    engine::{EngineError, Shared},
    ledger::Runner,
};

/// Jobs that are worked on at once: a slow one must not keep the others waiting, and each takes
/// from what the messages need.
const JOBS_MAX: usize = 4;

/// How often it is looked for jobs that another gateway ordered, or left.
const LOOK_EVERY: Duration = Duration::from_secs(5);

/// Works on jobs until `stop`; what is not done then goes on after the next start.
pub(in crate::engine) async fn run(shared: Arc<Shared>) {
    let me = Runner(shared.ids.next(shared.clock.now()));
    let mut tasks: JoinSet<i64> = JoinSet::new();
    let mut mine = BTreeSet::new();
    loop {
        if let Err(error) = name_groups(&shared).await {
            warn!(%error, "dead letters of an earlier version are not in their groups yet");
        }
        match shared.ledger.free_jobs(shared.clock.now()).await {
            Ok(free) => {
                let room = JOBS_MAX.saturating_sub(mine.len());
                let new: Vec<_> = free.into_iter().filter(|it| !mine.contains(it)).collect();
                for job in new.into_iter().take(room) {
                    mine.insert(job);
                    tasks.spawn(work(Arc::clone(&shared), job, me));
                }
            }
            Err(error) => warn!(%error, "jobs cannot be looked for"),
        }
        tokio::select! {
            () = shared.stop.cancelled() => break,
            Some(ended) = tasks.join_next() => {
                // A task that was aborted is one of a runtime that ends.
                mine.remove(&ended.unwrap_or_default());
            }
            () = shared.desk.ordered.notified() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
    while tasks.join_next().await.is_some() {}
}

/// Works on one job; returns its number, whatever happens.
async fn work(shared: Arc<Shared>, job: i64, me: Runner) -> i64 {
    let working = AssertUnwindSafe(Work::new(&shared, me).run(job));
    if working.catch_unwind().await.is_err() {
        shared.metrics.panics.inc();
        error!(job, "bug: working on a job panicked; it is tried again");
        tokio::select! {
            () = shared.stop.cancelled() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
    job
}

/// Names the groups of letters that an earlier version left.
async fn name_groups(shared: &Shared) -> Result<(), EngineError> {
    while !shared.stop.is_cancelled() {
        let writes = shared.ledger.name_groups().await?;
        if writes.is_empty() {
            break;
        }
        shared.store.commit(writes).await?;
    }
    Ok(())
}
