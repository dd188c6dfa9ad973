//! Removing links that are long over: they open nothing from the instant they end; this only keeps the table small.

use std::time::Duration;

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use watchroom_model::DecisionId;
use watchroom_policy::{Permit, Resource, ResourceKind, act};
use watchroom_store::StoreError;

use super::LinkKind;
use crate::entity::one_time_link;
use crate::{Identity, stamp};

const EVERY: Duration = Duration::from_secs(3_600);
/// How long one that is over is kept, in seconds: a week.
const KEPT_S: u32 = 7 * 86_400;
/// The same of links to sign in, which strangers may ask for: an hour.
const ASKED_KEPT_S: u32 = 3_600;

impl Identity {
    pub(crate) fn start_pruning_links(&self) {
        let identity = self.clone();
        self.inner.ambient.tasks.spawn("identity-prune-links", async move {
            loop {
                if let Err(error) = identity.prune_links().await {
                    tracing::warn!(%error, "links that are over could not be removed; trying again in an hour");
                }
                tokio::time::sleep(EVERY).await;
            }
        });
    }

    async fn prune_links(&self) -> Result<(), StoreError> {
        let now = self.inner.ambient.clock.now_micros();
        let ended_before = |seconds| one_time_link::Column::ExpiresAt.lt(now - stamp::seconds(seconds));
        let asked = Condition::all()
            .add(one_time_link::Column::Kind.eq(LinkKind::Magic.word()))
            .add(ended_before(ASKED_KEPT_S));
        let over = Condition::any().add(ended_before(KEPT_S)).add(asked);
        let select = one_time_link::Entity::find().filter(over.clone());
        if self.inner.store.read().await?.one(select).await?.is_none() {
            return Ok(());
        }
        let decision = DecisionId::mint(&self.inner.ambient);
        let permit = Permit::<act::KeepHouse>::of_house(&Resource::all(ResourceKind::User), decision);
        self.inner
            .store
            .write(&permit, async move |tx| {
                let delete = one_time_link::Entity::delete_many().filter(over.clone());
                tx.note("links_over", tx.delete(delete).await?);
                Ok(())
            })
            .await
    }
}
