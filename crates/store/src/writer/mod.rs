//! The one writer: an operating-system thread that owns the only connection that writes our chain.
//!
//! It takes what has queued up while it last committed, runs each change as a savepoint of one
//! transaction, appends their entries to the chain, commits (and so syncs) once, and answers everybody.
//! Under load that is hundreds of changes to a sync; alone it is one, with nothing added.

mod change;
mod group;
mod heal;

use std::rc::Rc;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{broadcast, mpsc, oneshot};
use watchroom_audit::{AuditKey, Head};
use watchroom_kit::Ambient;

pub(crate) use change::{Change, Order};

use crate::chain::Chain;
use crate::engine::{Connection, Database, Prepared};
use crate::mirror::Mirror;
use crate::upkeep::Pending;
use crate::{Changed, OpenError, Settings, StoreError, keys};

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
    /// Leave nothing in the files of what was removed; whether that could be done now.
    Settle(oneshot::Sender<Result<bool, StoreError>>),
    /// See what is due.
    Tick,
    /// Finish what is queued and end.
    Close(oneshot::Sender<()>),
    /// Work on the writer's own connection, to make real failures.
    #[cfg(test)]
    Meddle(Meddling),
}

#[cfg(test)]
type Meddling = Box<dyn FnOnce(&dyn Connection) + Send>;

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

/// What the writer has opened.
pub(crate) struct Opened {
    pub(crate) database: Arc<dyn Database>,
    pub(crate) shared: Shared,
}

pub(crate) struct Writer {
    conn: Rc<dyn Connection>,
    database: Arc<dyn Database>,
    chain: Chain,
    shared: Shared,
    mirror: Mirror,
    /// Why nothing may be acknowledged until the database was reopened and synced.
    broken: Option<StoreError>,
    last_upkeep: Duration,
}

impl Writer {
    /// Brings the database up to date and finds the head of our chain.
    pub(crate) fn open(
        settings: &Settings,
        database: Arc<dyn Database>,
        ambient: &Ambient,
    ) -> Result<(Self, Shared), OpenError> {
        let unusable = |why: String| OpenError::Unusable {
            database: database.place(),
            why,
        };
        let Prepared { chain, writer: conn } = database.prepare(ambient)?;
        let key = Arc::new(keys::audit_key(settings, &*conn, &ambient.entropy)?);
        let chain = Chain::load(&*conn, &chain, ambient).map_err(|error| unusable(error.to_string()))?;
        let name = chain.head().chain.clone();
        let mirror = Mirror::start(Arc::clone(&database), &settings.audit_folder, name).map_err(unusable)?;
        let shared = Shared {
            ambient: ambient.clone(),
            key,
            pending: Arc::default(),
            changes: broadcast::channel(4_096).0,
            head: Arc::new(Mutex::new(chain.head().clone())),
        };
        let writer = Self {
            conn,
            chain,
            shared: shared.clone(),
            mirror,
            broken: None,
            last_upkeep: ambient.clock.elapsed(),
            database,
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
            Message::Settle(reply) => drop(reply.send(self.database.clear(&*self.conn))),
            Message::Tick => self.tick(),
            Message::Close(reply) => return Some(reply),
            #[cfg(test)]
            Message::Meddle(work) => work(&*self.conn),
        }
        None
    }

    fn ready(&mut self) -> Result<Head, StoreError> {
        self.healed()?;
        let asked = crate::chain::chains(&*self.conn);
        if let Err(error) = &asked {
            self.note_broken(error);
        }
        asked?;
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
        self.database.settle(&*self.conn);
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
    opened: oneshot::Sender<Result<Opened, OpenError>>,
) -> std::io::Result<()> {
    let open = move || {
        keys::prepare(&settings)?;
        let database = settings.claim()?;
        let (writer, shared) = Writer::open(&settings, Arc::clone(&database), &ambient)?;
        Ok((writer, Opened { database, shared }))
    };
    let run = move || match open() {
        Ok((writer, ready)) => {
            if opened.send(Ok(ready)).is_ok() {
                writer.run(queue);
            }
        }
        Err(error) => drop(opened.send(Err(error))),
    };
    std::thread::Builder::new()
        .name("store-writer".to_owned())
        .spawn(run)
        .map(drop)
}
