//! What is written into a copy, so that whatever comes of it says what it may be.

use rusqlite::Connection;

/// How much higher the numbers of a key go on: more than one gives in the time between two backups.
const NUMBERS_PASSED: i64 = 1_000_000;

/// What is in a copy may have gone on after it was taken, in a way that the copy knows nothing of.
///
/// - Whatever waits in a queue may have been handed out, as after a stop that was not clean.
/// - Whatever was accepted up to now may have been delivered: its deliveries are flagged, those that
///   are yet to be made of it too, and those of a dead letter that is replayed.
/// - The numbers of a key (`simpul-key-seq`) may have gone on: a receiver that remembers the last one
///   would refuse what is new.
///
/// `at_ms`: when the copy was taken, where that is to be told when it is put back.
pub(super) fn mark(connection: &Connection, at_ms: Option<i64>) -> rusqlite::Result<()> {
    connection.execute_batch("BEGIN IMMEDIATE; DELETE FROM fact WHERE name = 'broker_closed';")?;
    let set = "INSERT INTO fact VALUES (?1, ?2) ON CONFLICT DO UPDATE SET value = excluded.value";
    let last: i64 = connection.query_row(LAST_ACCEPTED, [], |row| row.get(0))?;
    connection.execute(set, ("restored_up_to", last))?;
    connection.execute("DELETE FROM fact WHERE name = 'backup_at'", [])?;
    if let Some(at_ms) = at_ms {
        connection.execute(set, ("backup_at", at_ms))?;
    }
    let passed = "INSERT INTO fact VALUES ('key_numbers_passed', ?1)
                  ON CONFLICT DO UPDATE SET value = value + excluded.value";
    connection.execute(passed, [NUMBERS_PASSED])?;
    connection.execute("UPDATE ordered_key SET last = last + ?1", [NUMBERS_PASSED])?;
    connection.execute_batch("COMMIT")
}

/// Up to when messages were accepted that something may yet be sent of. An earlier mark holds on: of
/// what it was about, something may have become no row at all and come back by a replay.
const LAST_ACCEPTED: &str = "
    SELECT max(
        coalesce((SELECT max(received_at) FROM entry), 0),
        coalesce((SELECT max(received_at) FROM kept), 0),
        coalesce((SELECT max(received_at) FROM parked), 0),
        coalesce((SELECT max(received_at) FROM outbox), 0),
        coalesce((SELECT value FROM fact WHERE name = 'restored_up_to'), 0))";

/// When a copy was taken, as it says itself.
pub(super) fn taken_at_ms(connection: &Connection) -> rusqlite::Result<Option<i64>> {
    let mut asked = connection.prepare("SELECT value FROM fact WHERE name = 'backup_at'")?;
    let mut rows = asked.query([])?;
    rows.next()?.map(|row| row.get(0)).transpose()
}
