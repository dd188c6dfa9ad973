//! Keeping what is locked here in line with the database, and letting go of what is over.

use std::time::Duration;

use sea_orm::{ColumnTrait, Condition, EntityTrait, QueryFilter};
use time::OffsetDateTime;
use watchroom_model::NodeId;
use watchroom_store::StoreError;

use super::{Book, LockTarget};
use crate::entity::lock;
use crate::{Identity, stamp};

/// How often locks are looked through for those that are over.
const LOOKED_THROUGH_EVERY: Duration = Duration::from_millis(500);

/// Locks that hold at that time.
pub(super) fn hold(now: i64) -> Condition {
    Condition::all()
        .add(lock::Column::LiftedAt.is_null())
        .add(lock::Column::Until.gt(now))
}

/// What a lock is on. One that cannot be read is damage, and is named.
pub(super) fn target_of(row: &lock::Model) -> Result<LockTarget, StoreError> {
    let damaged = |_| StoreError::Database("a value in locks.target is not what it must be".to_owned());
    row.target.parse().map_err(damaged)
}

impl Identity {
    /// Takes in all locks that hold, in the turn of whoever rereads; then everybody is to be built anew.
    pub(crate) async fn read_locks(&self) -> Result<(), StoreError> {
        let now = self.inner.ambient.clock.now_micros();
        let rows = self.inner.store.read().await?;
        let rows = rows.all(lock::Entity::find().filter(hold(now))).await?;
        let locks = rows.iter().map(|row| Ok((target_of(row)?, row.until)));
        let locks = locks.collect::<Result<Vec<_>, StoreError>>()?;
        let locks = Book::of(locks, now);
        self.inner.roll.change_ground(|ground| ground.locks = locks);
        Ok(())
    }

    /// Whether everything is locked, and until when.
    #[must_use]
    pub fn closed_until(&self) -> Option<OffsetDateTime> {
        // Asked for each request, and hardly ever there: the clock is looked at only then.
        let until = self.inner.roll.ground().locks.everything()?;
        (until > self.inner.ambient.clock.now_micros()).then(|| stamp::at(until))
    }

    /// Whether a lock is on this node.
    #[must_use]
    pub fn is_node_locked(&self, node: NodeId) -> bool {
        let now = self.inner.ambient.clock.now_micros();
        self.inner
            .roll
            .ground()
            .locks
            .node(node)
            .is_some_and(|until| until > now)
    }

    /// Lets go of locks once they are over: who had one is themselves again within a second.
    pub(crate) fn start_letting_go(&self) {
        let (identity, clock) = (self.clone(), self.inner.ambient.clock.clone());
        self.inner.ambient.tasks.spawn("let-go-of-locks", async move {
            let mut tick = tokio::time::interval(LOOKED_THROUGH_EVERY);
            loop {
                tick.tick().await;
                if identity.inner.roll.ground().locks.is_stale(clock.now_micros())
                    && let Err(error) = identity.reread_locks().await
                {
                    tracing::error!(%error, "locks that are over could not be let go; trying again");
                }
            }
        });
    }
}
