//! Formats of a shared store: which ones there are, and how an older one becomes the newest.

use tokio_postgres::{Client, Error};

use super::error::told;
use crate::store::StoreError;

/// What makes format n + 1 out of format n; a new one is added at the end, none is ever changed.
const MIGRATIONS: &[&str] = &[
    include_str!("../migrations/postgres/0001_first.sql"),
    include_str!("../migrations/postgres/0002_brokers_beside.sql"),
    include_str!("../migrations/postgres/0003_facts.sql"),
    include_str!("../migrations/postgres/0004_order.sql"),
    include_str!("../migrations/postgres/0005_dead_at_scale.sql"),
    include_str!("../migrations/postgres/0006_checksums.sql"),
    include_str!("../migrations/postgres/0007_search.sql"),
    include_str!("../migrations/postgres/0008_files.sql"),
    include_str!("../migrations/postgres/0009_dead_counts.sql"),
    include_str!("../migrations/postgres/0010_bodies.sql"),
    include_str!("../migrations/postgres/0011_rights.sql"),
];

/// Lets one gateway at a time look and migrate; it ends with its transaction.
const ALONE: &str = "SELECT pg_advisory_xact_lock(1397571660, 1)";

/// Brings a database to the newest format, each step in a transaction of its own.
pub(super) async fn to_newest(client: &mut Client) -> Result<(), StoreError> {
    migrate(client, MIGRATIONS).await
}

async fn migrate(client: &mut Client, migrations: &[&str]) -> Result<(), StoreError> {
    loop {
        let failed = |error: &Error| told("its format cannot be read or made", error);
        let step = client.transaction().await.map_err(|error| failed(&error))?;
        step.batch_execute(ALONE).await.map_err(|error| failed(&error))?;
        let found = format(&step).await?;
        if migrations.len() < found {
            return Err(StoreError::new(format!(
                "its format is {found}, and this program knows formats up to {}: a newer simpul \
                 wrote it; start that version again, or a newer one",
                migrations.len()
            )));
        }
        let Some(migration) = migrations.get(found) else { return Ok(()) };
        step.batch_execute(migration).await.map_err(|error| failed(&error))?;
        let number = i64::try_from(found + 1).unwrap_or(i64::MAX);
        step.execute("UPDATE simpul_format SET number = $1", &[&number])
            .await
            .map_err(|error| failed(&error))?;
        step.commit().await.map_err(|error| failed(&error))?;
    }
}

/// Which format a database has; 0: it is empty, and marked as ours now.
async fn format(step: &tokio_postgres::Transaction<'_>) -> Result<usize, StoreError> {
    let failed = |error: &Error| told("its format cannot be read", error);
    let facts = step.query_one(WHOSE, &[]).await.map_err(|error| failed(&error))?;
    let (ours, tables) = (facts.get::<_, bool>(0), facts.get::<_, i64>(1));
    if !ours {
        if 0 < tables {
            return Err(StoreError::new(
                "there are tables of another program in it; give simpul a database of its own \
                 (`store:` in simpul.yaml)",
            ));
        }
        step.batch_execute(MARK).await.map_err(|error| failed(&error))?;
    }
    let row = step.query_one("SELECT number FROM simpul_format", &[]).await;
    let number: i64 = row.map_err(|error| failed(&error))?.get(0);
    Ok(usize::try_from(number).unwrap_or_default())
}

const WHOSE: &str = "
    SELECT to_regclass('simpul_format') IS NOT NULL,
           (SELECT count(*) FROM pg_class
            WHERE relnamespace = to_regnamespace(current_schema()) AND relkind IN ('r', 'p', 'v'))";

const MARK: &str = "
    CREATE TABLE simpul_format (number BIGINT NOT NULL);
    INSERT INTO simpul_format VALUES (0);";
