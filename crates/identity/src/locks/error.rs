//! Why a lock was not made, listed or lifted.

use watchroom_kit::{Fault, FaultKind, FieldFault};
use watchroom_store::StoreError;

/// Whom a lock would shut out that nobody shuts out unasked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bystander {
    /// Whoever makes it.
    Oneself,
    /// The last person who may administer everything.
    LastAdministrator,
}

/// Why a lock was not made, listed or lifted.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// There is no such lock, or it is over or was lifted.
    #[error("there is no such lock")]
    NotFound,
    /// There is no such person, token, node or role.
    #[error("what was to be locked is not there")]
    NoTarget,
    /// Something about it is not as it must be.
    #[error("{}: {}", .0.field, .0.message)]
    Invalid(FieldFault),
    /// It would shut out somebody whom nobody shuts out unasked.
    #[error("the lock would shut out {0:?}")]
    Held(Bystander),
    /// It would shut out, or open to, somebody who holds more than whoever asks.
    #[error("the lock is on more than whoever asks holds")]
    MoreThanOwn,
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl LockError {
    pub(super) fn invalid(field: &'static str, rule: &str) -> Self {
        Self::Invalid(FieldFault::new(field, "invalid", rule))
    }
}

impl Fault for LockError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::NotFound => FaultKind::NotFound,
            Self::NoTarget | Self::Invalid(_) => FaultKind::Invalid,
            Self::Held(_) => FaultKind::Conflict,
            Self::MoreThanOwn => FaultKind::Forbidden,
            Self::Store(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::NoTarget | Self::Invalid(_) => "invalid-input",
            Self::Held(_) => "lock-held",
            Self::MoreThanOwn => "more-than-own",
            Self::Store(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::NotFound => "there is no such lock, or it is over or was lifted".to_owned(),
            Self::NoTarget => "there is nothing of that name to lock".to_owned(),
            Self::Invalid(_) => self.to_string(),
            Self::Held(Bystander::Oneself) => {
                "this lock would shut out yourself; confirm it, and only the Unix socket opens it again before its time"
                    .to_owned()
            }
            Self::Held(Bystander::LastAdministrator) => {
                "this lock would shut out the last administrator; confirm it, and only the Unix socket opens it again before its time"
                    .to_owned()
            }
            Self::MoreThanOwn => "this lock is on somebody who holds more than you; ask an administrator".to_owned(),
            Self::Store(error) => error.public(),
        }
    }

    fn fields(&self) -> Vec<FieldFault> {
        match self {
            Self::NoTarget => vec![FieldFault::new("target", "unknown", self.public())],
            Self::Invalid(fault) => vec![fault.clone()],
            Self::Store(error) => error.fields(),
            Self::NotFound | Self::Held(_) | Self::MoreThanOwn => Vec::new(),
        }
    }

    fn retry_after_s(&self) -> Option<u64> {
        match self {
            Self::Store(error) => error.retry_after_s(),
            _ => None,
        }
    }
}
