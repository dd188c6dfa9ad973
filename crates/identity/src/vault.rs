//! The port by which secrets that must be read back are sealed: identity decides what and where, another crate how.

use std::fmt;

use watchroom_kit::{Fault, FaultKind, SecretString};

/// Where a sealed text lies; it opens there alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The table.
    pub table: &'a str,
    /// The row's id.
    pub row: &'a str,
    /// The column.
    pub column: &'a str,
}

/// Seals and opens. The keys are derived from a secret that is in no database; a sealed text names its key.
pub trait Vault: fmt::Debug + Send + Sync {
    /// Seals a text under the key of this name.
    ///
    /// # Errors
    /// [`VaultError`].
    fn seal(&self, key: &str, place: Place<'_>, text: &SecretString) -> Result<String, VaultError>;

    /// Opens what was sealed for this place, whichever key sealed it.
    ///
    /// # Errors
    /// [`VaultError`].
    fn open(&self, place: Place<'_>, sealed: &str) -> Result<SecretString, VaultError>;
}

/// A secret could not be sealed or opened: why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct VaultError(pub String);

impl Fault for VaultError {
    fn kind(&self) -> FaultKind {
        FaultKind::Internal
    }

    fn slug(&self) -> &'static str {
        "sealed-secret"
    }

    fn public(&self) -> String {
        "a secret of this account does not open; an administrator can reset its second factors".to_owned()
    }
}
