//! Jobs in either kind of store: who works on one, and that nobody works on it twice.

use std::time::Duration;

use simpul::{
    ledger::{
        Approval, DeadFilter, Job, JobKind, JobOrder, JobState, JobTerms, Runner, forget_jobs,
    },
    message::{IdSource, Timestamp},
    store::StoreError,
};

use super::bench::{Bench, START, cause};

/// The number of the last letter that the jobs mean.
const LAST: i64 = 40;

fn order() -> JobOrder {
    let group = Some("5d1f0c6be2a94873".to_owned());
    let (since, before) = (Some(START), Some(START.after(Duration::from_secs(60))));
    let filter = DeadFilter { group, since, before, ..DeadFilter::default() };
    let (kind, by) = (JobKind::Replay, "sari: peta diperbaiki".to_owned());
    JobOrder { kind, filter, only_to: Some(super::target()), rate: Some(50), by }
}

async fn given(bench: &Bench, token: &IdSource) -> Job {
    let token = token.next(START);
    let terms = JobTerms { who: Some("sari".to_owned()), ..JobTerms::default() };
    bench.write(|it| order().given(it, (&terms, token), START, (LAST, 7))).await.unwrap();
    let id = bench.ledger.job_of(token).await.unwrap().unwrap();
    bench.ledger.job(id).await.unwrap().unwrap()
}

async fn take(bench: &Bench, job: &Job, who: Runner, now: Timestamp) -> Result<(), StoreError> {
    bench.write(|it| bench.ledger.take_job(it, job.id, who, now)).await
}

#[tokio::test]
async fn a_job_is_kept_as_it_was_ordered() {
    for bench in Bench::each().await {
        let tokens = IdSource::default();
        let job = given(&bench, &tokens).await;
        let filter = DeadFilter { last: Some(LAST), ..order().filter };
        let expected = Job {
            id: job.id,
            order: JobOrder { filter, ..order() },
            at: START,
            state: JobState::Running,
            total: 7,
            passed: 0,
            failed: 0,
            waits: None,
            ended: None,
            ended_by: None,
            who: Some("sari".to_owned()),
            approval: Approval::NotNeeded,
        };
        assert_eq!(job, expected);
        let newer = given(&bench, &tokens).await;
        let bench = bench.reopen().await;
        assert_eq!(bench.ledger.jobs(10).await.unwrap(), [newer, job.clone()]);
        assert_eq!(bench.ledger.jobs(1).await.unwrap().len(), 1);
    }
}

#[tokio::test]
async fn a_job_that_needs_a_second_person_is_worked_on_by_nobody_before() {
    for bench in Bench::each().await {
        let token = IdSource::default().next(START);
        let terms = JobTerms { who: Some("sari".to_owned()), count: None, second_person: true };
        bench.write(|it| order().given(it, (&terms, token), START, (LAST, 7))).await.unwrap();
        let id = bench.ledger.job_of(token).await.unwrap().unwrap();
        let job = bench.ledger.job(id).await.unwrap().unwrap();
        assert_eq!(job.approval, Approval::Awaited);
        let later = START.after(Duration::from_secs(3_600));
        assert_eq!(bench.ledger.free_jobs(later).await.unwrap(), [] as [i64; 0]);
        let runner = Runner(IdSource::default().next(later));
        take(&bench, &job, runner, later).await.unwrap_err();
        bench.write(|it| job.approved(it, "sari")).await.unwrap_err();

        bench.write(|it| job.approved(it, "budi")).await.unwrap();
        bench.write(|it| job.approved(it, "tono")).await.unwrap_err();
        let job = bench.ledger.job(id).await.unwrap().unwrap();
        assert_eq!(job.approval, Approval::By("budi".to_owned()));
        assert_eq!(bench.ledger.free_jobs(later).await.unwrap(), [id]);
        take(&bench, &job, runner, later).await.unwrap();
    }
}

#[tokio::test]
async fn of_two_runners_one_does_each_page_and_after_its_death_the_other() {
    for bench in Bench::each().await {
        let tokens = IdSource::default();
        let job = given(&bench, &tokens).await;
        let [one, other] = [(); 2].map(|()| Runner(tokens.next(START)));
        take(&bench, &job, one, START).await.unwrap();
        let page = (10, 3, 1);
        bench.write(|it| job.went_on(it, one, page, START)).await.unwrap();
        // The same page once more, as after an answer that was lost.
        let refused = bench.write(|it| job.went_on(it, one, page, START)).await.unwrap_err();
        assert_eq!(refused.reason, "the job was cancelled or taken over meanwhile");
        let at = bench.ledger.job(job.id).await.unwrap().unwrap();
        assert_eq!((at.order.filter.after, at.passed, at.failed), (10, 3, 1));

        let much_later = START.after(Duration::from_secs(31));
        if bench.store.is_shared() {
            let soon = START.after(Duration::from_secs(20));
            take(&bench, &job, other, soon).await.unwrap_err();
            assert_eq!(bench.ledger.free_jobs(soon).await.unwrap(), [0; 0]);
        }
        assert_eq!(bench.ledger.free_jobs(much_later).await.unwrap(), [job.id]);
        take(&bench, &job, other, much_later).await.unwrap();
        let late = |it: &mut _| at.went_on(it, one, (20, 1, 0), much_later);
        bench.write(late).await.unwrap_err();
        bench.write(|it| at.went_on(it, other, (20, 2, 0), much_later)).await.unwrap();
        let at = bench.ledger.job(job.id).await.unwrap().unwrap();
        bench.write(|it| at.done(it, other, much_later)).await.unwrap();
        let at = bench.ledger.job(job.id).await.unwrap().unwrap();
        assert_eq!((at.state, at.passed, at.ended), (JobState::Done, 5, Some(much_later)));
        assert_eq!(bench.ledger.free_jobs(much_later).await.unwrap(), [0; 0]);
    }
}

#[tokio::test]
async fn a_cancelled_job_does_nothing_more_and_is_forgotten_in_the_end() {
    for bench in Bench::each().await {
        let tokens = IdSource::default();
        let job = given(&bench, &tokens).await;
        let one = Runner(tokens.next(START));
        take(&bench, &job, one, START).await.unwrap();
        let (_, letter) = bench.dead().await;
        let fails = |it: &mut _| {
            job.failed_again(it, &letter, &cause("bad message"));
            job.failed_again(it, &letter, &cause("bad message"));
            job.failed_again(it, &letter, &cause("no target"));
        };
        bench.write(fails).await.unwrap();
        bench.write(|it| job.waits_for(it, one, Some("a target"), START)).await.unwrap();
        let waits = bench.ledger.job(job.id).await.unwrap().unwrap().waits;
        assert_eq!(waits.as_deref(), Some("a target"));

        bench.write(|it| job.cancelled(it, "budi: salah", START)).await.unwrap();
        bench.write(|it| job.went_on(it, one, (5, 1, 0), START)).await.unwrap_err();
        bench.write(|it| job.cancelled(it, "sari: lagi", START)).await.unwrap_err();
        let at = bench.ledger.job(job.id).await.unwrap().unwrap();
        assert_eq!((at.state, at.ended_by.as_deref()), (JobState::Cancelled, Some("budi: salah")));
        let failures = bench.ledger.job_failures(job.id).await.unwrap();
        let told: Vec<_> = failures.iter().map(|it| (it.count, &*it.cause.class)).collect();
        assert_eq!(told, [(2, "bad message"), (1, "no target")]);
        assert_eq!((failures[0].letter, failures[0].target.clone()), (letter.id, None));

        bench.write(|it| forget_jobs(it, START)).await.unwrap();
        assert!(bench.ledger.job(job.id).await.unwrap().is_some(), "not yet");
        bench.write(|it| forget_jobs(it, START.after(Duration::from_secs(1)))).await.unwrap();
        assert_eq!(bench.ledger.jobs(10).await.unwrap(), []);
        assert_eq!(bench.ledger.job_failures(job.id).await.unwrap(), []);
    }
}
