//! Accounts and journal of what went the short way: written together, a tenth of a second later.

use std::{
    collections::BTreeMap,
    mem,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::sleep};
use tokio_util::sync::CancellationToken;
use tracing::warn;

use super::passed::{Passed, Sent};
use crate::{
    engine::Shared,
    journal::{self, Body, Event, Kept, Term},
    ledger,
    message::{MessageId, Timestamp},
    store::Writes,
};

/// How long what went the short way waits to be written down. Longer would save little, and the
/// messages that go through meanwhile would wait behind a larger commit for the processor.
const EVERY: Duration = Duration::from_millis(100);

/// How long the store is left alone after it refused.
const TROUBLE_PAUSE: Duration = Duration::from_secs(1);

/// Rows that wait to be written at most; then messages wait too. A row is a line, a term, or a part of
/// a body that is kept.
const ROWS_MAX: usize = 20_000;

/// Bytes that count as a row: about what a line takes.
const ROW_BYTES: usize = 256;

/// Rows in one commit: it holds up the commits of others for some tens of milliseconds at most.
const ROWS_PER_COMMIT: usize = 4_000;

/// What is to be written.
#[derive(Default)]
pub(in crate::engine) struct Afterwards {
    // std, not tokio: held to push and take, never across an await.
    waiting: Mutex<Waiting>,
    /// Something is to be written.
    noted: Notify,
    written: Notify,
}

#[derive(Default)]
struct Waiting {
    lines: Vec<Noted>,
    tallies: Tallies,
    /// Rows of the lines, and of those that were taken out and are not written yet.
    rows: usize,
    /// Since when the first of these has waited.
    writing_since: Option<Timestamp>,
}

/// A line of the journal that waits to be written.
#[derive(Clone)]
pub(super) struct Noted {
    pub(super) message: MessageId,
    pub(super) at: Timestamp,
    /// What is said of it, which is the same for most messages of a batch.
    pub(super) what: Arc<What>,
    /// What it is found by.
    pub(super) terms: Vec<Term>,
    /// What is kept of its bodies.
    pub(super) bodies: Vec<Body>,
}

impl Noted {
    /// A body takes as much room as the rows that would.
    fn rows(&self) -> usize {
        let of_body = |it: &Body| match &it.kept {
            Kept::Sealed(sealed) => 1 + sealed.len() / ROW_BYTES,
            Kept::Digest(_) | Kept::NotRead => 1,
        };
        1 + self.terms.len() + self.bodies.iter().map(of_body).sum::<usize>()
    }
}

pub(super) struct What {
    pub(super) route: Arc<str>,
    pub(super) generation: i64,
    pub(super) event: Event,
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
        self.lock().rows < ROWS_MAX
    }

    /// How long the oldest line has waited.
    pub(in crate::engine) fn behind(&self, now: Timestamp) -> Duration {
        let waiting = self.lock();
        let oldest = waiting.writing_since.or(waiting.lines.first().map(|it| it.at));
        oldest.map_or(Duration::ZERO, |it| now.since(it))
    }

    /// Takes out what waits; it counts as waiting until it is written or put back.
    fn take(&self) -> (Vec<Noted>, Tallies) {
        let mut waiting = self.lock();
        waiting.writing_since = waiting.lines.first().map(|it| it.at);
        (mem::take(&mut waiting.lines), mem::take(&mut waiting.tallies))
    }

    pub(super) fn note(&self, passed: Passed) {
        let Passed { route, mut lines, filtered, routed, targets, .. } = passed;
        let of_messages =
            [("received", filtered + routed), ("filtered", filtered), ("routed", routed)];
        let mut waiting = self.lock();
        waiting.rows += lines.iter().map(Noted::rows).sum::<usize>();
        waiting.lines.append(&mut lines);
        let mut add = |target: &str, name, count| {
            if 0 < count {
                let place = (Arc::clone(&route), target.to_owned(), name);
                *waiting.tallies.entry(place).or_default() += count;
            }
        };
        of_messages.into_iter().for_each(|(name, count)| add("", name, count));
        for (target, Sent { delivered, .. }) in targets {
            let target = target.to_string();
            ["created", "delivered"].into_iter().for_each(|name| add(&target, name, delivered));
        }
        drop(waiting);
        self.noted.notify_one();
    }

    /// Writes down what waits: the accounts with the first lines, so that both equations hold at
    /// any time. False if the store refused; then it waits on.
    async fn write(&self, shared: &Shared) -> bool {
        let (mut lines, mut tallies) = self.take();
        while !lines.is_empty() || !tallies.is_empty() {
            let (count, rows) = in_one_commit(&lines);
            let mut writes = Writes::default();
            for ((route, target, name), count) in &tallies {
                ledger::add(&mut writes, (route, target), name, *count);
            }
            append(&mut writes, &lines[..count]);
            if let Err(error) = shared.store.commit(writes).await {
                warn!(%error, "accounts and journal of what was passed on wait to be written");
                self.put_back(lines, tallies);
                return false;
            }
            tallies.clear();
            lines.drain(..count);
            self.wrote(rows, &lines);
        }
        true
    }

    /// So many rows are written; `left` is still to be.
    fn wrote(&self, rows: usize, left: &[Noted]) {
        let mut waiting = self.lock();
        waiting.rows = waiting.rows.saturating_sub(rows);
        waiting.writing_since = left.first().map(|it| it.at);
        drop(waiting);
        self.written.notify_waiters();
    }

    fn put_back(&self, mut lines: Vec<Noted>, tallies: Tallies) {
        let mut waiting = self.lock();
        lines.append(&mut waiting.lines);
        waiting.lines = lines;
        waiting.writing_since = None;
        for (place, count) in tallies {
            *waiting.tallies.entry(place).or_default() += count;
        }
    }
}

/// Writes down what went the short way, until the bus stops; the last of it then.
pub(in crate::engine) async fn run(shared: Arc<Shared>) {
    let stop: &CancellationToken = &shared.stop;
    while !stop.is_cancelled() {
        tokio::select! {
            () = stop.cancelled() => break,
            () = shared.afterwards.noted.notified() => {}
        }
        let mut pause = EVERY;
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                () = sleep(pause) => {}
            }
            if shared.afterwards.write(&shared).await {
                break;
            }
            pause = TROUBLE_PAUSE;
        }
    }
    if !shared.afterwards.write(&shared).await {
        warn!("accounts and journal of the last messages that were passed on are not written");
    }
}

/// How many lines go into the next commit, and how many rows that are: at least one line.
fn in_one_commit(lines: &[Noted]) -> (usize, usize) {
    let mut rows = 0;
    for (count, line) in lines.iter().enumerate() {
        if 0 < count && ROWS_PER_COMMIT < rows + line.rows() {
            return (count, rows);
        }
        rows += line.rows();
    }
    (lines.len(), rows)
}

/// Adds lines to the journal. What is said of many is put into words once.
fn append(writes: &mut Writes, lines: &[Noted]) {
    for same in lines.chunk_by(|one, next| Arc::ptr_eq(&one.what, &next.what)) {
        let Some(Noted { what, .. }) = same.first() else { continue };
        let What { route, generation, event } = &**what;
        let about = same.iter().map(|it| (it.at, it.message));
        journal::append_all(writes, (route, *generation), event, about);
        for Noted { message, at, terms, bodies, .. } in same {
            journal::found_by(writes, (*at, route, *message), terms);
            bodies.iter().for_each(|it| journal::keep_body(writes, it));
        }
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::{super::passed::Written, *};
    use crate::message::{Headers, Message};

    /// What `count` filtered messages leave behind, each found by `terms` values.
    fn passed(count: usize, terms: usize) -> Passed {
        let mut passed = Passed::new(&Arc::from("uji"), 1, "asal.data/amqp");
        let at = Timestamp::from_millis(1);
        let id = crate::message::IdSource::default().next(at);
        let message =
            Message { id, received_at: at, headers: Headers::default(), body: Bytes::new() };
        let term = Term::plain("nomor".into(), "090/TU").unwrap();
        (0..count).for_each(|_| {
            let (terms, bodies) = (vec![term.clone(); terms], Vec::new());
            let written = Written { message: &message, terms, bodies };
            passed.filtered(written, "steps[0] filter".to_owned());
        });
        passed
    }

    #[test]
    fn what_a_message_is_found_by_takes_room_and_time_as_lines_do() {
        let afterwards = Afterwards::default();
        afterwards.note(passed(ROWS_MAX / 10 - 1, 9));
        assert!(afterwards.has_room());
        afterwards.note(passed(1, 9));
        assert!(!afterwards.has_room());
        let (lines, _) = afterwards.take();
        assert_eq!(in_one_commit(&lines), (ROWS_PER_COMMIT / 10, ROWS_PER_COMMIT));
        assert_eq!(in_one_commit(&passed(2, ROWS_PER_COMMIT).lines), (1, ROWS_PER_COMMIT + 1));
        assert_eq!(in_one_commit(&[]), (0, 0));
    }

    #[test]
    fn what_is_being_written_takes_room_until_it_is_written() {
        let afterwards = Afterwards::default();
        afterwards.note(passed(ROWS_MAX, 0));
        assert!(!afterwards.has_room());
        let later = Timestamp::from_millis(3_001);
        assert_eq!(afterwards.behind(later), Duration::from_secs(3));
        let (lines, tallies) = afterwards.take();
        assert!(!afterwards.has_room());
        assert_eq!(afterwards.behind(later), Duration::from_secs(3));
        afterwards.put_back(lines, tallies);
        assert!(!afterwards.has_room());
        assert_eq!(afterwards.behind(later), Duration::from_secs(3));
        let (lines, _) = afterwards.take();
        afterwards.wrote(1, &lines[1..]);
        afterwards.put_back(lines[1..].to_vec(), Tallies::new());
        assert!(afterwards.has_room());
    }
}
