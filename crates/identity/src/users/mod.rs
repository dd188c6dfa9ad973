//! People: making accounts, showing them, disabling and enabling them, and their passwords.

mod create;
mod erase;
mod list;
mod password;
mod status;

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use watchroom_policy::{Grant, PermissionSet, Principal, Scope, Who};

pub use create::{CreateUserError, CreatedUser, NewUser};
pub(crate) use create::{NewAccount, NewGrant};
pub use erase::{EraseError, Erased, PersonExport};
pub use list::{ReadError, UserView};
pub(crate) use password::with_hash;
pub use password::{ChangePassword, ChangePasswordError, ResetPasswordError};
pub use status::ChangeUserError;
pub(crate) use status::{has_administrator, is_active};

/// Whether an account may be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum UserStatus {
    /// It may.
    Active,
    /// It may not: no sign-in, no session, no token.
    Disabled,
}

impl UserStatus {
    /// Its word, as stored and shown.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Disabled => "disabled",
        }
    }
}

/// A text that is no status.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a status is active or disabled")]
pub struct StatusError;

impl std::str::FromStr for UserStatus {
    type Err = StatusError;
    fn from_str(text: &str) -> Result<Self, StatusError> {
        [Self::Active, Self::Disabled]
            .into_iter()
            .find(|status| status.word() == text)
            .ok_or(StatusError)
    }
}

/// Whether it is root or the Host's own user on the Unix socket.
pub(crate) fn is_local(principal: &Principal) -> bool {
    matches!(principal.who, Who::Local { .. })
}

/// All that these grants give somewhere.
pub(crate) fn all_of(grants: &[Grant]) -> PermissionSet {
    grants.iter().fold(PermissionSet::NONE, |held, grant| {
        held.union(grant.role.permissions)
    })
}

/// All that these grants give everywhere.
pub(crate) fn everywhere_of(grants: &[Grant]) -> PermissionSet {
    let everywhere = grants.iter().filter(|grant| grant.scope == Scope::Everything);
    everywhere.fold(PermissionSet::NONE, |held, grant| {
        held.union(grant.role.permissions)
    })
}

/// All that the principal holds everywhere: nobody gives, or takes over, more than that.
pub(crate) fn held_everywhere(principal: &Principal) -> PermissionSet {
    if is_local(principal) {
        return PermissionSet::ALL;
    }
    let held = everywhere_of(&principal.grants);
    principal
        .ceiling
        .map_or(held, |ceiling| held.intersection(ceiling))
}
