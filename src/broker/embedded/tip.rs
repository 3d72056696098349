//! The newest entries of a queue, kept in memory until somebody takes them: what is taken soon
//! after it was put in need not be read back.
//!
//! The store has every entry; this is a shortcut, and known to be complete or not in use. While
//! [`Tip::is_all`], all that is ready and not on loan is here, so that nobody has to look into the
//! store. Whatever this cannot know of (an entry that comes back, that is delayed, that waits for
//! its key) ends that, until the store was read to its end once more.

use std::{
    collections::{HashSet, VecDeque},
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::{broker::Entry, message::Timestamp};

/// Entries of one queue that are kept at most: what comes in while a target takes a breath.
const ENTRIES_MAX: usize = 4_096;

/// Bytes of all queues together that are kept at most. What is more is read back.
const BYTES_MAX: usize = 4 << 20;

/// What an entry takes beside its body, about: its headers, and being in lists.
const BESIDE_BODY: usize = 512;

/// Bytes that the tips of all queues keep.
#[derive(Clone, Default)]
pub(super) struct Kept(Arc<AtomicUsize>);

/// An entry that can be taken as soon as it is stored.
pub(super) struct Fresh {
    pub(super) position: i64,
    pub(super) entry: Entry,
    /// There may be a copy of it.
    pub(super) copy: bool,
}

impl Fresh {
    fn bytes(&self) -> usize {
        self.entry.body.len() + BESIDE_BODY
    }
}

pub(super) struct Tip {
    kept: Kept,
    /// Positions that are being stored, and will be handed out from here.
    storing: HashSet<i64>,
    fresh: VecDeque<Fresh>,
    is_all: bool,
    /// Something came to be ready that the reading under way may not have seen.
    missed: bool,
    /// When the next delayed entry is due; known while `is_all`.
    next_due: Option<Timestamp>,
}

/// Where the next entry is.
pub(super) enum Whereabouts {
    /// Here.
    Here,
    /// In the store, if anywhere.
    Stored,
    /// Nowhere, until something changes or a delayed one is due.
    Nowhere(Option<Timestamp>),
}

impl Tip {
    /// Of a queue that is empty, or not.
    pub(super) fn new(kept: Kept, is_empty: bool) -> Self {
        let (storing, fresh) = (HashSet::new(), VecDeque::new());
        let (is_all, missed, next_due) = (is_empty, false, None);
        Self { kept, storing, fresh, is_all, missed, next_due }
    }

    /// Where to look at this moment.
    pub(super) fn whereabouts(&mut self, now: Timestamp) -> Whereabouts {
        if self.is_all && self.next_due.is_some_and(|due| due <= now) {
            self.lose();
        }
        match (self.is_all, self.fresh.is_empty()) {
            (false, _) => Whereabouts::Stored,
            (true, false) => Whereabouts::Here,
            (true, true) => Whereabouts::Nowhere(self.next_due),
        }
    }

    /// The oldest entry that is here.
    pub(super) fn pop(&mut self) -> Option<Fresh> {
        let fresh = self.fresh.pop_front()?;
        self.kept.0.fetch_sub(fresh.bytes(), Ordering::Relaxed);
        Some(fresh)
    }

    /// These are about to be stored.
    pub(super) fn storing(&mut self, positions: impl Iterator<Item = i64>) {
        self.storing.extend(positions);
    }

    /// They were not stored.
    pub(super) fn not_stored(&mut self, position: i64) {
        self.storing.remove(&position);
    }

    /// One that was about to be stored is. `is_wanted`: somebody takes from the queue.
    pub(super) fn stored(&mut self, fresh: Fresh, is_wanted: bool) {
        if !self.storing.remove(&fresh.position) {
            // Somebody read it from the store already.
            return;
        }
        let kept = fresh.bytes() + self.kept.0.load(Ordering::Relaxed);
        let has_room = self.fresh.len() < ENTRIES_MAX && kept <= BYTES_MAX;
        if !self.is_all || !is_wanted || !has_room {
            self.lose();
            return;
        }
        self.kept.0.fetch_add(fresh.bytes(), Ordering::Relaxed);
        self.fresh.push_back(fresh);
    }

    /// One was read from the store.
    pub(super) fn read(&mut self, position: i64) {
        self.storing.remove(&position);
    }

    /// Something may be ready that is not here.
    pub(super) fn lose(&mut self) {
        self.is_all = false;
        self.missed = true;
        while self.pop().is_some() {}
    }

    pub(super) fn begin_reading(&mut self) {
        self.missed = false;
    }

    /// The store was read: whether to its end, and when the next delayed entry is due.
    pub(super) fn end_reading(&mut self, to_its_end: bool, next_due: Option<Timestamp>) {
        self.is_all = to_its_end && !self.missed;
        self.next_due = next_due;
    }
}

impl Drop for Tip {
    fn drop(&mut self) {
        while self.pop().is_some() {}
    }
}

#[cfg(test)]
mod tests {
    use bytes::Bytes;

    use super::*;
    use crate::message::{Headers, IdSource};

    fn fresh(position: i64, bytes: usize) -> Fresh {
        let received_at = Timestamp::from_millis(1);
        let id = IdSource::default().next(received_at);
        let body = Bytes::from(vec![b'x'; bytes]);
        let entry = Entry { id, received_at, headers: Headers::default(), body };
        Fresh { position, entry, copy: false }
    }

    fn store(tip: &mut Tip, position: i64, bytes: usize) {
        tip.storing([position].into_iter());
        tip.stored(fresh(position, bytes), true);
    }

    fn is_stored(tip: &mut Tip) -> bool {
        matches!(tip.whereabouts(Timestamp::from_millis(5)), Whereabouts::Stored)
    }

    #[test]
    fn what_is_more_than_fits_is_read_back_and_keeps_no_memory() {
        let kept = Kept::default();
        let mut tip = Tip::new(kept.clone(), true);
        (0..3).for_each(|it| store(&mut tip, it, BYTES_MAX / 4));
        assert!(!is_stored(&mut tip));
        store(&mut tip, 3, BYTES_MAX / 4);
        assert!(is_stored(&mut tip));
        assert_eq!(kept.0.load(Ordering::Relaxed), 0);
    }

    #[test]
    fn what_came_while_the_store_was_read_is_looked_for_once_more() {
        let mut tip = Tip::new(Kept::default(), false);
        tip.begin_reading();
        store(&mut tip, 1, 1);
        tip.end_reading(true, None);
        assert!(is_stored(&mut tip));
        tip.begin_reading();
        tip.end_reading(true, None);
        store(&mut tip, 2, 1);
        assert_eq!(tip.pop().map(|it| it.position), Some(2));
    }

    #[test]
    fn what_was_read_before_it_was_known_to_be_stored_is_not_handed_out_twice() {
        let mut tip = Tip::new(Kept::default(), false);
        tip.begin_reading();
        tip.storing([1].into_iter());
        tip.read(1);
        tip.end_reading(true, None);
        tip.stored(fresh(1, 1), true);
        assert!(tip.pop().is_none());
        assert!(!is_stored(&mut tip));
    }

    #[test]
    fn a_delayed_entry_that_is_due_is_looked_for_in_the_store() {
        let mut tip = Tip::new(Kept::default(), false);
        tip.begin_reading();
        tip.end_reading(true, Some(Timestamp::from_millis(5)));
        store(&mut tip, 1, 1);
        assert!(is_stored(&mut tip));
    }
}
