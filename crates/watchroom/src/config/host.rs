//! The section `host`: where the control plane listens and what it is called.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::{Deserialize, Serialize};
use watchroom_kit::config::{Problems, Section};
use watchroom_model::{HostName, SecurityContact};

/// Where the Host listens and what it is called.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct HostSection {
    /// Panel, API and node links. Default `[::]:7443`, which also takes IPv4; port 0 picks a free one.
    pub listen: SocketAddr,
    /// Liveness, readiness and metrics, without sign-in: keep it on loopback. Default `127.0.0.1:7444`.
    pub ops_listen: SocketAddr,
    /// Where plain HTTP is answered by sending people to the panel, and by nothing else: `[::]:80`, say, for whoever types the
    /// name alone. A port below 1024 takes root or `CAP_NET_BIND_SERVICE`. Default: nowhere.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub http_listen: Option<SocketAddr>,
    /// Whom to tell of a weakness: an https or mailto address, which `/.well-known/security.txt` then names to everybody.
    /// Default: nobody.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub security_contact: Option<SecurityContact>,
    /// Names and addresses people use for this Host beyond those of the machine. Default none.
    pub names: Vec<HostName>,
}

impl Default for HostSection {
    fn default() -> Self {
        Self {
            listen: SocketAddr::new(IpAddr::V6(Ipv6Addr::UNSPECIFIED), 7443),
            ops_listen: SocketAddr::new(IpAddr::V4(Ipv4Addr::LOCALHOST), 7444),
            http_listen: None,
            security_contact: None,
            names: Vec::new(),
        }
    }
}

impl Section for HostSection {
    const NAME: &'static str = "host";

    fn check(&self, problems: &mut Problems) {
        let mut taken = vec![("host.listen", self.listen)];
        let others = [
            ("host.ops_listen", Some(self.ops_listen)),
            ("host.http_listen", self.http_listen),
        ];
        for (key, address) in others {
            let Some(address) = address else { continue };
            if let Some((other, by)) = taken.iter().find(|(_, other)| overlap(address, *other)) {
                problems.add(
                    key,
                    format!("{address} is taken by {other} = {by}; use another port"),
                );
            }
            taken.push((key, address));
        }
    }
}

/// Whether only one of two can be listened at.
fn overlap(one: SocketAddr, other: SocketAddr) -> bool {
    let is_shared = one.ip() == other.ip() || one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() != 0 && one.port() == other.port() && is_shared
}
