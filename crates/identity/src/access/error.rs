//! Why a program got no tokens.

use serde_json::Value;
use watchroom_kit::{Fault, FaultKind};
use watchroom_policy::Refusal;
use watchroom_store::StoreError;

use crate::{DirectoryError, SecondStepError, SignInError};

/// Why a refresh token was exchanged for nothing.
#[derive(Debug, thiserror::Error)]
pub enum RefreshError {
    /// It is none of ours, or its family has ended.
    #[error("the refresh token is unknown or its family has ended")]
    Unknown,
    /// It was used before.
    #[error("the refresh token came twice, and its family has ended")]
    Reused,
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Why a program got no tokens.
#[derive(Debug, thiserror::Error)]
pub enum GrantError {
    /// Name or password were refused.
    #[error(transparent)]
    SignIn(#[from] SignInError),
    /// The directory did not sign them in.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
    /// The code was refused.
    #[error(transparent)]
    Second(#[from] SecondStepError),
    /// The refresh token was refused.
    #[error(transparent)]
    Refresh(#[from] RefreshError),
    /// The password was right, and a code is needed.
    #[error("the account has a second factor, and no code was sent")]
    CodeNeeded,
    /// The password was right, and the person must enrol a second factor first.
    #[error("a role of the account requires a second factor, and it has none")]
    ToEnrol,
    /// The evaluator refused.
    #[error(transparent)]
    Forbidden(#[from] Box<Refusal>),
    /// There is no key to sign with: a defect.
    #[error("no key signs access tokens now")]
    Unsigned,
}

impl GrantError {
    fn inner(&self) -> Option<&dyn Fault> {
        match self {
            Self::SignIn(error) => Some(error),
            Self::Directory(error) => Some(error),
            Self::Second(error) => Some(error),
            Self::Refresh(RefreshError::Store(error)) => Some(error),
            Self::Forbidden(refusal) => Some(refusal.as_ref()),
            Self::Refresh(RefreshError::Unknown | RefreshError::Reused)
            | Self::CodeNeeded
            | Self::ToEnrol
            | Self::Unsigned => None,
        }
    }
}

impl Fault for GrantError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::ToEnrol => FaultKind::Forbidden,
            Self::Unsigned => FaultKind::Internal,
            _ => self.inner().map_or(FaultKind::Unauthenticated, Fault::kind),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::CodeNeeded => "code-needed",
            Self::ToEnrol => "second-factor-required",
            Self::Unsigned => "internal",
            _ => self.inner().map_or("refresh-token-invalid", Fault::slug),
        }
    }

    fn public(&self) -> String {
        let own = match self {
            Self::CodeNeeded => "this account has a second factor; send a code with the password",
            Self::ToEnrol => "this account needs a second factor; sign in with a browser and enrol one",
            Self::Unsigned => "something went wrong on our side; the log has the detail",
            // Whoever copied a token learns no more than whoever guessed one.
            _ => "the refresh token is not valid or was used before; sign in again",
        };
        self.inner().map_or_else(|| own.to_owned(), Fault::public)
    }

    fn members(&self) -> Vec<(&'static str, Value)> {
        self.inner().map(Fault::members).unwrap_or_default()
    }

    fn retry_after_s(&self) -> Option<u64> {
        self.inner().and_then(Fault::retry_after_s)
    }
}
