//! HTTP as a client from outside speaks it: over TLS, on connections that are kept while they are good.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use http::header::HOST;
use http::{Request, Response};
use http_body_util::BodyExt;
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper::client::conn::http2;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::Answer;

/// Speaks HTTP/1.1 over TLS 1.3 to one address, and HTTP/2 where it is told to.
#[derive(Clone)]
pub struct Client {
    address: SocketAddr,
    connector: TlsConnector,
    idle: Arc<Mutex<Vec<SendRequest<Body>>>>,
}

/// A TLS configuration that trusts one authority.
///
/// # Panics
/// If the certificate is none.
#[must_use]
pub fn trusting(authority: &CertificateDer<'static>) -> ClientConfig {
    let mut roots = RootCertStore::empty();
    roots.add(authority.clone()).expect("a certificate");
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .expect("protocol versions")
        .with_root_certificates(roots)
        .with_no_client_auth()
}

impl Client {
    /// For the listener at `address`.
    #[must_use]
    pub fn new(address: SocketAddr, config: ClientConfig) -> Self {
        Self {
            address,
            connector: TlsConnector::from(Arc::new(config)),
            idle: Arc::default(),
        }
    }

    /// The host and port that requests name.
    #[must_use]
    pub fn authority(&self) -> String {
        format!("localhost:{}", self.address.port())
    }

    /// Sends one request on a connection of its own and gives the answer as it begins.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn open(&self, request: Request<Body>) -> Response<Incoming> {
        self.connect()
            .await
            .send_request(request)
            .await
            .expect("an answer")
    }

    /// Sends one request and gives the whole answer.
    ///
    /// # Panics
    /// If there is no whole answer.
    pub async fn ask(&self, mut request: Request<Body>) -> Answer {
        let (sender, response) = loop {
            let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
            let mut sender = match idle {
                Some(sender) => sender,
                None => self.connect().await,
            };
            match sender.try_send_request(request).await {
                Ok(response) => break (sender, response),
                // The other end had closed it while it was idle; nothing was sent.
                Err(mut unsent) => match unsent.take_message() {
                    Some(message) => request = message,
                    None => panic!("no answer: {}", unsent.into_error()),
                },
            }
        };
        let answer = Answer::whole(response).await;
        if sender.is_ready() {
            self.idle
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .push(sender);
        }
        answer
    }

    /// A connection on which many requests may be under way at once.
    ///
    /// # Panics
    /// If there is none.
    pub async fn shared(&self) -> Shared {
        let mut config = self.connector.config().as_ref().clone();
        config.alpn_protocols = vec![b"h2".to_vec()];
        let tls = self.shake_hands(&TlsConnector::from(Arc::new(config))).await;
        let (sender, connection) = http2::handshake(TokioExecutor::new(), TokioIo::new(tls))
            .await
            .expect("an HTTP/2 connection");
        #[expect(
            clippy::disallowed_methods,
            reason = "the connection lives as long as it is asked for something"
        )]
        tokio::spawn(connection);
        Shared {
            authority: self.authority(),
            sender,
        }
    }

    async fn connect(&self) -> SendRequest<Body> {
        let tls = self.shake_hands(&self.connector).await;
        let (sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(tls))
            .await
            .expect("an HTTP connection");
        #[expect(
            clippy::disallowed_methods,
            reason = "the connection lives as long as it is asked for something"
        )]
        tokio::spawn(connection.with_upgrades());
        sender
    }

    async fn shake_hands(&self, connector: &TlsConnector) -> TlsStream<TcpStream> {
        let stream = TcpStream::connect(self.address)
            .await
            .expect("the listener accepts");
        let name = ServerName::try_from("localhost").expect("a name");
        let shaken = connector.connect(name, stream).await;
        shaken.expect("the certificate is good for localhost")
    }
}

/// A connection by HTTP/2.
#[derive(Clone)]
pub struct Shared {
    authority: String,
    sender: http2::SendRequest<Body>,
}

impl Shared {
    /// Sends one request beside all others and gives the answer as it begins. What of it is not read waits at the other end,
    /// but for two megabytes.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn open(&self, mut request: Request<Body>) -> Response<Incoming> {
        let path = request.uri().path_and_query().map_or("/", |path| path.as_str());
        let uri = format!("https://{}{path}", self.authority);
        *request.uri_mut() = uri.parse().expect("an address");
        request.headers_mut().remove(HOST);
        let answer = self.sender.clone().send_request(request).await;
        answer.expect("an answer")
    }

    /// Sends one request beside all others and gives the status of its answer: of one that says yes as it begins, of any
    /// other once it was read.
    ///
    /// # Panics
    /// If there is no answer.
    pub async fn status(&self, request: Request<Body>) -> u16 {
        let answer = self.open(request).await;
        let status = answer.status();
        if !status.is_success() {
            answer.collect().await.expect("a whole body");
        }
        status.as_u16()
    }
}
