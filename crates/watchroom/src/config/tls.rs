//! The section `tls`: the certificate and the protocol that browsers meet.

use std::io;
#[cfg(feature = "host")]
use std::path::PathBuf;

use serde::{Deserialize, Serialize};
use watchroom_kit::config::{Problems, Section};
#[cfg(feature = "host")]
use watchroom_shield::RouteClass;
use watchroom_trust::{LocalNames, OldestTls, PanelKeyKind, PanelSettings, SecurityModule};

use super::Config;

/// The certificate and the protocol that browsers meet.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct TlsSection {
    /// The kind of key of a certificate that we make: `rsa2048` or `ecdsa-p256`. Default `rsa2048`.
    pub key: PanelKeyKind,
    /// The oldest version spoken: `1.3` or `1.2`. Default `1.3`.
    pub oldest: OldestTls,
    /// A PEM file with the authorities by whose client certificates people prove themselves where `required_for` says so; read
    /// again when it changes. Default: none.
    #[cfg(feature = "host")]
    pub client_ca: Option<PathBuf>,
    /// Kinds of routes for which people need a client certificate: `page`, `read`, `change`, `sign_in`, `sensitive`,
    /// `administration`, `stream`. Default: none.
    #[cfg(feature = "host")]
    pub required_for: Vec<RouteClass>,
}

impl Section for TlsSection {
    const NAME: &'static str = "tls";

    #[cfg(not(feature = "host"))]
    fn check(&self, _problems: &mut Problems) {}

    #[cfg(feature = "host")]
    fn check(&self, problems: &mut Problems) {
        match (&self.client_ca, self.required_for.is_empty()) {
            (None, false) => problems.add(
                "tls.required_for",
                "would let nobody in: name the authorities in tls.client_ca",
            ),
            (Some(_), true) => problems.add(
                "tls.client_ca",
                "is of no use without tls.required_for, such as [\"administration\"]",
            ),
            _ => {}
        }
        if self.required_for.iter().any(|class| !is_for_people(*class)) {
            problems.add(
                "tls.required_for",
                "takes page, read, change, sign_in, sensitive, administration and stream: files, health, reports of \
                 browsers and machines cannot be asked for a person's certificate",
            );
        }
    }
}

/// Whether routes of a kind are asked for by people.
#[cfg(feature = "host")]
const fn is_for_people(class: RouteClass) -> bool {
    match class {
        RouteClass::Page
        | RouteClass::Read
        | RouteClass::Change
        | RouteClass::SignIn
        | RouteClass::Sensitive
        | RouteClass::Administration
        | RouteClass::Stream => true,
        RouteClass::Static
        | RouteClass::Health
        | RouteClass::Report
        | RouteClass::Join
        | RouteClass::Node => false,
    }
}

impl Config {
    /// What the panel's certificate should be: for this machine's names and addresses, and those configured; its keys are
    /// looked for, and made as configured, in the module that was opened.
    ///
    /// # Errors
    /// What the system said when asked for its interfaces.
    pub fn panel_settings(&self, module: Option<SecurityModule>) -> io::Result<PanelSettings> {
        Ok(PanelSettings {
            key_kind: self.tls.key,
            names: self.panel_names()?,
            module,
            is_key_apart: self.keys.panel_certificate,
        })
    }

    /// The names and addresses by which the panel is reached: this machine's as they are now, and those configured.
    ///
    /// # Errors
    /// What the system said when asked for its interfaces.
    pub fn panel_names(&self) -> io::Result<LocalNames> {
        let mut names = LocalNames::of_this_machine()?;
        for name in &self.host.names {
            names.add_host(name.as_str());
        }
        Ok(names)
    }
}
