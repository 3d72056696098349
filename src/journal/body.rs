//! What is kept of bodies, apart from the lines: what was accepted, and what was sent to each target.
//! Each has an end of its own, and is forgotten then.

use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::{FORGOTTEN_MAX, Journal};
use crate::{
    message::{Endpoint, MessageId, Timestamp},
    store::{Param, Row, Sql, StoreError, Writes},
};

/// Bodies of one message that are looked at at once.
pub const BODIES_MAX: usize = 100;

/// Bytes of them: a page that somebody reads, and no more than a few of the largest.
pub const BODY_BYTES_MAX: u64 = 16 << 20;

/// What is kept of one body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Body {
    /// When it was accepted, or made.
    pub at: Timestamp,
    /// Until when it is kept.
    pub until: Timestamp,
    /// The route.
    pub route: Arc<str>,
    /// The message.
    pub message: MessageId,
    /// With which delivery it was sent; `None`: it is the message as accepted.
    pub delivery: Option<(Endpoint, u32)>,
    /// Its length in bytes, that of what is kept where it is sealed.
    pub bytes: u64,
    /// What is kept.
    pub kept: Kept,
}

/// What is kept of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Kept {
    /// Its SHA-256.
    Digest([u8; 32]),
    /// The body, sealed.
    Sealed(Bytes),
    /// The body, sealed; it was not read, since those before it were so large.
    NotRead,
}

impl Body {
    /// How many bytes are kept of it.
    pub fn bytes_kept(&self) -> u64 {
        match &self.kept {
            Kept::Sealed(sealed) => sealed.len() as u64,
            Kept::Digest(digest) => digest.len() as u64,
            Kept::NotRead => 0,
        }
    }
}

impl Kept {
    /// The digest of a body.
    pub fn digest_of(body: &[u8]) -> Self {
        Self::Digest(Sha256::digest(body).into())
    }
}

/// Keeps a body.
pub fn keep_body(writes: &mut Writes, body: &Body) {
    let (digest, sealed): (Param, Param) = match &body.kept {
        Kept::Digest(digest) => (digest.as_slice().into(), Param::Null),
        Kept::Sealed(sealed) => (Param::Null, sealed.clone().into()),
        Kept::NotRead => return,
    };
    let (target, ordinal) = match &body.delivery {
        Some((target, ordinal)) => (target.to_string(), i64::from(*ordinal)),
        None => (String::new(), 0),
    };
    writes.push(
        "INSERT INTO body (at, until, route, message, target, ordinal, bytes, digest, sealed)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
        vec![
            body.at.as_millis().into(),
            body.until.as_millis().into(),
            (*body.route).into(),
            body.message.as_bytes().as_slice().into(),
            target.into(),
            ordinal.into(),
            i64::try_from(body.bytes).unwrap_or(i64::MAX).into(),
            digest,
            sealed,
        ],
    );
}

/// Forgets bodies whose time is over, at most [`FORGOTTEN_MAX`] of them.
pub fn forget_bodies(writes: &mut Writes, now: Timestamp) {
    writes.push(FORGET, vec![now.as_millis().into(), FORGOTTEN_MAX.into()]);
}

/// PostgreSQL skips what another gateway is forgetting at the same moment.
const FORGET: Sql = Sql {
    sqlite: "DELETE FROM body WHERE number IN
                 (SELECT number FROM body WHERE until < ?1 ORDER BY until LIMIT ?2)",
    postgres: "DELETE FROM body WHERE number IN
                   (SELECT number FROM body WHERE until < ?1 ORDER BY until LIMIT ?2
                    FOR UPDATE SKIP LOCKED)",
};

const OF_MESSAGE: &str = "
    SELECT number, at, until, route, message, target, ordinal, bytes, digest FROM body
    WHERE message = ?1 ORDER BY number LIMIT ?2";

impl Journal {
    /// What is kept of the bodies of a message, in the order in which it was written:
    /// [`BODIES_MAX`] at most, and of what is sealed [`BODY_BYTES_MAX`] at most are read. What is
    /// over is not shown, also where nobody has come to forget it.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be read.
    pub async fn bodies_of(&self, id: MessageId, now: Timestamp) -> Result<Vec<Body>, StoreError> {
        let limit = i64::try_from(BODIES_MAX).unwrap_or(i64::MAX);
        let params: Vec<Param> = vec![id.as_bytes().as_slice().into(), limit.into()];
        let answers = self.store.query(vec![(OF_MESSAGE, params)]).await?;
        let rows = answers.into_iter().next().unwrap_or_default();
        let found: Vec<(i64, Body)> = rows.iter().filter_map(|row| read(row, now)).collect();
        let (mut bodies, mut sealed, mut bytes) = (Vec::new(), Vec::new(), 0_u64);
        for (number, body) in found {
            if body.kept == Kept::NotRead {
                bytes = bytes.saturating_add(body.bytes);
                // The first of them, however large.
                if sealed.is_empty() || bytes <= BODY_BYTES_MAX {
                    sealed.push((bodies.len(), number));
                }
            }
            bodies.push(body);
        }
        let question = |(_, number): &(usize, i64)| {
            ("SELECT sealed FROM body WHERE number = ?1", vec![Param::from(*number)])
        };
        let answers = self.store.query(sealed.iter().map(question).collect()).await?;
        for ((place, _), rows) in sealed.into_iter().zip(answers) {
            if let (Some(body), Some(row)) = (bodies.get_mut(place), rows.first()) {
                body.kept = Kept::Sealed(row.blob(0));
            }
        }
        Ok(bodies)
    }
}

fn read(row: &Row, now: Timestamp) -> Option<(i64, Body)> {
    let until = Timestamp::from_millis(row.int(2));
    if until < now {
        return None;
    }
    let ordinal = u32::try_from(row.int(6)).ok()?;
    let digest = <[u8; 32]>::try_from(&row.blob(8)[..]).ok();
    let body = Body {
        at: Timestamp::from_millis(row.int(1)),
        until,
        route: row.text(3).into(),
        message: MessageId::from_bytes(<[u8; 16]>::try_from(&row.blob(4)[..]).ok()?),
        delivery: Endpoint::parse(row.text(5)).map(|target| (target, ordinal)),
        bytes: u64::try_from(row.int(7)).ok()?,
        kept: digest.map_or(Kept::NotRead, Kept::Digest),
    };
    Some((row.int(0), body))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{message::IdSource, store::Store};

    fn at(ms: i64) -> Timestamp {
        Timestamp::from_millis(ms)
    }

    fn body(message: MessageId, until: i64, kept: Kept) -> Body {
        Body {
            at: at(1),
            until: at(until),
            route: "surat-masuk".into(),
            message,
            delivery: None,
            bytes: 4,
            kept,
        }
    }

    async fn journal_of(bodies: &[Body]) -> Journal {
        let store = Store::in_memory(true).unwrap();
        let mut writes = Writes::default();
        bodies.iter().for_each(|it| keep_body(&mut writes, it));
        store.commit(writes).await.unwrap();
        Journal::new(store)
    }

    #[tokio::test]
    async fn what_was_kept_of_a_message_is_read_back() {
        let ids = IdSource::default();
        let [one, other] = [(); 2].map(|()| ids.next(at(1)));
        let accepted = body(one, 9, Kept::digest_of(b"isi"));
        let delivery = Endpoint::parse("arsip.daftar").map(|it| (it, 3));
        let sent = body(one, 9, Kept::Sealed(Bytes::from_static(b"\0rahasia")));
        let sent = Body { delivery, ..sent };
        let others = body(other, 9, accepted.kept.clone());
        let journal = journal_of(&[accepted.clone(), others, sent.clone()]).await;
        assert_eq!(journal.bodies_of(one, at(9)).await.unwrap(), [accepted, sent]);
        assert_eq!(journal.bodies_of(one, at(10)).await.unwrap(), []);
    }

    #[tokio::test]
    async fn each_body_is_forgotten_at_its_own_end() {
        let id = IdSource::default().next(at(1));
        let all: Vec<_> = (0..10).map(|until| body(id, until, Kept::digest_of(b"x"))).collect();
        let journal = journal_of(&all).await;
        let mut writes = Writes::default();
        forget_bodies(&mut writes, at(7));
        assert_eq!(journal.store.commit_counting(writes).await.unwrap(), [7]);
        assert_eq!(journal.bodies_of(id, at(0)).await.unwrap(), all[7..]);
    }

    #[tokio::test]
    async fn no_more_is_read_at_once_than_a_page_holds() {
        let id = IdSource::default().next(at(1));
        let half = Kept::Sealed(Bytes::from(vec![7; 9 << 20]));
        let all = vec![Body { bytes: 9 << 20, ..body(id, 9, half) }; 3];
        let read = journal_of(&all).await.bodies_of(id, at(1)).await.unwrap();
        let was_read: Vec<_> = read.iter().map(|it| it.kept != Kept::NotRead).collect();
        assert_eq!(was_read, [true, false, false]);
    }
}
