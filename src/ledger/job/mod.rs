//! Jobs: what an operator ordered to be done with many dead letters, and how far it is.
//!
//! A job is worked on page by page. Each page is committed with the number of the last letter that
//! it dealt with, so that a crash leaves a job before a page or after it; and only if the job is
//! still where its runner left it, still running and still the runner's, so that of two gateways
//! one deals with a page, and none after the job was cancelled.

mod writes;

use std::time::Duration;

pub use self::writes::forget_jobs;
use super::{
    Cause, DeadFilter, Ledger,
    query::{count, endpoint, time},
};
use crate::{
    message::{Endpoint, MessageId, Timestamp},
    store::{Row, StoreError},
};

/// Jobs in one answer.
const JOBS_MAX: usize = 500;

/// Kinds of failures that are told of one job.
const FAILURES_MAX: i64 = 100;

/// How long a gateway may say nothing of its job before another takes it over: much longer than a
/// page takes.
const SILENT_MAX: Duration = Duration::from_secs(30);

/// What is done with the letters of a job.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKind {
    /// They are sent on again.
    Replay,
    /// It is tried how many could be.
    Preview,
    /// They are given up for good.
    Discard,
}

impl JobKind {
    /// The word by which the store knows it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Replay => "replay",
            Self::Preview => "preview",
            Self::Discard => "discard",
        }
    }

    /// The kind that a word means.
    pub fn of(word: &str) -> Option<Self> {
        [Self::Replay, Self::Preview, Self::Discard].into_iter().find(|it| it.word() == word)
    }
}

/// Where a job stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobState {
    /// It is worked on, or about to be.
    Running,
    /// It has dealt with all its letters.
    Done,
    /// An operator ended it.
    Cancelled,
}

impl JobState {
    /// The word by which the store knows it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::Done => "done",
            Self::Cancelled => "cancelled",
        }
    }

    fn of(word: &str) -> Self {
        let all = [Self::Running, Self::Done, Self::Cancelled];
        all.into_iter().find(|it| it.word() == word).unwrap_or(Self::Done)
    }
}

/// What an operator orders.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobOrder {
    /// What is to be done.
    pub kind: JobKind,
    /// With which letters; not by their numbers.
    pub filter: DeadFilter,
    /// Of messages that could not be routed, only what goes to this target is sent.
    pub only_to: Option<Endpoint>,
    /// Letters a second at most.
    pub rate: Option<u32>,
    /// Who orders it, and why.
    pub by: String,
}

/// On what terms a job is ordered.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JobTerms {
    /// Who orders it; another one has to approve it.
    pub who: Option<String>,
    /// How many letters he takes it to be about; nothing is done if there are more or fewer.
    pub count: Option<u64>,
    /// Whether it waits until another one has approved it.
    pub second_person: bool,
}

/// Whether another one than who ordered a job has to approve it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Approval {
    /// Nobody has to.
    #[default]
    NotNeeded,
    /// Somebody has to, and it waits for him.
    Awaited,
    /// He did.
    By(String),
}

/// A job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    /// Its number.
    pub id: i64,
    /// What was ordered. The filter says from which letter on it is still to be done, and up to
    /// which: what dies after the order is not meant.
    pub order: JobOrder,
    /// When.
    pub at: Timestamp,
    /// Where it stands.
    pub state: JobState,
    /// How many letters there were when it was ordered.
    pub total: u64,
    /// Of them: dealt with. Of a preview: could be sent.
    pub passed: u64,
    /// Of them: would be dead again, and stay.
    pub failed: u64,
    /// What it waits for.
    pub waits: Option<String>,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// Who cancelled it, and why.
    pub ended_by: Option<String>,
    /// Who ordered it, as the journal knows him.
    pub who: Option<String>,
    /// Whether another one has to approve it.
    pub approval: Approval,
}

impl Job {
    /// Where it stands, in a word: `proposed` while it waits for a second person.
    pub fn stands(&self) -> &'static str {
        match (self.state, &self.approval) {
            (JobState::Running, Approval::Awaited) => "proposed",
            (state, _) => state.word(),
        }
    }
}

/// Why letters of a job stayed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobFailure {
    /// How many would be dead again in this way.
    pub count: u64,
    /// The first of them.
    pub letter: i64,
    /// Its target; `None`: a message that cannot be routed.
    pub target: Option<Endpoint>,
    /// Why it would be dead again.
    pub cause: Cause,
}

/// Who works on a job: one start of one gateway.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Runner(pub MessageId);

const COLUMNS_OF_ONE: &str = "
    SELECT id, kind, state, at, ordered_by, route, target, class, cause, since, before, only_to,
           rate, last, reached, total, passed, failed, waits, ended, ended_by,
           who, unapproved, approved_by
    FROM dead_job WHERE id = ?1";

const COLUMNS_OF_NEWEST: &str = "
    SELECT id, kind, state, at, ordered_by, route, target, class, cause, since, before, only_to,
           rate, last, reached, total, passed, failed, waits, ended, ended_by,
           who, unapproved, approved_by
    FROM dead_job ORDER BY id DESC LIMIT ?1";

const FAILURES: &str = "
    SELECT count, letter, target, class, place, reason FROM dead_job_failure
    WHERE job = ?1 ORDER BY count DESC, letter LIMIT ?2";

/// Nobody works on them, or nobody has heard of who does since ?1.
const FREE: &str = "
    SELECT id FROM dead_job WHERE state = 'running' AND unapproved = 0
          AND (runner IS NULL OR seen <= ?1)
    ORDER BY id LIMIT 500";

impl Ledger {
    /// The newest jobs, at most `limit` (500 at most), the newest first.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn jobs(&self, limit: usize) -> Result<Vec<Job>, StoreError> {
        let limit = i64::try_from(limit.min(JOBS_MAX)).unwrap_or(i64::MAX);
        Ok(self.rows((COLUMNS_OF_NEWEST, vec![limit.into()])).await?.iter().map(job).collect())
    }

    /// A job.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn job(&self, id: i64) -> Result<Option<Job>, StoreError> {
        Ok(self.row((COLUMNS_OF_ONE, vec![id.into()])).await?.as_ref().map(job))
    }

    /// The number of the job that was ordered with `token`.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn job_of(&self, token: MessageId) -> Result<Option<i64>, StoreError> {
        let sql = "SELECT id FROM dead_job WHERE token = ?1";
        let row = self.row((sql, vec![token.as_bytes().as_slice().into()])).await?;
        Ok(row.map(|row| row.int(0)))
    }

    /// Why letters of a job stayed, the most frequent first; at most 100 kinds.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn job_failures(&self, id: i64) -> Result<Vec<JobFailure>, StoreError> {
        let failure = |row: &Row| JobFailure {
            count: count(row, 0),
            letter: row.int(1),
            target: endpoint(row.text(2)),
            cause: Cause {
                class: row.text(3).into(),
                place: row.text(4).to_owned(),
                reason: row.text(5).to_owned(),
            },
        };
        let rows = self.rows((FAILURES, vec![id.into(), FAILURES_MAX.into()])).await?;
        Ok(rows.iter().map(failure).collect())
    }

    /// The jobs that are to be worked on at `now` and that nobody works on, the oldest first.
    /// Where no other gateway can, these are all that are not done.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn free_jobs(&self, now: Timestamp) -> Result<Vec<i64>, StoreError> {
        let rows = self.rows((FREE, vec![self.silent_since(now).into()])).await?;
        Ok(rows.iter().map(|row| row.int(0)).collect())
    }

    /// A runner that said nothing since then has died.
    fn silent_since(&self, now: Timestamp) -> i64 {
        if !self.is_shared() {
            // Whoever ran before this process is gone.
            return i64::MAX;
        }
        now.as_millis().saturating_sub(i64::try_from(SILENT_MAX.as_millis()).unwrap_or(i64::MAX))
    }
}

fn job(row: &Row) -> Job {
    let text = |column| (!row.is_null(column)).then(|| row.text(column).to_owned());
    let moment = |column| (!row.is_null(column)).then(|| time(row, column));
    let filter = DeadFilter {
        route: text(5),
        target: text(6),
        class: text(7),
        group: text(8),
        since: moment(9),
        before: moment(10),
        after: row.int(14),
        last: Some(row.int(13)),
        ..DeadFilter::default()
    };
    let order = JobOrder {
        kind: JobKind::of(row.text(1)).unwrap_or(JobKind::Preview),
        filter,
        only_to: endpoint(row.text(11)),
        rate: u32::try_from(row.int(12)).ok().filter(|it| 0 < *it),
        by: row.text(4).to_owned(),
    };
    Job {
        id: row.int(0),
        order,
        at: time(row, 3),
        state: JobState::of(row.text(2)),
        total: count(row, 15),
        passed: count(row, 16),
        failed: count(row, 17),
        waits: text(18),
        ended: moment(19),
        ended_by: text(20),
        who: text(21),
        approval: match (row.int(22), text(23)) {
            (0, None) => Approval::NotNeeded,
            (0, Some(by)) => Approval::By(by),
            _ => Approval::Awaited,
        },
    }
}
