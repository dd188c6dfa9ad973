//! The other end of a connection: where it comes from and by which door it came in.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use rustls::pki_types::CertificateDer;

use crate::RouteClass;

/// The process at the other end of the Unix socket, as the kernel names it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LocalPeer {
    /// Its user.
    pub uid: u32,
    /// Its process, where the kernel says.
    pub pid: Option<i32>,
}

/// By which door a connection came in; the checks differ a little.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Door {
    /// TLS, and whether the certificate is one that browsers everywhere trust.
    Tls { is_publicly_trusted: bool },
    /// TLS with a certificate that no browser knows, for routes of one kind and nothing else.
    Narrow(RouteClass),
    /// Plain HTTP where TLS is expected: only good for being sent to TLS.
    PlainToTls,
    /// Plain HTTP on a port of its own, good for nothing but being sent to TLS on this one.
    Redirects(u16),
    /// Plain HTTP where that is meant: operations, or an application without TLS of its own.
    Plain,
    /// Plain HTTP that never leaves this machine.
    Loopback,
    /// The Unix socket of this machine.
    Socket(LocalPeer),
}

/// The certificates that the client of a [`crate::Choice::Narrow`] door has shown, its own first; in the extensions of each of
/// its requests. That the key of the first is the client's is proven; who vouches for it, the configuration of the
/// door has verified, or has left to the application.
#[derive(Clone, Debug)]
pub struct ShownCertificates(pub Arc<[CertificateDer<'static>]>);

/// The other end of a connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Peer {
    pub(crate) address: SocketAddr,
    pub(crate) door: Door,
    /// The connection was taken in above the limits only to be told so.
    pub(crate) is_surplus: bool,
}

impl Peer {
    /// A connection over TLS. `is_publicly_trusted`: the certificate is one that an administrator gave or
    /// that browsers everywhere trust, so that strict transport security may be promised.
    #[must_use]
    pub const fn tls(address: SocketAddr, is_publicly_trusted: bool) -> Self {
        Self {
            address,
            door: Door::Tls { is_publicly_trusted },
            is_surplus: false,
        }
    }

    /// A connection over TLS by which only routes of one kind may be asked for. Its client knows the other end
    /// by its certificate, whatever name it dialled.
    #[must_use]
    pub const fn narrow(address: SocketAddr, class: RouteClass) -> Self {
        Self {
            address,
            door: Door::Narrow(class),
            is_surplus: false,
        }
    }

    /// Plain HTTP on a port that speaks TLS: redirected or refused, unless a trusted proxy says otherwise.
    #[must_use]
    pub const fn plain_to_tls(address: SocketAddr) -> Self {
        Self {
            address,
            door: Door::PlainToTls,
            is_surplus: false,
        }
    }

    /// Plain HTTP that is sent to TLS on another port, whoever a trusted proxy says it came from and how.
    #[must_use]
    pub const fn redirected(address: SocketAddr, port: u16) -> Self {
        Self {
            address,
            door: Door::Redirects(port),
            is_surplus: false,
        }
    }

    /// Plain HTTP where that is meant.
    #[must_use]
    pub const fn plain(address: SocketAddr) -> Self {
        Self {
            address,
            door: Door::Plain,
            is_surplus: false,
        }
    }

    /// Plain HTTP on a listener that only this machine reaches: cookies are taken there, as they pass no wire.
    #[must_use]
    pub const fn loopback(address: SocketAddr) -> Self {
        Self {
            address,
            door: Door::Loopback,
            is_surplus: false,
        }
    }

    /// A process of this machine over the Unix socket.
    #[must_use]
    pub const fn local(peer: LocalPeer) -> Self {
        let address = SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 0);
        Self {
            address,
            door: Door::Socket(peer),
            is_surplus: false,
        }
    }

    /// The same, taken in above the limits of connections only to be told so.
    #[must_use]
    pub const fn surplus(self) -> Self {
        Self {
            is_surplus: true,
            ..self
        }
    }

    /// The process behind the Unix socket, if it came that way.
    #[must_use]
    pub const fn process(&self) -> Option<LocalPeer> {
        match self.door {
            Door::Socket(peer) => Some(peer),
            Door::Tls { .. }
            | Door::Narrow(_)
            | Door::PlainToTls
            | Door::Redirects(_)
            | Door::Plain
            | Door::Loopback => None,
        }
    }
}
