//! The journal as it grows: every line once, in the order of their numbers, from any number on.
//!
//! A store in a directory has one writer, so that lines can be seen in the order of their numbers. In
//! a shared store a number is given before its transaction ends: a larger one can be seen first. What
//! is missing there is waited for, until no transaction is left that could still bring it.

use std::{sync::Arc, time::Duration};

use tokio::time::Instant;

use super::{Journal, Line, record};
use crate::store::{Param, Row, Sql, StoreError};

/// Lines that are looked at in one go.
const STRETCH: i64 = 5_000;

/// Lines at the end among which those of one route are looked for.
const RECENT: i64 = 20_000;

/// How long what is missing is waited for at least: a transaction has its number of a line a few
/// microseconds before the database counts it among those under way.
const GRACE: Duration = Duration::from_millis(500);

/// Follows the journal.
pub struct Tail {
    journal: Journal,
    /// Everything up to this number was told, or is not there.
    after: i64,
    /// Only of this route.
    route: Option<Arc<str>>,
    horizon: Option<Horizon>,
}

/// What was seen of a shared store at a moment.
struct Horizon {
    /// The last number that could be seen then.
    last: i64,
    /// Transactions from this one on began later.
    next: i64,
    at: Instant,
}

const LAST: &str = "SELECT coalesce(max(number), 0) FROM journal";

const NUMBERS: &str = "SELECT number FROM journal WHERE number > ?1 ORDER BY number LIMIT ?2";

const LINES: &str = "
    SELECT at, route, message, target, ordinal, generation, event, detail, number FROM journal
    WHERE number > ?1 AND number <= ?2 AND (route = ?3 OR ?3 IS NULL)
    ORDER BY number";

/// The transactions of which one may be under way: from the first on, and before the second.
const UNDER_WAY: Sql = Sql {
    sqlite: "SELECT 0, 0",
    postgres: "SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT),
                      CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS TEXT) AS BIGINT)",
};

impl Journal {
    /// Follows the journal from behind line `after` on, or from now on; all of it, or one route.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be read.
    pub async fn tail(
        &self,
        after: Option<i64>,
        route: Option<Arc<str>>,
    ) -> Result<Tail, StoreError> {
        let last = self.last().await?;
        // A number above the last is one of another journal: of before a backup was put back.
        let after = after.unwrap_or(last).clamp(0, last);
        Ok(Tail { journal: self.clone(), after, route, horizon: None })
    }

    /// The last lines of a route with their numbers, the oldest first: those among the last 20,000
    /// lines, at most `limit`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be read.
    pub async fn recent(&self, route: &str, limit: usize) -> Result<Vec<(i64, Line)>, StoreError> {
        let last = self.last().await?;
        let params = vec![(last - RECENT).into(), last.into(), route.into()];
        let mut lines = self.lines(params).await?;
        let first = lines.len().saturating_sub(limit);
        Ok(lines.split_off(first))
    }

    async fn last(&self) -> Result<i64, StoreError> {
        let answers = self.store.query(vec![(LAST, vec![])]).await?;
        Ok(answers.iter().flatten().next().map_or(0, |row| row.int(0)))
    }

    async fn lines(&self, params: Vec<Param>) -> Result<Vec<(i64, Line)>, StoreError> {
        let answers = self.store.query(vec![(LINES, params)]).await?;
        let line = |row: &Row| Ok((row.int(8), record::read(row)?));
        answers.iter().flatten().map(line).collect()
    }
}

impl Tail {
    /// Up to which line all was told.
    pub fn reached(&self) -> i64 {
        self.after
    }

    /// What has come, with the numbers; nothing, if nothing has. Whether there may be more at once.
    ///
    /// Nothing is lost where the future is dropped.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be read; the next call goes on from there.
    pub async fn next(&mut self) -> Result<(Vec<(i64, Line)>, bool), StoreError> {
        let numbers = (Sql::from(NUMBERS), vec![self.after.into(), STRETCH.into()]);
        let answers = self.journal.store.query(vec![(UNDER_WAY, vec![]), numbers]).await?;
        let [under_way, numbers] = &answers[..] else { return Ok((Vec::new(), false)) };
        let numbers: Vec<i64> = numbers.iter().map(|row| row.int(0)).collect();
        let Some(last) = numbers.last().copied() else { return Ok((Vec::new(), false)) };
        let end = match self.journal.store.is_shared() {
            false => last,
            true => self.settled(&numbers, under_way.first().map(|it| (it.int(0), it.int(1)))),
        };
        if end <= self.after {
            return Ok((Vec::new(), false));
        }
        let route = self.route.as_deref().map(str::to_owned);
        let lines = self.journal.lines(vec![self.after.into(), end.into(), route.into()]).await?;
        self.after = end;
        Ok((lines, end == last && numbers.len() == usize::try_from(STRETCH).unwrap_or(0)))
    }

    /// Up to which number nothing more can come. `under_way`: transactions before the first have
    /// ended, from the second on they have not begun.
    fn settled(&mut self, numbers: &[i64], under_way: Option<(i64, i64)>) -> i64 {
        let gapless = numbers.iter().zip(self.after + 1..).take_while(|(is, due)| **is == *due);
        let gapless = self.after.saturating_add(i64::try_from(gapless.count()).unwrap_or(i64::MAX));
        let last = numbers.last().copied().unwrap_or(gapless);
        let Some((first, next)) = under_way.filter(|_| gapless < last) else {
            self.horizon = None;
            return gapless;
        };
        match &self.horizon {
            // Whoever could have brought what was missing then has ended.
            Some(seen) if seen.next <= first && GRACE <= seen.at.elapsed() => {
                let end = seen.last.max(gapless);
                self.horizon = None;
                end
            }
            Some(_) => gapless,
            None => {
                self.horizon = Some(Horizon { last, next, at: Instant::now() });
                gapless
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        journal::{Event, append},
        message::Timestamp,
        store::{Store, Writes},
    };

    async fn write(store: &Store, route: &str, count: usize) {
        let mut writes = Writes::default();
        for _ in 0..count {
            let event = Event::Expired;
            let (at, route) = (Timestamp::from_millis(1), route.into());
            let line = Line { at, route, message: None, delivery: None, generation: 1, event };
            append(&mut writes, &line);
        }
        store.commit(writes).await.unwrap();
    }

    async fn numbers(tail: &mut Tail) -> Vec<i64> {
        let mut all = Vec::new();
        loop {
            let (lines, more) = tail.next().await.unwrap();
            all.extend(lines.iter().map(|(number, _)| *number));
            if !more {
                return all;
            }
        }
    }

    #[tokio::test]
    async fn every_line_is_told_once_and_from_where_somebody_left_off() {
        let store = Store::in_memory(true).unwrap();
        let journal = Journal::new(store.clone());
        write(&store, "satu", 3).await;
        let mut fresh = journal.tail(None, None).await.unwrap();
        assert_eq!(numbers(&mut fresh).await, [0; 0]);
        write(&store, "dua", 2).await;
        assert_eq!(numbers(&mut fresh).await, [4, 5]);
        assert_eq!(numbers(&mut fresh).await, [0; 0]);
        let mut again = journal.tail(Some(2), None).await.unwrap();
        assert_eq!(numbers(&mut again).await, [3, 4, 5]);
        let mut of_route = journal.tail(Some(0), Some("satu".into())).await.unwrap();
        assert_eq!(numbers(&mut of_route).await, [1, 2, 3]);
        assert_eq!(of_route.reached(), 5, "what is not of the route need not be looked at again");
        // Of a journal that was longer.
        let mut other = journal.tail(Some(4_711), None).await.unwrap();
        write(&store, "satu", 1).await;
        assert_eq!(numbers(&mut other).await, [6]);
        assert_eq!(journal.recent("satu", 2).await.unwrap().len(), 2);
    }

    #[tokio::test]
    async fn a_long_stretch_comes_in_pieces() {
        let store = Store::in_memory(true).unwrap();
        let many = usize::try_from(STRETCH).unwrap() + 7;
        write(&store, "satu", many).await;
        let mut tail = Journal::new(store).tail(Some(0), None).await.unwrap();
        let (first, more) = tail.next().await.unwrap();
        assert_eq!((first.len(), more), (many - 7, true));
        assert_eq!(numbers(&mut tail).await.len(), 7);
    }

    #[tokio::test(start_paused = true)]
    async fn what_is_missing_is_waited_for_while_it_can_still_come() {
        let store = Store::in_memory(true).unwrap();
        let mut tail = Journal::new(store).tail(Some(0), None).await.unwrap();
        // 2 and 5 are missing; transactions 10 to 12 may bring them.
        assert_eq!(tail.settled(&[1, 3, 4, 6], Some((10, 13))), 1);
        tokio::time::advance(GRACE).await;
        assert_eq!(tail.settled(&[1, 3, 4, 6, 7, 9], Some((12, 15))), 1, "12 is under way");
        assert_eq!(tail.settled(&[1, 2, 3, 4, 6, 7, 9], Some((12, 15))), 4, "2 has come");
        assert_eq!(tail.settled(&[1, 2, 3, 4, 6, 7, 9], Some((13, 15))), 6, "5 never will");
        tail.after = 6;
        assert_eq!(tail.settled(&[7, 9], Some((15, 15))), 7, "8 is waited for anew");
        assert_eq!(tail.settled(&[7, 8, 9], Some((15, 15))), 9);
    }
}
