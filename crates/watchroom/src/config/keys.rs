//! The section `keys`: a security module for the keys of the authorities.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use watchroom_kit::Clock;
use watchroom_kit::config::{Problems, Section};
use watchroom_trust::{ModuleSettings, SecurityModule};

use crate::failure::Failure;

/// A security module (HSM, TPM, smart card) for the keys of the cluster CA and of the panel's authority.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct KeysSection {
    /// The PKCS #11 library of the module, such as `/usr/lib/x86_64-linux-gnu/opensc-pkcs11.so`. Default: none; keys are held
    /// by this program.
    pub module: Option<PathBuf>,
    /// The label of the token in it. Default `watchroom`.
    pub token: String,
    /// A file (0600) with the PIN of the token's user.
    pub pin_file: Option<PathBuf>,
    /// Whether new keys are made in the module. Without, those that are there are used on, and new ones are held by this
    /// program: the way back. Default true.
    pub make_new: bool,
    /// Whether the key of the panel's certificate is there too (then ECDSA P-256, whatever `tls.key` says): each handshake of a
    /// browser asks the module, so it must be a fast one. Default false.
    pub panel_certificate: bool,
}

impl Default for KeysSection {
    fn default() -> Self {
        Self {
            module: None,
            token: "watchroom".to_owned(),
            pin_file: None,
            make_new: true,
            panel_certificate: false,
        }
    }
}

impl Section for KeysSection {
    const NAME: &'static str = "keys";

    fn check(&self, problems: &mut Problems) {
        match (&self.module, &self.pin_file) {
            (Some(_), None) => problems.add(
                "keys.pin_file",
                "is needed beside keys.module: it opens the token",
            ),
            (None, Some(_)) => problems.add("keys.pin_file", "is of no use without keys.module"),
            _ => {}
        }
        if self.module.as_ref().is_some_and(|module| module.is_relative()) {
            problems.add(
                "keys.module",
                "is an absolute path: what is loaded must not depend on where this program was started",
            );
        }
        if self.module.is_none() && self.panel_certificate {
            problems.add("keys.panel_certificate", "is of no use without keys.module");
        }
        // CK_TOKEN_INFO has 32 bytes for it, filled up with blanks.
        let is_label = !self.token.is_empty() && self.token.len() <= 32 && self.token.trim() == self.token;
        if !is_label {
            problems.add(
                "keys.token",
                "is a label of 1 to 32 bytes without blanks around it",
            );
        }
    }
}

impl KeysSection {
    /// The module, if there is one; it is opened when a key in it is first used. How often its PIN was shown in vain is kept in
    /// this state folder.
    ///
    /// # Errors
    /// If this process can have no thread for it.
    pub fn module(&self, state: &Path) -> Result<Option<SecurityModule>, Failure> {
        let (Some(library), Some(pin_file)) = (&self.module, &self.pin_file) else {
            return Ok(None);
        };
        let settings = ModuleSettings {
            library: library.clone(),
            token: self.token.clone(),
            pin_file: pin_file.clone(),
            makes_keys: self.make_new,
        };
        let module = SecurityModule::new(settings, state, &Clock::system());
        module.map(Some).map_err(Failure::trust)
    }
}
