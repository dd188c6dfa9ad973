//! Why a group was not made, changed, removed or shown.

use watchroom_kit::{Fault, FaultKind, FieldFault};
use watchroom_store::StoreError;

/// Why a group was not made, changed, removed or shown.
#[derive(Debug, thiserror::Error)]
pub enum GroupError {
    /// There is no such group.
    #[error("there is no such group")]
    NotFound,
    /// The name belongs to another group.
    #[error("the name of the group is taken")]
    NameTaken,
    /// Something about it is not as it must be.
    #[error("{}: {}", .0.field, .0.message)]
    Invalid(FieldFault),
    /// There is no such person.
    #[error("there is no such person")]
    NoUser,
    /// There is no such role.
    #[error("there is no such role")]
    NoRole,
    /// A person put them there already.
    #[error("the person is in the group already")]
    AlreadyMember,
    /// They are not in it.
    #[error("the person is not in the group")]
    NoMember,
    /// It holds the role there already.
    #[error("the group holds the role there already")]
    AlreadyGiven,
    /// It has no such grant.
    #[error("the group has no such grant")]
    NoGrant,
    /// More is given or taken than whoever does it holds.
    #[error("the group, or somebody in it, holds more than whoever changes it")]
    MoreThanOwn,
    /// Nobody could administer Watchroom any more.
    #[error("the last active administrator was to lose the role")]
    LastAdministrator,
    /// The store refused.
    #[error(transparent)]
    Store(StoreError),
}

impl From<StoreError> for GroupError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Taken {
                constraint: "group_name_key",
            } => Self::NameTaken,
            StoreError::Taken {
                constraint: "group_member_key",
            } => Self::AlreadyMember,
            StoreError::Taken {
                constraint: "group_grant_key",
            } => Self::AlreadyGiven,
            StoreError::Dangling {
                constraint: "group_member_user_fkey",
            } => Self::NoUser,
            StoreError::Dangling { .. } => Self::NotFound,
            other => Self::Store(other),
        }
    }
}

impl GroupError {
    pub(super) fn invalid(field: &str, rule: &str) -> Self {
        Self::Invalid(FieldFault::new(field, "invalid", rule))
    }
}

impl Fault for GroupError {
    fn kind(&self) -> FaultKind {
        match self {
            Self::NotFound | Self::NoMember | Self::NoGrant => FaultKind::NotFound,
            Self::NameTaken | Self::AlreadyMember | Self::AlreadyGiven | Self::LastAdministrator => {
                FaultKind::Conflict
            }
            Self::Invalid(_) | Self::NoUser | Self::NoRole => FaultKind::Invalid,
            Self::MoreThanOwn => FaultKind::Forbidden,
            Self::Store(error) => error.kind(),
        }
    }

    fn slug(&self) -> &'static str {
        match self {
            Self::NotFound | Self::NoMember | Self::NoGrant => "not-found",
            Self::NameTaken => "name-taken",
            Self::AlreadyMember => "already-member",
            Self::AlreadyGiven => "already-granted",
            Self::LastAdministrator => "last-administrator",
            Self::Invalid(_) | Self::NoUser | Self::NoRole => "invalid-input",
            Self::MoreThanOwn => "more-than-own",
            Self::Store(error) => error.slug(),
        }
    }

    fn public(&self) -> String {
        match self {
            Self::NotFound => "there is no such group; it may have been removed".to_owned(),
            Self::NameTaken => "there is a group of that name already".to_owned(),
            Self::Invalid(_) => self.to_string(),
            Self::NoUser => "there is no such person".to_owned(),
            Self::NoRole => "there is no such role; `watchroom role list` shows them".to_owned(),
            Self::AlreadyMember => "they are in this group already".to_owned(),
            Self::NoMember => "they are not in this group; they may have been taken out already".to_owned(),
            Self::AlreadyGiven => "the group holds this role there already".to_owned(),
            Self::NoGrant => "the group has no such grant; it may have been taken already".to_owned(),
            Self::MoreThanOwn => {
                "the group, or somebody in it, holds more than you do; ask an administrator".to_owned()
            }
            Self::LastAdministrator => {
                "nobody active would be an administrator any more; make another one before".to_owned()
            }
            Self::Store(error) => error.public(),
        }
    }

    fn fields(&self) -> Vec<FieldFault> {
        match self {
            Self::NameTaken => vec![FieldFault::new("name", "taken", self.public())],
            Self::NoUser => vec![FieldFault::new("user", "unknown", self.public())],
            Self::NoRole => vec![FieldFault::new("role", "unknown", self.public())],
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
