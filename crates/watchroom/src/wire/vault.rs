//! identity's secrets, and letters that wait, are sealed by trust, under keys of the cluster's secret.

use std::path::Path;
use std::sync::Arc;

use watchroom_identity::{Place, Vault, VaultError};
use watchroom_kit::{Ambient, FaultKind, SecretString};
use watchroom_mail::{Seal, SealError};
use watchroom_trust::ClusterSecret;

use crate::failure::Failure;

/// The vault as identity knows it.
#[derive(Debug)]
pub struct ClusterVault(watchroom_trust::Vault);

impl ClusterVault {
    /// The vault of the cluster whose secret this machine has.
    ///
    /// # Errors
    /// If it has none.
    pub fn open(state: &Path, ambient: &Ambient) -> Result<Arc<Self>, Failure> {
        let secret = ClusterSecret::open(state).map_err(Failure::trust)?;
        let secret = secret.ok_or_else(|| {
            let cause = format!("{} is not there", ClusterSecret::path(state).display());
            Failure::new(FaultKind::Conflict, cause).next_step("restore keys/ from a backup")
        })?;
        Ok(Arc::new(Self::of(secret, ambient)))
    }

    /// The vault of this secret.
    #[must_use]
    pub fn of(secret: ClusterSecret, ambient: &Ambient) -> Self {
        Self(watchroom_trust::Vault::new(secret, ambient.entropy.clone()))
    }
}

impl Vault for ClusterVault {
    fn seal(&self, key: &str, place: Place<'_>, text: &SecretString) -> Result<String, VaultError> {
        self.0.seal(key, theirs(place), text).map_err(failed)
    }

    fn open(&self, place: Place<'_>, sealed: &str) -> Result<SecretString, VaultError> {
        self.0.open(theirs(place), sealed).map_err(failed)
    }
}

/// The key under which letters wait. A letter lives a day, so this key is not rotated.
const LETTERS: &str = "letters";

impl Seal for ClusterVault {
    fn seal(&self, letter: &str, text: &SecretString) -> Result<String, SealError> {
        let sealed = self.0.seal(LETTERS, content_of(letter), text);
        sealed.map_err(|error| SealError(error.to_string()))
    }

    fn open(&self, letter: &str, sealed: &str) -> Result<SecretString, SealError> {
        let opened = self.0.open(content_of(letter), sealed);
        opened.map_err(|error| SealError(error.to_string()))
    }
}

const fn content_of(letter: &str) -> watchroom_trust::Place<'_> {
    watchroom_trust::Place {
        table: "letters",
        row: letter,
        column: "content",
    }
}

fn theirs(place: Place<'_>) -> watchroom_trust::Place<'_> {
    watchroom_trust::Place {
        table: place.table,
        row: place.row,
        column: place.column,
    }
}

fn failed(error: watchroom_trust::VaultError) -> VaultError {
    VaultError(error.to_string())
}
