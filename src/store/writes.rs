//! What is written: statements that belong together, in the words of both databases.

use std::fmt;

use super::Param;

/// A statement. Static, so that each is prepared once. Its values are `?1`, `?2`, …
///
/// What both databases understand is one text: `"…".into()`. A pair is for what they do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sql {
    /// As SQLite reads it. Empty: it has nothing to do there.
    pub sqlite: &'static str,
    /// As PostgreSQL reads it, but for `?1`, which is `$1` there. Empty: it has nothing to do there.
    pub postgres: &'static str,
}

impl From<&'static str> for Sql {
    fn from(text: &'static str) -> Self {
        Self { sqlite: text, postgres: text }
    }
}

/// A question to the database: a statement and its values.
pub type Query = (Sql, Vec<Param>);

/// Statements that are committed together or not at all, in their order; see
/// [`push_first`](Self::push_first) for the exception.
#[derive(Default)]
pub struct Writes {
    pub(super) first: Vec<Write>,
    pub(super) rest: Vec<Write>,
    /// What changes by certain amounts, whatever the statements change.
    pub(super) sums: Vec<(Sum, i64)>,
    then: Vec<Then>,
}

/// A number in the database that many statements of a transaction add to. It is written once, at
/// the end of the transaction, however many jobs it serves. SQLite only: in a shared store many
/// gateways would wait for its row.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Sum {
    /// What adds to it: its key is `?1` to `?n`, what is added stands behind it.
    pub sql: &'static str,
    /// Which one.
    pub key: Vec<Param>,
}

/// What is done as soon as something is written.
type Then = Box<dyn FnOnce() + Send>;

impl fmt::Debug for Writes {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { first, rest, sums, then } = self;
        let mut shown = formatter.debug_struct("Writes");
        shown.field("first", first).field("rest", rest).field("sums", sums);
        shown.field("then", &then.len()).finish()
    }
}

/// One statement.
#[derive(Debug)]
pub(super) struct Write {
    /// The statement.
    pub(super) sql: Sql,
    /// The values, from `?1` on.
    pub(super) params: Vec<Param>,
    /// What must have happened, or nothing of the [`Writes`] is kept.
    pub(super) expect: Option<Expect>,
    /// What each row that it changes adds to.
    pub(super) sums: Vec<(Sum, i64)>,
}

/// How many rows a statement must change, and what it means if it does not.
#[derive(Debug, Clone, Copy)]
pub struct Expect {
    /// How many.
    pub rows: u64,
    /// The reason for the error, as in "the dead letter is no longer there".
    pub otherwise: &'static str,
}

impl Writes {
    /// Adds a statement.
    pub fn push(&mut self, sql: impl Into<Sql>, params: Vec<Param>) {
        self.rest.push(Write { sql: sql.into(), params, expect: None, sums: Vec::new() });
    }

    /// Adds a statement that must change exactly `expect.rows` rows: otherwise nothing is written.
    pub fn push_expecting(&mut self, sql: impl Into<Sql>, params: Vec<Param>, expect: Expect) {
        self.rest.push(Write { sql: sql.into(), params, expect: Some(expect), sums: Vec::new() });
    }

    /// Adds a statement for rows that another gateway may want at the same time.
    ///
    /// It comes before all that is not first. In a shared store those of a whole transaction are
    /// done in the order of their texts and values, which is the same in every gateway: so two
    /// transactions never wait for each other in a circle.
    pub fn push_first(&mut self, sql: impl Into<Sql>, params: Vec<Param>, expect: Option<Expect>) {
        self.first.push(Write { sql: sql.into(), params, expect, sums: Vec::new() });
    }

    /// Each row that the last statement changes adds so much to `sum`.
    ///
    /// The last one of [`push`](Self::push) and its like, not of [`push_first`](Self::push_first).
    pub fn each_adds(&mut self, sum: Sum, amount: i64) {
        if let Some(last) = self.rest.last_mut() {
            last.sums.push((sum, amount));
        }
    }

    /// Adds so much to `sum`.
    pub fn add(&mut self, sum: Sum, amount: i64) {
        self.sums.push((sum, amount));
    }

    /// Does something as soon as this is written, in the order of commits, whether or not anybody
    /// still waits for it; drops it if this is not written. On the thread that writes: it should be
    /// quick.
    pub fn then(&mut self, then: impl FnOnce() + Send + 'static) {
        self.then.push(Box::new(then));
    }

    /// Adds all of `other`, after what is here.
    pub fn append(&mut self, mut other: Self) {
        self.first.append(&mut other.first);
        self.rest.append(&mut other.rest);
        self.sums.append(&mut other.sums);
        self.then.append(&mut other.then);
    }

    /// It is written.
    pub(super) fn done(self) {
        self.then.into_iter().for_each(|then| then());
    }

    /// Whether there is nothing to write.
    pub fn is_empty(&self) -> bool {
        self.first.is_empty() && self.rest.is_empty() && self.sums.is_empty()
    }

    /// How many statements there are.
    pub(super) fn len(&self) -> usize {
        self.first.len() + self.rest.len()
    }

    /// All statements: those that come first, then the others.
    pub(super) fn iter(&self) -> impl Iterator<Item = &Write> {
        self.first.iter().chain(&self.rest)
    }

    /// About how much memory the values take, in bytes.
    pub(super) fn size(&self) -> usize {
        self.iter().flat_map(|write| &write.params).map(Param::size).sum()
    }
}
