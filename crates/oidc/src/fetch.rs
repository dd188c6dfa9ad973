//! Asking a provider: one request on one connection, over TLS, with an answer of bounded length. How long it may take is
//! for the caller to say, who drops it. Redirects are answers like any other, and not followed.

use std::fmt;

use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, HOST, USER_AGENT};
use http::{HeaderValue, Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt, Full, Limited};
use hyper::client::conn::http1;
use hyper_util::rt::TokioIo;
use rustls_pki_types::ServerName;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use watchroom_kit::{ExposeSecret, SecretString};

use crate::{OidcError, Roots};

/// Longest answer, in bytes: a list of keys or of claims is far shorter.
const LONGEST: usize = 256 << 10;

/// An address of a provider: https, with a host, and nothing that only some readers understand.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Address(Uri);

impl fmt::Debug for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(&self.0, f)
    }
}

impl Address {
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let uri: Uri = text.parse().ok()?;
        let host = uri.host()?;
        let is_plain = uri.scheme_str() == Some("https")
            && !host.is_empty()
            && !text.contains(['#', '@', '\\'])
            && text.bytes().all(|byte| byte.is_ascii_graphic());
        is_plain.then_some(Self(uri))
    }

    /// The address with these in its query.
    pub(crate) fn with_query(&self, query: &[(&str, &str)]) -> String {
        let mut text = self.0.to_string();
        text.push(if self.0.query().is_some() { '&' } else { '?' });
        let mut pairs = form_urlencoded::Serializer::new(String::new());
        pairs.extend_pairs(query);
        text.push_str(&pairs.finish());
        text
    }
}

/// How we say who we are.
#[derive(Clone, Debug)]
pub(crate) enum Showing {
    Nothing,
    /// Our own name and secret (RFC 6749, 2.3.1).
    Basic(SecretString),
    /// A token that the provider gave us.
    Bearer(SecretString),
}

/// An answer with its status.
#[derive(Debug)]
pub(crate) struct Answer {
    status: StatusCode,
    body: Bytes,
}

impl Answer {
    pub(crate) fn is_success(&self) -> bool {
        self.status == StatusCode::OK
    }

    /// What the answer holds, whatever its status.
    pub(crate) fn json<T: DeserializeOwned>(&self) -> Result<T, OidcError> {
        serde_json::from_slice(&self.body)
            .map_err(|error| OidcError::Foreign(format!("status {}, {error}", self.status.as_u16())))
    }

    /// What a successful answer holds.
    pub(crate) fn good<T: DeserializeOwned>(&self) -> Result<T, OidcError> {
        match self.is_success() {
            true => self.json(),
            false => Err(OidcError::Foreign(format!("status {}", self.status.as_u16()))),
        }
    }
}

/// Asks providers.
#[derive(Clone, Debug)]
pub(crate) struct Asking {
    roots: Roots,
}

impl Asking {
    pub(crate) fn new(roots: Roots) -> Self {
        Self { roots }
    }

    pub(crate) async fn get(&self, address: &Address, showing: &Showing) -> Result<Answer, OidcError> {
        self.ask(address, Method::GET, showing, None).await
    }

    pub(crate) async fn post(
        &self,
        address: &Address,
        showing: &Showing,
        form: String,
    ) -> Result<Answer, OidcError> {
        self.ask(address, Method::POST, showing, Some(form)).await
    }

    async fn ask(
        &self,
        address: &Address,
        method: Method,
        showing: &Showing,
        form: Option<String>,
    ) -> Result<Answer, OidcError> {
        let request = request(address, method, showing, form)?;
        let stream = self.connect(address).await?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await.map_err(away)?;
        let asked = async {
            let response = sender.send_request(request).await.map_err(away)?;
            let status = response.status();
            let body = Limited::new(response.into_body(), LONGEST).collect().await;
            let body = body.map_err(|error| OidcError::Foreign(error.to_string()))?;
            Ok(Answer {
                status,
                body: body.to_bytes(),
            })
        };
        tokio::pin!(asked, connection);
        tokio::select! {
            biased;
            answer = &mut asked => answer,
            // What it had sent before it went is still to be read.
            _ = &mut connection => asked.await,
        }
    }

    async fn connect(
        &self,
        Address(uri): &Address,
    ) -> Result<tokio_rustls::client::TlsStream<TcpStream>, OidcError> {
        let host = uri.host().unwrap_or_default();
        let bare = host.trim_start_matches('[').trim_end_matches(']');
        let name = ServerName::try_from(bare.to_owned()).map_err(away)?;
        let stream = TcpStream::connect((bare, uri.port_u16().unwrap_or(443))).await;
        let stream = stream.map_err(away)?;
        stream.set_nodelay(true).map_err(away)?;
        let connector = TlsConnector::from(self.roots.0.clone());
        connector.connect(name, stream).await.map_err(away)
    }
}

fn request(
    Address(uri): &Address,
    method: Method,
    showing: &Showing,
    form: Option<String>,
) -> Result<Request<Full<Bytes>>, OidcError> {
    let path = uri.path_and_query().map_or("/", |path| path.as_str());
    let host = uri.authority().map_or_else(String::new, ToString::to_string);
    let mut request = Request::builder()
        .method(method)
        .uri(path)
        .header(HOST, host)
        .header(ACCEPT, "application/json")
        .header(USER_AGENT, concat!("watchroom/", env!("CARGO_PKG_VERSION")));
    let shown = match showing {
        Showing::Nothing => None,
        Showing::Basic(secret) => Some(format!("Basic {}", secret.expose_secret())),
        Showing::Bearer(token) => Some(format!("Bearer {}", token.expose_secret())),
    };
    if let Some(shown) = shown {
        let mut value = HeaderValue::try_from(shown).map_err(away)?;
        value.set_sensitive(true);
        request = request.header(AUTHORIZATION, value);
    }
    if form.is_some() {
        request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    }
    request.body(Full::from(form.unwrap_or_default())).map_err(away)
}

fn away(error: impl fmt::Display) -> OidcError {
    OidcError::Unreachable(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_provider_is_asked_over_tls_or_not_at_all() {
        assert!(Address::parse("https://id.example/a?b=c").is_some());
        for wrong in [
            "http://id.example/",
            "https://",
            "/authorize",
            "https://user:pass@id.example/",
            "https://id.example/#a",
            "https://id.example\\@evil.example/",
            "javascript:alert(1)",
            "",
        ] {
            assert_eq!(Address::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn a_query_is_added_to_what_there_is() {
        let plain = Address::parse("https://id.example/auth").unwrap();
        let odd = "a&b=c d\u{e9}#/";
        assert_eq!(
            plain.with_query(&[("state", odd)]),
            "https://id.example/auth?state=a%26b%3Dc+d%C3%A9%23%2F"
        );
        let asked = Address::parse("https://id.example/auth?p=x").unwrap();
        assert_eq!(asked.with_query(&[("a", "b")]), "https://id.example/auth?p=x&a=b");
    }
}
