//! Which queues there are, under which names and with which arguments.

use std::{
    collections::BTreeSet,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::watch;

use crate::{
    amqp::{Admin, AdminError, Argument, Binding, ExchangeSpec, QueueSpec},
    message::Digest,
    store::{Store, Writes},
};

/// Where RabbitMQ puts what it gives up by itself, which it never should.
pub(super) const DEAD: &str = "simpul.dead";

/// Never reached: but with none, 3.10 puts what comes back at the end of its queue, and 4.x drops
/// after 20 returns. `-1` would delete at the first one on 3.10.
const DELIVERIES_MAX: i64 = 1_000_000;

/// The queues of a broker, as far as this gateway knows them.
pub(super) struct Topology {
    store: Store,
    shards: usize,
    rungs: Vec<Duration>,
    /// Declared over the connection of now.
    declared: Mutex<BTreeSet<String>>,
    /// Everything that was ever declared, by whichever gateway of this store.
    known: watch::Sender<BTreeSet<String>>,
}

/// The names of queues that were declared.
const NAMES: &str = "SELECT name FROM declared WHERE name > ?1 ORDER BY name LIMIT 5000";

const REMEMBER: &str = "INSERT INTO declared (name) VALUES (?1) ON CONFLICT (name) DO NOTHING";

impl Topology {
    /// Reads the names of the queues that there are.
    pub(super) async fn open(
        store: Store,
        shards: usize,
        mut rungs: Vec<Duration>,
    ) -> Result<Self, String> {
        let mut known = BTreeSet::new();
        loop {
            let after: String = known.last().cloned().unwrap_or_default();
            let answers = store.query(vec![(NAMES, vec![after.into()])]).await;
            let answers = answers.map_err(|it| it.to_string())?;
            let before = known.len();
            known.extend(answers.iter().flatten().map(|row| row.text(0).to_owned()));
            if known.len() == before {
                break;
            }
        }
        rungs.sort_unstable_by(|a, b| b.cmp(a));
        let known = watch::Sender::new(known);
        Ok(Self { store, shards: shards.max(1), rungs, declared: Mutex::default(), known })
    }

    /// The queue of RabbitMQ for an entry: one of several, where its key has an order.
    pub(super) fn place(&self, queue: &str, order_key: Option<Digest>) -> String {
        match order_key {
            None => queue.to_owned(),
            Some(Digest(bytes)) => {
                let head = bytes.first_chunk::<8>().map_or(0, |it| u64::from_be_bytes(*it));
                let shards = self.shards as u64;
                sharded(queue, head % shards)
            }
        }
    }

    /// The queues of RabbitMQ that make up one of ours, as far as there are any.
    pub(super) fn places(&self, queue: &str) -> Vec<String> {
        let known = self.known.borrow();
        let of = |it: &&String| logical(it) == queue;
        known
            .range(queue.to_owned()..)
            .take_while(|it| it.starts_with(queue))
            .filter(of)
            .cloned()
            .collect()
    }

    /// Ours, as far as there are any.
    pub(super) fn names(&self) -> BTreeSet<String> {
        self.known.borrow().iter().map(|it| logical(it).to_owned()).collect()
    }

    /// Tells of new queues.
    pub(super) fn news(&self) -> watch::Receiver<BTreeSet<String>> {
        self.known.subscribe()
    }

    /// The longest rung that does not overshoot a delay; nothing if even the shortest does.
    pub(super) fn rung(&self, delay: Duration) -> Option<Duration> {
        self.rungs.iter().copied().find(|it| *it <= delay)
    }

    /// Makes sure that `places` exist.
    pub(super) async fn ensure(
        &self,
        admin: &Admin,
        places: &BTreeSet<String>,
    ) -> Result<(), AdminError> {
        let missing: Vec<_> = {
            let declared = self.declared();
            places.iter().filter(|it| !declared.contains(*it)).cloned().collect()
        };
        if missing.is_empty() {
            return Ok(());
        }
        if !self.declared().contains(DEAD) {
            admin.declare(&spec(DEAD)).await?;
            self.declared().insert(DEAD.to_owned());
        }
        for place in &missing {
            admin.declare(&spec(place)).await?;
        }
        self.remember(&missing).await?;
        self.declared().extend(missing);
        Ok(())
    }

    /// Before the first message is in them, so that a start finds everything that holds one.
    async fn remember(&self, places: &[String]) -> Result<(), AdminError> {
        let mut writes = Writes::default();
        {
            let known = self.known.borrow();
            for place in places.iter().filter(|it| !known.contains(*it)) {
                writes.push(REMEMBER, vec![place.as_str().into()]);
            }
        }
        let kept = self.store.commit(writes).await;
        let what = "the names of the queues".to_owned();
        kept.map_err(|error| AdminError::Failed { what, reason: error.to_string() })?;
        self.known.send_if_modified(|known| {
            let before = known.len();
            known.extend(places.iter().cloned());
            known.len() != before
        });
        Ok(())
    }

    /// Makes sure that a rung of the ladder exists; returns the exchange before it.
    pub(super) async fn ensure_rung(
        &self,
        admin: &Admin,
        rung: Duration,
    ) -> Result<String, AdminError> {
        let name = delaying(rung);
        if self.declared().contains(&name) {
            return Ok(name);
        }
        // An exchange of its own, so that the routing key stays free to say where to go then.
        admin.declare_exchange(&ExchangeSpec { name: name.clone(), kind: "fanout" }).await?;
        let ttl = i64::try_from(rung.as_millis()).unwrap_or(i64::MAX);
        let mut queue = quorum(&name);
        queue.arguments.push(("x-message-ttl", Argument::Number(ttl)));
        admin.declare(&queue).await?;
        let binding =
            Binding { queue: name.clone(), exchange: name.clone(), routing_key: String::new() };
        admin.bind(&binding).await?;
        self.remember(std::slice::from_ref(&name)).await?;
        self.declared().insert(name.clone());
        Ok(name)
    }

    /// A queue was not there any more: it is declared anew at its next use.
    pub(super) fn forget(&self, place: &str) {
        self.declared().remove(place);
    }

    fn declared(&self) -> MutexGuard<'_, BTreeSet<String>> {
        self.declared.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Every queue of RabbitMQ that `queues` of ours come to, each with whether its entries have an
/// order: shards, the rungs of the ladder and the queue of what was given up included.
pub(super) fn needed<'a>(
    queues: impl IntoIterator<Item = (&'a str, bool)>,
    shards: usize,
    rungs: &[Duration],
) -> BTreeSet<String> {
    let mut all: BTreeSet<_> = rungs.iter().copied().map(delaying).collect();
    all.insert(DEAD.to_owned());
    for (queue, has_order) in queues {
        match has_order {
            true => all.extend((0..shards.max(1) as u64).map(|shard| sharded(queue, shard))),
            false => all.extend([queue.to_owned()]),
        }
    }
    all
}

fn sharded(queue: &str, shard: u64) -> String {
    format!("{queue}.s{shard:02}")
}

/// The name of a rung's queue, and of the exchange before it.
fn delaying(rung: Duration) -> String {
    format!("simpul.delay.{}", label(rung))
}

/// The name without its shard.
pub(super) fn logical(place: &str) -> &str {
    match place.rsplit_once(".s") {
        Some((queue, shard)) if shard.len() == 2 && shard.bytes().all(|it| it.is_ascii_digit()) => {
            queue
        }
        _ => place,
    }
}

/// A quorum queue whose losses go where they are addressed to.
fn quorum(name: &str) -> QueueSpec {
    let text = |it: &str| Argument::Text(it.to_owned());
    let arguments = vec![
        ("x-queue-type", text("quorum")),
        ("x-overflow", text("reject-publish")),
        ("x-dead-letter-exchange", text("")),
        ("x-dead-letter-strategy", text("at-least-once")),
    ];
    QueueSpec { name: name.to_owned(), arguments }
}

/// A queue with entries. Whatever may have an order has one consumer at a time, also with several
/// gateways: the shards, and the queues of routes.
pub(super) fn spec(place: &str) -> QueueSpec {
    let text = |it: &str| Argument::Text(it.to_owned());
    if place == DEAD {
        let arguments = vec![("x-queue-type", text("quorum"))];
        return QueueSpec { name: place.to_owned(), arguments };
    }
    let mut queue = quorum(place);
    queue.arguments.push(("x-dead-letter-routing-key", text(DEAD)));
    queue.arguments.push(("x-delivery-limit", Argument::Number(DELIVERIES_MAX)));
    if logical(place) != place || place.starts_with("simpul.route.") {
        queue.arguments.push(("x-single-active-consumer", Argument::Flag(true)));
    }
    queue
}

/// `5s`, `30m`, `6h`, `1500ms`.
fn label(rung: Duration) -> String {
    let ms = rung.as_millis();
    for (unit, length) in [("h", 3_600_000), ("m", 60_000), ("s", 1_000)] {
        if ms.is_multiple_of(length) {
            return format!("{}{unit}", ms / length);
        }
    }
    format!("{ms}ms")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rungs_and_shards_have_the_names_of_the_manual() {
        let labels = [5, 30, 300, 1_800, 7_200, 21_600].map(|it| label(Duration::from_secs(it)));
        assert_eq!(labels, ["5s", "30s", "5m", "30m", "2h", "6h"]);
        assert_eq!(
            logical("simpul.deliver.sppd.arsip.simpan.s03"),
            "simpul.deliver.sppd.arsip.simpan"
        );
        assert_eq!(logical("simpul.deliver.sppd.arsip.simpan"), "simpul.deliver.sppd.arsip.simpan");
        assert_eq!(logical("simpul.deliver.sppd.arsip.s1"), "simpul.deliver.sppd.arsip.s1");
    }

    #[test]
    fn what_has_an_order_needs_its_shards_and_all_share_the_rest() {
        let queues = [("simpul.route.sppd", false), ("simpul.deliver.sppd.arsip.simpan", true)];
        let rungs = [5, 30].map(Duration::from_secs);
        let needed: Vec<_> = needed(queues, 2, &rungs).into_iter().collect();
        let expected = [
            "simpul.dead",
            "simpul.delay.30s",
            "simpul.delay.5s",
            "simpul.deliver.sppd.arsip.simpan.s00",
            "simpul.deliver.sppd.arsip.simpan.s01",
            "simpul.route.sppd",
        ];
        assert_eq!(needed, expected);
    }
}
