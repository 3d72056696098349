//! Formats of the database: which ones there are, and how an older one becomes the newest.

use rusqlite::{Connection, TransactionBehavior};

use super::{StoreError, sqlite};

/// What makes format n + 1 out of format n; a new one is added at the end, none is ever changed.
const MIGRATIONS: &[&str] = &[
    include_str!("migrations/0001_first.sql"),
    include_str!("migrations/0002_brokers_beside.sql"),
    include_str!("migrations/0003_sums.sql"),
    include_str!("migrations/0004_order.sql"),
    include_str!("migrations/0005_dead_at_scale.sql"),
    include_str!("migrations/0006_checksums.sql"),
    include_str!("migrations/0007_search.sql"),
    include_str!("migrations/0008_files.sql"),
    include_str!("migrations/0009_dead_counts.sql"),
    include_str!("migrations/0010_bodies.sql"),
    include_str!("migrations/0011_rights.sql"),
];

/// "SMPL": tells our files from other SQLite databases.
const APPLICATION_ID: i64 = 0x534d_504c;

/// Brings a database to the newest format, each step in a transaction of its own.
pub(super) fn to_newest(connection: &mut Connection) -> Result<(), StoreError> {
    migrate(connection, MIGRATIONS)
}

/// Refuses a database of another format than the newest.
pub(super) fn must_be_newest(connection: &Connection) -> Result<(), StoreError> {
    let (found, newest) = (format(connection)?, MIGRATIONS.len());
    if found == newest {
        return Ok(());
    }
    let advice = match found < newest {
        true => "start this simpul on it once, and stop it: that makes the newest one of it",
        false => "take the simpul that wrote it",
    };
    Err(StoreError::new(format!(
        "its format is {found}, and this program checks format {newest}: {advice}"
    )))
}

/// Refuses what is no store of simpul, of whatever format.
pub(super) fn must_be_ours(connection: &Connection) -> Result<(), StoreError> {
    let id = connection.query_row("PRAGMA application_id", [], |row| row.get::<_, i64>(0));
    match id.map_err(|error| sqlite::error("its format cannot be read", &error))? {
        APPLICATION_ID => Ok(()),
        _ => Err(StoreError::new("it is no store of simpul")),
    }
}

fn migrate(connection: &mut Connection, migrations: &[&str]) -> Result<(), StoreError> {
    let found = format(connection)?;
    if migrations.len() < found {
        return Err(StoreError::new(format!(
            "its format is {found}, and this program knows formats up to {}: a newer simpul wrote \
             it; start that version again, or a newer one",
            migrations.len()
        )));
    }
    for (done, migration) in migrations.iter().enumerate().skip(found) {
        apply(connection, migration, done + 1).map_err(|error| {
            sqlite::error(&format!("format {} cannot be made", done + 1), &error)
        })?;
    }
    Ok(())
}

/// Which format a database has; 0: it is empty.
fn format(connection: &Connection) -> Result<usize, StoreError> {
    let number = |sql: &str| {
        connection
            .query_row(sql, [], |row| row.get::<_, i64>(0))
            .map_err(|error| sqlite::error("its format cannot be read", &error))
    };
    let tables = number("SELECT count(*) FROM sqlite_schema")?;
    if 0 < tables && number("PRAGMA application_id")? != APPLICATION_ID {
        return Err(StoreError::new(
            "`simpul.db` in its directory is a database of another program; give simpul a \
             directory of its own (`store:` in simpul.yaml)",
        ));
    }
    Ok(usize::try_from(number("PRAGMA user_version")?).unwrap_or_default())
}

fn apply(connection: &mut Connection, migration: &str, format: usize) -> rusqlite::Result<()> {
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    transaction.execute_batch(migration)?;
    transaction.execute_batch(&format!(
        "PRAGMA application_id = {APPLICATION_ID}; PRAGMA user_version = {format};"
    ))?;
    transaction.commit()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::Store;

    fn made_by(directory: &std::path::Path, migrations: &[&str]) -> Connection {
        let mut connection =
            sqlite::connect(&directory.join("simpul.db"), sqlite::Role::Writer { cache_mib: 1 })
                .unwrap();
        migrate(&mut connection, migrations).unwrap();
        connection
    }

    #[tokio::test]
    async fn a_store_of_every_earlier_format_opens_with_what_is_in_it() {
        for formats in 1..=MIGRATIONS.len() {
            let directory = tempfile::tempdir().unwrap();
            let old = made_by(directory.path(), &MIGRATIONS[..formats]);
            old.execute_batch("INSERT INTO queue VALUES (7, 'simpul.route.sppd-terbit', 3)")
                .unwrap();
            drop(old);

            let store = Store::open(directory.path()).unwrap();
            let questions = vec![
                ("PRAGMA user_version", vec![]),
                ("SELECT name FROM queue WHERE entries = 3", vec![]),
            ];
            let answers = store.query(questions).await.unwrap();
            assert_eq!(answers[0][0].int(0), i64::try_from(MIGRATIONS.len()).unwrap());
            assert_eq!(answers[1][0].text(0), "simpul.route.sppd-terbit");
        }
    }

    #[tokio::test]
    async fn a_backup_of_every_earlier_format_is_put_back_as_the_newest() {
        for formats in 1..=MIGRATIONS.len() {
            let (from, to) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
            let old = made_by(from.path(), &MIGRATIONS[..formats]);
            old.execute_batch("INSERT INTO fact VALUES ('broker_closed', 1)").unwrap();
            old.execute_batch("PRAGMA journal_mode = DELETE").unwrap();
            drop(old);
            let file = from.path().join("simpul.db");
            let restore = crate::store::Restore::begin(&file, to.path(), false).unwrap();
            restore.complete(".before").unwrap();

            let store = Store::open(to.path()).unwrap();
            let facts = "SELECT count(*) FROM fact WHERE name = 'broker_closed'";
            let answers = store.query(vec![("PRAGMA user_version", vec![]), (facts, vec![])]);
            let answers = answers.await.unwrap();
            assert_eq!(answers[0][0].int(0), i64::try_from(MIGRATIONS.len()).unwrap());
            assert_eq!(answers[1][0].int(0), 0, "what is in it is suspect");
        }
    }

    #[tokio::test]
    async fn dead_letters_of_an_earlier_format_are_counted_in_their_groups() {
        let directory = tempfile::tempdir().unwrap();
        let old = made_by(directory.path(), &MIGRATIONS[..8]);
        for (number, cause) in [(1, "satu"), (2, "satu"), (3, "dua")] {
            let letter = "INSERT INTO dead (at, route, message, target, ordinal, class, place,
                                            reason, attempts, generation, cause)
                          VALUES (1, 'uji', CAST(?1 AS BLOB), '', 0, 'refused', '', '', 1, 1, ?2)";
            old.execute(letter, (number, cause)).unwrap();
        }
        drop(old);
        let store = Store::open(directory.path()).unwrap();
        let groups = "SELECT cause, route, class, count FROM dead_group ORDER BY cause";
        let answers = store.query(vec![(groups, vec![])]).await.unwrap();
        let groups: Vec<_> = answers[0].iter().map(|it| (it.text(0), it.int(3))).collect();
        assert_eq!(groups, [("dua", 1), ("satu", 2)]);
    }

    #[test]
    fn a_newer_format_is_refused() {
        let directory = tempfile::tempdir().unwrap();
        let newer = made_by(directory.path(), MIGRATIONS);
        newer.execute_batch("PRAGMA user_version = 4711").unwrap();
        drop(newer);
        let refusal = Store::open(directory.path()).map(drop).unwrap_err().reason;
        let expected = format!(
            "its format is 4711, and this program knows formats up to {}: a newer simpul wrote it; \
             start that version again, or a newer one",
            MIGRATIONS.len()
        );
        assert_eq!(refusal, expected);
    }

    #[test]
    fn a_database_of_another_program_is_left_alone() {
        let directory = tempfile::tempdir().unwrap();
        let other = Connection::open(directory.path().join("simpul.db")).unwrap();
        other.execute_batch("CREATE TABLE arsip (nomor TEXT)").unwrap();
        let refusal = Store::open(directory.path()).map(drop).unwrap_err().reason;
        assert!(refusal.contains("a database of another program"), "{refusal}");
    }

    #[test]
    fn a_migration_that_fails_leaves_the_format_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let mut connection = made_by(directory.path(), MIGRATIONS);
        let broken =
            [MIGRATIONS, &["CREATE TABLE half (done TEXT); CREATE TABLE queue (x)"]].concat();
        migrate(&mut connection, &broken).unwrap_err();
        assert_eq!(format(&connection).unwrap(), MIGRATIONS.len());
        let half = "SELECT count(*) FROM sqlite_schema WHERE name = 'half'";
        assert_eq!(connection.query_row(half, [], |row| row.get::<_, i64>(0)).unwrap(), 0);
    }
}
