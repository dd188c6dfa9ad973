//! Which cluster: an id that is made once with the first CA and outlives every rotation.

use std::fmt;
use std::str::FromStr;

use rustls_pki_types::ServerName;
use serde::{Deserialize, Serialize};
use uuid::Uuid;
use x509_parser::extensions::GeneralName;

use crate::report;

/// Which cluster: made once with its first CA, and part of every name inside its certificates.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ClusterId(Uuid);

impl ClusterId {
    /// The id inside.
    #[must_use]
    pub const fn as_uuid(&self) -> Uuid {
        self.0
    }

    /// The fixed name of every Host of this cluster on the link. It is never looked up: nodes find a Host by
    /// its address and know it by this name (`.internal` is reserved for private use).
    #[must_use]
    pub fn host_name(&self) -> String {
        format!("host.{}.watchroom.internal", self.0.hyphenated())
    }

    /// The name inside the certificates with which a Host signs orders: another than that of its links, so
    /// that neither certificate can be used as the other.
    #[must_use]
    pub fn order_name(&self) -> String {
        format!("orders.{}.watchroom.internal", self.0.hyphenated())
    }

    /// [`ClusterId::host_name`] as rustls takes it.
    pub(crate) fn server_name(self) -> Option<ServerName<'static>> {
        ServerName::try_from(self.host_name()).ok()
    }

    /// What a CA of this cluster states of itself.
    pub(crate) fn uri(self) -> String {
        format!("watchroom://{}", self.0.hyphenated())
    }

    /// The name of a node inside its certificate.
    pub(crate) fn node_uri(self, node: Uuid) -> String {
        format!("watchroom://{}/node/{}", self.0.hyphenated(), node.hyphenated())
    }

    /// The cluster that a CA certificate states.
    pub(crate) fn stated_by(ca: &[u8]) -> Option<Self> {
        report::alternative_names(ca)
            .ok()?
            .into_iter()
            .find_map(|name| match name {
                GeneralName::URI(uri) => uri.strip_prefix("watchroom://")?.parse().ok(),
                _ => None,
            })
    }
}

impl From<Uuid> for ClusterId {
    fn from(id: Uuid) -> Self {
        Self(id)
    }
}

impl fmt::Display for ClusterId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.hyphenated().fmt(f)
    }
}

impl FromStr for ClusterId {
    type Err = uuid::Error;
    fn from_str(text: &str) -> Result<Self, uuid::Error> {
        Uuid::try_parse(text).map(Self)
    }
}
