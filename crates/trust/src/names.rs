//! The names and addresses under which browsers reach this machine.

use std::collections::BTreeSet;
use std::io;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use rcgen::SanType;

/// Names and addresses that a certificate covers, or should.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct LocalNames {
    /// Host names, in lower case.
    pub hosts: BTreeSet<String>,
    /// Addresses.
    pub addresses: BTreeSet<IpAddr>,
}

impl LocalNames {
    /// Every address of this machine, its host name, and localhost.
    ///
    /// # Errors
    /// What the system said when asked for its interfaces.
    pub fn of_this_machine() -> io::Result<Self> {
        let mut names = Self::loopback();
        for interface in if_addrs::get_if_addrs()? {
            if !is_link_local(interface.ip()) {
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
        } else if !name.is_empty() && name.is_ascii() && !name.contains(char::is_whitespace) {
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
