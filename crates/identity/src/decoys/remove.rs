//! Removing a decoy: from then on its text is one like any other.

use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_model::DecoyId;
use watchroom_policy::{Permit, act};
use watchroom_store::Changed;

use super::DecoyError;
use crate::Identity;
use crate::entity::decoy_token;

impl Identity {
    /// Removes a decoy.
    ///
    /// # Errors
    /// [`DecoyError`].
    pub async fn remove_decoy(&self, permit: &Permit<act::RemoveDecoy>) -> Result<(), DecoyError> {
        let id = permit.resource().id().and_then(|id| id.parse().ok());
        let id: DecoyId = id.ok_or(DecoyError::NotFound)?;
        let removed = self.inner.store.write(permit, async move |tx| {
            let row = tx.one(decoy_token::Entity::find_by_id(id.to_string())).await?;
            let row = row.ok_or(DecoyError::NotFound)?;
            let delete = decoy_token::Entity::delete_many().filter(decoy_token::Column::Id.eq(row.id));
            tx.delete(delete).await?;
            tx.note("name", row.name);
            tx.changed(Changed::Decoys);
            Ok::<_, DecoyError>(())
        });
        removed.await?;
        Ok(self.reread_decoys().await?)
    }
}
