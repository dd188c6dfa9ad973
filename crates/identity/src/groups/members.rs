//! Putting people into a group and taking them out: who is put in comes to what the group holds.

use sea_orm::ActiveValue::Set;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_model::{GroupId, UserId};
use watchroom_policy::{Permit, act};
use watchroom_store::Changed;

use super::within::Seen;
use super::{GroupError, GroupView, Source, group_of};
use crate::Identity;
use crate::entity::group_member;
use crate::users::has_administrator;

impl Identity {
    /// Puts somebody into the group that the permit was given for. When this returns, it counts on this replica.
    ///
    /// # Errors
    /// [`GroupError`].
    pub async fn add_member(
        &self,
        permit: &Permit<act::AddMember>,
        user: UserId,
    ) -> Result<GroupView, GroupError> {
        let id = group_of(permit)?;
        self.inner.roll.account(user).ok_or(GroupError::NoUser)?;
        let asks = permit.principal().clone();
        let written = self.inner.store.write(permit, async move |tx| {
            let seen = Seen::read(tx, id).await?;
            seen.is_within(&asks)?;
            tx.insert(membership(id, user, None)).await?;
            seen.note(tx);
            tx.note("user", user.to_string());
            tx.changed(Changed::User(user));
            Ok::<_, GroupError>(())
        });
        written.await?;
        self.reread(user).await?;
        self.group(id).ok_or(GroupError::NotFound)
    }

    /// Takes somebody out of the group that the permit was given for, whoever put them there. Where a provider's rule did,
    /// the next sign-in by it does so again.
    ///
    /// # Errors
    /// [`GroupError`].
    pub async fn remove_member(
        &self,
        permit: &Permit<act::RemoveMember>,
        user: UserId,
    ) -> Result<(), GroupError> {
        let id = group_of(permit)?;
        let (asks, house) = (permit.principal().clone(), self.clone());
        let written = self.inner.store.write(permit, async move |tx| {
            let seen = Seen::read(tx, id).await?;
            seen.is_within(&asks)?;
            house.is_below(&asks, user)?;
            let had = has_administrator(tx).await?;
            let gone = group_member::Entity::delete_many()
                .filter(group_member::Column::GroupId.eq(id.to_string()))
                .filter(group_member::Column::UserId.eq(user.to_string()));
            if tx.delete(gone).await? == 0 {
                return Err(GroupError::NoMember);
            }
            if had && !has_administrator(tx).await? {
                return Err(GroupError::LastAdministrator);
            }
            seen.note(tx);
            tx.note("user", user.to_string());
            tx.changed(Changed::User(user));
            Ok(())
        });
        written.await?;
        Ok(self.reread(user).await?)
    }
}

/// The row that says so.
pub(crate) fn membership(group: GroupId, user: UserId, provider: Option<&str>) -> group_member::ActiveModel {
    group_member::ActiveModel {
        group_id: Set(group.to_string()),
        user_id: Set(user.to_string()),
        source: Set(Source::kept(provider).to_owned()),
    }
}
