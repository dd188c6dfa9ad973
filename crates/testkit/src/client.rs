//! HTTP as a client from outside speaks it: over TLS, on connections that are kept while they are good.

use std::net::SocketAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::body::Body;
use http::{Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use hyper_util::rt::TokioIo;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use crate::Answer;

/// Speaks HTTP/1.1 over TLS 1.3 to one address.
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

    async fn connect(&self) -> SendRequest<Body> {
        let stream = TcpStream::connect(self.address)
            .await
            .expect("the listener accepts");
        let name = ServerName::try_from("localhost").expect("a name");
        let tls = self
            .connector
            .connect(name, stream)
            .await
            .expect("the certificate is good for localhost");
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
}
