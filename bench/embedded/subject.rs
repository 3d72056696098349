//! simpul's embedded broker on a store in a directory.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use simpul::{
    broker::{Broker, Entry, Output, Settled, Taking, embedded::Embedded},
    message::{Clock, Headers, IdSource},
    store::{CommitSeen, Options, Store, Writes},
};

use super::{BATCH, BODY, Queue};

#[derive(Clone)]
pub(super) struct Subject(Arc<Inner>);

struct Inner {
    broker: Embedded,
    ids: IdSource,
    clock: Clock,
    commits: Arc<AtomicU64>,
    _directory: tempfile::TempDir,
}

impl Subject {
    pub(super) async fn open() -> Self {
        // Not the system's folder for such things, which may be in memory.
        let directory = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
        let commits = Arc::new(AtomicU64::new(0));
        let seen = Arc::clone(&commits);
        let observe = Arc::new(move |_: CommitSeen| {
            seen.fetch_add(1, Ordering::Relaxed);
        });
        let options = Options { observe: Some(observe), ..Options::default() };
        let store = Store::open_with(directory.path(), options).unwrap();
        let clock = Clock::system();
        let broker = Embedded::open(store, clock).await.unwrap();
        let ids = IdSource::default();
        Self(Arc::new(Inner { broker, ids, clock, commits, _directory: directory }))
    }
}

impl Queue for Subject {
    async fn publish(&self) {
        let received_at = self.0.clock.now();
        let headers = Headers::from_iter([("simpul-client", "bench"), ("ce-type", "ukur")]);
        let id = self.0.ids.next(received_at);
        let entry = Entry { id, received_at, headers, body: vec![b'x'; BODY].into() };
        let output =
            Output { queue: "ukur".into(), entry, due: None, order_key: None, copy: false };
        for outcome in self.0.broker.publish(vec![output], Writes::default()).await {
            outcome.unwrap();
        }
    }

    async fn drain(self, settled: Arc<AtomicU64>) {
        let mut consumer = self.0.broker.consume(&"ukur".into(), Taking::free(2 * BATCH));
        loop {
            let taken = consumer.next(BATCH).await;
            let count = taken.len() as u64;
            let done = taken.into_iter().map(Settled::Done).collect();
            self.0.broker.settle(done, Vec::new(), Writes::default()).await.unwrap();
            settled.fetch_add(count, Ordering::Relaxed);
        }
    }

    fn commits(&self) -> u64 {
        self.0.commits.load(Ordering::Relaxed)
    }
}
