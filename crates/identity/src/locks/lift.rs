//! A person lifts a lock before its time.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_model::LockId;
use watchroom_policy::{Permit, act};
use watchroom_store::Changed;

use super::LockError;
use super::follow::hold;
use crate::Identity;
use crate::entity::lock;

impl Identity {
    /// Lifts the lock that the permit was given for. When this returns, it holds no longer on this replica. Who lifts it
    /// holds as much as whom it is on; what has gone meanwhile stands in nobody's way.
    ///
    /// # Errors
    /// [`LockError`].
    pub async fn lift_lock(&self, permit: &Permit<act::LiftLock>) -> Result<(), LockError> {
        let id = permit.resource().id().and_then(|id| id.parse::<LockId>().ok());
        let id = id.ok_or(LockError::NotFound)?;
        let now = self.inner.ambient.clock.now_micros();
        let holds = move || lock::Entity::find_by_id(id.to_string()).filter(hold(now));
        let row = self
            .inner
            .store
            .read()
            .await?
            .one(holds())
            .await?
            .ok_or(LockError::NotFound)?;
        match self.is_within_own(permit, &super::follow::target_of(&row)?) {
            Ok(()) | Err(LockError::NoTarget) => {}
            Err(error) => return Err(error),
        }
        let by = permit.principal().display_name();
        let lifted = self.inner.store.write(permit, async move |tx| {
            let row = tx.one(holds()).await?.ok_or(LockError::NotFound)?;
            let update = lock::Entity::update_many()
                .col_expr(lock::Column::LiftedAt, Expr::value(now))
                .col_expr(lock::Column::LiftedBy, Expr::value(by.clone()))
                .filter(lock::Column::Id.eq(row.id));
            tx.update(update).await?;
            tx.note("target", row.target);
            tx.changed(Changed::Lock(id));
            Ok::<_, LockError>(())
        });
        lifted.await?;
        Ok(self.reread_locks().await?)
    }
}
