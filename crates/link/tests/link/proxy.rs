//! A way between node and Host that misbehaves on demand: it delays, cuts, goes silent, or flips a byte.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use watchroom_kit::Tasks;

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

/// The way to one Host.
#[derive(Clone)]
pub struct Proxy {
    pub address: SocketAddr,
    way: Arc<watch::Sender<Way>>,
    /// Raised by each cut: connections of an earlier number end.
    cuts: Arc<watch::Sender<u64>>,
    /// Counts down the bytes from the Host until one of them is flipped; 0 flips none.
    flip_in: Arc<AtomicU64>,
}

impl Proxy {
    pub async fn to(host: SocketAddr, tasks: &Tasks) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let proxy = Self {
            address: listener.local_addr().unwrap(),
            way: Arc::new(watch::Sender::new(Way::Open)),
            cuts: Arc::new(watch::Sender::new(0)),
            flip_in: Arc::default(),
        };
        let (this, connections) = (proxy.clone(), tasks.clone());
        drop(tasks.spawn("proxy", async move {
            while let Ok((near, _)) = listener.accept().await {
                let this = this.clone();
                drop(connections.spawn("way", async move { this.carry(near, host).await }));
            }
        }));
        proxy
    }

    pub fn set(&self, way: Way) {
        self.way.send_replace(way);
    }

    /// Ends every connection there is; new ones are taken.
    pub fn cut(&self) {
        self.cuts.send_modify(|cuts| *cuts += 1);
    }

    /// Flips a bit of the byte that comes so many bytes later from the Host.
    pub fn flip_in(&self, bytes: u64) {
        self.flip_in.store(bytes, Ordering::SeqCst);
    }

    async fn carry(self, near: TcpStream, host: SocketAddr) {
        let (mut cuts, mut way) = (self.cuts.subscribe(), self.way.subscribe());
        if *way.borrow() == Way::Shut {
            return;
        }
        let Ok(far) = TcpStream::connect(host).await else {
            return;
        };
        let (near_in, near_out) = near.into_split();
        let (far_in, far_out) = far.into_split();
        tokio::select! {
            () = self.clone().pass(near_in, far_out, false) => {}
            () = self.clone().pass(far_in, near_out, true) => {}
            _ = cuts.changed() => {}
            _ = way.wait_for(|way| *way == Way::Shut) => {}
        }
    }

    async fn pass(
        self,
        mut from: impl AsyncRead + Unpin,
        mut to: impl AsyncWrite + Unpin,
        is_from_host: bool,
    ) {
        let mut way = self.way.subscribe();
        let mut bytes = vec![0; 16 << 10];
        loop {
            let Ok(length @ 1..) = from.read(&mut bytes).await else {
                return;
            };
            let piece = bytes.get_mut(..length).unwrap();
            if is_from_host {
                self.flip(piece);
            }
            let now = *way.borrow_and_update();
            if let Way::Slow(late) = now {
                tokio::time::sleep(late).await;
            }
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
                *piece.get_mut(usize::try_from(left - 1).unwrap()).unwrap() ^= 0x10;
            }
        }
    }
}
