//! A PIN that a token has refused, remembered on disk: a Host that is started again and again, as units are, must not try it
//! until the token locks itself.

use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};
use watchroom_kit::{ExposeSecret, files};

use super::{ModuleError, ModuleSettings};
use crate::keyfile::{self, KeyFileError};

const FILE: &str = "pin.refused";
/// Stands before what is hashed.
const CONTEXT: &[u8] = b"watchroom refused pin 1\n";

/// Where it is remembered that this PIN was refused by this token, and as what: a hash of both.
pub(super) struct RefusedPin {
    path: PathBuf,
    mark: Vec<u8>,
}

impl RefusedPin {
    pub(super) fn of(state: &Path, settings: &ModuleSettings) -> Result<Self, ModuleError> {
        let folder = keyfile::keys_folder(state).map_err(|error| unkept(&error))?;
        let mut hash = Sha256::new_with_prefix(CONTEXT);
        hash.update(settings.token.as_bytes());
        hash.update(b"\n");
        hash.update(settings.pin.expose_secret().as_bytes());
        Ok(Self {
            path: folder.join(FILE),
            mark: hash.finalize().to_vec(),
        })
    }

    /// Fails if it was refused before.
    pub(super) fn check(&self, token: &str) -> Result<(), ModuleError> {
        let kept = keyfile::read(&self.path).map_err(|error| unkept(&error))?;
        if kept.as_ref() != Some(&self.mark) {
            return Ok(());
        }
        Err(ModuleError::Pin {
            token: token.to_owned(),
            why: format!(
                "it refused the same one before, so it was not asked; if it is the token that you have corrected, remove {}",
                self.path.display()
            ),
        })
    }

    pub(super) fn remember(&self) -> Result<(), ModuleError> {
        keyfile::write(&self.path, &self.mark, files::PRIVATE_FILE).map_err(|error| unkept(&error))
    }

    pub(super) fn forget(&self) -> Result<(), ModuleError> {
        keyfile::remove(&self.path).map_err(|error| unkept(&error))
    }
}

fn unkept(error: &KeyFileError) -> ModuleError {
    ModuleError::Failed(format!(
        "whether its PIN was refused before cannot be kept: {error}"
    ))
}
