//! What PostgreSQL's errors mean, and how they are told.

use std::error::Error as _;

use tokio_postgres::{Error, error::SqlState};

use crate::store::StoreError;

/// Whom an error concerns.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Trouble {
    /// The statement: the others of its transaction may succeed without it.
    Statement,
    /// The transaction met another one: it may succeed at once, as it is.
    Again,
    /// The transaction: it did not take place, the next one may.
    Transaction,
    /// The connection: whether a commit took place is not known.
    Connection,
}

/// Sorts an error that came up while writing.
pub(super) fn trouble(error: &Error) -> Trouble {
    match error.code() {
        None if error.is_closed() || is_broken(error) => Trouble::Connection,
        // The value does not fit the statement: nothing was sent.
        None => Trouble::Statement,
        Some(&SqlState::T_R_DEADLOCK_DETECTED | &SqlState::T_R_SERIALIZATION_FAILURE) => {
            Trouble::Again
        }
        // A standby since a moment ago, or tables that another gateway has migrated: a new
        // connection finds out which server and which tables there are.
        Some(&SqlState::READ_ONLY_SQL_TRANSACTION | &SqlState::FEATURE_NOT_SUPPORTED) => {
            Trouble::Connection
        }
        Some(code) => match code.code().get(..2) {
            // Shut down, crashed, starting up; a timeout has a connection left but no patience.
            Some("57") if *code != SqlState::QUERY_CANCELED => Trouble::Connection,
            // Another class of trouble than ours: resources, limits, the server's own, read-only.
            Some("53" | "54" | "57" | "58" | "XX" | "25") => Trouble::Transaction,
            Some("08") => Trouble::Connection,
            _ => Trouble::Statement,
        },
    }
}

fn is_broken(error: &Error) -> bool {
    error.source().is_some_and(|it| it.is::<std::io::Error>())
}

/// An error in one line for the operator, with what to do where there is something. Never its
/// details, which hold values.
pub(super) fn told(what: &str, error: &Error) -> StoreError {
    let reason = match error.as_db_error() {
        Some(error) => error.message().to_owned(),
        None => causes(error),
    };
    StoreError::new(format!("{what}: {}{}", reason.replace('\n', " "), advice(error)))
}

fn causes(error: &Error) -> String {
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(one) = cause {
        let text = one.to_string();
        if !reason.contains(&text) {
            reason = format!("{reason}: {text}");
        }
        cause = one.source();
    }
    reason
}

fn advice(error: &Error) -> &'static str {
    match error.code() {
        Some(&SqlState::DISK_FULL) => {
            "; its disk is full: make room, what was not accepted will be sent again"
        }
        Some(&SqlState::QUERY_CANCELED) => "; it took too long and was stopped",
        Some(&SqlState::TOO_MANY_CONNECTIONS) => {
            "; raise its `max_connections`: each gateway needs 4"
        }
        Some(&SqlState::INVALID_PASSWORD | &SqlState::INVALID_AUTHORIZATION_SPECIFICATION) => {
            "; look at user and password in `store`"
        }
        Some(&SqlState::INVALID_CATALOG_NAME) => "; create the database, empty, for simpul alone",
        Some(&SqlState::INSUFFICIENT_PRIVILEGE) => {
            "; the user must own the database, or be allowed to create tables in it"
        }
        Some(&SqlState::READ_ONLY_SQL_TRANSACTION) => "; it is a standby: name the primary",
        _ => "",
    }
}
