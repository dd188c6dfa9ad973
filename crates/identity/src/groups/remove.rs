//! Removing a group: who was in it keeps what else they hold.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_policy::{Permit, act};
use watchroom_store::Changed;

use super::within::Seen;
use super::{GroupError, group_of};
use crate::Identity;
use crate::entity::group;
use crate::users::has_administrator;

impl Identity {
    /// Removes the group that the permit was given for.
    ///
    /// # Errors
    /// [`GroupError`].
    pub async fn remove_group(&self, permit: &Permit<act::RemoveGroup>) -> Result<(), GroupError> {
        let id = group_of(permit)?;
        let (asks, house) = (permit.principal().clone(), self.clone());
        let written = self.inner.store.write(permit, async move |tx| {
            let seen = Seen::read(tx, id).await?;
            seen.is_within(&asks)?;
            let members = house.members_below(tx, &asks, id).await?;
            let had = has_administrator(tx).await?;
            tx.delete(group::Entity::delete_many().filter(group::Column::Id.eq(id.to_string())))
                .await?;
            if had && !has_administrator(tx).await? {
                return Err(GroupError::LastAdministrator);
            }
            seen.note(tx);
            tx.note("members", Vec::from_iter(members));
            tx.changed(Changed::Roles);
            Ok(())
        });
        written.await?;
        Ok(self.reread_roles().await?)
    }
}
