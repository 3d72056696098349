//! The database on a PostgreSQL that several gateways share.
//!
//! One thread with a runtime of its own carries the connection that writes and a few that read,
//! so that the store works the same whoever waits for it.
//!
//! ```text
//! address   where it is                  tls       how the way there is encrypted
//! link      one connection               error     what its errors mean
//! writer    the task that commits        reader    the tasks that answer
//! migrate   formats of the tables        value     values in and out
//! ```
//!
//! When a connection breaks in the middle of a commit nobody knows whether it took place; that is
//! an error, and whoever tries again finds what was written, if it was.

mod address;
mod error;
mod link;
mod migrate;
mod reader;
mod tls;
mod value;
mod writer;

use std::{
    sync::Arc,
    thread::{self, JoinHandle},
    time::Instant,
};

use tokio::{
    runtime,
    sync::{Mutex, mpsc, oneshot},
    task::JoinSet,
};

pub use self::address::{Address, AddressError};
use self::{
    error::told,
    link::{Role, Server},
    writer::Work,
};
use super::{
    Answer, Query, Row, ServerSeen, StoreError, Writes,
    reader::{ASKED_MAX, Asked, READERS},
    writer::{JOBS_WAITING_MAX, Job, Observe},
};

/// The thread and the way to it. Dropped, it finishes what was handed over.
pub(super) struct Postgres {
    jobs: Option<mpsc::Sender<Job>>,
    asked: Option<mpsc::Sender<Asked>>,
    thread: Option<JoinHandle<()>>,
}

impl Postgres {
    /// Connects, migrates, and starts the thread.
    pub(super) async fn start(
        address: &Address,
        observe: Option<Observe>,
    ) -> Result<Self, StoreError> {
        let server = Server::new(address)?;
        let (jobs, waiting_jobs) = mpsc::channel(JOBS_WAITING_MAX);
        let (asked, waiting_asked) = mpsc::channel(ASKED_MAX);
        let (ready, started) = oneshot::channel();
        let work = Work { server, observe, folded_at: Instant::now() };
        let cannot = |error| StoreError::new(format!("cannot start its thread: {error}"));
        let runtime = runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(cannot)?;
        let thread = thread::Builder::new()
            .name("store-postgres".to_owned())
            .spawn(move || {
                runtime.block_on(Box::pin(run(work, waiting_jobs, waiting_asked, ready)));
            })
            .map_err(cannot)?;
        let postgres = Self { jobs: Some(jobs), asked: Some(asked), thread: Some(thread) };
        let gone = |_| StoreError::new("bug: the thread of the store ended before it started");
        started.await.map_err(gone)??;
        Ok(postgres)
    }

    /// Hands statements over, waiting while too many wait already.
    pub(super) async fn commit(&self, writes: Writes) -> Result<Answer<Vec<u64>>, StoreError> {
        let (answer, answered) = oneshot::channel();
        let jobs = self.jobs.as_ref().ok_or_else(gone)?;
        jobs.send(Job { writes, answer }).await.map_err(|_| gone())?;
        Ok(answered)
    }

    /// Hands questions over, waiting while too many wait already.
    pub(super) async fn ask(
        &self,
        questions: Vec<Query>,
    ) -> Result<Answer<Vec<Vec<Row>>>, StoreError> {
        let (answer, answered) = oneshot::channel();
        let asked = self.asked.as_ref().ok_or_else(gone)?;
        asked.send(Asked { questions, answer }).await.map_err(|_| gone())?;
        Ok(answered)
    }
}

/// Looks at a server over one connection; writes nothing, makes no tables.
pub(super) async fn look(address: &Address) -> Result<ServerSeen, StoreError> {
    let link = Server::new(address)?.connect(Role::Writer).await?;
    let asked = link.client().query_one(LOOK, &[]).await;
    let failed = |error: &tokio_postgres::Error| told("it cannot be asked", error);
    let row = asked.map_err(|error| failed(&error))?;
    Ok(ServerSeen {
        version: row.try_get(0).map_err(|error| failed(&error))?,
        now_ms: row.try_get(1).map_err(|error| failed(&error))?,
        has_store: row.try_get(2).map_err(|error| failed(&error))?,
    })
}

const LOOK: &str = "
    SELECT split_part(current_setting('server_version'), ' ', 1),
           (extract(epoch FROM clock_timestamp()) * 1000)::bigint,
           to_regclass('message') IS NOT NULL";

fn gone() -> StoreError {
    StoreError::new("bug: the thread of the store is gone")
}

impl Drop for Postgres {
    fn drop(&mut self) {
        drop((self.jobs.take(), self.asked.take()));
        if let Some(thread) = self.thread.take() {
            // A panic there was a bug, and its jobs have learned of it already.
            let _ = thread.join();
        }
    }
}

/// What the thread does, from its first connection to its last job.
async fn run(
    work: Work,
    jobs: mpsc::Receiver<Job>,
    asked: mpsc::Receiver<Asked>,
    ready: oneshot::Sender<Result<(), StoreError>>,
) {
    let link = match writer::connect(&work.server).await {
        Ok(link) => link,
        Err(error) => return drop(ready.send(Err(error))),
    };
    let mut readers = JoinSet::new();
    let asked = Arc::new(Mutex::new(asked));
    for _ in 0..READERS {
        readers.spawn(reader::run(work.server.clone(), Arc::clone(&asked)));
    }
    if ready.send(Ok(())).is_ok() {
        work.run(link, jobs).await;
    }
    readers.shutdown().await;
}
