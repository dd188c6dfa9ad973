//! Giving a group a role at a scope, and taking it: all that are in it gain or lose it.

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use serde::Deserialize;
use utoipa::ToSchema;
use watchroom_model::GrantId;
use watchroom_policy::{Permit, Scope, act, may_give};
use watchroom_store::Changed;

use super::within::Seen;
use super::{GroupError, GroupView, group_of};
use crate::Identity;
use crate::entity::group_grant;
use crate::users::has_administrator;

/// A role for a group.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGroupGrant {
    /// Which.
    pub role: String,
    /// Where it holds: `everything` (the default), `node:<id>`, `node-label:<key>=<value>` or `server:<id>`.
    #[schema(value_type = String)]
    #[serde(default)]
    pub scope: Scope,
}

impl Identity {
    /// Gives a role to the group that the permit was given for. When this returns, it counts on this replica.
    ///
    /// # Errors
    /// [`GroupError`].
    pub async fn give_to_group(
        &self,
        permit: &Permit<act::GiveToGroup>,
        new: NewGroupGrant,
    ) -> Result<GroupView, GroupError> {
        let id = group_of(permit)?;
        let grant = GrantId::mint(&self.inner.ambient);
        let asks = permit.principal().clone();
        let written = self.inner.store.write(permit, async move |tx| {
            let seen = Seen::read(tx, id).await?;
            if !seen.has_role(&new.role) {
                return Err(GroupError::NoRole);
            }
            if !may_give(&asks, seen.gives(&new.role), &new.scope) {
                return Err(GroupError::MoreThanOwn);
            }
            tx.insert(group_grant::ActiveModel {
                id: Set(grant.to_string()),
                group_id: Set(id.to_string()),
                role: Set(new.role.clone()),
                scope: Set(new.scope.to_string()),
            })
            .await?;
            seen.note(tx);
            tx.note("role", new.role.as_str());
            tx.note("scope", new.scope.to_string());
            tx.changed(Changed::Roles);
            Ok(())
        });
        written.await?;
        self.reread_roles().await?;
        self.group(id).ok_or(GroupError::NotFound)
    }

    /// Takes a role from the group that the permit was given for. Whoever takes it holds as much as it gives, and as each
    /// who is in the group.
    ///
    /// # Errors
    /// [`GroupError`].
    pub async fn take_from_group(
        &self,
        permit: &Permit<act::TakeFromGroup>,
        grant: GrantId,
    ) -> Result<(), GroupError> {
        let id = group_of(permit)?;
        let (asks, house) = (permit.principal().clone(), self.clone());
        let written = self.inner.store.write(permit, async move |tx| {
            let seen = Seen::read(tx, id).await?;
            let held = seen.grants.iter().find(|held| held.id == grant);
            let held = held.ok_or(GroupError::NoGrant)?;
            if !may_give(&asks, seen.gives(&held.role), &held.scope) {
                return Err(GroupError::MoreThanOwn);
            }
            house.members_below(tx, &asks, id).await?;
            let had = has_administrator(tx).await?;
            let gone = group_grant::Entity::delete_many()
                .filter(group_grant::Column::Id.eq(grant.to_string()))
                .filter(group_grant::Column::GroupId.eq(id.to_string()));
            tx.delete(gone).await?;
            if had && !has_administrator(tx).await? {
                return Err(GroupError::LastAdministrator);
            }
            seen.note(tx);
            tx.note("role", held.role.as_str());
            tx.note("scope", held.scope.to_string());
            tx.changed(Changed::Roles);
            Ok(())
        });
        written.await?;
        Ok(self.reread_roles().await?)
    }
}
