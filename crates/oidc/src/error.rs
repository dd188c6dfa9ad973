//! Why a provider's word was not taken, or could not be had.

use watchroom_kit::{Fault, FaultKind};

/// Why nobody is known. What is told to a stranger says only whether to try again.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OidcError {
    /// As many as may wait for the provider do.
    #[error("too many wait for the provider")]
    Busy,
    /// It did not answer in time.
    #[error("the provider did not answer in time")]
    Late,
    /// It cannot be reached, or its certificate is not trusted.
    #[error("the provider cannot be reached: {0}")]
    Unreachable(String),
    /// It answered with something that is no answer.
    #[error("the provider answered with what is no answer: {0}")]
    Foreign(String),
    /// It said no: the person declined, or the code is used or over.
    #[error("the provider refused: {0}")]
    Refused(String),
    /// What it says is not to be believed.
    #[error("what the provider sent is not to be believed: {0}")]
    Untrue(&'static str),
}

impl OidcError {
    /// A word for it in the audit log.
    #[must_use]
    pub const fn word(&self) -> &'static str {
        match self {
            Self::Busy => "busy",
            Self::Late => "late",
            Self::Unreachable(_) => "unreachable",
            Self::Foreign(_) => "foreign",
            Self::Refused(_) => "refused_there",
            Self::Untrue(_) => "untrue",
        }
    }
}

impl Fault for OidcError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Busy | Self::Late | Self::Unreachable(_) | Self::Foreign(_) => FaultKind::Unavailable,
            Self::Refused(_) | Self::Untrue(_) => FaultKind::Unauthenticated,
        }
    }

    fn slug(&self) -> &'static str {
        match self.kind() {
            FaultKind::Unavailable => "provider-away",
            _ => "provider-refused",
        }
    }

    fn public(&self) -> String {
        match self.kind() {
            FaultKind::Unavailable => "the provider does not answer now; try again, or sign in another way",
            _ => "the provider did not sign you in; begin again",
        }
        .to_owned()
    }

    fn retry_after_s(&self) -> Option<u64> {
        (self.kind() == FaultKind::Unavailable).then_some(5)
    }
}
