//! Bringing a database up to date: all missing migrations in one transaction, after a copy was made.

use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::{Connection, OptionalExtension};
use watchroom_kit::files;

use crate::OpenError;
use crate::schema::{Engine, Migration};

const VERSIONS: &str = "CREATE TABLE schema_version (version bigint NOT NULL PRIMARY KEY, name text NOT NULL, \
                        applied_at bigint NOT NULL)";
/// Pages copied at a time; nobody else writes while the Host starts.
const PAGES: i32 = 4_096;

/// Brings the schema to the newest migration of `migrations`.
pub(crate) fn upgrade(
    conn: &mut Connection,
    path: &Path,
    migrations: &[Migration],
    now_us: i64,
) -> Result<(), OpenError> {
    let unusable = |error: rusqlite::Error| OpenError::Unusable {
        database: path.display().to_string(),
        why: error.to_string(),
    };
    let known = u32::try_from(migrations.len()).unwrap_or(u32::MAX);
    let found = version(conn).map_err(unusable)?;
    if found > known {
        return Err(OpenError::Newer {
            database: path.display().to_string(),
            found,
            known,
        });
    }
    if found == known {
        return Ok(());
    }
    if found > 0 {
        let copy = back_up(conn, path, found, now_us).map_err(|why| OpenError::Unusable {
            database: path.display().to_string(),
            why: format!("no copy before the upgrade: {why}"),
        })?;
        tracing::info!(store.schema = found, store.copy = %copy.display(), "the database was copied before its upgrade");
    }
    apply(conn, migrations, found, now_us).map_err(unusable)?;
    tracing::info!(
        store.schema.from = found,
        store.schema.to = known,
        "the database schema is up to date"
    );
    Ok(())
}

/// How many migrations the database has seen.
pub(crate) fn version(conn: &Connection) -> rusqlite::Result<u32> {
    let table = "SELECT 1 FROM sqlite_master WHERE type = 'table' AND name = 'schema_version'";
    if conn.query_row(table, [], |_| Ok(())).optional()?.is_none() {
        return Ok(0);
    }
    conn.query_row(
        "SELECT coalesce(max(version), 0) FROM schema_version",
        [],
        |row| row.get(0),
    )
}

fn apply(conn: &mut Connection, migrations: &[Migration], found: u32, now_us: i64) -> rusqlite::Result<()> {
    let tx = conn.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    if found == 0 {
        tx.execute_batch(VERSIONS)?;
    }
    for (number, migration) in (1_u32..).zip(migrations).filter(|(number, _)| *number > found) {
        for statement in migration.statements(Engine::Sqlite) {
            tx.execute_batch(&statement)?;
        }
        let done = "INSERT INTO schema_version (version, name, applied_at) VALUES (?1, ?2, ?3)";
        tx.execute(done, (number, migration.name, now_us))?;
    }
    tx.commit()
}

/// Copies the database beside itself and checks the copy.
fn back_up(conn: &Connection, path: &Path, found: u32, now_us: i64) -> Result<PathBuf, String> {
    let copy = path.with_file_name(format!("before-schema-{}-from-{found}-at-{now_us}.db", found + 1));
    let text = |error: &dyn std::error::Error| error.to_string();
    files::replace(&copy, b"", files::PRIVATE_FILE).map_err(|error| text(&error))?;
    let mut target = Connection::open(&copy).map_err(|error| text(&error))?;
    {
        let backup = Backup::new(conn, &mut target).map_err(|error| text(&error))?;
        backup
            .run_to_completion(PAGES, Duration::ZERO, None)
            .map_err(|error| text(&error))?;
    }
    let check: String = target
        .query_row("PRAGMA integrity_check", [], |row| row.get(0))
        .map_err(|error| text(&error))?;
    if check != "ok" {
        return Err(format!("the copy is damaged: {check}"));
    }
    target.close().map_err(|(_, error)| text(&error))?;
    std::fs::File::open(&copy)
        .and_then(|file| file.sync_all())
        .map_err(|error| text(&error))?;
    Ok(copy)
}
