//! Hands are shaken on threads of their own that give way: the signature of one handshake costs as much as dozens of
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

/// How far the thread gives way, in steps of niceness: as far as those that hash passwords. With five steps, others waited twice as long while fifty hammered the sign-in. Running last of all
/// (`SCHED_IDLE`) is no better than ten steps in long turns, and on a busy machine it is to stand still.
const GIVES_WAY: u8 = 10;

/// Hellos that lie before the thread. Whoever waits for a place among them can still leave.
const AHEAD: usize = 16;

/// The threads of a listener: a node never waits behind browsers, whose certificate may be signed by what takes its time.
pub(super) struct Hands {
    /// For pages, which anybody asks for.
    pub(super) pages: Handshakes,
    /// For nodes, and machines that want to be some.
    pub(super) machines: Handshakes,
}

impl Hands {
    pub(super) fn start() -> Self {
        Self {
            pages: Handshakes::start("handshakes"),
            machines: Handshakes::start("machine-hands"),
        }
    }
}

/// A thread, as long as its listener lives.
pub(super) struct Handshakes(mpsc::Sender<Hello>);

/// A hello that was read, what answers it, and who waits for that.
struct Hello {
    start: StartHandshake<TcpStream>,
    config: Arc<ServerConfig>,
    answer: oneshot::Sender<Accept<TcpStream>>,
}

impl Handshakes {
    /// Starts the thread. Without one, hands are shaken where requests are answered.
    fn start(name: &str) -> Self {
        let (hellos, mut waiting) = mpsc::channel::<Hello>(AHEAD);
        let thread = std::thread::Builder::new().name(name.to_owned());
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

#[cfg(test)]
mod tests {
    use rustls::pki_types::PrivateKeyDer;
    use rustls::server::Acceptor;
    use rustls::{ClientConfig, RootCertStore};
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpListener;
    use tokio_rustls::{LazyConfigAcceptor, TlsConnector};

    use super::*;

    /// Shakes hands once with somebody real, and says what the other end heard.
    async fn shaken(handshakes: &Handshakes) -> io::Result<usize> {
        let made = rcgen::generate_simple_self_signed(["panel.example".to_owned()]).unwrap();
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let config = ServerConfig::builder()
            .with_no_client_auth()
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        let mut trust = RootCertStore::empty();
        trust.add(made.cert.der().clone()).unwrap();
        let client = ClientConfig::builder()
            .with_root_certificates(trust)
            .with_no_client_auth();
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
        let connector = TlsConnector::from(Arc::new(client));
        let calling = async {
            let name = "panel.example".try_into().unwrap();
            connector.connect(name, stream).await?.read(&mut [0; 1]).await
        };
        let answering = async {
            let (stream, _) = listener.accept().await.unwrap();
            let start = LazyConfigAcceptor::new(Acceptor::default(), stream)
                .await
                .unwrap();
            let mut stream = handshakes.shake(start, Arc::new(config)).await.unwrap();
            tokio::io::AsyncWriteExt::shutdown(&mut stream).await.unwrap();
        };
        tokio::join!(calling, answering).0
    }

    #[tokio::test]
    async fn without_a_thread_hands_are_shaken_all_the_same() {
        let (nobody_hears, _) = mpsc::channel(AHEAD);
        assert_eq!(shaken(&Handshakes(nobody_hears)).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn the_thread_shakes_hands() {
        assert_eq!(shaken(&Handshakes::start("test")).await.unwrap(), 0);
    }
}
