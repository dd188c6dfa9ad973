//! Who may ask to join, how often, and where nodes are told to dial.

use std::net::IpAddr;

use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use watchroom_kit::config::{Problems, Section};
use watchroom_model::join::host_and_port;

/// Networks that are nobody's in particular: one's own machine, one's own house.
const PRIVATE: [&str; 8] = [
    "127.0.0.0/8",
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "169.254.0.0/16",
    "::1/128",
    "fc00::/7",
    "fe80::/10",
];

/// How machines may ask to join.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct JoinRules {
    /// The name or address, and port, by which nodes reach this Host; it stands in join URLs. Default: the
    /// first of `host.names`, or an address of this machine.
    pub address: Option<String>,
    /// Networks from which a machine may ask without a join token; a person must approve it in any case.
    /// Default: private networks.
    pub networks: Vec<IpNet>,
    /// Requests that one address may make in an hour; an IPv6 address counts by its /64. Default 30.
    pub per_address_per_hour: u32,
    /// Requests without a join token that may wait at once; above that nobody without one is heard until some are
    /// decided. One network (IPv4 /24, IPv6 /48) may have a quarter of them waiting. Default 256.
    pub most_pending: u32,
}

impl Default for JoinRules {
    fn default() -> Self {
        Self {
            address: None,
            networks: PRIVATE
                .iter()
                .filter_map(|network| network.parse().ok())
                .collect(),
            per_address_per_hour: 30,
            most_pending: 256,
        }
    }
}

impl Section for JoinRules {
    const NAME: &'static str = "join";

    fn check(&self, problems: &mut Problems) {
        if self
            .address
            .as_deref()
            .is_some_and(|address| host_and_port(address).is_none())
        {
            problems.add(
                "join.address",
                "must be a name or address with a port, such as host.example:7443",
            );
        }
        if self.per_address_per_hour == 0 {
            problems.add("join.per_address_per_hour", "must be at least 1");
        }
        if self.most_pending == 0 {
            problems.add("join.most_pending", "must be at least 1");
        }
    }
}

impl JoinRules {
    /// Whether a machine at this address may ask without a token. On the Host's own socket it has none.
    pub(super) fn may_ask(&self, from: Option<IpAddr>) -> bool {
        from.is_none_or(|from| {
            let from = from.to_canonical();
            self.networks.iter().any(|network| network.contains(&from))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strangers_from_far_away_need_a_token() {
        let rules = JoinRules::default();
        assert_eq!(rules.networks.len(), PRIVATE.len());
        let may_ask = |address: &str| rules.may_ask(address.parse().ok());
        assert!(may_ask("192.168.1.7") && may_ask("::ffff:10.1.2.3") && may_ask("fd00::1"));
        assert!(!may_ask("203.0.113.9") && !may_ask("2001:db8::1"));
    }
}
