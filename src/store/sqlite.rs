//! A connection to SQLite: its settings, how values go in and come out, what its errors mean.

use std::{os::unix::ffi::OsStrExt as _, path::Path, time::Duration};

use bytes::Bytes;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_encode};
use rusqlite::{
    Connection, ErrorCode, OpenFlags, Statement, ToSql,
    types::{ToSqlOutput, ValueRef},
};

use super::{Param, Row, StoreError};
use crate::crash::{self, Sabotage};

/// What a connection is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Role {
    /// The one that writes, with so much of the database in memory.
    Writer {
        /// In mebibytes.
        cache_mib: u32,
    },
    /// One of those that only read.
    Reader,
}

/// Statements that each connection keeps prepared: about twice as many as the program has.
const STATEMENTS_KEPT: usize = 192;

/// What stays as it is in the path of an address.
const PLAIN: &AsciiSet =
    &NON_ALPHANUMERIC.remove(b'/').remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a connection that reads keeps of the database in memory, in KiB.
const READER_CACHE_KIB: i64 = 4 << 10;

/// How long a connection waits for a lock: longer than any reader may take (1 s).
const LOCK_WAIT: Duration = Duration::from_secs(5);

/// Opens the file for one purpose.
pub(super) fn connect(file: &Path, role: Role) -> Result<Connection, StoreError> {
    let failed = |error: &rusqlite::Error| {
        self::error(&format!("`{}` cannot be opened", file.display()), error)
    };
    // Only one thread uses a connection, so SQLite need not lock it.
    let mut flags = OpenFlags::SQLITE_OPEN_NO_MUTEX;
    flags |= match role {
        Role::Writer { .. } => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
        // A reader opened read-only could not read while nobody else has the log open.
        Role::Reader => OpenFlags::SQLITE_OPEN_READ_WRITE,
    };
    let connection = Connection::open_with_flags(file, flags).map_err(|error| failed(&error))?;
    connection.set_prepared_statement_cache_capacity(STATEMENTS_KEPT);
    connection.busy_timeout(LOCK_WAIT).map_err(|error| failed(&error))?;
    connection.execute_batch(settings(role)).map_err(|error| failed(&error))?;
    if crash::sabotaged(Sabotage::SkipSync) {
        connection.execute_batch("PRAGMA synchronous = OFF").map_err(|error| failed(&error))?;
    }
    let kib = match role {
        Role::Writer { cache_mib } => i64::from(cache_mib) << 10,
        Role::Reader => READER_CACHE_KIB,
    };
    // Where negative it is in KiB.
    connection.pragma_update(None, "cache_size", -kib).map_err(|error| failed(&error))?;
    Ok(connection)
}

/// Opens a file that nobody changes, and leaves nothing beside it.
pub(super) fn connect_to_backup(file: &Path) -> Result<Connection, StoreError> {
    let failed = |error: &rusqlite::Error| {
        self::error(&format!("`{}` cannot be opened", file.display()), error)
    };
    let flags = OpenFlags::SQLITE_OPEN_NO_MUTEX
        | OpenFlags::SQLITE_OPEN_READ_ONLY
        | OpenFlags::SQLITE_OPEN_URI;
    let path = percent_encode(file.as_os_str().as_bytes(), PLAIN);
    let connection = Connection::open_with_flags(format!("file:{path}?immutable=1"), flags)
        .map_err(|error| failed(&error))?;
    connection.execute_batch(settings(Role::Reader)).map_err(|error| failed(&error))?;
    Ok(connection)
}

/// `synchronous=FULL` is the promise: a commit returns when the log is on disk.
///
/// The writer folds the log into the database itself (`wal_autocheckpoint = 0`): SQLite would pass
/// over an error there. `journal_size_limit` is in bytes.
fn settings(role: Role) -> &'static str {
    match role {
        Role::Writer { .. } => {
            "PRAGMA journal_mode = WAL;
             PRAGMA synchronous = FULL;
             PRAGMA fullfsync = ON;
             PRAGMA checkpoint_fullfsync = ON;
             PRAGMA wal_autocheckpoint = 0;
             PRAGMA journal_size_limit = 67108864;
             PRAGMA temp_store = MEMORY;
             PRAGMA trusted_schema = OFF;"
        }
        Role::Reader => {
            "PRAGMA query_only = ON;
             PRAGMA temp_store = MEMORY;
             PRAGMA trusted_schema = OFF;"
        }
    }
}

impl ToSql for Param {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(value) => ValueRef::Integer(*value),
            Self::Text(value) => ValueRef::Text(value.as_bytes()),
            Self::Blob(value) => ValueRef::Blob(value),
        }))
    }
}

/// Binds the values of a statement, from `?1` on.
pub(super) fn bind(statement: &mut Statement<'_>, params: &[Param]) -> rusqlite::Result<()> {
    for (index, param) in params.iter().enumerate() {
        statement.raw_bind_parameter(index + 1, param)?;
    }
    Ok(())
}

/// Takes a row out.
pub(super) fn row(row: &rusqlite::Row<'_>, columns: usize) -> rusqlite::Result<Row> {
    let column = |index| {
        Ok(match row.get_ref(index)? {
            ValueRef::Null => Param::Null,
            ValueRef::Integer(value) => Param::Int(value),
            ValueRef::Real(value) => Param::Text(value.to_string()),
            ValueRef::Text(value) => Param::Text(String::from_utf8_lossy(value).into_owned()),
            ValueRef::Blob(value) => Param::Blob(Bytes::copy_from_slice(value)),
        })
    };
    (0..columns).map(column).collect::<rusqlite::Result<_>>().map(Row)
}

/// Whom an error concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The statement: the others of its transaction may succeed without it.
    Statement,
    /// The transaction: it did not take place, the next one may.
    Transaction,
    /// The disk is full: the transaction did not take place, a smaller one may.
    Full,
    /// The store: what is on disk is uncertain from now on.
    Store,
}

/// Sorts an error that came up while writing.
pub(super) fn trouble(error: &rusqlite::Error) -> Trouble {
    if is_full(error) {
        return Trouble::Full;
    }
    match error.sqlite_error_code() {
        Some(ErrorCode::SystemIoFailure | ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            Trouble::Store
        }
        Some(
            ErrorCode::OutOfMemory
            | ErrorCode::DatabaseBusy
            | ErrorCode::ReadOnly
            | ErrorCode::CannotOpen
            | ErrorCode::PermissionDenied
            | ErrorCode::FileLockingProtocolFailed,
        ) => Trouble::Transaction,
        _ => Trouble::Statement,
    }
}

/// Whether the disk has no room for what was to be written.
pub(super) fn is_full(error: &rusqlite::Error) -> bool {
    error.sqlite_error_code() == Some(ErrorCode::DiskFull) || is_of_shared_memory(error)
}

/// The index of the log, which SQLite keeps in a file too, cannot grow: the disk is full. It holds
/// nothing that is not in the log.
fn is_of_shared_memory(error: &rusqlite::Error) -> bool {
    error.sqlite_error().is_some_and(|it| it.extended_code == rusqlite::ffi::SQLITE_IOERR_SHMSIZE)
}

/// Folds the log that a process left behind into the database, and begins it anew.
///
/// A process that ended because its disk did not sync has left pages that the system believes to be
/// on the disk and that never got there. As long as what comes is added behind them, a power cut
/// would take it away with them; folded, they are written once more.
pub(super) fn fold_what_was_left(connection: &Connection) -> Result<(), StoreError> {
    match connection.execute_batch("PRAGMA wal_checkpoint(TRUNCATE)") {
        // On a full disk, and while another program reads it, the log is used as it is.
        Err(error) if !is_full(&error) => {
            Err(self::error("what the last process left cannot be folded", &error))
        }
        _ => Ok(()),
    }
}

/// An error in one line for the operator, with what to do where there is something.
pub(super) fn error(what: &str, error: &rusqlite::Error) -> StoreError {
    let advice = match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => {
            "; the disk is full: make room, what was not accepted will be sent again"
        }
        Some(ErrorCode::SystemIoFailure) => {
            "; the disk refused: look at it (`dmesg`) before simpul is started again"
        }
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => {
            "; the database is damaged: copy its directory, let `simpul store check` say what is \
             lost, and restore a backup"
        }
        Some(ErrorCode::CannotOpen | ErrorCode::ReadOnly | ErrorCode::PermissionDenied) => {
            "; the user that simpul runs as must be able to write it and its directory"
        }
        Some(ErrorCode::OperationInterrupted) => "; it took longer than 1 s and was stopped",
        _ => "",
    };
    StoreError::new(format!("{what}: {error}{advice}"))
}

#[cfg(test)]
mod tests {
    use rusqlite::ffi;

    use super::*;

    fn failure(code: i32) -> rusqlite::Error {
        rusqlite::Error::SqliteFailure(ffi::Error::new(code), None)
    }

    #[test]
    fn what_the_disk_refuses_concerns_the_whole_store() {
        let codes = [
            ffi::SQLITE_IOERR_FSYNC,
            ffi::SQLITE_IOERR_WRITE,
            ffi::SQLITE_IOERR_DIR_FSYNC,
            ffi::SQLITE_CORRUPT,
        ];
        assert_eq!(codes.map(|code| trouble(&failure(code))), [Trouble::Store; 4]);
    }

    #[test]
    fn a_full_disk_concerns_one_transaction_and_a_constraint_one_statement() {
        assert_eq!(trouble(&failure(ffi::SQLITE_FULL)), Trouble::Full);
        assert_eq!(trouble(&failure(ffi::SQLITE_CONSTRAINT_CHECK)), Trouble::Statement);
        assert_eq!(trouble(&failure(ffi::SQLITE_IOERR_SHMSIZE)), Trouble::Full);
    }

    #[test]
    fn a_connection_for_writing_waits_for_the_disk() {
        let directory = tempfile::tempdir().unwrap();
        let connection =
            connect(&directory.path().join("simpul.db"), Role::Writer { cache_mib: 1 }).unwrap();
        let ask = |sql: &str| {
            connection.query_row(sql, [], |row| Ok(format!("{:?}", row.get_ref(0)?))).unwrap()
        };
        assert_eq!(ask("PRAGMA synchronous"), "Integer(2)");
        assert_eq!(ask("SELECT length('wal') = 3"), "Integer(1)");
        let mode: String =
            connection.query_row("PRAGMA journal_mode", [], |row| row.get(0)).unwrap();
        assert_eq!(mode, "wal");
    }
}
