//! Where nodes on other machines reach this Host: what stands in join URLs.

use std::net::{IpAddr, SocketAddr};

use watchroom_model::join::host_and_port;
use watchroom_trust::LocalNames;

use super::loopback_of;
use crate::config::Config;

/// What is known of how this machine is reached, but for where it listens.
#[derive(Clone, Debug)]
pub(super) struct Reach {
    /// The administrator's word.
    given: Option<String>,
    /// A name that the administrator gave the Host.
    name: Option<String>,
    addresses: Vec<IpAddr>,
}

impl Reach {
    pub(super) fn new(config: &Config, names: &LocalNames) -> Self {
        let is_far = |address: &&IpAddr| !address.is_loopback();
        let mut addresses: Vec<_> = names.addresses.iter().filter(is_far).copied().collect();
        // People read and type the shorter ones.
        addresses.sort_by_key(IpAddr::is_ipv6);
        Self {
            given: config.join.address.as_deref().and_then(host_and_port),
            name: config.host.names.first().map(ToString::to_string),
            addresses,
        }
    }

    /// The addresses by which a listener bound here is reached, the best first.
    pub(super) fn of(&self, bound: SocketAddr) -> Vec<String> {
        let port = bound.port();
        if let Some(given) = &self.given {
            return vec![given.clone()];
        }
        if !bound.ip().is_unspecified() {
            return vec![bound.to_string()];
        }
        let name = self.name.iter().map(|name| format!("{name}:{port}"));
        let addresses = self
            .addresses
            .iter()
            .map(|ip| SocketAddr::new(*ip, port).to_string());
        let mut all: Vec<_> = name.chain(addresses).collect();
        if all.is_empty() {
            all.push(loopback_of(bound).to_string());
        }
        all
    }
}

/// The same, with this one first if it is among them.
pub(super) fn with_first(mut all: Vec<String>, first: Option<&String>) -> Vec<String> {
    all.sort_by_key(|address| Some(address) != first);
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    fn reach(given: Option<&str>, name: Option<&str>) -> Reach {
        let mut config = Config::default();
        config.join.address = given.map(str::to_owned);
        config.host.names = name.map(|name| name.parse().unwrap()).into_iter().collect();
        let mut names = LocalNames::loopback();
        names.add_host("fd00::7");
        names.add_host("192.0.2.7");
        Reach::new(&config, &names)
    }

    #[test]
    fn a_machine_elsewhere_is_given_an_address_that_leads_here() {
        let everywhere: SocketAddr = "[::]:7443".parse().unwrap();
        assert_eq!(
            reach(None, None).of(everywhere),
            ["192.0.2.7:7443", "[fd00::7]:7443"]
        );
        assert_eq!(
            reach(None, Some("watch.example")).of(everywhere)[0],
            "watch.example:7443"
        );
        assert_eq!(
            reach(Some("gate.example"), None).of(everywhere),
            ["gate.example:7443"]
        );
        let now = reach(None, None).of(everywhere);
        assert_eq!(
            with_first(now.clone(), Some(&"[fd00::7]:7443".to_owned()))[0],
            "[fd00::7]:7443"
        );
        assert_eq!(
            with_first(now.clone(), Some(&"192.0.2.1:7443".to_owned())),
            now,
            "it is gone"
        );
        let here: SocketAddr = "127.0.0.1:4711".parse().unwrap();
        assert_eq!(reach(None, None).of(here), ["127.0.0.1:4711"]);
    }
}
