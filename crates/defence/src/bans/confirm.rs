//! A person confirms a ban that was held.

use sea_orm::sea_query::Expr;
use sea_orm::{ColumnTrait, EntityTrait, QueryFilter};
use watchroom_policy::{Permit, act};
use watchroom_store::Changed;

use super::{BanStatus, BanView, ban_of, entity};
use crate::port::nameless;
use crate::{BanError, Defence};

impl Defence {
    /// Lets a held ban hold from now on, for as long as it was meant to.
    ///
    /// # Errors
    /// [`BanError::NotFound`], [`BanError::NotHeld`], or the store refused.
    pub async fn confirm(&self, permit: &Permit<act::ConfirmBan>) -> Result<BanView, BanError> {
        let id = ban_of(permit.resource())?;
        let now = self.ambient().clock.now_micros();
        let by = permit.principal().display_name();
        let row = self
            .store()
            .write(permit, async move |tx| {
                let row = tx.one(entity::Entity::find_by_id(id.to_string())).await?;
                let mut row = row.ok_or(BanError::NotFound)?;
                match row.status(now) {
                    BanStatus::Held => {}
                    BanStatus::Active => return Err(BanError::NotHeld),
                    BanStatus::Lifted | BanStatus::Over => return Err(BanError::NotFound),
                }
                row.until = row.until.map(|until| now + (until - row.created_at));
                row.confirmed_at = Some(now);
                row.confirmed_by = Some(by.clone());
                let update = entity::Entity::update_many()
                    .col_expr(entity::Column::ConfirmedAt, Expr::value(row.confirmed_at))
                    .col_expr(entity::Column::ConfirmedBy, Expr::value(row.confirmed_by.clone()))
                    .col_expr(entity::Column::Until, Expr::value(row.until))
                    .filter(entity::Column::Id.eq(row.id.clone()));
                tx.update(update).await?;
                tx.note("network", row.network.clone());
                tx.note("would_hit", nameless(row.held_because.as_deref()));
                tx.changed(Changed::Ban(id));
                Ok::<_, BanError>(row)
            })
            .await?;
        self.settle(id, row.clone()).await;
        Ok(BanView::of(row, now)?)
    }
}
