//! The opening handshake (RFC 6455, 4.2): what a request must say, and the answer to it.

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64;
use http::header::{
    CONNECTION, CONTENT_LENGTH, SEC_WEBSOCKET_ACCEPT, SEC_WEBSOCKET_KEY, SEC_WEBSOCKET_PROTOCOL,
    SEC_WEBSOCKET_VERSION, TRANSFER_ENCODING, UPGRADE,
};
use http::request::Parts;
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, Version};
use sha1::{Digest, Sha1};
use watchroom_kit::{Fault, FaultKind};
use watchroom_shield::{MayUpgrade, Upgraded};

/// What is spoken over it. The answer names this one and no other, whatever else is offered.
const PROTOCOL: &str = "watchroom.v1";
/// How a token begins that stands among the protocols a client offers.
const BEARER: &str = "bearer.";
/// What a server adds to a client's key (RFC 6455, 1.3).
const GUID: &str = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
/// Bytes of a client's key.
const KEY_BYTES: usize = 16;

/// A request that asks rightly for a WebSocket.
#[derive(Debug)]
pub struct SocketRequest {
    may: MayUpgrade,
    accept: HeaderValue,
}

/// A request that asks for no WebSocket, or not as it should.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the request is no WebSocket handshake for {PROTOCOL}")]
pub struct NoHandshake {
    /// Whether HTTP/1 is spoken, which alone has fields for what to do instead.
    pub(crate) is_h1: bool,
}

impl Fault for NoHandshake {
    fn kind(&self) -> FaultKind {
        FaultKind::UpgradeRequired
    }

    fn slug(&self) -> &'static str {
        "websocket-required"
    }

    fn public(&self) -> String {
        format!(
            "this address is for WebSockets on HTTP/1.1 (RFC 6455, version 13) that offer the protocol {PROTOCOL}"
        )
    }
}

impl SocketRequest {
    /// Answers, and has `speaks` go on with the connection.
    pub(super) fn go_on<F>(self, speaks: impl FnOnce(Upgraded) -> F + Send + 'static) -> Response
    where
        F: Future<Output = ()> + Send + 'static,
    {
        self.may.go_on(speaks);
        let headers = [
            (UPGRADE, HeaderValue::from_static("websocket")),
            (CONNECTION, HeaderValue::from_static("Upgrade")),
            (SEC_WEBSOCKET_ACCEPT, self.accept),
            (SEC_WEBSOCKET_PROTOCOL, HeaderValue::from_static(PROTOCOL)),
        ];
        (StatusCode::SWITCHING_PROTOCOLS, headers).into_response()
    }
}

/// What a request can be told to ask for instead (RFC 9110, 15.5.22).
pub(super) fn invite(headers: &mut HeaderMap, is_h1: bool) {
    headers.insert(SEC_WEBSOCKET_VERSION, HeaderValue::from_static("13"));
    if is_h1 {
        headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
    }
}

/// Whether this is a request to go on in another protocol, on a route that has one.
pub(crate) fn is_asked(parts: &Parts) -> bool {
    parts.extensions.get::<MayUpgrade>().is_some()
}

/// The token among the protocols that a client offers: browsers have no other place for it.
pub(crate) fn shown_token(headers: &HeaderMap) -> Option<&str> {
    listed(headers, &SEC_WEBSOCKET_PROTOCOL).find_map(|offered| offered.strip_prefix(BEARER))
}

impl<S: Sync> FromRequestParts<S> for SocketRequest {
    type Rejection = NoHandshake;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, NoHandshake> {
        let asked = || {
            let is_get = parts.method == Method::GET;
            let may = parts.extensions.get::<MayUpgrade>().filter(|_| is_get)?.clone();
            let accept = accepted(&parts.headers)?;
            Some(Self { may, accept })
        };
        asked().ok_or(NoHandshake {
            is_h1: parts.version < Version::HTTP_2,
        })
    }
}

/// The answer to a client's key, if everything else is as it should be.
fn accepted(headers: &HeaderMap) -> Option<HeaderValue> {
    let only = |name: &HeaderName| {
        let mut values = headers.get_all(name).iter();
        values.next().filter(|_| values.next().is_none())
    };
    let has =
        |name: &HeaderName, wanted: &str| listed(headers, name).any(|word| word.eq_ignore_ascii_case(wanted));
    let is_asked = has(&UPGRADE, "websocket") && has(&CONNECTION, "upgrade");
    let is_spoken = listed(headers, &SEC_WEBSOCKET_PROTOCOL).any(|offered| offered == PROTOCOL);
    // What would follow a body would be taken for frames.
    let has_body = [CONTENT_LENGTH, TRANSFER_ENCODING]
        .iter()
        .any(|name| headers.contains_key(name));
    let is_right = is_asked && is_spoken && !has_body && only(&SEC_WEBSOCKET_VERSION)? == "13";
    let key = only(&SEC_WEBSOCKET_KEY).filter(|_| is_right)?.as_bytes();
    let is_key = BASE64.decode(key).is_ok_and(|bytes| bytes.len() == KEY_BYTES);
    let digest = Sha1::new().chain_update(key).chain_update(GUID).finalize();
    let accept = HeaderValue::try_from(BASE64.encode(&digest)).ok();
    accept.filter(|_| is_key)
}

/// The members of a list in a header, over all the lines it has.
fn listed<'h>(headers: &'h HeaderMap, name: &HeaderName) -> impl Iterator<Item = &'h str> {
    let lines = headers.get_all(name).into_iter();
    let texts = lines.filter_map(|line| line.to_str().ok());
    texts.flat_map(|text| text.split(',')).map(str::trim)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What RFC 6455 has as its example, with our protocol.
    const RIGHT: &[(&str, &str)] = &[
        ("upgrade", "websocket"),
        ("connection", "keep-alive, Upgrade"),
        ("sec-websocket-version", "13"),
        ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
        ("sec-websocket-protocol", "chat, watchroom.v1"),
    ];

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            let name = HeaderName::from_static(name);
            (name, HeaderValue::from_static(value))
        });
        let mut headers = HeaderMap::new();
        for (name, value) in pairs {
            headers.append(name, value);
        }
        headers
    }

    #[test]
    fn the_example_of_the_standard_is_answered_as_it_says() {
        let accept = accepted(&headers(RIGHT)).unwrap();
        assert_eq!(accept, "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
    }

    #[test]
    fn what_is_not_said_rightly_is_no_handshake() {
        for left_out in 0..RIGHT.len() {
            let mut pairs = RIGHT.to_vec();
            let (name, _) = pairs.remove(left_out);
            assert!(accepted(&headers(&pairs)).is_none(), "without {name}");
        }
        for (name, value) in [
            ("upgrade", "h2c"),
            ("connection", "close"),
            ("sec-websocket-version", "12"),
            ("sec-websocket-version", "13, 8"),
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ"),
            ("sec-websocket-key", "dGhlIHNhbXBsZQ=="),
            ("sec-websocket-protocol", "watchroom.v2, bearer.x"),
        ] {
            let mut pairs = RIGHT.to_vec();
            pairs.retain(|(known, _)| *known != name);
            pairs.push((name, value));
            assert!(accepted(&headers(&pairs)).is_none(), "{name}: {value}");
        }
        for extra in [
            ("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ=="),
            ("content-length", "5"),
            ("transfer-encoding", "chunked"),
        ] {
            let pairs = [RIGHT, &[extra]].concat();
            assert!(accepted(&headers(&pairs)).is_none(), "{extra:?}");
        }
    }

    #[test]
    fn a_token_is_found_among_the_protocols_on_whichever_line() {
        let name = "sec-websocket-protocol";
        for (lines, expected) in [
            (&["watchroom.v1, bearer.a.b-c_d"][..], Some("a.b-c_d")),
            (&["watchroom.v1", "bearer.x"], Some("x")),
            (&["watchroom.v1, Bearer x"], None),
            (&[], None),
        ] {
            let pairs: Vec<_> = lines.iter().map(|line| (name, *line)).collect();
            assert_eq!(shown_token(&headers(&pairs)), expected, "{lines:?}");
        }
    }
}
