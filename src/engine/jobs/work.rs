//! One job, from page to page.
//!
//! It works at most half of the time, at most at the rate that was ordered, and puts nothing into a
//! queue in which much waits: a fresh message never finds more than that before it.

use std::{collections::BTreeSet, time::Duration};

use tokio::time::Instant;
use tracing::{info, warn};

use super::page::{Doing, PAGE};
use crate::{
    broker::QueueName,
    engine::{
        EngineError, Shared,
        envelope::{delivery_queue, parse_delivery_queue, route_queue},
        live::bare_line,
        pipeline::bad,
    },
    journal::{self, Event},
    ledger::{DeadLetter, Job, JobKind, JobState, Runner},
    store::Writes,
};

/// Entries that may wait in a queue before a job puts no more into it: what a target takes in a
/// second or some, and soon enough for whoever comes behind them.
const WAITING_MAX: u64 = 1_000;

/// How long a job waits before it looks at a queue again.
const WAIT_PAUSE: Duration = Duration::from_millis(200);

/// How often a job that waits says that it does.
const SAYS_EVERY: Duration = Duration::from_secs(5);

/// How long a job waits after the store or the broker refused.
const TROUBLE_PAUSE: Duration = Duration::from_secs(1);

/// Pages in each second of a job with a rate.
const PAGES_A_SECOND: u32 = 4;

/// How often one letter alone may fail to be written while the store works, until it is left.
const LETTER_TRIES_MAX: u32 = 3;

/// Works on one job.
pub(super) struct Work<'w> {
    shared: &'w Shared,
    me: Runner,
    /// Letters of the next page.
    size: usize,
    /// How often the next letter failed, alone.
    tries: u32,
    /// What the job is said to wait for, and since when.
    said: Option<(String, Instant)>,
}

/// What came of a step.
enum Went {
    /// So many letters were dealt with.
    On(u64),
    /// It must wait for this.
    Waits(String),
    /// There is nothing more to do.
    Done,
}

impl<'w> Work<'w> {
    pub(super) fn new(shared: &'w Shared, me: Runner) -> Self {
        Self { shared, me, size: 1, tries: 0, said: None }
    }

    /// Works on a job until it is done, cancelled, taken over, or the bus stops.
    pub(super) async fn run(mut self, id: i64) {
        let mut writes = Writes::default();
        self.shared.ledger.take_job(&mut writes, id, self.me, self.shared.clock.now());
        if self.shared.store.commit(writes).await.is_err() {
            // Somebody else has it, or the store has trouble, which others tell.
            return self.pause(TROUBLE_PAUSE).await;
        }
        while !self.shared.stop.is_cancelled() {
            // Asked each time: what it has reached, and whether it was cancelled.
            let job = match self.shared.ledger.job(id).await {
                Ok(Some(job)) if job.state == JobState::Running => job,
                Ok(_) => return,
                Err(error) => {
                    warn!(job = id, %error, "the job cannot be read");
                    self.pause(TROUBLE_PAUSE).await;
                    continue;
                }
            };
            self.size = self.size.min(page_size(job.order.rate));
            match self.step(&job).await {
                Ok(true) => {}
                Ok(false) => return,
                Err(error) => {
                    warn!(job = id, %error, "the job does not go on; it is tried again");
                    self.failed(&job, &error).await;
                }
            }
        }
        let mut writes = Writes::default();
        if let Ok(Some(job)) = self.shared.ledger.job(id).await {
            job.left(&mut writes, self.me);
            // If not, another gateway takes it when it hears nothing more of this one.
            let _ = self.shared.store.commit(writes).await;
        }
    }

    /// Goes on for a page; whether there is more to do.
    async fn step(&mut self, job: &Job) -> Result<bool, EngineError> {
        let began = Instant::now();
        match self.page(job).await? {
            Went::Done => return self.done(job).await.map(|()| false),
            Went::Waits(what) => {
                self.say(job, what).await?;
                self.pause(WAIT_PAUSE).await;
            }
            Went::On(letters) => {
                (self.said, self.tries) = (None, 0);
                self.size = self.size.saturating_mul(2).min(PAGE);
                let took = began.elapsed();
                let due = job.order.rate.map(|rate| Duration::from_secs(letters) / rate.max(1));
                let rest = due.unwrap_or_default().saturating_sub(took);
                self.pause(rest.max(took)).await;
            }
        }
        Ok(true)
    }

    /// A page could not be written. The next one is of one letter; if that is the trouble, and not
    /// the store or the broker, it is left where it is.
    async fn failed(&mut self, job: &Job, error: &EngineError) {
        self.pause(TROUBLE_PAUSE).await;
        let works = self.shared.store.commit(Writes::default()).await.is_ok()
            && self.shared.broker.obstacle().is_none();
        self.tries = if self.size == 1 && works { self.tries + 1 } else { 0 };
        self.size = 1;
        if self.tries < LETTER_TRIES_MAX {
            return;
        }
        let Ok(letters) = self.shared.ledger.dead_letters(&job.order.filter, 1).await else {
            return;
        };
        let mut writes = Writes::default();
        for letter in &letters {
            job.failed_again(&mut writes, letter, &bad("", error));
            job.went_on(&mut writes, self.me, (letter.id, 0, 1), self.shared.clock.now());
        }
        // If not, the next step fails too, and says so.
        let _ = self.shared.store.commit(writes).await;
    }

    async fn page(&mut self, job: &Job) -> Result<Went, EngineError> {
        let shared = self.shared;
        let letters = shared.ledger.dead_letters(&job.order.filter, self.size).await?;
        if letters.is_empty() {
            return Ok(Went::Done);
        }
        if job.order.kind == JobKind::Replay
            && let Some(what) = self.full(&letters).await?
        {
            return Ok(Went::Waits(what));
        }
        let by = format!("{} (job {})", job.order.by, job.id);
        let doing = Doing { kind: job.order.kind, only_to: job.order.only_to.as_ref(), by: &by };
        // Not while somebody deals with single letters, which may be among these.
        let _one = match job.order.kind {
            JobKind::Preview => None,
            JobKind::Replay | JobKind::Discard => Some(shared.acting.lock().await),
        };
        let mut page = shared.page_of(letters, &doing).await?;
        for (letter, cause) in &page.failed {
            job.failed_again(&mut page.writes, letter, cause);
        }
        let step = (page.reached, page.passed, page.failed.len() as u64);
        job.went_on(&mut page.writes, self.me, step, shared.clock.now());
        shared.commit_page(page).await?;
        Ok(Went::On(step.1 + step.2))
    }

    /// The queue that letters would go into and in which too much waits, in words.
    async fn full(&self, letters: &[DeadLetter]) -> Result<Option<String>, EngineError> {
        let queue = |letter: &DeadLetter| match &letter.delivery {
            Some((target, _)) => delivery_queue(&letter.route, target),
            None => route_queue(&letter.route),
        };
        let queues: BTreeSet<QueueName> = letters.iter().map(queue).collect();
        for queue in queues {
            let depth = self.shared.broker.depth(&queue).await?;
            let ready = depth.entries.saturating_sub(depth.delayed);
            if WAITING_MAX <= ready {
                return Ok(Some(self.told(&queue, ready)));
            }
        }
        Ok(None)
    }

    fn told(&self, queue: &QueueName, ready: u64) -> String {
        let Some((route, target)) = parse_delivery_queue(queue) else {
            return format!("{ready} messages wait for their route");
        };
        let paused = self.shared.gate(&target).paused().is_some();
        let why = if paused { ", which is paused" } else { "" };
        format!("{ready} deliveries of {route} wait for {target}{why}")
    }

    /// Says what the job waits for, now and then.
    async fn say(&mut self, job: &Job, what: String) -> Result<(), EngineError> {
        if self.said.as_ref().is_some_and(|(_, at)| at.elapsed() < SAYS_EVERY) {
            return Ok(());
        }
        let mut writes = Writes::default();
        job.waits_for(&mut writes, self.me, Some(&what), self.shared.clock.now());
        self.shared.store.commit(writes).await?;
        self.said = Some((what, Instant::now()));
        Ok(())
    }

    async fn done(&self, job: &Job) -> Result<(), EngineError> {
        let now = self.shared.clock.now();
        let mut writes = Writes::default();
        job.done(&mut writes, self.me, now);
        let how = JobState::Done.word().to_owned();
        let event = Event::JobEnded { job: job.id, how, by: None };
        journal::append(&mut writes, &bare_line(now, self.shared.live().generation, event));
        self.shared.store.commit(writes).await?;
        let (passed, failed) = (job.passed, job.failed);
        info!(job = job.id, kind = job.order.kind.word(), passed, failed, "job done");
        Ok(())
    }

    async fn pause(&self, length: Duration) {
        tokio::select! {
            () = self.shared.stop.cancelled() => {}
            () = tokio::time::sleep(length) => {}
        }
    }
}

/// Letters of a page at most.
fn page_size(rate: Option<u32>) -> usize {
    let Some(rate) = rate else { return PAGE };
    usize::try_from(rate / PAGES_A_SECOND).unwrap_or(PAGE).clamp(1, PAGE)
}
