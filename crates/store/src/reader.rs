//! The pool of readers: a few threads, each with a read-only connection, lent out one read at a time.
//!
//! A connection to a file keeps what it read and prepared, about a megabyte. So readers of one that have rested for a while are let
//! go, all but the one that worked last.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::StoreError;
use crate::engine::{Connection, Database};
use crate::schema::Engine;

/// Most reads at a time: more threads than this only contend for the disk.
const MOST: usize = 8;
/// How long a read waits for a free reader.
const PATIENCE: Duration = Duration::from_secs(10);

type Work = Box<dyn FnOnce(&mut View) + Send>;

/// The readers of one database.
#[derive(Debug)]
pub(crate) struct Readers {
    database: Arc<dyn Database>,
    permits: Arc<Semaphore>,
    /// Those who rest. Who came last is lent first, so that those below it rest on.
    idle: Mutex<Vec<Resting>>,
}

/// A reader without work.
#[derive(Debug)]
struct Resting {
    reader: mpsc::Sender<Work>,
    /// How often it was found here.
    looks: u32,
}

/// After how many looks a reader of a file that rests is let go. A connection to a server keeps little here, and takes long to
/// open.
const RESTS: u32 = 3;

impl Readers {
    pub(crate) fn new(database: Arc<dyn Database>) -> Arc<Self> {
        Arc::new(Self {
            database,
            permits: Arc::new(Semaphore::new(MOST)),
            idle: Mutex::default(),
        })
    }

    /// A reader for one consistent view.
    pub(crate) async fn lease(self: &Arc<Self>) -> Result<Lease, StoreError> {
        let permit = tokio::time::timeout(PATIENCE, Arc::clone(&self.permits).acquire_owned())
            .await
            .map_err(|_| StoreError::Late)?
            .map_err(|_| StoreError::Closed)?;
        let idle = self.idle().pop();
        let reader = match idle {
            Some(resting) => resting.reader,
            None => start(Arc::clone(&self.database)).await?,
        };
        Ok(Lease {
            reader: Some(reader),
            pool: Arc::clone(self),
            _permit: permit,
        })
    }

    /// Looks after those who rest, once a second ([`crate::writer::TICK`]): who has rested long enough is let go, but for
    /// the last.
    pub(crate) fn look(&self) {
        if self.database.engine() != Engine::Sqlite {
            return;
        }
        let mut idle = self.idle();
        let mut others = idle.len();
        idle.retain_mut(|resting| {
            others -= 1;
            resting.looks += 1;
            resting.looks < RESTS || others == 0
        });
    }

    /// Ends all readers; reads under way finish.
    pub(crate) fn close(&self) {
        self.permits.close();
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Resting>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A reader that is ours until dropped: its first use fixes what it sees.
#[derive(Debug)]
pub(crate) struct Lease {
    reader: Option<mpsc::Sender<Work>>,
    pool: Arc<Readers>,
    _permit: OwnedSemaphorePermit,
}

impl Lease {
    /// Which engine it reads from.
    pub(crate) fn engine(&self) -> Engine {
        self.pool.database.engine()
    }

    /// Runs `work` on the reader's thread, inside the view's transaction.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&dyn Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move |view| {
            let result = view.run(work);
            // Whoever asked may have gone; then nobody needs the answer.
            drop(reply.send(result));
        });
        let reader = self.reader.as_ref().ok_or(StoreError::Closed)?;
        reader.send(work).map_err(|_| StoreError::Closed)?;
        answer
            .await
            .map_err(|_| StoreError::Database("a read stopped half way".to_owned()))?
    }
}

impl Drop for Lease {
    fn drop(&mut self) {
        let Some(reader) = self.reader.take() else { return };
        let is_alive = reader.send(Box::new(View::end)).is_ok();
        let mut idle = self.pool.idle();
        // Asked while nobody else may touch the list: what is closed clears it once.
        if is_alive && !self.pool.permits.is_closed() {
            idle.push(Resting { reader, looks: 0 });
        }
    }
}

/// A reader's connection with the view that is open on it, if one is.
struct View {
    database: Arc<dyn Database>,
    conn: Option<Box<dyn Connection>>,
    is_open: bool,
}

impl View {
    fn run<T>(
        &mut self,
        work: impl FnOnce(&dyn Connection) -> Result<T, StoreError>,
    ) -> Result<T, StoreError> {
        let conn = self.begun()?;
        let result = work(conn);
        if result.as_ref().is_err_and(StoreError::breaks_connection) {
            self.conn = None;
        }
        result
    }

    /// The connection with the view open. One that broke while it was idle is replaced; one that breaks while a
    /// view is open takes it along, as nothing else could show the same again.
    fn begun(&mut self) -> Result<&dyn Connection, StoreError> {
        let lost = || StoreError::Away("the connection of this view is gone; begin again".to_owned());
        if !self.is_open {
            let begun = self.conn.as_deref().map(Connection::begin_view);
            if !matches!(begun, Some(Ok(()))) {
                self.conn = None;
                let conn = self.database.open_reader()?;
                conn.begin_view()?;
                self.conn = Some(conn);
            }
            self.is_open = true;
        }
        self.conn.as_deref().ok_or_else(lost)
    }

    fn end(&mut self) {
        if std::mem::take(&mut self.is_open)
            && let Some(Err(error)) = self.conn.as_deref().map(Connection::roll_back)
        {
            tracing::debug!(error = %error, "a reader's connection is replaced");
            self.conn = None;
        }
    }
}

async fn start(database: Arc<dyn Database>) -> Result<mpsc::Sender<Work>, StoreError> {
    let (sender, works) = mpsc::channel::<Work>();
    let (opened, is_open) = oneshot::channel();
    let run = move || match database.open_reader() {
        Ok(conn) => {
            drop(opened.send(Ok(())));
            let (conn, is_open) = (Some(conn), false);
            let mut view = View {
                database,
                conn,
                is_open,
            };
            for work in works {
                work(&mut view);
            }
        }
        Err(error) => drop(opened.send(Err(error))),
    };
    let thread = thread::Builder::new().name("store-reader".to_owned()).spawn(run);
    thread.map_err(|error| StoreError::Database(format!("no thread for a reader: {error}")))?;
    is_open.await.map_err(|_| StoreError::Closed)??;
    Ok(sender)
}

#[cfg(test)]
impl Readers {
    /// How many rest.
    pub(crate) fn resting(&self) -> usize {
        self.idle().len()
    }

    pub(crate) fn engine(&self) -> Engine {
        self.database.engine()
    }
}
