//! Dead letters, and what is done with them, as far as a caller may.

use super::{Desk, Of, Reason, Refusal, Right};
use crate::{
    engine::{Acted, Preview, Replayed},
    ledger::{
        Approval, DeadFilter, DeadGroup, DeadLetter, Job, JobFailure, JobKind, JobOrder, JobState,
        JobTerms,
    },
    message::{Endpoint, Message},
};

/// Letters that are read at once while those are looked for that somebody may see.
const PAGE: usize = 500;

/// Pages that are read for one answer: a hundred thousand letters.
const PAGES_MAX: usize = 200;

/// Groups of which those are shown that somebody may see.
const GROUPS: usize = 500;

/// What somebody wants done with many dead letters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobWish {
    /// What is to be done.
    pub kind: JobKind,
    /// With which letters; not by their numbers.
    pub filter: DeadFilter,
    /// Of messages that could not be routed, only what goes to this target is sent.
    pub only_to: Option<Endpoint>,
    /// Letters a second at most.
    pub rate: Option<u32>,
    /// How many letters he takes it to be about; a preview may leave it open.
    pub count: Option<u64>,
    /// Why.
    pub reason: Reason,
}

#[expect(clippy::missing_errors_doc, reason = "said once, at `Refusal`")]
impl Desk {
    /// Dead letters by number that he may see.
    pub async fn dead(
        &self,
        filter: &DeadFilter,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, Refusal> {
        self.need_somewhere(Right::See)?;
        let filter = self.narrowed(filter);
        if self.caller.may(Right::See, &of_filter(&filter)) {
            return self.bus.dead(&filter, limit).await;
        }
        let (mut filter, mut seen) = (filter, Vec::new());
        for _ in 0..PAGES_MAX {
            let page = self.bus.dead(&filter, PAGE).await?;
            let (full, last) = (page.len() == PAGE, page.last().map(|it| it.id));
            seen.extend(page.into_iter().filter(|it| self.caller.may(Right::See, &of(it))));
            filter.after = last.unwrap_or(filter.after);
            if limit <= seen.len() || !full {
                seen.truncate(limit);
                return Ok(seen);
            }
        }
        let reason = "too many dead letters of others lie between yours: name a route or a target";
        Err(Refusal::Unavailable(reason.to_owned()))
    }

    /// One dead letter that he may see, without what was sent.
    pub async fn dead_one(&self, id: i64) -> Result<Option<DeadLetter>, Refusal> {
        self.need_somewhere(Right::See)?;
        let letter = self.bus.dead_one(id).await?;
        let seen = letter.filter(|it| self.caller.may(Right::See, &of(it)));
        Ok(seen.map(|it| DeadLetter { sent: None, ..it }))
    }

    /// One dead letter with what was sent: a look at a body.
    pub async fn dead_sent(&self, id: i64) -> Result<Option<DeadLetter>, Refusal> {
        let Some(letter) = self.dead_one(id).await? else { return Ok(None) };
        self.need_over(Right::SeeBody, &of(&letter))?;
        self.looked("what was sent", &letter).await?;
        self.bus.dead_one(id).await
    }

    /// The message of one dead letter, as its route accepted it: a look at a body. It is more than goes
    /// to one target, so that it needs the right over the route.
    pub async fn dead_message(&self, id: i64) -> Result<Option<Message>, Refusal> {
        let Some(letter) = self.dead_one(id).await? else { return Ok(None) };
        self.need_over(Right::SeeBody, &Of::route(&letter.route))?;
        self.looked("the message as accepted", &letter).await?;
        self.bus.dead_message(id).await
    }

    /// What a replay of one dead letter would send with today's files: a look at a body.
    pub async fn preview(&self, id: i64) -> Result<Option<Preview>, Refusal> {
        let Some(letter) = self.dead_one(id).await? else { return Ok(None) };
        self.need_over(Right::SeeBody, &of(&letter))?;
        self.looked("what a replay would send", &letter).await?;
        self.bus.preview(id).await
    }

    /// Dead letters that he may see in groups of those that failed alike, the largest first.
    pub async fn dead_groups(
        &self,
        filter: &DeadFilter,
        limit: usize,
    ) -> Result<Vec<DeadGroup>, Refusal> {
        self.need_somewhere(Right::See)?;
        let filter = self.narrowed(filter);
        if self.caller.may(Right::See, &of_filter(&filter)) {
            return self.bus.dead_groups(&filter, limit).await;
        }
        let mut groups = self.bus.dead_groups(&filter, GROUPS).await?;
        groups.retain(|it| self.caller.may(Right::See, &of_group(it)));
        groups.truncate(limit);
        Ok(groups)
    }

    /// Sends dead letters on again that are named by their numbers.
    pub async fn replay(&self, filter: &DeadFilter, reason: &Reason) -> Result<Replayed, Refusal> {
        let Some(filter) = self.named(Right::Replay, filter).await? else {
            return Ok(Replayed::default());
        };
        self.record("replay", format!("replayed {}", told(&filter.ids)), Some(reason)).await?;
        self.bus.replay(&filter, &self.by(reason)).await
    }

    /// Gives dead letters up for good that are named by their numbers. Returns how many.
    pub async fn discard(&self, filter: &DeadFilter, reason: &Reason) -> Result<u64, Refusal> {
        let Some(filter) = self.named(Right::Discard, filter).await? else { return Ok(0) };
        self.record("discard", format!("discarded {}", told(&filter.ids)), Some(reason)).await?;
        self.bus.discard(&filter, &self.by(reason)).await
    }

    /// Has something done with many dead letters, however long that takes.
    pub async fn order(&self, wish: JobWish) -> Result<Job, Refusal> {
        let JobWish { kind, filter, only_to, rate, count, reason } = wish;
        self.need_somewhere(right_to(kind))?;
        let filter = self.covered(right_to(kind), filter).await?;
        let letters = count.map(|it| format!(" of {it} dead letters")).unwrap_or_default();
        let what = format!("ordered a job: {}{letters}", kind.word());
        self.record("order", what, Some(&reason)).await?;
        let order = JobOrder { kind, filter, only_to, rate, by: self.by(&reason) };
        let second_person = self.second_person && kind != JobKind::Preview;
        let terms = JobTerms { who: Some(self.caller.who()), count, second_person };
        self.bus.order(order, &terms).await
    }

    /// How many dead letters he may see are meant by a filter without numbers.
    pub async fn dead_count(&self, filter: &DeadFilter) -> Result<u64, Refusal> {
        self.need_somewhere(Right::See)?;
        let filter = self.covered(Right::See, self.narrowed(filter)).await?;
        self.bus.dead_count(&filter).await
    }

    /// Lets a job go on that another one ordered, and that waits for him.
    pub async fn approve(&self, id: i64, reason: &Reason) -> Result<Option<Job>, Refusal> {
        let Some((job, _)) = self.job(id).await? else { return Ok(None) };
        self.need_over(right_to(job.order.kind), &of_filter(&job.order.filter))?;
        if job.state != JobState::Running || job.approval != Approval::Awaited {
            let why = format!("job {id} does not wait for a second person");
            return Err(Refusal::Changed(why));
        }
        if self.caller.is_local() {
            let why = "nobody has checked who works at this terminal: a second person logs in";
            return Err(Refusal::Changed(why.to_owned()));
        }
        // As whom somebody ordered it at the terminal he may not approve it either.
        let ordered_by = job.who.as_deref().and_then(|it| it.split(' ').next());
        if ordered_by.is_none_or(|it| it == self.caller.name()) {
            let why = "who ordered a job does not approve it: that is for a second person";
            return Err(Refusal::Changed(why.to_owned()));
        }
        self.record("approve", format!("approved job {id}"), Some(reason)).await?;
        self.bus.approve(id, &self.caller.who()).await
    }

    /// The newest jobs that he may see, the newest first.
    pub async fn jobs(&self, limit: usize) -> Result<Vec<Job>, Refusal> {
        self.need_somewhere(Right::See)?;
        let mut jobs = self.bus.jobs(limit).await?;
        jobs.retain(|it| self.sees_job(it));
        Ok(jobs)
    }

    /// One job, and why letters of it stayed.
    pub async fn job(&self, id: i64) -> Result<Option<(Job, Vec<JobFailure>)>, Refusal> {
        self.need_somewhere(Right::See)?;
        Ok(self.bus.job(id).await?.filter(|(job, _)| self.sees_job(job)))
    }

    /// Ends a job where it is.
    pub async fn cancel(&self, id: i64, reason: &Reason) -> Result<Option<Job>, Refusal> {
        let Some((job, _)) = self.job(id).await? else { return Ok(None) };
        self.need_over(right_to(job.order.kind), &of_filter(&job.order.filter))?;
        self.record("cancel", format!("ended job {id}"), Some(reason)).await?;
        self.bus.cancel(id, &self.by(reason)).await
    }

    fn sees_job(&self, job: &Job) -> bool {
        self.caller.may(Right::See, &of_filter(&job.order.filter))
    }

    /// A filter that means only what he may see, where that can be said: who has one route alone need
    /// not look through those of all others.
    fn narrowed(&self, filter: &DeadFilter) -> DeadFilter {
        let own = self.caller.grants().only_route(Right::See);
        match (own, &filter.route) {
            (Some(own), None) => DeadFilter { route: Some(own.to_owned()), ..filter.clone() },
            _ => filter.clone(),
        }
    }

    /// A filter over all of which he has a right.
    async fn covered(&self, right: Right, filter: DeadFilter) -> Result<DeadFilter, Refusal> {
        if self.caller.may(right, &of_filter(&filter)) {
            return Ok(filter);
        }
        let filter = self.with_place(filter).await?;
        self.need_over(right, &of_filter(&filter))?;
        Ok(filter)
    }

    /// A filter that names a group, with the route and the target of that group.
    async fn with_place(&self, filter: DeadFilter) -> Result<DeadFilter, Refusal> {
        if filter.group.is_none() || filter.route.is_some() && filter.target.is_some() {
            return Ok(filter);
        }
        let Some(group) = self.bus.dead_groups(&filter, 1).await?.pop() else { return Ok(filter) };
        let target = group.target.as_ref().map(Endpoint::to_string);
        Ok(DeadFilter {
            route: Some(group.route.to_string()),
            target: filter.target.clone().or(target),
            ..filter
        })
    }

    /// A filter with the numbers of those letters alone that he may see; `None` if that is none.
    async fn named(
        &self,
        right: Right,
        filter: &DeadFilter,
    ) -> Result<Option<DeadFilter>, Refusal> {
        self.need_somewhere(right)?;
        if self.caller.may(right, &Of::default()) && self.caller.may(Right::See, &Of::default()) {
            return Ok(Some(filter.clone()));
        }
        let letters = self.bus.dead(filter, PAGE).await?;
        let mut ids = Vec::new();
        for letter in letters.iter().filter(|it| self.caller.may(Right::See, &of(it))) {
            self.need_over(right, &of(letter))?;
            ids.push(letter.id);
        }
        Ok((!ids.is_empty()).then(|| DeadFilter { ids, ..filter.clone() }))
    }

    /// Writes down that he looks at a body, before he sees it.
    async fn looked(&self, at: &str, letter: &DeadLetter) -> Result<(), Refusal> {
        let acted = Acted {
            who: self.caller.who(),
            did: "looked",
            what: format!("looked at {at}, dead letter {}", letter.id),
            reason: None,
            route: Some(std::sync::Arc::clone(&letter.route)),
            message: Some(letter.message),
            delivery: letter.delivery.clone(),
        };
        self.bus.note(acted).await
    }
}

fn right_to(kind: JobKind) -> Right {
    match kind {
        // It changes nothing, and works as hard as the replay does.
        JobKind::Preview | JobKind::Replay => Right::Replay,
        JobKind::Discard => Right::Discard,
    }
}

/// What a dead letter belongs to.
fn of(letter: &DeadLetter) -> Of<'_> {
    Of::both(&letter.route, letter.delivery.as_ref().map(|(target, _)| &*target.system))
}

fn of_group(group: &DeadGroup) -> Of<'_> {
    Of::both(&group.route, group.target.as_ref().map(|it| &*it.system))
}

/// What everything belongs to that a filter means.
fn of_filter(filter: &DeadFilter) -> Of<'_> {
    let system = filter.target.as_deref().and_then(|it| it.split_once('.')).map(|(it, _)| it);
    Of { route: filter.route.as_deref(), system }
}

/// So many dead letters, and which, as far as a line has room.
fn told(ids: &[i64]) -> String {
    const SHOWN: usize = 20;
    let shown: Vec<_> = ids.iter().take(SHOWN).map(ToString::to_string).collect();
    let more = if SHOWN < ids.len() { ", …" } else { "" };
    let letters = if ids.len() == 1 { "dead letter" } else { "dead letters" };
    format!("{} {letters}: {}{more}", ids.len(), shown.join(", "))
}
