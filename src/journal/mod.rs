//! The journal: what happened to each message, hop by hop. Append-only; read by people.

mod record;

use std::sync::Arc;

use crate::{
    message::{Endpoint, MessageId, Timestamp},
    store::{Store, StoreError, Writes},
};

/// One line of the journal.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Line {
    /// When.
    pub at: Timestamp,
    /// The route; empty where the line is about a target or the files.
    pub route: Arc<str>,
    /// The message, where it is about one.
    pub message: Option<MessageId>,
    /// The target and which delivery, where it is about one.
    pub delivery: Option<(Endpoint, u32)>,
    /// The generation of files that dealt with it.
    pub generation: i64,
    /// What happened.
    pub event: Event,
}

/// What can happen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// A source handed it over; `by` is the name of the API key or the system.
    Accepted {
        /// Who.
        by: String,
    },
    /// It was accepted before, as `first`.
    Repeat {
        /// The message that has the identity.
        first: MessageId,
    },
    /// Its identity was accepted before with another body, as `first`; it goes on.
    Changed {
        /// The message that had the identity.
        first: MessageId,
    },
    /// A step let it go no further.
    Filtered {
        /// Which: `steps[0] filter`.
        step: String,
    },
    /// It was routed.
    Routed {
        /// How many deliveries it gave rise to.
        deliveries: u32,
        /// The targets that it skipped.
        skipped: Vec<Endpoint>,
    },
    /// It was sent once.
    Attempt {
        /// Which attempt, from 1.
        attempt: u32,
        /// `delivered`, `unavailable`, `misconfigured`, `refused`.
        class: String,
        /// The answer in one line; never its body.
        answer: String,
        /// How long it took, in milliseconds.
        duration_ms: u64,
    },
    /// A copy made by a crash was dropped: its outcome was known.
    CopyDropped,
    /// The target took it.
    Delivered,
    /// It was given up.
    Dead {
        /// The class.
        class: String,
        /// Why.
        reason: String,
    },
    /// Its time ran out.
    Expired,
    /// A target was paused.
    Paused {
        /// Why.
        reason: String,
    },
    /// A target was freed.
    Resumed {
        /// By what: `probe`, `operator`, `reload`.
        by: String,
    },
    /// An operator sent it on again.
    Replayed {
        /// Who and why.
        by: String,
    },
    /// An operator discarded it.
    Discarded {
        /// Who and why.
        by: String,
    },
    /// Working on it panicked; it stays in its queue.
    Panicked {
        /// Where.
        place: String,
    },
    /// A generation of files was started.
    Generation {
        /// `started`, `reloaded`.
        how: String,
    },
}

/// Adds a line.
pub fn append(writes: &mut Writes, line: &Line) {
    writes.push(record::ADD, record::params(line));
}

/// Forgets lines older than `before`, from the oldest on, at most 1,000 per call.
pub fn forget(writes: &mut Writes, before: Timestamp) {
    // The numbers rise with time, so the oldest lines need no index of their own.
    writes.push(
        "DELETE FROM journal WHERE number IN (
             SELECT number FROM (SELECT number, at FROM journal ORDER BY number LIMIT 1000)
             WHERE at < ?1)",
        vec![before.as_millis().into()],
    );
}

/// Asks the journal.
#[derive(Clone)]
pub struct Journal {
    store: Store,
}

impl Journal {
    /// The journal in `store`.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Every line about one message, oldest first; at most 10,000.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be read.
    pub async fn of_message(&self, id: MessageId) -> Result<Vec<Line>, StoreError> {
        let question = (record::ASK, vec![id.as_bytes().as_slice().into()]);
        let answers = self.store.query(vec![question]).await?;
        Ok(answers.iter().flatten().filter_map(record::line).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::IdSource;

    fn every_event(first: MessageId) -> Vec<Event> {
        let text = || "surat \"1\"".to_owned();
        let skipped = vec![Endpoint::parse("arsip.daftarkan-naskah").unwrap()];
        vec![
            Event::Accepted { by: text() },
            Event::Repeat { first },
            Event::Changed { first },
            Event::Filtered { step: text() },
            Event::Routed { deliveries: 3, skipped },
            Event::Attempt { attempt: 2, class: text(), answer: text(), duration_ms: 41 },
            Event::CopyDropped,
            Event::Delivered,
            Event::Dead { class: text(), reason: text() },
            Event::Expired,
            Event::Paused { reason: text() },
            Event::Resumed { by: text() },
            Event::Replayed { by: text() },
            Event::Discarded { by: text() },
            Event::Panicked { place: text() },
            Event::Generation { how: text() },
        ]
    }

    fn line(at: i64, message: MessageId, event: Event) -> Line {
        Line {
            at: Timestamp::from_millis(at),
            route: "sppd-terbit".into(),
            message: Some(message),
            delivery: Some((Endpoint::parse("e-absensi.catat-dinas-luar").unwrap(), 7)),
            generation: 4,
            event,
        }
    }

    async fn write(store: &Store, lines: &[Line]) {
        let mut writes = Writes::default();
        lines.iter().for_each(|line| append(&mut writes, line));
        store.commit(writes).await.unwrap();
    }

    #[tokio::test]
    async fn every_event_is_read_as_it_was_written() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let ids = IdSource::default();
        let (id, other) =
            (ids.next(Timestamp::from_millis(1)), ids.next(Timestamp::from_millis(2)));
        let events = every_event(other).into_iter();
        let mut lines: Vec<_> = events.map(|event| line(5, id, event)).collect();
        lines[0].delivery = None;
        write(&store, &lines).await;
        write(&store, &[line(6, other, Event::Delivered)]).await;
        write(&store, &[Line { message: None, ..line(6, other, Event::Delivered) }]).await;
        assert_eq!(Journal::new(store).of_message(id).await.unwrap(), lines);
    }

    #[tokio::test]
    async fn lines_are_forgotten_from_the_oldest_on_and_in_pieces() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let id = IdSource::default().next(Timestamp::from_millis(1));
        let lines: Vec<_> = (0..1_500).map(|at| line(at, id, Event::Delivered)).collect();
        write(&store, &lines).await;
        let journal = Journal::new(store.clone());
        for left in [500, 100, 100] {
            let mut writes = Writes::default();
            forget(&mut writes, Timestamp::from_millis(1_400));
            store.commit(writes).await.unwrap();
            assert_eq!(journal.of_message(id).await.unwrap().len(), left);
        }
    }
}
