//! PostgreSQL: a server that several Hosts share. Each Host is a replica with a chain of its own.
//!
//! What keeps two processes from writing one chain is an advisory lock that the writer's session holds: it is
//! free as soon as the server has seen that session end, and whoever lost it cannot commit any more.

mod cells;
mod connection;
mod gather;
mod listen;
mod pipeline;
mod refusal;
mod server;
mod session;
mod upgrade;

use std::path::{Path, PathBuf};
use std::rc::Rc;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::thread;
use std::time::Duration;

use tokio::sync::oneshot;
use watchroom_kit::{Ambient, Tasks, files};

pub use self::server::{Server, ServerError};
#[cfg(test)]
pub(crate) use self::upgrade::upgrade_to;

use self::connection::PostgresConnection;
use self::session::Use;
use crate::engine::{Connection, Database, Heard, Prepared};
use crate::schema::Engine;
use crate::{OpenError, StoreError};

const CLAIM: &str = "SELECT pg_try_advisory_lock(hashtextextended('watchroom chain ' || $1, 0))::int::bigint";
const BACKEND: &str = "SELECT pg_backend_pid()::bigint";
/// Ends a session of ours that the server still believes in. The name makes sure that the number has not been
/// given to somebody else since.
const SUPERSEDE: &str = "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity \
                         WHERE pid::text = $1 AND application_name = left('watchroom ' || $2, 63)";
/// How often a claim is tried before it counts as somebody else's, and the time between: a process that was
/// killed is gone for the server only when it looks.
const TRIES: u32 = 15;
const REST: Duration = Duration::from_millis(200);

/// A database on a server.
#[derive(Debug)]
pub(crate) struct PostgresServer {
    server: Server,
    folder: PathBuf,
    chain: OnceLock<String>,
    /// The server's number for the session that last wrote our chain.
    writer: Mutex<Option<i64>>,
}

impl PostgresServer {
    pub(crate) fn new(server: Server, folder: &Path) -> Result<Self, OpenError> {
        files::private_folder(folder).map_err(|error| OpenError::Unusable {
            database: server.to_string(),
            why: error.to_string(),
        })?;
        Ok(Self {
            server,
            folder: folder.to_owned(),
            chain: OnceLock::new(),
            writer: Mutex::default(),
        })
    }

    /// The name of our chain in that database: kept in the state folder, as the database is everybody's.
    fn chain(&self, database: &str, ambient: &Ambient) -> Result<String, String> {
        let path = self.folder.join(format!("{database}.chain"));
        let told = |error: std::io::Error| format!("{}: {error}", path.display());
        match std::fs::read_to_string(&path) {
            Ok(text) => Ok(text.trim().to_owned()),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let fresh = ambient.uuid().to_string();
                files::replace(&path, fresh.as_bytes(), files::PRIVATE_FILE).map_err(told)?;
                Ok(fresh)
            }
            Err(error) => Err(told(error)),
        }
    }

    fn name(&self) -> &str {
        self.chain.get().map_or("", String::as_str)
    }

    /// Opens the session that writes our chain; `None` while somebody else holds it.
    fn claimed(&self) -> Result<Option<PostgresConnection>, StoreError> {
        let conn = PostgresConnection::open(&self.server, Use::Write, self.name())?;
        let mut writer = self.writer.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(old) = *writer {
            conn.number(SUPERSEDE, &[&old.to_string(), self.name()])?;
        }
        for turn in 0..TRIES {
            if turn > 0 {
                thread::sleep(REST);
            }
            if conn.number(CLAIM, &[self.name()])? == 1 {
                *writer = Some(conn.number(BACKEND, &[])?);
                return Ok(Some(conn));
            }
        }
        Ok(None)
    }
}

impl Database for PostgresServer {
    fn engine(&self) -> Engine {
        Engine::Postgres
    }

    fn place(&self) -> String {
        self.server.to_string()
    }

    fn prepare(&self, ambient: &Ambient) -> Result<Prepared, OpenError> {
        let unusable = |why: String| OpenError::Unusable {
            database: self.place(),
            why,
        };
        let database = upgrade::upgrade(&self.server, ambient)?;
        let chain = self.chain(&database, ambient).map_err(unusable)?;
        let chain = self.chain.get_or_init(|| chain).clone();
        let claimed = self.claimed().map_err(|error| unusable(error.to_string()))?;
        let writer = claimed.ok_or_else(|| OpenError::InUse {
            database: self.place(),
        })?;
        Ok(Prepared {
            chain,
            writer: Rc::new(writer),
        })
    }

    fn open_writer(&self) -> Result<Rc<dyn Connection>, StoreError> {
        let away = || StoreError::Away("another process writes our chain; stop it".to_owned());
        Ok(Rc::new(self.claimed()?.ok_or_else(away)?))
    }

    fn open_reader(&self) -> Result<Box<dyn Connection>, StoreError> {
        let conn = PostgresConnection::open(&self.server, Use::Read, self.name())?;
        Ok(Box::new(conn))
    }

    fn follow(&self, heard: Heard, tasks: &Tasks) -> Option<oneshot::Receiver<()>> {
        let (begun, is_begun) = oneshot::channel();
        let listener = listen::Listener {
            server: self.server.clone(),
            name: self.name().to_owned(),
            heard,
            begun: Some(begun),
        };
        tasks.spawn("store.listen", listener.run());
        Some(is_begun)
    }
}
