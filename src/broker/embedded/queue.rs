//! What the broker keeps in memory of a queue: its number, who waits for it, and what is on loan.

use std::{
    collections::{HashMap, HashSet},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering},
    },
};

use tokio::sync::Notify;

use crate::{
    broker::{Lender, QueueName},
    message::Digest,
};

/// A queue.
pub(super) struct Queue {
    /// Its number in the store.
    pub(super) id: i64,
    pub(super) name: QueueName,
    /// Whether the store is known to have it.
    pub(super) stored: AtomicBool,
    /// Whether it may hold anything. While nothing was ever put in, nobody need ask the store: of
    /// ten thousand routes most are like that when the bus starts.
    pub(super) filled: AtomicBool,
    /// Something may be ready that was not before.
    pub(super) changed: Notify,
    /// Held from making the list of loans until what was fetched is on it, so that nothing is
    /// lent twice, and nothing that was settled meanwhile is lent at all.
    pub(super) fetching: tokio::sync::Mutex<()>,
    loans: Mutex<Loans>,
}

#[derive(Default)]
struct Loans {
    lent: HashMap<i64, Lent>,
    /// What was handed out and came back. As few as are ever on loan: what comes back is handed
    /// out before anything behind it.
    returned: HashSet<i64>,
    /// A consumer holds as much as it may, and waits for room.
    starved: bool,
}

/// An entry on loan.
pub(super) struct Lent {
    /// How many its consumer holds.
    pub(super) held: Arc<AtomicUsize>,
    pub(super) order_key: Option<Digest>,
    /// Whether it has left the consumer's own hands.
    pub(super) handed_out: bool,
}

/// What the store knows of a queue when the broker is opened.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Stored {
    /// Nothing.
    No,
    /// That it is empty.
    Empty,
    /// That it holds something.
    Filled,
}

impl Queue {
    pub(super) fn new(id: i64, name: QueueName, stored: Stored) -> Self {
        Self {
            id,
            name,
            stored: AtomicBool::new(stored != Stored::No),
            filled: AtomicBool::new(stored == Stored::Filled),
            changed: Notify::new(),
            fetching: tokio::sync::Mutex::default(),
            loans: Mutex::default(),
        }
    }

    /// A panic while the lock was held leaves the loans whole: each change is one call.
    fn loans(&self) -> MutexGuard<'_, Loans> {
        self.loans.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Everything on loan, as a JSON array of positions.
    pub(super) fn lent(&self) -> String {
        positions(self.loans().lent.keys().copied())
    }

    /// Every position that may have been delivered.
    pub(super) fn exposed(&self) -> Vec<i64> {
        let loans = self.loans();
        let out = loans.lent.iter().filter(|(_, lent)| lent.handed_out).map(|(it, _)| *it);
        out.chain(loans.returned.iter().copied()).collect()
    }

    /// How much more a consumer may take; if nothing, it is woken when it may.
    pub(super) fn room(&self, held: &AtomicUsize, prefetch: usize) -> usize {
        let mut loans = self.loans();
        let room = prefetch.saturating_sub(held.load(Ordering::Relaxed));
        loans.starved |= room == 0;
        room
    }

    /// Puts an entry on loan; says whether it was handed out before.
    pub(super) fn lend(&self, position: i64, lent: Lent) -> bool {
        let mut loans = self.loans();
        lent.held.fetch_add(1, Ordering::Relaxed);
        loans.lent.insert(position, lent);
        loans.returned.contains(&position)
    }

    /// An entry on loan leaves its consumer's hands.
    pub(super) fn hand_out(&self, position: i64) {
        if let Some(lent) = self.loans().lent.get_mut(&position) {
            lent.handed_out = true;
        }
    }

    /// The order key of an entry on loan; `None` if it is not on loan.
    pub(super) fn order_key(&self, position: i64) -> Option<Option<Digest>> {
        self.loans().lent.get(&position).map(|lent| lent.order_key)
    }

    /// The loan of an entry ends with its settlement; `stays`: it is to be handed out again.
    pub(super) fn settled(&self, position: i64, stays: bool) {
        let mut loans = self.loans();
        let lent = loans.lent.remove(&position);
        if !stays {
            loans.returned.remove(&position);
        }
        let unblocks = lent.as_ref().is_some_and(|it| it.order_key.is_some());
        if let Some(lent) = lent {
            lent.held.fetch_sub(1, Ordering::Relaxed);
        }
        let starved = std::mem::take(&mut loans.starved);
        drop(loans);
        if stays || unblocks || starved {
            self.changed.notify_waiters();
        }
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
        let mut loans = self.loans();
        if let Some(lent) = loans.lent.remove(&position) {
            lent.held.fetch_sub(1, Ordering::Relaxed);
            if lent.handed_out && used {
                loans.returned.insert(position);
            }
        }
        loans.starved = false;
        drop(loans);
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
