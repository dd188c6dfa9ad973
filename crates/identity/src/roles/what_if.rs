//! Who would gain or lose what if a role gave something else: shown before it is saved.

use std::collections::HashSet;

use serde::Serialize;
use utoipa::ToSchema;
use watchroom_model::{UserId, UserName};
use watchroom_policy::{Grant, PermissionSet, Scope};

use super::{ADMIN, RoleDraft, RoleError};
use crate::Identity;
use crate::users::UserStatus;

/// What one person would gain or lose at one scope.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct Difference {
    /// Who.
    pub user: UserId,
    /// What they sign in with.
    pub name: UserName,
    /// Where.
    #[schema(value_type = String)]
    pub scope: Scope,
    /// What.
    #[schema(value_type = Vec<String>)]
    pub permissions: PermissionSet,
}

/// Who would gain or lose what.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, ToSchema)]
pub struct WhatIf {
    /// What holders would gain.
    pub gains: Vec<Difference>,
    /// What holders would lose. What another role of theirs gives too they keep.
    pub loses: Vec<Difference>,
}

impl Identity {
    /// Who would gain or lose what if the role gave this. Whoever calls this has found out that the caller may see roles.
    ///
    /// # Errors
    /// [`RoleError`] as a change would have.
    pub fn what_if(&self, name: &str, draft: &RoleDraft) -> Result<WhatIf, RoleError> {
        if name == ADMIN {
            return Err(RoleError::Administrator);
        }
        self.role(name).ok_or(RoleError::NotFound)?;
        let then = draft.role(name)?.permissions;
        let mut answer = WhatIf::default();
        let mut people = self.inner.roll.accounts(|_| true);
        people.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
        for account in people
            .iter()
            .filter(|account| account.status == UserStatus::Active)
        {
            // By several groups somebody may hold it at one scope more than once.
            let holds = account.grants.iter().filter(|grant| grant.role.name == name);
            let mut scopes: HashSet<&Scope> = holds.clone().map(|held| &held.scope).collect();
            for held in holds.filter(|held| scopes.remove(&held.scope)) {
                let reaching = |grant: &&Grant| grant.scope == Scope::Everything || grant.scope == held.scope;
                let at = || account.grants.iter().filter(reaching);
                let before = at().fold(PermissionSet::NONE, |all, grant| {
                    all.union(grant.role.permissions)
                });
                let after = at().fold(PermissionSet::NONE, |all, grant| {
                    all.union(if grant.role.name == name {
                        then
                    } else {
                        grant.role.permissions
                    })
                });
                let difference = |permissions| Difference {
                    user: account.id,
                    name: account.name.clone(),
                    scope: held.scope.clone(),
                    permissions,
                };
                let (gained, lost) = (after.without(before), before.without(after));
                answer
                    .gains
                    .extend((gained != PermissionSet::NONE).then(|| difference(gained)));
                answer
                    .loses
                    .extend((lost != PermissionSet::NONE).then(|| difference(lost)));
            }
        }
        Ok(answer)
    }
}
