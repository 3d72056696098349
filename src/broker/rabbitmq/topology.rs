//! Which queues there are, under which names and with which arguments.
//!
//! A queue is declared as soon as anything wants to take from it, and not when the first message
//! comes: RabbitMQ 3.10 needs seconds until a new quorum queue would survive its own `kill -9`.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use futures_util::future::join_all;
use tokio::sync::watch;

use super::{
    identity::Identity,
    spec::{self, DEAD, logical, shard},
};
use crate::{
    amqp::{Admin, AdminError, Binding, ExchangeSpec, QueueSpec},
    broker::Order,
    message::Digest,
    store::{Store, StoreError, Writes},
};

/// Queues that are declared before anybody is told.
const CHUNK: usize = 64;

/// The queues of a broker, as far as this gateway knows them.
pub(super) struct Topology {
    store: Store,
    pub(super) identity: Identity,
    shards: usize,
    rungs: Vec<Duration>,
    /// To be declared as soon as there is a connection.
    wanted: watch::Sender<BTreeSet<String>>,
    /// Declared by this process, and there as far as it knows.
    declared: watch::Sender<BTreeSet<String>>,
    /// Everything that was ever declared, by whichever gateway of this store.
    // std, not tokio: held for a few instructions, never across an await.
    known: Mutex<BTreeSet<String>>,
    /// How often each was declared anew, as far as this gateway has heard.
    anew: Mutex<BTreeMap<String, i64>>,
    /// Held while declaring: a queue that is declared twice at once comes to be half.
    declaring: tokio::sync::Mutex<()>,
}

/// The names of queues that were declared.
const NAMES: &str = "SELECT name FROM declared WHERE name > ?1 ORDER BY name LIMIT 5000";

/// How often queues were declared anew after somebody had deleted them, by whichever gateway.
const ANEW: &str = "SELECT name, value FROM fact WHERE name LIKE 'declared anew: %' ORDER BY name";

/// What the names in it begin with.
const ANEW_IS: &str = "declared anew: ";

const COUNT_ANEW: &str = "INSERT INTO fact (name, value) VALUES (?1, 1)
    ON CONFLICT (name) DO UPDATE SET value = fact.value + 1";

const REMEMBER: &str = "INSERT INTO declared (name) VALUES (?1) ON CONFLICT (name) DO NOTHING";

impl Topology {
    /// Reads the names of the queues that there are.
    pub(super) async fn open(
        store: Store,
        shards: usize,
        mut rungs: Vec<Duration>,
    ) -> Result<Self, String> {
        rungs.sort_unstable_by(|a, b| b.cmp(a));
        let identity = Identity::of(&store).await.map_err(|it| it.to_string())?;
        let topology = Self {
            store,
            identity,
            shards: shards.max(1),
            rungs,
            wanted: watch::Sender::default(),
            declared: watch::Sender::default(),
            known: Mutex::default(),
            anew: Mutex::default(),
            declaring: tokio::sync::Mutex::default(),
        };
        topology.learn().await?;
        Ok(topology)
    }

    /// Reads the names that the store has: other gateways of the same store declare queues, too.
    /// Returns those that were declared anew since the last time: whoever consumes from them may be
    /// on the new one without having been told, and get nothing of it.
    pub(super) async fn learn(&self) -> Result<BTreeSet<String>, String> {
        let (mut names, mut last) = (BTreeSet::new(), String::new());
        loop {
            let answers = self.store.query(vec![(NAMES, vec![last.as_str().into()])]).await;
            let answers = answers.map_err(|it| it.to_string())?;
            let before = names.len();
            names.extend(answers.iter().flatten().map(|row| row.text(0).to_owned()));
            if names.len() == before {
                break;
            }
            last = names.last().cloned().unwrap_or_default();
        }
        let new: Vec<_> = names.difference(&self.known()).cloned().collect();
        let consumed: BTreeSet<_> =
            self.wanted.borrow().iter().map(|it| logical(it).to_owned()).collect();
        let places = new.iter().filter(|it| consumed.contains(logical(it)));
        self.add_wanted(places.cloned().collect());
        self.known().extend(names);
        self.learn_anew().await
    }

    async fn learn_anew(&self) -> Result<BTreeSet<String>, String> {
        let answers = self.store.query(vec![(ANEW, vec![])]).await.map_err(|it| it.to_string())?;
        let mut known = self.anew.lock().unwrap_or_else(PoisonError::into_inner);
        let mut anew = BTreeSet::new();
        for row in answers.iter().flatten() {
            let name = row.text(0).trim_start_matches(ANEW_IS).to_owned();
            if known.insert(name.clone(), row.int(1)) != Some(row.int(1)) {
                anew.insert(name);
            }
        }
        Ok(anew)
    }

    /// The queue of RabbitMQ for an entry: one of several, where its key has an order.
    pub(super) fn place(&self, queue: &str, order_key: Option<Digest>) -> String {
        match order_key {
            None => queue.to_owned(),
            Some(Digest(bytes)) => {
                let head = bytes.first_chunk::<8>().map_or(0, |it| u64::from_be_bytes(*it));
                shard(queue, head % self.shards as u64)
            }
        }
    }

    /// Into how many queues the entries with an order key of one queue are divided.
    pub(super) fn shards(&self) -> usize {
        self.shards
    }

    /// Somebody takes from a queue: everything that it consists of is to be declared.
    pub(super) fn want(&self, queue: &str, order: Order) {
        let mut places = self.places(queue);
        places.extend(spec::places(queue, order != Order::Free, self.shards));
        self.add_wanted(places);
    }

    fn add_wanted(&self, places: Vec<String>) {
        self.wanted.send_if_modified(|wanted| {
            let before = wanted.len();
            wanted.extend(places);
            wanted.len() != before
        });
    }

    /// Tells of what is to be declared.
    pub(super) fn wishes(&self) -> watch::Receiver<BTreeSet<String>> {
        self.wanted.subscribe()
    }

    /// The queues of RabbitMQ that make up one of ours, as far as there are any.
    pub(super) fn places(&self, queue: &str) -> Vec<String> {
        parts(&self.known(), queue)
    }

    /// Those of them that this process has declared.
    pub(super) fn declared_places(&self, queue: &str) -> Vec<String> {
        parts(&self.declared.borrow(), queue)
    }

    /// Ours, as far as there are any.
    pub(super) fn names(&self) -> BTreeSet<String> {
        self.known().iter().map(|it| logical(it).to_owned()).collect()
    }

    /// Tells of queues that were declared.
    pub(super) fn news(&self) -> watch::Receiver<BTreeSet<String>> {
        self.declared.subscribe()
    }

    /// The longest rung that does not overshoot a delay; nothing if even the shortest does.
    pub(super) fn rung(&self, delay: Duration) -> Option<Duration> {
        self.rungs.iter().copied().find(|it| *it <= delay)
    }

    /// Declares what every gateway needs, and what is wanted by now. A queue that is another than it
    /// should be does not keep the rest from being declared; a broker that does not answer does.
    pub(super) async fn declare_wanted(&self, admin: &Admin) -> Vec<AdminError> {
        let mut failures = Vec::new();
        for rung in &self.rungs {
            failures.extend(self.ensure_rung(admin, *rung).await.err());
            if !failures.iter().all(is_mismatch) {
                return failures;
            }
        }
        let mut wanted: Vec<_> = self.missing(&self.wanted.borrow());
        if !self.declared.borrow().contains(DEAD) {
            wanted.insert(0, DEAD.to_owned());
        }
        for chunk in wanted.chunks(CHUNK) {
            failures.extend(self.declare(admin, chunk).await);
            if !failures.iter().all(is_mismatch) {
                break;
            }
        }
        failures
    }

    /// Makes sure that `places` exist.
    pub(super) async fn ensure(
        &self,
        admin: &Admin,
        places: &BTreeSet<String>,
    ) -> Result<(), AdminError> {
        let mut missing = self.missing(places);
        if missing.is_empty() {
            return Ok(());
        }
        if !self.declared.borrow().contains(DEAD) {
            missing.insert(0, DEAD.to_owned());
        }
        self.declare(admin, &missing).await.pop().map_or(Ok(()), Err)
    }

    fn missing(&self, places: &BTreeSet<String>) -> Vec<String> {
        places.difference(&self.declared.borrow()).cloned().collect()
    }

    /// Declares queues, several at once; returns what went wrong.
    async fn declare(&self, admin: &Admin, places: &[String]) -> Vec<AdminError> {
        let _alone = self.declaring.lock().await;
        let places = places.iter().filter(|it| !self.declared.borrow().contains(*it));
        let places: Vec<_> = places.cloned().collect();
        // Their names first: a start must find everything that may hold a message.
        if let Err(failure) = self.remember(&places).await {
            return vec![failure];
        }
        // At once, as far as the connection allows.
        let specs: Vec<_> = places.iter().map(|it| spec::of(it)).collect();
        let declaring: Vec<_> = specs.iter().map(|it| admin.declare(it)).collect();
        let outcomes = join_all(declaring).await;
        let (mut declared, mut failures) = (Vec::new(), Vec::new());
        for (place, outcome) in places.into_iter().zip(outcomes) {
            match outcome {
                Ok(_) => declared.push(place),
                Err(failure) => failures.push(failure),
            }
        }
        self.declared.send_if_modified(|all| {
            let before = all.len();
            all.extend(declared);
            all.len() != before
        });
        failures
    }

    async fn remember(&self, places: &[String]) -> Result<(), AdminError> {
        let mut writes = Writes::default();
        {
            let known = self.known();
            for place in places.iter().filter(|it| !known.contains(*it)) {
                writes.push(REMEMBER, vec![place.as_str().into()]);
            }
        }
        let kept = self.store.commit(writes).await;
        kept.map_err(unwritten)?;
        self.known().extend(places.iter().cloned());
        Ok(())
    }

    /// Makes sure that a rung of the ladder exists; returns the exchange before it.
    pub(super) async fn ensure_rung(
        &self,
        admin: &Admin,
        rung: Duration,
    ) -> Result<String, AdminError> {
        let name = spec::rung_name(rung);
        if !self.declared.borrow().contains(&name) {
            self.declare_rung(admin, rung).await?;
            self.declared.send_if_modified(|all| all.insert(name.clone()));
        }
        Ok(name)
    }

    async fn declare_rung(&self, admin: &Admin, rung: Duration) -> Result<(), AdminError> {
        let _alone = self.declaring.lock().await;
        let name = spec::rung_name(rung);
        // An exchange of its own, so that the routing key stays free to say where to go then.
        admin.declare_exchange(&ExchangeSpec { name: name.clone(), kind: "fanout" }).await?;
        self.remember(std::slice::from_ref(&name)).await?;
        admin.declare(&spec::rung(rung)).await?;
        let binding = Binding { queue: name.clone(), exchange: name, routing_key: String::new() };
        admin.bind(&binding).await
    }

    /// A queue is not there any more: it is declared anew at its next use.
    pub(super) fn forget(&self, place: &str) {
        self.declared.send_if_modified(|all| all.remove(place));
    }

    /// Looks whether everything that was declared is still there as it should be. Declares anew
    /// what somebody has deleted; returns what is wrong.
    pub(super) async fn check(&self, admin: &Admin) -> Vec<AdminError> {
        let mut failures = Vec::new();
        let declared = self.declared.borrow().clone();
        let queues =
            declared.iter().filter(|it| !it.starts_with(spec::RUNG)).map(|it| spec::of(it));
        // On the first connection of all there is nothing yet that somebody could have deleted.
        let rungs: Vec<_> =
            self.rungs.iter().filter(|it| declared.contains(&spec::rung_name(**it))).collect();
        let queues: Vec<_> = queues.chain(rungs.iter().map(|it| spec::rung(**it))).collect();
        for queue in queues {
            failures.extend(self.check_one(admin, &queue).await.err());
            if !failures.iter().all(is_mismatch) {
                return failures;
            }
        }
        for rung in rungs {
            failures.extend(self.declare_rung(admin, *rung).await.err());
        }
        failures
    }

    async fn check_one(&self, admin: &Admin, queue: &QueueSpec) -> Result<(), AdminError> {
        let before = admin.counts(&queue.name).await?;
        if before.is_none() {
            tracing::error!(
                queue = queue.name,
                "the queue was deleted at the broker, with all that was in it; it is declared anew"
            );
        }
        let _alone = self.declaring.lock().await;
        let now = admin.declare(queue).await?;
        // Deleted a moment ago, if those who consumed from it are gone.
        if before.is_none_or(|it| now.consumers < it.consumers) {
            self.count_anew(&queue.name).await?;
        }
        Ok(())
    }

    async fn count_anew(&self, place: &str) -> Result<(), AdminError> {
        let mut writes = Writes::default();
        writes.push(COUNT_ANEW, vec![format!("{ANEW_IS}{place}").into()]);
        self.store.commit(writes).await.map_err(unwritten)
    }

    fn known(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn unwritten(error: StoreError) -> AdminError {
    let what = "the names of the queues".to_owned();
    AdminError::Failed { what, reason: error.to_string() }
}

/// Whether it is the queue that is wrong, and not the broker away.
pub(super) fn is_mismatch(failure: &AdminError) -> bool {
    matches!(failure, AdminError::Mismatch { .. })
}

fn parts(all: &BTreeSet<String>, queue: &str) -> Vec<String> {
    let range = all.range(queue.to_owned()..).take_while(|it| it.starts_with(queue));
    range.filter(|it| logical(it) == queue).cloned().collect()
}
