//! What lies between a Host and its database, and can break at the worst moment.

use std::sync::Arc;
use std::sync::atomic::{AtomicU8, Ordering};

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use watchroom_kit::Tasks;

const WHOLE: u8 = 0;
const ARMED: u8 = 1;
const BROKEN: u8 = 2;

/// Passes on what is said between its port and the server's.
pub(super) struct Cable {
    pub(super) port: u16,
    state: Arc<AtomicU8>,
    tasks: Tasks,
}

impl Cable {
    pub(super) async fn to(server: u16) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let (state, tasks) = (Arc::new(AtomicU8::new(WHOLE)), Tasks::new());
        let (shared, strands) = (Arc::clone(&state), tasks.clone());
        tasks.spawn("cable", async move {
            while let Ok((host, _)) = listener.accept().await {
                let shared = Arc::clone(&shared);
                strands.spawn("strand", async move {
                    let server = TcpStream::connect(("127.0.0.1", server)).await.unwrap();
                    // Either end may go at any time.
                    let _ = pass_on(host, server, &shared).await;
                });
            }
        });
        Self { port, state, tasks }
    }

    /// The next commit reaches the server, and its answer reaches nobody.
    pub(super) fn break_at_next_commit(&self) {
        self.state.store(ARMED, Ordering::SeqCst);
    }

    pub(super) fn is_broken(&self) -> bool {
        self.state.load(Ordering::SeqCst) == BROKEN
    }
}

impl Drop for Cable {
    fn drop(&mut self) {
        self.tasks.stop();
    }
}

async fn pass_on(mut host: TcpStream, mut server: TcpStream, state: &AtomicU8) -> std::io::Result<()> {
    let (mut asked, mut answered) = ([0; 65_536], [0; 65_536]);
    loop {
        tokio::select! {
            length = host.read(&mut asked) => {
                let asked = &asked[..length?];
                if asked.is_empty() {
                    return Ok(());
                }
                let is_commit = asked.windows(6).any(|word| word == b"COMMIT");
                server.write_all(asked).await?;
                let breaks = || state.compare_exchange(ARMED, BROKEN, Ordering::SeqCst, Ordering::SeqCst);
                if is_commit && breaks().is_ok() {
                    return swallow(server).await;
                }
            }
            length = server.read(&mut answered) => {
                let answered = &answered[..length?];
                if answered.is_empty() {
                    return Ok(());
                }
                host.write_all(answered).await?;
            }
        }
    }
}

/// Reads until the server says that the commit is done.
async fn swallow(mut server: TcpStream) -> std::io::Result<()> {
    let (mut heard, mut piece) = (Vec::new(), [0; 4_096]);
    while !heard.windows(7).any(|word| word == b"COMMIT\0") {
        let length = server.read(&mut piece).await?;
        if length == 0 {
            break;
        }
        heard.extend_from_slice(&piece[..length]);
    }
    Ok(())
}
