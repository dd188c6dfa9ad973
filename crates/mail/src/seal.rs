//! The port by which letters are sealed while they wait: mail decides what and where, another crate how.

use std::fmt;

use watchroom_kit::SecretString;

/// Seals and opens what a waiting letter says. A sealed text opens in its own row alone.
pub trait Seal: fmt::Debug + Send + Sync {
    /// Seals the text of the letter of that id.
    ///
    /// # Errors
    /// [`SealError`].
    fn seal(&self, letter: &str, text: &SecretString) -> Result<String, SealError>;

    /// Opens it again.
    ///
    /// # Errors
    /// [`SealError`].
    fn open(&self, letter: &str, sealed: &str) -> Result<SecretString, SealError>;
}

/// A letter could not be sealed or opened: why.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct SealError(pub String);
