//! Dead letters that failed alike, and how many there are. Kept, not counted when asked: with a
//! million of them too, a page of groups is there at once.

use std::sync::Arc;

use super::{DeadFilter, group_of, number, sql, with_group};
use crate::{
    ledger::{
        Cause, Ledger,
        query::{count, endpoint, time},
    },
    message::{Endpoint, Timestamp},
    store::{Param, Row, Sql, StoreError, Sum, Writes},
};

/// Groups in one answer.
const GROUPS_MAX: usize = 500;

/// Letters of an earlier format whose groups are named at once.
const NAMED_AT_ONCE: i64 = 500;

/// Dead letters that failed alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadGroup {
    /// Its name: a [`DeadFilter`] selects by it.
    pub name: String,
    /// How many there are.
    pub count: u64,
    /// When the first of them was given up.
    pub first: Timestamp,
    /// When the last of them was.
    pub last: Timestamp,
    /// The number of the last of them, as an example.
    pub example: i64,
    /// The route.
    pub route: Arc<str>,
    /// The target; `None`: messages that could not be routed.
    pub target: Option<Endpoint>,
    /// Why the last of them was given up.
    pub cause: Cause,
}

/// How many dead letters there are of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DeadKind {
    /// The route.
    pub route: Arc<str>,
    /// The target; `None`: messages that could not be routed.
    pub target: Option<Endpoint>,
    /// The class of their causes.
    pub class: Arc<str>,
    /// How many.
    pub count: u64,
}

/// A dead letter comes (1) or goes (-1) with the last statement of `writes`, if that changes a row:
/// its route, its target (empty: the message itself), its class and the name of its group. In a
/// shared store triggers count.
pub(in crate::ledger) fn counted(
    writes: &mut Writes,
    (route, target, class, group): (&str, &str, &str, &str),
    amount: i64,
) {
    let key = vec![group.into(), route.into(), target.into(), class.into()];
    writes.each_adds(Sum { sql: sql::COUNTED, key }, amount);
}

/// Groups of which no letter is left; at most 1,000 at a time.
pub(in crate::ledger) const FORGET_GROUPS: Sql = Sql {
    sqlite: "DELETE FROM dead_group WHERE (cause, route, target, class) IN (
                 SELECT cause, route, target, class FROM dead_group WHERE count = 0 LIMIT 1000)",
    // Folding does.
    postgres: "",
};

impl DeadFilter {
    /// Whether letters are meant by their groups alone, so that what is kept of these is an answer.
    fn is_of_groups(&self) -> bool {
        self.ids.is_empty()
            && (self.since, self.before, self.after, self.last) == (None, None, 0, None)
    }

    /// What is asked of the groups: route, target, class, group.
    fn of_groups(&self) -> Vec<Param> {
        [&self.route, &self.target, &self.class, &self.group].map(|it| it.clone().into()).into()
    }
}

impl Ledger {
    /// How many dead letters a filter without numbers means.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn dead_count(&self, filter: &DeadFilter) -> Result<u64, StoreError> {
        let row = if filter.is_of_groups() {
            self.row((sql::COUNT_KEPT, filter.of_groups())).await?
        } else {
            self.row((sql::COUNT, with_group(filter))).await?
        };
        Ok(row.map_or(0, |row| count(&row, 0)))
    }

    /// The dead letters that a filter without numbers means, in groups of those that failed alike:
    /// the largest first, at most `limit` (500 at most).
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn dead_groups(
        &self,
        filter: &DeadFilter,
        limit: usize,
    ) -> Result<Vec<DeadGroup>, StoreError> {
        let (question, mut params) = match filter.is_of_groups() {
            true => (sql::GROUPS_KEPT, filter.of_groups()),
            false => (sql::GROUPS, with_group(filter)),
        };
        params.push(number(limit.min(GROUPS_MAX)));
        let group = |row: &Row| DeadGroup {
            name: row.text(0).to_owned(),
            count: count(row, 1),
            first: time(row, 2),
            last: time(row, 3),
            example: row.int(4),
            route: row.text(5).into(),
            target: endpoint(row.text(6)),
            cause: super::cause(row, 7),
        };
        Ok(self.rows((question, params)).await?.iter().map(group).collect())
    }

    /// How many dead letters there are, per route, target (`None`: messages) and class.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn dead_by_class(&self) -> Result<Vec<DeadKind>, StoreError> {
        let kind = |row: &Row| DeadKind {
            route: row.text(0).into(),
            target: endpoint(row.text(1)),
            class: row.text(2).into(),
            count: count(row, 3),
        };
        Ok(self.rows((sql::KINDS, vec![])).await?.iter().map(kind).collect())
    }

    /// Writes that name the groups of letters which an earlier format left without; empty once all
    /// have a name.
    ///
    /// # Errors
    ///
    /// [`StoreError`], as all questions here.
    pub async fn name_groups(&self) -> Result<Writes, StoreError> {
        let mut writes = Writes::default();
        for row in self.rows((sql::UNNAMED, vec![NAMED_AT_ONCE.into()])).await? {
            let (route, target, class) = (row.text(1), row.text(2), row.text(3));
            let group = group_of(route, endpoint(target).as_ref(), &super::cause(&row, 3));
            writes.push(sql::NAME, vec![row.int(0).into(), group.as_str().into()]);
            counted(&mut writes, (route, target, class, ""), -1);
            counted(&mut writes, (route, target, class, &group), 1);
        }
        Ok(writes)
    }
}
