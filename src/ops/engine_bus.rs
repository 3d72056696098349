//! The operator's calls on a running engine.

use std::{
    future::Future,
    pin::Pin,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
};

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tracing::{error, warn};

use super::{Bus, Refusal, bus::Candidate};
use crate::{
    diagnostic::Language,
    engine::{
        Acted, BodyOf, Comparison, Disk, Engine, EngineError, Explained, Found, KeptBody,
        KeyResumed, Preview, Reloaded, Replayed, RouteStatus, SentChanges, Shown, Trace, Wiring,
    },
    journal::{Action, Line, Tail, Wanted},
    ledger::{
        DeadFilter, DeadGroup, DeadLetter, FileSet, Job, JobFailure, JobOrder, JobTerms, KeptFile,
        Pause,
    },
    message::{Clock, Digest, Endpoint, Message, MessageId},
    metrics::{History, Look, Metrics, READ_EVERY},
    route::{Directory, Plan, digest_of_files},
};

/// Files that were read: compiled, with their warnings rendered; or all their mistakes, rendered.
pub type Read = Result<(Plan, String), String>;

/// Reads the project's files again, and tells in a language what it finds.
pub type Reader = Arc<dyn Fn(Language) -> Reading + Send + Sync>;

/// A reading under way.
pub type Reading = Pin<Box<dyn Future<Output = Read> + Send>>;

/// A running engine, and the files that it came from.
pub struct EngineBus {
    engine: Engine,
    metrics: Arc<Metrics>,
    read: Reader,
    // Two reloads at once could end with the older files.
    reloading: tokio::sync::Mutex<()>,
    stopping: AtomicBool,
    history: Arc<History>,
    /// Of the generation that ran when somebody last asked.
    directory: tokio::sync::Mutex<Option<(i64, Arc<Directory>)>>,
    listeners: Arc<Semaphore>,
}

/// Who may follow the journal at once: each asks the store a few times a second.
const LISTENERS_MAX: usize = 16;

impl EngineBus {
    /// The operator's calls on `engine`; `read` reads the files for a reload.
    pub fn new(engine: Engine, metrics: Arc<Metrics>, read: Reader) -> Self {
        let (reloading, stopping) = (tokio::sync::Mutex::default(), AtomicBool::new(false));
        let (history, directory) = (Arc::default(), tokio::sync::Mutex::default());
        let listeners = Arc::new(Semaphore::new(LISTENERS_MAX));
        Self { engine, metrics, read, reloading, stopping, history, directory, listeners }
    }

    /// Reads the files and takes them into use; where they have been seen, if they are those.
    async fn take_into_use(
        &self,
        language: Language,
        seen: Option<Digest>,
    ) -> Result<(Reloaded, String), Refusal> {
        let _one = self.reloading.lock().await;
        let (plan, warnings) = (self.read)(language).await.map_err(|mistakes| {
            self.metrics.reload_failed();
            // Logged whoever asked: the files on disk are not what runs from here on.
            error!("the files have mistakes; nothing was changed");
            mistakes.lines().for_each(|line| error!("{line}"));
            Refusal::Files(mistakes)
        })?;
        if seen.is_some_and(|it| it != digest_of_files(&plan.files)) {
            let reason = "the files on the disk are others than those that you have seen; \
             nothing was changed";
            return Err(Refusal::Changed(reason.to_owned()));
        }
        warnings.lines().for_each(|line| warn!("{line}"));
        let reloaded = self.engine.reload(plan).await.inspect_err(|failed| {
            self.metrics.reload_failed();
            error!("the reload failed: {failed}");
        })?;
        Ok((reloaded, warnings))
    }

    /// Takes readings of what is counted, for the charts, until it is dropped.
    pub fn count(&self, clock: Clock) -> impl Future<Output = ()> + Send + 'static {
        let (history, metrics) = (Arc::clone(&self.history), Arc::clone(&self.metrics));
        async move {
            loop {
                history.take(&metrics, clock.now().as_millis());
                tokio::time::sleep(READ_EVERY).await;
            }
        }
    }

    /// It is not ready any more: whoever sends traffic should send it elsewhere.
    pub fn stopping(&self) {
        self.stopping.store(true, Ordering::Relaxed);
    }
}

#[async_trait]
impl Bus for EngineBus {
    async fn ready(&self) -> Result<(), Refusal> {
        if self.stopping.load(Ordering::Relaxed) {
            return Err(EngineError::Stopping.into());
        }
        Ok(self.engine.ready().await?)
    }

    async fn status(&self) -> Result<Vec<RouteStatus>, Refusal> {
        Ok(self.engine.status().await?)
    }

    fn disk(&self) -> Option<Disk> {
        self.engine.disk()
    }

    async fn dead(&self, filter: &DeadFilter, limit: usize) -> Result<Vec<DeadLetter>, Refusal> {
        Ok(self.engine.dead(filter, limit).await?)
    }

    async fn dead_one(&self, id: i64) -> Result<Option<DeadLetter>, Refusal> {
        Ok(self.engine.dead_one(id).await?)
    }

    async fn dead_message(&self, id: i64) -> Result<Option<Message>, Refusal> {
        Ok(self.engine.dead_message(id).await?)
    }

    async fn dead_groups(
        &self,
        filter: &DeadFilter,
        limit: usize,
    ) -> Result<Vec<DeadGroup>, Refusal> {
        Ok(self.engine.dead_groups(filter, limit).await?)
    }

    async fn dead_count(&self, filter: &DeadFilter) -> Result<u64, Refusal> {
        Ok(self.engine.dead_count(filter).await?)
    }

    async fn order(&self, order: JobOrder, terms: &JobTerms) -> Result<Job, Refusal> {
        Ok(self.engine.order_on(order, terms).await?)
    }

    async fn approve(&self, id: i64, by: &str) -> Result<Option<Job>, Refusal> {
        Ok(self.engine.approve(id, by).await?)
    }

    async fn jobs(&self, limit: usize) -> Result<Vec<Job>, Refusal> {
        Ok(self.engine.jobs(limit).await?)
    }

    async fn job(&self, id: i64) -> Result<Option<(Job, Vec<JobFailure>)>, Refusal> {
        Ok(self.engine.job(id).await?)
    }

    async fn cancel(&self, id: i64, by: &str) -> Result<Option<Job>, Refusal> {
        Ok(self.engine.cancel(id, by).await?)
    }

    async fn preview(&self, id: i64) -> Result<Option<Preview>, Refusal> {
        Ok(self.engine.preview(id).await?)
    }

    async fn replay(&self, filter: &DeadFilter, by: &str) -> Result<Replayed, Refusal> {
        Ok(self.engine.replay(filter, by).await?)
    }

    async fn discard(&self, filter: &DeadFilter, by: &str) -> Result<u64, Refusal> {
        Ok(self.engine.discard(filter, by).await?)
    }

    async fn pauses(&self) -> Result<Vec<Pause>, Refusal> {
        Ok(self.engine.pauses().await?)
    }

    async fn pause(&self, target: &Endpoint, reason: &str) -> Result<(), Refusal> {
        Ok(self.engine.pause(target, reason).await?)
    }

    async fn resume(&self, target: &Endpoint) -> Result<bool, Refusal> {
        Ok(self.engine.resume(target).await?)
    }

    async fn resume_key(
        &self,
        target: &Endpoint,
        key: &str,
        by: &str,
    ) -> Result<KeyResumed, Refusal> {
        Ok(self.engine.resume_key(target, key, by).await?)
    }

    async fn reload(&self, language: Language) -> Result<(Reloaded, String), Refusal> {
        self.take_into_use(language, None).await
    }

    async fn plan(&self, language: Language) -> Result<(Comparison, String), Refusal> {
        let Candidate { comparison, warnings, .. } = self.candidate(language).await?;
        Ok((comparison, warnings))
    }

    async fn candidate(&self, language: Language) -> Result<Candidate, Refusal> {
        // Not logged: nobody meant these files to run yet.
        let (plan, warnings) = (self.read)(language).await.map_err(Refusal::Files)?;
        let comparison = self.engine.compare(&plan);
        Ok(Candidate { comparison, warnings, files: plan.files })
    }

    async fn reload_seen(
        &self,
        language: Language,
        seen: Digest,
    ) -> Result<(Reloaded, String), Refusal> {
        self.take_into_use(language, Some(seen)).await
    }

    fn wiring(&self) -> Wiring {
        self.engine.wiring()
    }

    fn look(&self) -> Look {
        self.metrics.look()
    }

    fn history(&self) -> Option<Arc<History>> {
        Some(Arc::clone(&self.history))
    }

    async fn directory(&self) -> Result<Arc<Directory>, Refusal> {
        let generation = self.engine.generation();
        let mut known = self.directory.lock().await;
        if let Some((of, directory)) = &*known
            && *of == generation
        {
            return Ok(Arc::clone(directory));
        }
        let sets = self.engine.file_sets().await?;
        let set = sets.iter().find(|it| it.number <= generation && generation <= it.last);
        let texts = match set {
            Some(set) => self.engine.texts_of(set.number).await?,
            None => Vec::new(),
        };
        let read = move || {
            let texts = texts.iter().map(|(path, text)| (path.as_str(), text.as_str()));
            Arc::new(Directory::of(texts))
        };
        // Thousands of files take their time.
        let read = tokio::task::spawn_blocking(read).await;
        let directory = read.map_err(|error| Refusal::Unavailable(format!("bug: {error}")))?;
        *known = Some((generation, Arc::clone(&directory)));
        Ok(directory)
    }

    async fn file_sets(&self) -> Result<Vec<FileSet>, Refusal> {
        Ok(self.engine.file_sets().await?)
    }

    async fn files_of(&self, set: i64) -> Result<Vec<KeptFile>, Refusal> {
        Ok(self.engine.files_of(set).await?)
    }

    async fn file_text(&self, digest: Digest) -> Result<Option<Arc<str>>, Refusal> {
        Ok(self.engine.file_text(digest).await?)
    }

    async fn trace(&self, id: MessageId) -> Result<Option<Trace>, Refusal> {
        Ok(self.engine.trace(id).await?)
    }

    async fn dead_of(&self, id: MessageId) -> Result<Vec<DeadLetter>, Refusal> {
        Ok(self.engine.dead_of(id).await?)
    }

    async fn explain(&self, route: &str, id: MessageId) -> Result<Option<Explained>, Refusal> {
        Ok(self.engine.explain(route, id).await?)
    }

    async fn bodies(&self, id: MessageId) -> Result<Vec<KeptBody>, Refusal> {
        Ok(self.engine.bodies(id).await?)
    }

    fn changes(&self, bodies: &[KeptBody], hide: bool) -> Vec<SentChanges> {
        self.engine.changes(bodies, hide)
    }

    fn shown(&self, of: BodyOf<'_>, body: &[u8], known: &[String], hide: bool) -> Shown {
        self.engine.shown(of, body, known, hide)
    }

    async fn personal_in(&self, route: &str, id: MessageId) -> Result<Vec<String>, Refusal> {
        Ok(self.engine.personal_in(route, id).await?)
    }

    async fn tail(&self, after: Option<i64>, route: Option<Arc<str>>) -> Result<Tail, Refusal> {
        Ok(self.engine.tail(after, route).await?)
    }

    async fn recent(&self, route: &str, limit: usize) -> Result<Vec<(i64, Line)>, Refusal> {
        Ok(self.engine.recent(route, limit).await?)
    }

    fn listener(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.listeners).try_acquire_owned().ok()
    }

    fn is_stopping(&self) -> bool {
        self.stopping.load(Ordering::Relaxed)
    }

    async fn find(&self, wanted: &Wanted) -> Result<Found, Refusal> {
        Ok(self.engine.find(wanted).await?)
    }

    async fn note(&self, acted: Acted) -> Result<(), Refusal> {
        Ok(self.engine.note(acted).await?)
    }

    async fn actions(&self, below: Option<i64>, limit: usize) -> Result<Vec<Action>, Refusal> {
        Ok(self.engine.actions(below, limit).await?)
    }
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        let reason = error.to_string();
        match error {
            EngineError::UnknownTarget(_) => Self::NotFound(reason),
            EngineError::Count { .. } => Self::Changed(reason),
            EngineError::NoBodyKey(_) => Self::Files(reason),
            EngineError::Store(_) | EngineError::Broker(_) | EngineError::Stopping => {
                Self::Unavailable(reason)
            }
        }
    }
}
