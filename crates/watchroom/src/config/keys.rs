//! The section `keys`: a security module for the keys of the authorities.

use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use watchroom_kit::config::{Problems, Section};
use watchroom_kit::{FaultKind, files};
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
    /// Whether the key of the panel's certificate is made there too (then ECDSA P-256): each handshake of a browser asks the
    /// module, so it must be a fast one. Default false.
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
    /// Opens the module, if there is one. What must be known of it over restarts is kept in this state folder.
    ///
    /// # Errors
    /// If the file with the PIN cannot be read, or the module does not open; the failure names the next step.
    pub fn open(&self, state: &Path) -> Result<Option<SecurityModule>, Failure> {
        let (Some(library), Some(file)) = (&self.module, &self.pin_file) else {
            return Ok(None);
        };
        let pin = files::read_secret(file).map_err(|why| {
            let cause = format!(
                "the PIN of the security module cannot be read from {}: {why}",
                file.display()
            );
            Failure::new(FaultKind::Invalid, cause).next_step("correct keys.pin_file, or the file")
        })?;
        let settings = ModuleSettings {
            library: library.clone(),
            token: self.token.clone(),
            pin,
            makes_keys: self.make_new,
        };
        let module = SecurityModule::open(settings, state);
        module.map(Some).map_err(Failure::trust)
    }
}
