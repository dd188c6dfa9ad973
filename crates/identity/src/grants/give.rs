//! Giving somebody a role at a scope.

use sea_orm::ActiveValue::Set;
use sea_orm::EntityTrait;
use serde::Deserialize;
use utoipa::ToSchema;
use watchroom_model::{GrantId, UserId};
use watchroom_policy::{Permit, Resource, Scope, act, may_give};
use watchroom_store::Changed;

use super::{GivingError, GrantListed};
use crate::Identity;
use crate::entity::{grant, role};
use crate::roles::Roles;

/// A role for somebody.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGrantFor {
    /// Who gets it.
    pub user: UserId,
    /// Which.
    pub role: String,
    /// Where it holds: `everything` (the default), `node:<id>`, `node-label:<key>=<value>` or `server:<id>`.
    #[schema(value_type = String)]
    #[serde(default)]
    pub scope: Scope,
}

impl Identity {
    /// What to ask leave for before a role is given.
    #[must_use]
    pub fn draft_grant(&self) -> Resource {
        Resource::grant(GrantId::mint(&self.inner.ambient))
    }

    /// Gives somebody a role. When this returns, it counts on this replica.
    ///
    /// # Errors
    /// [`GivingError`].
    pub async fn give(
        &self,
        permit: &Permit<act::GiveGrant>,
        new: NewGrantFor,
    ) -> Result<GrantListed, GivingError> {
        let id: GrantId = permit
            .resource()
            .id()
            .and_then(|id| id.parse().ok())
            .ok_or(GivingError::NotFound)?;
        let role = self.role(&new.role).ok_or(GivingError::NoRole)?;
        self.inner.roll.account(new.user).ok_or(GivingError::NoUser)?;
        if !may_give(permit.principal(), role.permissions, &new.scope) {
            return Err(GivingError::MoreThanOwn);
        }
        let (user, asks) = (new.user, permit.principal().clone());
        let row = grant::Model {
            id: id.to_string(),
            user_id: user.to_string(),
            role: role.name,
            scope: new.scope.to_string(),
            source: None,
        };
        let kept = row.clone();
        let written = self.inner.store.write(permit, async move |tx| {
            // What the role gives at this moment, not a moment ago.
            let rows = tx.all(role::Entity::find()).await?;
            let now = Roles::of(rows)?;
            let role = now.get(&kept.role).ok_or(GivingError::NoRole)?;
            if !may_give(&asks, role.permissions, &new.scope) {
                return Err(GivingError::MoreThanOwn);
            }
            tx.insert(grant::ActiveModel {
                id: Set(kept.id.clone()),
                user_id: Set(kept.user_id.clone()),
                role: Set(kept.role.clone()),
                scope: Set(kept.scope.clone()),
                source: Set(None),
            })
            .await?;
            tx.note("user", kept.user_id.as_str());
            tx.note("role", kept.role.as_str());
            tx.note("scope", kept.scope.as_str());
            tx.changed(Changed::User(user));
            Ok(())
        });
        written.await?;
        self.reread(user).await?;
        Ok(self.grant_listed(&row)?)
    }
}
