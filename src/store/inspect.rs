//! A database that nobody works on, looked at without changing it: for finding damage.

use std::path::Path;

use rusqlite::Connection;

use super::{FILE_NAME, Param, Row, StoreError, backup, lock::DirectoryLock, log, migrate, sqlite};

/// Something in a store that is not as it was written, or does not fit the rest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// `log`, `page`, `row` or `account`.
    pub kind: &'static str,
    /// What is wrong, and where.
    pub what: String,
    /// What is lost by it.
    pub lost: String,
    /// What to do.
    pub todo: String,
}

/// A database that nobody changes: in a directory, locked while it is looked at, or a backup.
pub struct Inspection {
    connection: Connection,
    log: Option<log::Damage>,
    // Last: nobody else may open the directory before the files are closed.
    _lock: Option<DirectoryLock>,
}

/// Lines that SQLite tells about pages at most.
const PAGES_TOLD_MAX: i64 = 100;

impl Inspection {
    /// Opens the database in `directory`, which must be of the newest format.
    ///
    /// # Errors
    ///
    /// When there is none, another process has it open, it is so damaged that nothing can be read
    /// of it, or its format is another one. The reason is a sentence for the operator.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let file = directory.join(FILE_NAME);
        if !file.is_file() {
            let directory = directory.display();
            return Err(StoreError::new(format!("there is no store in `{directory}`")));
        }
        let lock = DirectoryLock::take(directory)?;
        let connection = sqlite::connect(&file, sqlite::Role::Reader)?;
        let log = log::look(&connection, &file)?;
        // What is damaged is left as it was found.
        let keep_log = rusqlite::config::DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE;
        connection
            .set_db_config(keep_log, true)
            .map_err(|error| sqlite::error("it cannot be left as it is", &error))?;
        migrate::must_be_newest(&connection)?;
        Ok(Self { connection, log, _lock: Some(lock) })
    }

    /// Opens a backup, which must be of the newest format: one file, without a log beside it. It may
    /// stand where nothing can be written.
    ///
    /// # Errors
    ///
    /// When it is no backup, is so damaged that nothing can be read of it, or its format is another
    /// one.
    pub fn of_file(file: &Path) -> Result<Self, StoreError> {
        let shown = file.display();
        if !file.is_file() {
            return Err(StoreError::new(format!("there is no backup `{shown}`")));
        }
        if backup::has_log(file) {
            return Err(StoreError::new(format!(
                "`{shown}` has a log beside it: it is the database of a store, whose directory is \
                 to be named instead"
            )));
        }
        let connection = sqlite::connect_to_backup(file)?;
        migrate::must_be_ours(&connection)
            .map_err(|error| StoreError::new(format!("`{shown}`: {}", error.reason)))?;
        migrate::must_be_newest(&connection)?;
        Ok(Self { connection, log: None, _lock: None })
    }

    /// What is wrong with the files themselves: the log, and the structure of the pages.
    pub fn files(&self) -> Vec<Finding> {
        let mut found = Vec::new();
        found.extend(self.log.as_ref().map(|damage| Finding {
            kind: "log",
            what: damage.told(),
            lost: format!(
                "what the last {} transactions or one more wrote: messages that were accepted in \
                 them, and what became of deliveries",
                damage.lost
            ),
            todo: "have senders send again what they sent last; deliveries may be repeated"
                .to_owned(),
        }));
        let mut page = |what: String| {
            found.push(Finding {
                kind: "page",
                what,
                lost: "what the lines about rows and accounts name; more, where there are none"
                    .to_owned(),
                todo:
                    "copy the directory; then `sqlite3 simpul.db .recover | sqlite3 new.db`, put \
                       `new.db` in the place of `simpul.db` without its `-wal`, and check again"
                        .to_owned(),
            });
        };
        let sql = format!("PRAGMA integrity_check({PAGES_TOLD_MAX})");
        let told = self.rows(&sql, &[], |row| {
            row.text(0).lines().filter(|it| *it != "ok").for_each(|it| page(it.to_owned()));
        });
        if let Err(error) = told {
            page(error.reason);
        }
        found
    }

    /// Calls `each` with every row of an answer, however many.
    ///
    /// # Errors
    ///
    /// [`StoreError`] where a page that it needs cannot be read; `each` was called with those before.
    pub fn rows(
        &self,
        sql: &str,
        params: &[Param],
        mut each: impl FnMut(&Row),
    ) -> Result<(), StoreError> {
        let failed = |error: &rusqlite::Error| sqlite::error("cannot read", error);
        let mut statement = self.connection.prepare_cached(sql).map_err(|error| failed(&error))?;
        let columns = statement.column_count();
        sqlite::bind(&mut statement, params).map_err(|error| failed(&error))?;
        let mut found = statement.raw_query();
        while let Some(row) = found.next().map_err(|error| failed(&error))? {
            each(&sqlite::row(row, columns).map_err(|error| failed(&error))?);
        }
        Ok(())
    }
}
