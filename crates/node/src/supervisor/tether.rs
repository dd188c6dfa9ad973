//! The agent's end of a shim's socket.

use std::collections::HashMap;
use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::UnixStream;
use tokio::net::unix::{OwnedReadHalf, OwnedWriteHalf};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use watchroom_kit::Tasks;

use crate::shim::protocol::{self, Ask, Request, Tell, VERSION};
use crate::shim::{Ended, Running};

/// How long a shim may take to answer. It only ever pauses to end what its server left behind.
const PATIENCE: Duration = Duration::from_secs(10);

/// Why a shim did not do what it was asked.
#[derive(Debug, thiserror::Error)]
pub(super) enum AskError {
    /// It said why.
    #[error("{0}")]
    Refused(String),
    /// It is gone, or does not answer.
    #[error("the shim does not answer")]
    Silent,
}

type Waiting = Arc<Mutex<HashMap<u64, oneshot::Sender<Option<String>>>>>;

/// A connection to a shim.
#[derive(Debug)]
pub(super) struct Tether {
    running: Running,
    writer: OwnedWriteHalf,
    waiting: Waiting,
    seq: AtomicU64,
    ends: mpsc::Receiver<Ended>,
}

impl Tether {
    /// Connects and hears what runs. `newest` follows the console's growth from then on.
    pub(super) async fn connect(
        socket: &Path,
        tasks: &Tasks,
        newest: Arc<watch::Sender<u64>>,
    ) -> io::Result<Self> {
        let (path, _folder) = protocol::short(socket)?;
        let (mut reader, writer) = UnixStream::connect(path).await?.into_split();
        let mut bytes = Vec::new();
        let hello = timeout(PATIENCE, receive(&mut reader, &mut bytes)).await??;
        let Some(Tell::Hello {
            version,
            running,
            next_offset,
        }) = hello
        else {
            return Err(io::Error::new(io::ErrorKind::InvalidData, "it did not say hello"));
        };
        if version > VERSION {
            let why = format!("it speaks version {version}, this agent {VERSION}; upgrade the agent");
            return Err(io::Error::new(io::ErrorKind::InvalidData, why));
        }
        newest.send_replace(next_offset);
        let (end, ends) = mpsc::channel(1);
        let waiting = Waiting::default();
        tasks.spawn("shim", listen(reader, bytes, newest, waiting.clone(), end));
        Ok(Self {
            running,
            writer,
            waiting,
            seq: AtomicU64::new(0),
            ends,
        })
    }

    /// What runs.
    pub(super) fn running(&self) -> &Running {
        &self.running
    }

    /// Asks the shim for something and waits until it is done.
    pub(super) async fn ask(&mut self, what: Request) -> Result<(), AskError> {
        let seq = self.seq.fetch_add(1, Ordering::Relaxed);
        let (answer, answered) = oneshot::channel();
        lock(&self.waiting).insert(seq, answer);
        let frame =
            protocol::frame(&Ask { seq, what }).map_err(|error| AskError::Refused(error.to_string()))?;
        let asked = async {
            self.writer
                .write_all(&frame)
                .await
                .map_err(|_| AskError::Silent)?;
            answered.await.map_err(|_| AskError::Silent)
        };
        match timeout(PATIENCE, asked).await.map_err(|_| AskError::Silent)?? {
            None => Ok(()),
            Some(why) => Err(AskError::Refused(why)),
        }
    }

    /// Waits for the end of the run; `None` if the shim went away without a word.
    pub(super) async fn ended(&mut self) -> Option<Ended> {
        self.ends.recv().await
    }
}

async fn listen(
    mut reader: OwnedReadHalf,
    mut bytes: Vec<u8>,
    newest: Arc<watch::Sender<u64>>,
    waiting: Waiting,
    end: mpsc::Sender<Ended>,
) {
    while let Ok(Some(tell)) = receive(&mut reader, &mut bytes).await {
        match tell {
            Tell::Hello { .. } => {}
            Tell::Newest { next_offset } => drop(newest.send_replace(next_offset)),
            Tell::Answer { seq, refused } => {
                // Whoever asked may have given up meanwhile.
                lock(&waiting).remove(&seq).map(|answer| answer.send(refused));
            }
            // The keeper may be gone with the whole agent; the record on disk stays.
            Tell::Ended(ended) => drop(end.send(ended).await),
        }
    }
    lock(&waiting).clear();
}

async fn receive(reader: &mut OwnedReadHalf, bytes: &mut Vec<u8>) -> io::Result<Option<Tell>> {
    loop {
        if let Some(tell) = protocol::unframe(bytes)? {
            return Ok(Some(tell));
        }
        if reader.read_buf(bytes).await? == 0 {
            return Ok(None);
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
