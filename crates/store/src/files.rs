//! The database's files: where they lie, how connections are opened, and who may have them open.

use std::fs::{File, OpenOptions, TryLockError};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::{Connection, OpenFlags};
use watchroom_audit::AuditKey;
use watchroom_kit::{Entropy, ExposeSecret, files};

use crate::{OpenError, Settings};

/// The database's name in its folder.
const DATABASE: &str = "watchroom.db";
/// How long a connection waits for another program's lock.
const BUSY: Duration = Duration::from_secs(5);
/// Statements kept prepared per connection; the whole product has fewer.
const PREPARED: usize = 256;

/// Where the database is.
pub(crate) fn database(settings: &Settings) -> PathBuf {
    settings.folder.join(DATABASE)
}

/// Makes the folders and the database's file, readable by us alone, and takes the lock that keeps every
/// other process from writing: the head of the chain is in our memory.
pub(crate) fn prepare(settings: &Settings) -> Result<File, OpenError> {
    let path = database(settings);
    let unusable = |why: String| OpenError::Unusable {
        path: path.clone(),
        why,
    };
    for folder in [
        Some(settings.folder.as_path()),
        Some(&settings.audit_folder),
        settings.audit_key.parent(),
    ] {
        let Some(folder) = folder else { continue };
        files::private_folder(folder).map_err(|error| unusable(error.to_string()))?;
    }
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
    let lock = open(&settings.folder.join("lock")).map_err(|error| unusable(error.to_string()))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => return Err(OpenError::InUse { path }),
        Err(TryLockError::Error(error)) => return Err(unusable(error.to_string())),
    }
    open(&path).map_err(|error| unusable(error.to_string()))?;
    Ok(lock)
}

/// The one connection that writes. `synchronous=FULL` syncs the write-ahead log before a commit returns.
pub(crate) fn open_writer(path: &Path) -> rusqlite::Result<Connection> {
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
         PRAGMA temp_store = MEMORY; PRAGMA cache_size = -8000; PRAGMA journal_size_limit = 67108864",
    )?;
    Ok(conn)
}

/// A connection that only reads.
pub(crate) fn open_reader(path: &Path) -> rusqlite::Result<Connection> {
    let flags = OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX;
    let conn = Connection::open_with_flags(path, flags)?;
    conn.busy_timeout(BUSY)?;
    conn.set_prepared_statement_cache_capacity(PREPARED);
    conn.execute_batch("PRAGMA query_only = ON; PRAGMA trusted_schema = OFF; PRAGMA temp_store = MEMORY")?;
    Ok(conn)
}

/// The key that signs checkpoints, made at the first start. Its public half lies beside it for auditors. A key
/// that others could read is refused: whoever holds it can forge the log.
pub(crate) fn audit_key(settings: &Settings, entropy: &Entropy) -> Result<AuditKey, OpenError> {
    let path = &settings.audit_key;
    let unusable = |why: String| OpenError::KeyUnusable {
        path: path.clone(),
        why,
    };
    let key = match std::fs::read_to_string(path) {
        Ok(pem) => {
            refuse_exposed(path).map_err(unusable)?;
            return AuditKey::from_pem(&pem)
                .map_err(|error| unusable(format!("{error}; restore it from a backup")));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => AuditKey::generate(entropy),
        Err(error) => return Err(unusable(error.to_string())),
    };
    let pem = key.to_pem().map_err(|error| unusable(error.to_string()))?;
    let public = format!("{}\n", key.public());
    files::replace(
        &path.with_extension("pub"),
        public.as_bytes(),
        files::PRIVATE_FILE,
    )
    .and_then(|()| files::replace(path, pem.expose_secret().as_bytes(), files::PRIVATE_FILE))
    .map_err(|error| unusable(error.to_string()))?;
    Ok(key)
}

fn refuse_exposed(path: &Path) -> Result<(), String> {
    let metadata = std::fs::metadata(path).map_err(|error| error.to_string())?;
    let mode = metadata.permissions().mode() & 0o7777;
    if mode & 0o077 == 0 {
        return Ok(());
    }
    Err(format!(
        "other users can read it (mode {mode:04o}); if nobody has, run: chmod 600 {}",
        path.display()
    ))
}
