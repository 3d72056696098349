//! Jobs over many dead letters: ordered, looked at and cancelled by operators, done by the bus.
//!
//! ```text
//! page    some letters, as one commit      work    one job, from page to page
//! runner  which jobs this gateway works on
//! ```

pub(super) mod page;
mod runner;
mod work;

use tokio::sync::Notify;

pub(super) use self::runner::run;
use super::{Engine, EngineError, live::bare_line};
use crate::{
    journal::{self, Event},
    ledger::{DeadFilter, Job, JobFailure, JobOrder, JobState, JobTerms},
    store::{StoreError, Writes},
};

/// Where orders are left for whoever works on them.
#[derive(Default)]
pub(super) struct Desk {
    ordered: Notify,
}

impl Engine {
    /// Has something done with all dead letters that a filter means now, also when the process
    /// ends in between: it goes on after the next start.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store refuses; if it broke in the middle, the job may be there.
    pub async fn order(&self, order: JobOrder) -> Result<Job, EngineError> {
        self.order_on(order, &JobTerms::default()).await
    }

    /// The same, on terms.
    ///
    /// # Errors
    ///
    /// [`EngineError::Count`] where it is about more or fewer letters; then nothing is ordered.
    pub async fn order_on(&self, order: JobOrder, terms: &JobTerms) -> Result<Job, EngineError> {
        let shared = &self.shared;
        let last = shared.ledger.last_dead().await?;
        let filter = DeadFilter { last: Some(last), ..order.filter.clone() };
        let total = shared.ledger.dead_count(&filter).await?;
        if let Some(asked) = terms.count.filter(|it| *it != total) {
            return Err(EngineError::Count { asked, has: total });
        }
        let now = shared.clock.now();
        let token = shared.ids.next(now);
        let mut writes = Writes::default();
        order.given(&mut writes, (terms, token), now, (last, total));
        let what = told(&order, total);
        let event = Event::Ordered { what, by: order.by.clone() };
        journal::append(&mut writes, &bare_line(now, shared.live().generation, event));
        shared.store.commit(writes).await?;
        shared.desk.ordered.notify_one();
        let found = match shared.ledger.job_of(token).await? {
            Some(id) => shared.ledger.job(id).await?,
            None => None,
        };
        let gone = || StoreError { reason: "bug: what was ordered is not there".to_owned() };
        Ok(found.ok_or_else(gone)?)
    }

    /// How many dead letters a filter without numbers means.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store cannot be read.
    pub async fn dead_count(&self, filter: &DeadFilter) -> Result<u64, EngineError> {
        Ok(self.shared.ledger.dead_count(filter).await?)
    }

    /// Lets a job go on that waits for a second person, who is another one than ordered it. The job as it
    /// is then; `None` if there is no such job.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store refuses, also because the job does not wait for him.
    pub async fn approve(&self, id: i64, by: &str) -> Result<Option<Job>, EngineError> {
        let shared = &self.shared;
        let Some(job) = shared.ledger.job(id).await? else { return Ok(None) };
        let mut writes = Writes::default();
        job.approved(&mut writes, by);
        shared.store.commit(writes).await?;
        shared.desk.ordered.notify_one();
        Ok(shared.ledger.job(id).await?)
    }

    /// The newest jobs, at most `limit`, the newest first.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store cannot be read.
    pub async fn jobs(&self, limit: usize) -> Result<Vec<Job>, EngineError> {
        Ok(self.shared.ledger.jobs(limit).await?)
    }

    /// A job, and why letters of it stayed; `None` if there is no such job.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store cannot be read.
    pub async fn job(&self, id: i64) -> Result<Option<(Job, Vec<JobFailure>)>, EngineError> {
        let Some(job) = self.shared.ledger.job(id).await? else { return Ok(None) };
        let failures = self.shared.ledger.job_failures(id).await?;
        Ok(Some((job, failures)))
    }

    /// Ends a job where it is; what it has done stays done. The job as it is then, which may have
    /// ended before in another way; `None` if there is no such job.
    ///
    /// # Errors
    ///
    /// [`EngineError`] when the store refuses.
    pub async fn cancel(&self, id: i64, by: &str) -> Result<Option<Job>, EngineError> {
        let shared = &self.shared;
        let Some(job) = shared.ledger.job(id).await? else { return Ok(None) };
        if job.state != JobState::Running {
            return Ok(Some(job));
        }
        let now = shared.clock.now();
        let mut writes = Writes::default();
        job.cancelled(&mut writes, by, now);
        let how = JobState::Cancelled.word().to_owned();
        let event = Event::JobEnded { job: id, how, by: Some(by.to_owned()) };
        journal::append(&mut writes, &bare_line(now, shared.live().generation, event));
        let written = shared.store.commit(writes).await;
        // It may have ended by itself meanwhile; that is not a failure.
        match shared.ledger.job(id).await? {
            Some(job) if job.state == JobState::Running => written.map(|()| Some(job)),
            other => Ok(other),
        }
        .map_err(EngineError::from)
    }
}

/// What is ordered, in one line for the journal.
fn told(order: &JobOrder, total: u64) -> String {
    let DeadFilter { route, target, class, group, since, before, .. } = &order.filter;
    let (since, before) = (since.map(|it| it.to_string()), before.map(|it| it.to_string()));
    let said = [
        ("route", route),
        ("target", target),
        ("class", class),
        ("group", group),
        ("from", &since),
        ("to", &before),
    ];
    let mut text = format!("{} of {total} dead letters", order.kind.word());
    for (name, value) in said {
        if let Some(value) = value {
            text.push_str(&format!(", {name} {value}"));
        }
    }
    if let Some(only_to) = &order.only_to {
        text.push_str(&format!(", only to {only_to}"));
    }
    if let Some(rate) = order.rate {
        text.push_str(&format!(", {rate} a second"));
    }
    text
}
