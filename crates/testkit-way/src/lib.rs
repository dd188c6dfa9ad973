//! A way between two ends of a connection that misbehaves on demand (it delays, cuts, goes silent, or flips a
//! byte), or by chance, as bad networks do.

mod trouble;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::time::Instant;
use watchroom_kit::Tasks;

pub use trouble::{Met, Trouble};

use trouble::Mishap;

/// Bytes that go through at once.
const PIECE: usize = 16 << 10;

/// How the way is at present.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Way {
    /// Everything goes through.
    Open,
    /// Everything goes through, so much later.
    Slow(Duration),
    /// Connections stay open and carry nothing, as behind a dead router.
    Silent,
    /// New connections are refused and those that are there end.
    Shut,
}

/// The way to one end.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Where the way begins.
    pub address: SocketAddr,
    way: Arc<watch::Sender<Way>>,
    /// Raised by each cut: connections of an earlier number end.
    cuts: Arc<watch::Sender<u64>>,
    /// Counts down the bytes from the far end until one of them is flipped; 0 flips none.
    flip_in: Arc<AtomicU64>,
    trouble: Option<Arc<Trouble>>,
}

impl Proxy {
    /// A way to `far` that does what it is told.
    ///
    /// # Panics
    /// If there is no free port: a test cannot go on without it.
    pub async fn to(far: SocketAddr, tasks: &Tasks) -> Self {
        Self::begin(far, tasks, None).await
    }

    /// A way to `far` on which things happen by chance too.
    ///
    /// # Panics
    /// As [`Proxy::to`].
    pub async fn troubled(far: SocketAddr, tasks: &Tasks, trouble: Arc<Trouble>) -> Self {
        Self::begin(far, tasks, Some(trouble)).await
    }

    #[expect(clippy::expect_used, reason = "a test without its way has failed")]
    async fn begin(far: SocketAddr, tasks: &Tasks, trouble: Option<Arc<Trouble>>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
        let proxy = Self {
            address: listener.local_addr().expect("a bound address"),
            way: Arc::new(watch::Sender::new(Way::Open)),
            cuts: Arc::new(watch::Sender::new(0)),
            flip_in: Arc::default(),
            trouble,
        };
        let (this, connections) = (proxy.clone(), tasks.clone());
        drop(tasks.spawn("proxy", async move {
            while let Ok((near, _)) = listener.accept().await {
                let this = this.clone();
                drop(connections.spawn("way", async move { this.carry(near, far).await }));
            }
        }));
        proxy
    }

    /// Makes the way so from now on.
    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// Ends every connection there is; new ones are taken.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Flips a bit of the byte that comes so many bytes later from the far end.
    pub fn flip_in(&self, bytes: u64) {
        self.flip_in.store(bytes, Ordering::SeqCst);
    }

    async fn carry(self, near: TcpStream, far: SocketAddr) {
        let (mut cuts, mut way) = (self.cuts.subscribe(), self.way.subscribe());
        if *way.borrow() == Way::Shut {
            return;
        }
        let Ok(far) = TcpStream::connect(far).await else {
            return;
        };
        // A stall holds up both directions of its connection.
        let stalled_until = watch::Sender::new(Instant::now());
        let (near_in, near_out) = near.into_split();
        let (far_in, far_out) = far.into_split();
        tokio::select! {
            () = self.pass(near_in, far_out, &stalled_until, false) => {}
            () = self.pass(far_in, near_out, &stalled_until, true) => {}
            _ = cuts.changed() => {}
            _ = way.wait_for(|way| *way == Way::Shut) => {}
        }
    }

    async fn pass(
        &self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        stalled_until: &watch::Sender<Instant>,
        is_from_far: bool,
    ) {
        let mut way = self.way.subscribe();
        let mut bytes = vec![0; PIECE];
        loop {
            let Ok(length @ 1..) = from.read(&mut bytes).await else {
                return;
            };
            let Some(piece) = bytes.get_mut(..length) else {
                return;
            };
            if is_from_far {
                self.flip(piece);
            }
            match self.trouble.as_ref().and_then(|trouble| trouble.befalls(piece)) {
                Some(Mishap::Cut) => return,
                Some(Mishap::Stall(long)) => {
                    stalled_until.send_if_modified(|until| {
                        *until = (*until).max(Instant::now() + long);
                        true
                    });
                }
                Some(Mishap::Late(late)) => tokio::time::sleep(late).await,
                None => {}
            }
            let now = *way.borrow_and_update();
            if let Way::Slow(late) = now {
                tokio::time::sleep(late).await;
            }
            let until = *stalled_until.borrow();
            tokio::time::sleep_until(until).await;
            if way.wait_for(|way| *way != Way::Silent).await.is_err() || to.write_all(piece).await.is_err() {
                return;
            }
        }
    }

    fn flip(&self, piece: &mut [u8]) {
        let left = self.flip_in.load(Ordering::SeqCst);
        let length = piece.len() as u64;
        match left {
            0 => {}
            _ if left > length => self.flip_in.store(left - length, Ordering::SeqCst),
            _ => {
                self.flip_in.store(0, Ordering::SeqCst);
                let byte = usize::try_from(left - 1).ok().and_then(|at| piece.get_mut(at));
                if let Some(byte) = byte {
                    *byte ^= 0x10;
                }
            }
        }
    }
}
