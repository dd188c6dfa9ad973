//! What PostgreSQL's refusals mean: its codes as the facts of [`StoreError`].

use std::error::Error as _;

use tokio_postgres::Error;
use tokio_postgres::error::{DbError, SqlState};

use crate::{StoreError, migrations};

/// The fact behind an error.
pub(super) fn classify(error: &Error) -> StoreError {
    match error.as_db_error() {
        Some(refused) => refusal(refused),
        None if is_about_the_way(error) => StoreError::Away(told(error)),
        None => StoreError::Database(told(error)),
    }
}

/// The error with what caused it: the library's own words only say which step failed.
pub(super) fn told(error: &Error) -> String {
    error
        .source()
        .map_or_else(|| error.to_string(), |cause| format!("{error}: {cause}"))
}

fn is_about_the_way(error: &Error) -> bool {
    error.is_closed() || error.source().is_some_and(|cause| cause.is::<std::io::Error>())
}

fn refusal(refused: &DbError) -> StoreError {
    let text = refused.to_string();
    let code = refused.code();
    let named = refused.constraint();
    if *code == SqlState::UNIQUE_VIOLATION {
        let taken = named
            .and_then(unique)
            .map(|constraint| StoreError::Taken { constraint });
        return taken.unwrap_or(StoreError::Database(text));
    }
    if *code == SqlState::FOREIGN_KEY_VIOLATION {
        let dangling = named
            .and_then(reference)
            .map(|constraint| StoreError::Dangling { constraint });
        return dangling.unwrap_or(StoreError::Database(text));
    }
    if [
        SqlState::T_R_SERIALIZATION_FAILURE,
        SqlState::T_R_DEADLOCK_DETECTED,
    ]
    .contains(code)
    {
        return StoreError::Contended;
    }
    if [SqlState::LOCK_NOT_AVAILABLE, SqlState::QUERY_CANCELED].contains(code) {
        return StoreError::Late;
    }
    // Written to a server that has become a standby, or told to go while it stops.
    let is_read_only = *code == SqlState::READ_ONLY_SQL_TRANSACTION;
    match code.code().get(..2) {
        Some("53") if *code == SqlState::DISK_FULL => StoreError::Full(text),
        Some("08" | "53" | "57") => StoreError::Away(text),
        Some("58") => StoreError::Unsynced(text),
        _ if is_read_only => StoreError::Away(text),
        _ => StoreError::Database(text),
    }
}

/// A unique by its name. One on the same columns as the primary key is met as that.
fn unique(name: &str) -> Option<&'static str> {
    let by_name = migrations::uniques()
        .map(|(_, unique)| unique.name)
        .find(|known| *known == name);
    by_name.or_else(|| {
        let table = name.strip_suffix("_pkey")?;
        let table = migrations::tables().find(|known| known.name == table)?;
        let same = table
            .uniques
            .iter()
            .find(|unique| unique.columns == table.primary)?;
        Some(same.name)
    })
}

fn reference(name: &str) -> Option<&'static str> {
    migrations::references()
        .map(|(_, reference)| reference.name)
        .find(|known| *known == name)
}
