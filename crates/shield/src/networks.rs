//! From which networks which kinds of routes may be asked for.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::{Network, RouteClass};

/// Networks that are nobody's in particular: one's own house, one's own rack.
const PRIVATE: [&str; 5] = [
    "10.0.0.0/8",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "fc00::/7",
    "fe80::/10",
];

/// From where which routes may be asked for. Loopback always may; an empty list means from anywhere.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct AllowedNetworks {
    /// Whatever people and programs ask for. Files that are the same for everybody, health and set-up are
    /// open to all. Default: from anywhere.
    pub panel: Vec<Network>,
    /// Signing in, beside `panel`. Default: from anywhere.
    pub sign_in: Vec<Network>,
    /// Administration of the cluster, of users and of security, beside `panel`. Default: private networks
    /// (10.0.0.0/8, 172.16.0.0/12, 192.168.0.0/16, fc00::/7, fe80::/10).
    pub administration: Vec<Network>,
    /// Nodes and machines that ask to join. It stands elsewhere in the configuration
    /// (`cluster.allowed_networks`), and being inside proves nothing. Default: from anywhere.
    #[serde(skip)]
    pub nodes: Vec<Network>,
}

impl Default for AllowedNetworks {
    fn default() -> Self {
        Self {
            panel: Vec::new(),
            sign_in: Vec::new(),
            administration: PRIVATE
                .iter()
                .filter_map(|network| network.parse().ok())
                .collect(),
            nodes: Vec::new(),
        }
    }
}

impl AllowedNetworks {
    /// The key of the list that keeps an address from a kind of route; none if it may.
    pub(crate) fn bar(&self, class: RouteClass, address: IpAddr) -> Option<&'static str> {
        let panel = ("shield.allowed_networks.panel", &self.panel);
        let sign_in = ("shield.allowed_networks.sign_in", &self.sign_in);
        let administration = ("shield.allowed_networks.administration", &self.administration);
        let nodes = ("cluster.allowed_networks", &self.nodes);
        let lists: &[(&'static str, &Vec<Network>)] = match class {
            RouteClass::Static | RouteClass::Health => &[],
            RouteClass::Page
            | RouteClass::Read
            | RouteClass::Change
            | RouteClass::Report
            | RouteClass::Sensitive
            | RouteClass::Stream => &[panel],
            RouteClass::SignIn => &[panel, sign_in],
            RouteClass::Administration => &[panel, administration],
            RouteClass::Join | RouteClass::Node => &[nodes],
        };
        let bars =
            |list: &[Network]| !list.is_empty() && !list.iter().any(|network| network.contains(address));
        lists.iter().find(|(_, list)| bars(list)).map(|(key, _)| *key)
    }
}
