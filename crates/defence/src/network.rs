//! Networks as they are banned: IPv4-mapped ones folded, IPv6 never narrower than a customer's /64.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// Bits of an IPv6 network that one customer gets at least; inside it they choose addresses as they like.
const CUSTOMER_BITS: u8 = 64;
/// Leading bits that all IPv4-mapped addresses share.
const MAPPED_BITS: u8 = 96;

/// The network of a text: an address, or a network in CIDR notation.
pub(crate) fn parse(text: &str) -> Option<IpNet> {
    let text = text.trim();
    let single = || text.parse::<IpAddr>().ok().map(IpNet::from);
    text.parse::<IpNet>().ok().or_else(single).map(banned)
}

/// The network as it is banned.
pub(crate) fn banned(network: IpNet) -> IpNet {
    match network {
        IpNet::V4(_) => network.trunc(),
        IpNet::V6(network) => unmapped(network).map_or_else(
            || customers(network).trunc().into(),
            |network| IpNet::V4(network.trunc()),
        ),
    }
}

/// The network of that many bits around an address.
pub(crate) fn around(address: IpAddr, bits: u8) -> IpNet {
    let address = address.to_canonical();
    IpNet::new(address, bits).map_or(IpNet::from(address), |network| network.trunc())
}

/// The texts of a network and of all around it; nothing if narrower ones in it may be banned, too.
pub(crate) fn with_all_around(network: &IpNet) -> Option<Vec<String>> {
    let narrowest = match network {
        IpNet::V4(_) => 32,
        IpNet::V6(_) => CUSTOMER_BITS,
    };
    let texts = || (0..=narrowest).map(|bits| around(network.addr(), bits).to_string());
    (network.prefix_len() == narrowest).then(|| texts().collect())
}

/// Whether two networks have an address in common.
pub(crate) fn overlap(one: &IpNet, other: &IpNet) -> bool {
    one.contains(other) || other.contains(one)
}

/// Whether a network holds an address of loopback.
pub(crate) fn hits_loopback(network: &IpNet) -> bool {
    let v4 = Ipv4Net::new(Ipv4Addr::LOCALHOST, 8).map(IpNet::V4);
    let v6 = Ipv6Net::new(Ipv6Addr::LOCALHOST, 128).map(IpNet::V6);
    [v4, v6]
        .into_iter()
        .flatten()
        .any(|loopback| overlap(network, &loopback))
}

/// The network with whole customers in it.
fn customers(network: Ipv6Net) -> Ipv6Net {
    Ipv6Net::new(network.addr(), network.prefix_len().min(CUSTOMER_BITS)).unwrap_or(network)
}

fn unmapped(network: Ipv6Net) -> Option<Ipv4Net> {
    let address = network.addr().to_ipv4_mapped()?;
    Ipv4Net::new(address, network.prefix_len().checked_sub(MAPPED_BITS)?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_becomes_the_network_that_is_banned() {
        #[rustfmt::skip]
        let table = [
            ("192.0.2.7", Some("192.0.2.7/32")),
            (" 192.0.2.7/24 ", Some("192.0.2.0/24")),
            ("::ffff:192.0.2.7", Some("192.0.2.7/32")),
            ("::ffff:192.0.2.7/120", Some("192.0.2.0/24")),
            ("2001:db8:1:2:3::4", Some("2001:db8:1:2::/64")),
            ("2001:db8:1:2:3::4/56", Some("2001:db8:1::/56")),
            // More than the mapped addresses: a network of IPv6, of which these are a part.
            ("::ffff:192.0.2.7/95", Some("::/64")),
            ("::ffff:192.0.2.7/64", Some("::/64")),
            ("::ffff:192.0.2.7/16", Some("::/16")),
            ("everybody", None),
            ("192.0.2.7/33", None),
            ("", None),
        ];
        for (text, expected) in table {
            assert_eq!(
                parse(text).map(|network| network.to_string()).as_deref(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn around_a_single_customer_are_all_that_hold_it_and_nothing_else() {
        for (text, number) in [("192.0.2.7", 33), ("2001:db8:1:2::/64", 65)] {
            let network = parse(text).unwrap();
            let around = with_all_around(&network).unwrap();
            assert_eq!(around.len(), number);
            let holds = |text: &String| text.parse::<IpNet>().unwrap().contains(&network);
            assert!(around.iter().all(holds), "{around:?}");
            assert_eq!(around.last(), Some(&network.to_string()));
        }
        assert_eq!(with_all_around(&parse("192.0.2.0/24").unwrap()), None);
        assert_eq!(with_all_around(&parse("2001:db8:1::/56").unwrap()), None);
    }

    #[test]
    fn loopback_is_known_in_every_form() {
        for text in [
            "127.0.0.1",
            "127.9.9.9/32",
            "::1",
            "::ffff:127.0.0.1",
            "0.0.0.0/0",
            "::/0",
        ] {
            assert!(hits_loopback(&parse(text).unwrap()), "{text}");
        }
        assert!(!hits_loopback(&parse("192.0.2.0/24").unwrap()));
    }
}
