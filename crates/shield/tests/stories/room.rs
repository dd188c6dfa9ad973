//! A room for tests: an edge with a small application behind it, on a port of its own, with a clock that is
//! turned by hand.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::response::IntoResponse;
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use futures_util::future::BoxFuture;
use http::{HeaderMap, Method, header};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::server::{ClientHello, WebPkiClientVerifier};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use time::macros::datetime;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use watchroom_kit::{Ambient, Clock, Entropy, Tasks};
use watchroom_shield::{
    Choice, ChooseTls, Config, HandOff, MayUpgrade, Passed, Refused, RouteClass, RouteLimit, RouteRule,
    Shield, serve, serve_loopback, serve_plain,
};

/// Longest a story waits for anything.
pub const PATIENCE: Duration = Duration::from_secs(20);
/// The ALPN name that is handed off.
pub const OTHER: &[u8] = b"other/1";

pub struct Room {
    pub address: SocketAddr,
    pub shield: Shield,
    pub clock: Clock,
    pub tasks: Tasks,
    pub serving: tokio::task::JoinHandle<()>,
    trust: RootCertStore,
    identity: Option<Identity>,
}

/// A certificate with its key, which the room's own hand-off trusts.
type Identity = (CertificateDer<'static>, Vec<u8>);

impl Room {
    /// A room that speaks TLS under the name `panel.example`.
    pub async fn open(config: Config) -> Self {
        let (choose, trust, identity) = certificate();
        Self::start(config, (trust, Some(identity)), |listener, shield, tasks| {
            Box::pin(serve(
                listener,
                shield.clone(),
                Arc::new(choose),
                application(shield),
                tasks,
            ))
        })
        .await
    }

    /// A room that speaks plain HTTP.
    pub async fn open_plain(config: Config) -> Self {
        Self::start(
            config,
            (RootCertStore::empty(), None),
            |listener, shield, tasks| {
                Box::pin(serve_plain(listener, shield.clone(), application(shield), tasks))
            },
        )
        .await
    }

    /// A room for browsers of this machine.
    pub async fn open_loopback(config: Config) -> Self {
        Self::start(
            config,
            (RootCertStore::empty(), None),
            |listener, shield, tasks| {
                let serving = serve_loopback(listener, shield.clone(), application(shield), &tasks);
                Box::pin(serving.unwrap())
            },
        )
        .await
    }

    async fn start(
        config: Config,
        (trust, identity): (RootCertStore, Option<Identity>),
        serve: impl FnOnce(TcpListener, Shield, Tasks) -> BoxFuture<'static, ()>,
    ) -> Self {
        let (shield, clock) = shield(config);
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (address, tasks) = (listener.local_addr().unwrap(), Tasks::new());
        let serving = tasks.spawn_graceful("room", serve(listener, shield.clone(), tasks.clone()));
        Self {
            address,
            shield,
            clock,
            tasks,
            serving,
            trust,
            identity,
        }
    }

    pub async fn tcp(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    pub async fn tls(&self, alpn: &[&[u8]]) -> TlsStream<TcpStream> {
        self.try_tls(alpn).await.unwrap()
    }

    /// A connection over TLS, if hands are shaken with us.
    pub async fn try_tls(&self, alpn: &[&[u8]]) -> std::io::Result<TlsStream<TcpStream>> {
        let mut config = ClientConfig::builder()
            .with_root_certificates(self.trust.clone())
            .with_no_client_auth();
        config.alpn_protocols = alpn.iter().map(|name| name.to_vec()).collect();
        let name = ServerName::try_from("panel.example").unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, self.tcp().await)
            .await
    }

    /// A connection to what is handed off, by somebody who proves who they are.
    pub async fn proven(&self) -> TlsStream<TcpStream> {
        let (certificate, key) = self.identity.clone().unwrap();
        let mut config = ClientConfig::builder()
            .with_root_certificates(self.trust.clone())
            .with_client_auth_cert(vec![certificate], PrivateKeyDer::try_from(key).unwrap())
            .unwrap();
        config.alpn_protocols = vec![OTHER.to_vec()];
        let name = ServerName::try_from("panel.example").unwrap();
        TlsConnector::from(Arc::new(config))
            .connect(name, self.tcp().await)
            .await
            .unwrap()
    }

    /// Sends text over TLS and returns all that comes back until the connection ends.
    pub async fn say(&self, text: impl AsRef<[u8]>) -> String {
        say(self.tls(&[b"http/1.1"]).await, text).await
    }

    /// A GET over TLS on a connection of its own.
    pub async fn get(&self, target: &str) -> String {
        self.get_with(target, "").await
    }

    /// A GET with further header lines, each ended by CR LF.
    pub async fn get_with(&self, target: &str, lines: &str) -> String {
        self.say(format!(
            "GET {target} HTTP/1.1\r\nHost: panel.example\r\nConnection: close\r\n{lines}\r\n"
        ))
        .await
    }
}

/// Sends text and returns all that comes back.
pub async fn say(mut stream: impl AsyncRead + AsyncWrite + Unpin, text: impl AsRef<[u8]>) -> String {
    // A refusal may come, and the connection end, before all is sent: what matters is the answer.
    drop(stream.write_all(text.as_ref()).await);
    drop(stream.flush().await);
    hear(stream).await
}

/// All that comes until the connection ends.
pub async fn hear(mut stream: impl AsyncRead + Unpin) -> String {
    let mut heard = Vec::new();
    let reading = stream.read_to_end(&mut heard);
    drop(
        tokio::time::timeout(PATIENCE, reading)
            .await
            .expect("the connection ends in time"),
    );
    String::from_utf8(heard).unwrap()
}

/// The status of an answer.
pub fn status(answer: &str) -> u16 {
    let digits = answer
        .get(9..12)
        .unwrap_or_else(|| panic!("no answer but {answer:?}"));
    digits.parse().unwrap()
}

/// The value of a header of an answer.
pub fn line<'a>(answer: &'a str, name: &str) -> Option<&'a str> {
    let head = answer.split("\r\n\r\n").next()?;
    head.lines().skip(1).find_map(|line| {
        let (key, value) = line.split_once(": ")?;
        key.eq_ignore_ascii_case(name).then_some(value)
    })
}

/// The slug of a problem document.
pub fn slug(answer: &str) -> String {
    let body = answer.split_once("\r\n\r\n").map_or("", |(_, body)| body);
    let problem: serde_json::Value =
        serde_json::from_str(body).unwrap_or_else(|_| panic!("no problem but {answer:?}"));
    problem["type"]
        .as_str()
        .unwrap()
        .trim_start_matches("/problems/")
        .to_owned()
}

/// A shield with a clock that stands and chance that repeats itself.
pub fn shield(config: Config) -> (Shield, Clock) {
    let clock = Clock::manual(datetime!(2026-01-02 03:04:05 UTC));
    let ambient = Ambient {
        clock: clock.clone(),
        entropy: Entropy::seeded(1),
        tasks: Tasks::new(),
    };
    let own = ["panel.example".to_owned(), "192.0.2.80".to_owned()];
    (Shield::new(config, &own, Arc::new(classify), &ambient), clock)
}

fn classify(_: &Method, path: &str) -> RouteRule {
    match path {
        "/sign-in" => RouteRule::new(RouteClass::SignIn),
        "/sensitive" => RouteRule::new(RouteClass::Sensitive),
        "/list" => RouteRule::new(RouteClass::Read).with_limit(RouteLimit {
            name: "list",
            per_minute: 100,
        }),
        "/health" => RouteRule::new(RouteClass::Health),
        "/file" => RouteRule::new(RouteClass::Static),
        "/stream" => RouteRule::new(RouteClass::Stream),
        "/upgrade" => RouteRule::new(RouteClass::Stream).with_upgrade(),
        "/upload" => RouteRule::new(RouteClass::Change).with_body_limit(4 << 20),
        "/crash-in-a-check" => panic!("as told by the story"),
        _ => RouteRule::new(RouteClass::Page),
    }
}

/// The application behind the edge.
pub fn application(shield: Shield) -> Router {
    Router::new()
        .route("/", get(async || "hello"))
        .route("/health", get(async || "fine"))
        .route("/seen", get(seen))
        .route("/whoami", get(whoami))
        .route("/sign-in", post(sign_in))
        .route(
            "/file",
            get(async || ([(header::CACHE_CONTROL, "max-age=60")], "file")),
        )
        .route("/echo", post(async |body: Bytes| body.len().to_string()))
        .route("/upload", post(async |body: Bytes| body.len().to_string()))
        .route("/crash", get(crash))
        .route("/slow", get(slow))
        .route("/big", get(async || vec![b'x'; 64 << 20]))
        .route("/stream", get(stream))
        .route("/upgrade", get(upgrade))
        .route("/upgrade-unasked", get(upgrade))
        .with_state(shield)
}

/// Goes on as an echo, if it may.
async fn upgrade(may: Option<Extension<MayUpgrade>>) -> axum::response::Response {
    let Some(Extension(may)) = may else {
        return "stays what it is".into_response();
    };
    may.go_on(|stream| async move {
        let (mut from, mut to) = tokio::io::split(stream);
        drop(tokio::io::copy(&mut from, &mut to).await);
    });
    let headers = [(header::UPGRADE, "echo"), (header::CONNECTION, "Upgrade")];
    (http::StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
}

/// What the edge found out.
async fn seen(Extension(passed): Extension<Passed>, headers: HeaderMap) -> Json<serde_json::Value> {
    Json(serde_json::json!({
        "client": passed.client,
        "host": passed.host.as_ref().map(|host| host.to_string()),
        "https": passed.is_https,
        "loopback": passed.is_loopback,
        "cookie": headers.contains_key(header::COOKIE),
        "uid": passed.process.map(|process| process.uid),
        "sent_id": passed.client_request_id.as_ref().map(|id| id.to_str().unwrap().to_owned()),
    }))
}

/// What an application does that asks who is there: the cookie `good` is somebody.
async fn whoami(
    State(shield): State<Shield>,
    Extension(passed): Extension<Passed>,
    headers: HeaderMap,
) -> axum::response::Response {
    if headers.get(header::COOKIE).is_some_and(|cookie| cookie == "good") {
        shield.give_back(&passed);
        return "somebody".into_response();
    }
    match shield.refuse_stranger(&passed) {
        Ok(()) => "nobody".into_response(),
        Err(refused) => shield.refuse(&Refused::clone(&refused)),
    }
}

async fn sign_in(
    State(shield): State<Shield>,
    Extension(passed): Extension<Passed>,
    body: String,
) -> &'static str {
    if body != "right" {
        return "wrong";
    }
    shield.give_back(&passed);
    "welcome"
}

async fn crash() -> &'static str {
    panic!("as told by the story")
}

async fn slow() -> &'static str {
    tokio::time::sleep(Duration::from_millis(1_500)).await;
    "at last"
}

/// An answer without an end: one word, then nothing for ever.
async fn stream() -> Body {
    let first = futures_util::stream::once(async {
        Ok::<_, std::convert::Infallible>(Bytes::from_static(b"word\n"))
    });
    Body::from_stream(futures_util::StreamExt::chain(
        first,
        futures_util::stream::pending(),
    ))
}

struct Certificate {
    http: Arc<ServerConfig>,
    other: Arc<ServerConfig>,
}

impl ChooseTls for Certificate {
    fn choose(&self, hello: &ClientHello<'_>) -> Choice {
        let mut names = hello.alpn().into_iter().flatten();
        if names.any(|name| name == OTHER) {
            Choice::HandOff(Arc::clone(&self.other), Arc::new(Greeter))
        } else {
            Choice::Http(Arc::clone(&self.http))
        }
    }

    fn is_publicly_trusted(&self) -> bool {
        true
    }
}

struct Greeter;

impl HandOff for Greeter {
    fn take(
        &self,
        mut stream: Box<tokio_rustls::server::TlsStream<TcpStream>>,
        peer: SocketAddr,
    ) -> BoxFuture<'static, ()> {
        Box::pin(async move {
            drop(
                stream
                    .write_all(format!("not http, {}", peer.ip()).as_bytes())
                    .await,
            );
            drop(stream.shutdown().await);
        })
    }
}

fn certificate() -> (Certificate, RootCertStore, Identity) {
    drop(rustls::crypto::aws_lc_rs::default_provider().install_default());
    let made = rcgen::generate_simple_self_signed(["panel.example".to_owned()]).unwrap();
    let mut trust = RootCertStore::empty();
    trust.add(made.cert.der().clone()).unwrap();
    let asks = WebPkiClientVerifier::builder(Arc::new(trust.clone())).allow_unauthenticated();
    let asks = asks.build().unwrap();
    let config = |names: &[&[u8]]| {
        let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
        let mut config = ServerConfig::builder()
            .with_client_cert_verifier(Arc::clone(&asks))
            .with_single_cert(vec![made.cert.der().clone()], key)
            .unwrap();
        config.alpn_protocols = names.iter().map(|name| name.to_vec()).collect();
        Arc::new(config)
    };
    (
        Certificate {
            http: config(&[b"h2", b"http/1.1"]),
            other: config(&[OTHER]),
        },
        trust,
        (made.cert.der().clone(), made.signing_key.serialize_der()),
    )
}
