//! What changes jobs, as statements to be committed.

use super::{Job, JobOrder, JobTerms, Runner};
use crate::{
    ledger::{Cause, DeadLetter, Ledger, group_of},
    message::{Endpoint, MessageId, Timestamp},
    store::{Expect, Param, Sql, Writes},
};

const ORDER: &str = "
    INSERT INTO dead_job (token, kind, state, at, ordered_by, route, target, class, cause, since,
                          before, only_to, rate, last, reached, total, who, unapproved)
    VALUES (?1, ?2, 'running', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, 0, ?14, ?15, ?16)";

const TAKE: &str = "
    UPDATE dead_job SET runner = ?2, seen = ?3
    WHERE id = ?1 AND state = 'running' AND unapproved = 0
          AND (runner IS NULL OR runner = ?2 OR seen <= ?4)";

const WENT_ON: &str = "
    UPDATE dead_job
    SET reached = ?4, passed = passed + ?5, failed = failed + ?6, seen = ?7, waits = NULL
    WHERE id = ?1 AND runner = ?2 AND reached = ?3 AND state = 'running'";

const FAILED: &str = "
    INSERT INTO dead_job_failure (job, cause, count, letter, target, class, place, reason)
    VALUES (?1, ?2, 1, ?3, ?4, ?5, ?6, ?7)
    ON CONFLICT (job, cause) DO UPDATE SET count = dead_job_failure.count + 1";

const WAITS: &str = "
    UPDATE dead_job SET waits = ?3, seen = ?4 WHERE id = ?1 AND runner = ?2 AND state = 'running'";

const LEAVE: &str = "UPDATE dead_job SET runner = NULL WHERE id = ?1 AND runner = ?2";

const DONE: &str = "
    UPDATE dead_job SET state = 'done', ended = ?4, seen = ?4, waits = NULL
    WHERE id = ?1 AND runner = ?2 AND reached = ?3 AND state = 'running'";

const CANCEL: &str = "
    UPDATE dead_job SET state = 'cancelled', ended = ?2, ended_by = ?3, waits = NULL
    WHERE id = ?1 AND state = 'running'";

const APPROVE: &str = "
    UPDATE dead_job SET unapproved = 0, approved_by = ?2
    WHERE id = ?1 AND state = 'running' AND unapproved = 1 AND who <> ?2";

const FORGET_FAILURES: Sql = Sql {
    sqlite: "DELETE FROM dead_job_failure WHERE job IN (
                 SELECT id FROM dead_job WHERE ended < ?1 ORDER BY ended LIMIT 100)",
    postgres: "DELETE FROM dead_job_failure WHERE job IN (
                   SELECT id FROM dead_job WHERE ended < ?1 ORDER BY ended LIMIT 100
                   FOR UPDATE SKIP LOCKED)",
};

const FORGET: Sql = Sql {
    sqlite: "DELETE FROM dead_job WHERE id IN (
                 SELECT id FROM dead_job WHERE ended < ?1 ORDER BY ended LIMIT 100)",
    postgres: "DELETE FROM dead_job WHERE id IN (
                   SELECT id FROM dead_job WHERE ended < ?1 ORDER BY ended LIMIT 100
                   FOR UPDATE SKIP LOCKED)",
};

/// The job is not where its runner left it: it was cancelled, or another gateway took it over.
const MOVED: Expect =
    Expect { rows: 1, otherwise: "the job was cancelled or taken over meanwhile" };

impl JobOrder {
    /// An order is given: `last` is the number of the last letter that it means, `total` how many
    /// it means. [`Ledger::job_of`] tells the job's number by the `token`, made for it.
    pub fn given(
        &self,
        writes: &mut Writes,
        (terms, token): (&JobTerms, MessageId),
        at: Timestamp,
        (last, total): (i64, u64),
    ) {
        let filter = &self.filter;
        let params = vec![
            token.as_bytes().as_slice().into(),
            self.kind.word().into(),
            at.as_millis().into(),
            self.by.as_str().into(),
            filter.route.clone().into(),
            filter.target.clone().into(),
            filter.class.clone().into(),
            filter.group.clone().into(),
            filter.since.map(Timestamp::as_millis).into(),
            filter.before.map(Timestamp::as_millis).into(),
            self.only_to.as_ref().map(Endpoint::to_string).into(),
            self.rate.map(i64::from).into(),
            last.into(),
            i64::try_from(total).unwrap_or(i64::MAX).into(),
            terms.who.clone().into(),
            i64::from(terms.second_person).into(),
        ];
        writes.push(ORDER, params);
    }
}

impl Ledger {
    /// A runner takes a job, if nobody else works on it.
    pub fn take_job(&self, writes: &mut Writes, job: i64, runner: Runner, now: Timestamp) {
        let since = self.silent_since(now);
        let params = vec![job.into(), runner.param(), now.as_millis().into(), since.into()];
        writes.push_first(TAKE, params, Some(MOVED));
    }
}

impl Job {
    /// The runner has dealt with the letters up to `reached`. Nothing of the writes is kept if the
    /// job is not any more where this one stands.
    pub fn went_on(
        &self,
        writes: &mut Writes,
        runner: Runner,
        (reached, passed, failed): (i64, u64, u64),
        now: Timestamp,
    ) {
        let number = |it| i64::try_from(it).unwrap_or(i64::MAX);
        let mut params = vec![self.id.into(), runner.param(), self.order.filter.after.into()];
        params.extend([reached.into(), number(passed).into(), number(failed).into()]);
        params.push(now.as_millis().into());
        // First: gateways take rows that several want in one order.
        writes.push_first(WENT_ON, params, Some(MOVED));
    }

    /// A letter stays, since it would be dead again.
    pub fn failed_again(&self, writes: &mut Writes, letter: &DeadLetter, cause: &Cause) {
        let target = letter.delivery.as_ref().map(|(target, _)| target);
        let group = group_of(&letter.route, target, cause);
        let target = target.map(Endpoint::to_string).unwrap_or_default();
        let mut params = vec![self.id.into(), group.into(), letter.id.into(), target.into()];
        params.extend([cause.class.as_ref().into(), cause.place.as_str().into()]);
        params.push(cause.reason.as_str().into());
        writes.push(FAILED, params);
    }

    /// The runner waits for something, or (`None`) does not any more.
    pub fn waits_for(
        &self,
        writes: &mut Writes,
        runner: Runner,
        what: Option<&str>,
        now: Timestamp,
    ) {
        let what: Param = what.map(str::to_owned).into();
        let params = vec![self.id.into(), runner.param(), what, now.as_millis().into()];
        writes.push_first(WAITS, params, Some(MOVED));
    }

    /// The runner stops working on the job, and another may.
    pub fn left(&self, writes: &mut Writes, runner: Runner) {
        writes.push_first(LEAVE, vec![self.id.into(), runner.param()], None);
    }

    /// The job has dealt with all its letters.
    pub fn done(&self, writes: &mut Writes, runner: Runner, now: Timestamp) {
        let reached = self.order.filter.after;
        let params = vec![self.id.into(), runner.param(), reached.into(), now.as_millis().into()];
        writes.push_first(DONE, params, Some(MOVED));
    }

    /// Another one than who ordered it approves the job. Nothing of the writes is kept if it does not
    /// wait for that.
    pub fn approved(&self, writes: &mut Writes, by: &str) {
        let otherwise = "the job does not wait for a second person, or not for this one";
        let expect = Expect { rows: 1, otherwise };
        writes.push_first(APPROVE, vec![self.id.into(), by.into()], Some(expect));
    }

    /// An operator ends the job. Nothing of the writes is kept if it has ended.
    pub fn cancelled(&self, writes: &mut Writes, by: &str, now: Timestamp) {
        let params = vec![self.id.into(), now.as_millis().into(), by.into()];
        let expect = Expect { rows: 1, otherwise: "the job has ended" };
        writes.push_first(CANCEL, params, Some(expect));
    }
}

/// Forgets jobs that ended before a moment; at most 100 per call.
pub fn forget_jobs(writes: &mut Writes, before: Timestamp) {
    writes.push(FORGET_FAILURES, vec![before.as_millis().into()]);
    writes.push(FORGET, vec![before.as_millis().into()]);
}

impl Runner {
    fn param(self) -> Param {
        self.0.as_bytes().as_slice().into()
    }
}
