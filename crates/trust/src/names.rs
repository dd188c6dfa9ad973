//! The names and addresses under which browsers reach this machine.

use std::collections::BTreeSet;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::{fs, io};

use rcgen::SanType;

/// What Linux knows of this machine's addresses of IPv6: address, number of the interface, length of the network, scope
/// and flags in hexadecimal digits, and the interface's name.
const IPV6_ADDRESSES: &str = "/proc/net/if_inet6";
/// `IFA_F_TEMPORARY` of `linux/if_addr.h`.
const IS_TEMPORARY: u8 = 1;

/// Names and addresses that a certificate covers, or should.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalNames {
    /// Host names, in lower case.
    pub hosts: BTreeSet<String>,
    /// Addresses.
    pub addresses: BTreeSet<IpAddr>,
}

impl LocalNames {
    /// Every address of this machine by which it can be found, its host name, and localhost. Left out are addresses of a
    /// link alone, and the temporary ones (RFC 8981) that hide who calls others: they change every day.
    ///
    /// # Errors
    /// What the system said when asked for its interfaces.
    pub fn of_this_machine() -> io::Result<Self> {
        let mut names = Self::loopback();
        // A machine without IPv6 has no such file.
        let temporary = temporary(&fs::read_to_string(IPV6_ADDRESSES).unwrap_or_default());
        for interface in if_addrs::get_if_addrs()? {
            if !is_link_local(interface.ip()) && !temporary.contains(&interface.ip()) {
                names.addresses.insert(interface.ip());
            }
        }
        if let Ok(host) = gethostname::gethostname().into_string() {
            names.add_host(&host);
        }
        Ok(names)
    }

    /// localhost and its two addresses, which every machine has.
    #[must_use]
    pub fn loopback() -> Self {
        let mut names = Self::default();
        names.add_host("localhost");
        names.addresses.insert(Ipv4Addr::LOCALHOST.into());
        names.addresses.insert(Ipv6Addr::LOCALHOST.into());
        names
    }

    /// Adds a host name, or an address in text form; what can stand in no certificate is left out.
    pub fn add_host(&mut self, name: &str) {
        if let Ok(address) = name.parse() {
            self.addresses.insert(address);
        } else if !name.is_empty() && name != "*" && name.is_ascii() && !name.contains(char::is_whitespace) {
            self.hosts.insert(name.to_ascii_lowercase());
        }
    }

    /// What of these a certificate with the names `others` does not cover.
    #[must_use]
    pub fn missing_from(&self, others: &Self) -> Vec<String> {
        let hosts = self.hosts.difference(&others.hosts).cloned();
        let addresses = self
            .addresses
            .difference(&others.addresses)
            .map(IpAddr::to_string);
        hosts.chain(addresses).collect()
    }

    /// As subject alternative names (RFC 5280, 4.2.1.6).
    pub(crate) fn alternative_names(&self) -> Result<Vec<SanType>, rcgen::Error> {
        let hosts = self
            .hosts
            .iter()
            .map(|host| Ok(SanType::DnsName(host.as_str().try_into()?)));
        let addresses = self
            .addresses
            .iter()
            .map(|address| Ok(SanType::IpAddress(*address)));
        hosts.chain(addresses).collect()
    }
}

/// Addresses that mean nothing without the interface beside them: no browser can be sent to one, and they
/// come and go, which would make a new certificate each time.
fn is_link_local(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => address.is_link_local(),
        IpAddr::V6(address) => address.is_unicast_link_local(),
    }
}

/// The temporary ones of these addresses.
fn temporary(addresses: &str) -> BTreeSet<IpAddr> {
    let temporary = |line: &str| {
        let mut fields = line.split_ascii_whitespace();
        let address = u128::from_str_radix(fields.next()?, 16).ok()?;
        let flags = u8::from_str_radix(fields.nth(3)?, 16).ok()?;
        (flags & IS_TEMPORARY != 0).then(|| Ipv6Addr::from_bits(address).into())
    };
    addresses.lines().filter_map(temporary).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_for_a_day_is_no_address_of_this_machine() {
        let addresses = "\
20010db8000000000000000000000007 02 40 00 80     eth0
20010db80000000091ab04c2f00d1234 02 40 00 01     eth0
20010db80000000091ab04c2f00dffff 02 40 00 21     eth0
fe8000000000000000fc00fffe000001 02 40 20 80     eth0
00000000000000000000000000000001 01 80 10 80       lo
nonsense
";
        let found: Vec<_> = temporary(addresses).iter().map(ToString::to_string).collect();
        assert_eq!(
            found,
            ["2001:db8::91ab:4c2:f00d:1234", "2001:db8::91ab:4c2:f00d:ffff"]
        );
        assert!(temporary("").is_empty());
    }
}
