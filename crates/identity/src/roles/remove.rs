//! Removing a role that people made, and putting a built-in one back as it was.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_policy::{Permit, Role, act};
use watchroom_store::Changed;

use super::{ADMIN, RoleError, covers};
use crate::Identity;
use crate::entity::{grant, group_grant, one_time_link, role};

impl Identity {
    /// Removes the role that the permit was given for, if nobody holds it; a built-in one is again as it was.
    ///
    /// # Errors
    /// [`RoleError`].
    pub async fn remove_role(&self, permit: &Permit<act::RemoveRole>) -> Result<(), RoleError> {
        let name = permit.resource().id().ok_or(RoleError::NotFound)?.to_owned();
        if name == ADMIN {
            return Err(RoleError::Administrator);
        }
        let was = self.role(&name).ok_or(RoleError::NotFound)?;
        let built_in = Role::built_in(&name);
        let then = built_in.as_ref().map(|role| role.permissions).unwrap_or_default();
        if !covers(permit.principal(), was.permissions.union(then)) {
            return Err(RoleError::MoreThanOwn);
        }
        let now = self.inner.ambient.clock.now_micros();
        let written = self.inner.store.write(permit, async move |tx| {
            if built_in.is_none() {
                let held = tx
                    .all(grant::Entity::find().filter(grant::Column::Role.eq(name.clone())))
                    .await?;
                let by_groups =
                    group_grant::Entity::find().filter(group_grant::Column::Role.eq(name.clone()));
                let by_groups = tx.all(by_groups).await?.len();
                let offers = one_time_link::Entity::find()
                    .filter(one_time_link::Column::Role.eq(name.clone()))
                    .filter(one_time_link::Column::UsedAt.is_null())
                    .filter(one_time_link::Column::ExpiresAt.gt(now));
                let uses = held.len() + by_groups + tx.all(offers).await?.len();
                if uses > 0 {
                    return Err(RoleError::InUse(u64::try_from(uses).unwrap_or(u64::MAX)));
                }
            }
            let gone = role::Entity::delete_many().filter(role::Column::Name.eq(name.clone()));
            if tx.delete(gone).await? == 0 {
                return Err(RoleError::NotFound);
            }
            tx.changed(Changed::Roles);
            Ok(())
        });
        written.await?;
        Ok(self.reread_roles().await?)
    }
}
