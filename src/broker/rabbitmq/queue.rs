//! What this gateway holds of one queue: taken from RabbitMQ, not acknowledged.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::Notify;

use super::envelope::Envelope;
use crate::{
    amqp::{Acker, Consumer, Tag, Taken},
    broker::{Delivery, Lender, Loan, QueueName},
    message::{Digest, Headers, Timestamp},
};

/// One queue.
pub(super) struct Queue {
    pub(super) name: QueueName,
    // std, not tokio: held for a few instructions, never across an await.
    state: Mutex<State>,
    /// Something may be ready that was not.
    pub(super) changed: Notify,
    /// The consumers, while nobody takes from the queue.
    idle: Mutex<Idle>,
}

/// Consumers that wait for the next one to take from their queue: after a reload that is at once,
/// and what they hold is not handed out a second time.
#[derive(Default)]
pub(super) struct Idle {
    pub(super) consumers: Vec<(String, Consumer)>,
    pub(super) since: Option<tokio::time::Instant>,
}

#[derive(Default)]
struct State {
    /// The next position; rises with each arrival.
    next: i64,
    /// Here and not handed out, in the order of arrival.
    waiting: BTreeMap<i64, Held>,
    /// Handed out.
    lent: HashMap<i64, Held>,
    /// When and with which headers those are due that came back to be tried again, by the id of
    /// their publication: should their channel break, they come anew and know nothing of it.
    again: HashMap<String, (Headers, Timestamp)>,
}

/// One entry.
struct Held {
    envelope: Envelope,
    token: String,
    redelivered: bool,
    tag: Tag,
    acker: Acker,
}

impl Held {
    fn is_live(&self) -> bool {
        self.acker.is_live(self.tag)
    }
}

/// How to acknowledge one.
pub(super) type Receipt = (Acker, Tag);

/// What [`Queue::ready`] found.
pub(super) enum Ready {
    Deliveries(Vec<Delivery>),
    /// Nothing; the next is due after this time, if one is delayed.
    Nothing(Option<Duration>),
}

impl Queue {
    pub(super) fn new(name: QueueName) -> Self {
        Self { name, state: Mutex::default(), changed: Notify::new(), idle: Mutex::default() }
    }

    pub(super) fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps one that came.
    pub(super) fn arrived(&self, mut envelope: Envelope, taken: Taken, acker: Acker) {
        let mut state = self.state();
        let token = taken.properties.message_id.unwrap_or_default();
        if let Some((headers, due)) = state.again.get(&token) {
            envelope.entry.headers = headers.clone();
            envelope.due = Some(*due);
        }
        let redelivered = taken.redelivered || envelope.is_copy;
        let position = state.next;
        state.next += 1;
        state
            .waiting
            .insert(position, Held { envelope, token, redelivered, tag: taken.tag, acker });
    }

    /// Hands out up to `max`: one of each key at a time, and none before it is due.
    pub(super) fn ready(self: &Arc<Self>, max: usize, now: Timestamp) -> Ready {
        let mut state = self.state();
        // What came over a channel that broke comes again.
        state.waiting.retain(|_, it| it.is_live());
        let lent = state.lent.values();
        let mut busy: HashSet<Digest> = lent.filter_map(|it| it.envelope.order_key).collect();
        let (mut chosen, mut next_due) = (Vec::new(), None::<Timestamp>);
        for (position, held) in &state.waiting {
            if chosen.len() == max.max(1) {
                break;
            }
            if held.envelope.order_key.is_some_and(|key| !busy.insert(key)) {
                continue;
            }
            match held.envelope.due.filter(|due| now < *due) {
                None => chosen.push(*position),
                Some(due) => next_due = Some(next_due.map_or(due, |it| it.min(due))),
            }
        }
        let mut deliveries = Vec::with_capacity(chosen.len());
        for position in chosen {
            if let Some(held) = state.waiting.remove(&position) {
                let home: Arc<dyn Lender> = Arc::clone(self) as _;
                let (entry, redelivered) = (held.envelope.entry.clone(), held.redelivered);
                state.lent.insert(position, held);
                let loan = Loan { position, home: Some(home) };
                deliveries.push(Delivery { entry, redelivered, loan });
            }
        }
        if deliveries.is_empty() {
            Ready::Nothing(next_due.map(|due| due.since(now)))
        } else {
            Ready::Deliveries(deliveries)
        }
    }

    /// The envelope of one that is handed out.
    pub(super) fn lent(&self, position: i64) -> Option<Envelope> {
        self.state().lent.get(&position).map(|it| it.envelope.clone())
    }

    /// One that was handed out is done; how to acknowledge it.
    pub(super) fn finish(&self, position: i64) -> Option<Receipt> {
        let mut state = self.state();
        let held = state.lent.remove(&position)?;
        state.again.remove(&held.token);
        drop(state);
        self.changed.notify_waiters();
        Some((held.acker, held.tag))
    }

    /// One that was handed out stays here until it is due.
    pub(super) fn hold(&self, position: i64, headers: Headers, due: Timestamp) {
        let mut state = self.state();
        if let Some(mut held) = state.lent.remove(&position) {
            state.again.insert(held.token.clone(), (headers.clone(), due));
            held.envelope.entry.headers = headers;
            held.envelope.due = Some(due);
            state.waiting.insert(position, held);
        }
        drop(state);
        self.changed.notify_waiters();
    }

    /// Makes everything here due.
    pub(super) fn hasten(&self) {
        let mut state = self.state();
        state.again.values_mut().for_each(|it| it.1 = Timestamp::from_millis(0));
        state.waiting.values_mut().for_each(|it| it.envelope.due = None);
        drop(state);
        self.changed.notify_waiters();
    }

    /// Takes out everything that is not handed out.
    pub(super) fn empty(&self) -> Vec<Receipt> {
        let mut state = self.state();
        let waiting = std::mem::take(&mut state.waiting);
        waiting.into_values().filter(Held::is_live).map(|it| (it.acker, it.tag)).collect()
    }

    /// How many are here, how many of them are delayed, and when the first was received.
    pub(super) fn here(&self, now: Timestamp) -> (u64, u64, Option<Timestamp>) {
        let state = self.state();
        let live = || state.waiting.values().chain(state.lent.values()).filter(|it| it.is_live());
        let delayed =
            state.waiting.values().filter(|it| it.envelope.due.is_some_and(|due| now < due));
        let first = live().map(|it| it.envelope.entry.received_at).min();
        (live().count() as u64, delayed.count() as u64, first)
    }

    /// Whether nothing of it is handed out.
    pub(super) fn is_settled(&self) -> bool {
        self.state().lent.is_empty()
    }
}

impl Lender for Queue {
    fn give_back(&self, position: i64) {
        let mut state = self.state();
        if let Some(mut held) = state.lent.remove(&position) {
            held.redelivered = true;
            state.waiting.insert(position, held);
        }
        drop(state);
        self.changed.notify_waiters();
    }
}
