//! Why a role was not made, changed, removed or shown.

use watchroom_kit::{Fault, FaultKind, FieldFault};
use watchroom_store::StoreError;

/// Why a role was not made, changed, removed or shown.
#[derive(Debug, thiserror::Error)]
pub enum RoleError {
    /// There is no such role.
    #[error("there is no such role")]
    NotFound,
    /// The name belongs to another role.
    #[error("the name of the role is taken")]
    NameTaken,
    /// Something about it is not as it must be.
    #[error("{}: {}", .0.field, .0.message)]
    Invalid(FieldFault),
    /// The administrator's role stays as it is.
    #[error("the administrator's role cannot be changed")]
    Administrator,
    /// It gives, or gave, more than whoever changes it holds.
    #[error("the role gives more than whoever changes it holds")]
    MoreThanOwn,
    /// Somebody still holds it, or is invited to.
    #[error("the role is still held, by {0}")]
    InUse(u64),
    /// The store refused.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for RoleError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken { .. } => Self::NameTaken,
            other => Self::Store(other),
        }
    }
}

impl RoleError {
    pub(super) fn invalid(field: &str, rule: &str) -> Self {
        Self::Invalid(FieldFault::new(field, "invalid", rule))
    }
}

impl Fault for RoleError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::NotFound => FaultKind::NotFound,
            Self::NameTaken | Self::Administrator | Self::InUse(_) => FaultKind::Conflict,
            Self::Invalid(_) => FaultKind::Invalid,
            Self::MoreThanOwn => FaultKind::Forbidden,
            Self::Store(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::NotFound => "not-found",
            Self::NameTaken => "name-taken",
            Self::Administrator => "role-fixed",
            Self::InUse(_) => "role-in-use",
            Self::Invalid(_) => "invalid-input",
            Self::MoreThanOwn => "more-than-own",
            Self::Store(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::NotFound => "there is no such role".to_owned(),
            Self::NameTaken => "there is a role of that name already".to_owned(),
            Self::Administrator => "admin holds everything and stays as it is; make another role".to_owned(),
            Self::InUse(holders) => format!(
                "the role is still held or offered {holders} times; take it from everybody before you remove it"
            ),
            Self::Invalid(_) => self.to_string(),
            Self::MoreThanOwn => "this role gives more than you hold; ask an administrator".to_owned(),
            Self::Store(error) => error.public(),
        }
    }

    fn fields(&self) -> Vec<FieldFault> {
        match self {
            Self::NameTaken => vec![FieldFault::new("name", "taken", self.public())],
            Self::Invalid(fault) => vec![fault.clone()],
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
