//! What the broker keeps in memory of a queue: its number, who waits for it, and what is on loan.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

use super::{
    number,
    tip::{Fresh, Kept, Tip, Whereabouts},
};
use crate::{
    broker::{Lender, QueueName},
    message::{Digest, Timestamp},
};

/// A queue.
pub(super) struct Queue {
    /// Its number in the store.
    pub(super) id: i64,
    pub(super) name: QueueName,
    /// Whether the store is known to have it.
    pub(super) stored: AtomicBool,
    /// Something may be ready that was not before.
    pub(super) changed: Notify,
    /// Held from making the list of loans until what was fetched is on it, so that nothing is
    /// lent twice, and nothing that was settled meanwhile is lent at all.
    pub(super) fetching: tokio::sync::Mutex<()>,
    inside: Mutex<Inside>,
}

struct Inside {
    /// How many it holds, those that are being stored included.
    entries: i64,
    tip: Tip,
    lent: HashMap<i64, Lent>,
    /// What was handed out and came back. As few as are ever on loan: what comes back is handed
    /// out before anything behind it.
    returned: HashSet<i64>,
    /// A consumer holds as much as it may, and waits for room.
    starved: bool,
    /// How many take from it.
    consumers: usize,
}

/// An entry on loan.
pub(super) struct Lent {
    /// How many its consumer holds.
    pub(super) held: Arc<AtomicUsize>,
    pub(super) order_key: Option<Digest>,
    /// Whether it has left the consumer's own hands.
    pub(super) handed_out: bool,
}

/// What there is for a consumer.
pub(super) enum Glance {
    /// These; with each, whether it was handed out before. On loan from now on.
    Fresh(Vec<(Fresh, bool)>),
    /// So many at most, from the store.
    Stored(usize),
    /// Nothing, until something changes or it is so late.
    Nothing(Option<Timestamp>),
}

impl Queue {
    /// A queue with so many entries; `None`: the store does not have it yet.
    pub(super) fn new(id: i64, name: QueueName, entries: Option<i64>, kept: Kept) -> Self {
        let stored = AtomicBool::new(entries.is_some());
        let entries = entries.unwrap_or_default();
        let inside = Inside {
            entries,
            tip: Tip::new(kept, entries == 0),
            lent: HashMap::new(),
            returned: HashSet::new(),
            starved: false,
            consumers: 0,
        };
        let (changed, fetching, inside) = (Notify::new(), Default::default(), Mutex::new(inside));
        Self { id, name, stored, changed, fetching, inside }
    }

    fn inside(&self) -> MutexGuard<'_, Inside> {
        self.inside.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether nothing stands in it, nor is about to.
    pub(super) fn is_empty(&self) -> bool {
        self.inside().entries <= 0
    }

    /// The positions on loan, as the statements take them.
    pub(super) fn lent(&self) -> String {
        positions(self.inside().lent.keys().copied())
    }

    /// The positions that somebody may have worked on.
    pub(super) fn exposed(&self) -> Vec<i64> {
        let inside = self.inside();
        let out = inside.lent.iter().filter(|(_, lent)| lent.handed_out).map(|(it, _)| *it);
        out.chain(inside.returned.iter().copied()).collect()
    }

    pub(super) fn has_consumer(&self, comes: bool) {
        let mut inside = self.inside();
        inside.consumers = match comes {
            true => inside.consumers.saturating_add(1),
            false => inside.consumers.saturating_sub(1),
        };
        if inside.consumers == 0 {
            inside.tip.lose();
        }
    }

    /// Looks for what a consumer may take, who holds `held` of `prefetch`.
    pub(super) fn glance(
        &self,
        held: &Arc<AtomicUsize>,
        prefetch: usize,
        now: Timestamp,
    ) -> Glance {
        let mut inside = self.inside();
        let room = prefetch.saturating_sub(held.load(Ordering::Relaxed));
        inside.starved |= room == 0;
        if room == 0 {
            return Glance::Nothing(None);
        }
        match inside.tip.whereabouts(now) {
            Whereabouts::Stored => Glance::Stored(room),
            Whereabouts::Nowhere(due) => Glance::Nothing(due),
            Whereabouts::Here => {
                let mut taken = Vec::new();
                while taken.len() < room
                    && let Some(fresh) = inside.tip.pop()
                {
                    let held = Arc::clone(held);
                    let lent = Lent { held, order_key: None, handed_out: false };
                    let returned = inside.lend(fresh.position, lent);
                    taken.push((fresh, returned));
                }
                Glance::Fresh(taken)
            }
        }
    }

    pub(super) fn begin_reading(&self) {
        self.inside().tip.begin_reading();
    }

    pub(super) fn end_reading(&self, to_its_end: bool, next_due: Option<Timestamp>) {
        self.inside().tip.end_reading(to_its_end, next_due);
    }

    /// Puts an entry that was read on loan; returns whether it was handed out before.
    pub(super) fn lend(&self, position: i64, lent: Lent) -> bool {
        let mut inside = self.inside();
        inside.tip.read(position);
        inside.lend(position, lent)
    }

    pub(super) fn hand_out(&self, position: i64) {
        if let Some(lent) = self.inside().lent.get_mut(&position) {
            lent.handed_out = true;
        }
    }

    /// The order key of an entry on loan; `None` if it is not on loan.
    pub(super) fn order_key(&self, position: i64) -> Option<Option<Digest>> {
        self.inside().lent.get(&position).map(|lent| lent.order_key)
    }

    /// An entry on loan was settled, and is gone unless it `stays` for later.
    pub(super) fn settled(&self, position: i64, stays: bool) {
        let mut inside = self.inside();
        let lent = inside.lent.remove(&position);
        if !stays {
            inside.returned.remove(&position);
        }
        let unblocks = lent.as_ref().is_some_and(|it| it.order_key.is_some());
        if let Some(lent) = lent {
            lent.held.fetch_sub(1, Ordering::Relaxed);
        }
        if stays || unblocks {
            inside.tip.lose();
        }
        let starved = std::mem::take(&mut inside.starved);
        drop(inside);
        if stays || unblocks || starved {
            self.changed.notify_waiters();
        }
    }

    /// Something may be ready in the store that nobody knows of.
    pub(super) fn stir(&self) {
        self.inside().tip.lose();
        self.changed.notify_waiters();
    }

    /// So many have left it.
    pub(super) fn left(&self, count: usize) {
        let mut inside = self.inside();
        inside.entries = inside.entries.saturating_sub(number(count));
    }
}

impl Inside {
    fn lend(&mut self, position: i64, lent: Lent) -> bool {
        lent.held.fetch_add(1, Ordering::Relaxed);
        self.lent.insert(position, lent);
        self.returned.contains(&position)
    }
}

/// Entries that are being stored. Dropped, they were not.
pub(super) struct Arriving {
    queue: Arc<Queue>,
    /// Those that can be taken at once.
    fresh: Vec<Fresh>,
    /// How many there are, those that are delayed or have a key included.
    count: usize,
}

impl Arriving {
    pub(super) fn new(queue: Arc<Queue>, fresh: Vec<Fresh>, count: usize) -> Self {
        let mut inside = queue.inside();
        inside.entries = inside.entries.saturating_add(number(count));
        inside.tip.storing(fresh.iter().map(|it| it.position));
        drop(inside);
        Self { queue, fresh, count }
    }

    /// They are stored.
    pub(super) fn arrived(mut self) {
        let mut inside = self.queue.inside();
        let is_wanted = 0 < inside.consumers;
        if self.fresh.len() < self.count {
            inside.tip.lose();
        }
        self.fresh.drain(..).for_each(|it| inside.tip.stored(it, is_wanted));
        drop(inside);
        self.count = 0;
        self.queue.stored.store(true, Ordering::Relaxed);
        self.queue.changed.notify_waiters();
    }
}

impl Drop for Arriving {
    fn drop(&mut self) {
        self.queue.left(self.count);
        let mut inside = self.queue.inside();
        self.fresh.iter().for_each(|it| inside.tip.not_stored(it.position));
    }
}

impl Lender for Queue {
    fn give_back(&self, position: i64) {
        self.take_back(position, true);
    }

    fn give_back_unused(&self, position: i64) {
        self.take_back(position, false);
    }

    fn is_live(&self, _position: i64) -> bool {
        true
    }
}

impl Queue {
    fn take_back(&self, position: i64, used: bool) {
        let mut inside = self.inside();
        if let Some(lent) = inside.lent.remove(&position) {
            lent.held.fetch_sub(1, Ordering::Relaxed);
            if lent.handed_out && used {
                inside.returned.insert(position);
            }
        }
        inside.starved = false;
        inside.tip.lose();
        drop(inside);
        self.changed.notify_waiters();
    }
}

/// A JSON array of positions, as the statements take it.
pub(super) fn positions(of: impl IntoIterator<Item = i64>) -> String {
    let mut list = String::from("[");
    for position in of {
        if list.len() > 1 {
            list.push(',');
        }
        list.push_str(&position.to_string());
    }
    list.push(']');
    list
}
