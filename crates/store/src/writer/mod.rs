//! The one writer: an operating-system thread that owns the only connection that writes.
//!
//! It takes what has queued up while it last committed, runs each change as a savepoint of one
//! transaction, appends their entries to the chain, commits (and so syncs) once, and answers everybody.
//! Under load that is hundreds of changes to a sync; alone it is one, with nothing added.

mod change;
mod group;
mod heal;

use std::fs::File;
use std::path::PathBuf;
use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{broadcast, mpsc, oneshot};
use watchroom_audit::{AuditKey, Head};
use watchroom_kit::Ambient;

pub(crate) use change::{Change, Order};

use crate::chain::Chain;
use crate::mirror::Mirror;
use crate::upkeep::Pending;
use crate::{Changed, OpenError, Settings, StoreError, files, migrations, upgrade};

/// Most changes in one transaction: enough to hide a sync, few enough to answer soon.
const MOST: usize = 512;
/// How often the writer is woken to see what is due.
pub(crate) const TICK: Duration = Duration::from_secs(1);
/// How long upkeep waits for a change to travel with.
const UPKEEP_WAITS: Duration = Duration::from_secs(5);

/// What the writer is asked to do.
pub(crate) enum Message {
    /// A change.
    Change(Box<dyn Change>),
    /// Say whether the database answers, and where the chain stands.
    Ready(oneshot::Sender<Result<Head, StoreError>>),
    /// See what is due.
    Tick,
    /// Finish what is queued and end.
    Close(oneshot::Sender<()>),
    /// Work on the writer's own connection, to make real failures.
    #[cfg(test)]
    Meddle(Box<dyn FnOnce(&Connection) + Send>),
}

/// What the writer shares with the rest of the store.
#[derive(Clone, Debug)]
pub(crate) struct Shared {
    pub(crate) ambient: Ambient,
    pub(crate) key: Arc<AuditKey>,
    pub(crate) pending: Arc<Pending>,
    pub(crate) changes: broadcast::Sender<Changed>,
    /// The head of the chain as last committed.
    pub(crate) head: Arc<Mutex<Head>>,
}

pub(crate) struct Writer {
    conn: Rc<Connection>,
    path: PathBuf,
    chain: Chain,
    shared: Shared,
    mirror: Mirror,
    /// Why nothing may be acknowledged until the database was reopened and synced.
    broken: Option<String>,
    last_upkeep: Duration,
    _lock: File,
}

impl Writer {
    /// Opens the database, brings it up to date and finds the head of the chain.
    pub(crate) fn open(
        settings: &Settings,
        ambient: &Ambient,
        lock: File,
    ) -> Result<(Self, Shared), OpenError> {
        let path = files::database(settings);
        let key = Arc::new(files::audit_key(settings, &ambient.entropy)?);
        let unusable = |why: String| OpenError::Unusable {
            path: path.clone(),
            why,
        };
        let mut conn = files::open_writer(&path).map_err(|error| unusable(error.to_string()))?;
        let now_us = ambient.clock.now_micros();
        upgrade::upgrade(&mut conn, &path, migrations::ALL, now_us)?;
        let chain = Chain::load(&conn, ambient).map_err(|error| unusable(error.to_string()))?;
        let mirror =
            Mirror::start(&path, &settings.audit_folder, chain.head().chain.clone()).map_err(unusable)?;
        let shared = Shared {
            ambient: ambient.clone(),
            key,
            pending: Arc::default(),
            changes: broadcast::channel(4_096).0,
            head: Arc::new(Mutex::new(chain.head().clone())),
        };
        let writer = Self {
            conn: Rc::new(conn),
            path,
            chain,
            shared: shared.clone(),
            mirror,
            broken: None,
            last_upkeep: ambient.clock.elapsed(),
            _lock: lock,
        };
        Ok((writer, shared))
    }

    /// Works until told to close, or until nobody is left to ask.
    pub(crate) fn run(mut self, mut queue: mpsc::Receiver<Message>) {
        let mut closing = None;
        while closing.is_none()
            && let Some(first) = queue.blocking_recv()
        {
            closing = self.round(first, &mut queue);
        }
        queue.close();
        while let Some(first) = queue.blocking_recv() {
            self.round(first, &mut queue);
        }
        self.end();
        if let Some(reply) = closing {
            // Whoever asked may have gone.
            let _ = reply.send(());
        }
    }

    /// Does everything that is queued by now; the reply to give if that held the order to close.
    fn round(&mut self, first: Message, queue: &mut mpsc::Receiver<Message>) -> Option<oneshot::Sender<()>> {
        let mut group = Vec::new();
        let mut next = Some(first);
        while let Some(message) = next {
            match message {
                Message::Change(change) => group.push(change),
                other => {
                    // What was asked before is done before.
                    self.commit(std::mem::take(&mut group));
                    if let Some(closing) = self.aside(other) {
                        return Some(closing);
                    }
                }
            }
            next = if group.len() < MOST {
                queue.try_recv().ok()
            } else {
                None
            };
        }
        self.commit(group);
        None
    }

    fn aside(&mut self, message: Message) -> Option<oneshot::Sender<()>> {
        match message {
            Message::Change(change) => self.commit(vec![change]),
            Message::Ready(reply) => drop(reply.send(self.ready())),
            Message::Tick => self.tick(),
            Message::Close(reply) => return Some(reply),
            #[cfg(test)]
            Message::Meddle(work) => work(&self.conn),
        }
        None
    }

    fn ready(&mut self) -> Result<Head, StoreError> {
        self.healed()?;
        let asked = self
            .conn
            .query_row("SELECT count(*) FROM host", [], |row| row.get::<_, i64>(0));
        asked.map_err(|error| crate::refusal::classify(&error))?;
        Ok(self.chain.head().clone())
    }

    fn tick(&mut self) {
        let waited = self
            .shared
            .ambient
            .clock
            .elapsed()
            .saturating_sub(self.last_upkeep);
        let has_upkeep = waited >= UPKEEP_WAITS && !self.shared.pending.is_empty();
        if self.broken.is_some() || has_upkeep || self.chain.is_checkpoint_due() {
            self.commit(Vec::new());
        }
    }

    /// Leaves everything as a reader would like to find it: signed, written out, and in one file.
    fn end(mut self) {
        self.chain.want_checkpoint();
        self.commit(Vec::new());
        self.mirror.stop();
        let truncated = self
            .conn
            .query_row("PRAGMA wal_checkpoint(TRUNCATE)", [], |row| row.get::<_, i64>(0));
        match truncated {
            Ok(0) => {}
            Ok(_) => tracing::info!("the write-ahead log stays for the next start, somebody still reads"),
            Err(error) => tracing::warn!(error = %error, "the write-ahead log stays for the next start"),
        }
    }

    fn publish(&self) {
        *self.shared.head.lock().unwrap_or_else(PoisonError::into_inner) = self.chain.head().clone();
    }
}

/// Starts the writer's thread; it answers whether the database could be opened.
pub(crate) fn start(
    settings: Settings,
    ambient: Ambient,
    queue: mpsc::Receiver<Message>,
    opened: oneshot::Sender<Result<Shared, OpenError>>,
) -> std::io::Result<()> {
    let run = move || {
        let writer = files::prepare(&settings).and_then(|lock| Writer::open(&settings, &ambient, lock));
        match writer {
            Ok((writer, shared)) => {
                if opened.send(Ok(shared)).is_ok() {
                    writer.run(queue);
                }
            }
            Err(error) => drop(opened.send(Err(error))),
        }
    };
    std::thread::Builder::new()
        .name("store-writer".to_owned())
        .spawn(run)
        .map(drop)
}
