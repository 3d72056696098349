//! Dead letters: what was given up, kept for an operator, and found again among very many.

mod cause;
mod groups;
mod sql;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use bytes::Bytes;

pub(super) use self::groups::{FORGET_GROUPS, counted};
pub use self::{
    cause::group_of,
    groups::{DeadGroup, DeadKind},
};
use super::{
    Cause, DeliveryId, Ledger,
    query::{endpoint, message_id, ordinal, time},
};
use crate::{
    message::{Endpoint, MessageId, Timestamp},
    store::{Param, Row, Sql, StoreError, checksum, may_be_old},
};

/// Dead letters in one answer.
const LETTERS_MAX: usize = 500;

/// A dead letter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadLetter {
    /// Its number; rises.
    pub id: i64,
    /// When it was given up.
    pub at: Timestamp,
    /// The route.
    pub route: Arc<str>,
    /// The message as accepted, kept for the replay.
    pub message: MessageId,
    /// Which delivery; `None`: the message itself could not be routed.
    pub delivery: Option<(Endpoint, u32)>,
    /// Why.
    pub cause: Cause,
    /// The name of the group of those that failed alike.
    pub group: String,
    /// How often it was tried.
    pub attempts: u32,
    /// The generation of files that dealt with it.
    pub generation: i64,
    /// The body that was sent, if one was made, and where it was asked for.
    pub sent: Option<Bytes>,
}

impl DeadLetter {
    /// The delivery that is dead; `None`: the message itself is.
    pub fn delivery_id(&self) -> Option<DeliveryId> {
        let (target, ordinal) = self.delivery.clone()?;
        Some(DeliveryId { route: Arc::clone(&self.route), message: self.message, target, ordinal })
    }
}

/// Which dead letters are meant.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DeadFilter {
    /// Only these numbers; empty: all.
    pub ids: Vec<i64>,
    /// Only of this route.
    pub route: Option<String>,
    /// Only of this target.
    pub target: Option<String>,
    /// Only of this class.
    pub class: Option<String>,
    /// Only of this group.
    pub group: Option<String>,
    /// Only those given up at this moment or later.
    pub since: Option<Timestamp>,
    /// Only those given up before this moment.
    pub before: Option<Timestamp>,
    /// Only numbers above this one.
    pub after: i64,
    /// Only numbers up to this one.
    pub last: Option<i64>,
}

impl Ledger {
    /// Dead letters, by number, at most `limit` (500 at most), without what was sent.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn dead_letters(
        &self,
        filter: &DeadFilter,
        limit: usize,
    ) -> Result<Vec<DeadLetter>, StoreError> {
        let question = look(filter, limit, false);
        Ok(self.rows(question).await?.iter().map(dead_letter).collect())
    }

    /// One dead letter, with what was sent; without it where the disk gives it back otherwise.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn dead_letter(&self, id: i64) -> Result<Option<DeadLetter>, StoreError> {
        let filter = DeadFilter { ids: vec![id], ..DeadFilter::default() };
        let Some(row) = self.row(look(&filter, 1, true)).await? else { return Ok(None) };
        let mut letter = dead_letter(&row);
        let written = self.row(("SELECT crc FROM dead WHERE id = ?1", vec![id.into()])).await?;
        letter.sent = letter.sent.filter(|sent| {
            let parts: [&[u8]; 2] = [letter.message.as_bytes(), sent];
            let of_row = written.as_ref().filter(|it| !it.is_null(0));
            let is_whole =
                of_row.map_or_else(|| may_be_old(sent), |it| it.int(0) == checksum(&parts));
            if !is_whole {
                tracing::error!(
                    letter = id,
                    "the disk gives back what was sent otherwise than written"
                );
            }
            is_whole
        });
        Ok(Some(letter))
    }

    /// The dead letters of a message on all its routes, by number, without what was sent; at most
    /// 500.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn dead_of(&self, message: MessageId) -> Result<Vec<DeadLetter>, StoreError> {
        let params = vec![message.as_bytes().as_slice().into(), number(LETTERS_MAX)];
        Ok(self.rows((sql::OF_MESSAGE, params)).await?.iter().map(dead_letter).collect())
    }

    /// The number of the last dead letter; 0 if there is none.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn last_dead(&self) -> Result<i64, StoreError> {
        let row = self.row(("SELECT coalesce(max(id), 0) FROM dead", vec![])).await?;
        Ok(row.map_or(0, |row| row.int(0)))
    }
}

/// The question for dead letters: the statement that needs to look at the fewest.
fn look(filter: &DeadFilter, limit: usize, with_sent: bool) -> (Sql, Vec<Param>) {
    let (sql, mut params) = match (&filter.ids[..], &filter.group) {
        ([], None) => (sql::LOOK, chosen(filter)),
        ([], Some(_)) => (sql::LOOK_IN_GROUP, with_group(filter)),
        (ids, _) => {
            let mut params = with_group(filter);
            params.push(serde_json::to_string(ids).unwrap_or_default().into());
            (sql::LOOK_UP, params)
        }
    };
    params.push(number(limit.min(LETTERS_MAX)));
    params.push(i64::from(with_sent).into());
    (sql, params)
}

fn chosen(filter: &DeadFilter) -> Vec<Param> {
    vec![
        filter.after.into(),
        filter.last.unwrap_or(i64::MAX).into(),
        filter.since.map_or(i64::MIN, Timestamp::as_millis).into(),
        filter.before.map_or(i64::MAX, Timestamp::as_millis).into(),
        filter.route.clone().into(),
        filter.target.clone().into(),
        filter.class.clone().into(),
    ]
}

fn with_group(filter: &DeadFilter) -> Vec<Param> {
    let mut params = chosen(filter);
    params.push(filter.group.clone().into());
    params
}

fn number(count: usize) -> Param {
    i64::try_from(count).unwrap_or(i64::MAX).into()
}

fn dead_letter(row: &Row) -> DeadLetter {
    DeadLetter {
        id: row.int(0),
        at: time(row, 1),
        route: row.text(2).into(),
        message: message_id(row, 3),
        delivery: endpoint(row.text(4)).map(|target| (target, ordinal(row, 5))),
        cause: cause(row, 6),
        attempts: ordinal(row, 9),
        generation: row.int(10),
        group: row.text(11).to_owned(),
        sent: (!row.is_null(12)).then(|| row.blob(12)),
    }
}

/// Reads `class, place, reason` from a column on.
fn cause(row: &Row, column: usize) -> Cause {
    Cause {
        class: row.text(column).into(),
        place: row.text(column + 1).to_owned(),
        reason: row.text(column + 2).to_owned(),
    }
}
