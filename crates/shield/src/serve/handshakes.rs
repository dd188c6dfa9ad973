//! Hands are shaken on a thread of its own that runs last: the signature of one handshake costs as much as dozens of
//! requests, and whoever is being served does not wait for whoever just came. Nor does whoever just came wait for ever: a hello
//! to which that thread does not come is answered by another, which only gives way.

use std::io;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{Either, select};
use rustls::ServerConfig;
use tokio::net::TcpStream;
use tokio::sync::{mpsc, oneshot};
use tokio::time::timeout;
use tokio_rustls::server::TlsStream;
use tokio_rustls::{Accept, StartHandshake};
use watchroom_kit::give_way;
use watchroom_system::run_last;

/// How far the second thread gives way, in steps of niceness: less than those that hash passwords, which are sent over
/// connections that are there already.
const GIVES_WAY: u8 = 5;

/// Hellos that lie before a thread. Whoever waits for a place among them can still leave.
const AHEAD: usize = 16;

/// How long the first thread may take to come to a hello.
const OVERDUE: Duration = Duration::from_millis(250);

/// The threads, as long as any of their listeners lives.
pub(super) struct Handshakes {
    first: Thread,
    second: Thread,
}

/// What lies before a thread.
type Thread = mpsc::Sender<(Hello, Answer)>;

/// Who waits for a handshake.
type Answer = oneshot::Sender<Accept<TcpStream>>;

/// A hello that was read, and what answers it: there until somebody takes it.
#[derive(Clone)]
struct Hello(Arc<Mutex<Option<Work>>>);

/// What an answer takes.
type Work = (StartHandshake<TcpStream>, Arc<ServerConfig>);

impl Handshakes {
    /// Starts the threads. Without any, hands are shaken where requests are answered.
    pub(super) fn start() -> Self {
        Self {
            first: started("handshakes", run_last),
            second: started("handshakes-late", || give_way(GIVES_WAY)),
        }
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
        let hello = Hello(Arc::new(Mutex::new(Some((start, config)))));
        // No place before a thread is kept while the other end takes its time.
        let accept = self.answer(&hello).await.or_else(|| hello.answer());
        accept.ok_or(io::ErrorKind::ConnectionAborted)?.await
    }

    /// The answer of the thread that comes to it first; nothing without threads.
    async fn answer(&self, hello: &Hello) -> Option<Accept<TcpStream>> {
        let mut first = pin!(by(&self.first, hello));
        let in_time = timeout(OVERDUE, first.as_mut()).await;
        let second = pin!(by(&self.second, hello));
        // Whoever did not take it has nothing to say.
        match in_time {
            Ok(Some(answer)) => Some(answer),
            Ok(None) => second.await,
            Err(_) => match select(first, second).await {
                Either::Left((None, second)) => second.await,
                Either::Right((None, first)) => first.await,
                Either::Left((answer, _)) | Either::Right((answer, _)) => answer,
            },
        }
    }
}

async fn by(thread: &Thread, hello: &Hello) -> Option<Accept<TcpStream>> {
    let (answer, answered) = oneshot::channel();
    thread.send((hello.clone(), answer)).await.ok()?;
    answered.await.ok()
}

/// A thread that answers hellos once it has lowered its priority.
fn started(name: &str, lower: impl FnOnce() -> io::Result<()> + Send + 'static) -> Thread {
    let (hellos, mut waiting) = mpsc::channel::<(Hello, Answer)>(AHEAD);
    let thread = std::thread::Builder::new().name(name.to_owned());
    let started = thread.spawn(move || {
        if let Err(error) = lower() {
            tracing::warn!(%error, "a thread of handshakes could not lower its priority; they may delay others");
        }
        while let Some((hello, answer)) = waiting.blocking_recv() {
            if !answer.is_closed()
                && let Some(accept) = hello.answer()
            {
                // Whoever waited may leave at any time.
                _ = answer.send(accept);
            }
        }
    });
    if let Err(error) = started {
        tracing::warn!(%error, "a thread of handshakes is missing; they may delay others");
    }
    hellos
}

impl Hello {
    /// Chooses keys and signs, which is nearly all that a handshake costs, unless somebody else does; what is left is to
    /// send it and to hear the other end.
    fn answer(&self) -> Option<Accept<TcpStream>> {
        let taken = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        taken.map(|(start, config)| start.into_stream(config))
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
    async fn a_hello_that_the_thread_never_comes_to_is_answered_all_the_same() {
        let (first, _never_read) = mpsc::channel(AHEAD);
        let second = started("late", || Ok(()));
        assert_eq!(shaken(&Handshakes { first, second }).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn without_threads_hands_are_shaken_all_the_same() {
        let ((first, _), (second, _)) = (mpsc::channel(AHEAD), mpsc::channel(AHEAD));
        assert_eq!(shaken(&Handshakes { first, second }).await.unwrap(), 0);
    }

    #[tokio::test]
    async fn the_thread_shakes_hands() {
        assert_eq!(shaken(&Handshakes::start()).await.unwrap(), 0);
    }
}
