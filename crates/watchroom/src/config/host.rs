//! The section `host`: where the control plane listens and what it is called.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use watchroom_kit::config::{Problems, Section};
use watchroom_model::HostName;

/// Where the Host listens and what it is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostSection {
    /// Panel, API and node links. Default `[::]:7443`, which also takes IPv4; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Liveness, readiness and metrics, without sign-in: keep it on loopback. Default `127.0.0.1:7444`.
    pub ops_listen: SocketAddr,
    /// Names and addresses people use for this Host beyond those of the machine. Default none.
    pub names: Vec<HostName>,
}

impl Default for HostSection {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 7443),
            ops_listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7444),
            names: Vec::new(),
        }
    }
}

impl Section for HostSection {
    const NAME: &'static str = "host";

    fn check(&self, problems: &mut Problems) {
        let (public, ops) = (self.listen, self.ops_listen);
        let overlaps = public.ip() == ops.ip() || public.ip().is_unspecified() || ops.ip().is_unspecified();
        if public.port() != 0 && public.port() == ops.port() && overlaps {
            problems.add(
                "host.ops_listen",
                format!("{ops} is taken by host.listen = {public}; use another port"),
            );
        }
    }
}
