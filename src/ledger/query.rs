//! What the ledger answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use super::{
    Claim, Fares, Fate, KeyUse, Known, Outcome, Pause, Tally, TargetTally,
    kept::sum_of_kept,
    order, sql,
    writes::{forgotten_at, id},
};
use crate::{
    message::{Digest, Endpoint, Headers, Message, MessageId, Timestamp},
    store::{Param, Row, Sql, Store, StoreError, may_be_old},
};

/// Deliveries of one message that are told one by one: fewer than the store's rows in one answer.
const OPEN_MAX: usize = 10_000;

/// Asks the ledger. What changes it are the free functions that make writes.
#[derive(Clone)]
pub struct Ledger {
    pub(super) store: Store,
}

impl Ledger {
    /// A ledger in `store`.
    pub fn new(store: Store) -> Self {
        Self { store }
    }

    /// Whether other gateways may work on it at the same time.
    pub(super) fn is_shared(&self) -> bool {
        self.store.is_shared()
    }

    pub(super) async fn rows(
        &self,
        question: (impl Into<Sql>, Vec<Param>),
    ) -> Result<Vec<Row>, StoreError> {
        Ok(self.store.query(vec![question]).await?.pop().unwrap_or_default())
    }

    pub(super) async fn row(
        &self,
        question: (impl Into<Sql>, Vec<Param>),
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.rows(question).await?.into_iter().next())
    }

    /// The claims on identities of one route that hold at `now`, in the order of `identities`.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn claims(
        &self,
        route: &str,
        identities: &[Digest],
        now: Timestamp,
    ) -> Result<Vec<Option<Claim>>, StoreError> {
        let question = |identity: &Digest| {
            let sql = "SELECT message, body, until FROM claim
                       WHERE route = ?1 AND identity = ?2 AND until > ?3";
            let params = vec![route.into(), identity.0.as_slice().into(), now.as_millis().into()];
            (sql, params)
        };
        let answers = self.store.query(identities.iter().map(question).collect()).await?;
        let claim = |row: &Row| Claim {
            message: message_id(row, 0),
            body: digest(row, 1),
            until: time(row, 2),
        };
        Ok(answers.iter().map(|rows| rows.first().map(claim)).collect())
    }

    /// What an idempotency key of a client was used for, if it is still remembered.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn key_use(
        &self,
        client: &str,
        key: &str,
        now: Timestamp,
    ) -> Result<Option<KeyUse>, StoreError> {
        let sql = "SELECT message, body, stored FROM key_use
                   WHERE client = ?1 AND key = ?2 AND at > ?3";
        let params = vec![client.into(), key.into(), forgotten_at(now).into()];
        let row = self.row((sql, params)).await?;
        Ok(row.map(|row| KeyUse {
            message: message_id(&row, 0),
            body: digest(&row, 1),
            stored: row.int(2) != 0,
        }))
    }

    /// What is known of messages of one route, in the order of `messages`; asked only about
    /// `redelivered` ones. `None`: nobody has settled it, or an operator sent it on again.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn settled(
        &self,
        route: &str,
        messages: &[MessageId],
    ) -> Result<Vec<Option<Known>>, StoreError> {
        let sql = "SELECT m.fate, d.target, d.ordinal
                   FROM message AS m
                   LEFT JOIN delivery AS d ON d.message = m.number AND d.outcome IS NULL
                   WHERE m.route = ?1 AND m.id = ?2";
        let question = |it: &MessageId| (sql, vec![route.into(), id(*it)]);
        let answers = self.store.query(messages.iter().map(question).collect()).await?;
        let known = |rows: &Vec<Row>| {
            let fate = Fate::from_word(rows.first()?.text(0))?;
            let open =
                rows.iter().filter_map(|row| Some((endpoint(row.text(1))?, ordinal(row, 2))));
            Some(Known { fate, open: open.collect(), all: rows.len() < OPEN_MAX })
        };
        Ok(answers.iter().map(known).collect())
    }

    /// A message as it was accepted, while it is kept; not one that the disk gives back otherwise
    /// than it was written.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn message(
        &self,
        route: &str,
        message: MessageId,
    ) -> Result<Option<Message>, StoreError> {
        let sql = "SELECT received_at, headers, body, crc FROM kept
                   WHERE message = (SELECT number FROM message WHERE route = ?1 AND id = ?2)";
        let row = self.row((sql, vec![route.into(), id(message)])).await?;
        let is_whole = |row: &Row| {
            let content = (row.text(1), &*row.blob(2));
            let is_old = row.is_null(3) && may_be_old(content.1);
            is_old || row.int(3) == sum_of_kept(route, message, row.int(0), content)
        };
        Ok(row.filter(is_whole).map(|row| Message {
            id: message,
            received_at: time(&row, 0),
            headers: Headers::from_json(row.text(1)),
            body: row.blob(2),
        }))
    }

    /// Every pause.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn pauses(&self) -> Result<Vec<Pause>, StoreError> {
        let sql =
            "SELECT target, since, reason, by_operator, system_digest FROM pause ORDER BY target";
        let pause = |row: &Row| {
            Some(Pause {
                target: endpoint(row.text(0))?,
                since: time(row, 1),
                reason: row.text(2).to_owned(),
                by_operator: row.int(3) != 0,
                system_digest: (!row.is_null(4)).then(|| digest(row, 4)),
            })
        };
        Ok(self.rows((sql, vec![])).await?.iter().filter_map(pause).collect())
    }

    /// Up to when messages were accepted that may have been delivered though nothing here says so: the
    /// store was restored from a backup, and what it did between that and its loss is not known.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn restored_up_to(&self) -> Result<Option<Timestamp>, StoreError> {
        let sql = "SELECT value FROM fact WHERE name = 'restored_up_to'";
        Ok(self.rows((sql, vec![])).await?.first().map(|row| time(row, 0)))
    }

    /// The tally of every route that ever received anything, from one snapshot. Routes and
    /// their targets together at most 10,000.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn tallies(&self) -> Result<Vec<(Arc<str>, Tally)>, StoreError> {
        let mut tallies: BTreeMap<Arc<str>, Tally> = BTreeMap::new();
        for row in self.rows((sql::TALLIES, vec![])).await? {
            let counts: BTreeMap<String, u64> =
                serde_json::from_str(row.text(2)).unwrap_or_default();
            let of = |name: &str| counts.get(name).copied().unwrap_or_default();
            let tally = tallies.entry(row.text(0).into()).or_default();
            match endpoint(row.text(1)) {
                None => add_messages(tally, of),
                Some(target) => tally.targets.push((target, target_tally(of))),
            }
        }
        Ok(tallies.into_iter().collect())
    }

    /// The number of the last generation of files that was started; 0 before the first.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn last_generation(&self) -> Result<i64, StoreError> {
        let row = self.row(("SELECT max(number) FROM generation", vec![])).await?;
        Ok(row.map_or(0, |row| row.int(0)))
    }

    /// What is known of one message on each route: for the sender's question and for `trace`.
    /// A message is known from its settlement until a week after it is final.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn fares(&self, message: MessageId) -> Result<Vec<Fares>, StoreError> {
        let sql = "SELECT m.route, m.fate, m.open, d.target, d.ordinal, d.outcome, p.seq
                   FROM message AS m LEFT JOIN delivery AS d ON d.message = m.number
                   LEFT JOIN parked AS p ON p.ordered_key = d.ordered_key AND p.seq = d.seq
                   WHERE m.id = ?1 ORDER BY m.route, d.target, d.ordinal";
        let mut fares: Vec<Fares> = Vec::new();
        for row in self.rows((sql, vec![id(message)])).await? {
            let outcome = Outcome::from_word(row.text(5));
            let delivery = endpoint(row.text(3)).map(|target| (target, ordinal(&row, 4), outcome));
            let under_way = delivery.is_some() && outcome.is_none();
            if fares.last().is_none_or(|last| *last.route != *row.text(0)) {
                let fate = Fate::from_word(row.text(1));
                let (deliveries, parked) = (Vec::new(), BTreeSet::new());
                fares.push(Fares { route: row.text(0).into(), fate, deliveries, parked });
            }
            let parked = delivery.clone().filter(|_| under_way && !row.is_null(6));
            if let Some(last) = fares.last_mut() {
                last.parked.extend(parked.map(|(target, ordinal, _)| (target, ordinal)));
                last.deliveries.extend(delivery);
                last.fate = last.fate.filter(|_| !under_way);
            }
        }
        Ok(fares)
    }
}

fn add_messages(tally: &mut Tally, of: impl Fn(&str) -> u64) {
    tally.received = of("received");
    tally.repeats = of("repeat");
    tally.filtered = of("filtered");
    tally.dead = of("dead");
    tally.discarded = of("discarded");
    tally.routed = of("routed");
}

fn target_tally(of: impl Fn(&str) -> u64) -> TargetTally {
    TargetTally {
        created: of("created"),
        delivered: of("delivered"),
        dead: of("dead"),
        expired: of("expired"),
        discarded: of("discarded"),
        parked: of(order::PARKED),
        calls: of(order::CALLS),
    }
}

pub(super) fn time(row: &Row, column: usize) -> Timestamp {
    Timestamp::from_millis(row.int(column))
}

pub(super) fn count(row: &Row, column: usize) -> u64 {
    u64::try_from(row.int(column)).unwrap_or_default()
}

pub(super) fn ordinal(row: &Row, column: usize) -> u32 {
    u32::try_from(row.int(column)).unwrap_or_default()
}

pub(super) fn message_id(row: &Row, column: usize) -> MessageId {
    MessageId::from_bytes(row.blob(column).as_ref().try_into().unwrap_or_default())
}

pub(super) fn digest(row: &Row, column: usize) -> Digest {
    Digest(row.blob(column).as_ref().try_into().unwrap_or_default())
}

/// `system.name` as it was written; `None` for the empty text that stands for no target.
pub(super) fn endpoint(text: &str) -> Option<Endpoint> {
    let (system, name) = text.split_once('.')?;
    Some(Endpoint { system: system.into(), name: name.into() })
}
