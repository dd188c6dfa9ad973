//! The section `tls`: the certificate and the protocol that browsers meet.

use std::io;

use serde::{Deserialize, Serialize};
use watchroom_kit::config::{Problems, Section};
use watchroom_trust::{LocalNames, OldestTls, PanelKeyKind, PanelSettings};

use super::Config;

/// The certificate and the protocol that browsers meet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsSection {
    /// The kind of key of a certificate that we make: `rsa2048` or `ecdsa-p256`. Default `rsa2048`.
    pub key: PanelKeyKind,
    /// The oldest version spoken: `1.3` or `1.2`. Default `1.3`.
    pub oldest: OldestTls,
}

impl Section for TlsSection {
    const NAME: &'static str = "tls";

    fn check(&self, _problems: &mut Problems) {}
}

impl Config {
    /// What the panel's certificate should be: for this machine's names and addresses, and those configured.
    ///
    /// # Errors
    /// What the system said when asked for its interfaces.
    pub fn panel_settings(&self) -> io::Result<PanelSettings> {
        let mut names = LocalNames::of_this_machine()?;
        for name in &self.host.names {
            names.add_host(name.as_str());
        }
        Ok(PanelSettings {
            key_kind: self.tls.key,
            names,
        })
    }
}
