//! Taking a role from somebody.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_model::UserId;
use watchroom_policy::{PermissionSet, Permit, Scope, act, may_give};
use watchroom_store::{Changed, StoreError};

use super::GivingError;
use crate::Identity;
use crate::entity::grant;
use crate::users::{all_of, has_administrator, held_everywhere};

impl Identity {
    /// Takes the role that the permit was given for. Whoever takes it holds as much as it gives, and as its holder: nobody
    /// strips those above them.
    ///
    /// # Errors
    /// [`GivingError`].
    pub async fn take(&self, permit: &Permit<act::TakeGrant>) -> Result<(), GivingError> {
        let id = permit.resource().id().ok_or(GivingError::NotFound)?.to_owned();
        let find = || grant::Entity::find_by_id(id.clone());
        let row = self
            .inner
            .store
            .read()
            .await?
            .one(find())
            .await?
            .ok_or(GivingError::NotFound)?;
        let damaged =
            |column| StoreError::Database(format!("a value in user_grants.{column} is not what it must be"));
        let user: UserId = row.user_id.parse().map_err(|_| damaged("user_id"))?;
        let scope: Scope = row.scope.parse().map_err(|_| damaged("scope"))?;
        let asks = permit.principal();
        let gives = self
            .role(&row.role)
            .map_or(PermissionSet::NONE, |role| role.permissions);
        let holder = self.inner.roll.account(user).ok_or(GivingError::NotFound)?;
        let is_below = asks.user() == Some(user) || held_everywhere(asks).covers(all_of(&holder.grants));
        if !may_give(asks, gives, &scope) || !is_below {
            return Err(GivingError::MoreThanOwn);
        }
        let written = self.inner.store.write(permit, async move |tx| {
            let row = tx
                .one(grant::Entity::find_by_id(id.clone()))
                .await?
                .ok_or(GivingError::NotFound)?;
            let had = has_administrator(tx).await?;
            tx.delete(grant::Entity::delete_many().filter(grant::Column::Id.eq(id.clone())))
                .await?;
            // Whoever holds it by a group too is one still.
            if had && !has_administrator(tx).await? {
                return Err(GivingError::LastAdministrator);
            }
            tx.note("user", row.user_id);
            tx.note("role", row.role);
            tx.note("scope", row.scope);
            tx.changed(Changed::User(user));
            Ok(())
        });
        written.await?;
        Ok(self.reread(user).await?)
    }
}
