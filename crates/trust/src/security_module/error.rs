//! Why a security module does not do what it is asked, each with the next step.

use std::path::PathBuf;

use cryptoki::error::Error;

/// Why a security module does not do what it is asked.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ModuleError {
    /// A key is in a module, and none is configured.
    #[error(
        "the key {reference} is in a security module; name that by keys.module, keys.token and keys.pin_file"
    )]
    NotConfigured {
        /// The key.
        reference: String,
    },
    /// What lies in the place of a key is no usable name of one.
    #[error("what should name a key in the security module does not: {why}; restore it from a backup")]
    Name {
        /// What is wrong with it.
        why: &'static str,
    },
    /// The library is missing, is none, or could be changed by others.
    #[error("the PKCS #11 library {} cannot be used: {why}; install it, or correct keys.module", path.display())]
    Library {
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// No token has the label.
    #[error(
        "the security module has no token \"{token}\" (it has: {found}); put it in, or correct keys.token"
    )]
    NoToken {
        /// The label that was looked for.
        token: String,
        /// Those that are there.
        found: String,
    },
    /// Several tokens have it.
    #[error("the security module has several tokens \"{token}\"; give one of them another label")]
    SeveralTokens {
        /// The label.
        token: String,
    },
    /// The file with the PIN cannot be used.
    #[error("the PIN of the security module cannot be read from {}: {why}; correct keys.pin_file, or the file", path.display())]
    PinFile {
        /// Where it should be.
        path: PathBuf,
        /// What the system said.
        why: String,
    },
    /// The PIN is wrong, or may be: it is not shown again until a person has looked.
    #[error(
        "the token \"{token}\" {why}; the PIN is not shown again, as each wrong one brings the token nearer to locking itself: correct keys.pin_file, then remove {}", tries.display()
    )]
    Pin {
        /// The token.
        token: String,
        /// What the token did, or was done to it.
        why: String,
        /// The file that remembers.
        tries: PathBuf,
    },
    /// No PIN opens the token as it is.
    #[error("no PIN opens the token \"{token}\" ({why}); its security officer has to set one anew")]
    Locked {
        /// The token.
        token: String,
        /// What the module said.
        why: String,
    },
    /// One more wrong PIN would lock the token.
    #[error(
        "the token \"{token}\" locks itself at one more wrong PIN, so it was shown none; correct keys.pin_file, and log in by hand with what is in it (`pkcs11-tool --login --list-objects`)"
    )]
    LastTry {
        /// The token.
        token: String,
    },
    /// There is no such key, or it is of another kind.
    #[error(
        "the token \"{token}\" has no usable key {reference}: {why}; restore the token from its backup, or put the right one in"
    )]
    NoKey {
        /// The token.
        token: String,
        /// The key.
        reference: String,
        /// What was found.
        why: &'static str,
    },
    /// It has not answered in time, or not to those who asked before.
    #[error("the security module does not answer; see whether it is there, and whether its service runs")]
    NoAnswer,
    /// Too many wait for it.
    #[error(
        "the security module is too slow for all that it is asked; set keys.panel_certificate = false if handshakes ask it"
    )]
    Busy,
    /// It failed in another way.
    #[error("the security module failed: {0}")]
    Failed(String),
}

impl From<Error> for ModuleError {
    fn from(error: Error) -> Self {
        Self::Failed(match &error {
            // The library's own text of a code is the whole paragraph of the standard.
            Error::Pkcs11(code, function) => format!("{function} said {code:?}"),
            _ => error.to_string(),
        })
    }
}
