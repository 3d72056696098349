//! What people did to the bus and which bodies they looked at, among the lines about messages.

use super::{Journal, Line, record};
use crate::store::{Row, StoreError};

/// A line about what somebody did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    /// Its number; rises.
    pub number: i64,
    /// The line; its event is [`Acted`](super::Event::Acted).
    pub line: Line,
}

const ACTIONS: &str = "
    SELECT at, route, message, target, ordinal, generation, event, detail, number FROM journal
    WHERE event = 'acted' AND number < ?1 ORDER BY number DESC LIMIT ?2";

impl Journal {
    /// What people did, the newest first, `limit` at most; only numbers below `below`.
    ///
    /// # Errors
    ///
    /// [`StoreError`] when the store cannot be read.
    pub async fn actions(
        &self,
        below: Option<i64>,
        limit: usize,
    ) -> Result<Vec<Action>, StoreError> {
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let params = vec![below.unwrap_or(i64::MAX).into(), limit.into()];
        let answers = self.store.query(vec![(ACTIONS, params)]).await?;
        let action = |row: &Row| Ok(Action { number: row.int(8), line: record::read(row)? });
        answers.iter().flatten().map(action).collect()
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

    #[tokio::test]
    async fn what_people_did_is_read_from_the_newest_on_and_in_pages() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        let mut writes = Writes::default();
        for at in 0..10 {
            let event = if at % 2 == 0 {
                let [who, did, what] =
                    ["sari", "pause", "paused `arsip.simpan`"].map(str::to_owned);
                Event::Acted { who, did, what, reason: None }
            } else {
                Event::Expired
            };
            let (at, route) = (Timestamp::from_millis(at), "".into());
            let line = Line { at, route, message: None, delivery: None, generation: 1, event };
            append(&mut writes, &line);
        }
        store.commit(writes).await.unwrap();
        let journal = Journal::new(store.clone());
        let page = journal.actions(None, 3).await.unwrap();
        let times =
            |page: &[Action]| -> Vec<_> { page.iter().map(|it| it.line.at.as_millis()).collect() };
        assert_eq!(times(&page), [8, 6, 4]);
        let next = journal.actions(Some(page[2].number), 3).await.unwrap();
        assert_eq!(times(&next), [2, 0]);

        // However many lines there are about messages, only these are read.
        let plan = format!("EXPLAIN QUERY PLAN {}", ACTIONS.replace("?1", "9").replace("?2", "3"));
        let plan: &'static str = Box::leak(plan.into_boxed_str());
        let plan = store.query(vec![(plan, vec![])]).await.unwrap();
        assert!(plan[0][0].text(3).contains("journal_acted"), "{}", plan[0][0].text(3));
    }
}
