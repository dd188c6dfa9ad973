//! The accept loop: what a connection speaks, how many there may be, how long they may dawdle, how they end.
//!
//! A first byte of 0x16 is a TLS hello; the application then chooses what answers it, and may take the
//! connection over (the link does, told apart by ALPN). Anything else is plain HTTP. When the tasks are
//! told to stop, no connection is taken any more, streams end, and requests in flight have
//! `shield.drain_s` to finish.

use std::future::poll_fn;
use std::net::SocketAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures_util::future::BoxFuture;
use rustls::ServerConfig;
use rustls::server::{Acceptor, ClientHello};
use tokio::net::{TcpListener, TcpStream, UnixListener, UnixStream};
use tokio::time::Instant;
use tokio_rustls::LazyConfigAcceptor;
use tokio_rustls::server::TlsStream;
use watchroom_kit::Tasks;

use crate::certificates::PersonsCertificates;
use crate::connections::{Connections, Place};
use crate::greetings::{Greetings, Purpose};
use crate::proxy::{self, Said};
use crate::{Application, LocalPeer, Peer, RouteClass, Shield, ShownCertificates};

mod converse;
mod edge;
mod handshakes;
mod heard_out;
mod outgoing;
mod unless;
mod unread;

use converse::{Conversation, Speech};
use handshakes::Hands;

/// The first byte of a TLS record that carries a handshake.
const TLS_HANDSHAKE: u8 = 0x16;
/// Pause after the system could not accept, mostly for want of file descriptors.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How often gathered events are looked through.
const SWEEP: Duration = Duration::from_secs(10);

/// How long a connection above the limits may take to say what it is: others wait for its place.
const SURPLUS_PATIENCE: Duration = Duration::from_secs(3);

/// What answers a TLS hello.
pub enum Choice {
    /// HTTP by the application, under this configuration.
    Http(Arc<ServerConfig>),
    /// HTTP by the application under this configuration, but routes of this kind alone. HTTP/1.1 is spoken.
    Narrow(Arc<ServerConfig>, RouteClass),
    /// Something else, which takes the connection over once the handshake is done.
    HandOff(Arc<ServerConfig>, Arc<dyn HandOff>),
    /// Nothing: the connection is closed.
    Refuse,
}

/// Chooses what answers a TLS hello, by its ALPN or server name. Called once per connection.
pub trait ChooseTls: Send + Sync + 'static {
    /// The choice for this hello.
    fn choose(&self, hello: &ClientHello<'_>) -> Choice;

    /// Whether the certificate for HTTP is publicly trusted or was given by an administrator, so that browsers
    /// may be told to insist on TLS.
    fn is_publicly_trusted(&self) -> bool {
        false
    }
}

/// Takes over connections that are not HTTP.
pub trait HandOff: Send + Sync + 'static {
    /// Speaks with the other end until the connection is over. A peer that showed a client certificate no
    /// longer counts against its address, and is taken even if that has too many connections.
    fn take(&self, stream: Box<TlsStream<TcpStream>>, peer: SocketAddr) -> BoxFuture<'static, ()>;
}

/// Serves an application over TLS, sends plain HTTP on the same port there, and hands off what is not HTTP. Returns
/// when `tasks` are stopped and the last connection is done or its time to finish is over.
pub async fn serve<S: Application>(
    listener: TcpListener,
    shield: Shield,
    choose: Arc<dyn ChooseTls>,
    application: S,
    tasks: Tasks,
) {
    let speaks = Speaks::Tls(choose, Hands::start());
    Listener::new(shield, speaks, application, &tasks)
        .accept_tcp(listener)
        .await;
}

/// Serves an application over plain HTTP, where that is meant (operations, or behind another's TLS).
pub async fn serve_plain<S: Application>(
    listener: TcpListener,
    shield: Shield,
    application: S,
    tasks: Tasks,
) {
    Listener::new(shield, Speaks::Plain(Box::new(Peer::plain)), application, &tasks)
        .accept_tcp(listener)
        .await;
}

/// Sends whoever looks at pages over plain HTTP to TLS on `port`, and tells everybody else. Nothing else is served.
pub async fn serve_redirects(listener: TcpListener, shield: Shield, port: u16, tasks: Tasks) {
    let redirected = move |address| Peer::redirected(address, port);
    let nothing = axum::Router::new();
    Listener::new(shield, Speaks::Plain(Box::new(redirected)), nothing, &tasks)
        .accept_tcp(listener)
        .await;
}

/// Serves an application over plain HTTP to browsers of this very machine. Unlike [`serve_plain`] it takes
/// cookies: what is on loopback passes no wire.
///
/// # Errors
/// If the listener is bound to an address that others reach; nothing is served then.
pub fn serve_loopback<S: Application>(
    listener: TcpListener,
    shield: Shield,
    application: S,
    tasks: &Tasks,
) -> std::io::Result<impl Future<Output = ()> + Send + use<S>> {
    let address = listener.local_addr()?;
    if !address.ip().is_loopback() {
        return Err(std::io::Error::new(
            std::io::ErrorKind::InvalidInput,
            format!("{address} is not a loopback address"),
        ));
    }
    let listens = Listener::new(
        shield,
        Speaks::Plain(Box::new(Peer::loopback)),
        application,
        tasks,
    );
    Ok(listens.accept_tcp(listener))
}

/// Serves an application on a Unix socket, with a [`LocalPeer`] in the extensions of each request. The host is not
/// checked there and nothing is rate limited; the application decides which users it believes.
pub async fn serve_local<S: Application>(
    listener: UnixListener,
    shield: Shield,
    application: S,
    tasks: Tasks,
) {
    Listener::new(shield, Speaks::Plain(Box::new(Peer::plain)), application, &tasks)
        .accept_unix(listener)
        .await;
}

/// What is spoken on a TCP listener.
enum Speaks {
    /// TLS, or plain HTTP that is sent there.
    Tls(Arc<dyn ChooseTls>, Hands),
    /// Plain HTTP, with peers of this kind.
    Plain(Box<dyn Fn(SocketAddr) -> Peer + Send + Sync>),
}

struct Listener<S> {
    shield: Shield,
    speaks: Speaks,
    speech: Speech,
    application: S,
    connections: Connections,
    greetings: Greetings,
    tasks: Tasks,
}

impl<S: Application> Listener<S> {
    fn new(shield: Shield, speaks: Speaks, application: S, tasks: &Tasks) -> Arc<Self> {
        let tasks = tasks.child();
        let speech = Speech::new(&tasks);
        Arc::new(Self {
            shield,
            speaks,
            speech,
            application,
            connections: Connections::default(),
            greetings: Greetings::default(),
            tasks,
        })
    }

    async fn accept_tcp(self: Arc<Self>, listener: TcpListener) {
        self.accept(
            |context| listener.poll_accept(context),
            |listener, (stream, address)| {
                let Some(place) = listener
                    .connections
                    .admit(address.ip(), &listener.shield.rules().config)
                else {
                    return;
                };
                listener.tasks.clone().spawn_graceful("connection", async move {
                    listener.meet(stream, address, place).await;
                });
            },
        )
        .await;
    }

    async fn accept_unix(self: Arc<Self>, listener: UnixListener) {
        self.accept(|context| listener.poll_accept(context), |listener, (stream, _)| {
            let peer = match process(&stream) {
                Ok(process) => Peer::local(process),
                Err(error) => {
                    tracing::warn!(error = %error, "closed a local connection whose process the system does not name");
                    return;
                }
            };
            listener.tasks.clone().spawn_graceful("local connection", async move {
                listener.conversation(peer, None, false).hold(stream).await;
            });
        })
        .await;
    }

    /// Takes connections until told to stop, then waits for them.
    async fn accept<C>(
        self: Arc<Self>,
        next: impl Fn(&mut Context<'_>) -> Poll<std::io::Result<C>>,
        take: impl Fn(Arc<Self>, C),
    ) {
        let mut sweep = tokio::time::interval(SWEEP);
        loop {
            tokio::select! {
                () = self.tasks.stopped() => break,
                _ = sweep.tick() => {
                    self.shield.sweep();
                    self.greetings.sweep(Instant::now());
                }
                accepted = poll_fn(&next) => match accepted {
                    Ok(connection) => take(Arc::clone(&self), connection),
                    Err(error) => {
                        tracing::warn!(error = %error, "could not accept a connection; trying again in a moment");
                        tokio::time::sleep(ACCEPT_PAUSE).await;
                    }
                },
            }
        }
        // Each conversation ends itself within its time to finish; a little is added for the last writes.
        let patience = self.drain() + Duration::from_secs(1);
        if !self.tasks.shutdown(patience).await {
            tracing::warn!("some connections had not ended when their time to finish was over");
        }
    }

    /// Holds a connection to its end. Its handshake is boxed, as its conversation is, so that a connection that
    /// was handed off keeps room for neither.
    async fn meet(self: Arc<Self>, mut stream: TcpStream, peer: SocketAddr, place: Place) {
        // Without this a small answer can wait for the acknowledgement of the one before.
        drop(stream.set_nodelay(true));
        let Some((address, place)) = self.behind(&mut stream, peer, place).await else {
            return;
        };
        let patience = Duration::from_secs(self.shield.rules().config.header_read_s);
        let (choose, hands) = match &self.speaks {
            Speaks::Tls(choose, hands) => (choose, hands),
            Speaks::Plain(peer) => {
                return self
                    .conversation(peer(address), Some(place), false)
                    .hold(stream)
                    .await;
            }
        };
        let patience = if place.is_surplus {
            patience.min(SURPLUS_PATIENCE)
        } else {
            patience
        };
        let greet = Box::pin(self.greet(stream, address, choose.as_ref(), hands));
        let greeted = tokio::time::timeout(patience, greet);
        let greeted = tokio::select! {
            greeted = greeted => greeted,
            () = self.tasks.stopped() => return,
        };
        match greeted {
            Ok(Some(Greeted::Plain(stream))) => {
                self.conversation(Peer::plain_to_tls(address), Some(place), false)
                    .hold(stream)
                    .await;
            }
            Ok(Some(Greeted::Http(stream))) => {
                let is_h2 = stream.get_ref().1.alpn_protocol() == Some(b"h2");
                let peer = Peer::tls(address, choose.is_publicly_trusted());
                let certificates = stream.get_ref().1.peer_certificates();
                let mut conversation = self.conversation(peer, Some(place), is_h2);
                conversation.persons = certificates.map(|shown| PersonsCertificates(shown.into()));
                conversation.hold(*stream).await;
            }
            Ok(Some(Greeted::Narrow(stream, class))) => {
                let peer = Peer::narrow(address, class);
                let certificates = stream.get_ref().1.peer_certificates();
                let mut conversation = self.conversation(peer, Some(place), false);
                conversation.shown = certificates.map(|shown| ShownCertificates(shown.into()));
                conversation.hold(*stream).await;
            }
            Ok(Some(Greeted::HandOff(stream, taker))) => {
                self.hand_off(stream, address, taker.as_ref(), place).await;
            }
            Ok(None) => {}
            Err(_) => {
                tracing::debug!(client.address = %address, "closed a connection that did not get to its first request");
            }
        }
    }

    /// Who is at the other end, by the word of a trusted proxy where it gives one, with a place for them; `None`
    /// if there is no word or no place.
    async fn behind(
        &self,
        stream: &mut TcpStream,
        peer: SocketAddr,
        place: Place,
    ) -> Option<(SocketAddr, Place)> {
        let rules = Arc::clone(&self.shield.rules());
        let config = &rules.config;
        let is_proxy = config.trusted_proxies.iter().any(|one| one.contains(peer.ip()));
        if !config.proxy_protocol || !is_proxy {
            return Some((peer, place));
        }
        let patience = Duration::from_secs(config.header_read_s);
        let said = tokio::select! {
            said = tokio::time::timeout(patience, proxy::read(stream)) => said,
            () = self.tasks.stopped() => return None,
        };
        match said.unwrap_or_else(|late| Err(late.into())) {
            Ok(Said::Itself) => Some((peer, place)),
            Ok(Said::From(client)) => {
                drop(place);
                let place = self.connections.admit(client.ip(), config)?;
                Some((client, place))
            }
            Err(error) => {
                tracing::warn!(
                    client.address = %peer,
                    error = %error,
                    setting = "shield.proxy_protocol",
                    "closed a connection of a trusted proxy that did not say whose it is"
                );
                None
            }
        }
    }

    /// Finds out what a connection speaks and shakes hands; `None` if that failed.
    async fn greet(
        &self,
        stream: TcpStream,
        address: SocketAddr,
        choose: &dyn ChooseTls,
        hands: &Hands,
    ) -> Option<Greeted> {
        let mut first = [0];
        let failed = |error: std::io::Error| {
            tracing::debug!(client.address = %address, error = %error, "a connection ended before its first request");
        };
        if stream.peek(&mut first).await.map_err(failed).ok()? == 0 {
            return None;
        }
        if first != [TLS_HANDSHAKE] {
            return Some(Greeted::Plain(stream));
        }
        let start = LazyConfigAcceptor::new(Acceptor::default(), stream)
            .await
            .map_err(failed)
            .ok()?;
        let choice = choose.choose(&start.client_hello());
        let purpose = match choice {
            Choice::HandOff(..) => Purpose::HandOff,
            Choice::Http(_) | Choice::Narrow(..) | Choice::Refuse => Purpose::Http,
        };
        self.take_turn(address, purpose).await?;
        match choice {
            Choice::Refuse => None,
            Choice::Http(config) => {
                let stream = hands.pages.shake(start, config).await.map_err(failed).ok()?;
                Some(Greeted::Http(Box::new(stream)))
            }
            Choice::Narrow(config, class) => {
                let stream = hands.machines.shake(start, config).await.map_err(failed).ok()?;
                Some(Greeted::Narrow(Box::new(stream), class))
            }
            Choice::HandOff(config, taker) => {
                let stream = hands.machines.shake(start, config).await.map_err(failed).ok()?;
                Some(Greeted::HandOff(Box::new(stream), taker))
            }
        }
    }

    /// Waits until it is the turn of a connection from this address; `None` if it would have to wait for too long.
    async fn take_turn(&self, address: SocketAddr, purpose: Purpose) -> Option<()> {
        let wait = {
            let config = &self.shield.rules().config;
            let patience = Duration::from_secs(config.header_read_s);
            self.greetings
                .turn(address.ip(), purpose, patience, Instant::now(), config)
        };
        let Some(wait) = wait else {
            tracing::debug!(
                client.address = %address,
                "closed a connection unheard: too many handshakes wait; `shield.handshakes_per_s` sets their pace"
            );
            return None;
        };
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        Some(())
    }

    async fn hand_off(
        &self,
        stream: Box<TlsStream<TcpStream>>,
        address: SocketAddr,
        taker: &dyn HandOff,
        mut place: Place,
    ) {
        let networks = &self.shield.rules().config.allowed_networks;
        let bar = networks.bar(RouteClass::Join, address.ip());
        if let Some(setting) = bar.filter(|_| !address.ip().to_canonical().is_loopback()) {
            tracing::warn!(client.address = %address, setting, "closed a link from a network that may have none");
            return;
        }
        // There is a certificate only if it was shown to be one that this configuration trusts.
        let is_proven = stream.get_ref().1.peer_certificates().is_some();
        let is_in = if is_proven {
            self.greetings.proven(address.ip());
            place.prove(&self.shield.rules().config)
        } else {
            !place.is_surplus
        };
        if !is_in {
            tracing::warn!(
                client.address = %address,
                "closed a connection above the limits; `shield.connections` and `shield.connections_per_address` set them"
            );
            return;
        }
        let over = async {
            self.tasks.stopped().await;
            tokio::time::sleep(self.drain()).await;
        };
        tokio::select! {
            () = taker.take(stream, address) => {}
            () = over => {}
        }
    }

    fn conversation(&self, mut peer: Peer, place: Option<Place>, is_h2: bool) -> Conversation<S> {
        peer.is_surplus = place.as_ref().is_some_and(|place| place.is_surplus);
        Conversation {
            shield: self.shield.clone(),
            application: self.application.clone(),
            speech: self.speech.clone(),
            tasks: self.tasks.clone(),
            drain: self.drain(),
            peer,
            place,
            shown: None,
            persons: None,
            is_h2,
        }
    }

    fn drain(&self) -> Duration {
        Duration::from_secs(self.shield.rules().config.drain_s)
    }
}

enum Greeted {
    Plain(TcpStream),
    Http(Box<TlsStream<TcpStream>>),
    Narrow(Box<TlsStream<TcpStream>>, RouteClass),
    HandOff(Box<TlsStream<TcpStream>>, Arc<dyn HandOff>),
}

fn process(stream: &UnixStream) -> std::io::Result<LocalPeer> {
    let credentials = stream.peer_cred()?;
    Ok(LocalPeer {
        uid: credentials.uid(),
        pid: credentials.pid(),
    })
}
