//! Removing bans that nobody needs any more: at start and every hour.
//!
//! A ban that is over, or was lifted, still makes the next one of its network longer, and tells whoever looks what
//! was; both for as long as `bans.remembered_s`.

use std::time::Duration;

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use watchroom_model::DecisionId;
use watchroom_policy::{Permit, Resource, ResourceKind, act};
use watchroom_store::StoreError;

use super::entity;
use crate::Defence;

const EVERY: Duration = Duration::from_secs(3_600);

impl Defence {
    /// Prunes until the tasks stop.
    pub(crate) fn start_pruning(&self) {
        let defence = self.clone();
        self.ambient().tasks.spawn("defence-prune-bans", async move {
            loop {
                if let Err(error) = defence.prune().await {
                    tracing::warn!(%error, "bans that are over could not be removed; trying again in an hour");
                }
                tokio::time::sleep(EVERY).await;
            }
        });
    }

    /// Removes what is over or was lifted so long ago that it counts no more; how many that were. Where there is
    /// nothing, nothing is written.
    ///
    /// # Errors
    /// [`StoreError`].
    pub async fn prune(&self) -> Result<u64, StoreError> {
        let now = self.ambient().clock.now_micros();
        let before = now - i64::from(self.config().remembered_s) * 1_000_000;
        let over = Condition::any()
            .add(entity::Column::Until.lt(before))
            .add(entity::Column::LiftedAt.lt(before));
        let select = entity::Entity::find().filter(over.clone());
        if self.store().read().await?.one(select).await?.is_none() {
            return Ok(0);
        }
        let decision = DecisionId::mint(self.ambient());
        let permit = Permit::<act::KeepHouse>::of_house(&Resource::all(ResourceKind::Ban), decision);
        self.store()
            .write(&permit, async move |tx| {
                let removed = tx
                    .delete(entity::Entity::delete_many().filter(over.clone()))
                    .await?;
                tx.note("bans_over", removed);
                Ok(removed)
            })
            .await
    }
}
