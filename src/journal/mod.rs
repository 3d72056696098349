//! The journal: what happened to each message, hop by hop. Append-only; read by people.

mod action;
mod body;
mod record;
mod tail;
mod term;
mod words;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use self::{
    action::Action,
    body::{BODIES_MAX, BODY_BYTES_MAX, Body, Kept, forget_bodies, keep_body},
    tail::Tail,
    term::{Hit, Term, Wanted, forget_terms, found_by},
};

use crate::{
    message::{Endpoint, MessageId, Timestamp},
    store::{Param, Sql, Store, StoreError, Writes},
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

/// What can happen. The store keeps each as its name and a JSON object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Event {
    /// A source handed it over; `by` is the name of the API key or the system.
    Accepted {
        /// Who.
        by: String,
        /// The length of its body in bytes; 0 where a version wrote it that did not tell.
        #[serde(default)]
        bytes: u64,
        /// The trace that it is part of, where there are traces.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trace: Option<String>,
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
    /// It went the short way: routed where it arrived, and confirmed by all its targets.
    Passed {
        /// Who handed it over.
        by: String,
        /// Where it went, once for each delivery.
        to: Vec<Endpoint>,
        /// The length of its body in bytes; 0 where a version wrote it that did not tell.
        #[serde(default)]
        bytes: u64,
        /// The trace that it is part of, where there are traces.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        trace: Option<String>,
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
        /// The length of what was sent in bytes; 0 where a version wrote it that did not tell.
        #[serde(default)]
        bytes: u64,
    },
    /// A copy made by a crash was dropped: its outcome was known.
    CopyDropped,
    /// It was given up.
    Dead {
        /// The class.
        class: String,
        /// Why.
        reason: String,
    },
    /// Its time ran out.
    Expired,
    /// It is dead, and holds its order key: those of the key that come later are parked.
    KeyHeld,
    /// It waits, in no queue, behind an earlier delivery of its key.
    Parked,
    /// An operator let its key go on without it.
    KeyResumed {
        /// Who and why.
        by: String,
    },
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
    /// An operator ordered a job over dead letters.
    Ordered {
        /// What is to be done, and with which.
        what: String,
        /// Who and why.
        by: String,
    },
    /// A job over dead letters ended.
    JobEnded {
        /// Its number.
        job: i64,
        /// `done`, `cancelled`.
        how: String,
        /// Who cancelled it, and why.
        by: Option<String>,
    },
    /// Working on it panicked; it stays in its queue.
    Panicked {
        /// Where.
        place: String,
    },
    /// Somebody did something to the bus, or looked at a body.
    Acted {
        /// Who.
        who: String,
        /// A stable word: `looked`, `replay`, `reload`, …
        did: String,
        /// What, in words.
        what: String,
        /// Why, where he said it.
        reason: Option<String>,
    },
    /// A generation of files was started.
    Generation {
        /// `started`, `reloaded`.
        how: String,
    },
}

impl Event {
    /// The length in bytes of the body that it is about, where it is about one and tells it.
    pub fn bytes(&self) -> Option<u64> {
        let (Self::Accepted { bytes, .. }
        | Self::Attempt { bytes, .. }
        | Self::Passed { bytes, .. }) = self
        else {
            return None;
        };
        (*bytes != 0).then_some(*bytes)
    }
}

const APPEND: &str =
    "INSERT INTO journal (at, route, message, target, ordinal, generation, event, detail)
     VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";

/// Adds a line.
pub fn append(writes: &mut Writes, line: &Line) {
    let (event, detail) = record::write(&line.event);
    let (target, ordinal) = match &line.delivery {
        Some((target, ordinal)) => (Some(target.to_string()), Some(i64::from(*ordinal))),
        None => (None, None),
    };
    writes.push(
        APPEND,
        vec![
            line.at.as_millis().into(),
            (*line.route).into(),
            line.message.as_ref().map(|id| id.as_bytes().as_slice()).into(),
            target.into(),
            ordinal.into(),
            line.generation.into(),
            event.into(),
            detail.into(),
        ],
    );
}

/// Adds a line for each of several messages of which the same is said: the route, the generation of
/// files that dealt with them, and what happened.
pub fn append_all(
    writes: &mut Writes,
    (route, generation): (&str, i64),
    event: &Event,
    messages: impl Iterator<Item = (Timestamp, MessageId)>,
) {
    let (event, detail) = record::write(event);
    for (at, message) in messages {
        writes.push(
            APPEND,
            vec![
                at.as_millis().into(),
                route.into(),
                message.as_bytes().as_slice().into(),
                Param::Null,
                Param::Null,
                generation.into(),
                event.as_str().into(),
                detail.as_str().into(),
            ],
        );
    }
}

/// Forgets lines older than `before`, at most [`FORGOTTEN_MAX`] of them.
pub fn forget(writes: &mut Writes, before: Timestamp) {
    writes.push(FORGET, vec![before.as_millis().into(), FORGOTTEN_MAX.into()]);
}

/// The oldest lines have the smallest numbers, so that no index on `at` is needed. PostgreSQL skips
/// what another gateway is forgetting at the same moment.
const FORGET: Sql = Sql {
    sqlite: "DELETE FROM journal WHERE at < ?1
             AND number IN (SELECT number FROM journal ORDER BY number LIMIT ?2)",
    postgres: "DELETE FROM journal WHERE at < ?1
               AND number IN (SELECT number FROM journal ORDER BY number LIMIT ?2
                              FOR UPDATE SKIP LOCKED)",
};

/// Lines that one call of [`forget`] takes at most, so that no commit waits long for it.
pub const FORGOTTEN_MAX: i64 = 10_000;

/// Lines about one message that are shown at most: what the store answers at once.
const LINES_MAX: i64 = 10_000;

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
        let question = (
            "SELECT at, route, message, target, ordinal, generation, event, detail
             FROM journal WHERE message = ?1 ORDER BY number LIMIT ?2",
            vec![id.as_bytes().as_slice().into(), LINES_MAX.into()],
        );
        let answers = self.store.query(vec![question]).await?;
        answers.iter().flatten().map(record::read).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::message::IdSource;

    fn line(at: i64, message: Option<MessageId>) -> Line {
        Line {
            at: Timestamp::from_millis(at),
            route: "sppd-terbit".into(),
            message,
            delivery: Endpoint::parse("e-absensi.catat-dinas-luar").map(|it| (it, 7)),
            generation: 4,
            event: Event::Filtered { step: "steps[0] filter".to_owned() },
        }
    }

    async fn write(store: &Store, lines: &[Line]) {
        let mut writes = Writes::default();
        lines.iter().for_each(|line| append(&mut writes, line));
        store.commit(writes).await.unwrap();
    }

    #[tokio::test]
    async fn the_lines_of_one_message_are_read_as_they_were_written() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let ids = IdSource::default();
        let [one, other] = [(); 2].map(|()| ids.next(Timestamp::from_millis(1)));
        let whole = Line { delivery: None, ..line(6, Some(one)) };
        let lines = [line(5, Some(one)), line(5, Some(other)), line(5, None), whole];
        write(&store, &lines).await;
        let [first, _, _, last] = lines;
        assert_eq!(Journal::new(store).of_message(one).await.unwrap(), [first, last]);
    }

    #[tokio::test]
    async fn lines_are_forgotten_from_the_oldest_on_and_in_pieces() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let lines: Vec<_> = (0..FORGOTTEN_MAX + 500).map(|at| line(at, None)).collect();
        write(&store, &lines).await;
        let mut left = Vec::new();
        for _ in 0..3 {
            let mut writes = Writes::default();
            forget(&mut writes, Timestamp::from_millis(FORGOTTEN_MAX + 400));
            store.commit(writes).await.unwrap();
            let count = store.query(vec![("SELECT count(*) FROM journal", vec![])]).await.unwrap();
            left.push(count[0][0].int(0));
        }
        assert_eq!(left, [500, 100, 100]);
    }
}
