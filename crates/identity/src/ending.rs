//! Why a session or a token was not ended.

use watchroom_kit::{Fault, FaultKind};
use watchroom_store::StoreError;

/// Why a session was not ended, or a token not revoked.
#[derive(Debug, thiserror::Error)]
pub enum EndError {
    /// There is none such, it has ended before, or it is somebody else's: the sentence that tells so.
    #[error("{0}")]
    Unknown(&'static str),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Fault for EndError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Unknown(_) => FaultKind::NotFound,
            Self::Store(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Unknown(_) => "not-found",
            Self::Store(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Unknown(sentence) => (*sentence).to_owned(),
            Self::Store(error) => error.public(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Unknown(_) => None,
            Self::Store(error) => error.retry_after_s(),
        }
    }
}
