//! The section `node`: the agent of this machine. What it may do at all is in `node.toml`, not here.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use watchroom_kit::config::{Problems, Section};
use watchroom_model::{HostName, NodeName};

/// The node agent of this machine.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct NodeSection {
    /// What this node is called. Default: the machine's host name.
    pub name: Option<NodeName>,
    /// The node's own dashboard; loopback only. Default `127.0.0.1:5002`; port 0 picks a free one.
    pub listen: SocketAddr,
    /// The name under which a reverse proxy on this machine shows the node's page to others, over TLS; it must set
    /// `X-Forwarded-For` and `X-Forwarded-Proto`. The page then answers to this name alone, and refuses whom the Host
    /// has banned. Default: no proxy, and only this machine reaches the page.
    pub proxied_as: Option<HostName>,
}

impl Default for NodeSection {
    fn default() -> Self {
        Self {
            name: None,
            listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 5002),
            proxied_as: None,
        }
    }
}

impl Section for NodeSection {
    const NAME: &'static str = "node";

    fn check(&self, problems: &mut Problems) {
        if !self.listen.ip().is_loopback() {
            let message = format!(
                "{} is not a loopback address, and the node's page has no TLS; keep it on 127.0.0.1 and reach it from elsewhere \
                 with `ssh -L 5002:127.0.0.1:5002 <this machine>`",
                self.listen
            );
            problems.add("node.listen", message);
        }
    }
}
