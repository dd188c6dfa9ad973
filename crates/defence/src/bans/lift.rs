//! A person lifts a ban.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_policy::{Permit, act};
use watchroom_store::Changed;

use super::{BanStatus, ban_of, entity};
use crate::{BanError, Defence};

impl Defence {
    /// Lifts a ban, or takes back one that is held. A ban that was lifted makes no later one longer.
    ///
    /// # Errors
    /// [`BanError::NotFound`] if it has been lifted or is over, or the store refused.
    pub async fn lift(&self, permit: &Permit<act::LiftBan>) -> Result<(), BanError> {
        let id = ban_of(permit.resource())?;
        let now = self.ambient().clock.now_micros();
        let by = permit.principal().display_name();
        let row = self
            .store()
            .write(permit, async move |tx| {
                let row = tx.one(entity::Entity::find_by_id(id.to_string())).await?;
                let mut row = row.ok_or(BanError::NotFound)?;
                if matches!(row.status(now), BanStatus::Lifted | BanStatus::Over) {
                    return Err(BanError::NotFound);
                }
                row.lifted_at = Some(now);
                row.lifted_by = Some(by.clone());
                let update = entity::Entity::update_many()
                    .col_expr(entity::Column::LiftedAt, Expr::value(row.lifted_at))
                    .col_expr(entity::Column::LiftedBy, Expr::value(row.lifted_by.clone()))
                    .filter(entity::Column::Id.eq(row.id.clone()));
                tx.update(update).await?;
                tx.note("network", row.network.clone());
                tx.changed(Changed::Ban(id));
                Ok::<_, BanError>(row)
            })
            .await?;
        self.settle(id, row).await;
        Ok(())
    }
}
