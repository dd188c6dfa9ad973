//! Addresses as the edge counts them: IPv4-mapped ones folded, IPv6 by /64; and networks from text.

use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::str::FromStr;

use ipnet::{IpNet, Ipv4Net};
use serde::{Deserialize, Serialize};

/// Bits of an IPv6 address that belong to one customer; the rest they choose as they like.
const IPV6_CUSTOMER_BITS: u128 = !0 << 64;

/// Bits that all networks of one site share: what the largest customers are given, and whoever asks a tunnel broker.
const IPV6_SITE_BITS: u128 = !0 << 80;

/// Leading bits that all IPv4-mapped addresses share.
const IPV4_MAPPED_BITS: u8 = 96;

/// An address without the IPv4-mapped disguise (`::ffff:192.0.2.1` is `192.0.2.1`).
pub(crate) fn folded(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

/// The address under which a client is counted: itself for IPv4, its /64 for IPv6.
pub(crate) fn counted(address: IpAddr) -> IpAddr {
    match folded(address) {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & IPV6_CUSTOMER_BITS)),
    }
}

/// The network in which those are gathered who are too many to be told apart: a /24 of IPv4, a /48 of IPv6.
pub(crate) fn neighbourhood(address: IpAddr) -> Network {
    let address = folded(address);
    let bits = if address.is_ipv4() { 24 } else { 48 };
    let network = IpNet::new(address, bits).unwrap_or_else(|_| IpNet::from(address));
    Network(network.trunc())
}

/// The /48 that an IPv6 address belongs to; IPv4 has none.
pub(crate) fn site(address: IpAddr) -> Option<IpAddr> {
    match folded(address) {
        IpAddr::V4(_) => None,
        IpAddr::V6(address) => Some(IpAddr::V6(Ipv6Addr::from_bits(
            address.to_bits() & IPV6_SITE_BITS,
        ))),
    }
}

/// An address or a network in CIDR notation (`10.0.0.7`, `10.0.0.0/8`, `fd00::/8`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Network(IpNet);

/// Why a text is not a network.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is neither an address nor a network; write 10.0.0.7, 10.0.0.0/8 or fd00::/8")]
pub struct NetworkError(String);

impl Network {
    /// The network of whoever is at an address: of IPv4 the address alone, of IPv6 its /64, in which they choose as they like.
    #[must_use]
    pub fn around(address: IpAddr) -> Self {
        let bits = if folded(address).is_ipv4() { 32 } else { 64 };
        let network = IpNet::new(counted(address), bits);
        Self(network.unwrap_or(IpNet::from(address)))
    }

    /// Whether the address lies inside.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        self.0.contains(&folded(address))
    }

    /// Its first address.
    pub(crate) fn first(&self) -> IpAddr {
        self.0.network()
    }

    /// Its bits, left-aligned in 128 with the rest zero, and how many of them count.
    pub(crate) fn prefix(&self) -> (u128, u8) {
        let bits = match self.0.network() {
            IpAddr::V4(address) => u128::from(address.to_bits()) << 96,
            IpAddr::V6(address) => address.to_bits(),
        };
        (bits, self.0.prefix_len())
    }

    pub(crate) fn is_ipv4(&self) -> bool {
        matches!(self.0, IpNet::V4(_))
    }
}

/// A network of IPv4-mapped addresses (`::ffff:192.0.2.0/120`) is that of the addresses they stand for.
impl From<IpNet> for Network {
    fn from(network: IpNet) -> Self {
        let unmapped = match network {
            IpNet::V6(network) => network.network().to_ipv4_mapped().and_then(|address| {
                let length = network.prefix_len().checked_sub(IPV4_MAPPED_BITS)?;
                Ipv4Net::new(address, length).ok()
            }),
            IpNet::V4(_) => None,
        };
        Self(unmapped.map_or(network, IpNet::V4))
    }
}

impl From<Network> for IpNet {
    fn from(network: Network) -> Self {
        network.0
    }
}

impl FromStr for Network {
    type Err = NetworkError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let single = || text.parse::<IpAddr>().map(|address| IpNet::from(folded(address)));
        text.parse::<IpNet>()
            .or_else(|_| single())
            .map(Self::from)
            .map_err(|_| NetworkError(text.to_owned()))
    }
}

impl TryFrom<String> for Network {
    type Error = NetworkError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Network> for String {
    fn from(network: Network) -> Self {
        network.to_string()
    }
}

impl fmt::Display for Network {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(formatter)
    }
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use proptest::prelude::*;

    use super::*;

    /// Whether two addresses agree in their first bits, counted without the library.
    fn agree(one: IpAddr, other: IpAddr, bits: u8) -> bool {
        let shared = |one: u128, other: u128, width: u8| bits == 0 || (one ^ other) >> (width - bits) == 0;
        match (one, other) {
            (IpAddr::V4(one), IpAddr::V4(other)) => shared(one.to_bits().into(), other.to_bits().into(), 32),
            (IpAddr::V6(one), IpAddr::V6(other)) => shared(one.to_bits(), other.to_bits(), 128),
            _ => false,
        }
    }

    fn address() -> impl Strategy<Value = IpAddr> {
        prop_oneof![
            any::<[u8; 4]>().prop_map(IpAddr::from),
            any::<[u8; 16]>().prop_map(IpAddr::from)
        ]
    }

    /// An address, a length that suits it, and another address that differs from it in some of its bits.
    fn near() -> impl Strategy<Value = (IpAddr, u8, IpAddr)> {
        (address(), any::<u8>(), any::<u128>(), any::<u8>()).prop_map(|(address, length, noise, shift)| {
            match address {
                IpAddr::V4(one) => {
                    let noise = u32::try_from(noise >> 96)
                        .unwrap()
                        .checked_shr(u32::from(shift % 33))
                        .unwrap_or(0);
                    let other = Ipv4Addr::from_bits(one.to_bits() ^ noise);
                    (address, length % 33, other.into())
                }
                IpAddr::V6(one) => {
                    let noise = noise.checked_shr(u32::from(shift % 129)).unwrap_or(0);
                    let other = Ipv6Addr::from_bits(one.to_bits() ^ noise);
                    (
                        folded(address),
                        if folded(address).is_ipv4() {
                            32
                        } else {
                            length % 129
                        },
                        folded(other.into()),
                    )
                }
            }
        })
    }

    proptest! {
        #[test]
        fn a_network_survives_being_printed_and_holds_what_shares_its_bits((one, length, other) in near()) {
            let text = format!("{one}/{length}");
            let network: Network = text.parse().unwrap();
            let again: Network = network.to_string().parse().unwrap();
            prop_assert_eq!(network, again);
            prop_assert!(network.contains(one));
            prop_assert_eq!(network.contains(other), agree(one, other, length), "{} in {}", other, text);
            if let IpAddr::V4(other) = other {
                // The disguise makes no difference, neither of the address nor of the network.
                prop_assert_eq!(network.contains(other.to_ipv6_mapped().into()), network.contains(other.into()));
            }
            if let IpAddr::V4(one) = one {
                let mapped: Network = format!("{}/{}", one.to_ipv6_mapped(), 96 + u16::from(length)).parse().unwrap();
                prop_assert_eq!(mapped.contains(other), network.contains(other));
            }
        }

        #[test]
        fn an_address_alone_is_the_network_of_itself((one, _, other) in near()) {
            let network: Network = one.to_string().parse().unwrap();
            prop_assert!(network.contains(one));
            prop_assert_eq!(network.contains(other), one == other);
        }

        #[test]
        fn no_text_breaks_it_and_what_it_takes_it_prints(text in "[0-9a-f:./ ]{0,50}|\\PC{0,20}") {
            if let Ok(network) = text.parse::<Network>() {
                prop_assert_eq!(Ok(network), network.to_string().parse());
            }
        }
    }

    #[test]
    fn what_is_no_network_is_refused() {
        for text in [
            "",
            "10.0.0.0/33",
            "fd00::/129",
            "10.0.0/8",
            "010.0.0.1",
            "10.0.0.1/08/",
            "example",
            " 10.0.0.1",
            "10.0.0.0/-1",
        ] {
            assert!(text.parse::<Network>().is_err(), "{text}");
        }
    }
}
