//! Why somebody whom a provider vouches for did not come in, or an identity was not tied.

use serde_json::Value;
use watchroom_kit::{Fault, FaultKind};
use watchroom_policy::Refusal;
use watchroom_store::StoreError;

/// Why nobody was signed in.
#[derive(Debug, thiserror::Error)]
pub enum OutsideError {
    /// No account is theirs, and none is made for them.
    #[error("no account is tied to the identity, and none is made")]
    NoAccount,
    /// Their account is disabled.
    #[error("the account of the identity is disabled")]
    Disabled,
    /// No rule gives them anything, so no account is made.
    #[error("no rule gives the person a role or a group")]
    NoRole,
    /// The identity is another account's than the one that is signed in.
    #[error("the identity is tied to another account")]
    OfAnother,
    /// It came a second time.
    #[error("what the provider sent was used already")]
    Spent,
    /// The evaluator refused.
    #[error(transparent)]
    Forbidden(#[from] Box<Refusal>),
    /// The store refused.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for OutsideError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken {
                constraint: "spent_errand_key",
            } => Self::Spent,
            other => Self::Store(other),
        }
    }
}

impl OutsideError {
    /// The word for it in the audit log.
    pub(crate) const fn word(&self) -> &'static str {
        match self {
            Self::NoAccount => "no_account",
            Self::Disabled => "disabled",
            Self::NoRole => "no_role",
            Self::OfAnother => "of_another",
            Self::Spent => "spent",
            Self::Forbidden(_) => "forbidden",
            Self::Store(_) => "store",
        }
    }
}

impl Fault for OutsideError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::NoAccount | Self::Disabled | Self::NoRole | Self::Spent => FaultKind::Unauthenticated,
            Self::OfAnother => FaultKind::Conflict,
            Self::Forbidden(refusal) => refusal.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::NoAccount | Self::Disabled | Self::NoRole => "outside-refused",
            Self::OfAnother => "outside-of-another",
            Self::Spent => "outside-spent",
            Self::Forbidden(refusal) => refusal.slug(),
            Self::Store(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::NoAccount | Self::Disabled | Self::NoRole => {
                "the provider knows you, but this opens no account here; ask an administrator".to_owned()
            }
            Self::OfAnother => "this identity belongs to another account here".to_owned(),
            Self::Spent => "this sign-in was used already; begin again".to_owned(),
            Self::Forbidden(refusal) => refusal.public(),
            Self::Store(error) => error.public(),
        }
    }

    fn members(&self) -> Vec<(&'static str, Value)> {
        match self {
            Self::Forbidden(refusal) => refusal.members(),
            _ => Vec::new(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Store(error) => error.retry_after_s(),
            _ => None,
        }
    }
}

/// Why an identity was not tied or untied.
#[derive(Debug, thiserror::Error)]
pub enum TieError {
    /// The offer is over, another account's, or none of ours.
    #[error("the offer to tie is over, or not this account's")]
    OfferOver,
    /// The identity is tied already.
    #[error("the identity is tied already")]
    Taken,
    /// There is no such identity, or it is somebody else's.
    #[error("no such identity")]
    Unknown,
    /// The account has no other way in that is switched on.
    #[error("the last way into the account")]
    LastWay,
    /// The store refused.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for TieError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken {
                constraint: "outside_identity_subject_key",
            } => Self::Taken,
            other => Self::Store(other),
        }
    }
}

impl Fault for TieError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::OfferOver | Self::Taken | Self::LastWay => FaultKind::Conflict,
            Self::Unknown => FaultKind::NotFound,
            Self::Store(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::OfferOver => "tie-over",
            Self::Taken => "outside-of-another",
            Self::LastWay => "last-way-in",
            Self::Unknown => "not-found",
            Self::Store(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::OfferOver => {
                "there is nothing to tie any more; begin again with the provider's button".to_owned()
            }
            Self::Taken => "this identity is tied to an account here already".to_owned(),
            Self::LastWay => {
                "this is the only way into your account; have another one before you remove it".to_owned()
            }
            Self::Unknown => "there is no such identity".to_owned(),
            Self::Store(error) => error.public(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Store(error) => error.retry_after_s(),
            _ => None,
        }
    }
}
