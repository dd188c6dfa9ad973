//! From HTTP/1.1 to another protocol on the same connection (RFC 9110, 7.8): offered to routes that ask for it alone.
//!
//! What speaks afterwards runs where the conversation ran: it counts as a connection, keeps its place, hears when the
//! service stops, and is cut off when the time to finish is over. HTTP/2 is not spoken of here (RFC 8441).

use std::fmt;
use std::io;
use std::pin::Pin;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use http::Request;
use hyper::upgrade::OnUpgrade;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use watchroom_kit::Tasks;

/// What speaks on a connection after HTTP.
type Speaks = Box<dyn FnOnce(Upgraded) -> BoxFuture<'static, ()> + Send>;

/// That a client asks to go on in another protocol, in the extensions of its request, where the route has one to go on in.
#[derive(Clone)]
pub struct MayUpgrade(Arc<Mutex<Option<Speaks>>>);

impl MayUpgrade {
    fn new() -> Self {
        Self(Arc::default())
    }

    /// Has `speaks` go on with the connection once the answer is out, if that is a 101. It ends with what `speaks` gives.
    pub fn go_on<F>(&self, speaks: impl FnOnce(Upgraded) -> F + Send + 'static)
    where
        F: Future<Output = ()> + Send + 'static,
    {
        let speaks: Speaks = Box::new(move |stream| Box::pin(speaks(stream)));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(speaks);
    }

    fn take(&self) -> Option<Speaks> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

impl fmt::Debug for MayUpgrade {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_struct("MayUpgrade").finish_non_exhaustive()
    }
}

/// A connection on which HTTP is over.
#[derive(Debug)]
pub struct Upgraded {
    stream: TokioIo<hyper::upgrade::Upgraded>,
    heard: Arc<AtomicU64>,
}

impl Upgraded {
    /// Counts the bytes that came, as they come: whoever speaks here may not be flooded.
    #[must_use]
    pub fn heard(&self) -> Arc<AtomicU64> {
        Arc::clone(&self.heard)
    }
}

impl AsyncRead for Upgraded {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let progress = Pin::new(&mut self.stream).poll_read(context, buffer);
        let came = buffer.filled().len() - before;
        self.heard.fetch_add(came as u64, Ordering::Relaxed);
        progress
    }
}

impl AsyncWrite for Upgraded {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

/// What a client's wish to go on in another protocol has come to, on one connection.
#[derive(Default)]
pub(crate) struct Upgrade(Mutex<Option<(OnUpgrade, Speaks)>>);

/// A wish that is being answered.
pub(crate) struct Wish {
    on_upgrade: OnUpgrade,
    may: MayUpgrade,
}

impl Wish {
    /// Takes a client's wish out of its request, and says in its place that there is one. No handler gets at the
    /// connection itself.
    pub(crate) fn take<B>(request: &mut Request<B>) -> Option<Self> {
        let on_upgrade = request.extensions_mut().remove::<OnUpgrade>()?;
        let may = MayUpgrade::new();
        request.extensions_mut().insert(may.clone());
        Some(Self { on_upgrade, may })
    }
}

impl Upgrade {
    /// The wish was granted, if the handler left what is to go on.
    pub(crate) fn grant(&self, wish: Wish) {
        if let Some(speaks) = wish.may.take() {
            *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some((wish.on_upgrade, speaks));
        }
    }

    /// Goes on with the connection, if that was granted, until it is over or the time to finish is.
    pub(crate) async fn go_on(&self, tasks: &Tasks, drain: Duration) {
        let granted = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        let Some((on_upgrade, speaks)) = granted else {
            return;
        };
        // There is a stream at once: the answer is out. There is none if the connection broke before.
        let Ok(stream) = on_upgrade.await else {
            return;
        };
        let stream = Upgraded {
            stream: TokioIo::new(stream),
            heard: Arc::default(),
        };
        let over = async {
            tasks.stopped().await;
            tokio::time::sleep(drain).await;
        };
        tokio::select! {
            () = speaks(stream) => {}
            () = over => {}
        }
    }
}
