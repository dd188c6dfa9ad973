//! The pool of readers: a few threads, each with a read-only connection, lent out one read at a time.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, mpsc};
use std::thread;
use std::time::Duration;

use rusqlite::Connection;
use tokio::sync::{OwnedSemaphorePermit, Semaphore, oneshot};

use crate::StoreError;
use crate::files::open_reader;
use crate::refusal::classify;

/// Most reads at a time. Idle connections cost little; more threads than this only contend for the disk.
const MOST: usize = 8;
/// How long a read waits for a free reader.
const PATIENCE: Duration = Duration::from_secs(10);

type Work = Box<dyn FnOnce(&Connection) + Send>;

/// The readers of one database.
#[derive(Debug)]
pub(crate) struct Readers {
    path: PathBuf,
    permits: Arc<Semaphore>,
    idle: Mutex<Vec<mpsc::Sender<Work>>>,
}

impl Readers {
    pub(crate) fn new(path: &Path) -> Arc<Self> {
        Arc::new(Self {
            path: path.to_owned(),
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
            Some(reader) => reader,
            None => start(self.path.clone()).await?,
        };
        Ok(Lease {
            reader: Some(reader),
            pool: Arc::clone(self),
            _permit: permit,
        })
    }

    /// Ends all readers; reads under way finish.
    pub(crate) fn close(&self) {
        self.permits.close();
        self.idle().clear();
    }

    fn idle(&self) -> MutexGuard<'_, Vec<mpsc::Sender<Work>>> {
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
    /// Runs `work` on the reader's thread, inside the view's transaction.
    pub(crate) async fn run<T, F>(&self, work: F) -> Result<T, StoreError>
    where
        T: Send + 'static,
        F: FnOnce(&Connection) -> Result<T, StoreError> + Send + 'static,
    {
        let (reply, answer) = oneshot::channel();
        let work: Work = Box::new(move |conn| {
            let result = begin(conn).and_then(|()| work(conn));
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
        let is_alive = reader.send(Box::new(end)).is_ok();
        if is_alive && !self.pool.permits.is_closed() {
            self.pool.idle().push(reader);
        }
    }
}

fn begin(conn: &Connection) -> Result<(), StoreError> {
    if conn.is_autocommit() {
        conn.execute_batch("BEGIN").map_err(|error| classify(&error))
    } else {
        Ok(())
    }
}

fn end(conn: &Connection) {
    if !conn.is_autocommit()
        && let Err(error) = conn.execute_batch("ROLLBACK")
    {
        tracing::warn!(error = %error, "a read transaction did not end cleanly");
    }
}

async fn start(path: PathBuf) -> Result<mpsc::Sender<Work>, StoreError> {
    let (sender, works) = mpsc::channel::<Work>();
    let (opened, is_open) = oneshot::channel();
    let run = move || match open_reader(&path) {
        Ok(conn) => {
            drop(opened.send(Ok(())));
            for work in works {
                work(&conn);
            }
        }
        Err(error) => drop(opened.send(Err(classify(&error)))),
    };
    let thread = thread::Builder::new().name("store-reader".to_owned()).spawn(run);
    thread.map_err(|error| StoreError::Database(format!("no thread for a reader: {error}")))?;
    is_open.await.map_err(|_| StoreError::Closed)??;
    Ok(sender)
}
