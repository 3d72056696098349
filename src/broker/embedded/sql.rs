//! The statements of the embedded broker. What the tables mean stands in the store's migrations.

/// A queue, at its first use. Changes one row unless the number means another queue.
pub(super) const CREATE: &str = "
    INSERT INTO queue (id, name) VALUES (?1, ?2)
    ON CONFLICT (id) DO UPDATE SET name = excluded.name WHERE name = excluded.name";

/// An entry without an order key.
pub(super) const PUT: &str = "
    INSERT INTO entry
        (position, queue, due, received_at, crc, message, headers, body, redelivered, blocked)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, 0)";

/// An entry with an order key; blocked if its queue holds an earlier one. Its rank follows the order
/// of commits, which that of positions need not: two that come at once are given theirs before.
pub(super) const PUT_KEYED: &str = "
    INSERT INTO entry
        (position, queue, due, received_at, crc, message, headers, body, redelivered, order_key,
         blocked, rank)
    VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10,
        EXISTS (
            SELECT 1 FROM entry INDEXED BY entry_key WHERE queue = ?2 AND order_key = ?10),
        1 + coalesce((
            SELECT max(rank) FROM entry INDEXED BY entry_key
            WHERE queue = ?2 AND order_key = ?10), 0))";

/// Counts entries that came or went: a sum.
pub(super) const ENTRIES: &str = "UPDATE queue SET entries = entries + ?2 WHERE id = ?1";

/// Takes entries out: a JSON array of positions.
pub(super) const TAKE_OUT: &str = "
    DELETE FROM entry WHERE position IN (SELECT value FROM json_each(?1))";

/// Entries of all queues.
pub(super) const LEFT: &str = "SELECT coalesce(sum(entries), 0) FROM queue";

/// Frees the first entry of a key.
pub(super) const UNBLOCK: &str = "
    UPDATE entry SET blocked = 0 WHERE position = (
        SELECT position FROM entry INDEXED BY entry_key
        WHERE queue = ?1 AND order_key = ?2 ORDER BY rank LIMIT 1)";

/// Leaves an entry in its place for a while.
pub(super) const POSTPONE: &str =
    "UPDATE entry SET due = ?2, headers = ?3, crc = ?4 WHERE position = ?1";

/// Marks entries that may have been delivered: a JSON array of positions.
pub(super) const MARK: &str = "
    UPDATE entry SET redelivered = 1 WHERE position IN (SELECT value FROM json_each(?1))";

/// What is ready in queue ?1 at ?2 and not on loan (?3): at most ?4 of those that were delayed,
/// and ?5 in all. So a backlog of the ones does not keep the others from being handed out.
pub(super) const FETCH: &str = "
    SELECT e.position, e.due, e.redelivered, e.received_at, e.crc, e.message, e.order_key,
           e.headers, e.body, e.queue
    FROM (
        SELECT position FROM (
            SELECT position FROM entry INDEXED BY entry_ready
            WHERE queue = ?1 AND blocked = 0 AND due > 0 AND due <= ?2
                AND position NOT IN (SELECT value FROM json_each(?3))
            ORDER BY due, position LIMIT ?4)
        UNION ALL
        SELECT position FROM (
            SELECT position FROM entry INDEXED BY entry_ready
            WHERE queue = ?1 AND blocked = 0 AND due = 0
                AND position NOT IN (SELECT value FROM json_each(?3))
            ORDER BY position LIMIT ?5)
        LIMIT ?5) AS chosen
    CROSS JOIN entry AS e ON e.position = chosen.position";

/// When the next entry will be ready, after ?2.
pub(super) const NEXT_DUE: &str = "
    SELECT min(due) FROM entry INDEXED BY entry_ready
    WHERE queue = ?1 AND blocked = 0 AND due > ?2";

/// An entry, as [`FETCH`] gives it.
pub(super) const ENTRY: &str = "
    SELECT position, due, redelivered, received_at, crc, message, order_key, headers, body, queue
    FROM entry WHERE position = ?1";

/// What was put aside: position, queue, message.
pub(super) const DAMAGED: &str = "
    SELECT d.position, coalesce(q.name, ''), d.message FROM damaged AS d
    LEFT JOIN queue AS q ON q.id = d.queue ORDER BY d.position";

/// Puts a damaged entry aside. Followed by taking it out.
pub(super) const PUT_ASIDE: &str = "
    INSERT INTO damaged
        (position, queue, found_at, received_at, crc, message, order_key, headers, body)
    SELECT position, queue, ?2, received_at, crc, message, order_key, headers, body
    FROM entry WHERE position = ?1";

/// Of queues: the name, how many entries it holds, how many of them wait for a moment after ?2, and
/// when the first in line was received.
macro_rules! depth {
    ($which:literal) => {
        concat!(
            "SELECT q.name, q.entries,
                (SELECT count(*) FROM entry INDEXED BY entry_ready
                    WHERE queue = q.id AND blocked = 0 AND due > ?2)
                + (SELECT count(*) FROM entry INDEXED BY entry_blocked_due
                    WHERE queue = q.id AND blocked = 1 AND due > 0 AND due > ?2),
                (SELECT received_at FROM entry INDEXED BY entry_place
                    WHERE queue = q.id ORDER BY position LIMIT 1)
            FROM queue AS q WHERE ",
            $which
        )
    };
}

/// The depth of queue ?1.
pub(super) const DEPTH: &str = depth!("q.id = ?1");

/// The depth of each queue that holds something, after the name ?1.
pub(super) const DEPTHS: &str = depth!("q.name > ?1 AND q.entries > 0 ORDER BY q.name LIMIT 500");

/// The last position of a queue.
pub(super) const LAST: &str =
    "SELECT max(position) FROM entry INDEXED BY entry_place WHERE queue = ?1";

/// Every queue, after an id.
pub(super) const QUEUES: &str = "
    SELECT id, name, entries FROM queue WHERE id > ?1 ORDER BY id LIMIT 5000";

/// Entries of a queue by position, after one.
pub(super) const BROWSE: &str = "
    SELECT position, due, received_at, message, headers, body
    FROM entry INDEXED BY entry_place
    WHERE queue = ?1 AND position > ?2 ORDER BY position LIMIT ?3";

/// Makes some delayed entries due.
pub(super) const HASTEN: &str = "
    UPDATE entry SET due = 0 WHERE position IN (
        SELECT position FROM entry INDEXED BY entry_ready
        WHERE queue = ?1 AND blocked = 0 AND due > ?2 LIMIT 1000)";

/// As [`HASTEN`], those that are blocked besides.
pub(super) const HASTEN_BLOCKED: &str = "
    UPDATE entry SET due = 0 WHERE position IN (
        SELECT position FROM entry INDEXED BY entry_blocked_due
        WHERE queue = ?1 AND blocked = 1 AND due > 0 AND due > ?2 LIMIT 1000)";

/// Takes some entries up to ?2 out, the last first: the first of each key goes last, so that
/// none is ever left blocked behind nothing.
pub(super) const PURGE: &str = "
    DELETE FROM entry WHERE position IN (
        SELECT position FROM entry INDEXED BY entry_place
        WHERE queue = ?1 AND position <= ?2
            AND position NOT IN (SELECT value FROM json_each(?3))
        ORDER BY position DESC LIMIT 1000)";

/// Frees what came after ?2 and waited for what [`PURGE`] took.
pub(super) const UNBLOCK_LATER: &str = "
    UPDATE entry SET blocked = 0 WHERE position IN (
        SELECT later.position FROM entry AS later INDEXED BY entry_place
        WHERE later.queue = ?1 AND later.position > ?2 AND later.blocked = 1 AND NOT EXISTS (
            SELECT 1 FROM entry AS earlier INDEXED BY entry_key
            WHERE earlier.queue = ?1 AND earlier.order_key = later.order_key
                AND earlier.rank < later.rank))";

/// What one statement of [`HASTEN`], [`HASTEN_BLOCKED`] and [`PURGE`] changes at most: it should
/// not keep other writers waiting for long.
pub(super) const CHANGED_MAX: u64 = 1_000;

/// Whether the last process closed the broker, and up to which position entries may have been
/// delivered by one that did not.
pub(super) const FACTS: &str = "
    SELECT (SELECT value FROM fact WHERE name = 'broker_closed'),
           (SELECT value FROM fact WHERE name = 'redelivered_up_to'),
           (SELECT max(position) FROM entry),
           (SELECT count(*) FROM damaged),
           (SELECT max(position) FROM damaged)";

/// From now on a stop without [`CLOSE`] is unclean.
pub(super) const OPEN: &str = "DELETE FROM fact WHERE name = 'broker_closed'";

/// Entries up to ?1 may have been delivered.
pub(super) const REDELIVERED: &str = "
    INSERT INTO fact VALUES ('redelivered_up_to', ?1)
    ON CONFLICT DO UPDATE SET value = excluded.value";

/// The process stops, and has marked what may have been delivered.
pub(super) const CLOSE: &str =
    "INSERT INTO fact VALUES ('broker_closed', 1) ON CONFLICT DO NOTHING";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Param, Store};

    const ALL: &[&str] = &[
        CREATE,
        PUT,
        PUT_KEYED,
        ENTRIES,
        TAKE_OUT,
        UNBLOCK,
        POSTPONE,
        MARK,
        FETCH,
        NEXT_DUE,
        PUT_ASIDE,
        DEPTH,
        DEPTHS,
        LAST,
        QUEUES,
        BROWSE,
        HASTEN,
        HASTEN_BLOCKED,
        PURGE,
        UNBLOCK_LATER,
        FACTS,
        OPEN,
        REDELIVERED,
        CLOSE,
    ];

    /// However long a queue is, no statement may walk through all of it, or sort it.
    #[tokio::test]
    async fn every_statement_finds_its_entries_through_an_index() {
        let directory = tempfile::tempdir().unwrap();
        let store = Store::open(directory.path()).unwrap();
        for sql in ALL {
            let explain: &'static str =
                Box::leak(format!("EXPLAIN QUERY PLAN {sql}").into_boxed_str());
            let values = (1..).take_while(|it| sql.contains(&format!("?{it}"))).count();
            let answers = store.query(vec![(explain, vec![Param::Int(1); values])]).await.unwrap();
            for row in answers.iter().flatten() {
                let step = row.text(3);
                let walks = ["SCAN entry", "SCAN e ", "SCAN later", "SCAN earlier", "TEMP B-TREE"];
                assert!(!walks.iter().any(|it| step.contains(it)), "{step} in {sql}");
            }
        }
    }
}
