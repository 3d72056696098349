//! The order of a key: the numbers of its deliveries, and what is parked behind one that is dead.
//!
//! Deliveries of one route to one target with the same order key are numbered as they are created,
//! whatever becomes of them. One that ends dead may *hold* its key: those with higher numbers are then
//! *parked*, each as its turn comes, which takes them out of their queue. What holds is let go by a
//! replay, by being discarded, or by an operator who says so; then the key is *called*, and what
//! is parked of it goes on, the lowest number first. A delivery that is replayed stands among the
//! parked, in its old place.

use std::sync::Arc;

use super::{
    DeliveryId, Ledger, NewDelivery, Outcome, Sending,
    query::{digest, endpoint, message_id, ordinal, time},
    writes::{address, shift},
};
use crate::{
    message::{Digest, Endpoint, Headers, Message, MessageId, Timestamp},
    store::{Expect, Row, StoreError, Writes, checksum},
};

/// Keys that are called at once.
const CALLS_MAX: i64 = 100;

/// Deliveries of one key that hold it and are told one by one.
const HOLDERS_MAX: i64 = 100;

/// The first of what is parked of a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parked {
    /// What is to be sent, under the id of its message, with the headers of its entry.
    pub entry: Message,
    /// Its number.
    pub seq: i64,
    /// A delivery with a lower number holds the key.
    pub is_held: bool,
    /// One with a lower number is still on its way: what calls the key has overtaken it.
    pub is_early: bool,
}

/// A key of which something may go on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CalledKey {
    /// The store's number for it.
    pub number: i64,
    /// The route.
    pub route: Arc<str>,
    /// The target.
    pub target: Endpoint,
    /// The order key.
    pub key: Digest,
}

/// A key that a dead delivery holds.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeldKey {
    /// The store's number for it.
    pub number: i64,
    /// The dead deliveries that hold it, as message and ordinal; the first 100.
    pub holders: Vec<(MessageId, u32)>,
    /// How many are parked behind them.
    pub parked: u64,
}

/// Creates a delivery; with an order key it gets the next number of that key.
pub(super) fn create(writes: &mut Writes, delivery: &NewDelivery, at: Timestamp) {
    let DeliveryId { route, target, .. } = &delivery.id;
    let mut params = address(&delivery.id);
    params.extend([delivery.key.0.as_slice().into(), at.as_millis().into()]);
    match delivery.order_key {
        None => writes.push(CREATE, params),
        Some(key) => {
            let place =
                vec![route.as_ref().into(), target.to_string().into(), key.0.as_slice().into()];
            writes.push(NUMBER, place);
            params.push(key.0.as_slice().into());
            writes.push(CREATE_NUMBERED, params);
        }
    }
    shift_each(writes, &delivery.id, "created", 1);
}

const CREATE: &str = "
    INSERT INTO delivery (message, target, ordinal, key, at)
    SELECT number, ?3, ?4, ?5, ?6 FROM message WHERE route = ?1 AND id = ?2
    ON CONFLICT DO NOTHING";

/// In a store that was restored from a backup, numbers of keys that it does not know may have been
/// given too, and are passed over.
const NUMBER: &str = "
    INSERT INTO ordered_key (route, target, key, last)
    VALUES (?1, ?2, ?3,
        1 + coalesce((SELECT value FROM fact WHERE name = 'key_numbers_passed'), 0))
    ON CONFLICT (route, target, key) DO UPDATE SET last = ordered_key.last + 1";

const CREATE_NUMBERED: &str = "
    INSERT INTO delivery (message, target, ordinal, key, at, ordered_key, seq)
    SELECT m.number, ?3, ?4, ?5, ?6, k.number, k.last
    FROM message AS m CROSS JOIN ordered_key AS k
    WHERE m.route = ?1 AND m.id = ?2 AND k.route = ?1 AND k.target = ?3 AND k.key = ?7
    ON CONFLICT DO NOTHING";

/// A delivery that is dead holds its key, if it has one: those that come later are parked.
pub fn hold_key(writes: &mut Writes, delivery: &DeliveryId) {
    writes.push(
        "UPDATE delivery SET holds = 1
         WHERE message = (SELECT number FROM message WHERE route = ?1 AND id = ?2)
             AND target = ?3 AND ordinal = ?4 AND outcome = 'dead' AND ordered_key IS NOT NULL",
        address(delivery),
    );
}

/// What `delivery` holds is called, if it holds a key. Before it lets go of it.
pub(super) fn call_held(writes: &mut Writes, delivery: &DeliveryId) {
    writes.push(
        "UPDATE ordered_key SET called = 1 WHERE number = (
             SELECT ordered_key FROM delivery
             WHERE message = (SELECT number FROM message WHERE route = ?1 AND id = ?2)
                 AND target = ?3 AND ordinal = ?4 AND holds = 1)",
        address(delivery),
    );
}

/// Parks a delivery that has a number, out of its queue: what stood there. One that is parked, or
/// has its outcome, stays as it is.
pub fn park(writes: &mut Writes, delivery: &DeliveryId, entry: &Message) {
    let mut params = address(delivery);
    params.extend([
        entry.received_at.as_millis().into(),
        entry.headers.to_json().into(),
        entry.body.clone().into(),
        checksum(&[entry.id.as_bytes(), &entry.body]).into(),
    ]);
    writes.push(
        "INSERT INTO parked (ordered_key, seq, message, ordinal, received_at, headers, body, crc)
         SELECT ordered_key, seq, ?2, ordinal, ?5, ?6, ?7, ?8 FROM delivery
         WHERE message = (SELECT number FROM message WHERE route = ?1 AND id = ?2)
             AND target = ?3 AND ordinal = ?4 AND outcome IS NULL AND ordered_key IS NOT NULL
         ON CONFLICT DO NOTHING",
        params,
    );
    shift_each(writes, delivery, PARKED, 1);
}

/// As [`park`], and calls its key: an operator sends it on again, and none of its key that comes
/// later may overtake it.
pub fn park_and_call(writes: &mut Writes, delivery: &DeliveryId, entry: &Message) {
    park(writes, delivery, entry);
    writes.push(
        "UPDATE ordered_key SET called = 1 WHERE number = (
             SELECT ordered_key FROM delivery
             WHERE message = (SELECT number FROM message WHERE route = ?1 AND id = ?2)
                 AND target = ?3 AND ordinal = ?4)",
        address(delivery),
    );
}

/// A parked delivery has its outcome, and is not parked any more.
pub fn unpark(writes: &mut Writes, delivery: &DeliveryId) {
    writes.push(
        "DELETE FROM parked
         WHERE ordered_key = (
                 SELECT ordered_key FROM delivery
                 WHERE message = (SELECT number FROM message WHERE route = ?1 AND id = ?2)
                     AND target = ?3 AND ordinal = ?4)
             AND seq = (
                 SELECT seq FROM delivery
                 WHERE message = (SELECT number FROM message WHERE route = ?1 AND id = ?2)
                     AND target = ?3 AND ordinal = ?4)",
        address(delivery),
    );
    shift_each(writes, delivery, PARKED, -1);
}

/// A parked delivery was tried and waits for its next attempt, with other headers.
pub fn keep_parked(writes: &mut Writes, delivery: &DeliveryId, headers: &Headers) {
    let mut params = address(delivery);
    params.push(headers.to_json().into());
    writes.push(
        "UPDATE parked SET headers = ?5
         WHERE ordered_key = (
                 SELECT ordered_key FROM delivery
                 WHERE message = (SELECT number FROM message WHERE route = ?1 AND id = ?2)
                     AND target = ?3 AND ordinal = ?4)
             AND seq = (
                 SELECT seq FROM delivery
                 WHERE message = (SELECT number FROM message WHERE route = ?1 AND id = ?2)
                     AND target = ?3 AND ordinal = ?4)",
        params,
    );
}

/// Lets a key go on past everything dead that holds it: those stay dead, and hold no more.
pub fn let_key_go(writes: &mut Writes, number: i64) {
    writes.push(
        "UPDATE delivery SET holds = 0 WHERE ordered_key = ?1 AND holds = 1",
        vec![number.into()],
    );
    call_again(writes, number);
}

/// A key is to be called once more.
pub fn call_again(writes: &mut Writes, ordered_key: i64) {
    writes.push("UPDATE ordered_key SET called = 1 WHERE number = ?1", vec![ordered_key.into()]);
}

/// A key was called: whoever delivers to its target is told with the same writes. Nothing of them is
/// kept if somebody else has called it.
pub fn called(writes: &mut Writes, key: &CalledKey) {
    let otherwise = "the key was called meanwhile";
    let expect = Expect { rows: 1, otherwise };
    writes.push_expecting(
        "UPDATE ordered_key SET called = 0 WHERE number = ?1 AND called = 1",
        vec![key.number.into()],
        expect,
    );
}

/// So many more calls stand in the queue of a target, where queues are counted with the ledger.
pub fn count_calls(writes: &mut Writes, route: &str, target: &Endpoint, more: i64) {
    shift(writes, (route, &target.to_string()), CALLS, more);
}

/// The account of what is parked.
pub(super) const PARKED: &str = "parked";

/// The account of the calls that stand in queues.
pub(super) const CALLS: &str = "calls";

fn shift_each(writes: &mut Writes, delivery: &DeliveryId, name: &str, by: i64) {
    let DeliveryId { route, target, .. } = delivery;
    writes.each_adds(super::writes::tally(route, &target.to_string(), name), by);
}

impl Ledger {
    /// What is known of deliveries that are about to be sent, in the order of `deliveries`.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn sendings(&self, deliveries: &[DeliveryId]) -> Result<Vec<Sending>, StoreError> {
        let questions = deliveries.iter().map(|it| (SENDING, address(it))).collect();
        let answers = self.store.query(questions).await?;
        let sending = |rows: &Vec<Row>| {
            rows.first().map_or_else(Sending::default, |row| Sending {
                outcome: Outcome::from_word(row.text(0)),
                copied: row.int(1) != 0,
                seq: (!row.is_null(2)).then(|| row.int(2)),
                parks: row.int(3) != 0,
            })
        };
        Ok(answers.iter().map(sending).collect())
    }

    /// The first of what is parked of a key.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn first_parked(&self, ordered_key: i64) -> Result<Option<Parked>, StoreError> {
        let sql = "SELECT p.message, p.received_at, p.headers, p.body, p.seq,
                       CAST(CASE WHEN EXISTS (
                               SELECT 1 FROM delivery AS b
                               WHERE b.ordered_key = ?1 AND b.holds = 1 AND b.seq < p.seq)
                           THEN 1 ELSE 0 END AS BIGINT),
                       CAST(CASE WHEN EXISTS (
                               SELECT 1 FROM delivery AS e
                               WHERE e.ordered_key = ?1 AND e.outcome IS NULL AND e.seq < p.seq)
                           THEN 1 ELSE 0 END AS BIGINT), p.crc
                   FROM parked AS p WHERE p.ordered_key = ?1 ORDER BY p.seq LIMIT 1";
        let Some(row) = self.row((sql, vec![ordered_key.into()])).await? else { return Ok(None) };
        let id = message_id(&row, 0);
        if row.int(7) != checksum(&[id.as_bytes(), &row.blob(3)]) {
            let reason = format!(
                "a parked delivery of message {id} is not as it was written: nothing of its key is \
                 sent; let `simpul store check` say what is lost"
            );
            return Err(StoreError { reason });
        }
        Ok(Some(Parked {
            entry: Message {
                id,
                received_at: time(&row, 1),
                headers: Headers::from_json(row.text(2)),
                body: row.blob(3),
            },
            seq: row.int(4),
            is_held: row.int(5) != 0,
            is_early: row.int(6) != 0,
        }))
    }

    /// Keys that are to be called, at most 100.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn keys_to_call(&self) -> Result<Vec<CalledKey>, StoreError> {
        let sql = "SELECT number, route, target, key FROM ordered_key
                   WHERE called = 1 ORDER BY number LIMIT ?1";
        let key = |row: &Row| {
            Some(CalledKey {
                number: row.int(0),
                route: row.text(1).into(),
                target: endpoint(row.text(2))?,
                key: digest(row, 3),
            })
        };
        Ok(self.rows((sql, vec![CALLS_MAX.into()])).await?.iter().filter_map(key).collect())
    }

    /// What holds a key of `route` and `target`, and what is parked of it; `None` if there is
    /// neither.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn held_key(
        &self,
        route: &str,
        target: &Endpoint,
        key: Digest,
    ) -> Result<Option<HeldKey>, StoreError> {
        let sql = "SELECT number, (SELECT count(*) FROM parked WHERE ordered_key = k.number)
                   FROM ordered_key AS k WHERE route = ?1 AND target = ?2 AND key = ?3";
        let params = vec![route.into(), target.to_string().into(), key.0.as_slice().into()];
        let Some(row) = self.row((sql, params)).await? else { return Ok(None) };
        let number = row.int(0);
        let parked = u64::try_from(row.int(1)).unwrap_or_default();
        let sql =
            "SELECT m.id, d.ordinal FROM delivery AS d JOIN message AS m ON m.number = d.message
                   WHERE d.ordered_key = ?1 AND d.holds = 1 ORDER BY d.seq LIMIT ?2";
        let holders = self.rows((sql, vec![number.into(), HOLDERS_MAX.into()])).await?;
        let holders: Vec<_> =
            holders.iter().map(|row| (message_id(row, 0), ordinal(row, 1))).collect();
        let is_held = !holders.is_empty() || 0 < parked;
        Ok(is_held.then_some(HeldKey { number, holders, parked }))
    }

    /// How many keys of each route and target are held by something dead.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn keys_held(&self) -> Result<Vec<(Arc<str>, Endpoint, u64)>, StoreError> {
        let sql = "SELECT k.route, k.target, count(*)
                   FROM (SELECT DISTINCT ordered_key FROM delivery WHERE holds = 1) AS held
                   CROSS JOIN ordered_key AS k WHERE k.number = held.ordered_key
                   GROUP BY k.route, k.target";
        let held = |row: &Row| {
            let count = u64::try_from(row.int(2)).unwrap_or_default();
            Some((row.text(0).into(), endpoint(row.text(1))?, count))
        };
        Ok(self.rows((sql, vec![])).await?.iter().filter_map(held).collect())
    }

    /// How many deliveries of each route and target are parked.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn parked(&self) -> Result<Vec<(Arc<str>, Endpoint, u64)>, StoreError> {
        let sql = "SELECT route, target, count FROM tally WHERE name = 'parked' AND count > 0";
        let parked = |row: &Row| {
            let count = u64::try_from(row.int(2)).unwrap_or_default();
            Some((row.text(0).into(), endpoint(row.text(1))?, count))
        };
        Ok(self.rows((sql, vec![])).await?.iter().filter_map(parked).collect())
    }
}

/// Of one delivery: what stands about it, and whether it is to be parked when its turn comes, or is.
const SENDING: &str = "
    SELECT d.outcome, d.copied, d.seq,
        CAST(CASE
            WHEN EXISTS (
                SELECT 1 FROM delivery AS b
                WHERE b.ordered_key = d.ordered_key AND b.holds = 1 AND b.seq < d.seq)
            OR EXISTS (
                SELECT 1 FROM parked AS p
                WHERE p.ordered_key = d.ordered_key AND p.seq <= d.seq)
            THEN 1 ELSE 0 END AS BIGINT)
    FROM delivery AS d
    WHERE d.message = (SELECT number FROM message WHERE route = ?1 AND id = ?2)
        AND d.target = ?3 AND d.ordinal = ?4";
