//! What this gateway holds of one queue: taken from RabbitMQ, not acknowledged.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

use super::envelope::Envelope;
use crate::{
    amqp::{Acker, Consumer, Tag, Taken},
    broker::{Delivery, Lender, Loan, QueueName},
    message::{Digest, Headers, Timestamp},
};

/// How long a channel that is to be closed waits for what is handed out of it. Longer than attempts
/// take; what lies before a closed gate may stay out for days.
const LENT_GRACE: Duration = Duration::from_mins(5);

/// How long it is remembered that an entry was to be tried again and when, after that moment, in
/// milliseconds.
const AGAIN_KEPT_MS: i64 = 24 * 3_600_000;

/// One queue.
pub(super) struct Queue {
    pub(super) name: QueueName,
    // std, not tokio: held for a few instructions, never across an await.
    state: Mutex<State>,
    /// Something may be ready that was not.
    pub(super) changed: Notify,
    /// The consumers, while nobody takes from the queue.
    idle: Mutex<Idle>,
    /// What reaches the consumer of each queue of RabbitMQ, whoever has it.
    channels: Mutex<HashMap<String, Acker>>,
}

/// Consumers that wait for the next one to take from their queue: after a reload that is at once,
/// and what they hold is not handed out a second time.
#[derive(Default)]
pub(super) struct Idle {
    pub(super) consumers: Vec<(String, Consumer)>,
    pub(super) since: Option<Instant>,
}

#[derive(Default)]
struct State {
    /// The next position; rises with each arrival.
    next: i64,
    /// Here and not handed out, in the order of arrival.
    waiting: BTreeMap<i64, Held>,
    /// Handed out.
    lent: HashMap<i64, Held>,
    /// The entries that are handed out, by the id of their publication.
    tokens: HashMap<String, i64>,
    /// Channels, by their number, that are to be closed once nothing of theirs is handed out: they
    /// hold something for longer than the broker likes to wait.
    leaving: HashMap<u64, Leaving>,
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
    since: Instant,
}

impl Held {
    fn is_live(&self) -> bool {
        self.acker.is_live(self.tag)
    }
}

/// A channel that is to be closed.
struct Leaving {
    /// Which one of its consumer: the next is another.
    epoch: u64,
    since: Instant,
    /// It was told.
    asked: bool,
}

impl State {
    /// Whether the channel of an entry is to be closed, so that nothing more is handed out of it.
    fn leaves(&self, held: &Held) -> bool {
        let leaving = self.leaving.get(&held.acker.channel());
        leaving.is_some_and(|it| it.epoch == held.tag.epoch())
    }

    fn take_back(&mut self, position: i64) -> Option<Held> {
        let held = self.lent.remove(&position)?;
        self.tokens.remove(&held.token);
        Some(held)
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
        let (state, idle, channels) = (Mutex::default(), Mutex::default(), Mutex::default());
        Self { name, state, changed: Notify::new(), idle, channels }
    }

    pub(super) fn idle(&self) -> MutexGuard<'_, Idle> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Somebody consumes from `place`.
    pub(super) fn attached(&self, place: &str, acker: Acker) {
        self.channels().insert(place.to_owned(), acker);
    }

    /// Has whoever consumes from `place` do so anew, which gives back what is not acknowledged.
    pub(super) fn renew(&self, place: &str) {
        if let Some(acker) = self.channels().get(place)
            && !acker.renew()
        {
            tracing::warn!(place, "too busy to consume anew");
        }
    }

    fn channels(&self) -> MutexGuard<'_, HashMap<String, Acker>> {
        self.channels.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Keeps one that came.
    pub(super) fn arrived(&self, mut envelope: Envelope, taken: Taken, acker: Acker) {
        let mut state = self.state();
        let token = taken.properties.message_id.unwrap_or_default();
        if let Some((headers, due)) = state.again.get(&token) {
            envelope.entry.headers = headers.clone();
            envelope.due = Some(*due);
        }
        let (tag, since) = (taken.tag, Instant::now());
        // Its channel broke while it was handed out, and it is still in hand: what will be
        // acknowledged is this one.
        let in_hand = state.tokens.get(&token).copied().filter(|_| !token.is_empty());
        if let Some(held) = in_hand.and_then(|it| state.lent.get_mut(&it)) {
            (held.tag, held.acker, held.since) = (tag, acker, since);
            return;
        }
        let redelivered = taken.redelivered || envelope.is_copy;
        let position = state.next;
        state.next += 1;
        state.waiting.insert(position, Held { envelope, token, redelivered, tag, acker, since });
    }

    /// Hands out up to `max`, and `prefetch` with those that are handed out already: one of each key
    /// at a time, and none before it is due.
    pub(super) fn ready(self: &Arc<Self>, max: usize, prefetch: usize, now: Timestamp) -> Ready {
        let mut state = self.state();
        let room = max.max(1).min(prefetch.saturating_sub(state.lent.len()));
        if room == 0 {
            return Ready::Nothing(None);
        }
        // What came over a channel that broke comes again.
        state.waiting.retain(|_, it| it.is_live());
        let lent = state.lent.values();
        let mut busy: HashSet<Digest> = lent.filter_map(|it| it.envelope.order_key).collect();
        let (mut chosen, mut next_due) = (Vec::new(), None::<Timestamp>);
        for (position, held) in &state.waiting {
            if chosen.len() == room {
                break;
            }
            if held.envelope.order_key.is_some_and(|key| !busy.insert(key)) {
                continue;
            }
            if state.leaves(held) {
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
                state.tokens.insert(held.token.clone(), position);
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

    /// Closes channels of which something is held here for longer than `held_max`, once nothing of
    /// theirs is handed out any more, or has been for too long: what is not acknowledged comes again
    /// over the next one, before RabbitMQ loses its patience with all of it.
    pub(super) fn renew_overdue(&self, held_max: Duration) {
        let mut state = self.state();
        let State { waiting, lent, leaving, .. } = &mut *state;
        let is_of = |held: &Held, channel: u64, epoch: u64| {
            held.is_live() && held.acker.channel() == channel && held.tag.epoch() == epoch
        };
        leaving.retain(|channel, it| waiting.values().any(|held| is_of(held, *channel, it.epoch)));
        for held in waiting.values().filter(|it| it.is_live() && held_max <= it.since.elapsed()) {
            let fresh = || Leaving { epoch: held.tag.epoch(), since: Instant::now(), asked: false };
            let channel = leaving.entry(held.acker.channel()).or_insert_with(fresh);
            if channel.epoch != held.tag.epoch() {
                *channel = fresh();
            }
            let of_channel = |it: &Held| it.is_live() && it.acker.channel() == held.acker.channel();
            let is_lent = channel.since.elapsed() < LENT_GRACE && lent.values().any(of_channel);
            if !channel.asked && !is_lent {
                tracing::debug!(queue = &*self.name, "held for long; taken anew");
                channel.asked = held.acker.renew();
            }
        }
    }

    /// The envelope of one that is handed out.
    pub(super) fn lent(&self, position: i64) -> Option<Envelope> {
        self.state().lent.get(&position).map(|it| it.envelope.clone())
    }

    /// One that was handed out is done; how to acknowledge it.
    pub(super) fn finish(&self, position: i64) -> Option<Receipt> {
        let mut state = self.state();
        let held = state.take_back(position)?;
        state.again.remove(&held.token);
        drop(state);
        self.changed.notify_waiters();
        Some((held.acker, held.tag))
    }

    /// One that was handed out stays here until it is due.
    pub(super) fn hold(&self, position: i64, headers: Headers, due: Timestamp) {
        let mut state = self.state();
        if let Some(mut held) = state.take_back(position) {
            let now = Timestamp::from_millis(due.as_millis() - AGAIN_KEPT_MS);
            // Another gateway had them, or they were put aside.
            state.again.retain(|_, (_, due)| now < *due);
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
        if let Some(mut held) = state.take_back(position) {
            held.redelivered = true;
            state.waiting.insert(position, held);
        }
        drop(state);
        self.changed.notify_waiters();
    }

    fn is_live(&self, position: i64) -> bool {
        self.state().lent.get(&position).is_some_and(Held::is_live)
    }
}
