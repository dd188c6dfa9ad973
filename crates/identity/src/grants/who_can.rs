//! Everybody who may do a thing, and by which grant.

use serde::Serialize;
use utoipa::ToSchema;
use watchroom_model::{UserId, UserName};
use watchroom_policy::{Permission, Resource, Scope};

use crate::Identity;
use crate::users::UserStatus;

/// What is asked about: a permission, and perhaps one thing.
#[derive(Clone, Debug)]
pub struct Ability {
    /// The permission.
    pub permission: Permission,
    /// On what; wherever if absent.
    pub on: Option<Resource>,
}

/// Somebody who may, and by which grant.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub struct MayDo {
    /// Who.
    pub user: UserId,
    /// What they sign in with.
    pub name: UserName,
    /// By which role.
    pub role: String,
    /// Where it holds.
    #[schema(value_type = String)]
    pub scope: Scope,
    /// Where it came from: `directly`, or a provider.
    pub source: String,
}

impl Identity {
    /// Everybody who may do it now, by name, once for each grant by which they may; who is disabled or locked may nothing.
    /// Whoever calls this has found out that the caller may see roles. Root on the Unix socket may anything and is not
    /// among them.
    #[must_use]
    pub fn who_can(&self, ability: &Ability) -> Vec<MayDo> {
        let now = self.inner.ambient.now();
        let mut people = self.inner.roll.accounts(|_| true);
        people.sort_by(|one, other| one.name.as_str().cmp(other.name.as_str()));
        people.retain(|account| {
            account.status == UserStatus::Active && account.locked_until.is_none_or(|until| until <= now)
        });
        let mut all = Vec::new();
        for account in people {
            let giving = account.usable.iter().filter(|grant| {
                let reaches = ability.on.as_ref().is_none_or(|on| grant.scope.covers(on));
                reaches && grant.role.permissions.has(ability.permission)
            });
            all.extend(giving.map(|grant| MayDo {
                user: account.id,
                name: account.name.clone(),
                role: grant.role.name.clone(),
                scope: grant.scope.clone(),
                source: grant.source.to_string(),
            }));
        }
        all
    }
}
