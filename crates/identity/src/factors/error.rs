//! Why a second factor was not enrolled, removed or reset.

use serde_json::Value;
use watchroom_kit::{Fault, FaultKind, FieldFault};
use watchroom_passkey::PasskeyError;
use watchroom_store::StoreError;

use super::is_spent;
use crate::VaultError;

/// Why a person's second factors are as they were.
#[derive(Debug, thiserror::Error)]
pub enum FactorError {
    /// The code is not of the offered seed, now.
    #[error("the code does not belong to the offered secret")]
    Code,
    /// What was offered is used, too old, or another session's.
    #[error("the offer to enrol is used, over, or not this session's")]
    OfferOver,
    /// The name will not do.
    #[error("the factor's name is empty or too long")]
    Name,
    /// There are as many as there may be.
    #[error("the account has {most} factors already")]
    TooMany {
        /// How many there may be.
        most: usize,
    },
    /// A role of the account requires one, and this is the last.
    #[error("the last second factor of an account that requires one")]
    Last,
    /// The account has no other way in that is switched on.
    #[error("the last way into the account")]
    LastWay,
    /// What the browser brought is no passkey for here.
    #[error(transparent)]
    Passkey(#[from] PasskeyError),
    /// The passkey is enrolled already.
    #[error("the passkey is enrolled already")]
    Known,
    /// There is no such factor or account.
    #[error("no such factor or account")]
    Unknown,
    /// There is no factor for which recovery codes would stand in.
    #[error("recovery codes without a factor")]
    Nothing,
    /// The account holds more than whoever wants to reset its factors.
    #[error("the account holds more than whoever wants to reset its factors")]
    MoreThanOwn,
    /// The session ended meanwhile, or another has enrolled the first factor.
    #[error("the session has ended")]
    Ended,
    /// A secret could not be sealed or opened.
    #[error(transparent)]
    Vault(#[from] VaultError),
    /// The store refused.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for FactorError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken {
                constraint: "passkey_credential_key",
            } => Self::Known,
            error if is_spent(&error) => Self::OfferOver,
            error => Self::Store(error),
        }
    }
}

impl Fault for FactorError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::Code | Self::Name | Self::Passkey(_) => FaultKind::Invalid,
            Self::OfferOver
            | Self::TooMany { .. }
            | Self::Last
            | Self::LastWay
            | Self::Nothing
            | Self::Known => FaultKind::Conflict,
            Self::Unknown => FaultKind::NotFound,
            Self::MoreThanOwn => FaultKind::Forbidden,
            Self::Ended => FaultKind::Unauthenticated,
            Self::Vault(error) => error.kind(),
            Self::Store(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::Code | Self::Name | Self::Passkey(_) => "invalid-input",
            Self::OfferOver => "enrolment-over",
            Self::TooMany { .. } => "too-many-factors",
            Self::Known => "passkey-known",
            Self::Last => "last-second-factor",
            Self::LastWay => "last-way-in",
            Self::Nothing => "no-second-factor",
            Self::Unknown => "not-found",
            Self::MoreThanOwn => "more-than-own",
            Self::Ended => "not-signed-in",
            Self::Vault(error) => error.slug(),
            Self::Store(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::Code => "the code is wrong; is the clock of the device right?".to_owned(),
            Self::OfferOver => {
                "this secret can no longer be confirmed; begin again with a new one".to_owned()
            }
            Self::Name => "a name has 1 to 64 characters".to_owned(),
            Self::TooMany { most } => format!("there are {most} already; remove one first"),
            Self::Passkey(error) => format!("this passkey is not taken: {error}"),
            Self::Known => "this passkey is registered already".to_owned(),
            Self::Last => {
                "your role requires a second factor; add another before you remove this one".to_owned()
            }
            Self::LastWay => {
                "this is the only way into your account; have another one before you remove it".to_owned()
            }
            Self::Nothing => "there is no second factor yet; add one first".to_owned(),
            Self::Unknown => "there is no such factor or account".to_owned(),
            Self::MoreThanOwn => "this person holds more than you; ask an administrator".to_owned(),
            Self::Ended => "your session has ended; sign in again".to_owned(),
            Self::Vault(error) => error.public(),
            Self::Store(error) => error.public(),
        }
    }

    fn fields(&self) -> Vec<FieldFault> {
        match self {
            Self::Code => vec![FieldFault::new("code", "wrong", self.public())],
            Self::Passkey(_) => vec![FieldFault::new("passkey", "refused", self.public())],
            Self::Name => vec![FieldFault::new("name", "length", self.public())],
            _ => Vec::new(),
        }
    }

    fn members(&self) -> Vec<(&'static str, Value)> {
        Vec::new()
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Store(error) => error.retry_after_s(),
            _ => None,
        }
    }
}
