//! Who would gain or lose what if a role gave something else: shown before it is saved.

use std::collections::HashSet;
use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;
use watchroom_model::{UserId, UserName};
use watchroom_policy::{Grant, PermissionSet, Scope};

use super::{ADMIN, RoleDraft, RoleError};
use crate::Identity;
use crate::roll::Account;
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

/// What somebody holds somewhere.
pub(crate) type Held<'a> = (PermissionSet, &'a Scope);

impl WhatIf {
    /// Adds what somebody would gain or lose if they held `after` in the place of `before`, at each of these scopes.
    pub(crate) fn compare<'a>(
        &mut self,
        account: &Account,
        scopes: impl IntoIterator<Item = &'a Scope>,
        (before, after): (&[Held<'_>], &[Held<'_>]),
    ) {
        // By several groups somebody may hold a thing at one scope more than once.
        let mut seen = HashSet::new();
        for scope in scopes.into_iter().filter(|scope| seen.insert(*scope)) {
            let at = |held: &[Held<'_>]| {
                let reaching = held
                    .iter()
                    .filter(|(_, at)| **at == Scope::Everything || *at == scope);
                reaching.fold(PermissionSet::NONE, |all, (given, _)| all.union(*given))
            };
            let (before, after) = (at(before), at(after));
            let difference = |permissions| Difference {
                user: account.id,
                name: account.name.clone(),
                scope: scope.clone(),
                permissions,
            };
            let (gained, lost) = (after.without(before), before.without(after));
            self.gains
                .extend((gained != PermissionSet::NONE).then(|| difference(gained)));
            self.loses
                .extend((lost != PermissionSet::NONE).then(|| difference(lost)));
        }
    }
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
        for account in self.active_by_name(|_| true) {
            let grants = &account.grants;
            let holding = grants.iter().filter(|grant| grant.role.name == name);
            let before: Vec<Held<'_>> = grants.iter().map(held).collect();
            let after = grants.iter().map(|grant| match grant.role.name == name {
                true => (then, &grant.scope),
                false => held(grant),
            });
            let after: Vec<Held<'_>> = after.collect();
            answer.compare(&account, holding.map(|grant| &grant.scope), (&before, &after));
        }
        Ok(answer)
    }

    /// Those of the active accounts of whom this is so, by name.
    pub(crate) fn active_by_name(&self, is_so: impl Fn(&Account) -> bool) -> Vec<Arc<Account>> {
        let is_active = |account: &Account| account.status == UserStatus::Active && is_so(account);
        let mut people = self.inner.roll.accounts(is_active);
        people.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
        people
    }
}

/// What a grant gives, and where.
pub(crate) fn held(grant: &Grant) -> Held<'_> {
    (grant.role.permissions, &grant.scope)
}
