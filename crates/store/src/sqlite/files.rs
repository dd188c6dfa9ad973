//! The database's files: where they lie, how connections are opened, and who may have them open.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use watchroom_kit::files;

use crate::OpenError;

/// The database's name in its folder.
const DATABASE: &str = "watchroom.db";
/// How long a connection waits for another program's lock.
const BUSY: Duration = Duration::from_secs(5);
/// Statements kept prepared per connection; the whole product has fewer.
const PREPARED: usize = 256;

/// Where the database is.
pub(super) fn database(folder: &Path) -> PathBuf {
    folder.join(DATABASE)
}

/// Makes the folder and the database's file, readable by us alone, and takes the lock that keeps every
/// other process from writing: the head of the chain is in our memory.
pub(super) fn prepare(folder: &Path) -> Result<File, OpenError> {
    let path = database(folder);
    let place = || path.display().to_string();
    let unusable = |why: String| OpenError::Unusable {
        database: place(),
        why,
    };
    files::private_folder(folder).map_err(|error| unusable(error.to_string()))?;
    let open = |path: &Path| {
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(files::PRIVATE_FILE)
            .open(path)
    };
    let lock = open(&folder.join("lock")).map_err(|error| unusable(error.to_string()))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { database: place() }),
        Err(TryLockError::Error(error)) => return Err(unusable(error.to_string())),
    }
    open(&path).map_err(|error| unusable(error.to_string()))?;
    Ok(lock)
}

/// The one connection that writes. `synchronous=FULL` syncs the write-ahead log before a commit returns.
pub(super) fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
    let flags =
        OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(PREPARED);
    let mode: String = conn.query_row("PRAGMA journal_mode = WAL", [], |row| row.get(0))?;
    if !mode.eq_ignore_ascii_case("wal") {
        tracing::warn!(
            store.journal_mode = mode,
            "the file system does not support write-ahead logging"
        );
    }
    conn.execute_batch(
        "PRAGMA synchronous = FULL; PRAGMA foreign_keys = ON; PRAGMA trusted_schema = OFF;
         PRAGMA temp_store = MEMORY; PRAGMA secure_delete = ON; PRAGMA journal_size_limit = 67108864",
    )?;
    Ok(conn)
}

/// A connection that only reads. It keeps little of the file: there are several, the system has those pages too, and what is
/// asked often is kept by whoever asks.
pub(super) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(PREPARED);
    conn.execute_batch(
        "PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY; PRAGMA cache_size = -256",
    )?;
    Ok(conn)
}
