//! The check that wants TLS, and what it tells whoever came without.

use http::{HeaderValue, Method};

use super::Visit;
use crate::client::{self, Client};
use crate::config::Hsts;
use crate::heads::{Heads, Lines};
use crate::hosts::{Named, is_loopback_name};
use crate::peer::Door;
use crate::{Host, Peer, RouteClass, Shield, Why};

/// Whether the client's words passed the wire by TLS. Through a trusted proxy it counts how the client reached that,
/// whatever the proxy speaks with us.
pub(super) fn is_secure(peer: &Peer, client: &Client, heads: &Heads<'_>) -> bool {
    let is_here = matches!(peer.door, Door::Tls { .. } | Door::Narrow(_) | Door::Socket(_));
    if !client.is_proxied {
        return is_here;
    }
    let is_named = |protocol: &str| {
        ["https", "wss"]
            .iter()
            .any(|name| protocol.eq_ignore_ascii_case(name))
    };
    client::said(heads.forwarded_proto, heads.forwarded, "proto").map_or(is_here, is_named)
}

pub(super) fn https(_: &Shield, visit: &mut Visit<'_>) -> Result<(), Why> {
    // However it came to a proxy: there is nothing behind that door.
    if visit.is_https && !matches!(visit.peer.door, Door::Redirects(_)) {
        visit.told.is_strict = is_strict(visit);
        return Ok(());
    }
    // A proxy nobody declared may have carried it over any wire.
    if visit.peer.door == Door::Loopback && visit.client.is_loopback {
        return Ok(());
    }
    visit.heads.cookie = Lines::None;
    if matches!(visit.peer.door, Door::Plain | Door::Loopback) {
        return Ok(());
    }
    // What is below `/api/` is for programs, whatever its kind.
    let is_for_programs = visit.parts.uri.path().starts_with("/api/");
    // A program that is sent on shows its token in the clear each time, and nobody notices: it is told instead.
    let is_looked_at = matches!(
        visit.rule.class,
        RouteClass::Page | RouteClass::Static | RouteClass::Health
    );
    let reads = matches!(visit.parts.method, Method::GET | Method::HEAD);
    let redirects = visit.host.is_some() && is_looked_at && reads && !is_for_programs;
    Err(Why::PlainHttp { redirects })
}

fn is_strict(visit: &Visit<'_>) -> bool {
    match visit.rules.config.hsts {
        Hsts::Auto => {
            let is_trusted = visit.peer.door
                == Door::Tls {
                    is_publicly_trusted: true,
                };
            let is_public_name = |host: &Host| {
                host.named()
                    .is_some_and(|named| matches!(named, Named::Name(_)) && !is_loopback_name(named))
            };
            is_trusted && visit.host.as_ref().is_some_and(is_public_name)
        }
        Hsts::Always => !visit.is_by_socket(),
        Hsts::Never => false,
    }
}

/// The usual port of HTTPS, which nobody writes.
const HTTPS: u16 = 443;

/// The same address over TLS; the host has been checked. The port is the same, unless this one does nothing but send people to another.
pub(super) fn secure_location(visit: &Visit<'_>) -> Option<HeaderValue> {
    let host = visit.host.as_ref()?;
    let host = match visit.peer.door {
        Door::Redirects(HTTPS) => host.without_port().to_owned(),
        Door::Redirects(port) => format!("{}:{port}", host.without_port()),
        _ => host.to_string(),
    };
    let target = visit
        .parts
        .uri
        .path_and_query()
        .map_or("/", |target| target.as_str());
    HeaderValue::try_from(format!("https://{host}{target}")).ok()
}
