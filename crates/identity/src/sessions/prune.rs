//! Removing sessions that are over: at start and every hour. They are refused from the instant they end;
//! this only keeps the table small.

use std::time::Duration;

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use watchroom_model::DecisionId;
use watchroom_policy::{Permit, Resource, ResourceKind, act};
use watchroom_store::StoreError;

use crate::Identity;
use crate::entity::session;
use crate::stamp;

const EVERY: Duration = Duration::from_secs(3_600);

impl Identity {
    pub(crate) fn start_pruning(&self) {
        let identity = self.clone();
        self.inner.ambient.tasks.spawn("identity-prune-sessions", async move {
            loop {
                if let Err(error) = identity.prune_sessions().await {
                    tracing::warn!(%error, "sessions that are over could not be removed; trying again in an hour");
                }
                tokio::time::sleep(EVERY).await;
            }
        });
    }

    /// Removes what is over; how many that were. Where there is nothing, nothing is written.
    pub(crate) async fn prune_sessions(&self) -> Result<u64, StoreError> {
        let now = self.inner.ambient.clock.now_micros();
        let over = self.over_by(now);
        let found = self
            .inner
            .store
            .read()
            .await?
            .all(session::Entity::find().filter(over.clone()))
            .await?;
        if found.is_empty() {
            return Ok(0);
        }
        let permit = Permit::<act::KeepHouse>::of_house(
            &Resource::all(ResourceKind::Session),
            DecisionId::mint(&self.inner.ambient),
        );
        let removed = self
            .inner
            .store
            .write(&permit, async move |tx| {
                let removed = tx
                    .delete(session::Entity::delete_many().filter(over.clone()))
                    .await?;
                tx.note("sessions_over", removed);
                Ok::<_, StoreError>(removed)
            })
            .await?;
        let owners: std::collections::BTreeSet<_> =
            found.iter().filter_map(|row| row.user_id.parse().ok()).collect();
        for owner in owners {
            self.reread(owner).await?;
        }
        Ok(removed)
    }

    /// Over for good, or idle for an hour longer than allowed: an act of the last minutes may be known to
    /// memory alone.
    fn over_by(&self, now: i64) -> Condition {
        let idle = stamp::seconds(self.inner.config.session.idle_s) + stamp::span(EVERY);
        let is_idle = Condition::all()
            .add(session::Column::Remember.eq(false))
            .add(session::Column::LastSeen.lt(now - idle));
        Condition::any()
            .add(session::Column::ExpiresAt.lte(now))
            .add(is_idle)
    }
}
