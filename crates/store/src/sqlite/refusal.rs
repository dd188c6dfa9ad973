//! What SQLite's refusals mean: its codes and texts as the facts of [`StoreError`].

use rusqlite::{Connection, Error, ErrorCode, ffi};

use crate::{StoreError, migrations};

/// Extended code of a violated foreign key (`SQLITE_CONSTRAINT_FOREIGNKEY`).
pub(super) const FOREIGN_KEY: i32 = ffi::SQLITE_CONSTRAINT_FOREIGNKEY;

/// The fact behind an error of SQLite. A foreign key needs [`dangling`] to be named.
pub(super) fn classify(error: &Error) -> StoreError {
    let text = error.to_string();
    match error.sqlite_error_code() {
        Some(ErrorCode::DiskFull) => StoreError::Full(text),
        Some(ErrorCode::SystemIoFailure) => StoreError::Unsynced(text),
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => StoreError::Late,
        Some(ErrorCode::ConstraintViolation) => taken(&text).unwrap_or(StoreError::Database(text)),
        _ => StoreError::Database(text),
    }
}

/// SQLite names columns (`UNIQUE constraint failed: tokens.owner, tokens.name`), the schema names the rule.
fn taken(text: &str) -> Option<StoreError> {
    let columns = text.strip_prefix("UNIQUE constraint failed: ")?;
    let named = migrations::uniques().find(|(table, unique)| {
        let qualified: Vec<_> = unique
            .columns
            .iter()
            .map(|column| format!("{table}.{column}"))
            .collect();
        qualified.join(", ") == columns
    });
    named.map(|(_, unique)| StoreError::Taken {
        constraint: unique.name,
    })
}

/// Names the reference that a statement violates. SQLite does not, so the statement is done once more with
/// the check put off, the rows that now dangle are asked for, and all of that is undone.
pub(super) fn dangling(conn: &Connection, again: impl FnOnce() -> Result<usize, Error>) -> StoreError {
    let unnamed = || StoreError::Database("FOREIGN KEY constraint failed".to_owned());
    let found = (|| {
        conn.execute_batch("SAVEPOINT naming; PRAGMA defer_foreign_keys = ON")?;
        let row = again().and_then(|_| {
            conn.query_row("PRAGMA foreign_key_check", [], |row| {
                Ok((row.get::<_, String>(0)?, row.get::<_, i64>(3)?))
            })
        });
        conn.execute_batch("ROLLBACK TO naming; RELEASE naming; PRAGMA defer_foreign_keys = OFF")?;
        let (table, key) = row?;
        let column = conn.query_row(
            "SELECT \"from\" FROM pragma_foreign_key_list(?1) WHERE id = ?2",
            (&table, key),
            |row| row.get::<_, String>(0),
        )?;
        Ok::<_, Error>((table, column))
    })();
    let Ok((table, column)) = found else {
        return unnamed();
    };
    migrations::references()
        .find(|(on, reference)| *on == table && reference.column == column)
        .map_or_else(unnamed, |(_, reference)| StoreError::Dangling {
            constraint: reference.name,
        })
}
