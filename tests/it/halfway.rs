//! Over a broker that is not transactional, whatever happens between two of its steps: nothing is
//! lost, nothing is sent twice unnoticed, and every message is accounted for once.

use std::{
    collections::BTreeMap,
    sync::{
        Arc, Mutex,
        atomic::{AtomicU32, Ordering},
    },
};

use async_trait::async_trait;
use serde_json::json;
use simpul::{
    broker::{
        Broker, BrokerError, Browsed, Consumer, Depth, Entry, Output, QueueName, Settled, Taking,
    },
    connector::IntakeError,
    engine::RouteStatus,
    ledger::DeadFilter,
    message::{Clock, Headers, IdSource},
    store::{Store, Writes},
};

use crate::support::{
    bus::{Bus, Project},
    scripted::{Reply, Scripted},
};

/// Where a step is the last one that happens.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum After {
    /// A publication, and before its writes.
    Published,
    /// As `Published`; and what is put in first comes last.
    PublishedBehind,
    /// The writes of a settlement, and before its outputs.
    Written,
    /// The outputs of a settlement, and before its deliveries leave their queue.
    Passed,
}

/// Does one step after the other, as RabbitMQ with a store beside it, and stops `times` times.
struct Halfway {
    inner: Arc<dyn Broker>,
    store: Store,
    after: After,
    times: AtomicU32,
}

impl Halfway {
    fn breaks(&self, here: After) -> Result<(), BrokerError> {
        let more = |it: u32| it.checked_sub(1);
        if here == self.after
            && self.times.fetch_update(Ordering::SeqCst, Ordering::SeqCst, more).is_ok()
        {
            return Err(BrokerError { reason: format!("broken after {here:?}") });
        }
        Ok(())
    }

    async fn put(&self, outputs: Vec<Output>) -> Result<(), BrokerError> {
        self.inner.publish(outputs, Writes::default()).await.into_iter().collect()
    }
}

#[async_trait]
impl Broker for Halfway {
    fn is_transactional(&self) -> bool {
        false
    }

    async fn publish(&self, outputs: Vec<Output>, writes: Writes) -> Vec<Result<(), BrokerError>> {
        let count = outputs.len();
        let published = async {
            let mut outputs = outputs;
            if self.after == After::PublishedBehind {
                // The copy and its original in each other's place.
                outputs.iter_mut().for_each(|it| it.copy = !it.copy);
            }
            self.put(outputs).await?;
            self.breaks(After::Published)?;
            self.breaks(After::PublishedBehind)?;
            Ok(self.store.commit(writes).await?)
        };
        vec![published.await; count]
    }

    async fn publish_atomically(
        &self,
        outputs: Vec<Output>,
        writes: Writes,
    ) -> Result<(), BrokerError> {
        self.inner.publish_atomically(outputs, writes).await
    }

    fn consume(&self, queue: &QueueName, taking: Taking) -> Box<dyn Consumer> {
        self.inner.consume(queue, taking)
    }

    async fn settle(
        &self,
        settled: Vec<Settled>,
        outputs: Vec<Output>,
        writes: Writes,
    ) -> Result<(), BrokerError> {
        // A settlement of deliveries has no outputs: only those of routes break.
        let routes = !outputs.is_empty();
        self.store.commit(writes).await?;
        if routes {
            self.breaks(After::Written)?;
        }
        self.put(outputs).await?;
        if routes {
            self.breaks(After::Passed)?;
        }
        self.inner.settle(settled, Vec::new(), Writes::default()).await
    }

    async fn depth(&self, queue: &QueueName) -> Result<Depth, BrokerError> {
        self.inner.depth(queue).await
    }

    async fn depths(&self) -> Result<BTreeMap<QueueName, Depth>, BrokerError> {
        self.inner.depths().await
    }

    async fn browse(
        &self,
        queue: &QueueName,
        after: i64,
        limit: usize,
    ) -> Result<Vec<Browsed>, BrokerError> {
        self.inner.browse(queue, after, limit).await
    }

    async fn hasten(&self, queue: &QueueName) -> Result<(), BrokerError> {
        self.inner.hasten(queue).await
    }

    async fn purge(&self, queue: &QueueName) -> Result<u64, BrokerError> {
        self.inner.purge(queue).await
    }

    fn damaged(&self) -> u64 {
        self.inner.damaged()
    }
}

async fn bus(route: &str, targets: &[(&str, Arc<Scripted>)], after: After, times: u32) -> Bus {
    let between = |inner, store| {
        Arc::new(Halfway { inner, store, after, times: AtomicU32::new(times) }) as Arc<dyn Broker>
    };
    Project::of(route, targets).start_over(between).await
}

const ROUTE: &str = "
steps:
  - filter: $.jenis != 'kosong'
to:
  - target: arsip.terima
    retry: { first: 10ms, max: 20ms, give_up: 10s }
  - target: absensi.terima
    when: $.n > 5
    each: $.daftar[*]
    map: { nilai: \"=@\" }
";

/// Received, filtered, routed; created and delivered at both targets.
async fn accounts(bus: &Bus) -> ([u64; 3], [[u64; 2]; 2]) {
    let status = bus.status().await;
    let of = |name: &str| {
        let found = status.targets.iter().find(|it| it.target.system.as_ref() == name);
        found.map_or([0, 0], |it| [it.tally.created, it.tally.delivered])
    };
    let it = &status.tally;
    ([it.received, it.filtered, it.routed], [of("arsip"), of("absensi")])
}

#[tokio::test]
async fn what_a_settlement_began_is_finished_once_wherever_it_broke() {
    for after in [After::Written, After::Passed] {
        let (archive, attendance) = (Scripted::new([]), Scripted::new([]));
        let targets = [("arsip", Arc::clone(&archive)), ("absensi", Arc::clone(&attendance))];
        let bus = bus(ROUTE, &targets, after, 3).await;
        for n in 0..12 {
            let kind = if n % 4 == 0 { "kosong" } else { "isi" };
            bus.publish(json!({ "jenis": kind, "n": n, "daftar": [1, 2] })).await;
        }
        bus.settled().await;
        let expected = ([12, 3, 9], [[9, 9], [10, 10]]);
        assert_eq!(accounts(&bus).await, expected, "{after:?}");
        each_is_new_or_flagged(&archive, 9);
        each_is_new_or_flagged(&attendance, 10);
    }
}

/// Whoever got one twice was told.
#[track_caller]
fn each_is_new_or_flagged(target: &Scripted, deliveries: usize) {
    let (keys, flags) =
        (target.header("idempotency-key"), target.header("simpul-possible-duplicate"));
    let mut seen = std::collections::BTreeSet::new();
    for (key, flag) in keys.iter().zip(&flags) {
        assert!(seen.insert(key) || flag == "true", "{key} came again, and nobody said so");
    }
    assert_eq!(seen.len(), deliveries);
}

#[tokio::test]
async fn a_sender_who_tries_again_after_a_crash_halfway_has_one_message() {
    for after in [After::Published, After::PublishedBehind] {
        tries_again(after).await;
    }
}

async fn tries_again(after: After) {
    let archive = Scripted::new([]);
    let bus =
        bus(ROUTE, &[("arsip", Arc::clone(&archive)), ("absensi", Scripted::new([]))], after, 1)
            .await;
    let body = json!({ "jenis": "isi", "n": 1, "daftar": [] });
    let refused = bus.offer(Some("kunci-1"), body.clone()).await.unwrap_err();
    assert!(matches!(refused, IntakeError::Unavailable { .. }), "{refused:?}");
    let other = bus.offer(Some("kunci-1"), json!({ "n": 2 })).await.unwrap_err();
    assert!(matches!(other, IntakeError::KeyReused { .. }), "{other:?}");

    let accepted = bus.offer(Some("kunci-1"), body.clone()).await.unwrap();
    assert!(!accepted.duplicate);
    let again = bus.offer(Some("kunci-1"), body).await.unwrap();
    assert!(again.duplicate && again.id == accepted.id);
    bus.settled().await;
    assert_eq!(accounts(&bus).await, ([1, 0, 1], [[1, 1], [0, 0]]));
    // The second one may be on its way before the first is known to be taken.
    each_is_new_or_flagged(&archive, 1);
}

#[tokio::test]
async fn a_message_that_nobody_counted_is_counted_when_it_is_settled() {
    let archive = Scripted::new([]);
    let targets = [("arsip", Arc::clone(&archive)), ("absensi", Scripted::new([]))];
    let bus = bus(ROUTE, &targets, After::Published, 1).await;
    bus.offer(None, json!({ "jenis": "isi", "n": 1, "daftar": [] })).await.unwrap_err();
    bus.until("the message to be delivered", |it| it.tally.routed == 1).await;
    bus.settled().await;
    assert_eq!(accounts(&bus).await, ([1, 0, 1], [[1, 1], [0, 0]]));
}

#[tokio::test]
async fn a_delivery_that_the_files_of_today_do_not_make_becomes_a_dead_letter() {
    let gone = "to:\n  - target: arsip.terima\n";
    let both = "to:\n  - target: arsip.terima\n  - target: absensi.terima\n    ";
    for (files, dead, why) in [
        (gone.to_owned(), 1, "the files of today make none"),
        (format!("steps:\n  - filter: $.n > 100\n{gone}"), 2, "filtered today"),
        (format!("steps:\n  - set: {{ $.x: =100 / 0 }}\n{gone}"), 2, "100 / 0"),
        (format!("{both}each: $.daftar[*]\n    map: {{ x: \"=@ / 0\" }}\n"), 1, "@ / 0"),
    ] {
        becomes_dead_letters(&files, dead, why).await;
    }
}

async fn becomes_dead_letters(files: &str, count: usize, why: &str) {
    let archive = Scripted::new([]);
    let targets = [("arsip", Arc::clone(&archive)), ("absensi", Scripted::new([]))];
    let bus = bus(ROUTE, &targets, After::Written, u32::MAX).await;
    bus.publish(json!({ "jenis": "isi", "n": 7, "daftar": [1] })).await;
    bus.until("it to be written down", |it| it.tally.routed == 1).await;
    bus.project().route("uji", files);
    bus.reload().await;
    let dead = |it: &RouteStatus| it.targets.iter().map(|to| to.tally.dead).sum::<u64>();
    bus.until("it to be dead", |it| dead(it) == count as u64).await;
    let letters = bus.engine.dead(&DeadFilter::default(), 10).await.unwrap();
    assert_eq!(letters.len(), count);
    for letter in letters {
        let reason = &letter.cause.reason;
        assert!(reason.starts_with("the bus died while this delivery was made: "), "{reason}");
        assert!(reason.contains(why), "{reason}");
    }
}

#[tokio::test]
async fn a_failing_target_is_tried_again_over_broken_settlements() {
    let archive = Scripted::new([Reply::Failed(simpul::connector::Class::Unavailable, 503)]);
    let targets = [("arsip", Arc::clone(&archive)), ("absensi", Scripted::new([]))];
    let bus = bus(ROUTE, &targets, After::Passed, 2).await;
    bus.publish(json!({ "jenis": "isi", "n": 1, "daftar": [] })).await;
    bus.until("the delivery", |it| it.targets.iter().any(|to| to.tally.delivered == 1)).await;
    bus.settled().await;
    assert_eq!(accounts(&bus).await, ([1, 0, 1], [[1, 1], [0, 0]]));
}

#[tokio::test]
async fn what_its_own_copy_has_overtaken_is_not_routed_again() {
    let archive = Scripted::new([]);
    let targets = [("arsip", Arc::clone(&archive))];
    let inside: Arc<Mutex<Option<Arc<dyn Broker>>>> = Arc::default();
    let seen = Arc::clone(&inside);
    let between = |inner: Arc<dyn Broker>, store| {
        *seen.lock().unwrap() = Some(Arc::clone(&inner));
        let (after, times) = (After::Passed, AtomicU32::new(0));
        Arc::new(Halfway { inner, store, after, times }) as Arc<dyn Broker>
    };
    let bus = Project::of("to:\n  - target: arsip.terima\n", &targets).start_over(between).await;
    let broker = inside.lock().unwrap().take().unwrap();

    let now = Clock::system().now();
    let (headers, body) = (Headers::default(), b"{}".as_slice().into());
    let entry = Entry { id: IdSource::default().next(now), received_at: now, headers, body };
    let put = async |copy: bool| {
        let (queue, entry) = ("simpul.route.uji".into(), entry.clone());
        let output = Output { queue, entry, due: None, order_key: None, copy };
        broker.publish(vec![output], Writes::default()).await.remove(0).unwrap();
    };
    // The one who published the first was slow, the one who tried again was not.
    put(true).await;
    bus.until("the copy to be delivered", |it| it.targets[0].tally.delivered == 1).await;
    put(false).await;
    let queue: QueueName = "simpul.route.uji".into();
    let start = std::time::Instant::now();
    while broker.depth(&queue).await.unwrap().entries != 0 {
        assert!(start.elapsed() < std::time::Duration::from_secs(20), "it stays in its queue");
        tokio::time::sleep(std::time::Duration::from_millis(10)).await;
    }
    bus.settled().await;
    let tally = bus.status().await.tally;
    assert_eq!((tally.received, tally.routed, archive.calls().len()), (1, 1, 1));
}
