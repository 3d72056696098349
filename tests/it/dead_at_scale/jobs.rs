//! Jobs over dead letters on a running engine: what they do, what they leave, and what stops them.

use std::{
    collections::BTreeMap,
    sync::Arc,
    time::{Duration, Instant},
};

use serde_json::json;
use simpul::{
    engine::Engine,
    journal::Event,
    ledger::{DeadFilter, Job, JobFailure, JobKind, JobOrder, JobState},
    message::Endpoint,
};

use crate::support::{
    bus::{Bus, Project},
    scripted::{Scripted, refused, wrong_password},
};

/// How long a test waits for what must happen.
const PATIENCE: Duration = Duration::from_secs(60);

/// A route whose map wants a field that no message has, and the same put right.
const WRONG: &str = "to:\n  - target: arsip.terima\n    map: { nomor: $.nomer | required, jenis: $.jenis | required }\n";
const RIGHT: &str = "to:\n  - target: arsip.terima\n    map: { nomor: $.nomor | required, jenis: $.jenis | required }\n";

fn ordered(kind: JobKind, filter: DeadFilter) -> JobOrder {
    JobOrder { kind, filter, only_to: None, rate: None, by: "sari: peta diperbaiki".to_owned() }
}

/// Waits until a job has ended.
async fn ended(engine: &Engine, id: i64) -> (Job, Vec<JobFailure>) {
    until(engine, id, "the job to end", |it| it.state != JobState::Running).await
}

async fn until(
    engine: &Engine,
    id: i64,
    what: &str,
    holds: impl Fn(&Job) -> bool,
) -> (Job, Vec<JobFailure>) {
    let start = Instant::now();
    loop {
        let (job, failures) = engine.job(id).await.unwrap().unwrap();
        if holds(&job) {
            return (job, failures);
        }
        assert!(start.elapsed() < PATIENCE, "waited for {what}: {job:#?}");
        tokio::time::sleep(Duration::from_millis(2)).await;
    }
}

/// A bus on which `count` messages are dead for a wrong map; every tenth would be with a right one.
async fn with_dead(count: usize, targets: &[(&str, Arc<Scripted>)]) -> Bus {
    let bus = Bus::start(WRONG, targets).await;
    let body = |number: usize| match number % 10 {
        0 => json!({ "nomor": number }),
        _ => json!({ "nomor": number, "jenis": "sk" }),
    };
    for from in (0..count).step_by(500) {
        bus.offer_many((from..count.min(from + 500)).map(body)).await;
    }
    bus.settled().await;
    bus.project().route("uji", RIGHT);
    bus.reload().await;
    bus
}

/// How often each `Idempotency-Key` came without saying that it may have come before.
fn unflagged(target: &Scripted) -> BTreeMap<String, usize> {
    let (keys, attempts) = (target.header("idempotency-key"), target.header("simpul-attempt"));
    let flags = target.header("simpul-possible-duplicate");
    let mut seen = BTreeMap::new();
    for (index, key) in keys.into_iter().enumerate() {
        if attempts[index] == "1" && flags[index] != "true" {
            *seen.entry(key).or_default() += 1;
        }
    }
    seen
}

#[tokio::test(flavor = "multi_thread")]
async fn a_group_is_previewed_and_replayed_and_tells_why_some_stay() {
    let arsip = Scripted::new([]);
    let bus = with_dead(250, &[("arsip", Arc::clone(&arsip))]).await;
    let groups = bus.engine.dead_groups(&DeadFilter::default(), 10).await.unwrap();
    assert_eq!((groups.len(), groups[0].count), (1, 250), "{groups:#?}");
    let group = DeadFilter { group: Some(groups[0].name.clone()), ..DeadFilter::default() };

    let preview = bus.engine.order(ordered(JobKind::Preview, group.clone())).await.unwrap();
    let (preview, would_fail) = ended(&bus.engine, preview.id).await;
    assert_eq!((preview.state, preview.total), (JobState::Done, 250));
    assert_eq!((preview.passed, preview.failed), (225, 25));
    let [why] = &would_fail[..] else { panic!("{would_fail:#?}") };
    assert_eq!((why.count, why.cause.place.as_str()), (25, "to arsip.terima: map"));
    assert!(why.cause.reason.starts_with("field `jenis`: "), "{why:?}");
    assert_eq!(bus.dead().await.len(), 250, "a preview changes nothing");
    assert_eq!(arsip.calls().len(), 0);

    let replay = bus.engine.order(ordered(JobKind::Replay, group)).await.unwrap();
    let (replay, fail) = ended(&bus.engine, replay.id).await;
    assert_eq!((replay.passed, replay.failed, fail), (225, 25, would_fail));
    bus.settled().await;
    assert_eq!(arsip.calls().len(), 225);
    let stay = bus.dead().await;
    assert_eq!(stay.len(), 25);

    let discard = bus.engine.order(ordered(JobKind::Discard, DeadFilter::default())).await.unwrap();
    assert_eq!(ended(&bus.engine, discard.id).await.0.passed, 25);
    assert_eq!(bus.dead().await, []);
    let tally = bus.status().await.targets[0].tally.clone();
    assert_eq!((tally.created, tally.delivered, tally.discarded), (250, 225, 25));

    let trace = bus.engine.trace(stay[0].message).await.unwrap().unwrap();
    let by = trace.lines.iter().find_map(|it| match &it.event {
        Event::Discarded { by } => Some(by.clone()),
        _ => None,
    });
    assert_eq!(by, Some(format!("sari: peta diperbaiki (job {})", discard.id)));
    let jobs: Vec<_> = bus.engine.jobs(10).await.unwrap().iter().map(|it| it.id).collect();
    assert_eq!(jobs, [discard.id, replay.id, preview.id], "the newest first");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_that_crashes_again_and_again_goes_on_and_sends_nothing_twice_unflagged() {
    const LETTERS: usize = 1_500;
    let arsip = Scripted::new([]);
    let mut bus = with_dead(LETTERS, &[("arsip", Arc::clone(&arsip))]).await;
    let job = bus.engine.order(ordered(JobKind::Replay, DeadFilter::default())).await.unwrap();
    let mut seen = 0;
    for crash in 0..6 {
        let further = |it: &Job| seen < it.passed || it.state != JobState::Running;
        let (now, _) = until(&bus.engine, job.id, "the job to go on", further).await;
        assert!(crash == 0 || seen <= now.passed, "it began anew: {now:?}");
        seen = now.passed;
        bus = bus.crash().await.start().await;
    }
    let (job, _) = ended(&bus.engine, job.id).await;
    assert_eq!((job.passed, job.failed), (LETTERS as u64 * 9 / 10, LETTERS as u64 / 10));
    bus.settled().await;
    assert_eq!(bus.dead().await.len(), LETTERS / 10);
    let came = unflagged(&arsip);
    let keys: std::collections::BTreeSet<_> = arsip.header("idempotency-key").into_iter().collect();
    assert_eq!(keys.len(), LETTERS * 9 / 10, "none is lost, and none has a second key");
    assert!(came.values().all(|it| *it == 1), "{came:?}");
    let tally = bus.status().await.targets[0].tally.clone();
    assert_eq!((tally.created, tally.delivered), (LETTERS as u64, LETTERS as u64 * 9 / 10));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_job_is_stopped_in_order_and_goes_on_after_the_next_start() {
    let arsip = Scripted::new([]);
    let bus = with_dead(1_000, &[("arsip", Arc::clone(&arsip))]).await;
    let order = JobOrder { rate: Some(400), ..ordered(JobKind::Replay, DeadFilter::default()) };
    let job = bus.engine.order(order).await.unwrap();
    until(&bus.engine, job.id, "some to be replayed", |it| 0 < it.passed).await;
    let (project, _) = bus.stop().await;
    let bus = project.start().await;
    let (before, _) = bus.engine.job(job.id).await.unwrap().unwrap();
    assert_eq!(before.state, JobState::Running, "a rate of 400 takes more than two seconds");
    let (job, _) = ended(&bus.engine, job.id).await;
    assert_eq!((job.passed, job.failed), (900, 100));
    bus.settled().await;
    assert_eq!(arsip.calls().len(), 900, "after a stop in order there is nothing to repeat");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rate_is_kept_and_a_cancelled_job_leaves_the_rest() {
    let arsip = Scripted::new([]);
    let bus = with_dead(400, &[("arsip", Arc::clone(&arsip))]).await;
    let order = JobOrder { rate: Some(100), ..ordered(JobKind::Replay, DeadFilter::default()) };
    let began = Instant::now();
    let job = bus.engine.order(order).await.unwrap();
    let (at, _) =
        until(&bus.engine, job.id, "sixty letters", |it| 60 <= it.passed + it.failed).await;
    let most = began.elapsed().as_secs_f64() * 100.0 + 25.0;
    assert!((at.passed + at.failed) as f64 <= most, "{} after {:?}", at.passed, began.elapsed());

    let cancelled = bus.engine.cancel(job.id, "sari: salah kelompok").await.unwrap().unwrap();
    assert_eq!(cancelled.state, JobState::Cancelled);
    assert_eq!(cancelled.ended_by.as_deref(), Some("sari: salah kelompok"));
    bus.settled().await;
    let dead = bus.dead().await.len() as u64;
    assert_eq!(dead, 400 - cancelled.passed, "what it had done stays done, and no more is done");
    assert_eq!(arsip.calls().len() as u64, cancelled.passed);
    // It has ended: another word changes nothing.
    assert_eq!(bus.engine.cancel(job.id, "budi: x").await.unwrap(), Some(cancelled));
    assert_eq!(bus.engine.cancel(99, "budi: x").await.unwrap(), None);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_dies_again_is_not_replayed_for_ever() {
    let arsip = Scripted::new([]);
    arsip.always(Some(refused()));
    let bus = with_dead(50, &[("arsip", Arc::clone(&arsip))]).await;
    let job = bus.engine.order(ordered(JobKind::Replay, DeadFilter::default())).await.unwrap();
    let (job, _) = ended(&bus.engine, job.id).await;
    assert_eq!((job.passed, job.failed), (45, 5));
    bus.settled().await;
    assert_eq!((arsip.calls().len(), bus.dead().await.len()), (45, 50));
    // The same holds for single letters.
    let again = bus.engine.replay(&DeadFilter::default(), "sari: lagi").await.unwrap();
    assert_eq!((again.count, again.failed.len()), (45, 5));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_replay_waits_while_much_waits_in_the_queue_and_says_so() {
    const LETTERS: usize = 2_500;
    const WAITING_MAX: u64 = 1_000 + 100;
    let arsip = Scripted::new([wrong_password()]);
    let bus = with_dead(LETTERS, &[("arsip", Arc::clone(&arsip))]).await;
    let target = Endpoint::parse("arsip.terima").unwrap();
    bus.engine.pause(&target, "pemeliharaan").await.unwrap();
    let job = bus.engine.order(ordered(JobKind::Replay, DeadFilter::default())).await.unwrap();
    let (waiting, _) = until(&bus.engine, job.id, "it to wait", |it| it.waits.is_some()).await;
    let waits = waiting.waits.unwrap();
    assert!(
        waits.ends_with(" deliveries of uji wait for arsip.terima, which is paused"),
        "{waits}"
    );
    let stands = bus.status().await.targets[0].paused;
    assert!((1_000..=WAITING_MAX).contains(&stands), "{stands} before whoever comes next");

    bus.engine.resume(&target).await.unwrap();
    let (job, _) = ended(&bus.engine, job.id).await;
    assert_eq!((job.passed, job.failed, job.waits), (2_250, 250, None));
    bus.settled().await;
    assert_eq!(bus.dead().await.len(), 250);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_to_one_target_alone_and_its_other_deliveries_are_kept_back() {
    let (arsip, agenda) = (Scripted::new([]), Scripted::new([]));
    let wrong = "steps:\n  - filter: $.salah == 1\nto:\n  - target: arsip.terima\n  - target: agenda.terima\n";
    let targets = [("arsip", Arc::clone(&arsip)), ("agenda", Arc::clone(&agenda))];
    let bus = Bus::start(wrong, &targets).await;
    bus.offer_many((0..30).map(|n| json!({ "nomor": n }))).await;
    bus.settled().await;
    bus.project().route("uji", &wrong.replace("$.salah == 1", "$.nomor >= 3"));
    bus.reload().await;

    let only_to = Endpoint::parse("arsip.terima");
    let order = ordered(JobKind::Replay, DeadFilter::default());
    let job = bus.engine.order(JobOrder { only_to, ..order }).await.unwrap();
    let (job, failures) = ended(&bus.engine, job.id).await;
    assert_eq!((job.passed, job.failed), (27, 3), "what is filtered today goes nowhere");
    assert_eq!(failures[0].cause.reason, "today the message makes no delivery to this target");
    bus.settled().await;
    assert_eq!((arsip.calls().len(), agenda.calls().len()), (27, 0));
    let kept = DeadFilter { class: Some("kept back".to_owned()), ..DeadFilter::default() };
    let letters = bus.engine.dead(&kept, 100).await.unwrap();
    assert_eq!(letters.len(), 27);
    let reason = "an operator had the message sent to arsip.terima only";
    assert!(letters.iter().all(|it| it.cause.reason == reason), "{letters:?}");

    // They are dead letters like others, mapped from the message as it was accepted.
    let job = bus.engine.order(ordered(JobKind::Replay, kept)).await.unwrap();
    assert_eq!(ended(&bus.engine, job.id).await.0.passed, 27);
    bus.settled().await;
    assert_eq!((arsip.calls().len(), agenda.calls().len()), (27, 27));
    let status = bus.status().await;
    assert_eq!((status.tally.dead, status.tally.routed), (3, 27));
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_is_kept_waiting_by_a_job_over_many_letters() {
    let arsip = Scripted::new([]);
    let bus = with_dead(2_000, &[("arsip", Arc::clone(&arsip))]).await;
    let job = bus.engine.order(ordered(JobKind::Preview, DeadFilter::default())).await.unwrap();
    until(&bus.engine, job.id, "it to begin", |it| 0 < it.passed).await;
    let before = arsip.calls().len();
    bus.publish(json!({ "nomor": 1, "jenis": "sk" })).await;
    let start = Instant::now();
    while arsip.calls().len() == before {
        assert!(start.elapsed() < Duration::from_secs(5), "a fresh message waits for a preview");
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    ended(&bus.engine, job.id).await;
}

/// On one store, two gateways: one works on a job, and the other takes over what it has left.
#[tokio::test(flavor = "multi_thread")]
async fn of_two_gateways_one_works_on_a_job_and_the_other_takes_over() {
    use simpul::store::{Options, Store, Writes};

    let Some(address) = crate::support::postgres::database().await else { return };
    let arsip = Scripted::new([]);
    let start = async || {
        let store = Store::connect(&address, Options::default()).await.unwrap();
        let project = Project::of(WRONG, &[("arsip", Arc::clone(&arsip))]);
        project.start_sharing(store).await
    };
    let one = start().await;
    one.offer_many((0..400).map(|n| json!({ "nomor": n, "jenis": "sk" }))).await;
    let start_of_wait = Instant::now();
    while one.dead().await.len() < 400 {
        assert!(start_of_wait.elapsed() < PATIENCE, "they do not die");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let other = start().await;
    for bus in [&one, &other] {
        bus.project().route("uji", RIGHT);
        bus.reload().await;
    }
    let order = JobOrder { rate: Some(100), ..ordered(JobKind::Replay, DeadFilter::default()) };
    let job = one.engine.order(order).await.unwrap();
    until(&one.engine, job.id, "some to be replayed", |it| 0 < it.passed).await;
    one.crash().await;
    // As if the thirty seconds were over after which a silent gateway is taken for dead.
    let store = Store::connect(&address, Options::default()).await.unwrap();
    let mut writes = Writes::default();
    writes.push("UPDATE dead_job SET seen = 0", vec![]);
    store.commit(writes).await.unwrap();
    let (job, _) = ended(&other.engine, job.id).await;
    assert_eq!((job.passed, job.failed), (400, 0));
    assert_eq!(other.dead().await, []);
}
