//! The store itself: opening, reading, writing, closing.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use sea_orm::Statement;
use tokio::sync::{broadcast, mpsc, oneshot};
use watchroom_audit::{Draft, Head};
use watchroom_kit::Ambient;
use watchroom_policy::{Change, Permit};

use crate::audit_log::{AuditLog, Verification};
use crate::engine::Database;
use crate::postgres::{PostgresServer, Server};
use crate::reader::Readers;
use crate::schema::Engine;
use crate::sqlite::SqliteFile;
use crate::writer::{self, Message, Opened, Order, Shared, TICK};
use crate::{Changed, OpenError, ReadTx, StoreError, Upkeep, WriteTx, chain};

/// Changes that may wait for the writer; beyond that callers wait for a place.
const QUEUE: usize = 1_024;
/// How long a change waits for a place in the queue.
const PATIENCE: Duration = Duration::from_secs(10);

/// The chains of other processes, by what their sessions call themselves.
const OTHERS: &str = "SELECT DISTINCT substr(application_name, 11) FROM pg_stat_activity \
                      WHERE datname = current_database() AND application_name LIKE 'watchroom ________-____-%' \
                      AND application_name <> current_setting('application_name')";

/// Where the memory is.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The folder of the SQLite database (`<state>/db`), made if missing. With a server only the name of our
    /// chain is kept there.
    pub folder: PathBuf,
    /// The PostgreSQL database to use instead of SQLite.
    pub server: Option<Server>,
    /// Where audit entries are also written as JSON Lines (`<state>/audit`).
    pub audit_folder: PathBuf,
    /// Where the key lies that signs checkpoints (`<state>/keys/audit.key`), made if missing.
    pub audit_key: PathBuf,
}

impl Settings {
    /// The usual places inside a state folder.
    #[must_use]
    pub fn within(state: &Path) -> Self {
        Self {
            folder: state.join("db"),
            server: None,
            audit_folder: state.join("audit"),
            audit_key: state.join("keys/audit.key"),
        }
    }

    /// The database, with what keeps every other process from writing our chain.
    pub(crate) fn claim(&self) -> Result<Arc<dyn Database>, OpenError> {
        Ok(match &self.server {
            None => Arc::new(SqliteFile::claim(self)?),
            Some(server) => Arc::new(PostgresServer::new(server.clone(), &self.folder)?),
        })
    }

    fn place(&self) -> String {
        match &self.server {
            None => self.folder.display().to_string(),
            Some(server) => server.to_string(),
        }
    }
}

/// The memory of the Host. Cloning is cheap and shares it.
#[derive(Clone, Debug)]
pub struct Store {
    queue: mpsc::Sender<Message>,
    pub(crate) readers: Arc<Readers>,
    shared: Shared,
    elsewhere: broadcast::Sender<Changed>,
    last_verification: Arc<Mutex<Option<Verification>>>,
}

impl Store {
    /// Opens the database, brings its schema up to date and starts the writer.
    ///
    /// # Errors
    /// [`OpenError`], whose message names the next step.
    pub async fn open(settings: Settings, ambient: Ambient) -> Result<Self, OpenError> {
        let place = settings.place();
        let unusable = |why: &str| OpenError::Unusable {
            database: place.clone(),
            why: why.to_owned(),
        };
        let (queue, messages) = mpsc::channel(QUEUE);
        let (opened, is_open) = oneshot::channel();
        writer::start(settings, ambient.clone(), messages, opened)
            .map_err(|error| unusable(&format!("no thread for the writer: {error}")))?;
        let Opened { database, shared } = is_open
            .await
            .map_err(|_| unusable("the writer stopped while opening; the log has the detail"))??;
        let readers = Readers::new(Arc::clone(&database));
        let ticking = tick(queue.downgrade(), Arc::downgrade(&readers));
        ambient.tasks.spawn("store.tick", ticking);
        let (elsewhere, _) = broadcast::channel(4_096);
        let (everywhere, others) = (shared.changes.clone(), elsewhere.clone());
        let heard = move |what| {
            // Nobody listening is no failure.
            drop(others.send(what));
            drop(everywhere.send(what));
        };
        if let Some(following) = database.follow(Box::new(heard), &ambient.tasks) {
            // Without it we open all the same, and everything is reread once it follows.
            drop(tokio::time::timeout(PATIENCE, following).await);
        }
        Ok(Self {
            queue,
            readers,
            shared,
            elsewhere,
            last_verification: Arc::default(),
        })
    }

    /// A consistent view of what is committed.
    ///
    /// # Errors
    /// [`StoreError::Closed`], or [`StoreError::Late`] if all readers stay busy.
    pub async fn read(&self) -> Result<ReadTx, StoreError> {
        Ok(ReadTx::new(self.readers.lease().await?))
    }

    /// Does one permitted change: runs `work` in a transaction, adds the audit entry of the permit's act, and
    /// returns once both are durable. If the entry cannot be written, the change does not happen. `work` may
    /// run more than once and must await nothing but the transaction.
    ///
    /// # Errors
    /// What `work` returned (then nothing was changed), or a [`StoreError`].
    pub async fn write<A, T, E, F>(&self, permit: &Permit<A>, work: F) -> Result<T, E>
    where
        A: Change,
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
        F: AsyncFn(&WriteTx) -> Result<T, E> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let draft = Draft::of(permit, self.shared.ambient.now());
        let order = Order::new(work, draft, reply);
        self.send(Message::Change(Box::new(order))).await?;
        answer.await.unwrap_or_else(|_| Err(StoreError::Closed.into()))
    }

    /// Writes bookkeeping some time soon; lost if the machine dies first.
    pub fn upkeep(&self, item: Upkeep) {
        self.shared.pending.add(item);
    }

    /// What changes from now on. A listener that falls far behind is told so and must reread.
    #[must_use]
    pub fn changes(&self) -> broadcast::Receiver<Changed> {
        self.shared.changes.subscribe()
    }

    /// What other replicas of the database change from now on; [`Store::changes`] tells of that too. For caches
    /// that follow their own changes already. On SQLite there are no others.
    #[must_use]
    pub fn changes_elsewhere(&self) -> broadcast::Receiver<Changed> {
        self.elsewhere.subscribe()
    }

    /// The audit log.
    #[must_use]
    pub fn audit(&self) -> AuditLog {
        AuditLog {
            store: self.clone(),
            readers: Arc::clone(&self.readers),
            key: Arc::clone(&self.shared.key),
            ambient: self.shared.ambient.clone(),
            last: Arc::clone(&self.last_verification),
        }
    }

    /// The name of the audit chain that this Host alone writes: the same as long as its state folder lives.
    #[must_use]
    pub fn chain_name(&self) -> String {
        self.committed_head().chain
    }

    /// Asks the database, by a writer that answers and a reader that reads, whether it can be used.
    ///
    /// # Errors
    /// Why it cannot.
    pub async fn ready(&self) -> Result<(), StoreError> {
        self.head().await?;
        let lease = self.readers.lease().await?;
        lease.run(chain::chains).await.map(drop)
    }

    /// The chains of other processes that use this database now. A file has one alone.
    ///
    /// # Errors
    /// [`StoreError`] if the server does not say.
    pub async fn others(&self) -> Result<Vec<String>, StoreError> {
        let lease = self.readers.lease().await?;
        if lease.engine() == Engine::Sqlite {
            return Ok(Vec::new());
        }
        let others = Statement::from_string(lease.engine().backend(), OTHERS);
        lease.run(move |conn| conn.query(others)?.texts()).await
    }

    /// Finishes what is queued, signs the head of the chain, writes the log out and ends both sides.
    /// Afterwards everything answers [`StoreError::Closed`].
    pub async fn close(&self) {
        self.readers.close();
        let (reply, is_done) = oneshot::channel();
        if self.queue.send(Message::Close(reply)).await.is_ok() {
            // A writer that is gone has nothing left to finish.
            drop(is_done.await);
        }
    }

    /// The head of the chain as the writer holds it now.
    pub(crate) async fn head(&self) -> Result<Head, StoreError> {
        let (reply, answer) = oneshot::channel();
        self.send(Message::Ready(reply)).await?;
        let answer = tokio::time::timeout(PATIENCE, answer)
            .await
            .map_err(|_| StoreError::Late)?;
        answer.map_err(|_| StoreError::Closed)?
    }

    /// The head of the chain as last committed, without asking.
    pub(crate) fn committed_head(&self) -> Head {
        self.shared
            .head
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    pub(crate) async fn send(&self, message: Message) -> Result<(), StoreError> {
        let sent = tokio::time::timeout(PATIENCE, self.queue.send(message)).await;
        sent.map_err(|_| StoreError::Late)?
            .map_err(|_| StoreError::Closed)
    }
}

/// Wakes the writer and looks after the readers now and then, as long as somebody holds the store.
async fn tick(queue: mpsc::WeakSender<Message>, readers: Weak<Readers>) {
    loop {
        tokio::time::sleep(TICK).await;
        if let Some(readers) = readers.upgrade() {
            readers.look();
        }
        let Some(queue) = queue.upgrade() else { return };
        // A full queue wakes it too.
        if let Err(mpsc::error::TrySendError::Closed(_)) = queue.try_send(Message::Tick) {
            return;
        }
    }
}
