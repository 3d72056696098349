//! Finds what is wrong with the queues of a store that nobody works on.

use super::{sql, whole};
use crate::{
    message::MessageId,
    store::{Finding, Inspection, Row, StoreError},
};

/// What was looked at, and what of it is wrong.
///
/// Returns how many rows with bodies were read.
pub fn check(store: &Inspection, found: &mut Vec<Finding>) -> u64 {
    let mut rows = 0;
    for queue in queues(store, found) {
        rows += entries(store, &queue, found);
    }
    rows += put_aside(store, found);
    for (question, told) in [
        (ORPHANS, "an entry of a queue that is not there" as &'static str),
        (BLOCKED_WRONGLY, "an entry that waits for an earlier one of its key, and is the first"),
        (FREE_WRONGLY, "an entry that does not wait for an earlier one of its key"),
    ] {
        let asked = store.rows(question, &[], |row| {
            found.push(Finding {
                kind: "account",
                what: format!("entry {}: {told}", row.int(0)),
                lost: "nothing, but it may be delivered never, or out of order".to_owned(),
                todo: REPORT.to_owned(),
            });
        });
        asked.unwrap_or_else(|error| found.push(unreadable("the queues", &error.reason)));
    }
    rows
}

/// How many entries wait in the queues of a store that nobody works on.
///
/// # Errors
///
/// [`StoreError`] when it cannot be read.
pub fn waiting(store: &Inspection) -> Result<u64, StoreError> {
    let mut waiting = 0;
    store.rows(sql::LEFT, &[], |row| waiting = u64::try_from(row.int(0)).unwrap_or_default())?;
    Ok(waiting)
}

const REPORT: &str = "report it as a bug, with this report and a copy of the store";

const QUEUES: &str = "SELECT id, name, entries FROM queue ORDER BY id";

const POSITIONS: &str =
    "SELECT position FROM entry INDEXED BY entry_place WHERE queue = ?1 ORDER BY position";

/// The same without the index: where it is damaged, or the rows are.
const POSITIONS_OF_ROWS: &str =
    "SELECT position FROM entry NOT INDEXED WHERE queue = ?1 ORDER BY position";

const ORPHANS: &str = "SELECT position FROM entry WHERE queue NOT IN (SELECT id FROM queue)";

/// Each is the first of its key.
const BLOCKED_WRONGLY: &str = "
    SELECT min(position) FROM entry WHERE order_key IS NOT NULL
    GROUP BY queue, order_key HAVING min(blocked) = 1";

const FREE_WRONGLY: &str = "
    SELECT position FROM (
        SELECT position, blocked, row_number() OVER (PARTITION BY queue, order_key ORDER BY rank) AS place
        FROM entry WHERE order_key IS NOT NULL)
    WHERE blocked = 0 AND place > 1";

struct Queue {
    id: i64,
    name: String,
    entries: i64,
}

fn queues(store: &Inspection, found: &mut Vec<Finding>) -> Vec<Queue> {
    let mut queues = Vec::new();
    let asked = store.rows(QUEUES, &[], |row| {
        queues.push(Queue { id: row.int(0), name: row.text(1).to_owned(), entries: row.int(2) });
    });
    asked.unwrap_or_else(|error| found.push(unreadable("the list of queues", &error.reason)));
    queues
}

/// Reads each entry alone, so that one that cannot be read does not hide the others.
fn entries(store: &Inspection, queue: &Queue, found: &mut Vec<Finding>) -> u64 {
    let mut positions = Vec::new();
    for question in [POSITIONS, POSITIONS_OF_ROWS] {
        let asked = store.rows(question, &[queue.id.into()], |row| positions.push(row.int(0)));
        if let Err(error) = asked {
            found.push(unreadable(&format!("the queue `{}`", queue.name), &error.reason));
        }
    }
    positions.sort_unstable();
    positions.dedup();
    for position in &positions {
        let mut row = None;
        let asked = store.rows(sql::ENTRY, &[(*position).into()], |it| row = Some(it.clone()));
        match (asked, row) {
            (Err(error), _) => found.push(lost(queue, *position, None, &error.reason)),
            (Ok(()), None) => found.push(lost(queue, *position, None, "it is not there")),
            (Ok(()), Some(row)) if !whole::is_whole(&row) => {
                let reason = "the disk gives it back otherwise than it was written";
                found.push(lost(queue, *position, Some(id(&row, 5)), reason));
            }
            _ => {}
        }
    }
    let count = positions.len() as i64;
    if count != queue.entries {
        found.push(Finding {
            kind: "account",
            what: format!(
                "the queue `{}` has {count} entries, and its account says {}",
                queue.name, queue.entries
            ),
            lost: format!("{} entries of it", queue.entries.saturating_sub(count).max(0)),
            todo: "see the lines about deliveries that stand in no queue".to_owned(),
        });
    }
    count.unsigned_abs()
}

fn lost(queue: &Queue, position: i64, message: Option<MessageId>, reason: &str) -> Finding {
    let of = message.map_or_else(String::new, |id| format!(" of message {id}"));
    Finding {
        kind: "row",
        what: format!("entry {position} of the queue `{}`{of}: {reason}", queue.name),
        lost: "what it would have delivered, or routed; nothing wrong is sent".to_owned(),
        todo: "have its sender send it again, under another idempotency key; simpul puts it aside \
               when its turn comes, and goes on behind it"
            .to_owned(),
    }
}

/// What the running bus has found and put aside.
fn put_aside(store: &Inspection, found: &mut Vec<Finding>) -> u64 {
    let mut rows = 0;
    let asked = store.rows(sql::DAMAGED, &[], |row| {
        rows += 1;
        found.push(Finding {
            kind: "row",
            what: format!(
                "entry {} of the queue `{}`, said to be of message {}: put aside as damaged",
                row.int(0),
                row.text(1),
                id(row, 2)
            ),
            lost: "what it would have delivered, or routed; nothing wrong was sent".to_owned(),
            todo: "have its sender send it again, under another idempotency key".to_owned(),
        });
    });
    asked.unwrap_or_else(|error| found.push(unreadable("what was put aside", &error.reason)));
    rows
}

fn id(row: &Row, column: usize) -> MessageId {
    MessageId::from_bytes(row.blob(column).as_ref().try_into().unwrap_or_default())
}

fn unreadable(what: &str, reason: &str) -> Finding {
    Finding {
        kind: "page",
        what: format!("{what}: {reason}"),
        lost: "what stands there".to_owned(),
        todo: "see the lines about pages".to_owned(),
    }
}
