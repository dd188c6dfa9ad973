//! A machine without a certificate asks its Host to be let in: HTTP/1.1 over TLS with the protocol name
//! `watchroom-join/1`, on which a Host answers nothing else.
//!
//! The Host is known by the fingerprint of its CA, from the first byte. Without one it can only be met, so
//! that a person can compare what it shows; nothing is said on that connection.

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HOST, RETRY_AFTER, USER_AGENT};
use http::{Method, Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use watchroom_kit::{Ambient, ExposeSecret, SecretString};
use watchroom_model::JoinRequestId;
use watchroom_model::join::{JoinAnswer, JoinAsk, JoinTicket};
use watchroom_trust::{CertificateDer, Fingerprint, JOIN_ALPN, JoinClient, LinkTlsError, shown_ca};

use crate::node::connect;
use crate::{ConnectFault, LinkSettings};

/// No answer to a joining machine is larger.
const LARGEST_ANSWER: usize = 256 << 10;

/// A Host as a machine without a certificate reaches it.
#[derive(Clone, Debug)]
pub struct JoinHost {
    address: String,
    client: JoinClient,
    settings: LinkSettings,
    ambient: Ambient,
}

/// Why a machine was not answered as it wished.
#[derive(Clone, Debug, thiserror::Error)]
pub enum JoinCallError {
    /// There is no way to the Host; the fault names the next step.
    #[error(transparent)]
    Connect(#[from] ConnectFault),
    /// The Host said no.
    #[error("{why}")]
    Refused {
        /// The HTTP status.
        status: StatusCode,
        /// The stable name of the problem.
        slug: String,
        /// Its sentence.
        why: String,
        /// Seconds after which to try again, if that makes sense.
        retry_after_s: Option<u64>,
    },
    /// The answer is not one of a Host.
    #[error(
        "the Host answered something that this version does not understand ({0}); upgrade the older of the two"
    )]
    Garbled(String),
}

/// What is of interest of a problem document (RFC 9457).
#[derive(Default, Deserialize)]
#[serde(default)]
struct ProblemText {
    #[serde(rename = "type")]
    slug: String,
    detail: String,
}

impl JoinHost {
    /// The Host at `address` (`host:port`), whose CA has this fingerprint; any Host without one.
    ///
    /// # Errors
    /// [`LinkTlsError`], which would be a fault of this build.
    pub fn new(
        address: String,
        pin: Option<Fingerprint>,
        settings: LinkSettings,
        ambient: Ambient,
    ) -> Result<Self, LinkTlsError> {
        let client = JoinClient::new(pin, &ambient.clock)?;
        Ok(Self {
            address,
            client,
            settings,
            ambient,
        })
    }

    /// Shakes hands and says nothing: the CA that the Host shows.
    ///
    /// # Errors
    /// [`ConnectFault`].
    pub async fn meet(&self) -> Result<CertificateDer<'static>, ConnectFault> {
        let stream = self.dial().await?;
        let shown = stream.get_ref().1.peer_certificates().unwrap_or_default();
        shown_ca(shown).ok_or_else(|| ConnectFault::NotAHost {
            address: self.address.clone(),
        })
    }

    /// Asks to join.
    ///
    /// # Errors
    /// [`JoinCallError`].
    pub async fn ask(&self, ask: &JoinAsk) -> Result<JoinTicket, JoinCallError> {
        let body = serde_json::to_vec(ask).map_err(|error| JoinCallError::Garbled(error.to_string()))?;
        let request = self
            .request(Method::POST, "/api/cluster/request-join")
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(body)));
        self.call(request).await
    }

    /// How one's own request stands. `proof` (`<seconds>.<signature in base64>`) asks for papers again.
    ///
    /// # Errors
    /// [`JoinCallError`].
    pub async fn check(
        &self,
        id: JoinRequestId,
        poll_secret: &SecretString,
        proof: Option<&str>,
    ) -> Result<JoinAnswer, JoinCallError> {
        let mut request = self
            .request(Method::GET, &format!("/api/cluster/check-approval/{id}"))
            .header("x-poll-secret", poll_secret.expose_secret());
        if let Some(proof) = proof {
            request = request.header("x-key-proof", proof);
        }
        self.call(request.body(Full::default())).await
    }

    fn request(&self, method: Method, path: &str) -> http::request::Builder {
        Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.address)
            .header(USER_AGENT, concat!("watchroom/", env!("CARGO_PKG_VERSION")))
    }

    async fn call<T: DeserializeOwned>(
        &self,
        request: Result<Request<Full<Bytes>>, http::Error>,
    ) -> Result<T, JoinCallError> {
        let request = request.map_err(|error| JoinCallError::Garbled(error.to_string()))?;
        let stream = self.dial().await?;
        let answering = async {
            let (mut sender, connection) = http1::handshake(TokioIo::new(stream))
                .await
                .map_err(|error| lost(&error))?;
            // How the connection ends shows in the answer.
            self.ambient
                .tasks
                .spawn("join connection", async move { drop(connection.await) });
            let response = sender.send_request(request).await.map_err(|error| lost(&error))?;
            read(response).await
        };
        let answered = timeout(self.settings.call_patience, answering).await;
        answered.map_err(|_| self.late())?
    }

    async fn dial(&self) -> Result<TlsStream<TcpStream>, ConnectFault> {
        let patience = self.settings.hello_patience;
        let socket = timeout(patience, connect(&self.address))
            .await
            .map_err(|_| self.late())??;
        let name = self.client.server_name().map_err(|error| ConnectFault::Lost {
            why: error.to_string(),
        })?;
        let shaking = TlsConnector::from(self.client.config()).connect(name, socket);
        let stream = timeout(patience, shaking).await.map_err(|_| self.late())?;
        let stream = stream.map_err(|error| match error.kind() {
            std::io::ErrorKind::UnexpectedEof => self.foreign(),
            _ => ConnectFault::from_io(&error, &self.address),
        })?;
        if stream.get_ref().1.alpn_protocol() == Some(JOIN_ALPN) {
            Ok(stream)
        } else {
            Err(self.foreign())
        }
    }

    fn foreign(&self) -> ConnectFault {
        ConnectFault::NotAHost {
            address: self.address.clone(),
        }
    }

    fn late(&self) -> ConnectFault {
        ConnectFault::TimedOut {
            address: self.address.clone(),
            after_s: self.settings.hello_patience.as_secs(),
        }
    }
}

fn lost(error: &hyper::Error) -> ConnectFault {
    ConnectFault::Lost {
        why: error.to_string(),
    }
}

async fn read<T: DeserializeOwned>(response: Response<Incoming>) -> Result<T, JoinCallError> {
    let status = response.status();
    let retry_after = response
        .headers()
        .get(RETRY_AFTER)
        .and_then(|value| value.to_str().ok());
    let retry_after_s = retry_after.and_then(|seconds| seconds.parse().ok());
    let body = Limited::new(response.into_body(), LARGEST_ANSWER).collect().await;
    let body = body
        .map_err(|error| JoinCallError::Garbled(error.to_string()))?
        .to_bytes();
    if status.is_success() {
        return serde_json::from_slice(&body).map_err(|error| JoinCallError::Garbled(error.to_string()));
    }
    // What is no problem document says what it is by its status.
    let problem: ProblemText = serde_json::from_slice(&body).unwrap_or_default();
    let why = if problem.detail.is_empty() {
        format!("the Host answered {status}")
    } else {
        problem.detail
    };
    Err(JoinCallError::Refused {
        status,
        slug: problem.slug,
        why,
        retry_after_s,
    })
}
