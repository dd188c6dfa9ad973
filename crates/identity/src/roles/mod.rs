//! Roles: the built-in ones as they are or as people have changed them, and those that people made.
//!
//! `admin` holds everything and cannot be changed. Nobody makes a role that gives more than they hold, nor changes one that
//! does. What a role gives counts from the next request of its holders, on every replica within a second.

mod error;
mod known;
mod list;
mod remove;
mod save;
mod what_if;

pub use error::RoleError;
pub(crate) use known::Roles;
pub use list::RoleView;
pub use save::RoleDraft;
pub(crate) use save::is_name;
pub use what_if::{Difference, WhatIf};
pub(crate) use what_if::{Held, held};

use watchroom_policy::{PermissionSet, Principal, Role};

use crate::Identity;
use crate::users::held_everywhere;

/// The role that holds everything, whatever is said.
pub(crate) const ADMIN: &str = "admin";

impl Identity {
    /// The role of that name, as it is now.
    #[must_use]
    pub fn role(&self, name: &str) -> Option<Role> {
        Some(self.inner.roll.ground().roles.get(name)?.as_ref().clone())
    }
}

/// Whether somebody holds all of this everywhere: no role of theirs gives more.
fn covers(principal: &Principal, permissions: PermissionSet) -> bool {
    held_everywhere(principal).covers(permissions)
}
