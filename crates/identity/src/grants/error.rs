//! Why a role was not given, taken or shown.

use watchroom_kit::{Fault, FaultKind, FieldFault};
use watchroom_store::StoreError;

/// Why a role was not given, taken or shown.
#[derive(Debug, thiserror::Error)]
pub enum GivingError {
    /// There is no such grant.
    #[error("there is no such grant")]
    NotFound,
    /// There is no such person.
    #[error("there is no such person")]
    NoUser,
    /// There is no such role.
    #[error("there is no such role")]
    NoRole,
    /// They have it there already.
    #[error("the person holds the role there already")]
    Taken,
    /// It gives more than whoever gives or takes it holds there.
    #[error("the role gives more than whoever gives or takes it holds there")]
    MoreThanOwn,
    /// Nobody could administer Watchroom any more.
    #[error("the last active administrator was to lose the role")]
    LastAdministrator,
    /// The store refused.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for GivingError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken { .. } => Self::Taken,
            StoreError::Dangling { .. } => Self::NoUser,
            other => Self::Store(other),
        }
    }
}

impl Fault for GivingError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::NotFound => FaultKind::NotFound,
            Self::NoUser | Self::NoRole => FaultKind::Invalid,
            Self::Taken | Self::LastAdministrator => FaultKind::Conflict,
            Self::MoreThanOwn => FaultKind::Forbidden,
            Self::Store(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::NoUser | Self::NoRole => "invalid-input",
            Self::Taken => "already-granted",
            Self::LastAdministrator => "last-administrator",
            Self::MoreThanOwn => "more-than-own",
            Self::Store(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::NotFound => "there is no such grant; it may have been taken already".to_owned(),
            Self::NoUser => "there is no such person".to_owned(),
            Self::NoRole => "there is no such role; `watchroom role list` shows them".to_owned(),
            Self::Taken => "they hold this role there already".to_owned(),
            Self::LastAdministrator => {
                "this is the last active administrator; make another one before taking the role".to_owned()
            }
            Self::MoreThanOwn => "this role gives more than you hold there; ask an administrator".to_owned(),
            Self::Store(error) => error.public(),
        }
    }

    fn fields(&self) -> Vec<FieldFault> {
        match self {
            Self::NoUser => vec![FieldFault::new("user", "unknown", self.public())],
            Self::NoRole => vec![FieldFault::new("role", "unknown", self.public())],
            Self::Store(error) => error.fields(),
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
