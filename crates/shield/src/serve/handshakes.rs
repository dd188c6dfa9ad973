//! Hands are shaken on a thread of its own that gives way: the signature of one handshake costs as much as dozens of
//! requests, and whoever is being served does not wait for whoever just came.

use std::io;
use std::sync::Arc;

use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::mpsc::error::SendError;
use tokio::sync::{mpsc, oneshot};
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, StartHandshake};
use watchroom_kit::give_way;

/// How far the thread gives way, in steps of niceness: less than those that hash passwords, which are sent over connections
/// that are there already.
const GIVES_WAY: u8 = 5;

/// Hellos that lie before the thread. Whoever waits for a place among them can still leave.
const AHEAD: usize = 16;

/// The thread, as long as any of its listeners lives.
pub(super) struct Handshakes(mpsc::Sender<Hello>);

/// A hello that was read, what answers it, and who waits for that.
struct Hello {
    start: StartHandshake<TcpStream>,
    config: Arc<ServerConfig>,
    answer: oneshot::Sender<Accept<TcpStream>>,
}

impl Handshakes {
    /// Starts the thread. Without one, hands are shaken where requests are answered.
    pub(super) fn start() -> Self {
        let (hellos, mut waiting) = mpsc::channel::<Hello>(AHEAD);
        let thread = std::thread::Builder::new().name("handshakes".to_owned());
        let started = thread.spawn(move || {
            if let Err(error) = give_way(GIVES_WAY) {
                tracing::warn!(%error, "the thread of handshakes could not lower its priority; they may delay others");
            }
            while let Some(hello) = waiting.blocking_recv() {
                hello.answer();
            }
        });
        if let Err(error) = started {
            tracing::warn!(%error, "there is no thread for handshakes; they may delay others");
        }
        Self(hellos)
    }

    /// Shakes hands to the end.
    ///
    /// # Errors
    /// What the other end did wrong, or that it went away.
    pub(super) async fn shake(
        &self,
        start: StartHandshake<TcpStream>,
        config: Arc<ServerConfig>,
    ) -> io::Result<TlsStream<TcpStream>> {
        let (answer, answered) = oneshot::channel();
        let hello = Hello {
            start,
            config,
            answer,
        };
        match self.0.send(hello).await {
            Ok(()) => answered.await.map_err(io::Error::other)?.await,
            Err(SendError(Hello { start, config, .. })) => start.into_stream(config).await,
        }
    }
}

impl Hello {
    /// Chooses keys and signs, which is nearly all that a handshake costs; what is left is to send it and to hear the other end.
    fn answer(self) {
        if !self.answer.is_closed() {
            // Whoever waited may leave at any time.
            _ = self.answer.send(self.start.into_stream(self.config));
        }
    }
}
