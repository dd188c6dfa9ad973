//! The network an address belongs to: what failed and waiting sign-ins are counted by.

use std::net::IpAddr;

/// A /24 of IPv4 or a /64 of IPv6: as far as one person's addresses usually wander.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Network {
    /// No address: the Unix socket.
    Inside,
    V4([u8; 3]),
    V6([u16; 4]),
}

impl From<Option<IpAddr>> for Network {
    fn from(address: Option<IpAddr>) -> Self {
        match address.map(|address| address.to_canonical()) {
            None => Self::Inside,
            Some(IpAddr::V4(address)) => {
                let [a, b, c, _] = address.octets();
                Self::V4([a, b, c])
            }
            Some(IpAddr::V6(address)) => {
                let [a, b, c, d, ..] = address.segments();
                Self::V6([a, b, c, d])
            }
        }
    }
}
