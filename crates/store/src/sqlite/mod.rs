//! SQLite: a file of our own beside the keys. The usual engine, for one Host.

mod connection;
mod files;
mod refusal;
mod upgrade;

use std::fs::File;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Mutex, PoisonError};

use rusqlite::OptionalExtension;
use watchroom_kit::Ambient;

use self::connection::SqliteConnection;
use self::refusal::classify;
use crate::engine::{Connection, Database, Prepared};
use crate::schema::Engine;
use crate::{OpenError, Settings, StoreError, migrations};

pub(crate) use self::upgrade::upgrade;
#[cfg(test)]
pub(crate) use self::upgrade::version;

/// A database in a file, with the lock that keeps every other process from writing it.
#[derive(Debug)]
pub(crate) struct SqliteFile {
    path: PathBuf,
    /// Held until the writer has ended.
    lock: Mutex<Option<File>>,
}

impl SqliteFile {
    /// Makes the folder and the file if need be, and takes the lock.
    pub(crate) fn claim(settings: &Settings) -> Result<Self, OpenError> {
        let lock = files::prepare(&settings.folder)?;
        Ok(Self {
            path: files::database(&settings.folder),
            lock: Mutex::new(Some(lock)),
        })
    }

    fn unusable(&self, error: &rusqlite::Error) -> OpenError {
        OpenError::Unusable {
            database: self.place(),
            why: error.to_string(),
        }
    }
}

impl Database for SqliteFile {
    fn engine(&self) -> Engine {
        Engine::Sqlite
    }

    fn place(&self) -> String {
        self.path.display().to_string()
    }

    fn prepare(&self, ambient: &Ambient) -> Result<Prepared, OpenError> {
        let mut conn = files::open_writer(&self.path).map_err(|error| self.unusable(&error))?;
        let now_us = ambient.clock.now_micros();
        upgrade(&mut conn, &self.path, migrations::ALL, now_us)?;
        let chain = chain(&conn, ambient).map_err(|error| self.unusable(&error))?;
        Ok(Prepared {
            chain,
            writer: Rc::new(SqliteConnection(conn)),
        })
    }

    fn open_writer(&self) -> Result<Rc<dyn Connection>, StoreError> {
        let conn = files::open_writer(&self.path).map_err(|error| classify(&error))?;
        Ok(Rc::new(SqliteConnection(conn)))
    }

    fn open_reader(&self) -> Result<Box<dyn Connection>, StoreError> {
        let conn = files::open_reader(&self.path).map_err(|error| classify(&error))?;
        Ok(Box::new(SqliteConnection(conn)))
    }

    /// Pages are overwritten when rows are removed (`secure_delete`); what they were still stands in the write-ahead log.
    fn clear(&self, writer: &dyn Connection) -> Result<bool, StoreError> {
        let checkpoint =
            sea_orm::Statement::from_string(Engine::Sqlite.backend(), "PRAGMA wal_checkpoint(TRUNCATE)");
        Ok(writer.query(checkpoint)?.number()? == 0)
    }

    /// Leaves everything in one file, and lets others at it.
    fn settle(&self, writer: &dyn Connection) {
        match self.clear(writer) {
            Ok(true) => {}
            Ok(false) => tracing::info!("the write-ahead log stays for the next start, somebody still reads"),
            Err(error) => tracing::warn!(error = %error, "the write-ahead log stays for the next start"),
        }
        drop(self.lock.lock().unwrap_or_else(PoisonError::into_inner).take());
    }
}

/// The chain's name, made at the first start.
fn chain(conn: &rusqlite::Connection, ambient: &Ambient) -> rusqlite::Result<String> {
    let known = "SELECT value FROM host WHERE key = 'audit_chain'";
    if let Some(chain) = conn.query_row(known, [], |row| row.get(0)).optional()? {
        return Ok(chain);
    }
    let fresh = ambient.uuid().to_string();
    conn.execute(
        "INSERT INTO host (key, value) VALUES ('audit_chain', ?1)",
        [&fresh],
    )?;
    Ok(fresh)
}
