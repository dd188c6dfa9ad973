//! A whole answer as bytes, to a request that hyper could not read.

use bytes::Bytes;
use http::{HeaderValue, header};

use crate::address::folded;
use crate::refusal::problem;
use crate::{Peer, Refused, Shield, Why};

/// Our answer, with every header, after which the connection is closed.
pub(super) fn refuse(shield: &Shield, why: Why, peer: &Peer) -> Bytes {
    let refused = Refused::unread(why, folded(peer.address.ip()), shield.next_id());
    shield.note(&refused);
    let mut response = shield.refuse(&refused);
    let body = problem(&refused);
    let headers = response.headers_mut();
    headers.insert(header::CONTENT_LENGTH, HeaderValue::from(body.len()));
    headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    let status = response.status();
    let mut bytes = format!(
        "HTTP/1.1 {} {}\r\n",
        status.as_str(),
        status.canonical_reason().unwrap_or("")
    )
    .into_bytes();
    for (name, value) in response.headers() {
        bytes.extend_from_slice(name.as_str().as_bytes());
        bytes.extend_from_slice(b": ");
        bytes.extend_from_slice(value.as_bytes());
        bytes.extend_from_slice(b"\r\n");
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(body.as_bytes());
    bytes.into()
}
