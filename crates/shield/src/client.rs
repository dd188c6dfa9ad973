//! Who is at the other end: the peer, or whom a trusted proxy names.
//!
//! A forwarded header from anybody but a trusted proxy changes nothing. A proxy that sends both
//! `X-Forwarded-For` and `Forwarded` must say the same in both: most proxies set one of them and pass the
//! other on as the client sent it. If they differ, one is the client's own invention and nobody knows which: taken for the
//! proxy, whoever invents would be at its address, free of bans and inside its networks. So they are turned away.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use http::HeaderValue;

use crate::Network;
use crate::address::folded;
use crate::heads::{Heads, Lines};

/// Where those are whom a proxy passes on that nobody declared, or of whom the proxy knows nothing: anywhere. Its own address would lend them what
/// loopback may, by joins without a token, tokens for one machine and a trail that names it.
const NOWHERE: IpAddr = IpAddr::V4(Ipv4Addr::UNSPECIFIED);

/// What was found out about the other end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Client {
    /// The address that is counted and logged.
    pub(crate) address: IpAddr,
    /// The peer is a trusted proxy.
    pub(crate) is_proxied: bool,
    /// The request was made on this machine, with nothing in between.
    pub(crate) is_loopback: bool,
    /// Something on this machine forwards for others and nobody declared it.
    pub(crate) is_undeclared_proxy: bool,
    /// Something in a network of one's own seems to, in a container next door, say. Anybody there can seem so, and it changes
    /// nothing; but if it is a proxy, its clients have what that network has.
    pub(crate) may_be_proxy: bool,
    /// A trusted proxy names two clients, one of them as somebody invented it.
    pub(crate) is_contradicted: bool,
}

/// Finds the client behind a peer.
pub(crate) fn resolve(peer: SocketAddr, heads: &Heads<'_>, trusted: &[Network]) -> Client {
    let peer = folded(peer.ip());
    let is_proxied = is_trusted(trusted, peer);
    let is_local = peer.is_loopback();
    if !is_proxied && !is_local {
        return Client {
            address: peer,
            is_proxied,
            is_loopback: false,
            is_undeclared_proxy: false,
            may_be_proxy: is_of_ones_own(peer) && heads.is_forwarded(),
            is_contradicted: false,
        };
    }
    let is_undeclared_proxy = is_local && !is_proxied && heads.is_forwarded();
    let named = is_proxied.then(|| behind(peer, heads, trusted));
    let (address, is_contradicted) = match named {
        Some(Named::One(address)) => (address, false),
        Some(Named::Two) => (peer, true),
        None if is_undeclared_proxy => (NOWHERE, false),
        None => (peer, false),
    };
    Client {
        address,
        is_proxied,
        // A declared proxy that forwards nothing would lend loopback's privileges to the whole world.
        is_loopback: is_local && !is_proxied && !is_undeclared_proxy,
        is_undeclared_proxy,
        may_be_proxy: false,
        is_contradicted,
    }
}

/// Whether an address is of a network that is nobody's on the internet (RFC 1918, RFC 4193, RFC 3927, RFC 4291).
const fn is_of_ones_own(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_private() || address.is_link_local(),
        IpAddr::V6(address) => address.is_unique_local() || address.is_unicast_link_local(),
    }
}

/// What a trusted proxy says last: in a header of its own for that, or else by this parameter of its `Forwarded`.
pub(crate) fn said<'h>(customary: Lines<'h>, standard: Lines<'h>, parameter: &str) -> Option<&'h str> {
    let nearest = |lines: Lines<'h>| Some(elements(lines.last()?).next().unwrap_or(""));
    let value = match nearest(customary) {
        Some(own) => own,
        None => self::parameter(nearest(standard)?, parameter)?,
    };
    Some(value).filter(|value| !value.is_empty())
}

/// Whom a trusted proxy names.
enum Named {
    One(IpAddr),
    Two,
}

fn behind(peer: IpAddr, heads: &Heads<'_>, trusted: &[Network]) -> Named {
    fn hops(lines: Lines<'_>) -> Option<impl Iterator<Item = &str>> {
        lines.is_there().then(|| lines.each().rev().flat_map(elements))
    }
    let customary = hops(heads.forwarded_for).map(|hops| rightmost_untrusted(peer, hops, trusted));
    let standard = hops(heads.forwarded).map(|elements| {
        let hops = elements.map(|element| parameter(element, "for").unwrap_or(""));
        rightmost_untrusted(peer, hops, trusted)
    });
    match (customary, standard) {
        (Some(customary), Some(standard)) if customary != standard => Named::Two,
        (Some(address), _) | (None, Some(address)) => Named::One(address),
        (None, None) => Named::One(peer),
    }
}

/// Walks from the nearest hop outwards to the first that is not ours. A hop without an address is somebody of whom the proxy
/// knows nothing: taken for the proxy, they would have its address.
fn rightmost_untrusted<'a>(peer: IpAddr, hops: impl Iterator<Item = &'a str>, trusted: &[Network]) -> IpAddr {
    let mut last = peer;
    for hop in hops {
        let Some(address) = hop_address(hop) else {
            return NOWHERE;
        };
        last = address;
        if !is_trusted(trusted, address) {
            return last;
        }
    }
    last
}

fn is_trusted(trusted: &[Network], address: IpAddr) -> bool {
    trusted.iter().any(|network| network.contains(address))
}

/// An address as hops write it: bare, with a port, in brackets, with the zone in which it holds.
fn hop_address(hop: &str) -> Option<IpAddr> {
    let address = |text: &str| text.parse::<IpAddr>().ok();
    let zoned = |text: &str| address(text.split_once('%')?.0);
    let with_port = || hop.parse::<SocketAddr>().ok().map(|address| address.ip());
    let bracketed = || {
        let inside = hop.strip_prefix('[')?.split_once(']')?.0;
        address(inside).or_else(|| zoned(inside))
    };
    address(hop)
        .or_else(|| zoned(hop))
        .or_else(with_port)
        .or_else(bracketed)
        .map(folded)
}

/// The elements of a header that proxies append to, the nearest first. Each is read for itself: what is no text in one of them, which
/// anybody may have written, says nothing against the others. Commas inside quotes (RFC 7239) would only split a value that is then
/// no address.
fn elements(line: &HeaderValue) -> impl Iterator<Item = &str> {
    let elements = line.as_bytes().rsplit(|byte| *byte == b',');
    elements.map(|element| match str::from_utf8(element.trim_ascii()) {
        Ok(text) if text.is_ascii() => text,
        _ => "",
    })
}

fn parameter<'a>(element: &'a str, name: &str) -> Option<&'a str> {
    element.split(';').find_map(|pair| {
        let (key, value) = pair.split_once('=')?;
        key.trim()
            .eq_ignore_ascii_case(name)
            .then(|| value.trim().trim_matches('"'))
    })
}

#[cfg(test)]
mod tests;
