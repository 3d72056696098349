//! Accounts and journal of what went the short way: written together, within a second.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::{
    engine::{Shared, pipeline::Out},
    journal::{self, Event, Line},
    ledger,
    message::{Endpoint, Message, MessageId, Timestamp},
    route::Route,
    store::Writes,
};

/// How long what went the short way waits to be written down.
const EVERY: Duration = Duration::from_millis(500);

/// How long the store is left alone after it refused.
const TROUBLE_PAUSE: Duration = Duration::from_secs(1);

/// Lines that wait to be written at most; then messages wait too.
const LINES_MAX: usize = 20_000;

/// Lines in one commit: it holds up the commits of others for some tens of milliseconds at most.
const LINES_PER_COMMIT: usize = 4_000;

/// What is to be written.
#[derive(Default)]
pub(in crate::engine) struct Afterwards {
    // std, not tokio: held to push and take, never across an await.
    waiting: Mutex<Waiting>,
    written: Notify,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<Line>,
    tallies: Tallies,
    /// Lines that were taken out and are not written yet.
    writing: usize,
}

/// How much is to be added to which account: route, target (empty: of the messages), name.
type Tallies = BTreeMap<(Arc<str>, String, &'static str), u64>;

impl Afterwards {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is room for more.
    pub(super) async fn room(&self) {
        loop {
            let written = self.written.notified();
            if self.has_room() {
                return;
            }
            written.await;
        }
    }

    fn has_room(&self) -> bool {
        let waiting = self.lock();
        waiting.lines.len() + waiting.writing < LINES_MAX
    }

    /// Takes out what waits; it counts as waiting until it is written or put back.
    fn take(&self) -> (Vec<Line>, Tallies) {
        let mut waiting = self.lock();
        waiting.writing = waiting.lines.len();
        (std::mem::take(&mut waiting.lines), std::mem::take(&mut waiting.tallies))
    }

    pub(super) fn note(&self, passed: Passed) {
        let Passed { route, mut lines, tallies, .. } = passed;
        let mut waiting = self.lock();
        waiting.lines.append(&mut lines);
        for ((target, name), count) in tallies.into_iter().filter(|((_, it), _)| *it != SKIPPED) {
            let target = target.map(|it| it.to_string()).unwrap_or_default();
            *waiting.tallies.entry((Arc::clone(&route), target, name)).or_default() += count;
        }
    }

    /// Writes down what waits: the accounts with the first lines, so that both equations hold at
    /// any time. False if the store refused; then it waits on.
    async fn write(&self, shared: &Shared) -> bool {
        let (mut lines, mut tallies) = self.take();
        while !lines.is_empty() || !tallies.is_empty() {
            let count = lines.len().min(LINES_PER_COMMIT);
            let mut writes = Writes::default();
            for ((route, target, name), count) in &tallies {
                ledger::add(&mut writes, (route, target), name, *count);
            }
            lines[..count].iter().for_each(|line| journal::append(&mut writes, line));
            if let Err(error) = shared.store.commit(writes).await {
                warn!(%error, "accounts and journal of what was passed on wait to be written");
                self.put_back(lines, tallies);
                return false;
            }
            tallies.clear();
            lines.drain(..count);
            self.lock().writing = lines.len();
            self.written.notify_waiters();
        }
        true
    }

    fn put_back(&self, mut lines: Vec<Line>, tallies: Tallies) {
        let mut waiting = self.lock();
        lines.append(&mut waiting.lines);
        waiting.lines = lines;
        waiting.writing = 0;
        for (place, count) in tallies {
            *waiting.tallies.entry(place).or_default() += count;
        }
    }
}

/// Writes down what went the short way, until the bus stops; the last of it then.
pub(in crate::engine) async fn run(shared: Arc<Shared>) {
    let stop: &CancellationToken = &shared.stop;
    while !stop.is_cancelled() {
        let pause = if shared.afterwards.write(&shared).await { EVERY } else { TROUBLE_PAUSE };
        tokio::select! {
            () = stop.cancelled() => {}
            () = sleep(pause) => {}
        }
    }
    if !shared.afterwards.write(&shared).await {
        warn!("accounts and journal of the last messages that were passed on are not written");
    }
}

/// What came of one batch on the short way.
pub(super) struct Passed {
    route: Arc<str>,
    generation: i64,
    by: String,
    lines: Vec<Line>,
    tallies: BTreeMap<(Option<Endpoint>, &'static str), u64>,
    /// Seconds from arrival to confirmation, of each delivery.
    ages: Vec<(Endpoint, Duration)>,
}

impl Passed {
    pub(super) fn new(route: &Arc<str>, generation: i64, by: &str) -> Self {
        let (lines, tallies, ages) = (Vec::new(), BTreeMap::new(), Vec::new());
        Self { route: Arc::clone(route), generation, by: by.to_owned(), lines, tallies, ages }
    }

    pub(super) fn by(&self) -> &str {
        &self.by
    }

    fn add(&mut self, target: Option<&Endpoint>, name: &'static str) {
        *self.tallies.entry((target.cloned(), name)).or_default() += 1;
    }

    fn line(&mut self, id: MessageId, at: Timestamp, event: Event) {
        let (route, generation) = (Arc::clone(&self.route), self.generation);
        self.lines.push(Line { at, route, message: Some(id), delivery: None, generation, event });
    }

    pub(super) fn filtered(&mut self, message: &Message, step: String) {
        self.add(None, "received");
        self.add(None, "filtered");
        self.line(message.id, message.received_at, Event::Filtered { step });
    }

    pub(super) fn delivered(&mut self, message: &Message, out: Out, took: Duration) {
        self.add(None, "received");
        self.add(None, "routed");
        for made in &out.made {
            self.add(Some(&made.target), "created");
            self.add(Some(&made.target), "delivered");
            self.ages.push((made.target.clone(), took));
        }
        for skipped in &out.skipped {
            self.add(Some(skipped), SKIPPED);
        }
        let to = out.made.into_iter().map(|it| it.target).collect();
        let by = self.by.clone();
        self.line(message.id, message.received_at, Event::Passed { by, to });
    }

    /// Shows it to the metrics.
    pub(super) fn count(&self, shared: &Shared, route: &Route) {
        let of_route = shared.metrics.route(&route.name);
        let of = |target: &Endpoint| shared.metrics.target(&route.name, &target.to_string());
        for ((target, name), count) in &self.tallies {
            match (target, *name) {
                (None, "received") => of_route.received.inc_by(*count),
                (None, "filtered") => of_route.filtered.inc_by(*count),
                (None, _) => of_route.routed.inc_by(*count),
                (Some(target), "created") => of(target).created.inc_by(*count),
                (Some(target), SKIPPED) => of(target).skipped.inc_by(*count),
                (Some(target), _) => {
                    let metrics = of(target);
                    metrics.delivered.inc_by(*count);
                    metrics.attempts_delivered.inc_by(*count);
                }
            }
        }
        for (target, took) in &self.ages {
            let metrics = of(target);
            metrics.delivery_duration.observe(took.as_secs_f64());
            metrics.attempt_duration.observe(took.as_secs_f64());
        }
    }
}

/// Counted for the metrics; the ledger has no account of it.
const SKIPPED: &str = "skipped";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_being_written_takes_room_until_it_is_written() {
        let (afterwards, route) = (Afterwards::default(), Arc::from("uji"));
        let mut passed = Passed::new(&route, 1, "asal.data/amqp");
        let at = Timestamp::from_millis(1);
        let id = crate::message::IdSource::default().next(at);
        (0..LINES_MAX).for_each(|_| passed.line(id, at, Event::CopyDropped));
        afterwards.note(passed);
        assert!(!afterwards.has_room());
        let (lines, tallies) = afterwards.take();
        assert!(!afterwards.has_room());
        afterwards.put_back(lines, tallies);
        assert!(!afterwards.has_room());
        let (lines, _) = afterwards.take();
        afterwards.put_back(lines[1..].to_vec(), Tallies::new());
        assert!(afterwards.has_room());
    }
}
